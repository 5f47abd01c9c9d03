package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
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
	suspend   func() bool // of the command that runs: ^Z
	halts     int         // how often that was
	plain     bool        // control characters are input like any other
	silent    bool        // nothing is shown
	single    bool        // every byte is given away at once
	exact     bool        // and as it was typed
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
			if c == 3 && t.stop != nil && !t.plain {
				t.interrupted()
				continue
			}
			if c == 26 && t.suspend != nil && t.stop != nil && !t.plain {
				t.suspended()
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

// suspended stops the command that runs, as ^Z does. The caller holds the lock,
// which is let go for what stops it.
func (t *Terminal) suspended() {
	suspend := t.suspend
	t.mu.Unlock()
	stopped := suspend()
	t.mu.Lock()
	if stopped {
		_, _ = io.WriteString(t.out, "^Z")
		t.halts++
		t.arrived.Broadcast()
	}
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

// setPlain makes control characters input like any other, which a shell that
// edits its line wants.
func (t *Terminal) setPlain(plain bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plain = plain
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

// keys gives every key away as it is typed, ^C and ^Z too, until the returned
// function is called.
func (t *Terminal) keys() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	silent, single, plain, exact := t.silent, t.single, t.plain, t.exact
	t.silent, t.single, t.plain, t.exact = true, true, true, true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.silent, t.single, t.plain, t.exact = silent, single, plain, exact
	}
}

// next is the next byte typed.
func (t *Terminal) next() (byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	halts := t.halts
	for len(t.bytes) == 0 {
		if t.halts != halts {
			return 0, errSuspended
		}
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
		if errors.Is(err, errSuspended) {
			return 0, err
		}
		if err != nil {
			return 0, io.EOF
		}
		if b == '\r' && !t.exact {
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
		case errors.Is(err, errSuspended):
			return 0, err
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
