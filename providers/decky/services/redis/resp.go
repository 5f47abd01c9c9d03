package redis

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
)

// Limits of the protocol. The first four are Redis' own, the others bound what
// a client can make this process keep.
const (
	maxInline          = 64 << 10 // bytes of a line
	maxUnauthMultibulk = 10
	maxUnauthBulk      = 16384
	maxBulk            = 512 << 20 // proto-max-bulk-len
	maxKept            = 4 << 20   // bytes of one command; what exceeds them is read and dropped
	keptPerArgument    = 48        // what an argument costs beside its bytes
)

// protocolError ends a connection after its text was sent.
type protocolError string

func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// reader takes commands apart as Redis does: inline lines and arrays of bulk
// strings (RESP, redis.io/docs/reference/protocol-spec).
type reader struct {
	src  io.Reader
	idle func() error // called before a read that may block
	// locked tells whether the client has yet to log in.
	locked func() bool
	held   *budget
	taken  int // of held, by the command that was read last
	buf    []byte
	start  int
}

func newReader(src io.Reader, idle func() error, locked func() bool, held *budget) *reader {
	return &reader{src: src, idle: idle, locked: locked, held: held}
}

// release gives back what the last command held.
func (r *reader) release() {
	r.held.give(r.taken)
	r.taken = 0
}

