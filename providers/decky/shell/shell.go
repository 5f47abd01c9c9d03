// Package shell is a bash that runs nothing: it parses command lines with
// mvdan.cc/sh/v3/syntax and evaluates the tree itself over a file system in
// memory (package vfs), with commands written in Go that show what the decoy's
// host would show. It owns the words of bash and of Debian's tools, and bounds
// on steps, depth, output, time and open files. It refuses to execute a
// program, to open a file of the machine, to resolve a name and to connect.
package shell

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/schema/event"
)

// Modes of a Command event.
const (
	ModeExec  = "exec"
	ModeShell = "shell"
)

// Options say who logged in to which machine.
type Options struct {
	Machine *machine.Machine
	User    string
	// Source and Local are the ends of the connection, as SSH_CONNECTION and
	// w show them; zero where there is none.
	Source, Local netip.AddrPort
	TTY           string            // "/dev/pts/0"; empty without a terminal
	Term          string            // TERM
	Env           map[string]string // further variables
	// Record keeps an event; nothing of a command's output is sent before its
	// record is kept.
	Record func(event.Body) error
	Limits Limits
}

// Session is one shell: variables, functions, working directory. It is not
// safe for concurrent use.
type Session struct {
	machine *machine.Machine
	options Options
	limits  Limits
	record  func(event.Body) error
	login   machine.Account
	started time.Time
	pid     int
	rows    atomic.Int32 // may change while a command runs
	cols    atomic.Int32
	rand    *rand.Rand

	history []string
	state   *state
	exited  bool
	lines   int // read so far
}

// New is a login shell of options.User, who must be in the machine's
// /etc/passwd; anybody else gets root's.
func New(options Options) *Session {
	s := &Session{machine: options.Machine, options: options, limits: options.Limits.withDefaults(), record: options.Record}
	s.SetSize(24, 80)
	if s.record == nil {
		s.record = func(event.Body) error { return nil }
	}
	s.started = s.machine.Now()
	s.login = s.machine.Account(options.User)
	s.pid = s.machine.NextPID()
	s.rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	s.state = newState(s)
	return s
}

// SetSize tells the shell how large its terminal is; it may be called while
// another method runs.
func (s *Session) SetSize(rows, cols int) {
	if rows > 0 && rows < 1000 {
		s.rows.Store(int32(rows))
	}
	if cols > 0 && cols < 2000 {
		s.cols.Store(int32(cols))
	}
}

// Exited tells whether the shell has ended by exit.
func (s *Session) Exited() bool { return s.exited }

// Status is the exit status of the last command.
func (s *Session) Status() int { return s.state.status }

// Run evaluates one command line and returns its exit status. The record of
// the line is kept before its output is written; an error is one of writing or
// recording, never the command's.
func (s *Session) Run(ctx context.Context, line, mode string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Time)
	defer cancel()
	s.lines++
	answer := &answer{session: s, line: line, mode: mode, cwd: s.state.cwd, stdout: stdout, stderr: stderr}
	r := &runner{ctx: ctx, session: s, state: s.state, budget: &budget{limits: s.limits}, answer: answer, asUser: s.login}
	streams := Streams{In: &lineInput{answer: answer, from: stdin}, Out: answer.stream(1), Err: answer.stream(2)}
	r.text(line, streams, mode == ModeExec)
	if body, ok := s.state.traps["EXIT"]; ok && (mode == ModeExec || s.exited) {
		status := s.state.status
		delete(s.state.traps, "EXIT")
		r.text(body, streams, true)
		s.state.status = status
	}
	if err := answer.finish(s.state.status); err != nil {
		return s.state.status, err
	}
	return s.state.status, nil
}

// text parses and runs a whole script. A line that does not parse runs up to
// the mistake, as bash reads one command at a time.
func (r *runner) text(script string, io Streams, once bool) {
	stopped, failed := r.parsed(script, io)
	if stopped != nil {
		r.end(stopped, io)
	} else if failed != nil {
		r.syntaxError(failed, script, io, once)
	}
}

// maxNesting bounds what may open something in one script: the parser
// recurses for each.
const maxNesting = 5000

// parsed runs every statement of a script until one stops it; failed is the
// parser's error.
func (r *runner) parsed(script string, io Streams) (stopped, failed error) {
	if len(script) > r.budget.limits.Line*8 || nesting(script) > maxNesting {
		return errBudget, nil
	}
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
	outer := r.line
	defer func() { r.line = outer }()
	var line []*syntax.Stmt // parsed, not yet run
	run := func() {
		for _, stmt := range line {
			if stopped == nil {
				stopped = r.stmt(stmt, io)
			}
		}
		line = nil
	}
	for stmt, err := range parser.StmtsSeq(strings.NewReader(script)) {
		// The loop goes on after a stop: the parser's iterator does not take
		// a break at every place.
		switch {
		case stopped != nil || failed != nil:
		case err != nil:
			failed = err
		default:
			// bash reads a whole line, and the here-documents of all its
			// commands, before it runs the first of them.
			if len(line) > 0 && line[len(line)-1].End().Line() < stmt.Pos().Line() {
				run()
			}
			line = append(line, stmt)
		}
	}
	if failed != nil && len(line) > 0 && errorLine(failed) <= line[len(line)-1].End().Line() {
		line = nil
	}
	run()
	if stopped != nil {
		failed = nil
	}
	return stopped, failed
}

func errorLine(err error) uint {
	var parse syntax.ParseError
	if errors.As(err, &parse) {
		return parse.Pos.Line()
	}
	return 0
}

// nesting counts what may open something.
func nesting(script string) int {
	n := 0
	for _, opener := range []string{"(", "{", "`", "if", "while", "until", "for", "case", "do", "time", "coproc"} {
		n += strings.Count(script, opener)
	}
	return n
}

// end is what a script does with the error that stopped it.
func (r *runner) end(err error, io Streams) {
	var exit exitError
	switch {
	case errors.As(err, &exit):
		r.state.status = int(exit)
		if r.state == r.session.state {
			r.session.exited = true
		}
	case errors.Is(err, errInterrupted):
		r.state.status = 130
	case errors.Is(err, errBudget):
		r.state.status = 137
		io.Err.Print("Killed\n")
	}
}

// syntaxError prints bash's words for a parse error as far as they can be told
// from the parser's.
func (r *runner) syntaxError(err error, script string, io Streams, once bool) {
	r.state.status = 2
	prefix := func(int) string { return r.prefix() }
	if once {
		prefix = func(line int) string { return "bash: -c: line " + strconv.Itoa(line) + ": " }
	}
	message, line := err.Error(), 1
	var parse syntax.ParseError
	if errors.As(err, &parse) {
		message, line = parse.Text, int(parse.Pos.Line())
	}
	_, after, _ := strings.Cut(message, "`")
	token, _, _ := strings.Cut(after, "`")
	switch {
	case syntax.IsIncomplete(err) && strings.Contains(message, "quote"):
		io.Err.Print(prefix(line) + "unexpected EOF while looking for matching `" + token + "'\n")
	case syntax.IsIncomplete(err):
		io.Err.Print(prefix(strings.Count(script, "\n")+2) + "syntax error: unexpected end of file\n")
	default:
		if token == "" {
			token = "newline"
		}
		lines := strings.Split(script, "\n")
		io.Err.Print(prefix(line) + "syntax error near unexpected token `" + token + "'\n" + prefix(line) + "`" + lines[min(max(line-1, 0), len(lines)-1)] + "'\n")
	}
}

// view is the file system as the runner's user sees it.
func (r *runner) view() vfs.View { return r.session.machine.FS.As(r.asUser.UID, r.asUser.GID) }
