package shell

import (
	"maps"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/grammar"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// The three shells, made once and shared by all sessions.
var (
	made     sync.Once
	dialects [3]*dialect
)

func makeDialects() {
	own := plainBuiltins()
	maps.Copy(own, map[string]command{"[[": testCommand, "source": sourceCommand, "let": letCommand, "history": history, "help": ashHelp})
	special := map[string]bool{"local": true}
	for _, name := range []string{".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "source", "times", "trap", "unset"} {
		special[name] = true
	}
	dialects = [3]*dialect{
		grammar.Bash: {kind: grammar.Bash, name: "bash", parse: syntax.LangBash, builtins: bashBuiltins()},
		grammar.Dash: {kind: grammar.Dash, name: "dash", parse: syntax.LangPOSIX, builtins: plainBuiltins(), special: special},
		grammar.Ash:  {kind: grammar.Ash, name: "ash", parse: syntax.LangBash, builtins: own, special: special},
	}
}

func dialectOf(kind grammar.Dialect) *dialect {
	made.Do(makeDialects)
	return dialects[kind]
}

func bash() *dialect { return dialectOf(grammar.Bash) }
func dash() *dialect { return dialectOf(grammar.Dash) }
func ash() *dialect  { return dialectOf(grammar.Ash) }

func succeed(*call) int { return 0 }

// plainBuiltins are those of dash, and of every other shell.
func plainBuiltins() map[string]command {
	return map[string]command{
		":": succeed, "true": succeed, "false": func(*call) int { return 1 },
		"echo": echoCommand, "printf": printfCommand, "test": testCommand, "[": testCommand,
		"cd": cd, "chdir": cd, "pwd": pwd, "exit": exit, "return": returnCommand, "break": breakCommand, "continue": breakCommand,
		"read": read, "set": set, "unset": unset, "shift": shift, "eval": eval, ".": sourceCommand, "type": typeCommand, "command": commandCommand,
		"exec": execCommand, "trap": trapCommand, "alias": alias, "unalias": unalias, "getopts": getopts, "umask": umask, "ulimit": ulimit,
		"export": declareCommand, "readonly": declareCommand, "local": declareCommand, "kill": killCommand, "times": times, "jobs": jobsCommand, "wait": waitCommand, "hash": hash, "fg": fgCommand, "bg": fgCommand,
	}
}

func bashBuiltins() map[string]command {
	own := plainBuiltins()
	delete(own, "chdir")
	maps.Copy(own, map[string]command{
		"logout": logout, "source": sourceCommand, "builtin": builtinCommand, "history": history, "mapfile": mapfile, "readarray": mapfile, "shopt": shopt, "pushd": pushd, "popd": popd, "dirs": dirs,
		"caller": caller, "disown": disown, "bind": bind, "enable": enable, "help": help, "let": letCommand, "declare": declareCommand, "typeset": declareCommand,
		"complete": complete, "compgen": compgen, "compopt": succeed, "fc": fc, "suspend": suspend,
	})
	return own
}

// options takes the letters that a builtin knows off its words. A letter it
// does not know is complained of, and ok is false.
func (c *call) options(letters, usage string) (given string, rest []string, status int, ok bool) {
	rest = c.Args
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		word := rest[0]
		rest = rest[1:]
		if word == "--" {
			break
		}
		for _, letter := range word[1:] {
			if !strings.ContainsRune(letters, letter) {
				return "", nil, c.badOption("-"+string(letter), usage), false
			}
			given += string(letter)
		}
	}
	return given, rest, 0, true
}

func cd(c *call) int {
	d := c.r.state.dialect
	letters := "LP"
	if d.bash() {
		letters = "LPe@"
	}
	if len(c.Args) == 1 && c.Args[0] == "-" {
		return c.cdTo(c.Args, "")
	}
	given, args, status, ok := c.options(letters, "cd [-L|[-P [-e]] [-@]] [dir]")
	if !ok {
		return status
	}
	return c.cdTo(args, given)
}

func (c *call) cdTo(args []string, given string) int {
	d := c.r.state.dialect
	if len(args) > 1 && d.bash() {
		c.say(words{"too many arguments"})
		return 1
	}
	dir, show := "", false
	switch {
	case len(args) == 0:
		home, ok := c.r.state.get("HOME")
		if !ok {
			if !d.bash() {
				return 0
			}
			c.say(words{"HOME not set"})
			return 1
		}
		dir = home
	case args[0] == "-":
		old, ok := c.r.state.get("OLDPWD")
		if !ok && d.bash() {
			c.say(words{"OLDPWD not set"})
			return 1
		}
		if dir, show = old, true; !ok {
			dir = c.r.state.cwd
		}
	default:
		dir = args[0]
	}
	if dir == "" {
		return 0
	}
	view := c.View()
	path := c.r.searchCD(dir, &show)
	shown := path
	path = vfs.Lexical(vfs.Clean(c.r.state.cwd, path))
	info, err := view.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		err = syscall.ENOTDIR
	case err == nil:
		err = view.Access(path, 1)
	}
	if err != nil {
		text := vfs.Text(err)
		if d.ash() && err == syscall.ENOTDIR { // it looks at the last error of a search
			text = "No such file or directory"
		}
		c.say(words{"%s: %s", "can't cd to %s", "can't cd to %s: %s"}, dir, text)
		if d.bash() {
			return 1
		}
		return 2
	}
	if strings.Contains(given, "P") || c.r.state.options["physical"] {
		if resolved, err := view.Resolve(path); err == nil {
			path = resolved
		}
	}
	if !d.bash() && strings.HasPrefix(shown, "//") && !strings.HasPrefix(shown, "///") && !strings.HasPrefix(dir, "/") {
		path = "/" + path
	}
	c.r.state.set("OLDPWD", c.r.state.cwd)
	c.r.state.cwd = path
	c.r.state.set("PWD", path)
	if v := c.r.state.vars["OLDPWD"]; v != nil {
		v.exported = true
	}
	if show {
		c.Print(path + "\n")
	}
	return 0
}

