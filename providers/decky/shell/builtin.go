package shell

import (
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// makeBuiltins are bash's own commands.
func makeBuiltins() map[string]command {
	nothing := func(*call) int { return 0 }
	return map[string]command{
		":": nothing, "true": nothing, "false": func(*call) int { return 1 },
		"echo": echo, "printf": printfCommand, "test": testCommand, "[": testCommand,
		"cd": cd, "pwd": pwd, "exit": exit, "logout": exit, "return": returnCommand, "break": breakCommand, "continue": continueCommand,
	}
}

// makePrograms are the programs that are simulated: files that a client can
// find, copy and overwrite.
func makePrograms() map[string]command {
	programs := map[string]command{"pwd": pwd}
	for _, name := range []string{"true", "false", "echo", "printf", "test", "["} {
		programs[name] = makeBuiltins()[name]
	}
	return programs
}

func cd(c *call) int {
	args := c.args
	if len(args) > 0 && (args[0] == "--" || args[0] == "-P" || args[0] == "-L") {
		args = args[1:]
	}
	if len(args) > 1 {
		return c.shout("too many arguments")
	}
	dir, show := "", false
	switch {
	case len(args) == 0:
		home, ok := c.r.state.get("HOME")
		if !ok {
			return c.shout("HOME not set")
		}
		dir = home
	case args[0] == "-":
		old, ok := c.r.state.get("OLDPWD")
		if !ok {
			return c.shout("OLDPWD not set")
		}
		dir, show = old, true
	default:
		dir = args[0]
	}
	if dir == "" {
		return 0
	}
	view := c.view()
	path := lexical(vfs.Clean(c.r.state.cwd, dir))
	info, err := view.Stat(path)
	switch {
	case err != nil:
		return c.shout("%s: %s", dir, vfs.Text(err))
	case !info.IsDir():
		return c.shout("%s: Not a directory", dir)
	case view.Access(path, 1) != nil:
		return c.shout("%s: Permission denied", dir)
	}
	c.r.state.set("OLDPWD", c.r.state.cwd)
	c.r.state.cwd = path
	c.r.state.set("PWD", path)
	if show {
		c.print(path + "\n")
	}
	return 0
}

// lexical resolves "." and ".." by name, as cd does.
func lexical(path string) string {
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		switch s {
		case "", ".":
		case "..":
			out = out[:max(len(out)-1, 0)]
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}

func pwd(c *call) int {
	path := c.r.state.cwd
	if len(c.args) > 0 && c.args[0] == "-P" {
		if resolved, err := c.view().Resolve(path); err == nil {
			path = resolved
		}
	}
	c.print(path + "\n")
	return 0
}

func exit(c *call) int {
	status := c.r.state.status
	if len(c.args) > 0 {
		n, err := strconv.Atoi(c.args[0])
		if err != nil {
			c.shout("%s: numeric argument required", c.args[0])
			n = 2
		}
		status = n & 0xff
	}
	if c.r.session.options.TTY != "" && c.r.state.subshell == 0 {
		c.err.print("logout\n")
	}
	c.stop = exitError(status)
	return status
}

func returnCommand(c *call) int {
	status := c.r.state.status
	if len(c.args) > 0 {
		n, err := strconv.Atoi(c.args[0])
		if err != nil {
			c.shout("%s: numeric argument required", c.args[0])
			n = 2
		}
		status = n & 0xff
	}
	if len(c.r.state.locals) == 0 && c.r.state.subshell == 0 {
		c.shout("can only `return' from a function or sourced script")
		return 1
	}
	c.stop = returnError(status)
	return status
}

func (c *call) levels() (int, bool) {
	if len(c.args) == 0 {
		return 1, true
	}
	n, err := strconv.Atoi(c.args[0])
	if err != nil || n < 1 {
		c.shout("%s: numeric argument required", c.args[0])
		return 1, false
	}
	return n, true
}

func breakCommand(c *call) int {
	if c.r.loops == 0 {
		c.shout("only meaningful in a `for', `while', or `until' loop")
		return 0
	}
	n, _ := c.levels()
	c.stop = breakError(n)
	return 0
}

func continueCommand(c *call) int {
	if c.r.loops == 0 {
		c.shout("only meaningful in a `for', `while', or `until' loop")
		return 0
	}
	n, _ := c.levels()
	c.stop = nextError(n)
	return 0
}

// wait sleeps unless the client leaves or interrupts.
func (c *call) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.r.ctx.Done():
		c.stop = errInterrupted
		return false
	}
}

// dial records a target of /dev/tcp and fails as a filtered network does.
func (r *runner) dial(path string) error {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 4 {
		return errUnreachable
	}
	r.wanted("connect", parts[2]+":"+parts[3])
	return errUnreachable
}
