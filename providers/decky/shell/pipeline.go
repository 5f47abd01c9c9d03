package shell

import (
	"context"
	"errors"
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// stages are the parts of a pipeline, and whether each sends its errors too.
func stages(c *syntax.BinaryCmd) (list []*syntax.Stmt, both []bool) {
	for {
		list, both = append(list, c.Y), append(both, c.Op == syntax.PipeAll)
		left, ok := c.X.Cmd.(*syntax.BinaryCmd)
		if !ok || left.Op == syntax.AndStmt || left.Op == syntax.OrStmt || len(c.X.Redirs) > 0 || c.X.Negated {
			list = append(list, c.X)
			break
		}
		c = left
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	for i, j := 0, len(both)-1; i < j; i, j = i+1, j-1 {
		both[i], both[j] = both[j], both[i]
	}
	return list, both
}

// pipeline runs its parts side by side; the last one in this process.
func (r *runner) pipeline(c *syntax.BinaryCmd, outer Streams) error {
	list, both := stages(c)
	if len(list) > maxProcesses {
		return errBudget
	}
	processes := make([]*process, 0, len(list)-1)
	in := outer.In
	var from *pipe
	for i, stmt := range list[:len(list)-1] {
		if r.crowded(outer) {
			break
		}
		to := r.session.newPipe(r.budget)
		streams := outer
		streams.In = in
		source := from
		p := r.spawn(r.ctx, func(sub *runner) error {
			if source != nil {
				streams.In = pipeEnd{source, sub.proc}
			}
			streams.Out = Stream{Writer: pipeEnd{to, sub.proc}}
			if both[i] {
				streams.Err = streams.Out
			}
			return sub.stmt(stmt, sub.own(streams))
		}, func() {
			to.closeWriter()
			if source != nil {
				source.closeReader()
			}
		})
		p.job = r.proc.job
		processes = append(processes, p)
		from, in = to, nil
	}
	last := outer
	if from != nil {
		last.In = pipeEnd{from, r.proc}
	}
	err := r.nested(func() error {
		stmt := list[len(list)-1]
		if r.state.shopt["lastpipe"] && !r.state.interactive {
			return r.stmt(stmt, last)
		}
		return r.isolate(func(sub *runner) error { return sub.stmt(stmt, last) })
	})
	if from != nil {
		from.closeReader()
	}
	if errors.Is(err, errBudget) || errors.Is(err, errInterrupted) {
		for _, p := range processes {
			p.signal = 2
			p.cancel()
		}
	}
	for _, p := range processes {
		for !p.ended {
			r.session.changed.Wait()
		}
	}
	statuses, failed := []int{}, 0
	for _, p := range processes {
		statuses = append(statuses, p.status)
		if p.status != 0 {
			failed = p.status
		}
	}
	r.state.pipe = append(statuses, r.state.status)
	r.piped = true
	if r.state.options["pipefail"] && r.state.status == 0 {
		r.state.status = failed
	}
	return err
}

// held tells a statement that an interactive shell runs as a job of its own,
// so that ^Z can stop it: anything but builtins, functions and loops.
func (r *runner) held(s *syntax.Stmt) bool {
	switch c := s.Cmd.(type) {
	case *syntax.CallExpr:
		if len(c.Args) == 0 {
			return false
		}
		name := c.Args[0].Lit()
		if body, ok := r.state.aliases[name]; ok {
			name, _, _ = strings.Cut(body, " ")
		}
		if name == "" || r.state.funcs[name] != nil {
			return false
		}
		_, builtin := r.state.dialect.builtins[name]
		return !builtin && !changesUser[name]
	case *syntax.BinaryCmd:
		return c.Op != syntax.AndStmt && c.Op != syntax.OrStmt
	case *syntax.Subshell:
		return true
	}
	return false
}

// changesUser are the programs after which the shell is another user's.
var changesUser = map[string]bool{"su": true, "sudo": true, "sh": true, "bash": true, "dash": true, "ash": true, "busybox": true}

// foreground runs a statement as a job that has the terminal.
func (r *runner) foreground(s *syntax.Stmt, io Streams) error {
	if r.crowded(io) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.budget.limits.Time)
	var failed error
	p := r.spawn(ctx, func(sub *runner) error {
		failed = sub.redirected(s, sub.own(io))
		return failed
	}, cancel)
	j := r.state.jobs.add(p, shownStmt(s))
	r.state.status = r.hold(j, io)
	if errors.Is(failed, errBudget) {
		return errBudget
	}
	if r.ctx.Err() != nil {
		return errInterrupted
	}
	return nil
}

// coproc starts a process with a pipe in each direction, whose ends are in an
// array.
func (r *runner) coproc(c *syntax.CoprocClause, outer Streams) error {
	if r.crowded(outer) {
		return nil
	}
	name := "COPROC"
	if c.Name != nil {
		if text, err := r.literal(c.Name); err == nil && syntax.ValidName(text) {
			name = text
		}
	}
	in, out := r.session.newPipe(r.budget), r.session.newPipe(r.budget)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.budget.limits.Time)
	p := r.spawn(ctx, func(sub *runner) error {
		streams := outer
		streams.In, streams.Out = pipeEnd{in, sub.proc}, Stream{Writer: pipeEnd{out, sub.proc}}
		return sub.stmt(c.Stmt, streams)
	}, func() {
		in.closeReader()
		out.closeWriter()
		cancel()
	})
	r.state.jobs.add(p, shownStmt(c.Stmt))
	if r.state.files.Other == nil {
		r.state.files.Other = map[int]any{}
	}
	r.state.files.Other[63] = io.Reader(pipeEnd{out, r.proc})
	r.state.files.Other[60] = Stream{Writer: pipeEnd{in, r.proc}}
	r.state.vars[name] = &variable{list: map[int]string{0: "63", 1: "60"}}
	r.state.vars[name+"_PID"] = &variable{value: itoa(p.pid)}
	r.state.bang, r.state.status = p.pid, 0
	return nil
}
