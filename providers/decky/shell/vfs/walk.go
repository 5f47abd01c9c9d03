package vfs

import (
	"strings"
	"syscall"
)

// Clean makes path absolute below cwd without resolving links or "..".
func Clean(cwd, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return strings.TrimSuffix(cwd, "/") + "/" + path
}

// place is where a path leads: the parent, the last name and the node, nil
// where nothing is there yet.
type place struct {
	parent *node
	name   string
	node   *node
	path   string // with links resolved
	slash  bool   // the path ended with a slash
	stack  []step // the directories on the way
}

type step struct {
	node *node
	name string
}

// walk resolves path; follow says whether a link as the last element is
// followed. The caller holds the lock.
func (v View) walk(path string, follow bool) (place, error) {
	if path == "" {
		return place{}, syscall.ENOENT
	}
	if len(path) > MaxPath {
		return place{}, syscall.ENAMETOOLONG
	}
	stack := []step{{v.FS.root, ""}}
	rest := splitPath(path)
	slash := strings.HasSuffix(path, "/")
	links := 0
	for i := 0; i < len(rest); i++ {
		name := rest[i]
		last := i == len(rest)-1
		top := stack[len(stack)-1].node
		if !top.isDir() {
			return place{}, syscall.ENOTDIR
		}
		if !v.may(top, 1) {
			return place{}, syscall.EACCES
		}
		if len(name) > MaxName {
			return place{}, syscall.ENAMETOOLONG
		}
		switch name {
		case ".":
			continue
		case "..":
			if len(stack) > 1 {
				stack = stack[:len(stack)-1]
			}
			continue
		}
		child := v.child(top, name)
		if child == nil {
			if !last {
				return place{}, syscall.ENOENT
			}
			return place{parent: top, name: name, path: joinSteps(stack) + "/" + name, slash: slash, stack: stack}, nil
		}
		if child.mode&TypeMask == TypeLink && (!last || follow || slash) {
			if links++; links > maxSymlinks {
				return place{}, syscall.ELOOP
			}
			if child.target == "" || len(child.target) > MaxPath {
				return place{}, syscall.ENOENT
			}
			if strings.HasPrefix(child.target, "/") {
				stack = stack[:1]
			}
			rest = append(splitPath(child.target), rest[i+1:]...)
			i = -1
			continue
		}
		stack = append(stack, step{child, name})
	}
	top := stack[len(stack)-1]
	p := place{node: top.node, name: top.name, path: joinSteps(stack), slash: slash, stack: stack}
	if p.path == "" {
		p.path = "/"
	}
	if len(stack) > 1 {
		p.parent = stack[len(stack)-2].node
	}
	if slash && !top.node.isDir() {
		return place{}, syscall.ENOTDIR
	}
	return p, nil
}

func joinSteps(stack []step) string {
	var b strings.Builder
	for _, s := range stack[1:] {
		b.WriteByte('/')
		b.WriteString(s.name)
	}
	return b.String()
}

func splitPath(path string) []string {
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// find is walk for something that must exist.
func (v View) find(path string, follow bool) (place, error) {
	p, err := v.walk(path, follow)
	if err == nil && p.node == nil {
		err = syscall.ENOENT
	}
	return p, err
}

// Stat follows links.
func (v View) Stat(path string) (Info, error) { return v.stat(path, true) }

// Lstat does not follow a link as the last element.
func (v View) Lstat(path string) (Info, error) { return v.stat(path, false) }

func (v View) stat(path string, follow bool) (Info, error) {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, follow)
	if err != nil {
		return Info{}, err
	}
	return v.info(p.node, p.name), nil
}

// Resolve is path without links, "." and "..".
func (v View) Resolve(path string) (string, error) {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, true)
	return p.path, err
}

// ReadDir lists a directory, sorted by name.
func (v View) ReadDir(path string) ([]Info, error) {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, true)
	if err != nil {
		return nil, err
	}
	if !p.node.isDir() {
		return nil, syscall.ENOTDIR
	}
	if !v.may(p.node, 4) {
		return nil, syscall.EACCES
	}
	dir := p.node
	if dir.mount != nil { // made once for all names
		dir = v.mounted(dir)
	}
	names := v.names(dir)
	list := make([]Info, 0, len(names))
	for _, name := range names {
		if n := v.child(dir, name); n != nil {
			list = append(list, v.info(n, name))
		}
	}
	return list, nil
}

// Access tells whether the user may do want (4 read, 2 write, 1 execute).
func (v View) Access(path string, want uint32) error {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, true)
	if err != nil {
		return err
	}
	if !v.may(p.node, want) {
		return syscall.EACCES
	}
	return nil
}

// Genuine tells whether path leads to a program as the image holds it: what was
// copied, replaced or written to is not.
func (v View) Genuine(path string) bool {
	v.FS.mu.Lock()
	defer v.FS.mu.Unlock()
	p, err := v.find(path, true)
	return err == nil && p.node.entry >= 0 && !p.node.own && p.node.mode&TypeMask == TypeFile
}
