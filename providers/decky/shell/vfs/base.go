package vfs

import (
	"slices"
	"time"
)

// The base beside the image: what one host alone held before any client came.
// These make missing directories, ask no permission and count towards no quota.

// AddDir puts a directory in the base; fixed ones take nothing new.
func (f *FS) AddDir(path string, perm uint32, uid, gid int, mtime time.Time, fixed bool) {
	n := f.add(path, TypeDir|perm, uid, gid, mtime)
	n.fixed = fixed
}

// AddFile puts a file in the base.
func (f *FS) AddFile(path string, data []byte, perm uint32, uid, gid int, mtime time.Time) {
	n := f.add(path, TypeFile|perm, uid, gid, mtime)
	n.data, n.own = slices.Clip(data), true
}

// AddContent puts a file in the base whose content is made by nobody but read
// where it is: c may be shared by many.
func (f *FS) AddContent(path string, c Content, perm uint32, uid, gid int, mtime time.Time) {
	f.add(path, TypeFile|perm, uid, gid, mtime).given = c
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

// AddDevice puts a device in the base; mode holds its type bits.
func (f *FS) AddDevice(path string, mode uint32, uid, gid, major, minor int, mtime time.Time) {
	f.add(path, mode, uid, gid, mtime).rdev = [2]int{major, minor}
}

func (f *FS) add(path string, mode uint32, uid, gid int, mtime time.Time) *node {
	f.mu.Lock()
	defer f.mu.Unlock()
	root := f.As(0, 0)
	dir := f.root
	names := splitPath(path)
	if len(names) == 0 {
		dir.mode, dir.uid, dir.gid, dir.mtime, dir.ctime = mode, uid, gid, mtime, mtime
	}
	for i, name := range names {
		child := root.child(dir, name)
		last := i == len(names)-1
		if child == nil || !child.isDir() && (!last || child.entry < 0) || last && mode&TypeMask != child.mode&TypeMask {
			f.next++
			child = &node{ino: f.next, mode: TypeDir | 0o755, mtime: mtime, atime: mtime, ctime: mtime, links: 1, entry: -1, based: true, fixed: dir.fixed}
		}
		if last {
			child = f.keep(child)
			child.mode, child.uid, child.gid, child.mtime, child.ctime, child.atime = mode, uid, gid, mtime, mtime, mtime
		}
		if child.entry < 0 {
			dir = f.keep(dir)
			if dir.added == nil {
				dir.added = map[string]*node{}
			}
			dir.added[name] = child
		}
		dir = child
	}
	return dir
}