// searchCD looks for a directory along CDPATH.
func (r *runner) searchCD(dir string, show *bool) string {
	list, ok := r.state.get("CDPATH")
	if !ok || strings.HasPrefix(dir, "/") || dir == "." || dir == ".." || strings.HasPrefix(dir, "./") || strings.HasPrefix(dir, "../") {
		return dir
	}
	for prefix := range strings.SplitSeq(list, ":") {
		full := strings.TrimSuffix(prefix, "/") + "/" + dir
		if !r.state.dialect.bash() {
			full = prefix + "/" + dir
		}
		if prefix == "" {
			full = dir
		}
		if info, err := r.view().Stat(vfs.Clean(r.state.cwd, full)); err == nil && info.IsDir() {
			*show = *show || prefix != ""
			return full
		}
	}
	return dir
}

func pwd(c *call) int {
	given, _, status, ok := c.options("LP", "pwd [-LP]")
	if !ok {
		return status
	}
	path := c.r.state.cwd
	if strings.Contains(given, "P") {
		if resolved, err := c.View().Resolve(path); err == nil {
			path = resolved
		}
	}
	c.Print(path + "\n")
	return 0
}

func exit(c *call) int {
	status := c.r.state.status
	d := c.r.state.dialect
	if len(c.Args) > 0 {
		n, err := strconv.Atoi(c.Args[0])
		switch {
		case !d.bash() && (err != nil || n < 0):
			return c.illegalNumber(c.Args[0])
		case err != nil:
			c.say(words{"%s: numeric argument required"}, c.Args[0])
			n = 2
		case len(c.Args) > 1 && d.bash():
			c.say(words{"too many arguments"})
			if !c.r.state.interactive {
				c.Stop = exitError(1)
			}
			return 1
		}
		status = n & 0xff
	}
	if c.r.state.interactive && c.r.state.subshell == 0 && d.bash() {
		said := "exit\n"
		if strings.HasPrefix(c.r.state.name, "-") {
			said = "logout\n"
		}
		if c.r.stoppedJobs(c.Streams) {
			return 1
		}
		c.Err.Print(said)
	}
	c.Stop = exitError(status)
	return status
}

// stoppedJobs warns once of jobs that are stopped.
func (r *runner) stoppedJobs(io Streams) bool {
	for _, j := range r.state.jobs.list {
		if j.stopped && !j.proc.ended && !r.session.warned {
			r.session.warned = true
			io.Err.Print("There are stopped jobs.\n")
			return true
		}
	}
	return false
}

func logout(c *call) int {
	if !strings.HasPrefix(c.r.state.name, "-") || !c.r.state.interactive {
		c.say(words{"not login shell: use `exit'"})
		return 1
	}
	return exit(c)
}

func returnCommand(c *call) int {
	status := c.r.state.status
	d := c.r.state.dialect
	if len(c.Args) > 0 {
		n, err := strconv.Atoi(c.Args[0])
		switch {
		case !d.bash() && (err != nil || n < 0):
			return c.illegalNumber(c.Args[0])
		case err != nil:
			c.say(words{"%s: numeric argument required"}, c.Args[0])
			n = 2
		}
		status = n & 0xff
	}
	if len(c.r.state.running) == 0 && c.r.sourcing == 0 {
		if d.bash() {
			c.say(words{"can only `return' from a function or sourced script"})
			return 2
		}
		c.Stop = exitError(status)
		return status
	}
	c.Stop = returnError(status)
	return status
}

// breakCommand is break and continue.
func breakCommand(c *call) int {
	d := c.r.state.dialect
	n := 1
	if len(c.Args) > 0 {
		var err error
		n, err = strconv.Atoi(c.Args[0])
		switch {
		case (err != nil || n < 1) && !d.bash():
			return c.illegalNumber(c.Args[0])
		case c.r.loops == 0:
		case err != nil:
			c.say(words{"%s: numeric argument required"}, c.Args[0])
			c.Stop = exitError(128)
			return 128
		case n < 1:
			c.say(words{"%s: loop count out of range"}, c.Args[0])
			c.Stop = breakError(c.r.loops)
			return 1
		}
	}
	if c.r.loops == 0 {
		if d.bash() {
			c.say(words{"only meaningful in a `for', `while', or `until' loop"})
		}
		return 0
	}
	n = min(n, c.r.loops)
	if c.Name == "break" {
		c.Stop = breakError(n)
	} else {
		c.Stop = nextError(n)
	}
	return 0
}

func itoa(n int) string { return strconv.Itoa(n) }
