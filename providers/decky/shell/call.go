package shell

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// call is one command as it runs.
type call struct {
	r    *runner
	name string
	args []string // without the name
	in   io.Reader
	out  sink
	err  sink
	io   streams
	stop error // ends the script
}

// command is a program or builtin; it returns its exit status.
type command func(*call) int

func (c *call) print(text string) { c.write(c.out, text) }

func (c *call) printf(format string, args ...any) {
	c.write(c.out, fmt.Sprintf(format, args...))
}

func (c *call) write(to sink, text string) {
	if c.stop != nil {
		return
	}
	_, err := io.WriteString(to, text)
	switch {
	case err == nil:
	case errors.Is(err, errPipe), errors.Is(err, errBudget):
		c.stop = err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EFBIG), errors.Is(err, syscall.EBADF):
		c.err.print(c.name + ": write error: " + vfs.Text(err) + "\n")
		c.stop = errPipe
	}
}

// complain prints "name: message" and returns status 1.
func (c *call) complain(format string, args ...any) int {
	c.err.print(c.name + ": " + fmt.Sprintf(format, args...) + "\n")
	return 1
}

// shout is complain of a builtin: bash names itself first.
func (c *call) shout(format string, args ...any) int {
	c.err.print(c.r.prefix() + c.name + ": " + fmt.Sprintf(format, args...) + "\n")
	return 1
}

// path is a file name as seen from the working directory.
func (c *call) path(name string) string {
	if name == "" {
		return ""
	}
	return vfs.Clean(c.r.state.cwd, name)
}

func (c *call) view() vfs.View { return c.r.view() }

// read is the whole of a file, "-" being standard input.
func (c *call) read(name string) ([]byte, error) {
	if name == "-" {
		return c.r.readAll(c.in)
	}
	file, err := c.r.open(name, vfs.Read, c.io)
	if err != nil {
		return nil, err
	}
	data, err := c.r.readAll(file)
	if errors.Is(err, errBudget) {
		c.stop = err
	}
	return data, err
}

// busy counts a step of a long command and tells whether to stop.
func (c *call) busy() bool {
	if c.stop == nil {
		c.stop = c.r.step()
	}
	return c.stop != nil
}

// call runs a simple command.
func (r *runner) call(x *syntax.CallExpr, io streams) error {
	if err := r.alias(x); err != nil {
		return err
	}
	r.substituted = 0
	defer func() { r.state.pipe = nil }()
	args, err := r.fields(x.Args)
	if err != nil {
		return r.expansionFailed(err, io)
	}
	if len(args) == 0 {
		for _, a := range x.Assigns {
			if err := r.assign(a); err != nil {
				return r.expansionFailed(err, io)
			}
		}
		r.state.status = r.substituted
		return nil
	}
	r.trace(args, io)
	if len(x.Assigns) > 0 {
		defer r.temporarily(x.Assigns)()
		for _, a := range x.Assigns {
			if err := r.assign(a); err != nil {
				return r.expansionFailed(err, io)
			}
			if v := r.state.vars[a.Name.Value]; v != nil {
				v.exported = true
			}
		}
	}
	return r.run(args, io)
}

func (r *runner) trace(args []string, io streams) {
	if r.state.options["xtrace"] {
		shown := make([]string, len(args))
		for i, a := range args {
			shown[i] = a
			if a == "" || strings.ContainsAny(a, " \t\n'\"$`\\*?[]<>|&;()!") {
				shown[i] = quote(a)
			}
		}
		io.err.print("+ " + strings.Join(shown, " ") + "\n")
	}
}

// alias replaces the first word once where a line is typed.
func (r *runner) alias(x *syntax.CallExpr) error {
	if r.session.options.TTY == "" || len(x.Args) == 0 {
		return nil
	}
	body, ok := r.state.aliases[x.Args[0].Lit()]
	if !ok {
		return nil
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(body), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil
	}
	if inner, ok := file.Stmts[0].Cmd.(*syntax.CallExpr); ok && len(inner.Assigns) == 0 && len(inner.Args) > 0 {
		name := x.Args[0].Lit()
		x.Args = append(slices.Clone(inner.Args), x.Args[1:]...)
		if inner.Args[0].Lit() == name {
			// The word stands for itself from now on.
			x.Args[0] = &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: name}}}
		}
	}
	return nil
}

