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

// attach puts a new node of a client in place.
func (f *FS) attach(p place, n *node) error {
	if f.added >= MaxNodes {
		return syscall.ENOSPC
	}
	f.added++
	n.changed = true
	p.parent.children[p.name] = n
	p.parent.mtime = f.now()
	f.dirty = true
	return nil
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
	return v.FS.attach(p, v.FS.make(TypeDir|perm&0o7777, v.UID, v.GID, v.FS.now()))
}

func suffixRoot(path string) string {
	if strings.Trim(path, "/") == "" && path != "" {
		return "/"
	}
	return ""
}

// Symlink makes path a link to target.
func (v View) Symlink(target, path string) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.spot(path, false)
	if err != nil {
		return err
	}
	if p.node != nil {
		return syscall.EEXIST
	}
	n := v.FS.make(TypeLink|0o777, v.UID, v.GID, v.FS.now())
	n.target = target
	return v.FS.attach(p, n)
}

// Link gives the file at old a second name.
func (v View) Link(old, path string) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	from, err := v.find(old, false)
	if err != nil {
		return err
	}
	if from.node.children != nil {
		return syscall.EPERM
	}
	p, err := v.spot(path, false)
	if err != nil {
		return err
	}
	if p.node != nil {
		return syscall.EEXIST
	}
	v.FS.touched(from.node)
	from.node.links++
	return v.FS.attach(p, from.node)
}

// mayRemove checks the right to take p out of its directory.
func (v View) mayRemove(p place) error {
	switch {
	case p.parent == nil:
		return syscall.EBUSY
	case p.parent.fixed || p.node.fixed:
		return syscall.EPERM
	case !v.may(p.parent, 3):
		return syscall.EACCES
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
	if len(p.node.children) > 0 {
		return syscall.ENOTEMPTY
	}
	if err := v.mayRemove(p); err != nil {
		return err
	}
	v.FS.detach(p)
	return nil
}

// detach takes p out of the tree and remembers that it is gone.
func (f *FS) detach(p place) {
	delete(p.parent.children, p.name)
	p.parent.mtime = f.now()
	f.gone[p.path] = true
	f.dirty = true
	f.release(p.node)
}

// release gives back what node and all below it held of the quota.
func (f *FS) release(n *node) {
	if n.links--; n.changed && n.links <= 0 {
		f.used -= int64(len(n.data))
		f.added--
	}
	for _, c := range n.children {
		f.release(c)
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
	if to.node == from.node {
		return nil
	}
	if to.path == from.path || strings.HasPrefix(to.path, from.path+"/") {
		return syscall.EINVAL
	}
	if to.node != nil {
		switch {
		case to.node.children != nil && from.node.children == nil:
			return syscall.EISDIR
		case to.node.children == nil && from.node.children != nil:
			return syscall.ENOTDIR
		case len(to.node.children) > 0:
			return syscall.ENOTEMPTY
		}
		if err := v.mayRemove(to); err != nil {
			return err
		}
		v.FS.detach(to)
	}
	delete(from.parent.children, from.name)
	v.FS.gone[from.path] = true
	to.parent.children[to.name] = from.node
	from.parent.mtime, to.parent.mtime = v.FS.now(), v.FS.now()
	v.FS.mark(from.node)
	v.FS.dirty = true
	return nil
}

// mark makes a moved tree the client's, so that it is saved at its new place.
func (f *FS) mark(n *node) {
	if !n.changed {
		n.changed = true
		f.used += int64(len(n.data))
		f.added++
	}
	for _, c := range n.children {
		f.mark(c)
	}
}

// owned finds a node that the user may change the inode of.
func (v View) owned(path string, follow bool) (place, error) {
	p, err := v.find(path, follow)
	switch {
	case err != nil:
		return p, err
	case p.node.fixed || p.node.generate != nil:
		return p, syscall.EPERM
	case v.UID != 0 && v.UID != p.node.uid:
		return p, syscall.EPERM
	}
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
	p.node.mode = p.node.mode&TypeMask | perm&0o7777
	v.FS.touched(p.node)
	return nil
}

// Chown sets owner and group; -1 leaves one.
func (v View) Chown(path string, uid, gid int) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.owned(path, true)
	if err != nil {
		return err
	}
	if v.UID != 0 && uid >= 0 && uid != p.node.uid {
		return syscall.EPERM
	}
	if uid >= 0 {
		p.node.uid = uid
	}
	if gid >= 0 {
		p.node.gid = gid
	}
	v.FS.touched(p.node)
	return nil
}

// Chtimes sets the time of modification.
func (v View) Chtimes(path string, mtime time.Time) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, true)
	if err != nil {
		return err
	}
	if p.node.fixed || p.node.generate != nil {
		return syscall.EPERM
	}
	if v.UID != 0 && v.UID != p.node.uid && !v.may(p.node, 2) {
		return syscall.EACCES
	}
	p.node.mtime = mtime
	v.FS.touched(p.node)
	return nil
}

// touched makes a node of the base the client's.
func (f *FS) touched(n *node) {
	f.dirty = true
	if n.changed {
		return
	}
	n.changed = true
	f.added++
	f.used += int64(len(n.data))
}
