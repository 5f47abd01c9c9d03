package shell

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/all"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// call is one builtin as it runs: a program's call, and the shell it changes.
type call struct {
	*program.Call
	r         *runner
	commanded bool // by command: a special builtin is an ordinary one
	external  bool // the program of that name, as called
	called    string
}

// command is a builtin; it returns its exit status.
type command func(*call) int

// call runs a simple command.
func (r *runner) call(x *syntax.CallExpr, io Streams) error {
	if err := r.alias(x); err != nil {
		return err
	}
	r.substituted = 0
	defer func() { r.state.pipe = nil }()
	if !r.state.dialect.bash() {
		x = withoutArrays(x)
	}
	args, err := r.fields(x.Args)
	if err != nil {
		return r.expansionFailed(err, io)
	}
	if len(args) == 0 {
		for _, a := range x.Assigns {
			if err := r.assign(a); err != nil {
				return r.expansionFailed(err, io)
			}
			r.traceAssign(a, io)
		}
		r.state.status = r.substituted
		return nil
	}
	if args[0] == "__broken" { // ((...)) that cannot be parsed
		return nil
	}
	if body, ok := r.state.traps["DEBUG"]; ok && len(r.state.running) == 0 {
		if err := r.trap(body, io); err != nil {
			return err
		}
	}
	if len(x.Assigns) == 0 {
		r.trace(args, io)
	}
	if len(x.Assigns) > 0 {
		if !r.state.dialect.special[args[0]] || args[0] == "local" {
			defer r.temporarily(x.Assigns)()
		}
		for _, a := range x.Assigns {
			if err := r.assign(a); err != nil {
				return r.expansionFailed(err, io)
			}
			r.traceAssign(a, io)
			if v := r.state.vars[a.Name.Value]; v != nil {
				v.exported = true
			}
		}
		r.trace(args, io)
	}
	return r.run(args, io)
}

// withoutArrays is a command of a shell for which m[k]=v and x+=y are words like
// any other.
func withoutArrays(x *syntax.CallExpr) *syntax.CallExpr {
	for i, a := range x.Assigns {
		if a.Index == nil && !a.Append || a.Name == nil {
			continue
		}
		var words []*syntax.Word
		for _, a := range x.Assigns[i:] {
			var b strings.Builder
			bare := *a
			bare.Value = nil
			_ = syntax.NewPrinter().Print(&b, &syntax.CallExpr{Assigns: []*syntax.Assign{&bare}})
			w := &syntax.Word{Parts: []syntax.WordPart{&syntax.SglQuoted{Value: strings.TrimSpace(b.String())}}}
			if a.Value != nil {
				w.Parts = append(w.Parts, a.Value.Parts...)
			}
			words = append(words, w)
		}
		return &syntax.CallExpr{Assigns: x.Assigns[:i], Args: append(words, x.Args...)}
	}
	return x
}

// traceAssign shows an assignment that set -x wants to see.
func (r *runner) traceAssign(a *syntax.Assign, io Streams) {
	if !r.state.options["xtrace"] || a.Array != nil || a.Index != nil || a.Name == nil {
		return
	}
	value, _ := r.state.get(a.Name.Value)
	if value != "" {
		value = r.traced(value)
	}
	r.traceLine(a.Name.Value+"="+value, io)
}

// trace shows a command that set -x wants to see.
func (r *runner) trace(args []string, io Streams) {
	if r.state.options["xtrace"] {
		shown := make([]string, len(args))
		for i, a := range args {
			shown[i] = r.traced(a)
		}
		r.traceLine(strings.Join(shown, " "), io)
	}
}

func (r *runner) traceLine(line string, io Streams) {
	ps4, _ := r.state.get("PS4")
	io.Err.Print(ps4 + line + "\n")
}

// traced is a word as a trace quotes it.
func (r *runner) traced(a string) string {
	if a == "" && r.state.dialect.ash() {
		return a
	}
	special := " \t\n'\"$`\\*?[]<>|&;()!{}^"
	switch {
	case r.state.dialect.dash():
		return a
	case r.state.dialect.ash():
		special = " \t\n'\"$`\\*?[<>|&;()!=~#%{}^"
	}
	if a == "" || strings.ContainsAny(a, special) {
		return word.Quote(a)
	}
	return a
}

