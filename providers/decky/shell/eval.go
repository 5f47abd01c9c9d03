package shell

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"mvdan.cc/sh/v3/syntax"
)

// runner evaluates a tree: one per command line, copied for subshells.
type runner struct {
	self     int // the number of the program that runs, 0 for the shell itself
	ctx      context.Context
	session  *Session
	state    *state
	budget   *budget
	answer   *answer
	asUser   machine.Account // who commands run as: sudo changes it
	io       Streams         // of the statement that runs, for its expansions
	loops    int
	sourcing int  // files that . reads
	line     uint // of the statement that runs, in its script
	// substituted is the status of the last command substitution: that of a
	// command that only assigns.
	substituted int
	quiet       int      // in a condition: set -e does not act
	base        uint     // lines of the script that ran before
	called      string   // the program, as it was called
	text0       string   // the script that runs
	openEnd     int      // where a here-document ends with it, without a line feed
	made        []string // the files of its process substitutions
	proc        *process
	depth       int // of functions, subshells and substitutions
	trapping    int
	now         *syntax.Stmt // the statement that runs
	piped       bool         // it was a pipeline
}

func (r *runner) step() error {
	r.proc.halted()
	if r.ctx.Err() != nil || r.proc.over() != nil {
		return errInterrupted
	}
	if r.budget.steps&255 == 255 {
		r.proc.yield()
	}
	if r.session.held > r.budget.limits.Memory || r.budget.steps&1023 == 1023 {
		if r.session.held = r.state.size(); r.session.held > r.budget.limits.Memory {
			return errMemory
		}
	}
	return r.budget.step()
}

// enter counts one level of nesting.
func (r *runner) enter() error {
	if r.depth++; r.depth > r.budget.limits.Depth {
		r.depth--
		return errBudget
	}
	return nil
}

func (r *runner) leave() { r.depth-- }

// subshell is a runner with a copy of the state.
func (r *runner) subshell() *runner {
	c := *r
	c.state = r.state.fork()
	c.loops = 0
	return &c
}

// isolate runs f in a subshell and takes its status over.
func (r *runner) isolate(f func(*runner) error) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	sub := r.subshell()
	err := sub.finished(f(sub))
	r.state.status, r.state.pipe = sub.state.status, sub.state.pipe
	return err
}

// finished ends a subshell: its EXIT trap runs, and what made it leave becomes
// its status. It returns what ends the whole line.
func (sub *runner) finished(err error) error {
	if body, ok := sub.state.traps["EXIT"]; ok && !errors.Is(err, errBudget) && !errors.Is(err, errInterrupted) {
		delete(sub.state.traps, "EXIT")
		var exit exitError
		if errors.As(err, &exit) {
			sub.state.status = int(exit)
		}
		if stopped := sub.trap(body, sub.io); stopped != nil {
			err = stopped
		}
	}
	var exit exitError
	var ret returnError
	switch {
	case errors.As(err, &exit):
		sub.state.status = int(exit)
		return nil
	case errors.As(err, &ret):
		sub.state.status = int(ret)
		return nil
	case errors.Is(err, errMemory):
		sub.outOfMemory(sub.io)
		return nil
	case errors.Is(err, errBudget), errors.Is(err, errInterrupted):
		return err
	}
	return nil
}

// outOfMemory is the end of a shell that cannot have more.
func (r *runner) outOfMemory(io Streams) {
	if io.Err.Writer != nil {
		io.Err.Print(words{r.state.name + ": xrealloc: cannot allocate 18446744071562067968 bytes\n", r.prefix() + "Out of space\n", r.state.name + ": out of memory\n"}.in(r.state.dialect))
	}
	r.state.status = 2
}

func (r *runner) stmts(list []*syntax.Stmt, io Streams) error {
	for _, s := range list {
		if err := r.stmt(s, io); err != nil {
			return err
		}
	}
	return nil
}

// stmt runs one statement: its redirections, then its command.
func (r *runner) stmt(s *syntax.Stmt, io Streams) error {
	if err := r.step(); err != nil {
		return err
	}
	outer := r.io
	r.io = io
	r.line, r.now = s.Pos().Line()+r.base, s
	made := len(r.made)
	defer func() {
		r.io = outer
		if len(r.made) > made {
			r.unmake(made)
		}
	}()
	if err := r.trapped(io); err != nil {
		return err
	}
	if r.state.options["noexec"] && !r.state.interactive {
		r.state.status = 0
		return nil
	}
	if s.Negated {
		r.quiet++
		defer func() { r.quiet-- }()
	}
	var err error
	switch {
	case s.Background:
		err = r.background(s, io)
	case r.state.interactive && r.state.subshell == 0 && r.held(s):
		err = r.foreground(s, io)
	default:
		err = r.redirected(s, io)
	}
	if s.Negated && err == nil {
		if r.state.status == 0 {
			r.state.status = 1
		} else {
			r.state.status = 0
		}
	}
	if err == nil && r.state.status != 0 && r.quiet == 0 && !s.Negated && !s.Background && !isList(s.Cmd) {
		if body, ok := r.state.traps["ERR"]; ok {
			if err := r.trap(body, io); err != nil {
				return err
			}
		}
		if r.state.options["errexit"] {
			return exitError(r.state.status)
		}
	}
	return err
}

func isList(c syntax.Command) bool {
	b, ok := c.(*syntax.BinaryCmd)
	return ok && (b.Op == syntax.AndStmt || b.Op == syntax.OrStmt)
}

