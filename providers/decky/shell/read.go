package shell

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"mvdan.cc/sh/v3/syntax"
)

const readUsage = "read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]"

// reading is one read as it was asked for.
type reading struct {
	raw, silent, exact, timed bool
	array, prompt             string
	delimiter                 byte
	limit                     int
	timeout                   time.Duration
}

// readOptions takes read's options off its words.
func (c *call) readOptions() (q reading, names []string, status int, ok bool) {
	d := c.r.state.dialect
	q = reading{delimiter: '\n', limit: maxValue}
	flags, valued := words{"rse", "r", "rs"}.in(d), words{"adinNptu", "p", "dnptu"}.in(d)
	args := c.Args
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "--" {
			break
		}
		for j := 1; j < len(a); j++ {
			if strings.IndexByte(valued, a[j]) < 0 {
				if strings.IndexByte(flags, a[j]) < 0 {
					return q, nil, c.badOption("-"+a[j:j+1], readUsage), false
				}
				q.raw, q.silent = q.raw || a[j] == 'r', q.silent || a[j] == 's'
				continue
			}
			value := a[j+1:]
			if value == "" && len(args) > 0 {
				value, args = args[0], args[1:]
			}
			switch a[j] {
			case 'a':
				q.array = value
			case 'p':
				q.prompt = value
			case 'd':
				q.delimiter = (value + "\x00")[0]
			case 'n', 'N':
				q.exact = a[j] == 'N'
				if n, err := strconv.Atoi(value); err == nil && n >= 0 {
					q.limit = min(n, maxValue)
				}
			case 't':
				seconds, err := strconv.ParseFloat(value, 64)
				if err != nil || seconds < 0 {
					c.say(words{"%s: invalid timeout specification", "", "invalid number '%s'"}, value)
					return q, nil, 1, false
				}
				q.timed, q.timeout = true, time.Duration(min(seconds, 1e6)*float64(time.Second))
			case 'u':
				c.descriptor(value)
			}
			break
		}
	}
	return q, args, 0, true
}

// read reads a line into variables.
func read(c *call) int {
	d := c.r.state.dialect
	q, names, status, ok := c.readOptions()
	if !ok {
		return status
	}
	if len(names) == 0 && d.dash() {
		c.say(words{"", "arg count"})
		return 2
	}
	for _, name := range names {
		if !syntax.ValidName(name) && (!strings.Contains(name, "[") || !d.bash()) {
			if d.ash() {
				c.Err.Print(c.r.state.name + ": read: '" + name + "': bad variable name\n")
				return 1
			}
			c.say(words{"`%s': not a valid identifier", "%s: bad variable name"}, name)
			return c.misused(1)
		}
	}
	if q.prompt != "" && c.r.state.interactive {
		c.Err.Print(q.prompt)
	}
	defer c.hush(q)()
	late := false
	if q.timed {
		until := time.Now().Add(q.timeout)
		ctx, cancel := context.WithDeadline(c.Ctx, until)
		defer cancel()
		defer c.r.session.wakeWith(ctx)()
		c.In = timedInput{c.In, func() bool { late = late || !time.Now().Before(until); return late }}
	}
	line, eof, err := c.logicalLine(q)
	if late || errors.Is(err, syscall.ETIMEDOUT) {
		c.distribute(line, names, q)
		if d.bash() {
			return 142
		}
		return 1
	}
	if err != nil {
		if c.Ctx.Err() != nil {
			c.Stop = errInterrupted
		}
		return 1
	}
	c.distribute(line, names, q)
	if eof {
		return 1
	}
	return 0
}

// timedInput is an input that is given up after a while.
type timedInput struct {
	io.Reader
	late func() bool
}

// Read implements io.Reader.
func (t timedInput) Read(p []byte) (int, error) {
	if t.late() {
		return 0, syscall.ETIMEDOUT
	}
	switch in := t.Reader.(type) {
	case pipeEnd:
		return in.readUntil(p, t.late)
	case *lineInput:
		return in.readUntil(p, t.late)
	case nil:
		return 0, io.EOF
	}
	return t.Reader.Read(p)
}

// hush stops the terminal's echo for read -s, and its lines for -n.
func (c *call) hush(q reading) func() {
	in, ok := c.In.(*lineInput)
	if !ok {
		return func() {}
	}
	t, ok := in.from.(*Terminal)
	if !ok || !q.silent && q.limit == maxValue && q.delimiter == '\n' {
		return func() {}
	}
	return t.raw(q.silent, q.limit != maxValue || q.delimiter != '\n')
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
func (c *call) logicalLine(q reading) (string, bool, error) {
	line, eof, err := program.ReadLine(c.In, q.delimiter, q.limit)
	for !q.raw && err == nil && !eof && q.delimiter == '\n' && trailing(line)%2 == 1 && !c.Busy() {
		var more string
		more, eof, err = program.ReadLine(c.In, q.delimiter, q.limit)
		line = line[:len(line)-1] + more
	}
	return line, eof, err
}

// distribute splits a line over variables, the last one taking the rest.
func (c *call) distribute(line string, names []string, q reading) {
	array, raw := q.array, q.raw
	if q.exact {
		if len(names) == 0 {
			names = []string{"REPLY"}
		}
		for i, name := range names {
			c.r.assignNamed(name, map[bool]string{true: line}[i == 0])
		}
		return
	}
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
		c.r.assignNamed(name, value)
	}
}

// trailing counts the backslashes at the end of a line.
func trailing(line string) int { return len(line) - len(strings.TrimRight(line, `\`)) }

// assignNamed gives a value to a variable or to an element of an array.
func (r *runner) assignNamed(name, value string) {
	plain, index, element := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	if !element {
		r.state.set(name, value)
		return
	}
	v := r.state.vars[plain]
	if v == nil {
		v = &variable{list: map[int]string{}}
		r.state.vars[plain] = v
	}
	if v.table != nil {
		v.table[index] = value
		return
	}
	if v.list == nil {
		v.list = map[int]string{0: v.value}
	}
	if n, err := r.number(index); err == nil && n >= 0 && len(v.list) < maxArray {
		v.list[int(n)] = value
	}
}

// mapfile reads lines into an array.
func mapfile(c *call) int {
	name, cut, delimiter, count, skip, origin := "MAPFILE", false, byte('\n'), 0, 0, 0
	args := c.Args
	keep := false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		a := args[0]
		args = args[1:]
		if a == "-t" {
			cut = true
			continue
		}
		value := a[2:]
		if value == "" && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		n, _ := strconv.Atoi(value)
		switch a[1] {
		case 't':
			cut = true
		case 'd':
			delimiter = (value + "\x00")[0]
		case 'n':
			count = n
		case 's':
			skip = n
		case 'O':
			origin, keep = max(n, 0), true
		case 'u':
			c.descriptor(value)
		case 'c', 'C':
		default:
			return c.badOption(a[:2], "mapfile [-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]")
		}
	}
	if len(args) > 0 {
		name = args[0]
	}
	list := map[int]string{}
	if old := c.r.state.vars[name]; keep && old != nil && old.list != nil {
		list = old.list
	}
	for n := 0; (count == 0 || n < count+skip) && len(list) < maxArray && !c.Busy(); n++ {
		line, eof, err := program.ReadLine(c.In, delimiter, maxValue)
		if err != nil || eof && line == "" {
			break
		}
		if !cut && !eof {
			line += string(delimiter)
		}
		c.r.session.held += len(line) + 48
		if n >= skip {
			list[origin+n-skip] = line
		}
		if eof {
			break
		}
	}
	c.r.state.vars[name] = &variable{list: list}
	return 0
}
