package vfs

import (
	"bytes"
	"io"
	"math/rand/v2"
	"syscall"
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
	view    View
	fs      *FS
	node    *node
	flags   int
	offset  int64
	content Content // of a file of the image, or what was made at the opening
	made    bool    // content was made at the opening and is all there is
	device  device
}

// device is what a special file does.
type device int

const (
	plain device = iota
	sink         // reads nothing, takes everything
	zeros
	full
	noise
	pipe
)

// deviceOf knows the kernel's memory devices by their numbers.
func deviceOf(n *node) device {
	switch n.mode & TypeMask {
	case TypeFIFO:
		return pipe
	case TypeBlock:
		return sink
	case TypeChar:
		switch n.rdev {
		case [2]int{1, 5}:
			return zeros
		case [2]int{1, 7}:
			return full
		case [2]int{1, 8}, [2]int{1, 9}:
			return noise
		}
		return sink
	}
	return plain
}

// Open opens path as open(2) does; a new file gets perm.
func (v View) Open(path string, flags int, perm uint32) (*File, error) {
	file, err := v.open(path, flags, perm)
	if err != nil {
		return nil, err
	}
	// What is live may look at the file system: it is made without the lock.
	switch n := file.node; {
	case n.live != nil && n.mode&TypeMask == TypeFile:
		var data []byte
		if flags&Read != 0 && n.live.Content != nil {
			data = n.live.Content()
		}
		file.content, file.made = bytes.NewReader(data), true
	case n.generate != nil:
		file.content, file.made = bytes.NewReader(n.generate()), true
	}
	return file, nil
}

func (v View) open(path string, flags int, perm uint32) (*File, error) {
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
		n := v.make(p.parent, TypeFile|perm&0o7777)
		if err := v.FS.attach(p, n); err != nil {
			return nil, err
		}
		return &File{view: v, fs: v.FS, node: n, flags: flags}, nil
	}
	n := p.node
	switch {
	case flags&Exclusive != 0:
		return nil, syscall.EEXIST
	case n.isDir() && flags&(Write|Create) != 0:
		return nil, syscall.EISDIR
	case flags&Read != 0 && !v.may(n, 4), flags&Write != 0 && !v.may(n, 2), flags&Write != 0 && (n.generate != nil || n.live != nil) && n.mode&0o222 == 0:
		return nil, syscall.EACCES
	case n.mode&TypeMask == TypeSocket:
		return nil, syscall.ENXIO
	}
	if err := n.mayOpen(flags); err != nil {
		return nil, err
	}
	file := &File{view: v, fs: v.FS, node: n, flags: flags, device: deviceOf(n)}
	if n.live == nil && n.generate == nil && file.device == plain && !n.isDir() {
		if !n.own {
			file.content = v.FS.content(n)
		}
		if flags&Truncate != 0 && flags&Write != 0 {
			file.node = v.FS.own(n, false)
			v.FS.resize(file.node, 0)
		}
	}
	return file, nil
}

// own makes the content of n the client's; keep says whether it stays what it
// is.
func (f *FS) own(n *node, keep bool) *node {
	n = f.keep(n)
	if n.own && n.charged {
		return n
	}
	var data []byte
	if keep {
		if c := f.content(n); c != nil {
			data = make([]byte, min(c.Size(), MaxFile))
			if _, err := c.ReadAt(data, 0); err != nil && err != io.EOF {
				data = nil
			}
		}
	}
	n.data, n.own, n.charged = data, true, n.links > 0
	if n.charged {
		f.used += int64(len(data))
	}
	return n
}

// resize makes the client's content of n that long.
func (f *FS) resize(n *node, size int64) {
	if n.charged {
		f.used += size - int64(len(n.data))
	}
	switch have := int64(len(n.data)); {
	case size == 0:
		n.data = nil
	case size < have:
		n.data = bytes.Clone(n.data[:size])
	default:
		n.data = append(n.data, make([]byte, size-have)...)
	}
	n.mtime = f.now()
	f.touched(n)
}

// maxUnlinked bounds a file that has no name any more, which no quota counts.
const maxUnlinked = 256 << 10

