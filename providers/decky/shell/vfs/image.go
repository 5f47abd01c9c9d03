package vfs

import (
	"slices"
	"strings"
)

// Entry is one file of an image. Nobody changes it once the image is used.
type Entry struct {
	Path         string // "/etc/passwd"
	Mode         uint32 // with type bits
	UID, GID     int
	Target       string // of a symbolic link
	Major, Minor int    // of a device
	// Source is what Host.Content knows the content by.
	Source any
	// Size is that of the content; -1 asks the content.
	Size int64
	// Fixed directories take nothing new: they belong to the kernel.
	Fixed bool

	index    int32
	children []int32 // sorted by name
	subdirs  int
}

// Name is the last element of the path.
func (e *Entry) Name() string { return e.Path[strings.LastIndexByte(e.Path, '/')+1:] }

// Image is a tree that many file systems share. It is made by one goroutine and
// then only read.
type Image struct {
	entries []*Entry // after those of the base
	byPath  map[string]int32
	// base is what the image extends, nil for none; changed are the base's
	// entries that are others here, by index.
	base    *Image
	changed map[int32]*Entry
}

// NewImage is an image with a root directory.
func NewImage() *Image {
	root := &Entry{Path: "/", Mode: TypeDir | 0o755}
	return &Image{entries: []*Entry{root}, byPath: map[string]int32{"/": 0}}
}

// Extend is an image that holds what m holds, and takes more. The two share what
// they have in common: m must not be added to any more.
func (m *Image) Extend() *Image {
	return &Image{base: m, byPath: map[string]int32{}, changed: map[int32]*Entry{}}
}

// first is the index of the first entry that is not the base's.
func (m *Image) first() int {
	if m.base == nil {
		return 0
	}
	return m.base.Len()
}

// Len is how many files the image has.
func (m *Image) Len() int { return m.first() + len(m.entries) }

// at is the entry of an index.
func (m *Image) at(i int32) *Entry {
	first := m.first()
	if int(i) >= first {
		return m.entries[int(i)-first]
	}
	if e := m.changed[i]; e != nil {
		return e
	}
	return m.base.at(i)
}

// mine is the entry of an index for a change.
func (m *Image) mine(i int32) *Entry {
	e := m.at(i)
	if int(i) >= m.first() || m.changed[i] != nil {
		return e
	}
	c := *e
	c.children = slices.Clone(e.children)
	m.changed[i] = &c
	return &c
}

// find is the index of a path.
func (m *Image) find(path string) (int32, bool) {
	for ; m != nil; m = m.base {
		if i, ok := m.byPath[path]; ok {
			return i, true
		}
	}
	return 0, false
}

// Entries are the files of the image in the order that they were added; the root
// is the first.
func (m *Image) Entries() []*Entry {
	if m.base == nil {
		return m.entries
	}
	all := make([]*Entry, m.Len())
	for i := range all {
		all[i] = m.at(int32(i))
	}
	return all
}

// Lookup is the entry at path, nil for none. Links are not followed.
func (m *Image) Lookup(path string) *Entry {
	if i, ok := m.find(path); ok {
		return m.at(i)
	}
	return nil
}

// Add puts e into the image and returns it; directories above that are missing
// get mode 755. An entry that is there already is overwritten, but a directory
// keeps what it holds and stays one.
func (m *Image) Add(e Entry) *Entry {
	if e.Path == "/" {
		root := m.mine(0)
		root.Mode, root.UID, root.GID = TypeDir|e.Mode&0o7777, e.UID, e.GID
		return root
	}
	if i, ok := m.find(e.Path); ok {
		if old := m.at(i); old.Mode&TypeMask == TypeDir && e.Mode&TypeMask != TypeDir {
			return old
		}
		old := m.mine(i)
		e.index, e.children, e.subdirs = old.index, old.children, old.subdirs
		*old = e
		return old
	}
	at := strings.LastIndexByte(e.Path, '/')
	dir := e.Path[:max(at, 1)]
	parent := m.Lookup(dir)
	if parent == nil {
		parent = m.Add(Entry{Path: dir, Mode: TypeDir | 0o755})
	}
	if parent.Mode&TypeMask != TypeDir {
		return parent
	}
	parent = m.mine(parent.index)
	e.index = int32(m.Len())
	added := &e
	m.entries = append(m.entries, added)
	m.byPath[e.Path] = e.index
	where, _ := m.search(parent, e.Name())
	parent.children = slices.Insert(parent.children, where, e.index)
	if e.Mode&TypeMask == TypeDir {
		parent.subdirs++
	}
	return added
}

// search is where a name stands or would stand in a directory.
func (m *Image) search(e *Entry, name string) (int, bool) {
	return slices.BinarySearchFunc(e.children, name, func(i int32, name string) int { return strings.Compare(m.at(i).Name(), name) })
}

// child is the index of a name in a directory, -1 for none.
func (m *Image) child(e *Entry, name string) int32 {
	where, found := m.search(e, name)
	if !found {
		return -1
	}
	return e.children[where]
}
