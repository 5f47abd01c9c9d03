package shell

import (
	"errors"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// function runs a function's body with its own parameters.
func (r *runner) function(body *syntax.Stmt, args []string, io Streams) error {
	if err := r.budget.enter(); err != nil {
		return err
	}
	defer r.budget.leave()
	params, loops := r.state.params, r.loops
	r.state.params, r.loops = args[1:], 0
	r.state.running = append(r.state.running, args[0])
	r.state.enter()
	err := r.stmt(body, io)
	r.state.leave()
	r.state.running = r.state.running[:len(r.state.running)-1]
	r.state.params, r.loops = params, loops
	var ret returnError
	if errors.As(err, &ret) {
		r.state.status = int(ret)
		return nil
	}
	return err
}

// script runs a file that a client made: a shell script is evaluated, anything
// else is what the kernel says of a file that is no program for it.
func (r *runner) script(path string, args []string, io Streams) error {
	view := r.view()
	data, err := view.ReadFile(path)
	if err != nil {
		io.Err.Print(r.prefix() + args[0] + ": " + vfs.Text(err) + "\n")
		r.state.status = 126
		return nil
	}
	text := string(data)
	switch {
	case strings.HasPrefix(text, "\x7fELF"):
		// A program of another machine, or one that falls over at once.
		if len(text) < 64 || !strings.HasPrefix(text[18:], "\x3e\x00") {
			io.Err.Print(r.prefix() + args[0] + ": cannot execute binary file: Exec format error\n")
			r.state.status = 126
			return nil
		}
		io.Err.Print("Segmentation fault\n")
		r.state.status = 139
		return nil
	case strings.IndexByte(text[:min(len(text), 512)], 0) >= 0:
		io.Err.Print(r.prefix() + args[0] + ": cannot execute binary file: Exec format error\n")
		r.state.status = 126
		return nil
	}
	if line, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(line, "#!") {
		interpreter, _, _ := strings.Cut(strings.TrimSpace(line[2:]), " ")
		if base(interpreter) == "env" {
			_, interpreter, _ = strings.Cut(strings.TrimSpace(line[2:]), " ")
		}
		switch base(interpreter) {
		case "sh", "bash", "dash", "ash":
		default:
			if _, err := r.find(interpreter); err != nil {
				io.Err.Print(r.prefix() + args[0] + ": " + interpreter + ": bad interpreter: No such file or directory\n")
				r.state.status = 126
			}
			return nil
		}
	}
	return r.sourced(text, args, io)
}

// sourced evaluates a script in a subshell with args as $0, $1...
func (r *runner) sourced(text string, args []string, io Streams) error {
	return r.isolate(func(sub *runner) error {
		sub.state.name, sub.state.params, sub.state.status = args[0], args[1:], 0
		sub.state.fresh()
		return sub.evaluate(text, io)
	})
}

// evaluate parses and runs text; a mistake in it is printed.
func (r *runner) evaluate(text string, io Streams) error {
	stopped, failed := r.parsed(text, io)
	if stopped == nil && failed != nil {
		r.syntaxError(failed, text, io, false)
	}
	return stopped
}
