package shell

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/word"
	"mvdan.cc/sh/v3/syntax"
)

// kindOf is what a name would run: "alias", "function", "builtin", "file" and
// where, or nothing.
func (r *runner) kindOf(name string) (kind, where string) {
	if syntax.IsKeyword(name) {
		return "keyword", ""
	}
	if _, ok := r.state.aliases[name]; ok {
		return "alias", r.state.aliases[name]
	}
	if _, ok := r.state.funcs[name]; ok {
		return "function", ""
	}
	if _, ok := builtins()[name]; ok {
		return "builtin", ""
	}
	if path, err := r.find(name); err == nil {
		return "file", path
	}
	return "", ""
}

func typeCommand(c *call) int {
	status := 0
	short, files := false, ""
	for _, name := range c.Args {
		if name == "-t" || name == "-p" || name == "-a" || name == "-P" {
			short = name == "-t"
			if name != "-a" {
				files = name
			}
			continue
		}
		kind, where := c.r.kindOf(name)
		if files == "-P" {
			if path, err := c.r.find(name); err == nil {
				kind, where = "file", path
			}
		}
		switch {
		case files == "-p" || files == "-P":
			if kind == "file" {
				c.Print(where + "\n")
			} else if kind == "" || files == "-P" {
				status = 1
			}
		case kind == "":
			status = 1
			if !short {
				c.Shout("%s: not found", name)
			}
		case short:
			c.Print(kind + "\n")
		case kind == "alias":
			c.Print(name + " is aliased to `" + where + "'\n")
		case kind == "function":
			c.Print(name + " is a function\n")
			c.Print(c.r.definition(name))
		case kind == "builtin":
			c.Print(name + " is a shell builtin\n")
		case kind == "keyword":
			c.Print(name + " is a shell keyword\n")
		default:
			c.Print(name + " is " + where + "\n")
		}
	}
	return status
}

// commandCommand is command, command -v and command -V.
func commandCommand(c *call) int {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		if strings.ContainsAny(args[0], "vV") {
			status := 1
			for _, name := range args[1:] {
				kind, where := c.r.kindOf(name)
				switch kind {
				case "":
					continue
				case "file":
					c.Print(where + "\n")
				case "alias":
					c.Print("alias " + name + "=" + word.Quote(where) + "\n")
				default:
					c.Print(name + "\n")
				}
				status = 0
			}
			return status
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	if b, ok := builtins()[args[0]]; ok {
		c.Stop = c.r.builtin(b, args, c.Streams)
	} else {
		c.Stop = c.r.program(args, c.Streams)
	}
	return c.r.state.status
}

func builtinCommand(c *call) int {
	if len(c.Args) == 0 {
		return 0
	}
	b, ok := builtins()[c.Args[0]]
	if !ok {
		return c.Shout("%s: not a shell builtin", c.Args[0])
	}
	c.Stop = c.r.builtin(b, c.Args, c.Streams)
	return c.r.state.status
}

// exec runs a command in the shell's place.
func execCommand(c *call) int {
	args := c.Args
	for len(args) > 1 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-a" {
			args = args[1:]
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	if _, err := c.r.find(args[0]); err != nil && errors.Is(err, syscall.ENOENT) {
		c.r.answer.unknown = true
		c.Shout("%s: not found", args[0])
		if c.r.session.options.TTY == "" || c.r.state.subshell > 0 {
			c.Stop = exitError(127)
		}
		return 127
	}
	if err := c.r.program(args, c.Streams); err != nil {
		c.Stop = err
		return c.r.state.status
	}
	c.Stop = exitError(c.r.state.status)
	return c.r.state.status
}

func alias(c *call) int {
	status := 0
	if len(c.Args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(c.r.state.aliases)) {
			c.Print("alias " + name + "=" + word.Quote(c.r.state.aliases[name]) + "\n")
		}
	}
	for _, a := range c.Args {
		name, value, ok := strings.Cut(a, "=")
		switch current, known := c.r.state.aliases[name]; {
		case ok && len(c.r.state.aliases) < 256:
			c.r.state.aliases[name] = value
		case known:
			c.Print("alias " + name + "=" + word.Quote(current) + "\n")
		default:
			status = c.Shout("%s: not found", name)
		}
	}
	return status
}

func unalias(c *call) int {
	status := 0
	for _, a := range c.Args {
		if a == "-a" {
			clear(c.r.state.aliases)
			continue
		}
		if _, ok := c.r.state.aliases[a]; !ok {
			status = c.Shout("%s: not found", a)
		}
		delete(c.r.state.aliases, a)
	}
	return status
}
