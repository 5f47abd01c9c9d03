package vfs

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Version tells two packed changes apart, path by path, without their content.
// The zero value is that of no changes.
type Version map[name][sha256.Size]byte

// gone stands for a file that is no more.
var gone = sha256.Sum256([]byte("gone"))

// version is that of s.
func (s *saved) version() (Version, error) {
	v := Version{}
	for _, path := range s.Gone {
		v[path] = gone
	}
	for _, e := range s.Entries {
		if e.Gone {
			v[e.Path] = gone
			continue
		}
		data, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		v[e.Path] = sha256.Sum256(data)
	}
	return v, nil
}

// VersionOf is the version of what Changes returned.
func VersionOf(data []byte) (Version, error) {
	s, err := unpack(data)
	if err != nil {
		return nil, err
	}
	return s.version()
}

func unpack(data []byte) (saved, error) {
	var s saved
	if len(data) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("read kept files: %w", err)
	}
	return s, nil
}

// Merge takes in what another file system with the same base and image changed,
// while both had the version base: theirs are its Changes. A file that this one
// changed too stays as it is here. What is open stays open.
func (f *FS) Merge(base Version, theirs []byte) error {
	s, err := unpack(theirs)
	if err != nil {
		return err
	}
	their, err := s.version()
	if err != nil {
		return fmt.Errorf("read kept files: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.collect()
	mine, err := own.version()
	if err != nil {
		return fmt.Errorf("pack files: %w", err)
	}
	m := merger{f: f, root: f.As(0, 0), base: base, mine: mine, their: their}
	dirty := f.dirty
	m.drop()
	var taken []entry
	for _, e := range s.Entries {
		if e.Gone || !m.news(e.Path) {
			continue
		}
		m.replace(e)
		f.restore(m.root, e)
		taken = append(taken, e)
	}
	f.stampAll(m.root, taken)
	f.dirty = dirty
	return nil
}

type merger struct {
	f                 *FS
	root              View
	base, mine, their Version
}

// news tells of a path that they changed and nobody here.
func (m *merger) news(path name) bool {
	return m.their[path] != m.base[path] && m.mine[path] == m.base[path]
}

// drop takes away what they removed: what is gone from the image, and what a
// client had made. The deepest go first; a directory in which somebody here
// changed something stays.
func (m *merger) drop() {
	var paths []name
	for path, v := range m.their {
		if v == gone && m.news(path) {
			paths = append(paths, path)
		}
	}
	for path := range m.base {
		if _, still := m.their[path]; !still && m.news(path) {
			paths = append(paths, path)
		}
	}
	slices.SortFunc(paths, func(a, b name) int { return cmp.Compare(b, a) })
	for _, path := range paths {
		if !m.busy(path) {
			m.remove(path)
		}
	}
}

// busy tells whether something below a path was changed here.
func (m *merger) busy(path name) bool {
	for other, v := range m.mine {
		if v != gone && v != m.base[other] && strings.HasPrefix(string(other), string(path)+"/") {
			return true
		}
	}
	return false
}

func (m *merger) remove(path name) {
	p, err := m.root.find(string(path), false)
	if err != nil || p.parent == nil || p.parent.fixed || p.node.fixed || p.node.mount != nil || p.node.live != nil {
		return
	}
	if p.node.isDir() && len(p.node.added) > 0 {
		return // of somebody here, or it was not theirs to remove
	}
	m.f.detach(p)
	if n := m.f.current(p.node); n.entry >= 0 && n.links == 0 {
		n.changed, n.links = false, 1 // it may stand somewhere else now
	}
}

// replace makes room for an entry of another kind.
func (m *merger) replace(e entry) {
	p, err := m.root.find(string(e.Path), false)
	if err == nil && p.parent != nil && (p.node.mode&TypeMask != e.Mode&TypeMask || e.Base != "" && p.node.entry < 0) {
		m.remove(e.Path)
	}
}
