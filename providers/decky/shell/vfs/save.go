package vfs

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// entry is one change of a client as it is kept.
type entry struct {
	Path   name   `json:"p"`
	Mode   uint32 `json:"m"`
	UID    int    `json:"u,omitempty"`
	GID    int    `json:"g,omitempty"`
	MTime  int64  `json:"t"`
	Data   []byte `json:"d,omitempty"`
	Own    bool   `json:"o,omitempty"` // Data is the content
	Target name   `json:"l,omitempty"`
	Base   name   `json:"b,omitempty"` // the image's file that it was
	Same   name   `json:"s,omitempty"` // it is another name of that one
	Rdev   []int  `json:"r,omitempty"`
	Gone   bool   `json:"x,omitempty"` // nothing is there any more
	Marks  Marks  `json:"a,omitempty"`
	Zeros  int64  `json:"z,omitempty"` // so many are the content
}

// name is a file's: any bytes. As JSON it is a string where it is UTF-8, else a
// list of its bytes in base64.
type name string

// MarshalJSON implements json.Marshaler.
func (n name) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(n)) {
		return json.Marshal(string(n))
	}
	return json.Marshal([][]byte{[]byte(n)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *name) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*n = name(text)
		return nil
	}
	var raw [][]byte
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*n = name(bytes.Join(raw, nil))
	return nil
}

// saved is applied in its order. Gone is what is no more where the base has it:
// it goes first, since it may stand somewhere else; what is gone from a tree that
// moved follows the tree.
type saved struct {
	Gone    []name  `json:"gone,omitempty"`
	Entries []entry `json:"entries,omitempty"`
}

// collector writes down what differs from the base.
type collector struct {
	f     *FS
	saved saved
	// names are the first names of inodes with several; the other ones are
	// noted last, when what they name is there.
	names map[uint64]string
	more  []entry
	dry   bool // only names are looked for
}

// Changes is what clients changed since the base, for Restore on a file system
// with the same base, and its version.
func (f *FS) Changes() ([]byte, Version, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.collect()
	v, err := s.version()
	if err != nil {
		return nil, nil, err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	f.dirty = false
	return data, v, nil
}

// collect notes everything that differs from the base.
func (f *FS) collect() saved {
	c := &collector{f: f, names: map[uint64]string{}, dry: true}
	c.directory(f.root, "", false)
	c.saved, c.dry = saved{}, false
	c.directory(f.root, "", false)
	c.saved.Entries = append(c.saved.Entries, c.more...)
	return c.saved
}

// directory notes what differs below n.
func (c *collector) directory(n *node, path string, moved bool) {
	for _, gone := range slices.Sorted(maps.Keys(n.gone)) {
		if moved {
			c.saved.Entries = append(c.saved.Entries, entry{Path: name(path + "/" + gone), Gone: true})
		} else {
			c.saved.Gone = append(c.saved.Gone, name(path+"/"+gone))
		}
	}
	if n.entry >= 0 {
		for _, i := range c.f.image.at(n.entry).children {
			e := c.f.image.at(i)
			at := e.Name()
			if n.gone[at] || n.added[at] != nil {
				continue
			}
			kept := c.f.overlay[i]
			if kept != nil && kept.changed {
				c.file(kept, path+"/"+at, false)
			}
			if e.Mode&TypeMask == TypeDir {
				if kept == nil {
					kept = &node{entry: i, mode: e.Mode}
				}
				c.directory(kept, path+"/"+at, moved)
			}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(n.added)) {
		child := n.added[at]
		if child.changed && child.mount == nil && child.generate == nil {
			c.file(child, path+"/"+at, true)
		}
		if child.isDir() && child.mount == nil {
			c.directory(child, path+"/"+at, moved || child.changed)
		}
	}
}

// file notes one file; moved says that it does not stand where the image has it.
func (c *collector) file(n *node, path string, moved bool) {
	e := entry{Path: name(path), Mode: n.mode, UID: n.uid, GID: n.gid, MTime: n.mtime.UnixNano(), Target: name(n.target), Marks: n.marks}
	if n.mode&TypeMask == TypeChar || n.mode&TypeMask == TypeBlock {
		e.Rdev = n.rdev[:]
	}
	if n.links > 1 && !n.isDir() {
		first, ok := c.names[n.ino]
		if c.dry && (!ok || !moved) { // where the image has it is the best name
			c.names[n.ino] = path
		}
		if !c.dry && first != path {
			c.more = append(c.more, entry{Path: name(path), Mode: n.mode, Same: name(first)})
			return
		}
	}
	if c.dry {
		return
	}
	if n.own && n.mode&TypeMask == TypeFile && (n.entry < 0 || n.charged) {
		e.Data, e.Own = n.data, true
	}
	if zeros, ok := n.given.(hollow); ok && !n.own {
		e.Zeros = int64(zeros)
	}
	if moved && n.entry >= 0 {
		e.Base = name(c.f.image.at(n.entry).Path)
	}
	c.saved.Entries = append(c.saved.Entries, e)
}

// Dirty tells whether anything changed since the last Changes.
func (f *FS) Dirty() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dirty
}

// Soil makes the file system dirty: what Changes returned was not kept.
func (f *FS) Soil() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirty = true
}

