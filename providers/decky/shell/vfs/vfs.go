// Package vfs is a file system in memory: owners, modes, symbolic and hard
// links, devices, FIFOs, live directories such as /proc, a quota. Many hosts
// share one immutable Image; each keeps only what its clients changed. It is
// what a decoy's shell and its file transfers show and change. It knows no real
// file system and opens no file of the machine it runs on.
package vfs

import (
	"io"
	"sync"
	"time"
)

// Type bits of a mode, as stat(2) has them.
const (
	TypeMask   = 0o170000
	TypeSocket = 0o140000
	TypeLink   = 0o120000
	TypeFile   = 0o100000
	TypeBlock  = 0o060000
	TypeDir    = 0o040000
	TypeChar   = 0o020000
	TypeFIFO   = 0o010000
)

// Bounds of a file system.
const (
	MaxNodes    = 20_000  // files a client may add
	MaxFile     = 8 << 20 // bytes of one file
	MaxName     = 255     // bytes of one name
	MaxPath     = 4096    // bytes of a path
	maxSymlinks = 40
	maxLinks    = 65_000   // names of one file, as ext4 has it
	maxPipe     = 64 << 10 // bytes that a FIFO holds
)

// Content is what a file of an image holds; bytes.Reader and strings.Reader
// are such.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Host tells what differs between the hosts that share an image. Its methods
// are called with the file system locked: they must not use it.
type Host interface {
	// Content is what the file e holds; nil for nothing.
	Content(e *Entry) Content
	// Times are those of e: of modification and of change.
	Times(e *Entry) (mtime, ctime time.Time)
}

// FS is one tree. It is safe for concurrent use.
type FS struct {
	// DirSize is what stat(2) tells of a directory with that many names of that
	// many bytes in all; 4096 where nil. Set it before the first use.
	DirSize func(names, bytes int) int64

	mu      sync.Mutex
	image   *Image
	host    Host
	root    *node
	overlay map[int32]*node // entries of the image that were changed
	now     func() time.Time
	quota   int64 // bytes that clients may hold
	used    int64
	added   int
	next    uint64 // inode
	dirty   bool
}

// Info is what stat(2) tells.
type Info struct {
	Name         string
	Ino          uint64
	Mode         uint32 // with type bits
	UID, GID     int
	Size         int64
	Links        int
	MTime        time.Time
	ATime, CTime time.Time
	Target       string // of a symbolic link
	Major, Minor int    // of a device
}

// IsDir tells a directory.
func (i Info) IsDir() bool { return i.Mode&TypeMask == TypeDir }

// IsLink tells a symbolic link.
func (i Info) IsLink() bool { return i.Mode&TypeMask == TypeLink }

// IsFile tells a regular file.
func (i Info) IsFile() bool { return i.Mode&TypeMask == TypeFile }

// New is a file system with nothing but a root directory. quota bounds the
// bytes that clients write, now stamps what they change.
func New(quota int64, now func() time.Time) *FS {
	return Of(emptyImage, nil, quota, now)
}

var emptyImage = NewImage()

// Of is image as host has it. The image must not be added to any more.
func Of(image *Image, host Host, quota int64, now func() time.Time) *FS {
	f := &FS{image: image, host: host, now: now, quota: quota, overlay: map[int32]*node{}, next: inode(int32(image.Len())) + 20}
	f.root = f.entry(0)
	f.overlay[0] = f.root
	if host == nil {
		f.root.mtime, f.root.ctime = now(), now()
	}
	return f
}

// Used is how many bytes clients hold.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// View is the file system as one user sees it: permissions are checked, and
// uid 0 may do everything but change what is live.
type View struct {
	FS       *FS
	UID, GID int
	// Groups are further groups of the user.
	Groups []int
	// PID is the process that looks: /proc/self. 0 where nobody is meant.
	PID int
}

// As is the file system as user uid of group gid sees it.
func (f *FS) As(uid, gid int) View { return View{FS: f, UID: uid, GID: gid} }

// may checks want (4 read, 2 write, 1 execute).
func (v View) may(n *node, want uint32) bool {
	if v.UID == 0 {
		return want&1 == 0 || n.isDir() || n.mode&0o111 != 0
	}
	bits := n.mode
	switch {
	case n.uid == v.UID:
		bits >>= 6
	case n.gid == v.GID || v.inGroup(n.gid):
		bits >>= 3
	}
	return bits&want == want
}

func (v View) inGroup(gid int) bool {
	for _, g := range v.Groups {
		if g == gid {
			return true
		}
	}
	return false
}
