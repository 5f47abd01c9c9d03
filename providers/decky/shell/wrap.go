package shell

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// execute runs a program in the place of another one, which says in words of
// its own where there is none.
func (c *call) execute(args []string, io streams, words string) int {
	if _, err := c.r.find(args[0]); err != nil {
		c.r.answer.unknown = c.r.answer.unknown || errors.Is(err, syscall.ENOENT)
		c.complain(words, args[0], vfs.Text(err))
		if errors.Is(err, syscall.ENOENT) {
			return 127
		}
		return 126
	}
	c.stop = c.r.program(args, io)
	return c.r.state.status
}

// env changes the environment of a command, or shows it.
func env(c *call) int {
	clean := false
	var drop []string
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		a := args[0]
		args = args[1:]
		switch {
		case a == "-i" || a == "-" || a == "--ignore-environment":
			clean = true
		case a == "-u" && len(args) > 0:
			drop, args = append(drop, args[0]), args[1:]
		case strings.HasPrefix(a, "--unset="):
			drop = append(drop, a[8:])
		case strings.HasPrefix(a, "--"):
			c.usage("unrecognized option '" + a + "'")
			return 125
		case strings.Trim(a[1:], "iu0vCS") != "":
			c.usage("invalid option -- '" + strings.TrimLeft(a[1:], "iu0vCS")[:1] + "'")
			return 125
		default:
			drop = append(drop, strings.TrimPrefix(a, "-u"))
		}
	}
	status := 0
	c.stop = c.r.isolate(func(sub *runner) error {
		inner := *c
		inner.r = sub
		status = inner.changed(clean, drop, args)
		sub.state.status = status
		return inner.stop
	})
	return status
}

// changed runs args, or lists the variables, in an environment of its own.
func (c *call) changed(clean bool, drop, args []string) int {
	state := c.r.state
	path, _ := state.get("PATH")
	for name, v := range state.vars {
		if clean && v.exported {
			delete(state.vars, name)
		}
	}
	for _, name := range drop {
		delete(state.vars, name)
	}
	for len(args) > 0 && strings.Contains(args[0], "=") {
		name, value, _ := strings.Cut(args[0], "=")
		state.set(name, value)
		if v := state.vars[name]; v != nil {
			v.exported = true
		}
		args = args[1:]
	}
	if len(args) > 0 {
		if _, ok := state.get("PATH"); !ok {
			state.vars["PATH"] = &variable{value: path}
		}
		return c.execute(args, c.io, "‘%s’: %s")
	}
	for _, e := range state.environ() {
		c.print(e + "\n")
	}
	return 0
}

func printenv(c *call) int {
	if len(c.args) == 0 {
		return env(c)
	}
	status := 0
	for _, name := range c.args {
		if v := c.r.state.vars[name]; v != nil && v.exported {
			c.print(v.value + "\n")
		} else {
			status = 1
		}
	}
	return status
}

// wrapper runs its operands as a command: nohup, nice, setsid, ionice, chroot.
func wrapper(skip int) command {
	return func(c *call) int {
		args := c.args
		for len(args) > 0 && strings.HasPrefix(args[0], "-") {
			if (args[0] == "-n" || args[0] == "-c") && len(args) > 1 {
				args = args[1:]
			}
			args = args[1:]
		}
		if len(args) <= skip {
			return c.missing() * 125
		}
		words := "‘%s’: %s"
		switch c.name {
		case "nohup":
			words = "failed to run command '%s': %s"
			if c.out.tty {
				c.err.print("nohup: ignoring input and appending output to 'nohup.out'\n")
			}
		case "setsid":
			words = "failed to execute %s: %s"
		case "chroot":
			words = "failed to run command ‘%s’: %s"
		}
		return c.execute(args[skip:], c.io, words)
	}
}

// timeout ends a command after a while.
func timeout(c *call) int {
	f, args, ok := c.parse("+fk:s:v", "foreground=f kill-after=:k signal=:s preserve-status=p verbose=v")
	if !ok {
		return 125
	}
	if len(args) < 2 {
		c.err.print("Try 'timeout --help' for more information.\n")
		return 125
	}
	limit, ok := interval(args[0])
	if !ok {
		c.usage("invalid time interval ‘" + args[0] + "’")
		return 125
	}
	outer := c.r.ctx
	if limit > 0 {
		var cancel context.CancelFunc
		c.r.ctx, cancel = context.WithTimeout(outer, limit)
		defer cancel()
	}
	status := c.execute(args[1:], c.io, "failed to run command ‘%s’: %s")
	late := c.r.ctx.Err() != nil && outer.Err() == nil
	c.r.ctx = outer
	if late && errors.Is(c.stop, errInterrupted) {
		c.stop = nil
		if f.has("p") {
			return 143
		}
		return 124
	}
	return status
}

// interval is a time as sleep and timeout read it.
func interval(s string) (time.Duration, bool) {
	unit := time.Second
	for suffix, u := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
		if d, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = d, u
			break
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && s != "infinity" || n < 0 {
		return 0, false
	}
	return time.Duration(min(n, 1e6) * float64(unit)), true
}

func which(c *call) int {
	status, all := 0, false
	if len(c.args) == 0 {
		return 1
	}
	for _, name := range c.args {
		if strings.HasPrefix(name, "-") {
			all = all || name == "-a"
			continue
		}
		path, err := c.r.find(name)
		if err != nil {
			status = 1
			continue
		}
		c.print(path + "\n")
		if list, _ := c.r.state.get("PATH"); all && !strings.Contains(name, "/") {
			for dir := range strings.SplitSeq(list, ":") {
				other := vfs.Clean(c.r.state.cwd, strings.TrimSuffix(dir, "/")+"/"+name)
				if other != path && c.view().Access(other, 1) == nil {
					c.print(other + "\n")
				}
			}
		}
	}
	return status
}
