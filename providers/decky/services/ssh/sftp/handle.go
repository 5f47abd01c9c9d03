package sftp

import (
	"encoding/binary"
	"errors"
	"io"
	"syscall"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// handle is an open file or a directory that is listed.
type handle struct {
	path   string
	file   *vfs.File // nil for a directory
	copy   *vfs.File // reads it for the record
	append bool
	next   int // of a directory: how many entries were sent
	wrote  bool
	read   bool
}

// add gives h a number: the one that was freed last, else a new one.
func (s *server) add(h *handle) (uint32, bool) {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		s.handles[i] = h
		return uint32(i), true
	}
	if len(s.handles) >= maxHandles {
		return 0, false
	}
	s.handles = append(s.handles, h)
	return uint32(len(s.handles) - 1), true
}

// handle reads a handle argument: nil where there is no such.
func (q *request) handle() (*handle, int) {
	b := q.r.Bytes()
	if len(b) != 4 {
		return nil, 0
	}
	i := binary.BigEndian.Uint32(b)
	if uint64(i) >= uint64(len(q.s.handles)) {
		return nil, 0
	}
	return q.s.handles[i], int(i)
}

// file is handle for an open file.
func (q *request) file() *handle {
	h, _ := q.handle()
	if h == nil || h.file == nil {
		return nil
	}
	return h
}

func (q *request) opened(h *handle) error {
	i, ok := q.s.add(h)
	if !ok {
		return q.status(fxFailure)
	}
	return q.s.send(wire.AppendUint32(wire.AppendUint32(q.answer(fxHandle), 4), i))
}

// Flags of section 6.3.
const (
	flagRead   = 1
	flagWrite  = 2
	flagAppend = 4
	flagCreate = 8
	flagTrunc  = 16
	flagExcl   = 32
)

func (q *request) open() error {
	name, flags := q.r.Text(), q.r.Uint32()
	a := readAttributes(q.r)
	if q.r.Bad() {
		return errFatal
	}
	perm := uint32(0o666)
	if a.has(attrPermissions) {
		perm = a.perm
	}
	mode := 0
	if flags&flagRead != 0 || flags&flagWrite == 0 {
		mode |= vfs.Read
	}
	for _, f := range [...][2]int{{flagWrite, vfs.Write}, {flagAppend, vfs.Append}, {flagCreate, vfs.Create}, {flagTrunc, vfs.Truncate}} {
		if int(flags)&f[0] != 0 {
			mode |= f[1]
		}
	}
	if flags&(flagExcl|flagCreate) == flagExcl|flagCreate {
		mode |= vfs.Exclusive
	}
	path := q.s.path(name)
	file, err := q.s.options.View.Open(path, mode, perm&0o7777&^umask)
	if err != nil {
		return q.did("open", path, "", err)
	}
	copy, err := q.s.options.View.FS.As(0, 0).Open(path, vfs.Read, 0)
	if err != nil {
		return q.did("open", path, "", err)
	}
	return q.opened(&handle{path: path, file: file, copy: copy, append: flags&flagAppend != 0, wrote: flags&(flagTrunc|flagWrite|flagCreate) == flagTrunc|flagWrite|flagCreate})
}

func (q *request) close() error {
	h, i := q.handle()
	if q.r.Bad() {
		return errFatal
	}
	if h == nil {
		return q.status(fxNoFile)
	}
	q.s.handles[i] = nil
	q.s.free = append(q.s.free, i)
	if err := q.s.moved(h); err != nil {
		return err
	}
	return q.status(fxOK)
}

// moved keeps what was written to a handle, or read from it.
func (s *server) moved(h *handle) error {
	if h.file == nil || !h.wrote && !h.read || !h.file.Info().IsFile() {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(h.copy, vfs.MaxFile))
	if err != nil {
		return nil // it is no file any more
	}
	return s.options.Moved(Transfer{Upload: h.wrote, Path: h.path, Data: data})
}

// closeAll closes what the client left open.
func (s *server) closeAll() error {
	var all error
	for i, h := range s.handles {
		if h != nil {
			s.handles[i] = nil
			all = errors.Join(all, s.moved(h))
		}
	}
	return all
}

func (q *request) read() error {
	h, offset, n := q.file(), q.r.Uint64(), q.r.Uint32()
	if q.r.Bad() {
		return errFatal
	}
	if h == nil {
		return q.status(fxFailure)
	}
	if offset > 1<<63-1 {
		return q.status(fxBadMessage)
	}
	if offset > vfs.MaxFile {
		return q.status(fxEOF)
	}
	if _, err := h.file.Seek(int64(offset), io.SeekStart); err != nil {
		return q.status(statusOf(err))
	}
	p := append(q.answer(fxData), 0, 0, 0, 0)
	head := len(p)
	p = append(p, make([]byte, min(n, maxRead))...)
	got, err := h.file.Read(p[head:])
	switch {
	case n == 0:
	case errors.Is(err, io.EOF) || err == nil && got == 0:
		return q.status(fxEOF)
	case err != nil:
		return q.status(statusOf(err))
	default:
		h.read = true
	}
	binary.BigEndian.PutUint32(p[head-4:], uint32(got))
	return q.s.send(p[:head+got])
}

func (q *request) write() error {
	h, offset, data := q.file(), q.r.Uint64(), q.r.Bytes()
	if q.r.Bad() {
		return errFatal
	}
	if h == nil {
		return q.status(fxFailure)
	}
	return q.status(statusOf(h.write(offset, data)))
}

func (h *handle) write(offset uint64, data []byte) error {
	if !h.append {
		switch {
		case offset > 1<<63-1:
			return syscall.EINVAL
		case offset > vfs.MaxFile:
			return syscall.EFBIG
		}
		if _, err := h.file.Seek(int64(offset), io.SeekStart); err != nil {
			return err
		}
	}
	n, err := h.file.Write(data)
	if err == nil && n > 0 {
		h.wrote = true
	}
	return err
}
