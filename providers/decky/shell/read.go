package shell

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"mvdan.cc/sh/v3/syntax"
)

// read reads a line into variables.
func read(c *call) int {
	raw, array, prompt, delimiter, limit := false, "", "", byte('\n'), maxValue
	args := c.Args
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
				c.Err.Print(c.r.prefix() + "read: " + a + ": invalid option\nread: usage: read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]\n")
				return 2
			}
		}
	}
	for _, name := range args {
		if !syntax.ValidName(name) && !strings.Contains(name, "[") {
			return c.Shout("`%s': not a valid identifier", name)
		}
	}
	if prompt != "" && c.Out.TTY {
		c.Err.Print(prompt)
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
	if from, ok := c.Streams.Other[n].(interface{ Read([]byte) (int, error) }); ok {
		c.In = from
	}
}

// logicalLine joins lines that end in a backslash.
func (c *call) logicalLine(raw bool, delimiter byte, limit int) (string, bool, error) {
	line, eof, err := program.ReadLine(c.In, delimiter, limit)
	for !raw && err == nil && !eof && delimiter == '\n' && strings.HasSuffix(line, `\`) && !c.Busy() {
		var more string
		more, eof, err = program.ReadLine(c.In, delimiter, limit)
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
		return pattern.Unescape(s)
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

// mapfile reads lines into an array.
func mapfile(c *call) int {
	name, cut := "MAPFILE", false
	for _, a := range c.Args {
		if strings.HasPrefix(a, "-") {
			cut = cut || strings.Contains(a, "t")
			continue
		}
		name = a
	}
	data, err := c.r.readAll(c.In)
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
