package text

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/awk"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func sortCommand(c *program.Call) int {
	f, names, ok := c.Parse("bcCdfghik:mMno:RrsS:t:T:uVz", "reverse=r numeric-sort=n unique=u key=:k field-separator=:t output=:o ignore-case=f human-numeric-sort=h version-sort=V check=::c stable=s merge=m zero-terminated=z ignore-leading-blanks=b dictionary-order=d general-numeric-sort=g month-sort=M random-sort=R ignore-nonprinting=i buffer-size=:S temporary-directory=:T parallel=:P")
	if !ok {
		return 2
	}
	s := &sorter{unique: f.Has("u"), stable: f.Has("s") || f.Has("u")}
	if problem := s.options(f); problem != "" {
		c.Complain("%s", problem)
		return 2
	}
	all, opened, status := c.Inputs(names, "cannot read: %s: ")
	if status != 0 || c.Stop != nil {
		return 2
	}
	separator := "\n"
	if f.Has("z") {
		separator = "\x00"
	}
	var list []string
	var lists [][]string
	for _, data := range all {
		if text := strings.TrimSuffix(string(data), separator); len(data) > 0 {
			lists = append(lists, strings.Split(text, separator))
			list = append(list, lists[len(lists)-1]...)
		}
	}
	if f.Has("m") {
		s.merged = lists
	}
	if f.Has("c") || f.Has("C") {
		return sorted(c, s, list, opened[0], f.Has("C"))
	}
	return sortInto(c, s, list, f, separator)
}

// sortInto sorts and prints or writes the lines.
func sortInto(c *program.Call, s *sorter, list []string, f program.Flags, separator string) int {
	if s.merged != nil {
		list = s.merge()
	} else {
		sort.SliceStable(list, func(i, j int) bool { return s.compare(list[i], list[j]) < 0 })
	}
	var b strings.Builder
	for i, line := range list {
		if f.Has("u") && i > 0 && s.byKeys(list[i-1], line) == 0 {
			continue
		}
		b.WriteString(line + separator)
	}
	if f.Has("o") {
		if err := c.View().WriteFile(c.Path(f.Value["o"]), []byte(b.String()), 0o644); err != nil {
			c.Complain("open failed: %s: %s", f.Value["o"], vfs.Text(err))
			return 2
		}
		return 0
	}
	c.Print(b.String())
	return 0
}

// merge is sort -m: the lists are taken to be in order.
func (s *sorter) merge() []string {
	var out []string
	for {
		best := -1
		for i, list := range s.merged {
			if len(list) > 0 && (best < 0 || s.compare(list[0], s.merged[best][0]) < 0) {
				best = i
			}
		}
		if best < 0 {
			return out
		}
		out = append(out, s.merged[best][0])
		s.merged[best] = s.merged[best][1:]
	}
}

// sorted is sort -c: it names the first line that is out of order.
func sorted(c *program.Call, s *sorter, list []string, name string, quiet bool) int {
	for i := 1; i < len(list); i++ {
		order := s.compare(list[i-1], list[i])
		if order < 0 || order == 0 && !s.unique {
			continue
		}
		if !quiet {
			c.Complain("%s:%d: disorder: %s", name, i+1, list[i])
		}
		return 1
	}
	return 0
}

// sortKey is one -k: from a character of a field to one of another.
type sortKey struct {
	from, fromChar int
	to, toChar     int // to 0: the end of the line
	order          string
}

// sorter compares lines by sort's options.
type sorter struct {
	merged    [][]string // the files of -m
	keys      []sortKey
	order     string // letters of the options for the whole line
	separator string
	stable    bool
	unique    bool
}

func (s *sorter) options(f program.Flags) string {
	for _, o := range f.Given {
		switch o.Letter {
		case "b", "d", "f", "g", "h", "i", "M", "n", "R", "r", "V":
			s.order += o.Letter
		case "t":
			s.separator = o.Value
			if o.Value == `\0` {
				s.separator = "\x00"
			}
			if len(s.separator) == 0 {
				return "empty tab"
			}
			if len(s.separator) > 1 {
				return "multi-character tab ‘" + o.Value + "’"
			}
		case "k":
			key, problem := parseKey(o.Value)
			if problem != "" {
				return problem
			}
			s.keys = append(s.keys, key)
		}
	}
	for i := range s.keys {
		if s.keys[i].order == "" {
			s.keys[i].order = s.order
		}
	}
	return ""
}

func parseKey(text string) (sortKey, string) {
	key := sortKey{}
	start, end, ranged := strings.Cut(text, ",")
	var problem string
	if key.from, key.fromChar, key.order, problem = keyPart(start, text); problem != "" {
		return key, problem
	}
	if key.from == 0 {
		return key, "field number is zero: invalid field specification ‘" + text + "’"
	}
	if ranged {
		var more string
		key.to, key.toChar, more, problem = keyPart(end, text)
		key.order += more
	}
	return key, problem
}

// keyPart reads field[.character][letters].
func keyPart(part, whole string) (field, char int, letters, problem string) {
	n := 0
	for n < len(part) && part[n] >= '0' && part[n] <= '9' {
		n++
	}
	field, err := strconv.Atoi(part[:n])
	if err != nil {
		return 0, 0, "", "invalid number at field start: invalid count at start of ‘" + part + "’"
	}
	rest := part[n:]
	if strings.HasPrefix(rest, ".") {
		n = 1
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		char, _ = strconv.Atoi(rest[1:n])
		rest = rest[n:]
	}
	if strings.Trim(rest, "bdfghiMnRrV") != "" {
		return 0, 0, "", "stray character in field spec: invalid field specification ‘" + whole + "’"
	}
	return field, char, rest, ""
}

