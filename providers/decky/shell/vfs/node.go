package vfs

import (
	"bytes"
	"maps"
	"slices"
	"sort"
	"time"
)

// node is a file as it is now. Those of the image that nobody changed are made
// when they are looked at and forgotten; those in FS.overlay and in added stay.
type node struct {
	ino                 uint64
	mode                uint32
	uid, gid            int
	mtime, atime, ctime time.Time
	links               int
	data                []byte // of a file that own says is the client's
	target              string
	rdev                [2]int // major, minor
	marks               Marks
	entry               int32 // of the image; -1 for none
	added               map[string]*node
	gone                map[string]bool // names of the image that are no more
	own                 bool            // the content is data
	fixed               bool            // nothing below can be made, removed or renamed
	changed             bool            // by a client
	based               bool            // of the host's own base, beside the image
	charged             bool            // data counts towards the quota
	live                *Live
	mount               func(v View) Live
	path                string // of a live node
	top                 *node  // the mount that a live node is below
	generate            func() []byte
	given               Content // of a file that own does not say is the client's
}

func (n *node) isDir() bool { return n.mode&TypeMask == TypeDir }

// entry is the node of an entry of the image: the one that stays, or one for
// the moment.
func (f *FS) entry(i int32) *node {
	if n := f.overlay[i]; n != nil {
		return n
	}
	e := f.image.at(i)
	n := &node{ino: inode(i), mode: e.Mode, uid: e.UID, gid: e.GID, links: 1, target: e.Target, rdev: [2]int{e.Major, e.Minor}, entry: i, fixed: e.Fixed}
	if f.host != nil {
		n.mtime, n.ctime = f.host.Times(e)
		n.atime = n.mtime
	}
	return n
}

// inode is the number of an entry of the image: the root's is 2, others follow
// where the first directories of a disk leave off.
func inode(i int32) uint64 {
	if i == 0 {
		return 2
	}
	return 131_072 + uint64(i)
}

// keep makes a node of the image one that stays.
func (f *FS) keep(n *node) *node {
	if n.entry < 0 {
		return n
	}
	if kept := f.overlay[n.entry]; kept != nil {
		return kept
	}
	f.overlay[n.entry] = n
	return n
}

// current is what stays of n now, where somebody changed it since.
func (f *FS) current(n *node) *node {
	if n.entry >= 0 {
		if kept := f.overlay[n.entry]; kept != nil {
			return kept
		}
	}
	return n
}

// child is what stands in a directory under a name, nil for nothing.
func (v View) child(n *node, name string) *node {
	f := v.FS
	if n.mount != nil {
		n = v.mounted(n)
	}
	if n.live != nil {
		if n.live.Look == nil {
			return nil
		}
		l, ok := n.live.Look(name)
		if !ok {
			return nil
		}
		return liveNode(n.path+"/"+name, l, n.top)
	}
	if c := n.added[name]; c != nil {
		return c
	}
	if n.entry >= 0 && !n.gone[name] {
		if i := f.image.child(f.image.at(n.entry), name); i >= 0 {
			return f.entry(i)
		}
	}
	return nil
}

// mounted is the root of what is live below n.
func (v View) mounted(n *node) *node {
	root := liveNode("", n.mount(v), n)
	root.ino = 1
	return root
}

// names are those in a directory, sorted.
func (v View) names(n *node) []string {
	if n.mount != nil {
		n = v.mounted(n)
	}
	if n.live != nil {
		if n.live.List == nil {
			return nil
		}
		return n.live.List()
	}
	out := slices.Collect(maps.Keys(n.added))
	if n.entry >= 0 {
		for _, i := range v.FS.image.at(n.entry).children {
			if name := v.FS.image.at(i).Name(); !n.gone[name] && n.added[name] == nil {
				out = append(out, name)
			}
		}
	}
	sort.Strings(out)
	return out
}

// empty tells a directory without names.
func (v View) empty(n *node) bool {
	if len(n.added) > 0 {
		return false
	}
	return len(v.names(n)) == 0
}

// content is what a file of the image holds, nil for nothing.
func (f *FS) content(n *node) Content {
	switch {
	case n.own:
		return bytes.NewReader(n.data)
	case n.given != nil:
		return n.given
	}
	if n.entry < 0 || f.host == nil || n.mode&TypeMask != TypeFile {
		return nil
	}
	return f.host.Content(f.image.at(n.entry))
}

func (f *FS) size(n *node) int64 {
	switch {
	case n.live != nil:
		return n.live.Size
	case n.generate != nil:
		return 0
	case n.own:
		return int64(len(n.data))
	case n.given != nil:
		return n.given.Size()
	case n.entry >= 0 && f.image.at(n.entry).Size >= 0:
		return f.image.at(n.entry).Size
	}
	if c := f.content(n); c != nil {
		return c.Size()
	}
	return 0
}

func (v View) info(n *node, name string) Info {
	f := v.FS
	if n.mount != nil {
		n = v.mounted(n)
	}
	i := Info{Name: name, Ino: n.ino, Mode: n.mode, UID: n.uid, GID: n.gid, Links: n.links, MTime: n.mtime, ATime: n.atime, CTime: n.ctime, Target: n.target, Major: n.rdev[0], Minor: n.rdev[1]}
	switch n.mode & TypeMask {
	case TypeDir:
		i.Size, i.Links = v.directory(n)
	case TypeLink:
		i.Size = int64(len(n.target))
		if n.live != nil {
			i.Size = n.live.Size
		}
	case TypeFile:
		i.Size = f.size(n)
	}
	return i
}

// directory is what stat tells of a directory's size and links.
func (v View) directory(n *node) (size int64, links int) {
	if n.live != nil {
		return n.live.Size, n.links
	}
	if n.fixed {
		return 0, 2
	}
	names, bytes, links := len(n.added), 0, 2
	for name, c := range n.added {
		bytes += len(name)
		if c.isDir() {
			links++
		}
	}
	if n.entry >= 0 {
		e := v.FS.image.at(n.entry)
		links += e.subdirs
		for _, i := range e.children {
			child := v.FS.image.at(i)
			name := child.Name()
			if n.gone[name] || n.added[name] != nil {
				if child.Mode&TypeMask == TypeDir {
					links--
				}
				continue
			}
			names++
			bytes += len(name)
		}
	}
	if v.FS.DirSize == nil {
		return 4096, links
	}
	return v.FS.DirSize(names, bytes), links
}
