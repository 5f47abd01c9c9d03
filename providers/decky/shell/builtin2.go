package shell

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// read reads a line into variables.
func read(c *call) int {
	raw, array, prompt, delimiter, limit := false, "", "", byte('\n'), maxValue
	args := c.args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for j := 1; j < len(a); j++ {
			if strings.IndexByte("adinNptu", a[j]) >= 0 {
				value := a[j+1:]
				if value == "" && len(args) > 0 {
					value, args = args[0], args[1:]
				}
				switch a[j] {
				case 'a':
					array = value
				case 'p':
					prompt = value
				case 'd':
					delimiter = (value + "\x00")[0]
				case 'n', 'N':
					if n, err := strconv.Atoi(value); err == nil && n >= 0 {
						limit = min(n, maxValue)
					}
				case 'u':
					c.descriptor(value)
				}
				break
			}
			switch a[j] {
			case 'r':
				raw = true
			case 's', 'e':
			default:
				c.err.print(c.r.prefix() + "read: " + a + ": invalid option\nread: usage: read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]\n")
				return 2
			}
		}
	}
	if prompt != "" && c.out.tty {
		c.err.print(prompt)
	}
	line, eof, err := c.logicalLine(raw, delimiter, limit)
	if err != nil {
		return 1
	}
	c.distribute(line, args, array, raw)
	if eof {
		return 1
	}
	return 0
}

// descriptor makes read use another open file.
func (c *call) descriptor(fd string) {
	n, err := strconv.Atoi(fd)
	if err != nil || n == 0 {
		return
	}
	if from, ok := c.io.other[n].(interface{ Read([]byte) (int, error) }); ok {
		c.in = from
	}
}

