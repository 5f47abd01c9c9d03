package shell

import (
	"errors"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// shell runs a shell as a program: sh -c, sh file, a script on its input.
func (r *runner) shell(name string, args []string, io Streams) error {
	d := r.dialectOf(name)
	command, fromInput, login := false, false, false
	var set []string
	for len(args) > 0 && len(args[0]) > 1 && (args[0][0] == '-' || args[0][0] == '+') {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		if long, ok := strings.CutPrefix(a, "--"); ok {
			if done := r.longOption(d, name, long, io); done {
				return nil
			}
			login = login || long == "login"
			continue
		}
		for _, letter := range a[1:] {
			switch {
			case letter == 'c':
				command = true
			case letter == 's':
				fromInput = true
			case letter == 'l':
				login = true
			case letter == 'i':
			case letter == 'o' && len(args) > 0:
				set = append(set, a[:1]+"o", args[0])
				args = args[1:]
			case optionLetters[byte(letter)] != "":
				set = append(set, a[:1]+string(letter))
			default:
				return r.badShellOption(d, name, string(letter), io)
			}
		}
	}
	switch {
	case command:
		if len(args) == 0 {
			io.Err.Print(words{name + ": -c: option requires an argument\n", name + ": 0: -c requires an argument\n", name + ": -c requires an argument\n"}.in(d))
			r.state.status = 2
			return nil
		}
		params := []string{name}
		if len(args) > 1 {
			params = args[1:]
		}
		return r.launch(d, args[0], params, false, set, io)
	case len(args) > 0 && !fromInput:
		return r.scriptFile(d, name, args, set, io)
	case r.session.options.TTY != "" && io.Out.TTY && r.state.interactive:
		r.nest(d, name, name, login)
		return nil
	}
	data, err := r.readAll(io.In)
	if err != nil {
		r.state.status = 1
		return err
	}
	return r.launch(d, string(data), append([]string{name}, args...), true, append(set, readInput), io)
}

// longOption is --version and its like; done tells that the shell ends there.
func (r *runner) longOption(d *dialect, name, option string, io Streams) (done bool) {
	r.state.status = 0
	switch {
	case !d.bash():
		if d.dash() {
			io.Err.Print(name + ": 0: Illegal option --" + "\n")
		} else {
			io.Err.Print(name + ": unrecognized option '--" + option + "'\n")
		}
		r.state.status = 2
		return true
	case option == "version":
		io.Out.Print("GNU bash, version " + r.state.version + " (" + r.state.machine + ")\nCopyright (C) 2022 Free Software Foundation, Inc.\nLicense GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>\n\nThis is free software; you are free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n")
		return true
	case option == "norc", option == "noprofile", option == "login", option == "posix", option == "noediting", option == "verbose", option == "restricted":
		return false
	}
	io.Err.Print(name + ": --" + option + ": invalid option\n")
	r.state.status = 2
	return true
}

func (r *runner) badShellOption(d *dialect, name, letter string, io Streams) error {
	io.Err.Print(words{name + ": -" + letter + ": invalid option\n", name + ": 0: Illegal option -" + letter + "\n", name + ": illegal option -" + letter + "\n"}.in(d))
	r.state.status = 2
	return nil
}

// scriptFile runs a script that is named on the command line.
func (r *runner) scriptFile(d *dialect, name string, args, set []string, io Streams) error {
	path := vfs.Clean(r.state.cwd, args[0])
	info, err := r.view().Stat(path)
	if err == nil && info.IsDir() {
		if d.dash() { // it opens what it cannot read, which is the end
			r.state.status = 0
			return nil
		}
		io.Err.Print(words{args[0] + ": " + args[0] + ": Is a directory\n", "", name + ": read error: Is a directory\n"}.in(d))
		r.state.status = 126
		return nil
	}
	data, err := r.view().ReadFile(path)
	if err != nil {
		text := vfs.Text(err)
		plain := strings.TrimSuffix(text, " or directory")
		io.Err.Print(words{name + ": " + args[0] + ": " + text + "\n", name + ": 0: cannot open " + args[0] + ": " + plain + "\n", name + ": can't open '" + args[0] + "': " + text + "\n"}.in(d))
		r.state.status = words2status(d, err)
		return nil
	}
	text := string(data)
	if strings.IndexByte(text[:min(len(text), 256)], 0) >= 0 && d.bash() {
		io.Err.Print(args[0] + ": " + args[0] + ": cannot execute binary file\n")
		r.state.status = 126
		return nil
	}
	return r.launch(d, text, args, true, set, io)
}

func words2status(d *dialect, err error) int {
	if vfs.Text(err) == "No such file or directory" {
		if d.bash() {
			return 127
		}
		return 2
	}
	return map[bool]int{true: 126, false: 2}[d.bash()]
}

// readInput among the options of a new shell tells that its script is what it
// read from its input.
const readInput = "\x00"

// child runs a script in a shell of its own with args as $0, $1...
func (r *runner) child(d *dialect, text string, args []string, file bool, io Streams) error {
	return r.launch(d, text, args, file, nil, io)
}

// launch runs a script in a process of its own and waits for it.
func (r *runner) launch(d *dialect, text string, args []string, file bool, options []string, io Streams) error {
	if r.crowded(io) {
		return nil
	}
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	parent := r.state.pid
	if r.state.subshell > 0 {
		parent = r.proc.pid
	}
	var failed error
	p := r.spawn(r.ctx, func(sub *runner) error {
		sub.state.name, sub.state.params, sub.state.status, sub.state.file, sub.state.parent = args[0], args[1:], 0, file, parent
		sub.state.pid = sub.proc.pid
		if sub.state.stdin = len(options) > 0 && options[len(options)-1] == readInput; sub.state.stdin {
			options = options[:len(options)-1]
		}
		sub.state.fresh(d)
		sub.proc.traps = sub.state.traps
		sub.line, sub.base, sub.sourcing, sub.quiet = 0, 0, 0, 0
		if len(options) > 0 {
			c := &call{Call: &program.Call{Process: sub.process(), Kernel: &kernel{sub}, Ctx: sub.ctx, Name: "set", Args: options, Streams: io}, r: sub}
			if status := set(c); status != 0 {
				sub.state.status = status
				return nil
			}
		}
		failed = sub.parsed(text, sub.own(io), fromShell, "")
		return failed
	}, nil)
	p.job = r.proc.job
	now := r.now
	for !p.ended {
		r.session.changed.Wait()
		if r.proc.over() != nil && p.signal == 0 {
			p.signal = max(r.proc.signal, 2)
			p.cancel()
		}
	}
	r.state.status = p.status
	if p.signal != 0 && r.proc.over() == nil && now != nil {
		r.mourn(p, shownStmt(now), io)
	}
	switch {
	case r.proc.over() != nil:
		return errInterrupted
	case errors.Is(failed, errBudget):
		return errBudget
	}
	return nil
}
