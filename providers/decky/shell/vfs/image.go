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
	entries []*Entry
	byPath  map[string]int32
}

// NewImage is an image with a root directory.
func NewImage() *Image {
	root := &Entry{Path: "/", Mode: TypeDir | 0o755}
	return &Image{entries: []*Entry{root}, byPath: map[string]int32{"/": 0}}
}

// Len is how many files the image has.
func (m *Image) Len() int { return len(m.entries) }

// Entries are the files of the image in the order that they were added; the root
// is the first.
func (m *Image) Entries() []*Entry { return m.entries }

// Lookup is the entry at path, nil for none. Links are not followed.
func (m *Image) Lookup(path string) *Entry {
	if i, ok := m.byPath[path]; ok {
		return m.entries[i]
	}
	return nil
}

// Add puts e into the image and returns it; directories above that are missing
// get mode 755. An entry that is there already is overwritten, but a directory
// keeps what it holds and stays one.
func (m *Image) Add(e Entry) *Entry {
	if e.Path == "/" {
		root := m.entries[0]
		root.Mode, root.UID, root.GID = TypeDir|e.Mode&0o7777, e.UID, e.GID
		return root
	}
	if i, ok := m.byPath[e.Path]; ok {
		old := m.entries[i]
		if old.Mode&TypeMask == TypeDir && e.Mode&TypeMask != TypeDir {
			return old
		}
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
	e.index = int32(len(m.entries))
	added := &e
	m.entries = append(m.entries, added)
	m.byPath[e.Path] = e.index
	name := e.Name()
	where, _ := slices.BinarySearchFunc(parent.children, name, func(i int32, name string) int { return strings.Compare(m.entries[i].Name(), name) })
	parent.children = slices.Insert(parent.children, where, e.index)
	if e.Mode&TypeMask == TypeDir {
		parent.subdirs++
	}
	return added
}

// child is the index of a name in a directory, -1 for none.
func (m *Image) child(e *Entry, name string) int32 {
	where, found := slices.BinarySearchFunc(e.children, name, func(i int32, name string) int { return strings.Compare(m.entries[i].Name(), name) })
	if !found {
		return -1
	}
	return e.children[where]
}
