package shell

import (
	"errors"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// function runs a function's body with its own parameters.
func (r *runner) function(body *syntax.Stmt, args []string, io Streams) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	params, loops := r.state.params, r.loops
	if r.state.params = args[1:]; !r.state.dialect.ash() {
		r.loops = 0
	}
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

// brought is a program that a client brought: one for another machine cannot run,
// one that is cut off falls over, and any other goes into the background at once
// as those do that are brought here.
func (r *runner) brought(text string, args []string, io Streams) {
	name, machine := args[0], r.session.machine.Release.Machine
	var foreign bool
	switch {
	case len(text) < 52:
		foreign = true
	case machine == "x86_64":
		kind := text[18:20]
		foreign = kind != "\x3e\x00" && kind != "\x03\x00"
	case machine == "aarch64":
		kind := text[18:20]
		foreign = kind != "\xb7\x00" && kind != "\x28\x00"
	default:
		own := map[string]string{"armv7l": "\x28\x00", "i686": "\x03\x00", "mips": "\x00\x08", "mipsel": "\x08\x00"}
		foreign = own[machine] != text[18:20]
	}
	switch {
	case foreign && r.state.dialect.bash():
		io.Err.Print(r.prefix() + name + ": cannot execute binary file: Exec format error\n")
		r.state.status = 126
	case foreign && r.state.dialect.ash(): // which reads it as a script
		line, _, _ := strings.Cut(text[:min(len(text), 256)], "\x00")
		io.Err.Print(name + ": line 1: " + line + ": not found\n")
		r.state.status = 127
	case foreign:
		io.Err.Print(r.prefix() + name + ": Exec format error\n")
		r.state.status = 126
	case len(text) < 1024:
		r.crashed(args, io)
	default:
		r.state.status = 0
	}
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
		if name := r.copied(data); name != "" {
			if p, ok := simulated(name); ok {
				io.Err = program.Named(io.Err, args[0], name)
				return r.invoke(p, args, io)
			}
		}
		r.brought(text, args, io)
		return nil
	case strings.IndexByte(text[:min(len(text), 512)], 0) >= 0:
		io.Err.Print(r.prefix() + args[0] + ": cannot execute binary file: Exec format error\n")
		r.state.status = 126
		return nil
	}
	d := r.state.dialect
	if line, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(line, "#!") {
		interpreter, argument, _ := strings.Cut(strings.TrimSpace(line[2:]), " ")
		if base(interpreter) == "env" {
			interpreter, argument, _ = strings.Cut(strings.TrimSpace(argument), " ")
		}
		switch base(interpreter) {
		case "sh", "bash", "dash", "ash":
			if _, err := r.find(interpreter); err == nil {
				d = r.dialectOf(interpreter)
				break
			}
			fallthrough
		default:
			if _, err := r.find(interpreter); err != nil {
				text := vfs.Text(err)
				if version, _ := r.state.get("BASH_VERSION"); d.bash() && errors.Is(err, syscall.ENOENT) && version >= "5.2" {
					io.Err.Print(r.prefix() + args[0] + ": cannot execute: required file not found\n")
					r.state.status = 127
					return nil
				}
				io.Err.Print(words{r.prefix() + args[0] + ": " + interpreter + ": bad interpreter: " + text + "\n", r.prefix() + args[0] + ": not found\n", r.prefix() + args[0] + ": not found\n"}.in(d))
				r.state.status = map[bool]int{true: 126, false: 127}[d.bash()]
				return nil
			}
			words := []string{interpreter}
			if argument = strings.TrimSpace(argument); argument != "" {
				words = append(words, argument)
			}
			return r.program(append(append(words, args[0]), args[1:]...), io)
		}
	}
	return r.child(d, text, args, true, io)
}
