package shell

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/grammar"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// dialect is one of the shells: bash, dash or busybox' ash.
type dialect struct {
	kind     grammar.Dialect
	name     string
	parse    syntax.LangVariant
	builtins map[string]command
	// special builtins end a script that uses them wrongly.
	special map[string]bool
}

func (d *dialect) bash() bool { return d.kind == grammar.Bash }
func (d *dialect) dash() bool { return d.kind == grammar.Dash }
func (d *dialect) ash() bool  { return d.kind == grammar.Ash }

// words are a message in the three shells: bash, dash, ash.
type words [3]string

// in is the message of a dialect.
func (w words) in(d *dialect) string { return w[d.kind] }

// dialectOf is the shell behind a path or name: what its last link is called.
func (r *runner) dialectOf(path string) *dialect {
	if path == "" {
		return bash()
	}
	resolved := path
	if !strings.Contains(path, "/") {
		if found, err := r.find(path); err == nil {
			resolved = found
		}
	}
	if target, err := r.view().Resolve(resolved); err == nil {
		resolved = target
	}
	switch program.Base(resolved) {
	case "dash":
		return dash()
	case "busybox", "ash":
		return ash()
	case "bash", "rbash":
		return bash()
	}
	switch program.Base(path) {
	case "dash":
		return dash()
	case "ash", "busybox":
		return ash()
	}
	return bash()
}

// bashRelease is the version of bash that a system ships.
func bashRelease(title string) string {
	for _, known := range [][2]string{
		{"Debian GNU/Linux 12", "5.2.15(1)-release"}, {"Debian GNU/Linux 11", "5.1.4(1)-release"}, {"Ubuntu 22", "5.1.16(1)-release"}, {"Ubuntu 20", "5.0.17(1)-release"},
		{"CentOS Linux 7", "4.2.46(2)-release"}, {"CentOS 7", "4.2.46(2)-release"}, {"Rocky Linux 9", "5.1.8(1)-release"}, {"Rocky", "5.1.8(1)-release"}, {"Fedora", "5.2.26(1)-release"}, {"Alpine", "5.2.21(1)-release"},
	} {
		if strings.HasPrefix(title, known[0]) {
			return known[1]
		}
	}
	return "5.2.15(1)-release"
}

// machineType is MACHTYPE.
func machineType(title, machine string) string {
	switch {
	case strings.HasPrefix(title, "CentOS"), strings.HasPrefix(title, "Rocky"), strings.HasPrefix(title, "Fedora"), strings.HasPrefix(title, "Red Hat"):
		return machine + "-redhat-linux-gnu"
	case strings.HasPrefix(title, "Alpine"):
		return machine + "-alpine-linux-musl"
	}
	return machine + "-pc-linux-gnu"
}

// prefix starts the shell's own messages.
func (r *runner) prefix() string {
	s := r.state
	switch {
	case s.dialect.dash():
		return s.name + ": " + strconv.Itoa(max(int(r.line), 1)) + ": "
	case s.dialect.ash():
		return s.name + ": " + r.place()
	case s.interactive:
		return s.name + ": "
	}
	if len(s.running) > 0 && (!s.file || s.stdin) { // what the function comes from
		return map[bool]string{true: "main", false: "environment"}[s.stdin] + ": line " + strconv.Itoa(max(int(r.line), 1)) + ": "
	}
	return s.name + ": line " + strconv.Itoa(max(int(r.line), 1)) + ": "
}

// place is where ash says that it is: the line of a script from a file.
func (r *runner) place() string {
	if r.state.interactive || !r.state.file {
		return ""
	}
	return "line " + strconv.Itoa(max(int(r.line), 1)) + ": "
}

// prefixOf starts the messages of a builtin.
func (r *runner) prefixOf(name string) string {
	if !r.state.dialect.ash() {
		return r.prefix() + name + ": "
	}
	line := ""
	if !r.state.interactive {
		line = "line 0: "
		if r.state.file {
			line = r.place()
		}
	}
	return r.state.name + ": " + name + ": " + line
}

// say prints a builtin's complaint in the words of its dialect.
func (c *call) say(w words, args ...any) {
	c.Err.Print(c.r.prefixOf(c.Name) + sprintf(w.in(c.r.state.dialect), args...) + "\n")
}

// fail is say with the status of a wrong use: 1 in bash; in the others a
// special builtin ends a script with 2.
func (c *call) fail(w words, args ...any) int {
	c.say(w, args...)
	return c.misused(1)
}

// misused is the status of a wrong use.
func (c *call) misused(inBash int) int {
	d := c.r.state.dialect
	if d.bash() {
		return inBash
	}
	if d.special[c.Name] && !c.r.state.interactive && !c.commanded {
		c.Stop = exitError(2)
	}
	return 2
}

// badOption complains of an option; usage is bash's.
func (c *call) badOption(option, usage string) int {
	if c.r.state.dialect.bash() {
		c.Err.Print(c.r.prefixOf(c.Name) + option + ": invalid option\n" + c.Name + ": usage: " + usage + "\n")
		return 2
	}
	c.say(words{"", "Illegal option %s", "illegal option %s"}, option)
	return c.misused(2)
}

// illegalNumber complains of a word that is no number.
func (c *call) illegalNumber(text string) int {
	return c.fail(words{"%s: numeric argument required", "Illegal number: %s", "Illegal number: %s"}, text)
}
