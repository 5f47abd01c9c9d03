// Package site is the tree of static files that a fake web server shows: the
// page of a fresh installation or the operator's own, the icons that the
// distribution ships, modification times that fit the host. The pages are of
// our own making. It reads no real file and knows no protocol.
package site

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Entry is a file or a directory.
type Entry struct {
	Path     string // "/icons/": a directory's ends in a slash
	Dir      bool
	Body     []byte
	Modified time.Time
	// Index is the file that a directory answers with; nil for none.
	Index *Entry
	// Listed tells whether a directory without an index shows its members.
	Listed bool
	// Status is what the file is answered with where that is not 200: the
	// page of a server whose only answer is "forbidden".
	Status int
	// Inode is the file's number, for products that show it in an ETag.
	Inode uint64
}

// Type is the entry's name after its last dot, in lower case.
func (e *Entry) Type() string {
	name := e.Path[strings.LastIndexByte(e.Path, '/')+1:]
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		return strings.ToLower(name[i+1:])
	}
	return ""
}

// Name is the last part of the path, without the slash of a directory.
func (e *Entry) Name() string {
	name := strings.TrimSuffix(e.Path, "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Site is a tree. It never changes once it is made, and several deckies may
// share one.
type Site struct {
	entries map[string]*Entry
}

// New is a site of these entries; the directories above them are added where
// they are missing.
func New(entries ...*Entry) *Site {
	s := &Site{entries: map[string]*Entry{}}
	for _, e := range entries {
		s.entries[e.Path] = e
	}
	for _, e := range entries {
		path := strings.TrimSuffix(e.Path, "/")
		for path != "" {
			path = path[:strings.LastIndexByte(path, '/')]
			if s.entries[path+"/"] == nil {
				s.entries[path+"/"] = &Entry{Path: path + "/", Dir: true, Modified: e.Modified}
			}
		}
	}
	return s
}

// Find is the entry of a decoded path. A directory asked for without its slash
// is found, too: its own Path then differs from path.
func (s *Site) Find(path string) *Entry {
	if e := s.entries[path]; e != nil {
		return e
	}
	return s.entries[path+"/"]
}

// Below finds the longest file that is a proper prefix of path and the rest
// after it, for products that call that path info.
func (s *Site) Below(path string) (*Entry, string) {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			if e := s.entries[path[:i]]; e != nil && !e.Dir {
				return e, path[i:]
			}
		}
	}
	return nil, ""
}

// All are the entries by path.
func (s *Site) All() []*Entry {
	all := make([]*Entry, 0, len(s.entries))
	for _, e := range s.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *Entry) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// Members are what stands directly in a directory, by name.
func (s *Site) Members(dir string) []*Entry {
	var found []*Entry
	for path, e := range s.entries {
		rest, ok := strings.CutPrefix(path, dir)
		rest = strings.TrimSuffix(rest, "/")
		if ok && rest != "" && !strings.Contains(rest, "/") {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *Entry) int { return cmp.Compare(a.Path, b.Path) })
	return found
}
