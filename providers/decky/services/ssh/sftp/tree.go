package sftp

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// maxNames is how many entries one answer holds.
const maxNames = 100

func (q *request) opendir() error {
	name := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	path := q.s.path(name)
	info, err := q.s.options.View.Stat(path)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err == nil {
		err = q.s.options.View.Access(path, 4)
	}
	if err != nil {
		return q.did("opendir", path, "", err)
	}
	if err := q.s.options.Did(Operation{Name: "opendir", Path: path}); err != nil {
		return err
	}
	return q.opened(&handle{path: path})
}

// readdir sends the next entries. The directory is listed again every time, so
// that a handle holds no more than a number.
func (q *request) readdir() error {
	h, _ := q.handle()
	if q.r.Bad() {
		return errFatal
	}
	if h == nil || h.file != nil {
		return q.status(fxFailure)
	}
	list, err := q.s.list(h.path)
	if err != nil || h.next >= len(list) {
		return q.status(fxEOF)
	}
	list = list[h.next:]
	list = list[:min(len(list), maxNames)]
	h.next += len(list)
	p := wire.AppendUint32(q.answer(fxName), uint32(len(list)))
	for _, info := range list {
		p = wire.AppendString(wire.AppendString(p, info.Name), q.s.longName(info))
		p = attributesOf(info).append(p)
	}
	return q.s.send(p)
}

// list is a directory in an order like that of a hashed one.
func (s *server) list(path string) ([]vfs.Info, error) {
	list, err := s.options.View.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{".", ".."} {
		if info, err := s.options.View.Lstat(strings.TrimSuffix(path, "/") + "/" + name); err == nil {
			info.Name = name
			list = append(list, info)
		}
	}
	key := func(i vfs.Info) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(i.Name)) // never fails
		return h.Sum64()
	}
	slices.SortFunc(list, func(a, b vfs.Info) int { return cmp.Compare(key(a), key(b)) })
	return list, nil
}

// longName is a line as ls -l prints it, in sftp-server's columns.
func (s *server) longName(i vfs.Info) string {
	now := s.options.Now()
	stamp := i.MTime.UTC().Format("Jan _2  2006")
	if i.MTime.After(now.Add(-365*24*time.Hour/2)) && !i.MTime.After(now) {
		stamp = i.MTime.UTC().Format("Jan _2 15:04")
	}
	return fmt.Sprintf("%s %3d %-8s %-8s %8d %s %s", modeText(i.Mode), i.Links, nameOf(s.options.Users, i.UID), nameOf(s.options.Groups, i.GID), i.Size, stamp, i.Name)
}

func nameOf(list []Account, id int) string {
	for _, a := range list {
		if a.ID == id {
			return a.Name
		}
	}
	return strconv.Itoa(id)
}

// modeText is BSD's strmode: ls's letters and one more column.
func modeText(mode uint32) string {
	kind := map[uint32]byte{vfs.TypeDir: 'd', vfs.TypeLink: 'l', vfs.TypeFile: '-', vfs.TypeChar: 'c', vfs.TypeBlock: 'b', vfs.TypeSocket: 's', vfs.TypeFIFO: 'p'}[mode&vfs.TypeMask]
	b := []byte("?rwxrwxrwx ")
	if kind != 0 {
		b[0] = kind
	}
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			b[1+i] = '-'
		}
	}
	for _, special := range []struct {
		bit    uint32
		at     int
		letter byte
	}{{0o4000, 3, 's'}, {0o2000, 6, 's'}, {0o1000, 9, 't'}} {
		if mode&special.bit != 0 {
			if b[special.at] == '-' {
				special.letter -= 'a' - 'A'
			}
			b[special.at] = special.letter
		}
	}
	return string(b)
}

func (q *request) remove() error {
	return q.change("remove", func(v vfs.View, path string) error {
		if info, err := v.Lstat(path); err == nil && info.IsDir() {
			return syscall.EISDIR
		}
		return v.Remove(path)
	})
}

