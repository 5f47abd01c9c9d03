package shell

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program/format"
)

// echoCommand is echo as the dialect has it: dash always reads escapes and
// knows -n only.
func echoCommand(c *call) int {
	switch d := c.r.state.dialect; {
	case d.bash():
		return format.Echo(c.Call)
	case d.ash():
		return c.ashEcho()
	}
	args, end := c.Args, "\n"
	if len(args) > 0 && args[0] == "-n" {
		args, end = args[1:], ""
	}
	text, stopped := dashEscapes(strings.Join(args, " "))
	if stopped {
		end = ""
	}
	c.Print(text + end)
	return 0
}

// ashEcho is echo of busybox: -n, -e and -E, and no letters for Unicode.
func (c *call) ashEcho() int {
	args, end, escapes := c.Args, "\n", false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, letter := range args[0][1:] {
			switch letter {
			case 'n':
				end = ""
			case 'e':
				escapes = true
			default:
				escapes = false
			}
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		var stopped bool
		if text, stopped = ashEscapes(text); stopped {
			end = ""
		}
	}
	c.Print(text + end)
	return 0
}

// ashEscapes reads the escapes of busybox, which knows \x as well.
func ashEscapes(s string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\x`)
		n := 0
		for n < 2 && n < len(after) && strings.IndexByte("0123456789abcdefABCDEF", after[n]) >= 0 {
			n++
		}
		even := (len(before)-len(strings.TrimRight(before, `\`)))%2 == 0
		if !found || n == 0 || !even {
			text, stopped := dashEscapes(before)
			b.WriteString(text)
			if stopped || !found {
				return b.String(), stopped
			}
			b.WriteString(`\x`)
			s = after
			continue
		}
		text, stopped := dashEscapes(before)
		b.WriteString(text)
		if stopped {
			return b.String(), true
		}
		value, _ := strconv.ParseUint(after[:n], 16, 8)
		b.WriteByte(byte(value))
		s = after[n:]
	}
}

// dashEscapes reads the escapes of dash's echo; stopped tells that \c ended it.
func dashEscapes(s string) (text string, stopped bool) {
	if !strings.Contains(s, `\`) {
		return s, false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte("abefnrtv\\", s[i]); at >= 0 {
			b.WriteByte("\a\b\x1b\f\n\r\t\v\\"[at])
			continue
		}
		switch {
		case s[i] == 'c':
			return b.String(), true
		case s[i] >= '0' && s[i] <= '7':
			n, length := 0, 0
			if s[i] != '0' {
				n, length = int(s[i]-'0'), 1
			}
			for length < 3 && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '7' {
				i++
				length++
				n = n*8 + int(s[i]-'0')
			}
			b.WriteByte(byte(n))
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String(), false
}

func printfCommand(c *call) int {
	d := c.r.state.dialect
	switch {
	case d.bash():
	case len(c.Args) == 0 && d.dash():
		c.say(words{"", "usage: printf format [arg ...]"})
		return 2
	case len(c.Args) == 0:
		c.Err.Print(c.r.state.name + ": usage: printf FORMAT [ARGUMENT...]\n")
		return 2
	case d.dash() && len(c.Args[0]) > 1 && c.Args[0][0] == '-' && c.Args[0] != "--":
		c.say(words{"", "Illegal option %s"}, c.Args[0][:2])
		return 2
	}
	if d.bash() {
		return format.Printf(c.Call)
	}
	return c.plainPrintf()
}

// plainPrintf is printf of dash and ash: the same, in other words.
func (c *call) plainPrintf() int {
	d := c.r.state.dialect
	args := c.Args
	if args[0] == "--" && len(args) > 1 {
		args = args[1:]
	}
	shape, bad := args[0], ""
	for i := 0; i < len(shape); i++ {
		if shape[i] != '%' {
			continue
		}
		if i+1 < len(shape) && shape[i+1] == '%' {
			i++
			continue
		}
		end := i + 1
		for end < len(shape) && strings.IndexByte("#-+ 0123456789.*", shape[end]) >= 0 {
			end++
		}
		if end >= len(shape) || strings.IndexByte("diouxXeEfFgGaAcsb", shape[end]) < 0 {
			bad = shape[i:min(end+1, len(shape))]
			if d.ash() {
				rest := strings.TrimLeft(shape[end:], "hlLjzt")
				bad = shape[i:end] + rest
			}
			shape = shape[:i]
			break
		}
		i = end
	}
	if d.ash() {
		shape = ashQuoted(shape)
	}
	if d.dash() {
		shape = strings.NewReplacer(`\\`, `\\`, `\x`, `\\x`, `\u`, `\\u`, `\U`, `\\U`, `\E`, `\\E`).Replace(shape)
	}
	var said strings.Builder
	inner := *c.Call
	inner.Args = append([]string{"--", shape}, args[1:]...)
	if bad != "" {
		inner.Args = []string{"--", shape}
	}
	inner.Err = Stream{Writer: &said}
	status := 0
	if shape != "" || bad == "" {
		status = format.Printf(&inner)
		c.Stop = inner.Stop
	}
	for line := range strings.Lines(said.String()) {
		_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "printf: ")
		value, _, _ := strings.Cut(text, ": ")
		if d.ash() {
			c.Err.Print(c.r.state.name + ": invalid number '" + value + "'\n")
			continue
		}
		why := "expected numeric value"
		if value != "" && value[0] >= '0' && value[0] <= '9' {
			why = "not completely converted"
		}
		c.say(words{"", "%s: " + why}, value)
	}
	if bad != "" {
		if d.ash() {
			c.Err.Print(c.r.state.name + ": " + bad + ": invalid format\n")
			return 1
		}
		c.say(words{"", "%s: invalid directive"}, bad)
		return 2
	}
	return status
}

func letCommand(c *call) int {
	if len(c.Args) == 0 {
		c.say(words{"expression expected", "", "expression expected"})
		return words2exit(c.r.state.dialect, 1)
	}
	var n int64
	for _, a := range c.Args {
		var err error
		if n, err = c.r.number(a); err != nil {
			if said, ok := err.(wordsError); ok {
				c.say(words{"%s", "", "%s"}, string(said))
				return 1
			}
			c.Stop = err
			return 1
		}
	}
	if n == 0 {
		return 1
	}
	return 0
}

// hash is hash: nothing is remembered that has to be found again.
func hash(c *call) int {
	d := c.r.state.dialect
	given, names, status, ok := c.options(words{"lrpdt", "rv", "rv"}.in(d), "hash [-lr] [-p pathname] [-dt] [name ...]")
	if !ok {
		return status
	}
	if strings.Contains(given, "r") {
		c.r.state.hashed = nil
		return 0
	}
	if len(names) == 0 {
		if len(c.r.state.hashed) == 0 && d.bash() {
			c.Print("hash: hash table empty\n")
			return 0
		}
		if d.bash() {
			c.Print("hits\tcommand\n")
		}
		for _, path := range c.r.state.hashed {
			if d.bash() {
				c.Print(fmt.Sprintf("%4d\t%s\n", 1, path))
			} else {
				c.Print(path + "\n")
			}
		}
		return 0
	}
	for _, name := range names {
		if _, builtin := d.builtins[name]; builtin {
			continue
		}
		path, err := c.r.find(name)
		if err != nil {
			c.say(words{"%s: not found", "%s: not found", "%s: not found"}, name)
			status = 1
			continue
		}
		c.r.remember(path)
	}
	return status
}

// remember is what hash lists of the programs that ran.
func (r *runner) remember(path string) {
	if !slices.Contains(r.state.hashed, path) && len(r.state.hashed) < 100 {
		r.state.hashed = append(slices.Clip(r.state.hashed), path)
	}
}

func caller(c *call) int {
	n := len(c.r.state.running)
	if n == 0 {
		return 1
	}
	c.Print(fmt.Sprintf("%d %s\n", max(c.r.line, 1), "NULL"))
	return 0
}

func bind(c *call) int {
	if !c.r.state.interactive {
		c.Err.Print(c.r.prefixOf("bind") + "warning: line editing not enabled\n")
	}
	if slices.Contains(c.Args, "-l") {
		c.Print(strings.Join([]string{"abort", "accept-line", "alias-expand-line", "backward-char", "backward-delete-char", "backward-kill-line", "backward-kill-word", "backward-word", "beginning-of-line", "clear-screen", "complete", "delete-char", "end-of-line", "forward-char", "forward-word", "history-search-backward", "kill-line", "kill-word", "next-history", "previous-history", "reverse-search-history", "transpose-chars", "unix-line-discard", "unix-word-rubout", "yank"}, "\n") + "\n")
	}
	return 0
}

func enable(c *call) int {
	given, names, status, ok := c.options("adnpsf", "enable [-a] [-dnps] [-f filename] [name ...]")
	if !ok {
		return status
	}
	d := c.r.state.dialect
	off := c.r.state.disabled
	if len(names) == 0 {
		for _, name := range slices.Sorted(maps.Keys(d.builtins)) {
			switch is := slices.Contains(off, name); {
			case strings.Contains(given, "a") && is, strings.Contains(given, "n") && is && !strings.Contains(given, "a"):
				c.Print("enable -n " + name + "\n")
			case !is && !strings.Contains(given, "n"):
				c.Print("enable " + name + "\n")
			}
		}
		return 0
	}
	for _, name := range names {
		switch _, known := d.builtins[name]; {
		case !known:
			c.say(words{"%s: not a shell builtin"}, name)
			status = 1
		case strings.Contains(given, "n"):
			if !slices.Contains(off, name) {
				off = append(slices.Clip(off), name)
			}
		default:
			off = slices.DeleteFunc(slices.Clone(off), func(o string) bool { return o == name })
		}
	}
	c.r.state.disabled = off
	return status
}

func help(c *call) int {
	if len(c.Args) == 0 {
		c.Print("GNU bash, version " + c.r.state.version + " (" + c.r.state.machine + ")\n")
		return 0
	}
	status := 0
	for _, topic := range c.Args {
		if _, known := c.r.state.dialect.builtins[topic]; known {
			c.Print(topic + ": " + topic + "\n")
			continue
		}
		c.say(words{"no help topics match `" + topic + "'.  Try `help help' or `man -k " + topic + "' or `info " + topic + "'."})
		status = 1
	}
	return status
}

