package vfs

import (
	"hash/fnv"
	"time"
)

// Live is a file whose state is made when it is looked at. Look and List are
// called with the file system locked and must not use it; Content and Write are
// not.
type Live struct {
	Mode         uint32 // with type bits
	UID, GID     int
	Time         time.Time
	Size         int64  // as stat shows it: mostly 0
	Target       string // of a symbolic link
	Major, Minor int    // of a device
	Links        int    // 1 where 0; a directory counts itself
	// Content is what a file holds; nil for nothing.
	Content func() []byte
	// Write takes what is written at once; an error is the caller's. nil takes
	// and forgets it.
	Write func(data []byte) error
	// List are the names of a directory, sorted.
	List func() []string
	// Look is what stands in a directory under a name.
	Look func(name string) (Live, bool)
}

// Mount puts a live directory in the base: root makes it for whoever looks.
func (f *FS) Mount(path string, root func(v View) Live) {
	n := f.add(path, TypeDir|0o555, 0, 0, time.Time{})
	n.mount, n.fixed = root, true
}

// liveNode is a node of a live file at path.
func liveNode(path string, l Live, root *node) *node {
	h := fnv.New32a()
	h.Write([]byte(path))
	n := &node{
		ino: uint64(h.Sum32())&0x3fffffff + 4026531840, mode: l.Mode, uid: l.UID, gid: l.GID, mtime: l.Time, ctime: l.Time, atime: l.Time,
		links: max(l.Links, 1), target: l.Target, rdev: [2]int{l.Major, l.Minor}, fixed: true, live: &l, entry: -1, path: path, top: root,
	}
	if n.isDir() {
		n.links = max(l.Links, 2)
	}
	return n
}
