package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"mvdan.cc/sh/v3/syntax"
)

// runner evaluates a tree: one per command line, copied for subshells.
type runner struct {
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
	quiet       int // in a condition: set -e does not act
}

func (r *runner) step() error {
	if r.ctx.Err() != nil {
		return errInterrupted
	}
	return r.budget.step()
}

// subshell is a runner with a copy of the state.
func (r *runner) subshell() *runner {
	c := *r
	c.state = r.state.fork()
	c.loops = 0
	return &c
}

// isolate runs f in a subshell and takes its status over.
func (r *runner) isolate(f func(*runner) error) error {
	if err := r.budget.enter(); err != nil {
		return err
	}
	defer r.budget.leave()
	sub := r.subshell()
	err := f(sub)
	if body, ok := sub.state.traps["EXIT"]; ok && !errors.Is(err, errBudget) && !errors.Is(err, errInterrupted) {
		delete(sub.state.traps, "EXIT")
		var exit exitError
		if errors.As(err, &exit) {
			sub.state.status = int(exit)
		}
		status := sub.state.status
		if stopped := sub.evaluate(body, sub.io); stopped != nil {
			err = stopped
		} else {
			sub.state.status = status
		}
	}
	r.state.status, r.state.pipe = sub.state.status, sub.state.pipe
	var exit exitError
	var ret returnError
	switch {
	case errors.As(err, &exit):
		r.state.status = int(exit)
		return nil
	case errors.As(err, &ret):
		r.state.status = int(ret)
		return nil
	case errors.Is(err, errBudget), errors.Is(err, errInterrupted):
		return err
	}
	return nil
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
	r.line = s.Pos().Line()
	defer func() { r.io = outer }()
	if s.Negated {
		r.quiet++
		defer func() { r.quiet-- }()
	}
	var err error
	if s.Background {
		err = r.background(s, io)
	} else {
		err = r.redirected(s, io)
	}
	if s.Negated && err == nil {
		if r.state.status == 0 {
			r.state.status = 1
		} else {
			r.state.status = 0
		}
	}
	if err == nil && r.state.options["errexit"] && r.state.status != 0 && r.quiet == 0 && !s.Negated && !isList(s.Cmd) {
		return exitError(r.state.status)
	}
	return err
}

func isList(c syntax.Command) bool {
	b, ok := c.(*syntax.BinaryCmd)
	return ok && (b.Op == syntax.AndStmt || b.Op == syntax.OrStmt)
}

// background runs a statement to its end, as nothing else goes on meanwhile;
// a sleep in it does not hold the shell up.
func (r *runner) background(s *syntax.Stmt, io Streams) error {
	pid := r.session.machine.NextPID()
	if r.session.options.TTY != "" && r.state.subshell == 0 {
		io.Err.Print(fmt.Sprintf("[1] %d\n", pid))
	}
	io.In = strings.NewReader("")
	ctx, cancel := context.WithTimeout(r.ctx, 200*time.Millisecond)
	defer cancel()
	err := r.isolate(func(sub *runner) error {
		sub.ctx = ctx
		return sub.redirected(s, io)
	})
	if errors.Is(err, errInterrupted) && r.ctx.Err() == nil {
		err = nil
	}
	if len(r.state.ended) < maxVariables {
		r.state.ended[pid] = r.state.status
	}
	r.state.bang, r.state.status = pid, 0
	return err
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
		return r.failed(err, io)
	}
	if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(call.Args) == 1 && call.Args[0].Lit() == "exec" {
		r.keep(s.Redirs, opened)
		return nil
	}
	return r.command(s.Cmd, opened)
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

// prefix starts the shell's own messages.
func (r *runner) prefix() string {
	switch {
	case r.answer.mode == ModeExec:
		return "bash: line " + strconv.Itoa(max(int(r.line), 1)) + ": "
	case r.session.options.TTY != "":
		return "-bash: "
	}
	return "-bash: line " + strconv.Itoa(r.session.lines) + ": "
}

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
		r.state.funcs[c.Name.Value] = c.Body
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
		return r.background(c.Stmt, io)
	}
	io.Err.Print(r.prefix() + "syntax error\n")
	r.state.status = 2
	return nil
}

func (r *runner) nested(f func() error) error {
	if err := r.budget.enter(); err != nil {
		return err
	}
	defer r.budget.leave()
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

// pipeStatuses are those of the left side of a pipeline, which has just run.
func (r *runner) pipeStatuses(left *syntax.Stmt) []int {
	if b, ok := left.Cmd.(*syntax.BinaryCmd); ok && b.Op != syntax.AndStmt && b.Op != syntax.OrStmt {
		return append([]int(nil), r.state.pipe...)
	}
	return []int{r.state.status}
}

func (r *runner) binary(c *syntax.BinaryCmd, io Streams) error {
	switch c.Op {
	case syntax.AndStmt, syntax.OrStmt:
		r.quiet++
		err := r.nested(func() error { return r.stmt(c.X, io) })
		r.quiet--
		if err != nil || (r.state.status == 0) != (c.Op == syntax.AndStmt) {
			return err
		}
		return r.nested(func() error { return r.stmt(c.Y, io) })
	}
	p := &program.Pipe{Budget: &kernel{r}}
	left := io
	left.Out = Stream{Writer: p}
	if c.Op == syntax.PipeAll {
		left.Err = left.Out
	}
	if err := r.isolate(func(sub *runner) error { return sub.stmt(c.X, left) }); err != nil {
		return err
	}
	status := r.state.status
	statuses := r.pipeStatuses(c.X)
	right := io
	right.In = p
	err := r.isolate(func(sub *runner) error { return sub.stmt(c.Y, right) })
	r.state.pipe = append(statuses, r.state.status)
	if r.state.options["pipefail"] && r.state.status == 0 {
		r.state.status = status
	}
	return err
}
