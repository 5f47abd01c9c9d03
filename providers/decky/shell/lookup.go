package shell

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"

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
	if _, ok := r.session.machine.builtins[name]; ok {
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
	for _, name := range c.args {
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
				c.print(where + "\n")
			} else if kind == "" || files == "-P" {
				status = 1
			}
		case kind == "":
			status = 1
			if !short {
				c.shout("%s: not found", name)
			}
		case short:
			c.print(kind + "\n")
		case kind == "alias":
			c.print(name + " is aliased to `" + where + "'\n")
		case kind == "function":
			c.print(name + " is a function\n")
			c.print(c.r.definition(name))
		case kind == "builtin":
			c.print(name + " is a shell builtin\n")
		case kind == "keyword":
			c.print(name + " is a shell keyword\n")
		default:
			c.print(name + " is " + where + "\n")
		}
	}
	return status
}

// commandCommand is command, command -v and command -V.
func commandCommand(c *call) int {
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		if strings.ContainsAny(args[0], "vV") {
			status := 1
			for _, name := range args[1:] {
				kind, where := c.r.kindOf(name)
				switch kind {
				case "":
					continue
				case "file":
					c.print(where + "\n")
				case "alias":
					c.print("alias " + name + "=" + quote(where) + "\n")
				default:
					c.print(name + "\n")
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
	if b, ok := c.r.session.machine.builtins[args[0]]; ok {
		c.stop = c.r.invoke(b, args, c.io)
	} else {
		c.stop = c.r.program(args, c.io)
	}
	return c.r.state.status
}

func builtinCommand(c *call) int {
	if len(c.args) == 0 {
		return 0
	}
	b, ok := c.r.session.machine.builtins[c.args[0]]
	if !ok {
		return c.shout("%s: not a shell builtin", c.args[0])
	}
	c.stop = c.r.invoke(b, c.args, c.io)
	return c.r.state.status
}

// exec runs a command in the shell's place.
func execCommand(c *call) int {
	args := c.args
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
		c.shout("%s: not found", args[0])
		if c.r.session.options.TTY == "" || c.r.state.subshell > 0 {
			c.stop = exitError(127)
		}
		return 127
	}
	if err := c.r.program(args, c.io); err != nil {
		c.stop = err
		return c.r.state.status
	}
	c.stop = exitError(c.r.state.status)
	return c.r.state.status
}

func alias(c *call) int {
	status := 0
	if len(c.args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(c.r.state.aliases)) {
			c.print("alias " + name + "=" + quote(c.r.state.aliases[name]) + "\n")
		}
	}
	for _, a := range c.args {
		name, value, ok := strings.Cut(a, "=")
		switch current, known := c.r.state.aliases[name]; {
		case ok && len(c.r.state.aliases) < 256:
			c.r.state.aliases[name] = value
		case known:
			c.print("alias " + name + "=" + quote(current) + "\n")
		default:
			status = c.shout("%s: not found", name)
		}
	}
	return status
}

func unalias(c *call) int {
	status := 0
	for _, a := range c.args {
		if a == "-a" {
			clear(c.r.state.aliases)
			continue
		}
		if _, ok := c.r.state.aliases[a]; !ok {
			status = c.shout("%s: not found", a)
		}
		delete(c.r.state.aliases, a)
	}
	return status
}
