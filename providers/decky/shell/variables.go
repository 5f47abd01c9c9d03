package shell

import (
	"fmt"
	"github.com/decnet/decnet/providers/decky/shell/program/process"
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
	if len(c.Args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(c.r.state.vars)) {
			c.Print(name + "=" + word.Shown(c.r.state.vars[name].value) + "\n")
		}
		return 0
	}
	for i := 0; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case a == "--":
			c.r.state.params = slices.Clone(c.Args[i+1:])
			return 0
		case a == "-":
			c.r.state.params = slices.Clone(c.Args[i+1:])
			return 0
		case (a == "-o" || a == "+o") && i+1 < len(c.Args):
			i++
			if !c.setOption(c.Args[i], a == "-o") {
				return 2
			}
		case a == "-o" || a == "+o":
			c.showOptions()
		case len(a) > 1 && (a[0] == '-' || a[0] == '+'):
			for _, letter := range []byte(a[1:]) {
				name, ok := optionLetters[letter]
				if !ok {
					c.Err.Print(c.r.prefix() + "set: " + a[:1] + string(letter) + ": invalid option\nset: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]\n")
					return 2
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
	functions := false
	status := 0
	for _, a := range c.Args {
		switch {
		case a == "-f":
			functions = true
		case a == "-v" || a == "-n":
		case functions:
			delete(c.r.state.funcs, a)
		default:
			name, index, element := strings.Cut(strings.TrimSuffix(a, "]"), "[")
			v := c.r.state.vars[name]
			switch {
			case v == nil:
				if !element {
					delete(c.r.state.funcs, name)
				}
			case v.readonly:
				status = c.Shout("%s: cannot unset: readonly variable", name)
			case element && v.table != nil:
				delete(v.table, index)
			case element:
				if n, err := strconv.Atoi(index); err == nil {
					delete(v.list, n)
				}
			default:
				delete(c.r.state.vars, name)
			}
		}
	}
	return status
}

func shift(c *call) int {
	n := 1
	if len(c.Args) > 0 {
		var err error
		if n, err = strconv.Atoi(c.Args[0]); err != nil {
			return c.Shout("%s: numeric argument required", c.Args[0])
		}
	}
	if n < 0 || n > len(c.r.state.params) {
		return 1
	}
	c.r.state.params = c.r.state.params[n:]
	return 0
}

func eval(c *call) int {
	c.r.state.status = 0
	c.Stop = c.r.evaluate(strings.Join(c.Args, " "), c.Streams)
	return c.r.state.status
}

// source runs a file in this shell.
func source(c *call) int {
	if len(c.Args) == 0 {
		c.Err.Print(c.r.prefix() + c.Name + ": filename argument required\n" + c.Name + ": usage: " + c.Name + " filename [arguments]\n")
		return 2
	}
	data, err := c.View().ReadFile(c.Path(c.Args[0]))
	if err != nil {
		c.Err.Print(c.r.prefix() + c.Args[0] + ": " + vfs.Text(err) + "\n")
		return 1
	}
	params := c.r.state.params
	if len(c.Args) > 1 {
		c.r.state.params = c.Args[1:]
	}
	c.r.state.status = 0
	c.r.sourcing++
	c.Stop = c.r.evaluate(string(data), c.Streams)
	c.r.sourcing--
	if len(c.Args) > 1 {
		c.r.state.params = params
	}
	if ret, ok := c.Stop.(returnError); ok {
		c.Stop, c.r.state.status = nil, int(ret)
	}
	return c.r.state.status
}

func trap(c *call) int {
	switch {
	case len(c.Args) == 0 || c.Args[0] == "-p":
		for _, name := range slices.Sorted(maps.Keys(c.r.state.traps)) {
			shown := name
			if slices.Contains(process.Signals, name) {
				shown = "SIG" + name
			}
			c.Print("trap -- " + word.Quote(c.r.state.traps[name]) + " " + shown + "\n")
		}
		return 0
	case c.Args[0] == "-l":
		inner := *c.Call
		inner.Name, inner.Args = "kill", []string{"-l"}
		return process.Kill(&inner)
	}
	args := c.Args
	if args[0] == "--" {
		args = args[1:]
	}
	for _, name := range args[min(1, len(args)):] {
		if name == "0" {
			name = "EXIT"
		}
		name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
		if args[0] == "-" {
			delete(c.r.state.traps, name)
		} else if len(c.r.state.traps) < 64 {
			c.r.state.traps[name] = args[0]
		}
	}
	return 0
}

func getopts(c *call) int {
	if len(c.Args) < 2 {
		c.Err.Print("getopts: usage: getopts optstring name [arg ...]\n")
		return 2
	}
	spec, name := c.Args[0], c.Args[1]
	args := c.r.state.params
	if len(c.Args) > 2 {
		args = c.Args[2:]
	}
	index, _ := c.r.state.get("OPTIND")
	n, err := strconv.Atoi(index)
	if err != nil || n < 1 {
		n = 1
	}
	offset, _ := c.r.state.get("__getopts")
	at, _ := strconv.Atoi(offset)
	at = max(at, 1)
	if n > len(args) || len(args[n-1]) < 2 || args[n-1][0] != '-' || at >= len(args[n-1]) {
		c.r.state.set(name, "?")
		return 1
	}
	if args[n-1] == "--" {
		c.r.state.set("OPTIND", strconv.Itoa(n+1))
		c.r.state.set(name, "?")
		return 1
	}
	word := args[n-1]
	letter := word[at : at+1]
	at++
	i := strings.Index(strings.TrimPrefix(spec, ":"), letter)
	value := letter
	switch rest := strings.TrimPrefix(spec, ":"); {
	case i < 0 || letter == ":":
		value = "?"
		if !strings.HasPrefix(spec, ":") {
			c.Err.Print(c.r.state.name + ": illegal option -- " + letter + "\n")
		}
		c.r.state.set("OPTARG", letter)
	case i+1 < len(rest) && rest[i+1] == ':':
		arg := word[at:]
		if arg == "" && n < len(args) {
			n++
			arg = args[n-1]
		}
		c.r.state.set("OPTARG", arg)
		at = len(args[n-1])
		word = args[n-1]
	}
	if at >= len(word) {
		n, at = n+1, 1
	}
	c.r.state.set(name, value)
	c.r.state.set("OPTIND", strconv.Itoa(n))
	c.r.state.set("__getopts", strconv.Itoa(at))
	return 0
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
	}
	from := 0
	if len(c.Args) > 0 {
		if n, err := strconv.Atoi(c.Args[0]); err == nil {
			from = max(len(s.history)-n, 0)
		}
	}
	for i, line := range s.history[from:] {
		c.Print(fmt.Sprintf("%5d  %s\n", from+i+1, line))
	}
	return 0
}