// room tells whether n may become size bytes long.
func (f *FS) room(n *node, size int64) error {
	have := f.size(n)
	switch {
	case size > MaxFile:
		return syscall.EFBIG
	case n.links <= 0 && size > maxUnlinked:
		return syscall.ENOSPC
	case n.links > 0 && !n.charged && f.used+max(size, have) > f.quota, n.charged && size > have && f.used+size-have > f.quota:
		return syscall.ENOSPC
	}
	return nil
}

func (f *File) plain() bool { return f.device == plain && !f.made }

// Info describes the open file.
func (f *File) Info() Info {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.view.info(f.fs.current(f.node), "")
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	n := f.fs.current(f.node)
	if n.isDir() {
		return 0, syscall.EISDIR
	}
	if f.flags&Read == 0 {
		return 0, syscall.EBADF
	}
	switch f.device {
	case zeros, full:
		clear(p)
		return len(p), nil
	case noise:
		for i := range p {
			p[i] = byte(rand.Uint32())
		}
		return len(p), nil
	case sink:
		return 0, io.EOF
	case pipe:
		return f.drain(n, p)
	}
	if !f.made && n.own {
		if f.offset >= int64(len(n.data)) {
			return 0, io.EOF
		}
		count := copy(p, n.data[f.offset:])
		f.offset += int64(count)
		return count, nil
	}
	if f.content == nil || f.offset >= f.content.Size() {
		return 0, io.EOF
	}
	count, err := f.content.ReadAt(p, f.offset)
	f.offset += int64(count)
	if count > 0 {
		err = nil
	}
	return count, err
}

// drain takes what a FIFO holds; nothing is its end.
func (f *File) drain(n *node, p []byte) (int, error) {
	if len(n.data) == 0 {
		return 0, io.EOF
	}
	count := copy(p, n.data)
	n.data = n.data[count:]
	if n.charged {
		f.fs.used -= int64(count)
	}
	return count, nil
}

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	if f.flags&Write == 0 {
		return 0, syscall.EBADF
	}
	if l := f.node.live; l != nil {
		if l.Write != nil {
			if err := l.Write(p); err != nil {
				return 0, err
			}
		}
		return len(p), nil
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	switch {
	case f.device == full:
		return 0, syscall.ENOSPC
	case f.device == pipe:
		n := f.fs.own(f.fs.current(f.node), true)
		if len(n.data)+len(p) > maxPipe || f.fs.used+int64(len(p)) > f.fs.quota {
			return 0, syscall.ENOSPC
		}
		f.fs.resize(n, int64(len(n.data)+len(p)))
		copy(n.data[len(n.data)-len(p):], p)
		return len(p), nil
	case !f.plain():
		return len(p), nil
	}
	n := f.fs.current(f.node)
	if f.flags&Append != 0 {
		f.offset = f.fs.size(n)
	}
	end := f.offset + int64(len(p))
	if err := f.fs.room(n, end); err != nil {
		return 0, err
	}
	n = f.fs.own(n, true)
	f.node = n
	f.fs.resize(n, max(end, int64(len(n.data))))
	copy(n.data[f.offset:], p)
	f.offset = end
	if len(p) > 0 {
		n.mode = cleared(n.mode, f.view.UID)
	}
	return len(p), nil
}

// cleared is a mode without what a write of an ordinary user takes away.
func cleared(mode uint32, uid int) uint32 {
	if uid == 0 {
		return mode
	}
	if mode&0o010 != 0 {
		mode &^= 0o2000
	}
	return mode &^ 0o4000
}

// Truncate makes the open file size bytes long.
func (f *File) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.flags&Write == 0 || size < 0 || !f.plain() {
		return syscall.EINVAL
	}
	n := f.fs.current(f.node)
	if err := f.fs.room(n, size); err != nil {
		return err
	}
	f.node = f.fs.own(n, true)
	f.fs.resize(f.node, size)
	return nil
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.device == pipe {
		return 0, syscall.ESPIPE
	}
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		if f.made {
			offset += f.content.Size()
		} else {
			offset += f.fs.size(f.fs.current(f.node))
		}
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