// logicalLine joins lines that end in a backslash.
func (c *call) logicalLine(raw bool, delimiter byte, limit int) (string, bool, error) {
	line, eof, err := readLine(c.in, delimiter, limit)
	for !raw && err == nil && !eof && delimiter == '\n' && strings.HasSuffix(line, `\`) && !c.busy() {
		var more string
		more, eof, err = readLine(c.in, delimiter, limit)
		line = line[:len(line)-1] + more
	}
	return line, eof, err
}

// distribute splits a line over variables, the last one taking the rest.
func (c *call) distribute(line string, names []string, array string, raw bool) {
	ifs, ok := c.r.state.get("IFS")
	if !ok {
		ifs = " \t\n"
	}
	blank := func(b byte) bool { return strings.IndexByte(" \t\n", b) >= 0 && strings.IndexByte(ifs, b) >= 0 }
	clean := func(s string) string {
		if raw {
			return s
		}
		return unescape(s)
	}
	if array == "" && len(names) == 0 {
		c.r.state.set("REPLY", clean(line))
		return
	}
	trimmed := strings.TrimFunc(line, func(r rune) bool { return r < 128 && blank(byte(r)) })
	var parts []string
	for i := 0; trimmed != ""; i++ {
		if array == "" && i == len(names)-1 {
			parts = append(parts, trimmed)
			break
		}
		end := 0
		for end < len(trimmed) && strings.IndexByte(ifs, trimmed[end]) < 0 {
			if trimmed[end] == '\\' && !raw {
				end++
			}
			end++
		}
		end = min(end, len(trimmed))
		parts = append(parts, trimmed[:end])
		rest := trimmed[end:]
		hard := false
		for rest != "" && strings.IndexByte(ifs, rest[0]) >= 0 && (blank(rest[0]) || !hard) {
			hard = hard || !blank(rest[0])
			rest = rest[1:]
		}
		trimmed = rest
	}
	if array != "" {
		list := map[int]string{}
		for i, p := range parts {
			list[i] = clean(p)
		}
		c.r.state.vars[array] = &variable{list: list}
		return
	}
	for i, name := range names {
		value := ""
		if i < len(parts) {
			value = clean(parts[i])
		}
		c.r.state.set(name, value)
	}
}

var optionLetters = map[byte]string{'a': "allexport", 'b': "notify", 'e': "errexit", 'f': "noglob", 'h': "hashall", 'm': "monitor", 'n': "noexec", 'u': "nounset", 'v': "verbose", 'x': "xtrace", 'B': "braceexpand", 'C': "noclobber", 'H': "histexpand", 'P': "physical"}

// set changes options and positional parameters, or lists variables.
func set(c *call) int {
	if len(c.args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(c.r.state.vars)) {
			c.print(name + "=" + shown(c.r.state.vars[name].value) + "\n")
		}
		return 0
	}
	for i := 0; i < len(c.args); i++ {
		a := c.args[i]
		switch {
		case a == "--":
			c.r.state.params = slices.Clone(c.args[i+1:])
			return 0
		case a == "-":
			c.r.state.params = slices.Clone(c.args[i+1:])
			return 0
		case (a == "-o" || a == "+o") && i+1 < len(c.args):
			i++
			c.r.state.options[c.args[i]] = a == "-o"
		case len(a) > 1 && (a[0] == '-' || a[0] == '+'):
			for _, letter := range []byte(a[1:]) {
				name, ok := optionLetters[letter]
				if !ok {
					c.err.print(c.r.prefix() + "set: " + a[:1] + string(letter) + ": invalid option\nset: usage: set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]\n")
					return 2
				}
				c.r.state.options[name] = a[0] == '-'
			}
		default:
			c.r.state.params = slices.Clone(c.args[i:])
			return 0
		}
	}
	return 0
}

func unset(c *call) int {
	functions := false
	status := 0
	for _, a := range c.args {
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
				status = c.shout("%s: cannot unset: readonly variable", name)
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
	if len(c.args) > 0 {
		var err error
		if n, err = strconv.Atoi(c.args[0]); err != nil {
			return c.shout("%s: numeric argument required", c.args[0])
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
	c.stop = c.r.evaluate(strings.Join(c.args, " "), c.io)
	return c.r.state.status
}

// source runs a file in this shell.
func source(c *call) int {
	if len(c.args) == 0 {
		c.err.print(c.r.prefix() + c.name + ": filename argument required\n" + c.name + ": usage: " + c.name + " filename [arguments]\n")
		return 2
	}
	data, err := c.view().ReadFile(c.path(c.args[0]))
	if err != nil {
		c.err.print(c.r.prefix() + c.args[0] + ": " + vfs.Text(err) + "\n")
		return 1
	}
	params := c.r.state.params
	if len(c.args) > 1 {
		c.r.state.params = c.args[1:]
	}
	c.r.state.status = 0
	c.stop = c.r.evaluate(string(data), c.io)
	if len(c.args) > 1 {
		c.r.state.params = params
	}
	if ret, ok := c.stop.(returnError); ok {
		c.stop, c.r.state.status = nil, int(ret)
	}
	return c.r.state.status
}

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
	short := false
	for _, name := range c.args {
		if name == "-t" || name == "-p" || name == "-a" || name == "-P" {
			short = name == "-t"
			continue
		}
		kind, where := c.r.kindOf(name)
		switch {
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
	if err := c.r.program(args, c.io); err != nil {
		c.stop = err
		return c.r.state.status
	}
	c.stop = exitError(c.r.state.status)
	return c.r.state.status
}

func trap(c *call) int {
	switch {
	case len(c.args) == 0 || c.args[0] == "-p":
		for _, name := range slices.Sorted(maps.Keys(c.r.state.traps)) {
			c.print("trap -- " + quote(c.r.state.traps[name]) + " " + name + "\n")
		}
		return 0
	case c.args[0] == "-l":
		return kill(&call{r: c.r, name: "kill", args: []string{"-l"}, in: c.in, out: c.out, err: c.err, io: c.io})
	}
	args := c.args
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

func getopts(c *call) int {
	if len(c.args) < 2 {
		c.err.print("getopts: usage: getopts optstring name [arg ...]\n")
		return 2
	}
	spec, name := c.args[0], c.args[1]
	args := c.r.state.params
	if len(c.args) > 2 {
		args = c.args[2:]
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
			c.err.print(c.r.state.name + ": illegal option -- " + letter + "\n")
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
	if len(c.args) > 0 {
		switch c.args[0] {
		case "-c":
			s.history = nil
			return 0
		case "-w", "-a", "-r", "-n", "-d", "-p", "-s":
			return 0
		}
	}
	from := 0
	if len(c.args) > 0 {
		if n, err := strconv.Atoi(c.args[0]); err == nil {
			from = max(len(s.history)-n, 0)
		}
	}
	for i, line := range s.history[from:] {
		c.print(fmt.Sprintf("%5d  %s\n", from+i+1, line))
	}
	return 0
}

func umask(c *call) int {
	if len(c.args) == 0 {
		c.printf("%04o\n", c.r.state.umask)
		return 0
	}
	if c.args[0] == "-S" {
		c.print("u=rwx,g=rx,o=rx\n")
		return 0
	}
	n, err := strconv.ParseUint(c.args[0], 8, 32)
	if err != nil || n > 0o777 {
		return c.shout("%s: octal number out of range", c.args[0])
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
	if len(c.args) > 0 {
		which = strings.Trim(c.args[0], "-SH")
	}
	if which == "a" {
		for _, l := range limits {
			c.print(l.text + l.value + "\n")
		}
		return 0
	}
	if len(c.args) > 1 {
		return 0
	}
	for _, l := range limits {
		if l.letter == which {
			c.print(l.value + "\n")
		}
	}
	return 0
}

// mapfile reads lines into an array.
func mapfile(c *call) int {
	name, cut := "MAPFILE", false
	for _, a := range c.args {
		if strings.HasPrefix(a, "-") {
			cut = cut || strings.Contains(a, "t")
			continue
		}
		name = a
	}
	data, err := c.r.readAll(c.in)
	if err != nil {
		return 1
	}
	list := map[int]string{}
	for line := range strings.SplitAfterSeq(string(data), "\n") {
		if line == "" || len(list) >= maxArray {
			break
		}
		if cut {
			line = strings.TrimSuffix(line, "\n")
		}
		list[len(list)] = line
	}
	c.r.state.vars[name] = &variable{list: list}
	return 0
}

// export and its kin where they are no keyword: after command or in eval.
func exportCommand(c *call) int {
	for _, a := range c.args {
		if strings.HasPrefix(a, "-") {
			continue
		}
		name, value, ok := strings.Cut(a, "=")
		if !syntax.ValidName(name) {
			c.shout("`%s': not a valid identifier", a)
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
	c.print("0m0.012s 0m0.008s\n0m0.021s 0m0.017s\n")
	return 0
}
