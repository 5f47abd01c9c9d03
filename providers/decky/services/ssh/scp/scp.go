package scp

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Options say whose files are copied.
type Options struct {
	View vfs.View
	Home string
	// Moved keeps a file that came or went on record before the client hears
	// of it; its error ends the session.
	Moved func(Transfer) error
}

// Transfer is a file that came or went.
type Transfer struct {
	Upload bool
	Path   string
	Size   int64
	SHA256 string // hex, of all that was sent
	Data   []byte // nil where it was too long to be kept
}

const (
	umask    = 0o022
	maxDepth = 64
	maxLine  = 4096
)

// errStop ends the session with status 1.
var errStop = errors.New("stop")

// session is one run of scp.
type session struct {
	Options
	command Command
	in      *bufio.Reader
	out     io.Writer
	errs    int
}

// Run is scp until it ends; it returns the exit status.
func Run(rw io.ReadWriter, command Command, options Options) int {
	s := &session{Options: options, command: command, in: bufio.NewReaderSize(rw, 8<<10), out: rw}
	var err error
	if command.Sink {
		err = s.receive()
	} else {
		err = s.sendAll()
	}
	if err != nil && !errors.Is(err, io.EOF) || s.errs > 0 {
		return 1
	}
	return 0
}

// complain tells the client of an error and goes on.
func (s *session) complain(format string, args ...any) error {
	s.errs++
	_, err := fmt.Fprintf(s.out, "\x01scp: "+format+"\n", args...)
	return err
}

// screwed ends the session: the client broke the protocol.
func (s *session) screwed(why string) error {
	if err := s.complain("protocol error: %s", why); err != nil {
		return err
	}
	return errStop
}

func (s *session) acknowledge() error {
	_, err := s.out.Write([]byte{0})
	return err
}

// response reads an acknowledgement; ok is false where the client complained.
func (s *session) response() (ok bool, err error) {
	b, err := s.in.ReadByte()
	if err != nil {
		return false, errStop
	}
	switch b {
	case 0:
		return true, nil
	case 1, 2:
		if _, err := s.line(); err != nil {
			return false, err
		}
		s.errs++
		if b == 2 {
			return false, errStop
		}
		return false, nil
	}
	return false, s.screwed("lost connection")
}

// line reads up to a line feed, which is dropped.
func (s *session) line() (string, error) {
	var b []byte
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			return "", io.EOF
		}
		if c == '\n' {
			return string(b), nil
		}
		if b = append(b, c); len(b) > maxLine {
			return "", errStop
		}
	}
}

// receive is scp -t.
func (s *session) receive() error {
	target := s.command.Paths[0]
	if target == "~" || strings.HasPrefix(target, "~/") {
		target = s.Home + target[1:]
	}
	full := vfs.Clean(s.Home, target)
	info, err := s.View.Stat(full)
	if s.command.Directory && (err != nil || !info.IsDir()) {
		if err == nil {
			err = syscall.ENOTDIR
		}
		return errors.Join(s.complain("%s: %s", target, vfs.Text(err)), errStop)
	}
	return s.sink(full, err == nil && info.IsDir(), 0)
}

// sink takes records until the end of the input or of a directory.
func (s *session) sink(target string, isDir bool, depth int) error {
	if err := s.acknowledge(); err != nil {
		return err
	}
	var stamp time.Time
	for first := true; ; first = false {
		line, err := s.line()
		if err != nil {
			return err
		}
		if line == "" {
			return s.screwed("unexpected <newline>")
		}
		switch line[0] {
		case 1:
			s.errs++
		case 2:
			return errStop
		case 'E':
			return s.acknowledge()
		case 'T':
			var mtime, atime int64
			var a, b int
			if n, _ := fmt.Sscanf(line[1:], "%d %d %d %d", &mtime, &a, &atime, &b); n != 4 {
				return s.screwed("mtime.sec not delimited")
			}
			stamp = time.Unix(mtime, 0)
			err = s.acknowledge()
		case 'C', 'D':
			err = s.entry(line, target, isDir, depth, stamp)
			stamp = time.Time{}
		default:
			if first {
				return errors.Join(s.complain("%s", line), errStop)
			}
			return s.screwed("expected control record")
		}
		if err != nil {
			return err
		}
	}
}

