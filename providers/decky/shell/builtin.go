package shell

import (
	"github.com/decnet/decnet/providers/decky/shell/program/format"
	"github.com/decnet/decnet/providers/decky/shell/program/process"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// makeBuiltins are bash's own commands.
func builtins() map[string]command {
	made.Do(func() { table = makeBuiltins() })
	return table
}

var (
	made  sync.Once
	table map[string]command
)

// both makes a builtin of a program that also is one.
func both(f program.Func) command { return func(c *call) int { return f(c.Call) } }

func makeBuiltins() map[string]command {
	nothing := func(*call) int { return 0 }
	return map[string]command{
		":": nothing, "true": nothing, "false": func(*call) int { return 1 },
		"echo": both(format.Echo), "printf": both(format.Printf), "test": testCommand, "[": testCommand,
		"cd": cd, "pwd": pwd, "exit": exit, "logout": exit, "return": returnCommand, "break": breakCommand, "continue": continueCommand,
		"read": read, "set": set, "unset": unset, "shift": shift, "eval": eval, "source": source, ".": source, "type": typeCommand, "command": commandCommand, "builtin": builtinCommand,
		"exec": execCommand, "trap": trap, "alias": alias, "unalias": unalias, "getopts": getopts, "history": history, "umask": umask, "ulimit": ulimit, "mapfile": mapfile, "readarray": mapfile,
		"export": exportCommand, "kill": both(process.Kill), "times": times, "jobs": nothing, "wait": waitCommand, "hash": nothing, "shopt": shopt, "pushd": pushd, "popd": popd, "caller": func(*call) int { return 1 }, "disown": nothing, "bind": nothing, "enable": nothing, "fg": noJob, "bg": noJob,
		"dirs": dirs, "help": func(c *call) int { c.Print("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)\n"); return 0 },
	}
}

// waitCommand is wait: what it waits for has ended long since.
func waitCommand(c *call) int {
	status := 0
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") || strings.HasPrefix(a, "%") {
			continue
		}
		pid, err := strconv.Atoi(a)
		if err != nil {
			return c.Shout("`%s': not a pid or valid job spec", a)
		}
		ended, ok := c.r.state.ended[pid]
		if !ok {
			c.Shout("pid %d is not a child of this shell", pid)
			ended = 127
		}
		status = ended
	}
	return status
}

func noJob(c *call) int { return c.Shout("current: no such job") }

func cd(c *call) int {
	args := c.Args
	if len(args) > 0 && (args[0] == "--" || args[0] == "-P" || args[0] == "-L") {
		args = args[1:]
	}
	if len(args) > 1 {
		return c.Shout("too many arguments")
	}
	dir, show := "", false
	switch {
	case len(args) == 0:
		home, ok := c.r.state.get("HOME")
		if !ok {
			return c.Shout("HOME not set")
		}
		dir = home
	case args[0] == "-":
		old, ok := c.r.state.get("OLDPWD")
		if !ok {
			return c.Shout("OLDPWD not set")
		}
		dir, show = old, true
	default:
		dir = args[0]
	}
	if dir == "" {
		return 0
	}
	view := c.View()
	path := vfs.Lexical(vfs.Clean(c.r.state.cwd, dir))
	info, err := view.Stat(path)
	switch {
	case err != nil:
		return c.Shout("%s: %s", dir, vfs.Text(err))
	case !info.IsDir():
		return c.Shout("%s: Not a directory", dir)
	case view.Access(path, 1) != nil:
		return c.Shout("%s: Permission denied", dir)
	}
	c.r.state.set("OLDPWD", c.r.state.cwd)
	c.r.state.cwd = path
	c.r.state.set("PWD", path)
	if show {
		c.Print(path + "\n")
	}
	return 0
}

func pwd(c *call) int {
	path := c.r.state.cwd
	if len(c.Args) > 0 && c.Args[0] == "-P" {
		if resolved, err := c.View().Resolve(path); err == nil {
			path = resolved
		}
	}
	c.Print(path + "\n")
	return 0
}

func exit(c *call) int {
	status := c.r.state.status
	if len(c.Args) > 0 {
		n, err := strconv.Atoi(c.Args[0])
		if err != nil {
			c.Shout("%s: numeric argument required", c.Args[0])
			n = 2
		} else if len(c.Args) > 1 {
			return c.Shout("too many arguments")
		}
		status = n & 0xff
	}
	if c.r.session.options.TTY != "" && c.r.state.subshell == 0 {
		c.Err.Print("logout\n")
	}
	c.Stop = exitError(status)
	return status
}

func returnCommand(c *call) int {
	status := c.r.state.status
	if len(c.Args) > 0 {
		n, err := strconv.Atoi(c.Args[0])
		if err != nil {
			c.Shout("%s: numeric argument required", c.Args[0])
			n = 2
		}
		status = n & 0xff
	}
	if len(c.r.state.running) == 0 && c.r.sourcing == 0 {
		c.Shout("can only `return' from a function or sourced script")
		return 2
	}
	c.Stop = returnError(status)
	return status
}

func (c *call) levels() (int, bool) {
	if len(c.Args) == 0 {
		return 1, true
	}
	n, err := strconv.Atoi(c.Args[0])
	if err != nil || n < 1 {
		c.Shout("%s: numeric argument required", c.Args[0])
		return 1, false
	}
	return n, true
}

func breakCommand(c *call) int {
	if c.r.loops == 0 {
		c.Shout("only meaningful in a `for', `while', or `until' loop")
		return 0
	}
	n, _ := c.levels()
	c.Stop = breakError(n)
	return 0
}

func continueCommand(c *call) int {
	if c.r.loops == 0 {
		c.Shout("only meaningful in a `for', `while', or `until' loop")
		return 0
	}
	n, _ := c.levels()
	c.Stop = nextError(n)
	return 0
}

// dial records a target of /dev/tcp and fails as a filtered network does.
func (r *runner) dial(path string) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 4 {
		return syscall.ENETUNREACH
	}
	r.wanted("connect", parts[2]+":"+parts[3])
	return syscall.ENETUNREACH
}
