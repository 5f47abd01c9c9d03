package vfs

import (
	"strings"
	"syscall"
	"time"
)

// spot is where something new may be made: the parent is writable and the name
// is free or taken by node.
func (v View) spot(path string, follow bool) (place, error) {
	p, err := v.walk(path, follow)
	if err != nil {
		return p, err
	}
	if p.node == nil {
		if p.parent.fixed {
			return p, fixedError(p.path)
		}
		if !v.may(p.parent, 3) {
			return p, syscall.EACCES
		}
		if p.parent.marks&MarkImmutable != 0 {
			return p, syscall.EPERM
		}
	}
	return p, nil
}

// fixedError is what the kernel's own file systems answer to something new.
func fixedError(path string) error {
	if strings.HasPrefix(path, "/proc") {
		return syscall.ENOENT
	}
	return syscall.EACCES
}

// make is a new node of a client.
func (v View) make(parent *node, mode uint32) *node {
	f := v.FS
	f.next++
	now := f.now()
	n := &node{ino: f.next, mode: mode, uid: v.UID, gid: v.GID, mtime: now, atime: now, ctime: now, links: 1, entry: -1, own: true, changed: true}
	if parent.mode&0o2000 != 0 {
		n.gid = parent.gid
		if n.isDir() {
			n.mode |= 0o2000
		}
	}
	return n
}

// attach puts a node in place.
func (f *FS) attach(p place, n *node) error {
	if f.added >= MaxNodes {
		return syscall.ENOSPC
	}
	f.added++
	f.put(p, n)
	return nil
}

func (f *FS) put(p place, n *node) {
	parent := f.keep(p.parent)
	if parent.added == nil {
		parent.added = map[string]*node{}
	}
	parent.added[p.name] = n
	f.stamp(parent)
}

// stamp notes that a directory was changed.
func (f *FS) stamp(n *node) {
	n.mtime = f.now()
	n.ctime = n.mtime
	n.changed = true
	f.dirty = true
}

// take takes a name out of its directory; the node lives on.
func (f *FS) take(p place) {
	parent := f.keep(p.parent)
	known := p.node.entry >= 0 || p.node.based
	if parent.entry >= 0 && f.image.child(f.image.at(parent.entry), p.name) >= 0 {
		known = true
	}
	delete(parent.added, p.name)
	if known {
		if parent.gone == nil {
			parent.gone = map[string]bool{}
		}
		parent.gone[p.name] = true
	}
	f.stamp(parent)
}

// Mkdir makes a directory.
func (v View) Mkdir(path string, perm uint32) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.spot(strings.TrimRight(path, "/")+suffixRoot(path), false)
	if err != nil {
		return err
	}
	if p.node != nil {
		return syscall.EEXIST
	}
	return v.FS.attach(p, v.make(p.parent, TypeDir|perm&0o7777))
}

func suffixRoot(path string) string {
	if strings.Trim(path, "/") == "" && path != "" {
		return "/"
	}
	return ""
}

// Symlink makes path a link to target.
func (v View) Symlink(target, path string) error {
	if target == "" {
		return syscall.ENOENT
	}
	if len(target) >= MaxPath {
		return syscall.ENAMETOOLONG
	}
	return v.create(path, func(p place) *node {
		n := v.make(p.parent, TypeLink|0o777)
		n.target = target
		return n
	})
}

// Mknod makes a FIFO, or a device or socket, which only uid 0 may; mode has its
// type bits.
func (v View) Mknod(path string, mode uint32, major, minor int) error {
	switch mode & TypeMask {
	case TypeFIFO, TypeSocket, TypeFile:
	case TypeChar, TypeBlock:
		if v.UID != 0 {
			return syscall.EPERM
		}
	default:
		return syscall.EINVAL
	}
	return v.create(path, func(p place) *node {
		n := v.make(p.parent, mode&(TypeMask|0o7777))
		n.rdev = [2]int{major, minor}
		return n
	})
}

func (v View) create(path string, what func(p place) *node) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.spot(path, false)
	if err != nil {
		return err
	}
	if p.node != nil {
		return syscall.EEXIST
	}
	if p.slash {
		return syscall.ENOENT
	}
	return v.FS.attach(p, what(p))
}

// Link gives the file at old a second name.
func (v View) Link(old, path string) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	from, err := v.find(old, false)
	if err != nil {
		return err
	}
	if from.node.isDir() || from.node.marks&sealed != 0 {
		return syscall.EPERM
	}
	p, err := v.spot(path, false)
	if err != nil {
		return err
	}
	switch {
	case p.node != nil:
		return syscall.EEXIST
	case p.slash:
		return syscall.ENOENT
	case from.node.live != nil:
		return syscall.EXDEV
	case from.node.links >= maxLinks:
		return syscall.EMLINK
	}
	n := v.FS.keep(from.node)
	if err := v.FS.attach(p, n); err != nil {
		return err
	}
	n.links++
	v.FS.touched(n)
	return nil
}

// mayRemove checks the right to take p out of its directory.
func (v View) mayRemove(p place) error {
	switch {
	case p.parent == nil || p.node.mount != nil:
		return syscall.EBUSY
	case p.parent.fixed || p.node.fixed:
		return syscall.EPERM
	case !v.may(p.parent, 3):
		return syscall.EACCES
	case (p.parent.marks|p.node.marks)&sealed != 0:
		return syscall.EPERM
	case p.parent.mode&0o1000 != 0 && v.UID != 0 && v.UID != p.node.uid && v.UID != p.parent.uid:
		return syscall.EPERM
	}
	return nil
}