// Restore applies what Changes returned. What does not fit any more, because the
// base is another one, is left out.
func (f *FS) Restore(data []byte) error {
	s, err := unpack(data)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	root := f.As(0, 0)
	for _, path := range s.Gone {
		f.forget(root, string(path))
	}
	for _, e := range s.Entries {
		if e.Gone {
			f.forget(root, string(e.Path))
			continue
		}
		f.restore(root, e)
	}
	f.stampAll(root, s.Entries)
	f.dirty = false
	return nil
}

// forget takes what is no more out of its directory.
func (f *FS) forget(root View, path string) {
	if p, err := root.find(path, false); err == nil && p.parent != nil && !p.parent.fixed && !p.node.fixed && p.node.mount == nil {
		f.take(p)
	}
}

func (f *FS) restore(root View, e entry) {
	p, err := root.walk(string(e.Path), false)
	if err != nil || p.parent == nil || p.parent.fixed || f.added >= MaxNodes {
		return
	}
	n := p.node
	if n != nil && (n.generate != nil || n.fixed || n.mount != nil || n.live != nil) {
		return
	}
	switch {
	case e.Same != "":
		first, err := root.find(string(e.Same), false)
		if err != nil || first.node.isDir() || first.node.live != nil || n != nil && (n.isDir() || n.ino == first.node.ino) {
			return
		}
		if n != nil {
			f.detach(p)
		}
		kept := f.keep(first.node)
		kept.links++
		f.put(p, kept)
		f.added++
		return
	case e.Base != "":
		base := f.image.Lookup(string(e.Base))
		if base == nil || n != nil || base.index == 0 || base.Mode&TypeMask != e.Mode&TypeMask || f.attached(base.index) || p.below(base.index) {
			return
		}
		n = f.keep(f.entry(base.index))
		f.put(p, n)
	case n == nil || n.mode&TypeMask != e.Mode&TypeMask:
		if n != nil && n.isDir() {
			return
		}
		n = root.make(p.parent, e.Mode)
		if f.attach(p, n) != nil {
			return
		}
	}
	n = f.keep(n)
	n.mode, n.uid, n.gid, n.target, n.marks, n.changed = e.Mode, e.UID, e.GID, string(e.Target), e.Marks, true
	if len(e.Rdev) == 2 {
		n.rdev = [2]int(e.Rdev)
	}
	if e.Own && n.mode&TypeMask == TypeFile {
		if n.charged {
			f.used -= int64(len(n.data))
		}
		n.data, n.own, n.charged = e.Data, true, true
		f.used += int64(len(n.data))
	}
	if e.Zeros > 0 && !e.Own && n.mode&TypeMask == TypeFile {
		if n.charged {
			f.used -= int64(len(n.data))
		}
		n.data, n.own, n.charged, n.given = nil, false, false, hollow(min(e.Zeros, MaxHollow))
	}
}

// stands tells whether an entry of the image is where the image has it.
func (f *FS) stands(i int32) bool {
	p, err := f.As(0, 0).find(f.image.at(i).Path, false)
	return i > 0 && err == nil && p.node.entry == i
}

// attached tells whether an entry of the image stands anywhere.
func (f *FS) attached(i int32) bool {
	kept := f.overlay[i]
	return f.stands(i) || kept != nil && kept.changed
}

// below tells whether a place is inside the image's entry i.
func (p place) below(i int32) bool {
	for _, s := range p.stack {
		if s.node.entry == i {
			return true
		}
	}
	return false
}

// stampAll gives everything the times that it had: making what is below a
// directory changed the directory's.
func (f *FS) stampAll(root View, entries []entry) {
	for _, e := range entries {
		if e.Same != "" || e.Gone {
			continue
		}
		p, err := root.find(string(e.Path), false)
		if err != nil || p.node.fixed || p.node.mount != nil || p.node.live != nil {
			continue
		}
		n := f.keep(p.node)
		n.mtime = time.Unix(0, e.MTime)
		n.atime, n.ctime = n.mtime, n.mtime
	}
}
