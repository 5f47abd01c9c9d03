package sftp

import (
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Flags of section 5.
const (
	attrSize        = 1
	attrOwner       = 2
	attrPermissions = 4
	attrTimes       = 8
	attrExtended    = 1 << 31
	maxAttrPairs    = 64
)

// attributes are section 5's ATTRS.
type attributes struct {
	flags        uint32
	size         uint64
	uid, gid     uint32
	perm         uint32
	atime, mtime uint32
}

func (a attributes) has(flag uint32) bool { return a.flags&flag != 0 }

func readAttributes(r *wire.Reader) attributes {
	a := attributes{flags: r.Uint32()}
	if a.has(attrSize) {
		a.size = r.Uint64()
	}
	if a.has(attrOwner) {
		a.uid, a.gid = r.Uint32(), r.Uint32()
	}
	if a.has(attrPermissions) {
		a.perm = r.Uint32()
	}
	if a.has(attrTimes) {
		a.atime, a.mtime = r.Uint32(), r.Uint32()
	}
	if a.has(attrExtended) {
		for range min(r.Uint32(), maxAttrPairs) {
			r.Bytes()
			r.Bytes()
		}
	}
	return a
}

func attributesOf(i vfs.Info) attributes {
	return attributes{flags: attrSize | attrOwner | attrPermissions | attrTimes, size: uint64(i.Size), uid: uint32(i.UID), gid: uint32(i.GID), perm: i.Mode, atime: uint32(i.ATime.Unix()), mtime: uint32(i.MTime.Unix())}
}

func (a attributes) append(p []byte) []byte {
	p = wire.AppendUint32(p, a.flags)
	if a.flags == 0 {
		return p
	}
	p = wire.AppendUint64(p, a.size)
	for _, v := range []uint32{a.uid, a.gid, a.perm, a.atime, a.mtime} {
		p = wire.AppendUint32(p, v)
	}
	return p
}

func (q *request) stat() error  { return q.look(q.s.options.View.Stat) }
func (q *request) lstat() error { return q.look(q.s.options.View.Lstat) }

func (q *request) look(look func(string) (vfs.Info, error)) error {
	name := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	info, err := look(q.s.path(name))
	if err != nil {
		return q.status(statusOf(err))
	}
	return q.s.send(attributesOf(info).append(q.answer(fxAttrs)))
}

func (q *request) fstat() error {
	h := q.file()
	if q.r.Bad() {
		return errFatal
	}
	if h == nil {
		return q.status(fxFailure)
	}
	return q.s.send(attributesOf(h.file.Info()).append(q.answer(fxAttrs)))
}

func (q *request) setstat() error {
	name := q.r.Text()
	a := readAttributes(q.r)
	if q.r.Bad() {
		return errFatal
	}
	path := q.s.path(name)
	return q.did("setstat", path, "", q.s.set(path, a))
}

func (q *request) fsetstat() error {
	h := q.file()
	a := readAttributes(q.r)
	if q.r.Bad() {
		return errFatal
	}
	if h == nil {
		return q.status(fxFailure)
	}
	return q.did("fsetstat", h.path, "", q.s.set(h.path, a))
}

// set changes what a says; every change is tried, the last error counts.
func (s *server) set(path string, a attributes) (failed error) {
	try := func(err error) {
		if err != nil {
			failed = err
		}
	}
	v := s.options.View
	if a.has(attrSize) {
		try(truncate(v, path, a.size))
	}
	if a.has(attrPermissions) {
		try(v.Chmod(path, a.perm&0o7777))
	}
	if a.has(attrTimes) {
		try(v.Utimes(path, time.Unix(int64(a.atime), 0), time.Unix(int64(a.mtime), 0), true))
	}
	if a.has(attrOwner) {
		try(v.Chown(path, int(int32(a.uid)), int(int32(a.gid))))
	}
	return failed
}

// truncate is truncate(2).
func truncate(v vfs.View, path string, size uint64) error {
	if size > 1<<63-1 {
		return syscall.EINVAL
	}
	f, err := v.Open(path, vfs.Write, 0)
	if err != nil {
		return err
	}
	return f.Truncate(int64(size))
}
