package program

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
)

// Stream is where a program's output goes. Print and Write fail once the reader
// is gone or the budget is used up.
type Stream struct {
	io.Writer
	TTY   bool
	Given int // 1 or 2 where it is the command line's own
}

// Print writes what needs no answer: messages.
func (s Stream) Print(text string) { _, _ = io.WriteString(s.Writer, text) }

// Read implements io.Reader for what is open for writing only.
func (s Stream) Read([]byte) (int, error) { return 0, syscall.EBADF }

// Streams are the open files of a program: 0, 1, 2 and what redirections opened
// beyond.
type Streams struct {
	In    io.Reader
	Out   Stream
	Err   Stream
	Other map[int]any // io.Reader or Stream
}

// ReadOnly is an input that is opened by name: writing fails.
type ReadOnly struct{ io.Reader }

// Read implements io.Reader; no input at all reads empty.
func (r ReadOnly) Read(p []byte) (int, error) {
	if r.Reader == nil {
		return 0, io.EOF
	}
	return r.Reader.Read(p)
}

// Write implements io.Writer for what is open for reading only.
func (ReadOnly) Write([]byte) (int, error) { return 0, syscall.EBADF }

// CountedWriter counts what goes to a file.
type CountedWriter struct {
	Budget Budget
	To     io.Writer
}

// Write implements io.Writer.
func (f *CountedWriter) Write(p []byte) (int, error) {
	if err := f.Budget.Spend(len(p)); err != nil {
		return 0, err
	}
	return f.To.Write(p)
}

// Pipe holds what one program says for the next one to read, at most the
// budget's room.
type Pipe struct {
	bytes.Buffer
	Budget Budget
}

// Write implements io.Writer; a full pipe is a broken one, as its reader has
// had enough to end.
func (p *Pipe) Write(b []byte) (int, error) {
	if err := p.Budget.Spend(len(b)); err != nil {
		return 0, err
	}
	if room := p.Budget.Room() - p.Len(); len(b) > room {
		p.Buffer.Write(b[:room])
		return room, ErrPipe
	}
	return p.Buffer.Write(b)
}

// ReadLine reads bytes up to a delimiter, one at a time, so that the next
// reader finds what follows.
func ReadLine(from io.Reader, delimiter byte, limit int) (line string, eof bool, err error) {
	if from == nil {
		return "", true, nil
	}
	var b [1]byte
	var out []byte
	for len(out) < limit {
		n, err := from.Read(b[:])
		if n == 1 {
			if b[0] == delimiter {
				return string(out), false, nil
			}
			out = append(out, b[0])
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return string(out), true, err
		}
	}
	return string(out), false, nil
}

// Base is the last element of a path.
func Base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
