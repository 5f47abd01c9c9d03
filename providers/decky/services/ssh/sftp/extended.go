package sftp

import (
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// extensions are those of OpenSSH's PROTOCOL, section 4, by name.
var extensions = map[string]func(*request) error{
	"posix-rename@openssh.com": func(q *request) error { return q.pair("posix-rename", vfs.View.Rename) },
	"hardlink@openssh.com":     func(q *request) error { return q.pair("hardlink", vfs.View.Link) },
	"statvfs@openssh.com":      (*request).statvfs, "fstatvfs@openssh.com": (*request).fstatvfs, "fsync@openssh.com": (*request).fsync, "lsetstat@openssh.com": (*request).lsetstat,
	"limits@openssh.com": (*request).limits, "expand-path@openssh.com": (*request).expand, "copy-data": (*request).copyData, "home-directory": (*request).homeDirectory,
	"users-groups-by-id@openssh.com": (*request).namesByID,
}

// extended answers an extended request that the version announces.
func (q *request) extended() error {
	name := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	for _, e := range q.s.options.Extensions {
		if handler := extensions[name]; handler != nil && e[0] == name {
			return handler(q)
		}
	}
	return q.status(fxUnsupported)
}

func (q *request) statvfs() error {
	name := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	if _, err := q.s.options.View.Stat(q.s.path(name)); err != nil {
		return q.status(statusOf(err))
	}
	return q.disk()
}

func (q *request) fstatvfs() error {
	h := q.file()
	if q.r.Bad() {
		return errFatal
	}
	if h == nil {
		return q.status(fxFailure)
	}
	return q.disk()
}

// disk is the reply of statvfs: an ext4 file system.
func (q *request) disk() error {
	blocks, free := q.s.options.Disk()
	reserved := blocks / 20
	inodes := blocks / 4
	p := q.answer(fxReply)
	for _, v := range []uint64{4096, 4096, blocks, free, free - min(free, reserved), inodes, inodes - inodes/12, inodes - inodes/12, blocks*2654435761 | 1<<40, 0, 255} {
		p = wire.AppendUint64(p, v)
	}
	return q.s.send(p)
}

func (q *request) fsync() error {
	h := q.file()
	if q.r.Bad() {
		return errFatal
	}
	if h == nil {
		return q.status(fxNoFile)
	}
	return q.status(fxOK)
}

func (q *request) lsetstat() error {
	name := q.r.Text()
	a := readAttributes(q.r)
	if q.r.Bad() {
		return errFatal
	}
	if a.has(attrSize) {
		return q.status(fxBadMessage)
	}
	path := q.s.path(name)
	info, err := q.s.options.View.Lstat(path)
	switch {
	case err == nil && info.IsLink() && a.has(attrPermissions):
		err = syscall.EOPNOTSUPP
	case err == nil && !info.IsLink():
		err = q.s.set(path, a)
	}
	return q.did("lsetstat", path, "", err)
}

func (q *request) limits() error {
	p := q.answer(fxReply)
	for _, v := range []uint64{maxMessage, maxRead, maxMessage - 1024, maxHandles} {
		p = wire.AppendUint64(p, v)
	}
	return q.s.send(p)
}

func (q *request) expand() error {
	name := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	if name == "" {
		name = "."
	}
	if rest, ok := strings.CutPrefix(name, "~"); ok {
		user, below, _ := strings.Cut(rest, "/")
		home := q.s.options.Home
		if user != "" {
			if home = q.s.homeOf(user); home == "" {
				return q.statusText(fxNoFile, "no such user")
			}
		}
		name = home + "/" + below
	}
	return q.resolved(q.s.path(name))
}

func (s *server) homeOf(user string) string {
	for _, a := range s.options.Users {
		if a.Name == user {
			return a.Home
		}
	}
	return ""
}

// homeDirectory answers for any user that there is with the client's own home,
// as sftp-server does.
func (q *request) homeDirectory() error {
	user := q.r.Text()
	if q.r.Bad() {
		return errFatal
	}
	if q.s.homeOf(user) == "" {
		return q.status(fxFailure)
	}
	return q.name(q.s.options.Home)
}

func (q *request) namesByID() error {
	users, groups := wire.NewReader(q.r.Bytes()), wire.NewReader(q.r.Bytes())
	if q.r.Bad() {
		return errFatal
	}
	p := q.answer(fxReply)
	for _, kind := range []struct {
		ids  *wire.Reader
		list []Account
	}{{users, q.s.options.Users}, {groups, q.s.options.Groups}} {
		var names []byte
		for !kind.ids.Ended() {
			id := kind.ids.Uint32()
			if kind.ids.Bad() {
				return errFatal
			}
			name := ""
			for _, a := range kind.list {
				if uint32(a.ID) == id {
					name = a.Name
				}
			}
			names = wire.AppendString(names, name)
		}
		p = wire.AppendString(p, names)
	}
	return q.s.send(p)
}

// maxCopy bounds what one copy-data moves: a device never ends.
const maxCopy = 64 << 20

func (q *request) copyData() error {
	from, at, length, to, offset := q.file(), q.r.Uint64(), q.r.Uint64(), q.file(), q.r.Uint64()
	if q.r.Bad() {
		return errFatal
	}
	if from == nil || to == nil || from == to || from.path == to.path {
		return q.status(fxFailure)
	}
	whole := length == 0
	if whole || length > maxCopy {
		length = maxCopy
	}
	if at > 1<<63-1 || offset > 1<<63-1 {
		return q.status(fxBadMessage)
	}
	if at > vfs.MaxFile {
		at = vfs.MaxFile
	}
	if _, err := from.file.Seek(int64(at), io.SeekStart); err != nil {
		return q.status(statusOf(err))
	}
	buffer := make([]byte, 64<<10)
	for length > 0 {
		want := min(uint64(len(buffer)), length)
		length -= want
		n, err := io.ReadFull(from.file, buffer[:want])
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF): // a short piece counts as a whole one
			err = nil
		case errors.Is(err, io.EOF) && whole:
			return q.status(fxOK)
		case errors.Is(err, io.EOF):
			return q.status(fxEOF)
		}
		if err == nil {
			err = to.write(offset, buffer[:n])
		}
		if err != nil {
			return q.status(statusOf(err))
		}
		offset += uint64(n)
	}
	return q.status(fxOK)
}