// more reads another chunk behind what is buffered.
func (r *reader) more() error {
	if err := r.idle(); err != nil {
		return err
	}
	if r.start > 0 {
		r.buf = r.buf[:copy(r.buf, r.buf[r.start:])]
		r.start = 0
	}
	if cap(r.buf)-len(r.buf) < 4096 {
		r.buf = append(make([]byte, 0, max(2*cap(r.buf), 16<<10)), r.buf...)
	}
	n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
	r.buf = r.buf[:len(r.buf)+n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

func (r *reader) pending() []byte { return r.buf[r.start:] }

// find is the place of c in the pending bytes, which end at the first NUL for
// this purpose as they do for strchr(3). too is the error of a line without end.
func (r *reader) find(c byte, too string) (int, error) {
	for {
		visible := r.pending()
		if nul := bytes.IndexByte(visible, 0); nul >= 0 {
			visible = visible[:nul]
		}
		if i := bytes.IndexByte(visible, c); i >= 0 {
			return i, nil
		}
		if len(r.pending()) > maxInline {
			return 0, protocolError(too)
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
}

// next is the next command; empty ones are skipped. The slices are the caller's
// until it asks for the next or calls release.
func (r *reader) next() ([][]byte, error) {
	r.release()
	for {
		for len(r.pending()) == 0 {
			if err := r.more(); err != nil {
				return nil, err
			}
		}
		var args [][]byte
		var err error
		if r.pending()[0] == '*' {
			args, err = r.multibulk()
		} else {
			args, err = r.inline()
		}
		if err != nil || len(args) > 0 {
			return args, err
		}
	}
}

func (r *reader) inline() ([][]byte, error) {
	end, err := r.find('\n', "too big inline request")
	if err != nil {
		return nil, err
	}
	line := r.pending()[:end]
	args, ok := splitLine(bytes.TrimSuffix(line, []byte("\r")))
	r.start += end + 1
	if !ok {
		return nil, protocolError("unbalanced quotes in request")
	}
	return args, nil
}

// header is the number of a line such as "*3\r\n", which it consumes.
func (r *reader) header(too, invalid string, check func(line []byte) error, limit int64) (int64, error) {
	end, err := r.find('\r', too)
	if err != nil {
		return 0, err
	}
	for len(r.pending()) < end+2 {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	line := r.pending()[:end]
	if err := check(r.pending()); err != nil {
		return 0, err
	}
	n, ok := parseInt(line[1:])
	if !ok || n > limit {
		return 0, protocolError(invalid)
	}
	r.start += end + 2
	return n, nil
}

func (r *reader) multibulk() ([][]byte, error) {
	n, err := r.header("too big mbulk count string", "invalid multibulk length", func([]byte) error { return nil }, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	if n > maxUnauthMultibulk && r.locked() {
		return nil, protocolError("unauthenticated multibulk length")
	}
	var args [][]byte
	kept := 0
	for range max(n, 0) {
		size, err := r.header("too big bulk count string", "invalid bulk length", func(pending []byte) error {
			if pending[0] == '$' {
				return nil
			}
			return protocolError(fmt.Sprintf("expected '$', got '%c'", printable(pending[0])))
		}, maxBulk)
		if err != nil {
			return nil, err
		}
		if size < 0 {
			return nil, protocolError("invalid bulk length")
		}
		if size > maxUnauthBulk && r.locked() {
			return nil, protocolError("unauthenticated bulk length")
		}
		room := max(maxKept-kept-keptPerArgument, 0)
		if want := int(min(size, int64(room))); want > freeHeld {
			if !r.held.take(want) {
				room = 0
			} else {
				r.taken += want
			}
		}
		data, err := r.bulk(size, room)
		if err != nil {
			return nil, err
		}
		if kept += len(data) + keptPerArgument; kept <= maxKept+keptPerArgument {
			args = append(args, data)
		}
	}
	return args, nil
}

// bulk reads size bytes and the two after them, of which it keeps room.
func (r *reader) bulk(size int64, room int) ([]byte, error) {
	data := make([]byte, 0, min(size, int64(room), 64<<10))
	for left := size + 2; left > 0; {
		if len(r.pending()) == 0 {
			if err := r.more(); err != nil {
				return nil, err
			}
		}
		chunk := r.pending()
		chunk = chunk[:min(int64(len(chunk)), left)]
		r.start += len(chunk)
		useful := chunk[:max(min(int64(len(chunk)), left-2), 0)]
		data = append(data, useful[:min(len(useful), room-len(data))]...)
		left -= int64(len(chunk))
	}
	return data, nil
}

func printable(c byte) byte {
	if c == '\r' || c == '\n' {
		return ' '
	}
	return c
}

// parseInt accepts what Redis' string2ll does: no sign but minus, no leading
// zero, no space.
func parseInt(s []byte) (int64, bool) {
	digits, negative := s, false
	if len(s) > 1 && s[0] == '-' {
		digits, negative = s[1:], true
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, false
	}
	n := uint64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	switch {
	case negative && n <= 1<<63:
		return int64(-n), true
	case !negative && n < 1<<63:
		return int64(n), true
	default:
		return 0, false
	}
}

var errUnbalanced = errors.New("unbalanced quotes")

// splitLine takes an inline command apart: words, 'single' and "double" quotes
// with \xHH, \n, \r, \t, \b, \a.
func splitLine(line []byte) (args [][]byte, ok bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		var word []byte
		var err error
		for i < len(line) && !isSpace(line[i]) {
			switch line[i] {
			case '"', '\'':
				var quoted []byte
				quoted, i, err = unquote(line, i)
				word = append(word, quoted...)
				if err != nil || i < len(line) && !isSpace(line[i]) {
					return nil, false
				}
			default:
				word = append(word, line[i])
				i++
			}
		}
		if word == nil {
			word = []byte{}
		}
		args = append(args, word)
	}
}

// unquote reads the quoted text at line[i]; next is behind its end.
func unquote(line []byte, i int) (text []byte, next int, err error) {
	quote := line[i]
	for i++; i < len(line); i++ {
		c := line[i]
		switch {
		case c == quote:
			return text, i + 1, nil
		case c == '\\' && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			i++
			text = append(text, '\'')
		case c == '\\' && quote == '"' && i+3 < len(line) && line[i+1] == 'x' && hexDigit(line[i+2]) >= 0 && hexDigit(line[i+3]) >= 0:
			text = append(text, byte(hexDigit(line[i+2])<<4|hexDigit(line[i+3])))
			i += 3
		case c == '\\' && quote == '"' && i+1 < len(line):
			i++
			text = append(text, escaped(line[i]))
		default:
			text = append(text, c)
		}
	}
	return nil, i, errUnbalanced
}

func escaped(c byte) byte {
	if i := bytes.IndexByte([]byte("nrtba"), c); i >= 0 {
		return "\n\r\t\b\a"[i]
	}
	return c
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}
