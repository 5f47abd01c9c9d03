package telnet

import (
	"bytes"
	"errors"
	"slices"
	"sync"
)

// Bounds of a terminal.
const (
	canonMax = 4095 // bytes of a line, the kernel's
	rawMax   = 64 << 10
	heldMax  = 256 << 10 // while ^S holds the output
)

// errEnd is ^D on an empty line.
var errEnd = errors.New("end of file")

// Signals that a key raises.
const (
	sigInt  = 'i'
	sigQuit = 'q'
	sigStop = 's'
)

// tty is the pseudo terminal between the telnet server and the program on it:
// Linux's line discipline (N_TTY) as far as a client can see it. Every method
// but Read and Write is called with mu held.
type tty struct {
	mu      sync.Mutex
	arrived *sync.Cond

	// What stty would show.
	icanon, echo, isig, icrnl, istrip, opost, xtabs, echoctl, ixon, raised bool

	column, canonColumn int
	line                []byte   // being typed
	lines               [][]byte // typed; one without a line feed was ended by ^D
	raw                 []byte
	literal, stopped    bool
	queue               []byte // shown but not read by the server yet
	held                []byte // shown while stopped
	err                 error  // of reading, for good
	failed              error  // of writing

	rows, cols    int
	interruptible bool // ^C ends a line instead of the program

	// deliver hands what was shown to the server, signal tells the program of
	// a key, flushed the server that its output was thrown away.
	deliver func([]byte) error
	signal  func(byte)
	flushed func()
	resized func(cols, rows int)
}

func newTTY() *tty {
	t := &tty{icanon: true, echo: true, isig: true, icrnl: true, opost: true, echoctl: true, ixon: true}
	t.arrived = sync.NewCond(&t.mu)
	t.signal, t.flushed = func(byte) {}, func() {}
	t.deliver = func([]byte) error { return nil }
	return t
}

// rawMode is how the shell's line editor has its terminal.
func (t *tty) rawMode() {
	t.icanon, t.echo, t.isig, t.icrnl, t.opost, t.raised = false, false, false, false, false, true
	for _, l := range t.lines {
		t.raw = append(t.raw, l...)
	}
	t.raw = append(t.raw, t.line...)
	t.lines, t.line = nil, nil
}

