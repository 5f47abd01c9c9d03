package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// Terminal is the line discipline between a client and a shell: echo, erase,
// ^C, ^D, ^U, ^W, history by arrows, CR and LF. A goroutine of its own reads the
// client, so that ^C reaches a command that runs.
type Terminal struct {
	client io.Reader
	out    io.Writer

	mu        sync.Mutex
	arrived   *sync.Cond
	pumped    sync.WaitGroup
	bytes     []byte
	err       error
	stop      context.CancelFunc // of the command that runs
	cooked    []byte             // of a line that a command has not read yet
	ended     bool               // ^D on an empty line
	afterCR   bool
	interrupt bool
	silent    bool // nothing is shown
	single    bool // every byte is given away at once
}

// maxTyped bounds what waits unread.
const maxTyped = 256 << 10

// NewTerminal is a terminal over a client's two directions. Interactive
// and One start its reader; who closes the client calls Wait after that.
func NewTerminal(client io.Reader, out io.Writer) *Terminal {
	t := &Terminal{client: client, out: out}
	t.arrived = sync.NewCond(&t.mu)
	return t
}

// Wait returns once the goroutine that reads the client has ended, which it
// does when a read of the client fails.
func (t *Terminal) Wait() { t.pumped.Wait() }

// pump reads the client until it ends.
func (t *Terminal) pump() {
	var b [4096]byte
	for {
		n, err := t.client.Read(b[:])
		t.mu.Lock()
		for _, c := range b[:n] {
			if c == 3 && t.stop != nil {
				t.interrupted()
				continue
			}
			if len(t.bytes) < maxTyped {
				t.bytes = append(t.bytes, c)
			}
		}
		if err != nil {
			t.err = err
			if t.stop != nil {
				t.stop()
			}
		}
		t.arrived.Broadcast()
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// interrupted stops the command that runs. The caller holds the lock.
func (t *Terminal) interrupted() {
	t.bytes, t.cooked = nil, nil
	t.interrupt = true
	_, _ = io.WriteString(t.out, "^C")
	t.stop()
	t.arrived.Broadcast()
}

// Interrupt is ^C from outside: a signal of the client's.
func (t *Terminal) Interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil {
		t.interrupted()
	}
}

// command makes the context of one command, which ^C ends.
func (t *Terminal) command(ctx context.Context) (context.Context, func() bool) {
	ctx, cancel := context.WithCancel(ctx)
	t.mu.Lock()
	t.stop, t.interrupt = cancel, false
	if bytes.IndexByte(t.bytes, 3) >= 0 {
		// ^C was typed while the line was still on its way.
		t.interrupted()
	}
	t.mu.Unlock()
	return ctx, func() bool {
		cancel()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.stop, t.cooked, t.ended = nil, nil, false
		return t.interrupt
	}
}

// typed tells that something was typed that nobody has read yet.
func (t *Terminal) typed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.bytes) > 0 || len(t.cooked) > 0 || t.err != nil
}

// raw makes the terminal keep what is typed to itself, or give it away without
// waiting for the end of a line, until the returned function is called.
func (t *Terminal) raw(silent, single bool) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, was := t.silent, t.single
	t.silent, t.single = silent, single
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.silent, t.single = before, was
	}
}

// next is the next byte typed.
func (t *Terminal) next() (byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.bytes) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		if t.stop != nil && t.interrupt {
			return 0, errInterrupted
		}
		t.arrived.Wait()
	}
	c := t.bytes[0]
	t.bytes = t.bytes[1:]
	return c, nil
}

// Write implements io.Writer: line feeds become CR LF, as ONLCR does.
func (t *Terminal) Write(p []byte) (int, error) {
	text := bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))
	text = bytes.ReplaceAll(text, []byte("\r\r\n"), []byte("\r\n"))
	if _, err := t.out.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Read implements io.Reader for a command: whole lines, with echo.
