package shell

import (
	"bytes"
	"errors"
	"io"

	"github.com/decnet/decnet/schema/event"
)

// maxRecorded is how much of an answer its record holds.
const maxRecorded = 16 << 10

// sink is where a command's output goes. print and Write fail once the reader
// is gone or the budget is used up.
type sink struct {
	io.Writer
	tty   bool
	given int // 1 or 2 where it is the command line's own
}

func (s sink) print(text string) { _, _ = io.WriteString(s.Writer, text) }

// streams are the open files of a command: 0, 1, 2 and what redirections
// opened beyond.
type streams struct {
	in    io.Reader
	out   sink
	err   sink
	other map[int]any // io.Reader or sink
}

// answer collects what a command line says and lets it go once the line is on
// record. A line that takes long, or asks for input, is recorded early, with
// what it said so far.
type answer struct {
	session        *Session
	line, mode     string
	cwd            string
	stdout, stderr io.Writer

	pending  []chunk
	size     int
	sent     int
	unknown  bool
	recorded bool
	err      error
}

type chunk struct {
	to   io.Writer
	data []byte
}

func (a *answer) stream(fd int) sink {
	to := a.stdout
	if fd == 2 {
		to = a.stderr
	}
	return sink{Writer: answerWriter{a, to}, tty: a.session.options.TTY != "", given: fd}
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
	if a.recorded {
		if _, err := w.to.Write(p); err != nil {
			a.err = err
			return 0, err
		}
		return len(p), nil
	}
	a.pending = append(a.pending, chunk{w.to, bytes.Clone(p)})
	a.size += len(p)
	return len(p), nil
}

// release records the line, with what it said so far, and sends that.
func (a *answer) release(status int) error {
	if a.err != nil || a.recorded {
		return a.err
	}
	var output bytes.Buffer
	for _, c := range a.pending {
		if output.Len() < maxRecorded {
			output.Write(c.data[:min(len(c.data), maxRecorded-output.Len())])
		}
	}
	a.err = a.session.record(&event.Command{
		Line: event.Text(a.line).Clip(event.MaxText), Mode: a.mode, Cwd: a.cwd, User: a.session.login.name, Status: status, Known: !a.unknown, Output: event.Text(output.String()),
	})
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

func (a *answer) finish(status int) error { return a.release(status) }

// lineInput is the standard input of a command line: before the first read
// the client sees what was said so far.
type lineInput struct {
	answer *answer
	from   io.Reader
}

// Read implements io.Reader.
func (l *lineInput) Read(p []byte) (int, error) {
	if l.from == nil {
		return 0, io.EOF
	}
	if l.answer.session.options.TTY != "" {
		if err := l.answer.release(0); err != nil {
			return 0, err
		}
	}
	return l.from.Read(p)
}

// pipe holds what one command says for the next one to read.
type pipe struct {
	buffer bytes.Buffer
	limit  int
	budget *budget
}

// Write implements io.Writer; a full pipe is a broken one, as its reader has
// had enough to end.
func (p *pipe) Write(b []byte) (int, error) {
	if err := p.budget.spend(len(b)); err != nil {
		return 0, err
	}
	if p.buffer.Len()+len(b) > p.limit {
		n := p.limit - p.buffer.Len()
		p.buffer.Write(b[:n])
		return n, errPipe
	}
	return p.buffer.Write(b)
}

// Read implements io.Reader.
func (p *pipe) Read(b []byte) (int, error) { return p.buffer.Read(b) }

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

// readLine reads bytes up to a delimiter, one at a time, so that the next
// reader finds what follows.
func readLine(from io.Reader, delimiter byte, limit int) (line string, eof bool, err error) {
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
