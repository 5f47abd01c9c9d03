package shell

import (
	"context"
	"io"
	"maps"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/schema/event"
)

// Stream and Streams are a command's open files.
type (
	Stream  = program.Stream
	Streams = program.Streams
)

// kernel is what a runner lends to a program.
type kernel struct{ r *runner }

// Step implements program.Budget.
func (k *kernel) Step(ctx context.Context) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return k.r.step()
}

// Spend implements program.Budget.
func (k *kernel) Spend(n int) error { return k.r.budget.spend(n) }

// Room implements program.Budget.
func (k *kernel) Room() int { return k.r.budget.limits.Pipe }

// Time implements program.Budget.
func (k *kernel) Time() time.Duration { return k.r.budget.limits.Time }

// Sleep implements program.Budget. What was said so far is seen meanwhile.
func (k *kernel) Sleep(ctx context.Context, d time.Duration) bool {
	long := 2 * time.Second // a script's record had better be whole
	if k.r.session.options.TTY != "" || len(k.r.answer.pending) > 0 {
		long = 100 * time.Millisecond // a client sees when it is said
	}
	if d >= long && k.r.answer.release(0) != nil {
		return false
	}
	return k.r.proc.sleep(ctx, d)
}

// Shell implements program.Launcher.
func (k *kernel) Shell(ctx context.Context, p *program.Process, name string, args []string, s Streams) (int, error) {
	var status int
	err := k.as(ctx, p, func(r *runner) error {
		err := r.shell(name, args, s)
		status = r.state.status
		return err
	})
	return status, err
}

// Find implements program.Launcher.
func (k *kernel) Find(p *program.Process, name string) (string, error) {
	var path string
	err := k.as(k.r.ctx, p, func(r *runner) error {
		var err error
		path, err = r.find(name)
		return err
	})
	return path, err
}

// Program implements program.Launcher.
func (k *kernel) Program(name string) (program.Func, bool) { return simulated(name) }

// Run implements program.Launcher.
func (k *kernel) Run(ctx context.Context, p *program.Process, args []string, s Streams) (int, error) {
	var status int
	err := k.as(ctx, p, func(r *runner) error {
		err := r.program(args, s)
		status = r.state.status
		return err
	})
	return status, err
}

// Script implements program.Launcher.
func (k *kernel) Script(ctx context.Context, p *program.Process, text string, args []string, s Streams) (int, error) {
	var status int
	err := k.as(ctx, p, func(r *runner) error {
		err := r.child(r.dialectOf("/bin/sh"), text, args, false, s)
		status = r.state.status
		return err
	})
	return status, err
}

// as runs f as the process p: a copy of the shell where p has another
// environment, directory or user.
func (k *kernel) as(ctx context.Context, p *program.Process, f func(*runner) error) error {
	r := *k.r
	r.ctx, r.asUser = ctx, p.User
	if p.Env == nil && p.Cwd == r.state.cwd {
		return f(&r)
	}
	r.state = k.r.state.fork()
	r.state.cwd = p.Cwd
	if p.Env != nil {
		maps.DeleteFunc(r.state.vars, func(_ string, v *variable) bool { return v.exported })
		for _, e := range p.Env {
			name, value, _ := strings.Cut(e, "=")
			r.state.set(name, value)
			if v := r.state.vars[name]; v != nil {
				v.exported = true
			}
		}
		if _, ok := r.state.get("PATH"); !ok { // what execvp(3) searches then
			r.state.vars["PATH"] = &variable{value: "/bin:/usr/bin"}
		}
	}
	return f(&r)
}

// Open implements program.Launcher.
func (k *kernel) Open(_ *program.Process, path string, flags int, s Streams) (io.ReadWriter, error) {
	return k.r.open(path, flags, s)
}

// Environ implements program.Launcher.
func (k *kernel) Environ() []string { return k.r.state.environ() }

// Become implements program.Launcher.
func (k *kernel) Become(p *program.Process, shell string, login bool) {
	name := program.Base(shell)
	if login {
		name = "-" + name
	}
	// Its error is that of the function alone, which has none.
	_ = k.as(k.r.ctx, p, func(r *runner) error {
		r.nest(r.dialectOf(shell), shell, name, login)
		return nil
	})
}

// Record implements program.Recorder.
func (k *kernel) Record(body event.Body) error { return k.r.session.record(body) }

// Wanted implements program.Recorder. Nothing is contacted and no name is
// resolved.
func (k *kernel) Wanted(verb, target string) { k.r.wanted(verb, target) }

// Unknown implements program.Recorder.
func (k *kernel) Unknown() { k.r.answer.unknown = true }

// wanted records that a client wanted to reach something.
func (r *runner) wanted(technique, target string) {
	if err := r.session.record(&event.Scan{Technique: technique, Data: event.Text(target).Clip(4096)}); err != nil {
		r.answer.err = err
	}
}
