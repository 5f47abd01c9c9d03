package shell

import (
	"bytes"
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// maxRecorded is how much of an answer its record holds.
const maxRecorded = 16 << 10

// maxPending is how much of an answer waits for the line's end.
const maxPending = 64 << 10

// answer collects what a command line says and lets it go once the line is on
// record. A line that says much, takes long, or asks for input that is not
// there yet, is recorded early, with what it said so far, and once more at its
// end if it said or became anything else.
type answer struct {
	session        *Session
	line, mode     string
	cwd            string
	stdin          io.Reader
	stdout, stderr io.Writer

	pending  []chunk
	size     int
	sent     int
	unknown  bool
	recorded bool
	err      error
	// said is the start of the answer, for the record; early is what was recorded
	// of it before the end.
	said  bytes.Buffer
	early event.Command
}

type chunk struct {
	to   io.Writer
	data []byte
}

func (a *answer) stream(fd int) Stream {
	to := a.stdout
	if fd == 2 {
		to = a.stderr
	}
	return Stream{Writer: answerWriter{a, to}, TTY: a.session.options.TTY != "", Given: fd}
}

type answerWriter struct {
	answer *answer
	to     io.Writer
}

// Write implements io.Writer.
func (w answerWriter) Write(p []byte) (int, error) {
	a := w.answer
	if a.err != nil {
		return 0, a.err
	}
	room := a.session.limits.Output - a.sent
	if len(p) > room {
		return 0, errBudget
	}
	a.sent += len(p)
	a.said.Write(p[:min(len(p), maxRecorded-a.said.Len())])
	if a.recorded {
		if _, err := w.to.Write(p); err != nil {
			a.err = err
			return 0, err
		}
		return len(p), nil
	}
	a.pending = append(a.pending, chunk{w.to, bytes.Clone(p)})
	if a.size += len(p); a.size > maxPending {
		if err := a.release(a.session.state.status); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// release records the line, with what it said so far, and sends that.
func (a *answer) release(status int) error {
	if a.err != nil || a.recorded {
		return a.err
	}
	a.early = a.event(status)
	a.err = a.session.record(&a.early)
	a.recorded = true
	for _, c := range a.pending {
		if a.err != nil {
			break
		}
		_, a.err = c.to.Write(c.data)
	}
	a.pending = nil
	return a.err
}

// event is the line as it stands.
func (a *answer) event(status int) event.Command {
	return event.Command{
		Line: event.Text(a.line).Clip(event.MaxText), Mode: a.mode, Cwd: a.cwd, User: a.session.login.Name, Status: status, Known: !a.unknown, Output: event.Text(a.said.String()),
	}
}

// finish records the line, or what became of one that is on record.
func (a *answer) finish(status int) error {
	if !a.recorded {
		return a.release(status)
	}
	last := a.event(status)
	if last != a.early {
		last.Continued = true
		if err := a.session.record(&last); a.err == nil {
			a.err = err
		}
	}
	return a.err
}

// lineInput is the standard input of a command line: before the first read
// the client sees what was said so far.
type lineInput struct {
	answer *answer
	from   io.Reader
	proc   *process
}

// readUntil is Read that gives up once late says so, where a terminal is read.
func (l *lineInput) readUntil(p []byte, late func() bool) (int, error) {
	t, ok := l.from.(*Terminal)
	if !ok {
		return l.Read(p)
	}
	for !t.typed() {
		if late() {
			return 0, syscall.ETIMEDOUT
		}
		if !l.proc.sleep(context.Background(), 20*time.Millisecond) || l.proc.over() != nil {
			return 0, errInterrupted
		}
	}
	return l.Read(p)
}

// Read implements io.Reader.
func (l *lineInput) Read(p []byte) (int, error) {
	if l.from == nil {
		return 0, io.EOF
	}
	if l.answer.session.options.TTY != "" || len(l.answer.pending) > 0 && !l.ready() {
		if err := l.answer.release(0); err != nil {
			return 0, err
		}
	}
	for {
		l.background()
		var n int
		var err error
		l.proc.block(func() { n, err = l.from.Read(p) })
		if !errors.Is(err, errSuspended) {
			return n, err
		}
		l.proc.halted()
		if l.proc.over() != nil {
			return 0, io.EOF
		}
	}
}

// ready tells whether a read would not wait for the client, where that is
// known.
func (l *lineInput) ready() bool {
	from, ok := l.from.(interface{ Ready() bool })
	return !ok || from.Ready()
}

// Keys implements program.Keyboard.
func (l *lineInput) Keys() (restore func(), ok bool) {
	t, ok := l.from.(*Terminal)
	if !ok || l.answer.session.options.TTY == "" {
		return nil, false
	}
	return t.keys(), true
}

// Hush keeps the terminal from showing what is typed, see program.Call.Hush.
func (l *lineInput) Hush() (restore func()) {
	if t, ok := l.from.(*Terminal); ok {
		return t.raw(true, false)
	}
	return func() {}
}

// Typed implements program.Keyboard.
func (l *lineInput) Typed() bool {
	t, ok := l.from.(*Terminal)
	return !ok || t.typed()
}

// keyboard is the terminal as it is opened by name, whatever standard input is.
type keyboard struct{ *lineInput }

// Write implements io.Writer for what is open for reading only.
func (keyboard) Write([]byte) (int, error) { return 0, syscall.EBADF }

// own makes the client's input that of the runner's process, where it is that.
func (r *runner) own(s Streams) Streams {
	if in, ok := s.In.(*lineInput); ok && in.proc != r.proc {
		s.In = &lineInput{answer: in.answer, from: in.from, proc: r.proc}
	}
	return s
}

// background stops a job that reads the terminal without having it.
func (l *lineInput) background() {
	s := l.proc.session
	if j := l.proc.job; j != nil && s.options.TTY != "" && s.foreground != j && !l.proc.main {
		j.stopped, j.proc.stopped, l.proc.stopped = true, true, true
		s.changed.Broadcast()
		l.proc.halted()
	}
}

// readAll reads r within the budget's pipe limit.
func (r *runner) readAll(from io.Reader) ([]byte, error) {
	if from == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(from, int64(r.budget.limits.Pipe)))
	if spent := r.budget.spend(len(data)); spent != nil {
		return nil, spent
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return data, err
}