func (q *request) rmdir() error {
	return q.change("rmdir", func(v vfs.View, path string) error {
		if info, err := v.Lstat(path); err == nil && !info.IsDir() {
			return syscall.ENOTDIR
		}
		return v.Remove(path)
	})
}

// change is a request with a path alone.
func (q *request) change(name string, change func(vfs.View, string) error) error {
	arg := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	path := q.s.path(arg)
	return q.did(name, path, "", change(q.s.options.View, path))
}

func (q *request) mkdir() error {
	name := q.r.Text()
	a := readAttributes(q.r)
	if q.r.Bad() {
		return errFatal
	}
	perm := uint32(0o777)
	if a.has(attrPermissions) {
		perm = a.perm & 0o7777
	}
	path := q.s.path(name)
	return q.did("mkdir", path, "", q.s.options.View.Mkdir(path, perm&^umask))
}

// rename of version 3 replaces nothing.
func (q *request) rename() error {
	return q.pair("rename", func(v vfs.View, from, to string) error {
		if _, err := v.Lstat(from); err != nil {
			return err
		}
		if _, err := v.Lstat(to); err == nil {
			return syscall.EEXIST
		}
		return v.Rename(from, to)
	})
}

// pair is a request with two paths.
func (q *request) pair(name string, change func(v vfs.View, from, to string) error) error {
	a, b := q.r.Text(), q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	from, to := q.s.path(a), q.s.path(b)
	return q.did(name, from, to, change(q.s.options.View, from, to))
}

// symlink has its arguments in OpenSSH's order: what it points to, its path.
func (q *request) symlink() error {
	target, name := q.r.Text(), q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	path := q.s.path(name)
	err := error(syscall.ENOENT)
	if target != "" {
		err = q.s.options.View.Symlink(target, path)
	}
	return q.did("symlink", path, target, err)
}

func (q *request) readlink() error {
	name := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	info, err := q.s.options.View.Lstat(q.s.path(name))
	if err == nil && !info.IsLink() {
		err = syscall.EINVAL
	}
	if err != nil {
		return q.status(statusOf(err))
	}
	return q.name(info.Target)
}

// name answers with one name and no attributes.
func (q *request) name(name string) error {
	p := wire.AppendUint32(q.answer(fxName), 1)
	p = wire.AppendString(wire.AppendString(p, name), name)
	return q.s.send(attributes{}.append(p))
}

func (q *request) realpath() error {
	name := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	if name == "" {
		name = "."
	}
	return q.resolved(q.s.path(name))
}

func (q *request) resolved(path string) error {
	real, err := resolve(q.s.options.View, path)
	if err != nil {
		return q.status(statusOf(err))
	}
	return q.name(real)
}

const (
	maxLinks = 32
	maxSteps = 4 * vfs.MaxPath
)

// resolve is a path without links, "." and ".."; only its last element need not
// exist.
func resolve(v vfs.View, path string) (string, error) {
	if len(path) >= vfs.MaxPath {
		return "", syscall.ENAMETOOLONG
	}
	var done []string
	rest := strings.Split(path, "/")
	links := 0
	for steps := 0; len(rest) > 0; steps++ {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			done = done[:max(len(done)-1, 0)]
			continue
		}
		here := "/" + strings.Join(append(slices.Clip(done), name), "/")
		info, err := v.Lstat(here)
		switch {
		case err == syscall.ENOENT && len(rest) == 0:
			return here, nil
		case err != nil:
			return "", err
		case !info.IsLink():
			done = append(done, name)
			continue
		}
		if links++; links > maxLinks || steps > maxSteps {
			return "", syscall.ELOOP
		}
		if strings.HasPrefix(info.Target, "/") {
			done = nil
		}
		rest = append(strings.Split(info.Target, "/"), rest...)
	}
	return "/" + strings.Join(done, "/"), nil
}