// Remove takes a file, a link or an empty directory away.
func (v View) Remove(path string) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, false)
	if err != nil {
		return err
	}
	if err := v.mayRemove(p); err != nil {
		return err
	}
	if p.node.isDir() && !v.empty(p.node) {
		return syscall.ENOTEMPTY
	}
	v.FS.detach(p)
	return nil
}

// detach takes p out of the tree and gives back what it held of the quota.
func (f *FS) detach(p place) {
	f.take(p)
	n := f.keep(p.node)
	if n.links--; n.links > 0 {
		n.ctime = f.now()
		return
	}
	if n.charged {
		f.used -= int64(len(n.data))
		n.charged = false
	}
	if n.entry < 0 && !n.based {
		f.added--
	}
}

// Rename moves old to path, replacing a file there.
func (v View) Rename(old, path string) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	from, err := v.find(strings.TrimRight(old, "/"), false)
	if err != nil {
		return err
	}
	if err := v.mayRemove(from); err != nil {
		return err
	}
	to, err := v.spot(strings.TrimRight(path, "/"), false)
	if err != nil {
		return err
	}
	if to.node != nil && to.node.ino == from.node.ino {
		return nil
	}
	if to.path == from.path || strings.HasPrefix(to.path, from.path+"/") {
		return syscall.EINVAL
	}
	if strings.HasSuffix(path, "/") && !from.node.isDir() {
		return syscall.ENOTDIR
	}
	if from.node.isDir() && !v.may(from.node, 2) && from.parent.ino != to.parent.ino {
		return syscall.EACCES
	}
	if to.node != nil {
		if err := v.mayReplace(from, to); err != nil {
			return err
		}
		v.FS.detach(to)
	}
	n := v.FS.keep(from.node)
	v.FS.take(from)
	to.parent = v.FS.current(to.parent)
	v.FS.put(to, n)
	v.FS.mark(n)
	n.ctime = v.FS.now()
	return nil
}

func (v View) mayReplace(from, to place) error {
	if err := v.mayRemove(to); err != nil {
		return err
	}
	switch {
	case to.node.isDir() && !from.node.isDir():
		return syscall.EISDIR
	case !to.node.isDir() && from.node.isDir():
		return syscall.ENOTDIR
	case to.node.isDir() && !v.empty(to.node):
		return syscall.ENOTEMPTY
	}
	return nil
}

// mark makes a moved tree the client's, so that it is saved at its new place.
func (f *FS) mark(n *node) {
	n.changed = true
	for _, c := range n.added {
		f.mark(c)
	}
}

// owned finds a node that the user may change the inode of.
func (v View) owned(path string, follow bool) (place, error) {
	p, err := v.find(path, follow)
	switch {
	case err != nil:
		return p, err
	case p.node.fixed || p.node.generate != nil || p.node.mount != nil:
		return p, syscall.EPERM
	case v.UID != 0 && v.UID != p.node.uid, p.node.marks&sealed != 0:
		return p, syscall.EPERM
	}
	p.node = v.FS.keep(p.node)
	return p, nil
}

// Chmod sets the permission bits.
func (v View) Chmod(path string, perm uint32) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.owned(path, true)
	if err != nil {
		return err
	}
	n := p.node
	if v.UID != 0 && !n.isDir() && n.gid != v.GID && !v.inGroup(n.gid) {
		perm &^= 0o2000
	}
	n.mode = n.mode&TypeMask | perm&0o7777
	v.FS.touched(n)
	return nil
}

// Chown sets owner and group; -1 leaves one. Links are followed.
func (v View) Chown(path string, uid, gid int) error { return v.chown(path, uid, gid, true) }

// Lchown is Chown of a link itself.
func (v View) Lchown(path string, uid, gid int) error { return v.chown(path, uid, gid, false) }

func (v View) chown(path string, uid, gid int, follow bool) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.owned(path, follow)
	if err != nil {
		return err
	}
	n := p.node
	if v.UID != 0 && (uid >= 0 && uid != n.uid || gid >= 0 && gid != n.gid && gid != v.GID && !v.inGroup(gid)) {
		return syscall.EPERM
	}
	if uid >= 0 {
		n.uid = uid
	}
	if gid >= 0 {
		n.gid = gid
	}
	if n.mode&TypeMask == TypeFile {
		n.mode &^= 0o4000
		if n.mode&0o010 != 0 {
			n.mode &^= 0o2000
		}
	}
	v.FS.touched(n)
	return nil
}

// Chtimes sets the time of modification.
func (v View) Chtimes(path string, mtime time.Time) error {
	return v.Utimes(path, time.Time{}, mtime, true)
}

// Utimes sets the times of access and modification, a zero one is left; follow
// says whether a link as the last element is followed.
func (v View) Utimes(path string, atime, mtime time.Time, follow bool) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, follow)
	if err != nil {
		return err
	}
	if p.node.fixed || p.node.generate != nil || p.node.mount != nil || p.node.marks&MarkImmutable != 0 {
		return syscall.EPERM
	}
	if v.UID != 0 && v.UID != p.node.uid && !v.may(p.node, 2) {
		return syscall.EACCES
	}
	n := v.FS.keep(p.node)
	if !atime.IsZero() {
		n.atime = atime
	}
	if !mtime.IsZero() {
		n.mtime = mtime
	}
	v.FS.touched(n)
	return nil
}

// touched notes that an inode is the client's.
func (f *FS) touched(n *node) {
	f.dirty = true
	n.changed = true
	n.ctime = f.now()
}