// locked calls f with the lock held.
func (t *tty) locked(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// input is what the server writes: the client's keys.
func (t *tty) input(p []byte) {
	t.keys(p)
	t.flush()
}

// keys is input without handing over what it shows.
func (t *tty) keys(p []byte) {
	for _, c := range p {
		t.key(c)
	}
	t.arrived.Broadcast()
}

// flush hands over what has been shown.
func (t *tty) flush() {
	if len(t.queue) == 0 {
		return
	}
	p := t.queue
	t.queue = nil
	if err := t.deliver(p); err != nil && t.failed == nil {
		t.failed = err
		t.hangup(err)
	}
}

// hangup ends all reading.
func (t *tty) hangup(err error) {
	if t.err == nil {
		t.err = err
	}
	t.arrived.Broadcast()
}

func (t *tty) key(c byte) {
	if t.istrip {
		c &= 0x7f
	}
	if t.literal {
		t.literal = false
		t.store(c)
		return
	}
	if c == '\r' && t.icrnl {
		c = '\n'
	}
	if !t.isig && t.raised && (c == 3 || c == 0x1c) {
		// The shell's editor leaves these keys to the kernel, which throws
		// away what was not read yet; what they do is the shell's business.
		t.queue = nil
		t.flushed()
	}
	if t.isig && t.signalled(c) {
		return
	}
	if t.ixon && !t.raised && (c == 0x11 || c == 0x13) {
		t.stopped = c == 0x13
		if t.stopped {
			t.held, t.queue = append(t.held, t.queue...), nil
		} else {
			t.queue, t.held = append(t.queue, t.held...), nil
		}
		return
	}
	if t.icanon && t.edited(c) {
		return
	}
	t.store(c)
}

func (t *tty) signalled(c byte) bool {
	var sig byte
	switch c {
	case 3:
		sig = sigInt
	case 0x1c:
		sig = sigQuit
	case 0x1a:
		sig = sigStop
	default:
		return false
	}
	t.queue, t.held, t.stopped = nil, nil, false
	t.discard()
	t.flushed()
	if t.echo {
		t.echoKey(c)
	}
	t.signal(sig)
	return true
}

// discard throws away what was typed and not read (TCIFLUSH).
func (t *tty) discard() { t.line, t.lines, t.raw = nil, nil, nil }

// edited does what a key does to a line; false for one that is text.
func (t *tty) edited(c byte) bool {
	switch c {
	case 0x7f, 0x15, 0x17:
		t.erase(c)
	case 0x16:
		t.literal = true
		if t.echo && t.echoctl {
			t.show('^')
			t.show('\b')
		}
	case 0x12:
		if !t.echo {
			return false
		}
		t.echoKey(c)
		t.show('\n')
		for _, k := range t.line {
			t.echoKey(k)
		}
	case '\n':
		if t.echo {
			t.show('\n')
		}
		t.end(append(t.line, '\n'))
	case 4:
		t.end(t.line)
	default:
		return false
	}
	return true
}

func (t *tty) end(line []byte) {
	t.line = nil
	if len(t.lines) < canonMax {
		t.lines = append(t.lines, line)
	}
}

func (t *tty) store(c byte) {
	if t.echo {
		if c == '\n' {
			t.show(c)
		} else {
			if len(t.line) == 0 {
				t.canonColumn = t.column
			}
			t.echoKey(c)
		}
	}
	switch {
	case !t.icanon:
		if len(t.raw) < rawMax {
			t.raw = append(t.raw, c)
		}
	case len(t.line) < canonMax:
		t.line = append(t.line, c)
	}
}

func control(c byte) bool { return c < 0x20 || c == 0x7f }

func word(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// erase is ^? (a character), ^W (a word) or ^U (all).
func (t *tty) erase(key byte) {
	seen := false
	for len(t.line) > 0 {
		c := t.line[len(t.line)-1]
		if key == 0x17 {
			if word(c) {
				seen = true
			} else if seen {
				return
			}
		}
		t.line = t.line[:len(t.line)-1]
		if t.echo {
			t.unshow(c)
		}
		if key == 0x7f {
			return
		}
	}
}

// unshow takes c from the screen, the line being without it already.
func (t *tty) unshow(c byte) {
	if c == '\t' {
		width, tab := 0, false
		for _, k := range slices.Backward(t.line) {
			if k == '\t' {
				tab = true
				break
			}
			if control(k) {
				width++
			}
			width++
		}
		width &= 7
		if !tab {
			width += t.canonColumn
		}
		for range 8 - width&7 {
			t.show('\b')
		}
		return
	}
	n := 1
	if control(c) {
		n = 2
	}
	for range n {
		t.show('\b')
		t.show(' ')
		t.show('\b')
	}
}

func (t *tty) echoKey(c byte) {
	if t.echoctl && control(c) && c != '\t' {
		t.show('^')
		t.show(c ^ 0x40)
		return
	}
	t.show(c)
}

// show is one byte of output after the terminal's treatment.
func (t *tty) show(c byte) {
	if !t.opost {
		t.put(c)
		return
	}
	switch {
	case c == '\n':
		t.column, t.canonColumn = 0, 0
		t.put('\r')
	case c == '\r':
		t.column, t.canonColumn = 0, 0
	case c == '\t':
		spaces := 8 - t.column&7
		t.column += spaces
		if t.xtabs {
			for range spaces {
				t.put(' ')
			}
			return
		}
	case c == '\b':
		t.column = max(0, t.column-1)
	case !control(c):
		t.column++
	}
	t.put(c)
}

func (t *tty) put(c byte) {
	if t.stopped {
		if len(t.held) < heldMax {
			t.held = append(t.held, c)
		}
		return
	}
	t.queue = append(t.queue, c)
}

// Write implements io.Writer for the program.
func (t *tty) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range p {
		t.show(c)
	}
	t.flush()
	if t.failed != nil {
		return 0, t.failed
	}
	return len(p), nil
}

// Read implements io.Reader for the program: one line, or what is there in raw
// mode. ^D on an empty line is errEnd, once.
func (t *tty) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if !t.icanon && len(t.raw) > 0 {
			n := copy(p, t.raw)
			t.raw = t.raw[n:]
			return n, nil
		}
		if t.icanon && len(t.lines) > 0 {
			n := copy(p, t.lines[0])
			if len(t.lines[0]) == 0 {
				t.lines = t.lines[1:]
				return 0, errEnd
			}
			t.lines[0] = t.lines[0][n:]
			if len(t.lines[0]) == 0 {
				t.lines = t.lines[1:]
			}
			return n, nil
		}
		if t.err != nil {
			return 0, t.err
		}
		t.arrived.Wait()
	}
}

// readLine is one read(2) of a program: a line with its line feed, or without
// where ^D ended it.
func (t *tty) readLine() ([]byte, error) {
	var b [canonMax + 1]byte
	n, err := t.Read(b[:])
	return bytes.Clone(b[:n]), err
}
