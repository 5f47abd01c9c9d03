package process

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// env changes the environment of a command, or shows it.
func env(c *program.Call) int {
	clean := false
	var drop []string
	args := c.Args
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
			c.Usage("unrecognized option '" + a + "'")
			return 125
		case strings.Trim(a[1:], "iu0vCS") != "":
			c.Usage("invalid option -- '" + strings.TrimLeft(a[1:], "iu0vCS")[:1] + "'")
			return 125
		default:
			drop = append(drop, strings.TrimPrefix(a, "-u"))
		}
	}
	return changed(c, clean, drop, args)
}

// changed runs args, or lists the variables, in an environment of its own.
func changed(c *program.Call, clean bool, drop, args []string) int {
	inner := *c
	inner.Env = []string{}
	if !clean {
		inner.Env = slices.DeleteFunc(slices.Clone(c.Environ()), func(e string) bool {
			name, _, _ := strings.Cut(e, "=")
			return slices.Contains(drop, name)
		})
	}
	for len(args) > 0 && strings.Contains(args[0], "=") {
		name, _, _ := strings.Cut(args[0], "=")
		inner.Env = slices.DeleteFunc(inner.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		inner.Env = append(inner.Env, args[0])
		args = args[1:]
	}
	if len(args) > 0 {
		status := inner.Execute(args, c.Streams, "‘%s’: %s")
		c.Stop = inner.Stop
		return status
	}
	for _, e := range inner.Env {
		c.Print(e + "\n")
	}
	return 0
}

func printenv(c *program.Call) int {
	if len(c.Args) == 0 {
		return env(c)
	}
	status := 0
	for _, name := range c.Args {
		if value, ok := c.Getenv(name); ok {
			c.Print(value + "\n")
		} else {
			status = 1
		}
	}
	return status
}

// wrapper runs its operands as a command: nohup, nice, setsid, ionice, chroot.
func wrapper(skip int) program.Func {
	return func(c *program.Call) int {
		args := c.Args
		for len(args) > 0 && strings.HasPrefix(args[0], "-") {
			if (args[0] == "-n" || args[0] == "-c") && len(args) > 1 {
				if _, err := strconv.Atoi(args[1]); err != nil && c.Name == "nice" {
					c.Err.Print("nice: invalid adjustment ‘" + args[1] + "’\n")
					return 125
				}
				args = args[1:]
			}
			args = args[1:]
		}
		if len(args) <= skip {
			return c.Missing() * 125
		}
		words := "‘%s’: %s"
		switch c.Name {
		case "nohup":
			words = "failed to run command '%s': %s"
			if c.Out.TTY {
				c.Err.Print("nohup: ignoring input and appending output to 'nohup.out'\n")
			}
		case "setsid":
			words = "failed to execute %s: %s"
		case "chroot":
			words = "failed to run command ‘%s’: %s"
		}
		return c.Execute(args[skip:], c.Streams, words)
	}
}

// timeout ends a command after a while.
func timeout(c *program.Call) int {
	f, args, ok := c.Parse("+fk:s:v", "foreground=f kill-after=:k signal=:s preserve-status=p verbose=v")
	if !ok {
		return 125
	}
	if len(args) < 2 {
		c.Err.Print("Try 'timeout --help' for more information.\n")
		return 125
	}
	limit, ok := program.Interval(args[0])
	if !ok {
		c.Usage("invalid time interval ‘" + args[0] + "’")
		return 125
	}
	outer := c.Ctx
	if limit > 0 {
		var cancel context.CancelFunc
		c.Ctx, cancel = context.WithTimeout(outer, limit)
		defer cancel()
	}
	status := c.Execute(args[1:], c.Streams, "failed to run command ‘%s’: %s")
	late := c.Ctx.Err() != nil && outer.Err() == nil
	c.Ctx = outer
	if late && errors.Is(c.Stop, program.ErrInterrupted) {
		c.Stop = nil
		if signal := strings.TrimPrefix(f.Value["s"], "SIG"); signal == "KILL" || signal == "9" {
			return 137
		}
		if f.Has("p") {
			return 143
		}
		return 124
	}
	return status
}

func which(c *program.Call) int {
	status, all := 0, false
	if len(c.Args) == 0 {
		return 1
	}
	for _, name := range c.Args {
		if strings.HasPrefix(name, "-") {
			all = all || name == "-a"
			continue
		}
		path, err := c.Find(name)
		if err != nil {
			status = 1
			continue
		}
		c.Print(path + "\n")
		if list, _ := c.Getenv("PATH"); all && !strings.Contains(name, "/") {
			for dir := range strings.SplitSeq(list, ":") {
				other := vfs.Clean(c.Cwd, strings.TrimSuffix(dir, "/")+"/"+name)
				if other != path && c.View().Access(other, 1) == nil {
					c.Print(other + "\n")
				}
			}
		}
	}
	return status
}
