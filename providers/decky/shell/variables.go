package shell

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

var optionLetters = map[byte]string{'a': "allexport", 'b': "notify", 'e': "errexit", 'f': "noglob", 'h': "hashall", 'm': "monitor", 'n': "noexec", 'u': "nounset", 'v': "verbose", 'x': "xtrace", 'B': "braceexpand", 'C': "noclobber", 'H': "histexpand", 'P': "physical"}

// set changes options and positional parameters, or lists variables.
func set(c *call) int {
	d := c.r.state.dialect
	if len(c.Args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(c.r.state.vars)) {
			v := c.r.state.vars[name]
			switch {
			case v.unset || name == "__getopts":
			case !d.bash():
				c.Print(name + "=" + word.Quote(v.value) + "\n")
			case v.list != nil || v.table != nil:
				c.Print(name + "=" + v.compound() + "\n")
			default:
				c.Print(name + "=" + word.Shown(v.value) + "\n")
			}
		}
		return 0
	}
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "--" || a == "-":
			if a == "--" || i+1 < len(c.Args) {
				c.r.state.params = slices.Clone(c.Args[i+1:])
			}
			if a == "-" {
				c.r.state.options["xtrace"], c.r.state.options["verbose"] = false, false
			}
			return 0
		case (a == "-o" || a == "+o") && i+1 < len(c.Args):
			i++
			if status := c.setOption(c.Args[i], a == "-o"); status != 0 {
				return status
			}
		case a == "-o" || a == "+o":
			c.showOptions(a == "-o")
		case len(a) > 1 && (a[0] == '-' || a[0] == '+'):
			for at, letter := range []byte(a[1:]) {
				name, ok := optionLetters[letter]
				if letter == 'o' && i+1 < len(c.Args) { // -eo pipefail
					i++
					if status := c.setOption(c.Args[i], a[0] == '-'); status != 0 {
						return status
					}
					continue
				}
				if !ok || !d.bash() && strings.IndexByte("aefImnsuvxbVECbi", letter) < 0 {
					_ = at
					if d.bash() {
						c.Err.Print(c.r.prefixOf("set") + a[:1] + string(letter) + ": invalid option\nset: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]\n")
						return 2
					}
					c.say(words{"", "Illegal option %s", "illegal option %s"}, a[:1]+string(letter))
					return c.misused(2)
				}
				c.r.state.options[name] = a[0] == '-'
			}
		default:
			c.r.state.params = slices.Clone(c.Args[i:])
			return 0
		}
	}
	return 0
}

func unset(c *call) int {
	d := c.r.state.dialect
	given, names, status, ok := c.options(words{"fvn", "fv", "fv"}.in(d), "unset [-f] [-v] [-n] [name ...]")
	if !ok {
		return status
	}
	functions := strings.Contains(given, "f")
	for _, a := range names {
		if functions {
			delete(c.r.state.funcs, a)
			continue
		}
		name, index, element := strings.Cut(strings.TrimSuffix(a, "]"), "[")
		if !syntax.ValidName(name) && !d.bash() {
			c.say(words{"", "%s: bad variable name", "%s: bad variable name"}, a)
			return c.misused(2)
		}
		if !strings.Contains(given, "n") {
			name = c.r.state.target(name)
		}
		v := c.r.state.vars[name]
		switch {
		case v == nil:
			if !element && d.bash() {
				delete(c.r.state.funcs, name)
			}
		case v.readonly:
			c.say(words{"%s: cannot unset: readonly variable", "%s: is read only", "%s: is read only"}, name)
			if status = 1; !d.bash() {
				return c.misused(2)
			}
		case element && v.table != nil:
			delete(v.table, index)
		case element:
			if n, err := strconv.Atoi(index); err == nil {
				delete(v.list, n)
			}
		default:
			c.r.session.held -= len(v.value)
			delete(c.r.state.vars, name)
		}
	}
	return status
}

func shift(c *call) int {
	n := 1
	d := c.r.state.dialect
	if len(c.Args) > 0 {
		var err error
		if n, err = strconv.Atoi(c.Args[0]); err != nil || n < 0 && !d.bash() {
			return c.illegalNumber(c.Args[0])
		}
	}
	if n < 0 {
		c.say(words{"%s: shift count out of range"}, c.Args[0])
		return 1
	}
	if n > len(c.r.state.params) {
		if d.dash() {
			c.say(words{"", "can't shift that many"})
			return c.misused(2)
		}
		return 1
	}
	c.r.state.params = c.r.state.params[n:]
	return 0
}

func eval(c *call) int {
	c.r.state.status = 0
	c.Stop = c.r.parsed(strings.Join(c.Args, " "), c.Streams, fromEval, "")
	return c.r.state.status
}