// expansionFailed is the end of a command whose words were bad.
func (r *runner) expansionFailed(err error, io streams) error {
	if errors.Is(err, errExpansion) {
		return nil
	}
	var said wordsError
	if errors.As(err, &said) {
		io.err.print(r.prefix() + string(said) + "\n")
		r.state.status = 1
		if r.session.options.TTY == "" || r.state.subshell > 0 {
			return exitError(1)
		}
		return nil
	}
	return err
}

// temporarily remembers variables and returns what restores them.
func (r *runner) temporarily(assigns []*syntax.Assign) func() {
	saved := map[string]*variable{}
	for _, a := range assigns {
		if v := r.state.vars[a.Name.Value]; v != nil {
			copied := *v
			copied.list, copied.table = maps.Clone(v.list), maps.Clone(v.table)
			saved[a.Name.Value] = &copied
		} else {
			saved[a.Name.Value] = nil
		}
	}
	state := r.state
	return func() {
		for name, v := range saved {
			if v == nil {
				delete(state.vars, name)
			} else {
				state.vars[name] = v
			}
		}
	}
}

// run finds a command by name: function, builtin, program.
func (r *runner) run(args []string, io streams) error {
	if err := r.step(); err != nil {
		return err
	}
	name := args[0]
	r.state.last = args[len(args)-1]
	if body, ok := r.state.funcs[name]; ok {
		return r.function(body, args, io)
	}
	if b, ok := r.session.machine.builtins[name]; ok {
		return r.invoke(b, args, io)
	}
	return r.program(args, io)
}

// program runs what the file system holds under a name.
func (r *runner) program(args []string, io streams) error {
	name := args[0]
	path, err := r.find(name)
	if err != nil {
		r.answer.unknown = r.answer.unknown || errors.Is(err, syscall.ENOENT)
		switch {
		case errors.Is(err, syscall.ENOENT) && !strings.Contains(name, "/"):
			io.err.print(r.prefix() + name + ": command not found\n")
		default:
			io.err.print(r.prefix() + name + ": " + vfs.Text(err) + "\n")
		}
		r.state.status = 127
		if !errors.Is(err, syscall.ENOENT) {
			r.state.status = 126
		}
		return nil
	}
	if r.session.machine.genuine(path) {
		if c, ok := r.session.machine.commands[base(path)]; ok {
			return r.invoke(c, args, io)
		}
		if resolved, err := r.view().Resolve(path); err == nil {
			if c, ok := r.session.machine.commands[base(resolved)]; ok {
				return r.invoke(c, args, io)
			}
		}
		return r.mute(args, io)
	}
	return r.script(path, args, io)
}

// mute runs a program of the base that is not simulated: it prints nothing
// and ends well, which is what most tools do without work.
func (r *runner) mute(args []string, io streams) error {
	r.answer.unknown = true
	r.state.status = 0
	if len(args) > 1 && (args[1] == "--help" || args[1] == "-h") {
		io.out.print("Usage: " + base(args[0]) + " [OPTION]...\n")
	}
	return nil
}

// find is where a program is, as execvp(3) looks for it.
func (r *runner) find(name string) (string, error) {
	view := r.view()
	check := func(path string) error {
		info, err := view.Stat(path)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return syscall.EISDIR
		}
		return view.Access(path, 1)
	}
	if strings.Contains(name, "/") {
		path := vfs.Clean(r.state.cwd, name)
		return path, check(path)
	}
	if name == "" {
		return "", syscall.ENOENT
	}
	list, _ := r.state.get("PATH")
	denied := error(syscall.ENOENT)
	for dir := range strings.SplitSeq(list, ":") {
		path := vfs.Clean(r.state.cwd, strings.TrimSuffix(dir, "/")+"/"+name)
		err := check(path)
		if err == nil {
			return path, nil
		}
		if errors.Is(err, syscall.EACCES) {
			denied = err
		}
	}
	return "", denied
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (r *runner) invoke(c command, args []string, io streams) error {
	if err := r.budget.enter(); err != nil {
		return err
	}
	defer r.budget.leave()
	call := &call{r: r, name: base(args[0]), args: args[1:], in: io.in, out: io.out, err: io.err, io: io}
	r.state.status = c(call) & 0xff
	if errors.Is(call.stop, errPipe) {
		r.state.status = 141
		return nil
	}
	return call.stop
}
