package vfs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// entry is one change of a client as it is kept.
type entry struct {
	Path   string `json:"p"`
	Mode   uint32 `json:"m"`
	UID    int    `json:"u,omitempty"`
	GID    int    `json:"g,omitempty"`
	MTime  int64  `json:"t"`
	Data   []byte `json:"d,omitempty"`
	Target string `json:"l,omitempty"`
}

type saved struct {
	Gone    []string `json:"gone,omitempty"`
	Entries []entry  `json:"entries,omitempty"`
}

// Changes is what clients changed since the base, for Restore on a file system
// with the same base. A second name of a file is kept as a file of its own.
func (f *FS) Changes() ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := saved{Gone: slices.Sorted(maps.Keys(f.gone))}
	collect(f.root, "", &s.Entries)
	f.dirty = false
	return json.Marshal(s)
}

func collect(n *node, path string, out *[]entry) {
	if n.changed && path != "" {
		*out = append(*out, entry{path, n.mode, n.uid, n.gid, n.mtime.UnixNano(), n.data, n.target})
	}
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		collect(n.children[name], path+"/"+name, out)
	}
}

// Dirty tells whether anything changed since the last Changes.
func (f *FS) Dirty() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dirty
}

// Restore applies what Changes returned.
func (f *FS) Restore(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("read kept files: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	root := f.As(0, 0)
	for _, path := range s.Gone {
		if p, err := root.find(path, false); err == nil && p.parent != nil {
			delete(p.parent.children, p.name)
			f.gone[path] = true
		}
	}
	for _, e := range s.Entries {
		p, err := root.walk(e.Path, false)
		if err != nil || p.parent == nil {
			continue
		}
		n := p.node
		if n == nil || n.mode&TypeMask != e.Mode&TypeMask {
			n = f.make(e.Mode, e.UID, e.GID, time.Time{})
			p.parent.children[p.name] = n
		}
		if n.generate != nil || n.fixed {
			continue
		}
		n.mode, n.uid, n.gid, n.mtime, n.data, n.target = e.Mode, e.UID, e.GID, time.Unix(0, e.MTime), e.Data, e.Target
		if !n.changed {
			n.changed = true
			f.added++
		}
		f.used += int64(len(n.data))
	}
	f.dirty = false
	return nil
}
