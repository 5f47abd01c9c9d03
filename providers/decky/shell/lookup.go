package shell

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"syscall"

	"github.com/decnet/decnet/providers/decky/shell/word"
)

// reserved tells the words that a dialect's grammar keeps for itself.
func (d *dialect) reserved(name string) bool {
	switch name {
	case "if", "then", "else", "elif", "fi", "do", "done", "while", "until", "for", "case", "esac", "in", "{", "}", "!":
		return true
	case "function":
		return !d.dash()
	case "select", "[[", "]]", "time", "coproc":
		return d.bash()
	}
	return false
}

// kindOf is what a name would run: "alias", "function", "builtin", "file" and
// where, or nothing.
func (r *runner) kindOf(name string) (kind, where string) {
	if r.state.dialect.reserved(name) {
		return "keyword", ""
	}
	if _, ok := r.state.aliases[name]; ok {
		return "alias", r.state.aliases[name]
	}
	if _, ok := r.state.funcs[name]; ok {
		return "function", ""
	}
	if _, ok := r.state.builtin(name); ok {
		return "builtin", ""
	}
	if path, err := r.find(name); err == nil {
		return "file", path
	}
	return "", ""
}

// describe is what type and command -V say of a name; ok is false where there
// is none.
func (c *call) describe(name string) (string, bool) {
	d := c.r.state.dialect
	kind, where := c.r.kindOf(name)
	switch kind {
	case "alias":
		return name + words{" is aliased to `" + where + "'", " is an alias for " + where, " is an alias for " + where}.in(d) + "\n", true
	case "function":
		if d.bash() {
			return name + " is a function\n" + c.r.definition(name), true
		}
		return name + words{"", " is a shell function", " is a function"}.in(d) + "\n", true
	case "builtin":
		if d.special[name] && name != "local" {
			return name + " is a special shell builtin\n", true
		}
		return name + " is a shell builtin\n", true
	case "keyword":
		return name + " is a shell keyword\n", true
	case "file":
		if d.bash() && slices.Contains(c.r.state.hashed, where) {
			return name + " is hashed (" + where + ")\n", true
		}
		if d.ash() && c.r.applet(name) {
			where = name
		}
		return name + " is " + where + "\n", true
	}
	return name + ": not found\n", false
}

// applet tells a program that is busybox itself, which its ash runs without
// looking for it.
func (r *runner) applet(name string) bool {
	path, err := r.find(name)
	if err != nil {
		return false
	}
	target, err := r.view().Resolve(path)
	return err == nil && base(target) == "busybox"
}

func typeCommand(c *call) int {
	d := c.r.state.dialect
	if !d.bash() {
		return c.plainType()
	}
	given, names, status, ok := c.options("afptP", "type [-afptP] name [name ...]")
	if !ok {
		return status
	}
	for _, name := range names {
		kind, where := c.r.kindOf(name)
		if strings.Contains(given, "P") {
			kind = ""
			if path, err := c.r.find(name); err == nil {
				kind, where = "file", path
			}
		}
		switch {
		case strings.ContainsAny(given, "pP") && !strings.Contains(given, "t"):
			if kind == "file" {
				c.Print(where + "\n")
			} else if kind == "" || strings.Contains(given, "P") {
				status = 1
			}
		case kind == "":
			status = 1
			if !strings.Contains(given, "t") {
				c.say(words{"%s: not found"}, name)
			}
		case strings.Contains(given, "t"):
			c.Print(kind + "\n")
		default:
			text, _ := c.describe(name)
			c.Print(text)
			if path, err := c.r.find(name); strings.Contains(given, "a") && err == nil && kind != "file" {
				c.Print(name + " is " + path + "\n")
			}
		}
	}
	return status
}

// plainType is type of dash, which has no options, and of ash.
func (c *call) plainType() int {
	status := 0
	args := c.Args
	short := false
	if c.r.state.dialect.ash() && len(args) > 0 && (args[0] == "-p" || args[0] == "-t") {
		short, args = true, args[1:]
	}
	for _, name := range args {
		text, ok := c.describe(name)
		if !ok {
			status = 127
			if short {
				continue
			}
		} else if short {
			text = name + "\n"
			if kind, where := c.r.kindOf(name); kind == "file" && !c.r.applet(name) {
				text = where + "\n"
			}
		}
		c.Print(text)
	}
	return status
}

// commandCommand is command, command -v and command -V.
func commandCommand(c *call) int {
	given, args, status, ok := c.options("pvV", "command [-pVv] command [arg ...]")
	if !ok {
		return status
	}
	d := c.r.state.dialect
	if strings.ContainsAny(given, "vV") {
		if !d.bash() && len(args) > 1 {
			args = args[:1]
		}
		found := false
		for _, name := range args {
			if strings.Contains(given, "V") {
				text, ok := c.describe(name)
				switch {
				case ok:
					c.Print(text)
				case d.bash():
					c.say(words{"%s: not found"}, name)
				default:
					c.Print(text)
				}
				found = found || ok
				continue
			}
			found = c.locate(name) || found
		}
		switch {
		case found:
			return 0
		case d.bash():
			return 1
		}
		return 127
	}
	if len(args) == 0 {
		return 0
	}
	if b, ok := c.r.state.builtin(args[0]); ok {
		c.Stop = c.r.commanded(b, args, c.Streams)
	} else {
		c.Stop = c.r.program(args, c.Streams)
	}
	return c.r.state.status
}

// locate is command -v of one name.
func (c *call) locate(name string) bool {
	kind, where := c.r.kindOf(name)
	switch kind {
	case "":
		return false
	case "file":
		if c.r.state.dialect.ash() && c.r.applet(name) {
			where = name
		}
		c.Print(where + "\n")
	case "alias":
		c.Print("alias " + name + "=" + word.Quote(where) + "\n")
	default:
		c.Print(name + "\n")
	}
	return true
}

func builtinCommand(c *call) int {
	if len(c.Args) == 0 {
		return 0
	}
	b, ok := c.r.state.builtin(c.Args[0])
	if !ok {
		c.say(words{"%s: not a shell builtin"}, c.Args[0])
		return 1
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
		c.say(words{"%s: not found", "%s: not found", "%s: not found"}, args[0])
		if !c.r.state.interactive || c.r.state.subshell > 0 {
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
	d := c.r.state.dialect
	show := func(name, body string) {
		c.Print(words{"alias ", "", ""}.in(d) + name + "=" + word.Quote(body) + "\n")
	}
	args := c.Args
	if len(args) > 0 && args[0] == "-p" && d.bash() {
		args = args[1:]
	}
	if len(args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(c.r.state.aliases)) {
			show(name, c.r.state.aliases[name])
		}
	}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		switch current, known := c.r.state.aliases[name]; {
		case ok && len(c.r.state.aliases) < 256:
			c.r.state.aliases[name] = value
		case known:
			show(name, current)
		case d.bash():
			c.say(words{"%s: not found"}, name)
			status = 1
		default:
			c.Err.Print("alias: " + name + " not found\n")
			status = 1
		}
	}
	return status
}

func unalias(c *call) int {
	status := 0
	given, names, bad, ok := c.options("a", "unalias [-a] name [name ...]")
	if !ok {
		return bad
	}
	if given != "" {
		clear(c.r.state.aliases)
		return 0
	}
	for _, a := range names {
		if _, ok := c.r.state.aliases[a]; !ok {
			if c.r.state.dialect.bash() {
				c.say(words{"%s: not found"}, a)
			} else {
				c.Err.Print("unalias: " + a + " not found\n")
			}
			status = 1
		}
		delete(c.r.state.aliases, a)
	}
	return status
}