// header is a record of a file or a directory: mode, size and name.
func (s *session) header(line string) (mode uint32, size int64, name string, err error) {
	if len(line) < 6 {
		return 0, 0, "", s.screwed("bad mode")
	}
	for _, c := range []byte(line[1:5]) {
		if c < '0' || c > '7' {
			return 0, 0, "", s.screwed("bad mode")
		}
		mode = mode<<3 | uint32(c-'0')
	}
	if line[5] != ' ' {
		return 0, 0, "", s.screwed("mode not delimited")
	}
	number, name, ok := strings.Cut(line[6:], " ")
	for _, c := range []byte(number) {
		if c < '0' || c > '9' || size > 1<<53 {
			return 0, 0, "", s.screwed("size not delimited")
		}
		size = size*10 + int64(c-'0')
	}
	switch {
	case number == "":
		return 0, 0, "", s.screwed("size not present")
	case !ok:
		return 0, 0, "", s.screwed("size not delimited")
	case name == "" || name == "." || name == ".." || strings.Contains(name, "/"):
		return 0, 0, "", errors.Join(s.complain("error: unexpected filename: %s", name), errStop)
	}
	return mode, size, name, nil
}

func (s *session) entry(line, target string, isDir bool, depth int, stamp time.Time) error {
	mode, size, name, err := s.header(line)
	if err != nil {
		return err
	}
	full := target
	if isDir {
		full = strings.TrimSuffix(target, "/") + "/" + name
	}
	if line[0] == 'C' {
		return s.file(full, mode, size, stamp)
	}
	if !s.command.Recursive {
		return s.screwed("received directory without -r")
	}
	if depth >= maxDepth {
		return errStop
	}
	info, err := s.View.Stat(full)
	switch {
	case err == nil && !info.IsDir():
		return s.complain("%s: %s", full, vfs.Text(syscall.ENOTDIR))
	case err != nil:
		if err := s.View.Mkdir(full, mode&0o777|0o700); err != nil {
			return s.complain("%s: %s", full, vfs.Text(err))
		}
	}
	if err := s.sink(full, true, depth+1); err != nil {
		return err
	}
	if !stamp.IsZero() {
		_ = s.View.Chtimes(full, stamp) // scp goes on as well
	}
	return nil
}

// file takes one file: its size was announced, its bytes and an acknowledgement
// follow.
func (s *session) file(full string, mode uint32, size int64, stamp time.Time) error {
	if !s.command.Preserve {
		mode &^= umask
	}
	f, err := s.View.Open(full, vfs.Write|vfs.Create|vfs.Truncate, mode&0o7777)
	if err != nil {
		return s.complain("%s: %s", full, vfs.Text(err))
	}
	if err := s.acknowledge(); err != nil {
		return err
	}
	sum := sha256.New()
	var failed error
	var data []byte
	buffer := make([]byte, 16<<10)
	for left := size; left > 0; {
		n, err := s.in.Read(buffer[:min(left, int64(len(buffer)))])
		if n > 0 {
			_, _ = sum.Write(buffer[:n]) // never fails
			left -= int64(n)
			if failed == nil {
				if _, failed = f.Write(buffer[:n]); failed == nil {
					data = append(data, buffer[:n]...)
				}
			}
		}
		if err != nil && left > 0 {
			s.errs++
			size -= left
			if data != nil && failed == nil {
				_ = s.moved(full, size, sum.Sum(nil), data)
			}
			return io.EOF
		}
	}
	if failed != nil {
		data = nil
	} else if data == nil {
		data = []byte{}
	}
	if err := s.moved(full, size, sum.Sum(nil), data); err != nil {
		return err
	}
	if _, err := s.response(); err != nil {
		return err
	}
	if !stamp.IsZero() {
		_ = s.View.Chtimes(full, stamp) // scp goes on as well
	}
	if failed != nil {
		return s.complain("%s: %s", full, vfs.Text(failed))
	}
	if s.command.Preserve {
		_ = s.View.Chmod(full, mode) // the same
	}
	return s.acknowledge()
}

func (s *session) moved(full string, size int64, sum, data []byte) error {
	return s.Moved(Transfer{Upload: s.command.Sink, Path: full, Size: size, SHA256: hex.EncodeToString(sum), Data: data})
}