// sourceCommand runs a file in this shell.
func sourceCommand(c *call) int {
	d := c.r.state.dialect
	args := c.Args
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		if !d.bash() {
			return 0
		}
		c.Err.Print(c.r.prefixOf(c.Name) + "filename argument required\n" + c.Name + ": usage: " + c.Name + " filename [arguments]\n")
		return 2
	}
	path := args[0]
	if !strings.Contains(path, "/") {
		if found := c.r.along(path); found != "" {
			path = found
		} else if !d.bash() {
			c.say(words{"", "%s: not found", "%s: not found"}, args[0])
			return c.misused(2)
		}
	}
	data, err := c.View().ReadFile(c.Path(path))
	if err != nil {
		switch text := vfs.Text(err); {
		case d.bash():
			c.Err.Print(c.r.prefix() + args[0] + ": " + text + "\n")
			return 1
		default:
			c.say(words{"", "cannot open %s: " + strings.TrimSuffix(text, " or directory"), "can't open '%s': " + text}, path)
			return c.misused(2)
		}
	}
	params := c.r.state.params
	if len(args) > 1 && !d.dash() {
		c.r.state.params = args[1:]
	}
	c.r.state.status = 0
	c.r.sourcing++
	c.Stop = c.r.parsed(string(data), c.Streams, fromSource, args[0])
	c.r.sourcing--
	if len(args) > 1 && !d.dash() {
		c.r.state.params = params
	}
	if ret, ok := c.Stop.(returnError); ok {
		c.Stop, c.r.state.status = nil, int(ret)
	}
	return c.r.state.status
}

// along looks for a file to read along PATH; bash also looks in the working
// directory.
func (r *runner) along(name string) string {
	list, _ := r.state.get("PATH")
	for dir := range strings.SplitSeq(list, ":") {
		path := strings.TrimSuffix(dir, "/") + "/" + name
		if info, err := r.view().Stat(vfs.Clean(r.state.cwd, path)); err == nil && info.IsFile() {
			return path
		}
	}
	if info, err := r.view().Stat(vfs.Clean(r.state.cwd, name)); err == nil && info.IsFile() && r.state.dialect.bash() {
		return name
	}
	return ""
}

func history(c *call) int {
	s := c.r.session
	if len(c.Args) > 0 {
		switch c.Args[0] {
		case "-c":
			s.history = nil
			return 0
		case "-w", "-a", "-r", "-n", "-d", "-p", "-s":
			return 0
		}
		if a := c.Args[0]; len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9' {
			c.Complain("-%c: invalid option", a[1])
			c.Err.Print("history: usage: history [-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]\n")
			return 2
		}
	}
	from := 0
	if len(c.Args) > 0 {
		if n, err := strconv.Atoi(c.Args[0]); err == nil {
			from = min(max(len(s.history)-n, 0), len(s.history))
		}
	}
	for i, line := range s.history[from:] {
		c.Print(fmt.Sprintf("%5d  %s\n", from+i+1, line))
	}
	return 0
}

func umask(c *call) int {
	d := c.r.state.dialect
	args := c.Args
	if len(args) > 0 && (args[0] == "-S" || args[0] == "-p") {
		if args = args[1:]; len(args) == 0 && c.Args[0] == "-S" {
			c.Print(symbolicMask(c.r.state.umask) + "\n")
			return 0
		}
	}
	if len(args) == 0 {
		c.Printf("%04o\n", c.r.state.umask)
		return 0
	}
	if a := args[0]; a == "" || a[0] < '0' || a[0] > '9' {
		if mask, ok := symbolicMode(a, 0o777&^c.r.state.umask); ok {
			c.r.state.umask = 0o777 &^ mask
			return 0
		}
		c.say(words{"`" + a[:min(1, len(a))] + "': invalid symbolic mode operator", "Illegal mode: " + a, "illegal mode: " + a})
		return c.misused(1)
	}
	n, err := strconv.ParseUint(args[0], 8, 32)
	if err != nil || n > 0o777 {
		c.say(words{"%s: octal number out of range", "Illegal number: %s", "illegal mode: %s"}, args[0])
		if d.bash() {
			return 1
		}
		return 2
	}
	c.r.state.umask = uint32(n)
	return 0
}

func symbolicMask(mask uint32) string {
	text := program.ModeString(vfs.TypeFile | 0o777&^mask)
	letters := func(part string) string { return strings.ReplaceAll(part, "-", "") }
	return "u=" + letters(text[1:4]) + ",g=" + letters(text[4:7]) + ",o=" + letters(text[7:10])
}

func times(c *call) int {
	c.Print("0m0.012s 0m0.008s\n0m0.021s 0m0.017s\n")
	return 0
}

// symbolicMode changes permissions by chmod's letters.
func symbolicMode(text string, now uint32) (uint32, bool) {
	for clause := range strings.SplitSeq(text, ",") {
		at := strings.IndexAny(clause, "+-=")
		if at < 0 {
			return 0, false
		}
		who := uint32(0)
		for _, letter := range clause[:at] {
			mask, ok := map[rune]uint32{'u': 0o700, 'g': 0o070, 'o': 0o007, 'a': 0o777}[letter]
			if !ok {
				return 0, false
			}
			who |= mask
		}
		if at == 0 {
			who = 0o777
		}
		bits := uint32(0)
		for _, letter := range clause[at+1:] {
			mask, ok := map[rune]uint32{'r': 0o444, 'w': 0o222, 'x': 0o111, 'X': 0o111}[letter]
			if !ok {
				return 0, false
			}
			bits |= mask
		}
		switch clause[at] {
		case '+':
			now |= bits & who
		case '-':
			now &^= bits & who
		default:
			now = now&^who | bits&who
		}
	}
	return now, true
}
