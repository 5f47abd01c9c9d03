// Package sftp is version 3 of the SSH file transfer protocol
// (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions, as OpenSSH's
// sftp-server answers it, over a file system in memory. It keeps what is
// uploaded and downloaded on record and opens no file of the machine.
package sftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Options say whose files are served.
type Options struct {
	View vfs.View
	// Home is where relative paths begin, Homes where ~user is and who has a
	// number.
	Home   string
	Users  []Account
	Groups []Account
	// Extensions are what the version packet announces; no others work.
	Extensions [][2]string
	// Disk is the size of the file system in blocks of 4 KB, and how many are
	// free.
	Disk func() (blocks, free uint64)
	Now  func() time.Time
	// Did keeps an operation on record before it is answered, and Moved a file
	// that was written or read, when its handle is closed. An error of theirs
	// ends the session.
	Did   func(Operation) error
	Moved func(Transfer) error
}

// Account is a user or a group.
type Account struct {
	Name, Home string
	ID         int
}

// Operation is a change, or a directory that was listed.
type Operation struct {
	Name   string // "remove"
	Path   string
	Target string // of a rename or a link
	Status uint32 // SSH_FX_
}

// Transfer is a file that was written or read.
type Transfer struct {
	Upload bool
	Path   string
	Data   []byte // the file as it was when its handle was closed
}

// Exit statuses of sftp-server.
const (
	exitFatal   = 255
	exitTooLong = 11
)

// Limits of OpenSSH's sftp-server.
const (
	maxMessage = 256 << 10
	maxRead    = maxMessage - 1024
	maxHandles = 1019 // 1,024 descriptors less those of the process
	umask      = 0o022
)

// Message numbers of draft-ietf-secsh-filexfer-02 section 3.
const (
	fxInit     = 1
	fxVersion  = 2
	fxOpen     = 3
	fxClose    = 4
	fxRead     = 5
	fxWrite    = 6
	fxLstat    = 7
	fxFstat    = 8
	fxSetstat  = 9
	fxFsetstat = 10
	fxOpendir  = 11
	fxReaddir  = 12
	fxRemove   = 13
	fxMkdir    = 14
	fxRmdir    = 15
	fxRealpath = 16
	fxStat     = 17
	fxRename   = 18
	fxReadlink = 19
	fxSymlink  = 20
	fxStatus   = 101
	fxHandle   = 102
	fxData     = 103
	fxName     = 104
	fxAttrs    = 105
	fxExtended = 200
	fxReply    = 201
)

// errFatal ends the session as sftp-server's fatal does.
var errFatal = errors.New("malformed message")

// server is one session.
type server struct {
	options Options
	out     io.Writer
	began   bool
	version uint32
	handles []*handle // by number, nil where free
	free    []int     // freed numbers, the last first
}

// Serve answers requests until the client ends or breaks the protocol, and
// returns sftp-server's exit status; an error is one of writing or recording.
func Serve(rw io.ReadWriter, options Options) (int, error) {
	s := &server{options: options, out: rw}
	status, err := s.loop(rw)
	return status, errors.Join(err, s.closeAll())
}

func (s *server) loop(in io.Reader) (int, error) {
	var head [4]byte
	var message []byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return 0, nil // the client's end
		}
		n := binary.BigEndian.Uint32(head[:])
		if n > maxMessage {
			return exitTooLong, nil
		}
		if uint32(cap(message)) < n || cap(message) > 64<<10 && n < 32<<10 {
			message = make([]byte, n)
		}
		message = message[:n]
		if _, err := io.ReadFull(in, message); err != nil {
			return 0, nil
		}
		err := s.message(message)
		if errors.Is(err, errFatal) {
			return exitFatal, nil
		}
		if err != nil {
			return exitFatal, err
		}
	}
}

func (s *server) message(message []byte) error {
	r := wire.NewReader(message)
	kind := r.Byte()
	if r.Bad() {
		return errFatal
	}
	if kind == fxInit {
		return s.init(r)
	}
	id := r.Uint32()
	if r.Bad() || !s.began {
		return errFatal
	}
	q := &request{s: s, id: id, r: r}
	if kind == fxExtended {
		return q.extended()
	}
	if handler := handlers[kind]; handler != nil {
		return handler(q)
	}
	return nil // noted in its log, not answered
}

// init answers the first message (section 4).
func (s *server) init(r *wire.Reader) error {
	s.version = r.Uint32()
	if r.Bad() {
		return errFatal
	}
	s.began = true
	p := wire.AppendUint32([]byte{fxVersion}, 3)
	for _, e := range s.options.Extensions {
		p = wire.AppendString(wire.AppendString(p, e[0]), e[1])
	}
	return s.send(p)
}

func (s *server) send(p []byte) error {
	message := make([]byte, 0, 4+len(p))
	if _, err := s.out.Write(wire.AppendString(message, p)); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// request is one request of the client.
type request struct {
	s  *server
	id uint32
	r  *wire.Reader
}

var handlers = map[byte]func(*request) error{
	fxOpen: (*request).open, fxClose: (*request).close, fxRead: (*request).read, fxWrite: (*request).write,
	fxStat: (*request).stat, fxLstat: (*request).lstat, fxFstat: (*request).fstat, fxSetstat: (*request).setstat, fxFsetstat: (*request).fsetstat,
	fxOpendir: (*request).opendir, fxReaddir: (*request).readdir, fxRemove: (*request).remove, fxMkdir: (*request).mkdir, fxRmdir: (*request).rmdir,
	fxRealpath: (*request).realpath, fxRename: (*request).rename, fxReadlink: (*request).readlink, fxSymlink: (*request).symlink,
}

// answer begins a reply.
func (q *request) answer(kind byte) []byte { return wire.AppendUint32([]byte{kind}, q.id) }

// status answers with a status and its words (section 7).
func (q *request) status(code uint32) error { return q.statusText(code, texts[min(code, 9)]) }

func (q *request) statusText(code uint32, text string) error {
	p := wire.AppendUint32(q.answer(fxStatus), code)
	if q.s.version >= 3 {
		p = wire.AppendString(wire.AppendString(p, text), "")
	}
	return q.s.send(p)
}

// did keeps an operation and answers with its status.
func (q *request) did(name, path, target string, err error) error {
	code := statusOf(err)
	if err := q.s.options.Did(Operation{Name: name, Path: path, Target: target, Status: code}); err != nil {
		return err
	}
	return q.status(code)
}

// path is a path argument from the root.
func (s *server) path(name string) string {
	if name == "" {
		return ""
	}
	return vfs.Clean(s.options.Home, name)
}