func umask(c *call) int {
	if len(c.Args) == 0 {
		c.Printf("%04o\n", c.r.state.umask)
		return 0
	}
	if c.Args[0] == "-S" {
		text := program.ModeString(vfs.TypeFile | 0o777&^c.r.state.umask)
		letters := func(part string) string { return strings.ReplaceAll(part, "-", "") }
		c.Print("u=" + letters(text[1:4]) + ",g=" + letters(text[4:7]) + ",o=" + letters(text[7:10]) + "\n")
		return 0
	}
	n, err := strconv.ParseUint(c.Args[0], 8, 32)
	if err != nil || n > 0o777 {
		return c.Shout("%s: octal number out of range", c.Args[0])
	}
	c.r.state.umask = uint32(n)
	return 0
}

var limits = []struct{ text, letter, value string }{
	{"real-time non-blocking time  (microseconds, -R) ", "R", "unlimited"}, {"core file size              (blocks, -c) ", "c", "0"}, {"data seg size               (kbytes, -d) ", "d", "unlimited"}, {"scheduling priority                 (-e) ", "e", "0"},
	{"file size                   (blocks, -f) ", "f", "unlimited"}, {"pending signals                     (-i) ", "i", "7741"}, {"max locked memory           (kbytes, -l) ", "l", "253536"}, {"max memory size             (kbytes, -m) ", "m", "unlimited"},
	{"open files                          (-n) ", "n", "1024"}, {"pipe size                (512 bytes, -p) ", "p", "8"}, {"POSIX message queues         (bytes, -q) ", "q", "819200"}, {"real-time priority                  (-r) ", "r", "0"},
	{"stack size                  (kbytes, -s) ", "s", "8192"}, {"cpu time                   (seconds, -t) ", "t", "unlimited"}, {"max user processes                  (-u) ", "u", "7741"}, {"virtual memory              (kbytes, -v) ", "v", "unlimited"}, {"file locks                          (-x) ", "x", "unlimited"},
}

func ulimit(c *call) int {
	which := "f"
	if len(c.Args) > 0 {
		which = strings.Trim(c.Args[0], "-SH")
	}
	if which == "a" {
		for _, l := range limits {
			c.Print(l.text + l.value + "\n")
		}
		return 0
	}
	if len(c.Args) > 1 {
		return 0
	}
	for _, l := range limits {
		if l.letter == which {
			c.Print(l.value + "\n")
		}
	}
	return 0
}

// export and its kin where they are no keyword: after command or in eval.
func exportCommand(c *call) int {
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		name, value, ok := strings.Cut(a, "=")
		if !syntax.ValidName(name) {
			c.Shout("`%s': not a valid identifier", a)
			return 1
		}
		if ok {
			c.r.state.set(name, value)
		}
		if v := c.r.state.vars[name]; v != nil {
			v.exported = true
		}
	}
	return 0
}

func times(c *call) int {
	c.Print("0m0.012s 0m0.008s\n0m0.021s 0m0.017s\n")
	return 0
}
