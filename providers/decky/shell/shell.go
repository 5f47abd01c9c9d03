// Package shell is a bash that runs nothing: it parses command lines with
// mvdan.cc/sh/v3/syntax and evaluates the tree itself over a file system in
// memory (package vfs), with commands written in Go that show what the decoy's
// host would show. It owns the words of bash and of Debian's tools, and bounds
// on steps, depth, output, time and open files. It refuses to execute a
// program, to open a file of the machine, to resolve a name and to connect.
package shell

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
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
	// Executed, where it is set, is told of a client's own file before it is
	// run for the first time in a session: what was dropped on the machine.
	Executed func(path string, data []byte) error
	// Shell is the path of the shell, if not that of the account.
	Shell string
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

	shell    string // its path
	history  []string
	state    *state
	outer    []level  // shells that wait for state's
	starting *started // takes over after the line
	exited   bool
	ended    int  // by which signal
	lines    int  // read so far
	warned   bool // of stopped jobs
	broken   []string
	held     int // bytes that variables hold

	// lock is held by the one goroutine that evaluates; changed tells of
	// whatever another one may wait for.
	lock       sync.Mutex
	changed    *sync.Cond
	alive      sync.WaitGroup
	running    int // processes
	processes  map[int]*process
	ends       map[string]*pipe // process substitutions
	foreground *job             // what has the terminal, beside the shell
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
	s.pid = s.loginPID()
	s.rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	s.changed, s.processes = sync.NewCond(&s.lock), map[int]*process{}
	s.ends = map[string]*pipe{}
	if s.shell = cmp.Or(options.Shell, s.login.Shell); s.shell == "" {
		s.shell = "/bin/sh"
	}
	finder := &runner{session: s, asUser: s.login, state: &state{vars: map[string]*variable{}}}
	s.state = newState(s, finder.dialectOf(s.shell))
	s.state.login()
	return s
}

// loginPID is the number of the shell: that of the login on its terminal.
func (s *Session) loginPID() int {
	for _, l := range s.machine.Logins() {
		if s.options.TTY == "/dev/"+l.TTY {
			return l.PID
		}
	}
	return s.machine.NextPID()
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

// Signal is the name of the signal that ended the shell, as RFC 4254 section
// 6.10 has it ("KILL"); nothing where it has exited or goes on.
func (s *Session) Signal() string {
	if s.ended == 0 {
		return ""
	}
	return signalName(s.ended)
}

// Status is the exit status of the last command.
func (s *Session) Status() int { return s.state.status }

// Run evaluates one command line and returns its exit status. The record of
// the line is kept before its output is written; an error is one of writing or
// recording, never the command's.
func (s *Session) Run(ctx context.Context, line, mode string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Time)
	defer cancel()
	s.lines++
	answer := &answer{session: s, line: line, mode: mode, cwd: s.state.cwd, stdin: stdin, stdout: stdout, stderr: stderr}
	self := &process{session: s, pid: s.pid, cancel: cancel, over: ctx.Err, traps: s.state.traps, main: true}
	r := &runner{ctx: ctx, session: s, state: s.state, budget: &budget{limits: s.limits}, answer: answer, asUser: s.login, proc: self}
	streams := Streams{In: &lineInput{answer: answer, from: stdin, proc: self}, Out: answer.stream(1), Err: answer.stream(2)}
	if mode == ModeExec && s.options.TTY != "" && s.lines == 1 {
		s.state.interactive, s.state.name = false, program.Base(s.shell)
	}
	func() {
		defer s.wakeWith(ctx)()
		s.begin()
		defer s.end()
		s.running++
		s.processes[s.pid] = self
		r.evaluate(line, streams, mode)
		s.running--
		delete(s.processes, s.pid)
	}()
	if mode == ModeExec {
		s.stopAll()
	}
	s.begin()
	defer s.end()
	if err := answer.finish(s.state.status); err != nil {
		return s.state.status, err
	}
	return s.state.status, nil
}

// evaluate runs a line in the session's own shell, with its traps and, where
// that is all the shell ever does, the jobs that still write to the client.
func (r *runner) evaluate(line string, streams Streams, mode string) {
	s := r.session
	if r.state.interactive {
		r.notify(streams)
	} else if mode == ModeShell {
		s.state.file, s.state.stdin = true, true
		r.base = uint(s.lines - 1)
	}
	r.text(line, streams)
	if r.proc.signal != 0 && !s.exited { // by its last command
		r.end(errInterrupted, streams)
	}
	if body, ok := s.state.traps["EXIT"]; ok && (mode == ModeExec || s.exited) {
		delete(s.state.traps, "EXIT")
		if r.proc.signal == 0 && r.ctx.Err() == nil {
			if stopped := r.trap(body, streams); stopped != nil {
				r.end(stopped, streams)
			}
		}
	}
	if mode == ModeExec || s.options.TTY == "" {
		for _, j := range r.state.jobs.list {
			if j.late {
				r.await(func() bool { return j.proc.ended })
			}
		}
	}
	if r.state.interactive {
		r.notify(streams)
	}
}

// Close ends what still runs in the background and waits for it.
func (s *Session) Close() { s.stopAll() }

// end is what a script does with the error that stopped it.
func (r *runner) end(err error, io Streams) {
	var exit exitError
	switch {
	case errors.As(err, &exit):
		r.state.status = int(exit)
		if r.state == r.session.state {
			r.session.exited = true
		}
	case errors.Is(err, errInterrupted) && r.proc.signal != 0:
		r.state.status = 128 + r.proc.signal
		if r.state == r.session.state {
			r.session.exited, r.session.ended = true, r.proc.signal
		}
	case errors.Is(err, errInterrupted):
		r.state.status = 130
	case errors.Is(err, errMemory):
		r.outOfMemory(io)
		clear(r.state.vars)
		r.state.login()
		r.session.held = 0
		r.session.exited = r.state == r.session.state
	case errors.Is(err, errBudget):
		r.state.status = 137
		io.Err.Print("Killed\n")
	}
}

// view is the file system as the runner's user sees it, and /proc/self as the
// program that runs.
func (r *runner) view() vfs.View {
	v := r.session.machine.FS.As(r.asUser.UID, r.asUser.GID)
	v.PID = r.self
	if v.PID == 0 {
		v.PID = r.session.pid
	}
	return v
}