// text is what a key takes from a line.
func (s *sorter) text(k sortKey, line string) string {
	begin := s.offset(line, k.from-1)
	if strings.Contains(k.order, "b") {
		begin += blanks(line[begin:])
	}
	if k.fromChar > 1 {
		begin = min(begin+k.fromChar-1, len(line))
	}
	end := len(line)
	if k.to > 0 {
		if k.toChar == 0 {
			end = s.fieldEnd(line, k.to-1)
		} else {
			end = s.offset(line, k.to-1)
			if strings.Contains(k.order, "b") {
				end += blanks(line[end:])
			}
			end = min(end+k.toChar, len(line))
		}
	}
	return line[begin:max(begin, end)]
}

func blanks(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }

// offset is where field n, from 0, begins: at its blanks, or behind the
// separator.
func (s *sorter) offset(line string, n int) int {
	at := 0
	for ; n > 0 && at < len(line); n-- {
		if s.separator != "" {
			next := strings.Index(line[at:], s.separator)
			if next < 0 {
				return len(line)
			}
			at += next + 1
			continue
		}
		at = fieldStop(line, at)
	}
	return at
}

func fieldStop(line string, at int) int {
	at += blanks(line[at:])
	for at < len(line) && line[at] != ' ' && line[at] != '\t' {
		at++
	}
	return at
}

func (s *sorter) fieldEnd(line string, n int) int {
	at := s.offset(line, n)
	if s.separator == "" {
		return fieldStop(line, at)
	}
	if next := strings.Index(line[at:], s.separator); next >= 0 {
		return at + next
	}
	return len(line)
}

// byKeys compares by what the options name, without the last resort.
func (s *sorter) byKeys(a, b string) int {
	if len(s.keys) == 0 {
		return ordered(a, b, s.order)
	}
	for _, k := range s.keys {
		if order := ordered(s.text(k, a), s.text(k, b), k.order); order != 0 {
			return order
		}
	}
	return 0
}

func (s *sorter) compare(a, b string) int {
	if order := s.byKeys(a, b); order != 0 || s.stable {
		return order
	}
	if strings.Contains(s.order, "r") {
		a, b = b, a
	}
	return strings.Compare(a, b)
}

// ordered compares two keys by the letters of their options.
func ordered(a, b, order string) int {
	if strings.Contains(order, "r") {
		a, b = b, a
	}
	has := func(letter string) bool { return strings.Contains(order, letter) }
	number := func(x, y float64) int { return int(program.Truth(x > y) - program.Truth(x < y)) }
	if has("b") {
		a, b = strings.TrimLeft(a, " \t"), strings.TrimLeft(b, " \t")
	}
	switch {
	case has("n"):
		return number(plainNumber(a), plainNumber(b))
	case has("g"):
		x, _ := strconv.ParseFloat(awk.FloatStart(a), 64)
		y, _ := strconv.ParseFloat(awk.FloatStart(b), 64)
		return number(x, y)
	case has("h"):
		x, y := unitOf(a), unitOf(b)
		if x != y {
			return x - y
		}
		return number(plainNumber(a), plainNumber(b))
	case has("M"):
		return month(a) - month(b)
	case has("V"):
		return versions(a, b)
	}
	if has("d") {
		a, b = dictionary(a), dictionary(b)
	}
	if has("f") {
		a, b = strings.ToUpper(a), strings.ToUpper(b)
	}
	return strings.Compare(a, b)
}

// plainNumber is what -n reads: digits and a point behind blanks and a minus.
func plainNumber(s string) float64 {
	s = strings.TrimLeft(s, " \t")
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.' || n == 0 && s[n] == '-') {
		n++
	}
	v, err := strconv.ParseFloat(s[:n], 64)
	if err != nil {
		return 0
	}
	return v
}

func unitOf(s string) int {
	s = strings.TrimLeft(s, " \t")
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "-0123456789.")
	unit := 0
	if s != "" {
		unit = strings.IndexByte("KMGTPEZY", strings.ToUpper(s[:1])[0]) + 1
	}
	if negative {
		return -unit
	}
	return unit
}

func month(s string) int {
	s = strings.ToUpper(strings.TrimLeft(s, " \t"))
	return (strings.Index("JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC", fmt.Sprintf("%-3.3s", s)) + 3) / 3
}

func dictionary(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && !pattern.InClass("alnum", byte(r)) && r != ' ' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// versions compares as -V does: runs of digits by their value.
func versions(a, b string) int {
	run := func(s string, digit bool) int {
		n := 0
		for n < len(s) && (s[n] >= '0' && s[n] <= '9') == digit {
			n++
		}
		return n
	}
	for a != "" || b != "" {
		n, m := run(a, false), run(b, false)
		if order := strings.Compare(a[:n], b[:m]); order != 0 {
			return order
		}
		a, b = a[n:], b[m:]
		n, m = run(a, true), run(b, true)
		x, y := strings.TrimLeft(a[:n], "0"), strings.TrimLeft(b[:m], "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if order := strings.Compare(x, y); order != 0 {
			return order
		}
		a, b = a[n:], b[m:]
	}
	return 0
}
