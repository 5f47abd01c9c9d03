package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// maxPacks is how many packs a copy has before it is fetched anew.
const maxPacks = 50

// store is a bare repository on disk that git itself can read: packs, the file
// shallow, and a HEAD that names the commit fetched last. The file tips is our
// own: commits and tags of which everything down to shallow is known to be here.
type store struct {
	dir     string
	limits  Limits
	objects *filesystem.Storage
	shallow map[plumbing.Hash]bool
	tips    []plumbing.Hash
	graph   map[string]Commit // of commits read, without message and payload
}

const emptyConfig = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"

// makeStore makes an empty one.
func makeStore(dir string, limits Limits) (*store, error) {
	for _, sub := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags", "incoming"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make the copy: %w", err)
		}
	}
	for name, text := range map[string]string{"config": emptyConfig, "HEAD": "ref: refs/heads/none\n"} {
		if err := replaceFile(filepath.Join(dir, name), []byte(text)); err != nil {
			return nil, fmt.Errorf("make the copy: %w", err)
		}
	}
	s := &store{dir: dir, limits: limits, shallow: map[plumbing.Hash]bool{}}
	s.reload()
	return s, nil
}

// openStore opens one, and reads all of its packs once to see that they are as
// they were written. Without one the error is os.ErrNotExist.
func openStore(dir string, limits Limits) (*store, error) {
	if _, err := os.Lstat(dir); err != nil {
		return nil, err
	}
	s := &store{dir: dir, limits: limits, shallow: map[plumbing.Hash]bool{}}
	if err := s.check(); err != nil {
		return nil, broken("the copy in %s is damaged: %v", dir, err)
	}
	return s, nil
}

func (s *store) check() error {
	if err := os.RemoveAll(s.path("incoming")); err != nil {
		return err
	}
	if err := os.Mkdir(s.path("incoming"), 0o700); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	if _, err := os.Stat(s.path("HEAD")); err != nil {
		return errors.New("it has no HEAD") // never os.ErrNotExist
	}
	packs, _, err := s.packs()
	if err != nil {
		return err
	}
	for _, pack := range packs {
		if _, err := os.Stat(strings.TrimSuffix(pack, ".pack") + ".idx"); err != nil {
			return fmt.Errorf("%s has no index", filepath.Base(pack))
		}
		if err := checksum(pack); err != nil {
			return err
		}
	}
	shallow, err := s.hashes("shallow")
	if err != nil {
		return err
	}
	for _, hash := range shallow {
		s.shallow[hash] = true
	}
	if s.tips, err = s.hashes("tips"); err != nil {
		return err
	}
	s.reload()
	for _, tip := range s.tips {
		if s.objects.HasEncodedObject(tip) != nil {
			return fmt.Errorf("%s is gone", tip)
		}
	}
	return nil
}

