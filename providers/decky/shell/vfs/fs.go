// Package vfs is a file system in memory: owners, modes, symbolic and hard
// links, devices, generated files, a quota. It is what a decoy's shell and its
// file transfers show and change. It knows no real file system and opens no
// file of the machine it runs on.
package vfs

import (
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Type bits of a mode, as stat(2) has them.
const (
	TypeMask   = 0o170000
	TypeSocket = 0o140000
	TypeLink   = 0o120000
	TypeFile   = 0o100000
	TypeBlock  = 0o060000
	TypeDir    = 0o040000
	TypeChar   = 0o020000
	TypeFIFO   = 0o010000
)

// Bounds of a file system.
const (
	MaxNodes    = 20_000  // files a client may add
	MaxFile     = 8 << 20 // bytes of one file
	MaxName     = 255     // bytes of one name
	MaxPath     = 4096    // bytes of a path
	maxSymlinks = 40
)

// FS is one tree. It is safe for concurrent use.
type FS struct {
	mu    sync.Mutex
	root  *node
	now   func() time.Time
	quota int64 // bytes that clients may hold
	used  int64
	added int
	next  uint64 // inode
	gone  map[string]bool
	dirty bool
}

type node struct {
	ino      uint64
	mode     uint32
	uid, gid int
	mtime    time.Time
	links    int
	data     []byte
	generate func() []byte // content of a generated file
	expand   func()        // fills a directory that lists something live
	target   string
	children map[string]*node
	rdev     [2]int // major, minor
	fixed    bool   // nothing below can be made, removed or renamed: /proc
	changed  bool   // by a client
}

// Info is what stat(2) tells.
type Info struct {
	Name         string
	Ino          uint64
	Mode         uint32 // with type bits
	UID, GID     int
	Size         int64
	Links        int
	MTime        time.Time
	Target       string // of a symbolic link
	Major, Minor int    // of a device
}

// IsDir tells a directory.
func (i Info) IsDir() bool { return i.Mode&TypeMask == TypeDir }

// IsLink tells a symbolic link.
func (i Info) IsLink() bool { return i.Mode&TypeMask == TypeLink }

// IsFile tells a regular file.
func (i Info) IsFile() bool { return i.Mode&TypeMask == TypeFile }

// New is a file system with nothing but a root directory. quota bounds the
// bytes that clients write, now stamps what they change.
func New(quota int64, now func() time.Time) *FS {
	f := &FS{now: now, quota: quota, gone: map[string]bool{}}
	f.root = f.make(TypeDir|0o755, 0, 0, now())
	return f
}

func (f *FS) make(mode uint32, uid, gid int, mtime time.Time) *node {
	f.next++
	n := &node{ino: f.next + 131_000, mode: mode, uid: uid, gid: gid, mtime: mtime, links: 1}
	if mode&TypeMask == TypeDir {
		n.children = map[string]*node{}
	}
	return n
}

// View is the file system as one user sees it: permissions are checked, and
// uid 0 may do everything but change what is generated.
type View struct {
	FS       *FS
	UID, GID int
}

// As is the file system as user uid of group gid sees it.
func (f *FS) As(uid, gid int) View { return View{f, uid, gid} }

// may checks want (4 read, 2 write, 1 execute).
func (v View) may(n *node, want uint32) bool {
	if v.UID == 0 {
		return want != 1 || n.mode&TypeMask == TypeDir || n.mode&0o111 != 0
	}
	bits := n.mode
	switch {
	case n.uid == v.UID:
		bits >>= 6
	case n.gid == v.GID:
		bits >>= 3
	}
	return bits&want == want
}

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
	type step struct {
		node *node
		name string
	}
	stack := []step{{v.FS.root, ""}}
	rest := splitPath(path)
	slash := strings.HasSuffix(path, "/")
	links := 0
	for i := 0; i < len(rest); i++ {
		name := rest[i]
		last := i == len(rest)-1
		top := stack[len(stack)-1].node
		if top.mode&TypeMask != TypeDir {
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
		if top.expand != nil {
			top.expand()
		}
		child := top.children[name]
		if child == nil {
			if !last {
				return place{}, syscall.ENOENT
			}
			return place{parent: top, name: name, path: joinSteps(stack, func(s step) string { return s.name }) + "/" + name, slash: slash}, nil
		}
		if child.mode&TypeMask == TypeLink && (!last || follow || slash) {
			if links++; links > maxSymlinks {
				return place{}, syscall.ELOOP
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
	p := place{node: top.node, name: top.name, path: joinSteps(stack, func(s step) string { return s.name }), slash: slash}
	if p.path == "" {
		p.path = "/"
	}
	if len(stack) > 1 {
		p.parent = stack[len(stack)-2].node
	}
	if slash && top.node.mode&TypeMask != TypeDir {
		return place{}, syscall.ENOTDIR
	}
	return p, nil
}

func joinSteps[T any](stack []T, name func(T) string) string {
	var b strings.Builder
	for _, s := range stack[1:] {
		b.WriteByte('/')
		b.WriteString(name(s))
	}
	return b.String()
}

func splitPath(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
}

// find is walk for something that must exist.
func (v View) find(path string, follow bool) (place, error) {
	p, err := v.walk(path, follow)
	if err == nil && p.node == nil {
		err = syscall.ENOENT
	}
	return p, err
}

func (n *node) info(name string) Info {
	size := int64(len(n.data))
	switch n.mode & TypeMask {
	case TypeDir:
		size = 4096
		if n.fixed {
			size = 0
		}
	case TypeLink:
		size = int64(len(n.target))
	}
	links := n.links
	if n.children != nil {
		links = 2
		for _, c := range n.children {
			if c.children != nil {
				links++
			}
		}
	}
	return Info{Name: name, Ino: n.ino, Mode: n.mode, UID: n.uid, GID: n.gid, Size: size, Links: links, MTime: n.mtime, Target: n.target, Major: n.rdev[0], Minor: n.rdev[1]}
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
	return p.node.info(p.name), nil
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
	if p.node.children == nil {
		return nil, syscall.ENOTDIR
	}
	if !v.may(p.node, 4) {
		return nil, syscall.EACCES
	}
	if p.node.expand != nil {
		p.node.expand()
	}
	list := make([]Info, 0, len(p.node.children))
	for name, n := range p.node.children {
		list = append(list, n.info(name))
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
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

// Used is how many bytes clients hold.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used
}

// Text is an error in the words of the C library.
func Text(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return "Input/output error"
	}
	if s, ok := texts[errno]; ok {
		return s
	}
	return "Input/output error"
}

var texts = map[syscall.Errno]string{
	syscall.ENOENT: "No such file or directory", syscall.EACCES: "Permission denied", syscall.EPERM: "Operation not permitted",
	syscall.EEXIST: "File exists", syscall.ENOTDIR: "Not a directory", syscall.EISDIR: "Is a directory", syscall.ENOTEMPTY: "Directory not empty",
	syscall.ENOSPC: "No space left on device", syscall.ELOOP: "Too many levels of symbolic links", syscall.ENAMETOOLONG: "File name too long",
	syscall.EINVAL: "Invalid argument", syscall.EROFS: "Read-only file system", syscall.EBUSY: "Device or resource busy", syscall.EXDEV: "Invalid cross-device link",
	syscall.EFBIG: "File too large", syscall.EMFILE: "Too many open files", syscall.EBADF: "Bad file descriptor", syscall.EIO: "Input/output error",
}
