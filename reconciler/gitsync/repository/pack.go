package repository

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" // #nosec G505 -- the checksum of git's pack format
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// maxUnpacked is how many times the bytes of a pack's limit its objects may
// have when unpacked, all together.
const maxUnpacked = 16

// meter counts what comes from the network, and ends it at a limit.
type meter struct {
	left, limit int64
}

func (m *meter) reader(r io.Reader) io.Reader { return &metered{r: r, meter: m} }

type metered struct {
	r     io.Reader
	meter *meter
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if m.meter.left -= int64(n); m.meter.left < 0 {
		return 0, m.meter.spent()
	}
	return n, err
}

func (m *meter) spent() error {
	return &TooLargeError{What: "it sends more bytes than may be received", Limit: m.limit}
}

// receive takes a pack from the network into the store. It returns the files it
// installed, for undo; none: the pack was empty.
func (s *store) receive(ctx context.Context, pack io.Reader) ([]string, error) {
	file, err := os.CreateTemp(s.path("incoming"), "pack-*")
	if err != nil {
		return nil, fmt.Errorf("receive a pack: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	in := bufio.NewReaderSize(pack, 64<<10)
	head, err := in.Peek(12)
	if err != nil {
		return nil, interrupted(err)
	}
	if !bytes.Equal(head[:4], []byte("PACK")) {
		return nil, broken("it sends no pack")
	}
	count := binary.BigEndian.Uint32(head[8:])
	if int64(count) > int64(s.limits.MaxObjects) {
		return nil, &TooLargeError{What: fmt.Sprintf("it sends %d objects", count), Limit: int64(s.limits.MaxObjects)}
	}
	if _, err := io.Copy(file, in); err != nil {
		return nil, interrupted(err)
	}
	if err := file.Sync(); err != nil {
		return nil, fmt.Errorf("write the received pack: %w", err)
	}
	if err := checksum(file.Name()); err != nil {
		return nil, broken("it sends a damaged pack: %v", err)
	}
	if count == 0 {
		return nil, nil
	}
	if err := s.scan(ctx, file, count); err != nil {
		return nil, err
	}
	return s.install(ctx, file)
}

func interrupted(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return broken("it stops in the middle of a pack")
	}
	return err
}

// scan looks at each object of a pack before anything believes its size.
func (s *store) scan(ctx context.Context, file *os.File, count uint32) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the received pack: %w", err)
	}
	scanner := packfile.NewScanner(&interruptible{File: file, ctx: ctx})
	left := maxUnpacked * s.limits.MaxBytes
	for range count {
		header, err := scanner.NextObjectHeader()
		if err != nil {
			return unreadable(ctx, err)
		}
		switch header.Type {
		case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject, plumbing.OFSDeltaObject, plumbing.REFDeltaObject:
		default:
			return broken("it sends a damaged pack: an object of unknown type %d", header.Type)
		}
		size := header.Length
		if size > s.limits.MaxObject {
			return &TooLargeError{What: fmt.Sprintf("an object has %d bytes", size), Limit: s.limits.MaxObject}
		}
		start := &firstBytes{}
		n, _, err := scanner.NextObject(start)
		if err != nil {
			return unreadable(ctx, err)
		}
		if n != header.Length {
			return broken("an object of the pack has %d bytes instead of %d", n, header.Length)
		}
		if header.Type.IsDelta() {
			if size, err = start.target(); err != nil {
				return err
			}
			if size > s.limits.MaxObject {
				return &TooLargeError{What: fmt.Sprintf("an object has %d bytes", size), Limit: s.limits.MaxObject}
			}
		}
		if left -= size; left < 0 {
			return &TooLargeError{What: "its objects have more bytes than may be unpacked", Limit: maxUnpacked * s.limits.MaxBytes}
		}
	}
	return nil
}

func unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return broken("it sends a damaged pack: %v", err)
}