// alias replaces the first word once where a line is typed.
func (r *runner) alias(x *syntax.CallExpr) error {
	if r.state.dialect.bash() && !r.state.interactive && !r.state.shopt["expand_aliases"] || len(x.Args) == 0 {
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
func (r *runner) expansionFailed(err error, io Streams) error {
	if errors.Is(err, errExpansion) {
		return nil
	}
	var said wordsError
	if errors.As(err, &said) {
		io.Err.Print(r.prefix() + string(said) + "\n")
		r.state.status = 1
		if !r.state.interactive || r.state.subshell > 0 {
			return exitError(words2exit(r.state.dialect, 1))
		}
		return nil
	}
	return err
}

// words2exit is the status of a script that an expansion ended.
func words2exit(d *dialect, inBash int) int {
	if d.bash() {
		return inBash
	}
	return 2
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
func (r *runner) run(args []string, io Streams) error {
	if err := r.step(); err != nil {
		return err
	}
	name := args[0]
	r.state.last = args[len(args)-1]
	if body, ok := r.state.funcs[name]; ok {
		return r.function(body, args, io)
	}
	if b, ok := r.state.builtin(name); ok {
		return r.builtin(b, args, io)
	}
	return r.program(args, io)
}

// program runs what the file system holds under a name.
func (r *runner) program(args []string, io Streams) error {
	name := args[0]
	path, err := r.find(name)
	if err != nil {
		r.answer.unknown = r.answer.unknown || errors.Is(err, syscall.ENOENT)
		switch {
		case name == "" && !r.state.dialect.bash():
			io.Err.Print(r.prefix() + ": Permission denied\n")
		case errors.Is(err, syscall.ENOENT) && !strings.Contains(name, "/"):
			io.Err.Print(r.prefix() + name + words{": command not found\n", ": not found\n", ": not found\n"}.in(r.state.dialect))
		case errors.Is(err, syscall.ENOENT):
			io.Err.Print(r.prefix() + name + words{": No such file or directory\n", ": not found\n", ": not found\n"}.in(r.state.dialect))
		case errors.Is(err, syscall.EISDIR) && !r.state.dialect.bash():
			io.Err.Print(r.prefix() + name + ": Permission denied\n")
		default:
			io.Err.Print(r.prefix() + name + ": " + vfs.Text(err) + "\n")
		}
		r.state.status = 127
		if !errors.Is(err, syscall.ENOENT) {
			r.state.status = 126
		}
		return nil
	}
	if !strings.Contains(name, "/") {
		r.remember(path)
	}
	r.called = name
	if r.session.machine.Genuine(path) && strings.HasPrefix(path, "/etc/init.d/") {
		return r.initScript(path, args, io)
	}
	if r.session.machine.Genuine(path) && inProgramDir(path) || r.installed(path) {
		if resolved, err := r.view().Resolve(path); err == nil && base(resolved) == "busybox" && base(path) != "sh" && base(path) != "ash" {
			// The multi-call binary goes by the name it was called.
			if p, ok := simulated("busybox"); ok {
				defer r.listed(path, args)()
				return r.invoke(p, args, io)
			}
		}
		io.Err = program.Named(io.Err, name, base(path))
		if p, ok := simulated(base(path)); ok {
			defer r.listed(path, args)()
			return r.invoke(p, args, io)
		}
		if resolved, err := r.view().Resolve(path); err == nil {
			if p, ok := simulated(base(resolved)); ok {
				defer r.listed(path, args)()
				return r.invoke(p, args, io)
			}
		}
		return r.mute(args, io)
	}
	if err := r.dropped(path); err != nil {
		return err
	}
	return r.script(path, args, io)
}

// installed tells a program that a client had the package manager install: it
// is of our making, and one that is simulated.
func (r *runner) installed(path string) bool {
	resolved, err := r.view().Resolve(path)
	if err != nil || !inProgramDir(resolved) {
		return false
	}
	data, err := r.session.machine.FS.As(0, 0).ReadFile(resolved)
	return err == nil && peer.Of(r.session.machine).Made(data)
}

// dropped tells of a client's own file that is about to run.
func (r *runner) dropped(path string) error {
	tell := r.session.options.Executed
	if tell == nil {
		return nil
	}
	data, err := r.view().ReadFile(path)
	if err != nil || len(data) == 0 {
		return nil // the script will say what is wrong
	}
	if peer.Of(r.session.machine).Made(data) {
		return nil // it is no client's
	}
	return tell(path, data)
}

// mute runs a program of the base that is not simulated: it prints nothing
// and ends well, which is what most tools do without work.
func (r *runner) mute(args []string, io Streams) error {
	r.answer.unknown = true
	r.state.status = 0
	if len(args) > 1 && (args[1] == "--help" || args[1] == "-h") {
		io.Out.Print("Usage: " + base(args[0]) + " [OPTION]...\n")
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

func base(path string) string { return program.Base(path) }

// simulated is the program of a name; test, [ are the shell's own code.
func simulated(name string) (program.Func, bool) {
	if name == "test" || name == "[" {
		return func(c *program.Call) int {
			r := c.Kernel.(*kernel).r
			return testCommand(&call{Call: c, r: r, external: true, called: r.called})
		}, true
	}
	return all.Find(name)
}

// builtin runs a builtin in this shell.
func (r *runner) builtin(f command, args []string, io Streams) error {
	return r.invoke(func(c *program.Call) int {
		c.Prefix = r.prefix()
		c.SetVariable = r.assignNamed
		return f(&call{Call: c, r: r})
	}, args, io)
}

// commanded runs a builtin for command, which makes a special one ordinary.
func (r *runner) commanded(f command, args []string, io Streams) error {
	return r.builtin(func(c *call) int {
		c.commanded = true
		return f(c)
	}, args, io)
}

// invoke runs a program or builtin and keeps its status.
func (r *runner) invoke(f program.Func, args []string, io Streams) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	c := &program.Call{Process: r.process(), Kernel: &kernel{r}, Ctx: r.ctx, Name: base(args[0]), Args: args[1:], Streams: io}
	r.state.status = f(c) & 0xff
	if errors.Is(c.Stop, errPipe) {
		r.state.status = 141
		return nil
	}
	return c.Stop
}

// process is what a program of this shell inherits.
func (r *runner) process() program.Process {
	s := r.session
	return program.Process{
		Machine: s.machine, User: r.asUser, Cwd: r.state.cwd, Umask: r.state.umask, TTY: s.options.TTY,
		Rows: int(s.rows.Load()), Cols: int(s.cols.Load()), Source: s.options.Source, Local: s.options.Local, PID: r.state.pid, Self: r.self,
	}
}