// keep makes the redirections of exec the shell's own.
func (r *runner) keep(list []*syntax.Redirect, opened Streams) {
	kept := &r.state.files
	opened.Out.Given, opened.Err.Given = 0, 0
	if kept.Other = opened.Other; len(kept.Other) > r.budget.limits.Files {
		kept.Other = nil
	}
	for _, redirect := range list {
		fd := redirect.N
		switch {
		case fd == nil && (redirect.Op == syntax.RdrIn || redirect.Op == syntax.DplIn || redirect.Op == syntax.WordHdoc || redirect.Op == syntax.Hdoc), fd != nil && fd.Value == "0":
			kept.In = opened.In
		case redirect.Op == syntax.RdrAll || redirect.Op == syntax.AppAll:
			kept.Out, kept.Err = opened.Out, opened.Err
		case fd == nil || fd.Value == "1":
			kept.Out = opened.Out
		case fd.Value == "2":
			kept.Err = opened.Err
		}
	}
}

// kept puts what exec opened in the place of what a statement was given.
func (r *runner) kept(io Streams) Streams {
	files := r.state.files
	if files.Other != nil && io.Other == nil {
		io.Other = files.Other
	}
	if _, given := io.In.(*lineInput); given && files.In != nil {
		io.In = files.In
	}
	if files.Out.Writer != nil && io.Out.Given == 1 {
		io.Out = files.Out
	}
	if files.Err.Writer != nil && io.Err.Given == 2 {
		io.Err = files.Err
	}
	return io
}

func (r *runner) redirected(s *syntax.Stmt, io Streams) error {
	io = r.kept(io)
	if len(s.Redirs) == 0 {
		return r.command(s.Cmd, io)
	}
	opened, done, err := r.redirect(s.Redirs, io)
	defer done()
	if err != nil {
		return r.unopened(err, s, io)
	}
	if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(call.Args) == 1 && call.Args[0].Lit() == "exec" {
		r.made = nil // they stay open
		r.keep(s.Redirs, opened)
		return nil
	}
	return r.command(s.Cmd, opened)
}

// unopened is the end of a statement whose files cannot be opened: in dash and
// ash a special builtin ends the script with it.
func (r *runner) unopened(err error, s *syntax.Stmt, io Streams) error {
	failed := r.failed(err, io)
	var said wordsError
	if failed == nil && errors.As(err, &said) && !r.state.dialect.bash() {
		if r.state.status = 1; r.state.dialect.dash() {
			r.state.status = 2
		}
		if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 && r.state.dialect.special[call.Args[0].Lit()] && call.Args[0].Lit() != "local" {
			return r.fatal(2)
		}
	}
	return failed
}

// failed reports a failure that does not stop a script.
func (r *runner) failed(err error, io Streams) error {
	var said wordsError
	if errors.As(err, &said) {
		io.Err.Print(r.prefix() + string(said) + "\n")
		r.state.status = 1
		return nil
	}
	return err
}

// wordsError is a message of the shell itself, without its name.
type wordsError string

// Error implements error.
func (w wordsError) Error() string { return string(w) }

func (r *runner) command(c syntax.Command, io Streams) error {
	switch c := c.(type) {
	case nil:
		r.state.status = 0
		return nil
	case *syntax.CallExpr:
		return r.call(c, io)
	case *syntax.BinaryCmd:
		return r.binary(c, io)
	case *syntax.Block:
		return r.nested(func() error { return r.stmts(c.Stmts, io) })
	case *syntax.Subshell:
		return r.isolate(func(sub *runner) error { return sub.stmts(c.Stmts, io) })
	case *syntax.IfClause:
		return r.nested(func() error { return r.ifClause(c, io) })
	case *syntax.WhileClause:
		return r.nested(func() error { return r.while(c, io) })
	case *syntax.ForClause:
		return r.nested(func() error { return r.forClause(c, io) })
	case *syntax.CaseClause:
		return r.nested(func() error { return r.caseClause(c, io) })
	case *syntax.FuncDecl:
		if c.Name == nil {
			return fmt.Errorf("%w: a function without a name", errBudget)
		}
		if len(r.state.funcs) < maxFunctions || r.state.funcs[c.Name.Value] != nil {
			r.state.funcs[c.Name.Value] = c.Body
		}
		r.state.status = 0
		return nil
	case *syntax.TestClause:
		return r.testClause(c, io)
	case *syntax.ArithmCmd:
		return r.arithmStatus(c.X, io)
	case *syntax.LetClause:
		for _, x := range c.Exprs {
			if err := r.arithmStatus(x, io); err != nil {
				return err
			}
		}
		return nil
	case *syntax.DeclClause:
		return r.declare(c, io)
	case *syntax.TimeClause:
		return r.timed(c, io)
	case *syntax.CoprocClause:
		return r.coproc(c, io)
	}
	io.Err.Print(r.prefix() + "syntax error\n")
	r.state.status = 2
	return nil
}

func (r *runner) nested(f func() error) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	return f()
}

func (r *runner) timed(c *syntax.TimeClause, io Streams) error {
	began := time.Now()
	var err error
	if c.Stmt != nil {
		err = r.stmt(c.Stmt, io)
	}
	took := time.Since(began).Seconds()
	io.Err.Print(fmt.Sprintf("\nreal\t%dm%.3fs\nuser\t0m0.00%ds\nsys\t0m0.00%ds\n", int(took)/60, took-float64(int(took)/60*60), 1+r.session.rand.IntN(3), r.session.rand.IntN(3)))
	return err
}

func (r *runner) binary(c *syntax.BinaryCmd, io Streams) error {
	if c.Op != syntax.AndStmt && c.Op != syntax.OrStmt {
		return r.pipeline(c, io)
	}
	r.quiet++
	err := r.nested(func() error { return r.stmt(c.X, io) })
	r.quiet--
	if err != nil || (r.state.status == 0) != (c.Op == syntax.AndStmt) {
		return err
	}
	return r.nested(func() error { return r.stmt(c.Y, io) })
}