// install indexes a pack and puts it among the objects: the index first, for a
// pack without one makes the store unreadable.
func (s *store) install(ctx context.Context, file *os.File) (_ []string, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the received pack: %w", err)
	}
	index := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(&interruptible{File: file, ctx: ctx}), index)
	if err != nil {
		return nil, fmt.Errorf("index the received pack: %w", err)
	}
	sum, err := parser.Parse()
	if err != nil {
		return nil, unreadable(ctx, err)
	}
	content, err := index.Index()
	if err != nil {
		return nil, fmt.Errorf("index the received pack: %w", err)
	}
	var encoded bytes.Buffer
	if _, err := idxfile.NewEncoder(&encoded).Encode(content); err != nil {
		return nil, fmt.Errorf("index the received pack: %w", err)
	}
	base := filepath.Join(s.path("objects/pack"), "pack-"+sum.String())
	if _, err := os.Lstat(base + ".pack"); err == nil {
		return nil, nil // the same pack again
	}
	if err := replaceFile(base+".idx", encoded.Bytes()); err != nil {
		return nil, fmt.Errorf("write the index of the received pack: %w", err)
	}
	if err := os.Rename(file.Name(), base+".pack"); err != nil {
		return nil, errors.Join(fmt.Errorf("keep the received pack: %w", err), os.Remove(base+".idx"))
	}
	s.reload()
	return []string{base + ".pack", base + ".idx"}, nil
}

// undo removes a pack again.
func (s *store) undo(files []string) {
	for _, name := range files {
		_ = os.Remove(name) // what stays is an unused pack, and bounded
	}
	s.reload()
}

// checksum compares a pack with the sum at its end.
func checksum(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < 32 {
		return fmt.Errorf("%s is no pack", filepath.Base(name))
	}
	sum := sha1.New() // #nosec G401
	if _, err := io.CopyN(sum, file, info.Size()-sha1.Size); err != nil {
		return err
	}
	want := make([]byte, sha1.Size)
	if _, err := io.ReadFull(file, want); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), want) {
		return fmt.Errorf("%s does not have its checksum", filepath.Base(name))
	}
	return nil
}

// interruptible is a file whose reading ends with a context: go-git's parser
// knows none.
type interruptible struct {
	*os.File
	ctx context.Context //nolint:containedctx // for one call
}

func (f *interruptible) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

// firstBytes keeps the first bytes of what is written to it.
type firstBytes struct {
	b [20]byte
	n int
}

func (f *firstBytes) Write(p []byte) (int, error) {
	f.n += copy(f.b[f.n:], p)
	return len(p), nil
}

// target is how many bytes the object has that a delta makes (gitformat-pack,
// deltified representation).
func (f *firstBytes) target() (int64, error) {
	rest := f.b[:f.n]
	var size uint64
	for range 2 { // of the source, of the target
		n := 0
		if size, n = binary.Uvarint(rest); n <= 0 || size > 1<<62 {
			return 0, broken("an object of the pack has no size")
		}
		rest = rest[n:]
	}
	return int64(size), nil
}

// connected walks from what was fetched down to where history ends, and sees
// that everything is there. It stops at what was whole before.
func (s *store) connected(ctx context.Context, tips []plumbing.Hash, whole map[string]bool) error {
	seen := map[plumbing.Hash]bool{}
	for _, tip := range tips {
		commit, _, err := s.peel(tip)
		var missing *MissingError
		if errors.As(err, &missing) {
			continue // a tag of something else
		}
		if err != nil {
			return err
		}
		queue := []string{commit}
		for len(queue) > 0 {
			id := queue[0]
			queue = queue[1:]
			hash := plumbing.NewHash(id)
			if seen[hash] || whole[id] {
				continue
			}
			seen[hash] = true
			c, err := s.node(id)
			if err != nil {
				return err
			}
			if err := s.wholeTree(ctx, plumbing.NewHash(c.Tree), seen, 0); err != nil {
				return err
			}
			queue = append(queue, c.Parents...)
		}
	}
	return nil
}

// maxDeep is how deep folders may lie.
const maxDeep = 64

func (s *store) wholeTree(ctx context.Context, hash plumbing.Hash, seen map[plumbing.Hash]bool, deep int) error {
	if seen[hash] {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if deep > maxDeep {
		return &TooLargeError{What: "folders lie too deep", Limit: maxDeep}
	}
	if len(seen) > 2*s.limits.MaxObjects {
		return &TooLargeError{What: "it has too many objects", Limit: int64(2 * s.limits.MaxObjects)}
	}
	seen[hash] = true
	entries, err := s.tree(hash)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch {
		case e.isSubmodule():
		case e.isTree():
			if err := s.wholeTree(ctx, e.hash, seen, deep+1); err != nil {
				return err
			}
		case seen[e.hash]:
		case !s.has(e.hash):
			return broken("the file %s, %s, is missing", e.name, e.hash)
		default:
			seen[e.hash] = true
		}
	}
	return nil
}
