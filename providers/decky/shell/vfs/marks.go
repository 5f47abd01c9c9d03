package vfs

import "syscall"

// Marks are what chattr(1) sets on a file: ext4's inode flags (ioctl_iflags(2)).
type Marks uint32

// Marks that have an effect here; the others are kept alone.
const (
	MarkImmutable Marks = 0x10
	MarkAppend    Marks = 0x20
	sealed              = MarkImmutable | MarkAppend
)

// Marks are those of a file or directory; links, devices and what is not on the
// host's disk have none, which is EOPNOTSUPP.
func (v View) Marks(path string) (Marks, error) {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.marked(path)
	if err != nil {
		return 0, err
	}
	return p.node.marks, nil
}

func (v View) marked(path string) (place, error) {
	p, err := v.find(path, false)
	if err != nil {
		return p, err
	}
	n := p.node
	if n.fixed || n.generate != nil || n.mount != nil || n.live != nil || !n.isDir() && n.mode&TypeMask != TypeFile {
		return p, syscall.EOPNOTSUPP
	}
	return p, nil
}

// SetMarks gives a file these marks instead of those it has. Only root may, and
// only where the file system has them: on its disk.
func (v View) SetMarks(path string, m Marks) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.marked(path)
	switch {
	case err != nil:
		return err
	case v.UID != 0:
		return syscall.EPERM
	}
	n := v.FS.keep(p.node)
	n.marks = m
	v.FS.touched(n)
	return nil
}

// mayOpen checks a file's marks against open(2)'s flags.
func (n *node) mayOpen(flags int) error {
	if flags&Write != 0 && (n.marks&MarkImmutable != 0 || n.marks&MarkAppend != 0 && (flags&Append == 0 || flags&Truncate != 0)) {
		return syscall.EPERM
	}
	return nil
}