// ashHelp lists the builtins, and the applets that ash runs without a path.
func ashHelp(c *call) int {
	names := slices.Sorted(maps.Keys(c.r.state.dialect.builtins))
	if busybox, ok := simulated("busybox"); ok {
		var list strings.Builder
		inner := *c.Call
		inner.Name, inner.Args, inner.Out = "busybox", []string{"--list"}, Stream{Writer: &list}
		busybox(&inner)
		names = append(names, strings.Fields(list.String())...)
	}
	var b strings.Builder
	column := 0
	for _, name := range names {
		lead := " "
		if column == 0 {
			lead = "\t"
		}
		b.WriteString(lead + name)
		if column += 1 + len(name); column > 60 {
			b.WriteByte('\n')
			column = 0
		}
	}
	c.Print("Built-in commands:\n------------------\n" + b.String() + "\n\n")
	return 0
}

func complete(*call) int { return 0 }

// compgen lists what would complete a word.
func compgen(c *call) int {
	if len(c.Args) == 0 {
		return 0
	}
	prefix := ""
	if last := c.Args[len(c.Args)-1]; !strings.HasPrefix(last, "-") {
		prefix = last
	}
	var list []string
	switch c.Args[0] {
	case "-b":
		list = slices.Sorted(maps.Keys(c.r.state.dialect.builtins))
	case "-k":
		list = []string{"if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in", "function", "time", "{", "}", "!", "[[", "]]", "coproc"}
	case "-v":
		list = slices.Sorted(maps.Keys(c.r.state.vars))
	case "-a":
		list = slices.Sorted(maps.Keys(c.r.state.aliases))
	case "-A":
		if len(c.Args) > 1 && c.Args[1] == "function" {
			list = slices.Sorted(maps.Keys(c.r.state.funcs))
		}
	case "-c":
		list = append(slices.Sorted(maps.Keys(c.r.state.dialect.builtins)), c.r.programNames()...)
	case "-f", "-d":
		if entries, err := c.View().ReadDir(c.r.state.cwd); err == nil {
			for _, e := range entries {
				if c.Args[0] == "-f" || e.IsDir() {
					list = append(list, e.Name)
				}
			}
		}
	case "-u":
		for _, a := range c.Machine.Accounts() {
			list = append(list, a.Name)
		}
	}
	status := 1
	for _, name := range list {
		if strings.HasPrefix(name, prefix) {
			c.Print(name + "\n")
			status = 0
		}
	}
	return status
}

// programNames are the names along PATH.
func (r *runner) programNames() []string {
	seen := map[string]bool{}
	var list []string
	path, _ := r.state.get("PATH")
	for dir := range strings.SplitSeq(path, ":") {
		entries, err := r.view().ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !seen[e.Name] && !e.IsDir() {
				seen[e.Name] = true
				list = append(list, e.Name)
			}
		}
	}
	return list
}

func fc(c *call) int {
	if slices.Contains(c.Args, "-l") {
		list := c.r.session.history
		from := max(len(list)-17, 0)
		for i, line := range list[from:] {
			c.Print(fmt.Sprintf("%d\t %s\n", from+i+1, line))
		}
	}
	return 0
}

func suspend(c *call) int {
	if c.r.state.interactive {
		c.say(words{"cannot suspend a login shell"})
	} else {
		c.say(words{"cannot suspend: no job control"})
	}
	return 1
}