func (t *Terminal) Read(p []byte) (int, error) {
	t.mu.Lock()
	waiting, ended := len(t.cooked) > 0, t.ended
	t.mu.Unlock()
	if ended {
		return 0, io.EOF
	}
	if t.single && !waiting {
		b, err := t.next()
		if err != nil {
			return 0, io.EOF
		}
		if b == '\r' {
			b = '\n'
		}
		if !t.silent {
			_, _ = t.Write([]byte{b})
		}
		p[0] = b
		return 1, nil
	}
	if !waiting {
		e := &editor{t: t, plain: true}
		line, err := e.line("", !t.silent)
		switch {
		case errors.Is(err, errEnd):
			if line == "" {
				return 0, io.EOF
			}
		case err != nil:
			return 0, io.EOF
		default:
			line += "\n"
		}
		t.mu.Lock()
		t.cooked = []byte(line)
		t.mu.Unlock()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := copy(p, t.cooked)
	t.cooked = t.cooked[n:]
	return n, nil
}

var (
	errEnd    = errors.New("end of input")
	errCancel = errors.New("line given up")
)

// editor edits one line.
type editor struct {
	t        *Terminal
	history  []string
	plain    bool // a command's input: no cursor, no history
	complete func(line string) string
	text     []rune
	at       int
	prompt   string
	echo     bool
}

// line reads a line; errEnd is ^D, errCancel ^C.
func (e *editor) line(prompt string, echo bool) (string, error) {
	e.text, e.at, e.prompt, e.echo = nil, 0, prompt, echo
	e.put(prompt)
	place := len(e.history)
	var partial []byte
	for {
		c, err := e.t.next()
		if err != nil {
			return string(e.text), err
		}
		if c == '\n' && e.t.afterCR {
			e.t.afterCR = false
			continue
		}
		e.t.afterCR = c == '\r'
		switch {
		case c == '\r' || c == '\n':
			if e.echo || e.plain {
				e.put("\r\n")
			}
			return string(e.text), nil
		case c == 3:
			e.put("^C\r\n")
			return "", errCancel
		case c == 4:
			if len(e.text) == 0 || e.plain {
				return string(e.text), errEnd
			}
		case c == 27:
			if place, err = e.escape(place); err != nil {
				return string(e.text), err
			}
		case c >= 0x80:
			partial = append(partial, c)
			if r, n := utf8.DecodeRune(partial); r != utf8.RuneError || n > 1 || len(partial) >= utf8.UTFMax {
				partial = nil
				e.insert(r)
			}
		default:
			e.control(c)
		}
	}
}

func (e *editor) put(s string) { _, _ = io.WriteString(e.t.out, s) }

func (e *editor) insert(r rune) {
	if len(e.text) > 64<<10 {
		return
	}
	e.text = append(e.text, 0)
	copy(e.text[e.at+1:], e.text[e.at:])
	e.text[e.at] = r
	e.at++
	if e.echo {
		rest := string(e.text[e.at:])
		e.put(string(r) + rest + strings.Repeat("\b", len(e.text)-e.at))
	}
}

// remove takes n characters left of the cursor away.
func (e *editor) remove(n int) {
	n = min(n, e.at)
	if n == 0 {
		if !e.plain {
			e.put("\a")
		}
		return
	}
	e.text = append(e.text[:e.at-n], e.text[e.at:]...)
	e.at -= n
	if !e.echo {
		return
	}
	rest := string(e.text[e.at:])
	if e.plain {
		e.put(strings.Repeat("\b \b", n))
		return
	}
	e.put(strings.Repeat("\b", n) + rest + "\x1b[K" + strings.Repeat("\b", len(e.text)-e.at))
}

// control handles a byte below 0x80 that neither ends the line nor starts a
// sequence.
func (e *editor) control(c byte) {
	switch c {
	case 8, 127:
		e.remove(1)
	case 21: // ^U
		e.remove(e.at)
	case 23: // ^W
		n := 0
		for n < e.at && e.text[e.at-n-1] == ' ' {
			n++
		}
		for n < e.at && e.text[e.at-n-1] != ' ' {
			n++
		}
		e.remove(n)
	case 1:
		e.move(-e.at)
	case 5:
		e.move(len(e.text) - e.at)
	case 2:
		e.move(-1)
	case 6:
		e.move(1)
	case 11: // ^K
		e.text = e.text[:e.at]
		e.put("\x1b[K")
	case 12: // ^L
		e.put("\x1b[H\x1b[2J" + e.prompt + string(e.text) + strings.Repeat("\b", len(e.text)-e.at))
	case 9:
		if e.complete != nil {
			for _, r := range e.complete(string(e.text[:e.at])) {
				e.insert(r)
			}
		} else if e.plain {
			e.insert('\t')
		}
	default:
		if c >= 0x20 {
			e.insert(rune(c))
		}
	}
}

func (e *editor) move(n int) {
	if e.plain {
		return
	}
	n = max(-e.at, min(n, len(e.text)-e.at))
	if n < 0 {
		e.put(strings.Repeat("\b", -n))
	} else {
		e.put(string(e.text[e.at : e.at+n]))
	}
	e.at += n
}

// escape handles arrows and their like; place is where in the history the line
// comes from.
func (e *editor) escape(place int) (int, error) {
	c, err := e.t.next()
	if err != nil || c != '[' && c != 'O' {
		return place, err
	}
	number := ""
	for {
		if c, err = e.t.next(); err != nil {
			return place, err
		}
		if (c < '0' || c > '9') && c != ';' || len(number) > 8 {
			break
		}
		number += string(rune(c))
	}
	switch {
	case c == 'A' || c == 'B':
		if e.plain {
			break
		}
		next := place - 1
		if c == 'B' {
			next = place + 1
		}
		if next < 0 || next > len(e.history) {
			e.put("\a")
			break
		}
		place = next
		text := ""
		if place < len(e.history) {
			text = e.history[place]
		}
		e.move(len(e.text) - e.at)
		if e.at > 0 {
			e.remove(e.at)
		}
		for _, r := range text {
			e.insert(r)
		}
	case c == 'C':
		e.move(1)
	case c == 'D':
		e.move(-1)
	case c == 'H' || c == '~' && number == "1":
		e.move(-e.at)
	case c == 'F' || c == '~' && number == "4":
		e.move(len(e.text) - e.at)
	case c == '~' && number == "3" && e.at < len(e.text) && !e.plain:
		e.move(1)
		e.remove(1)
	}
	return place, nil
}