// sweep removes what a killed process was writing: temporary files, and an
// index whose pack did not come.
func (s *store) sweep() error {
	var left []string
	for _, pattern := range []string{".tmp-*", "objects/pack/.tmp-*", "objects/pack/pack-*.idx"} {
		names, err := filepath.Glob(s.path(pattern))
		if err != nil {
			return err
		}
		left = append(left, names...)
	}
	for _, name := range left {
		if base, ok := strings.CutSuffix(name, ".idx"); ok {
			if _, err := os.Lstat(base + ".pack"); err == nil {
				continue
			}
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) path(name string) string { return filepath.Join(s.dir, name) }

// move says that the store lies elsewhere now.
func (s *store) move(dir string) {
	s.dir = dir
	s.reload()
}

// reload forgets what was read, after packs came or went.
func (s *store) reload() {
	s.graph = map[string]Commit{}
	s.objects = filesystem.NewStorage(osfs.New(s.dir, osfs.WithBoundOS()), cache.NewObjectLRU(8<<20))
}

// packs are the packs and the bytes they have.
func (s *store) packs() ([]string, int64, error) {
	packs, err := filepath.Glob(s.path("objects/pack/pack-*.pack"))
	if err != nil {
		return nil, 0, err
	}
	var size int64
	for _, pack := range packs {
		info, err := os.Stat(pack)
		if err != nil {
			return nil, 0, err
		}
		size += info.Size()
	}
	return packs, size, nil
}

// bulky tells whether the copy is better fetched anew.
func (s *store) bulky() (bool, error) {
	packs, size, err := s.packs()
	return len(packs) >= maxPacks || size > s.limits.MaxBytes, err
}

// hashes reads a file with one object name a line; it need not exist.
func (s *store) hashes(name string) ([]plumbing.Hash, error) {
	raw, err := os.ReadFile(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []plumbing.Hash
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		if !isID.MatchString(line) {
			return nil, fmt.Errorf("the file %s is damaged", name)
		}
		out = append(out, plumbing.NewHash(line))
	}
	return out, nil
}

func (s *store) writeHashes(name string, hashes []plumbing.Hash) error {
	var b bytes.Buffer
	for _, hash := range hashes {
		fmt.Fprintln(&b, hash)
	}
	if err := replaceFile(s.path(name), b.Bytes()); err != nil {
		return fmt.Errorf("write %s of the copy: %w", name, err)
	}
	return nil
}

// settle writes down what a fetch brought: first where history ends, then what
// is whole.
func (s *store) settle(shallow map[plumbing.Hash]bool, tips []plumbing.Hash) error {
	list := make([]plumbing.Hash, 0, len(shallow))
	for hash := range shallow {
		list = append(list, hash)
	}
	plumbing.HashesSort(list)
	if len(list) > 0 || len(s.shallow) > 0 {
		if err := s.writeHashes("shallow", list); err != nil {
			return err
		}
	}
	s.shallow, s.graph = shallow, map[string]Commit{}
	if err := s.writeHashes("tips", tips); err != nil {
		return err
	}
	s.tips = slices.Clone(tips)
	return nil
}

// head lets git show what is followed.
func (s *store) head(commit string) error {
	if err := replaceFile(s.path("HEAD"), []byte(commit+"\n")); err != nil {
		return fmt.Errorf("write HEAD of the copy: %w", err)
	}
	return nil
}

func (s *store) has(hash plumbing.Hash) bool { return s.objects.HasEncodedObject(hash) == nil }

// read is an object, whole and with the hash that it was asked by.
func (s *store) read(kind plumbing.ObjectType, hash plumbing.Hash, limit int64) ([]byte, error) {
	object, err := s.objects.EncodedObject(plumbing.AnyObject, hash)
	if err != nil {
		return nil, broken("the %s %s is missing or damaged: %v", kind, hash, err)
	}
	if object.Type() != kind {
		return nil, broken("%s is a %s, not a %s", hash, object.Type(), kind)
	}
	if object.Size() > limit {
		return nil, &TooLargeError{What: fmt.Sprintf("the %s %s has %d bytes", kind, hash, object.Size()), Limit: limit}
	}
	reader, err := object.Reader()
	if err != nil {
		return nil, broken("read the %s %s: %v", kind, hash, err)
	}
	defer reader.Close()
	raw, err := io.ReadAll(io.LimitReader(reader, object.Size()+1))
	if err != nil {
		return nil, broken("read the %s %s: %v", kind, hash, err)
	}
	if plumbing.ComputeHash(kind, raw) != hash {
		return nil, broken("the %s %s has another content", kind, hash)
	}
	return raw, nil
}

// commit is a commit, complete.
func (s *store) commit(id string) (Commit, error) {
	hash := plumbing.NewHash(id)
	raw, err := s.read(plumbing.CommitObject, hash, MaxMessage)
	if err != nil {
		return Commit{}, err
	}
	c, err := ParseCommit(id, raw)
	c.Cut = s.shallow[hash] && len(c.Parents) > 0
	return c, err
}

// node is the tree and the parents of a commit: its other headers may be as odd
// as those of old or converted histories are. A cut one has no parents.
func (s *store) node(id string) (Commit, error) {
	if c, ok := s.graph[id]; ok {
		return c, nil
	}
	hash := plumbing.NewHash(id)
	raw, err := s.read(plumbing.CommitObject, hash, MaxMessage)
	if err != nil {
		return Commit{}, err
	}
	c := Commit{ID: id}
	if _, err := c.links(raw); err != nil {
		return c, err
	}
	if c.Cut = s.shallow[hash] && len(c.Parents) > 0; c.Cut {
		c.Parents = nil
	}
	s.graph[id] = c
	return c, nil
}

// peel is the commit that a tag leads to, and the tag; nil: it is a commit.
func (s *store) peel(hash plumbing.Hash) (string, *Tag, error) {
	var outer *Tag
	for range 8 {
		object, err := s.objects.EncodedObject(plumbing.AnyObject, hash)
		if err != nil {
			return "", nil, broken("object %s is missing: %v", hash, err)
		}
		switch object.Type() {
		case plumbing.CommitObject:
			return hash.String(), outer, nil
		case plumbing.TagObject:
		default:
			return "", nil, &MissingError{What: fmt.Sprintf("commit behind the tag: %s is a %s", hash, object.Type())}
		}
		raw, err := s.read(plumbing.TagObject, hash, MaxMessage)
		if err != nil {
			return "", nil, err
		}
		tag, err := ParseTag(hash.String(), raw)
		if err != nil {
			return "", nil, err
		}
		if outer == nil {
			outer = &tag
		}
		hash = plumbing.NewHash(tag.Object)
	}
	return "", nil, &MissingError{What: fmt.Sprintf("commit behind the tag %s: it is a tag of a tag of a tag", hash)}
}

// ancestors calls visit for a commit and all before it, each once, the nearest
// first, until visit returns false.
func (s *store) ancestors(ctx context.Context, from string, visit func(Commit) bool) error {
	seen, queue := map[string]bool{from: true}, []string{from}
	for len(queue) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := s.node(queue[0])
		if err != nil {
			return err
		}
		queue = queue[1:]
		if !visit(c) {
			return nil
		}
		for _, parent := range c.Parents {
			if !seen[parent] {
				seen[parent] = true
				queue = append(queue, parent)
			}
		}
	}
	return nil
}

// replaceFile writes a file so that it is the old or the new one, never less.
func replaceFile(name string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
