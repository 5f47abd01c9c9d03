package shell

import (
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
