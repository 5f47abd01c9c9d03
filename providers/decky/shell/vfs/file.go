package vfs

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// Flags of Open.
const (
	Read = 1 << iota
	Write
	Create
	Truncate
	Append
	Exclusive
)

// File is an open file. It is not safe for concurrent use.
type File struct {
	fs     *FS
	node   *node
	flags  int
	offset int64
	frozen []byte // content of a generated file at its opening
	device string
}

// Open opens path as open(2) does; a new file gets perm.
func (v View) Open(path string, flags int, perm uint32) (*File, error) {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.walk(path, flags&Exclusive == 0)
	if err != nil {
		return nil, err
	}
	if p.node == nil {
		if flags&Create == 0 {
			return nil, syscall.ENOENT
		}
		if p.slash {
			return nil, syscall.EISDIR
		}
		if p, err = v.spot(p.path, true); err != nil {
			return nil, err
		}
		n := v.FS.make(TypeFile|perm&0o7777, v.UID, v.GID, v.FS.now())
		if err := v.FS.attach(p, n); err != nil {
			return nil, err
		}
		return &File{fs: v.FS, node: n, flags: flags}, nil
	}
	n := p.node
	switch {
	case flags&Exclusive != 0:
		return nil, syscall.EEXIST
	case n.children != nil && flags&Write != 0:
		return nil, syscall.EISDIR
	case flags&Read != 0 && !v.may(n, 4), flags&Write != 0 && !v.may(n, 2), flags&Write != 0 && n.generate != nil && n.mode&0o222 == 0:
		return nil, syscall.EACCES
	case n.mode&TypeMask == TypeSocket:
		return nil, syscall.ENXIO
	}
	file := &File{fs: v.FS, node: n, flags: flags}
	if n.generate != nil {
		file.frozen = n.generate()
	}
	if n.mode&TypeMask == TypeChar || n.mode&TypeMask == TypeBlock {
		file.device = p.name
	}
	if flags&Truncate != 0 && file.plain() {
		v.FS.touched(n)
		v.FS.used -= int64(len(n.data))
		n.data, n.mtime = nil, v.FS.now()
	}
	return file, nil
}

func (f *File) plain() bool { return f.device == "" && f.node.generate == nil }

// Info describes the open file.
func (f *File) Info() Info {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.node.info("")
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.node.children != nil {
		return 0, syscall.EISDIR
	}
	switch f.device {
	case "zero", "full":
		clear(p)
		return len(p), nil
	case "random", "urandom":
		for i := range p {
			p[i] = byte(rand.Uint32())
		}
		return len(p), nil
	case "":
	default:
		return 0, io.EOF
	}
	data := f.node.data
	if f.node.generate != nil {
		data = f.frozen
	}
	if f.offset >= int64(len(data)) {
		return 0, io.EOF
	}
	n := copy(p, data[f.offset:])
	f.offset += int64(n)
	return n, nil
}

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch {
	case f.flags&Write == 0:
		return 0, syscall.EBADF
	case f.device == "full":
		return 0, syscall.ENOSPC
	case !f.plain():
		return len(p), nil
	}
	n := f.node
	if f.flags&Append != 0 {
		f.offset = int64(len(n.data))
	}
	end := f.offset + int64(len(p))
	growth := max(end-int64(len(n.data)), 0)
	f.fs.touched(n)
	switch {
	case end > MaxFile:
		return 0, syscall.EFBIG
	case f.fs.used+growth > f.fs.quota:
		return 0, syscall.ENOSPC
	}
	f.fs.used += growth
	if growth > 0 {
		n.data = append(n.data, make([]byte, growth)...)
	} else {
		n.data = bytes.Clone(n.data)
	}
	copy(n.data[f.offset:], p)
	f.offset = end
	n.mtime = f.fs.now()
	return len(p), nil
}

// Seek implements io.Seeker for the start of a file.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += int64(len(f.node.data))
	}
	if offset < 0 || offset > MaxFile {
		return f.offset, syscall.EINVAL
	}
	f.offset = offset
	return offset, nil
}

// Close implements io.Closer.
func (f *File) Close() error { return nil }

// ReadFile is the whole of a file; at most MaxFile bytes of an endless one.
func (v View) ReadFile(path string) ([]byte, error) {
	f, err := v.Open(path, Read, 0)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, MaxFile))
}

// WriteFile makes path hold data.
func (v View) WriteFile(path string, data []byte, perm uint32) error {
	f, err := v.Open(path, Write|Create|Truncate, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return err
}

// The base: what the machine held before any client came. These make
// missing directories, ask no permission and count towards no quota.

// AddDir puts a directory in the base; fixed ones take nothing new.
func (f *FS) AddDir(path string, perm uint32, uid, gid int, mtime time.Time, fixed bool) {
	n := f.add(path, TypeDir|perm, uid, gid, mtime)
	n.fixed = fixed
}

// AddFile puts a file in the base.
func (f *FS) AddFile(path string, data []byte, perm uint32, uid, gid int, mtime time.Time) {
	f.add(path, TypeFile|perm, uid, gid, mtime).data = slices.Clip(data)
}

// AddGenerated puts a file in the base whose content is made when it is
// opened.
func (f *FS) AddGenerated(path string, perm uint32, mtime time.Time, generate func() []byte) {
	n := f.add(path, TypeFile|perm, 0, 0, mtime)
	n.generate = generate
}

// AddLink puts a symbolic link in the base.
func (f *FS) AddLink(path, target string, mtime time.Time) {
	f.add(path, TypeLink|0o777, 0, 0, mtime).target = target
}

// AddDevice puts a device in the base; mode holds its type bits. null, zero,
// full, random and urandom behave as such, others read empty.
func (f *FS) AddDevice(path string, mode uint32, uid, gid, major, minor int, mtime time.Time) {
	f.add(path, mode, uid, gid, mtime).rdev = [2]int{major, minor}
}

func (f *FS) add(path string, mode uint32, uid, gid int, mtime time.Time) *node {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir := f.root
	names := splitPath(path)
	if len(names) == 0 {
		dir.mode, dir.uid, dir.gid, dir.mtime = mode, uid, gid, mtime
	}
	for i, name := range names {
		child := dir.children[name]
		switch {
		case i == len(names)-1:
			if child == nil || mode&TypeMask != TypeDir {
				child = f.make(mode, uid, gid, mtime)
			}
			child.mode, child.uid, child.gid, child.mtime = mode, uid, gid, mtime
			dir.children[name] = child
			return child
		case child == nil || child.children == nil:
			child = f.make(TypeDir|0o755, 0, 0, mtime)
			child.fixed = dir.fixed
			dir.children[name] = child
		}
		dir = child
	}
	return dir
}
