package text

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func grep(c *program.Call) int {
	if !c.Applet {
		c.Hint = "Usage: " + c.Name + " [OPTION]... PATTERNS [FILE]...\nTry '" + c.Name + " --help' for more information.\n"
	}
	f, rest, ok := c.Parse("EFGPA:B:C:cd:D:e:f:HhiIlLm:nobqrRsTUuvVwxyzZa0123456789", "include=:include exclude=:exclude exclude-dir=:dir directories=:d devices=:D version=V after-context=:A before-context=:B context=:C files-without-match=L perl-regexp=P basic-regexp=G file=:f line-buffered=buffered binary=U binary-files=:binary byte-offset=b extended-regexp=E fixed-strings=F ignore-case=i no-ignore-case=exact invert-match=v count=c line-number=n only-matching=o quiet=q silent=q recursive=r dereference-recursive=R no-messages=s word-regexp=w line-regexp=x files-with-matches=l max-count=:m color=::K colour=::K text=a with-filename=H no-filename=h regexp=:e initial-tab=T null-data=z null=Z label=:label")
	if !ok {
		return 2
	}
	if f.Has("V") {
		c.Answered = true
		c.Print("grep (GNU grep) 3.8\n")
		return 0
	}
	g := &grepper{c: c, f: f}
	patterns, rest, ok := g.patterns(rest)
	if !ok || !g.compile(patterns) || !g.numbers() {
		return 2
	}
	switch f.Value["K"] {
	case "always", "yes", "force":
		g.color = f.Has("K")
	case "never", "no", "none":
	default:
		g.color = f.Has("K") && c.Out.TTY
	}
	if f.Has("r") || f.Has("R") {
		if len(rest) == 0 {
			g.bare = true
			rest = []string{"."}
		}
		rest = g.recursive(rest)
		g.named = true
	}
	g.named = (g.named || len(rest) > 1 || f.Has("H")) && !f.Has("h")
	if len(rest) == 0 && !g.named {
		rest = []string{"-"}
	}
	return g.files(rest)
}

// grepper is one grep.
type grepper struct {
	c             *program.Call
	f             program.Flags
	list          []*regex.Regexp
	named, color  bool
	bare          bool // it searches below the working directory, unnamed
	hit           bool
	shown         bool // a line, so that a group of context needs a mark
	before, after int
	limit         int64
}

// patterns are those of -e, -f or the first operand.
func (g *grepper) patterns(rest []string) (list, operands []string, ok bool) {
	given := false
	for _, o := range g.f.Given {
		switch o.Letter {
		case "e":
			given = true
			list = append(list, strings.Split(o.Value, "\n")...)
		case "f":
			given = true
			data, err := g.c.Read(o.Value)
			if err != nil {
				g.c.Complain("%s: %s", o.Value, vfs.Text(err))
				return nil, nil, false
			}
			list = append(list, program.Lines(data)...)
		}
	}
	if given {
		return list, rest, true
	}
	if len(rest) == 0 {
		g.c.Err.Print(words(g.c, "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n", "grep: missing operand\n"))
		return nil, nil, false
	}
	return strings.Split(rest[0], "\n"), rest[1:], true
}

// words are what a program says, and what busybox' applet says instead.
func words(c *program.Call, gnu, applet string) string {
	if c.Applet {
		return applet
	}
	return gnu
}

func (g *grepper) compile(patterns []string) bool {
	o := regex.Options{Fold: (g.f.Has("i") || g.f.Has("y")) && !g.f.Has("exact"), Whole: g.f.Has("x"), Word: g.f.Has("w"), Loose: true}
	switch {
	case g.f.Has("F") || g.c.Name == "fgrep":
		o.Dialect = regex.Fixed
	case g.f.Has("P"):
		o.Dialect = regex.Perl
	case g.f.Has("E") || g.c.Name == "egrep":
		o.Dialect = regex.Extended
	}
	for _, text := range patterns {
		if strings.HasPrefix(text, "[:") && strings.HasSuffix(text, ":]") && o.Dialect < regex.Perl {
			g.c.Complain("character class syntax is [[:space:]], not [:space:]")
			return false
		}
		re, err := regex.New(text, o)
		if err != nil {
			problem := regex.Problem(err)
			if o.Dialect == regex.Perl {
				problem = perlProblems[err]
			}
			g.c.Complain("%s", problem)
			return false
		}
		for _, warning := range re.Warnings {
			if !g.c.Applet {
				g.c.Complain("warning: %s", warning)
			}
		}
		g.list = append(g.list, re)
	}
	return true
}

// perlProblems are the mistakes in PCRE's words.
var perlProblems = map[error]string{
	regex.ErrOpen: "missing closing parenthesis", regex.ErrBracket: "missing terminating ] for character class", regex.ErrRepeat: "quantifier does not follow a repeatable item", regex.ErrClose: "unmatched closing parenthesis",
	regex.ErrBackslash: `\ at end of pattern`, regex.ErrReference: "reference to non-existent subpattern", regex.ErrRange: "range out of order in character class", regex.ErrClass: "unknown POSIX class name", regex.ErrSize: "regular expression is too large",
}

// numbers reads the options that take one.
func (g *grepper) numbers() bool {
	g.limit = 1 << 40
	digits := ""
	for _, o := range g.f.Given {
		value := o.Value
		switch {
		case o.Letter >= "0" && o.Letter <= "9":
			digits += o.Letter
			value = digits
		case !strings.Contains("ABCm", o.Letter):
			continue
		default:
			digits = ""
		}
		n, ok := program.Count(value)
		if !ok || n < 0 && o.Letter != "m" {
			if o.Letter == "m" {
				g.c.Complain("invalid max count")
			} else {
				g.c.Complain("%s: invalid context length argument", value)
			}
			return false
		}
		switch o.Letter {
		case "m":
			if g.limit = n; n < 0 {
				g.limit = 1 << 40
			}
		case "A":
			g.after = int(n)
		case "B":
			g.before = int(n)
		default:
			g.before, g.after = int(n), int(n)
		}
	}
	return true
}

func (g *grepper) matches(line string) bool {
	for _, re := range g.list {
		if re.MatchString(line) {
			return true
		}
	}
	return false
}

// spans are where a line matches, in their order, none within another.
func (g *grepper) spans(line string) [][]int {
	var out [][]int
	for at := 0; at <= len(line) && len(out) < 10_000; {
		best := []int(nil)
		for _, re := range g.list {
			for _, m := range re.FindAllStringIndex(line, -1) {
				if m[0] >= at && m[1] > m[0] && (best == nil || m[0] < best[0] || m[0] == best[0] && m[1] > best[1]) {
					best = m
				}
				if m[0] >= at && m[1] > m[0] {
					break
				}
			}
		}
		if best == nil {
			break
		}
		out = append(out, best)
		if len(g.list) == 1 {
			return g.nonEmpty(line)
		}
		at = best[1]
	}
	return out
}

func (g *grepper) nonEmpty(line string) [][]int {
	var out [][]int
	for _, m := range g.list[0].FindAllStringIndex(line, -1) {
		if m[1] > m[0] {
			out = append(out, m)
		}
	}
	return out
}

func (g *grepper) files(names []string) int {
	failed := false
	for _, name := range names {
		data, err := g.c.Read(name)
		if g.c.Stop != nil {
			return 2
		}
		if err != nil {
			text := vfs.Text(err)
			switch {
			case text == "Is a directory" && (g.f.Value["d"] == "skip" || g.f.Has("r") || g.f.Has("R")):
			case g.f.Has("s"):
				failed = true
			case text == "Is a directory":
				g.c.Complain("%s: Is a directory", name)
				failed = failed || !g.c.Applet
			default:
				g.c.Complain("%s: %s", name, text)
				failed = true
			}
			continue
		}
		if name == "-" {
			if name = "(standard input)"; g.f.Has("label") {
				name = g.f.Value["label"]
			}
		}
		if g.one(name, string(data)) && g.f.Has("q") {
			return 0
		}
		if g.c.Stop != nil {
			return 2
		}
	}
	switch {
	case failed:
		return 2
	case !g.hit:
		return 1
	}
	return 0
}

// binary tells whether a file's lines are not shown.
func (g *grepper) binary(data string) bool {
	if g.f.Has("a") || g.f.Value["binary"] == "text" || g.f.Has("z") || g.c.Applet {
		return false
	}
	head := data[:min(len(data), 32<<10)]
	if strings.IndexByte(head, 0) >= 0 {
		return true
	}
	return len(head) == len(data) && !utf8.ValidString(head)
}

// one searches a file and tells whether it matched.
func (g *grepper) one(name, data string) bool {
	end := "\n"
	if g.f.Has("z") {
		end = "\x00"
	}
	binary := g.binary(data)
	if binary && (g.f.Has("I") || g.f.Value["binary"] == "without-match") {
		data = ""
	}
	quiet := g.f.Has("q") || g.f.Has("c") || g.f.Has("l") || g.f.Has("L")
	var all []string
	if data != "" {
		all = strings.Split(strings.TrimSuffix(data, end), end)
	}
	n, last, offset := int64(0), -1, 0
	offsets := make([]int, len(all))
	for i, line := range all {
		offsets[i] = offset
		offset += len(line) + 1
	}
	trailing := 0 // lines of context that may still follow
	for i, line := range all {
		if n >= g.limit && trailing == 0 || g.c.Busy() {
			break
		}
		if n >= g.limit || g.matches(line) == g.f.Has("v") {
			if trailing > 0 && !quiet && !binary {
				trailing--
				g.line(name, i, offsets[i], line, "-", end)
				last = i
			}
			continue
		}
		n++
		g.hit = true
		if quiet {
			if g.f.Has("q") || g.f.Has("l") || g.f.Has("L") {
				break
			}
			continue
		}
		if binary {
			g.c.Complain("%s: binary file matches", name)
			break
		}
		if (g.before > 0 || g.after > 0) && (last >= 0 && i-g.before > last+1 || last < 0 && g.shown) {
			g.c.Print(g.paint("36", "--") + "\n")
		}
		g.shown = true
		for j := max(i-g.before, last+1); j < i; j++ {
			g.line(name, j, offsets[j], all[j], "-", end)
		}
		g.match(name, i, offsets[i], line, end)
		last, trailing = i, g.after
	}
	g.summary(name, n)
	return n > 0
}

// summary is what -l, -L and -c say of a file.
func (g *grepper) summary(name string, n int64) {
	tail := "\n"
	if g.f.Has("Z") {
		tail = "\x00"
	}
	switch {
	case g.f.Has("q"):
	case g.f.Has("l") && n > 0, g.f.Has("L") && n == 0:
		g.c.Print(g.paint("35", name) + tail)
	case g.f.Has("c") && !g.f.Has("l") && !g.f.Has("L"):
		prefix := ""
		if g.named {
			prefix = g.paint("35", name) + g.paint("36", ":")
		}
		g.c.Print(prefix + strconv.FormatInt(n, 10) + "\n")
	}
}

func (g *grepper) match(name string, i, offset int, line, end string) {
	if !g.f.Has("o") {
		g.line(name, i, offset, line, ":", end)
		return
	}
	if g.f.Has("v") {
		return
	}
	for _, m := range g.spans(line) {
		g.line(name, i, offset+m[0], line[m[0]:m[1]], ":", end)
	}
}

// paint gives text a colour, where colours are wanted.
func (g *grepper) paint(color, text string) string {
	if !g.color || text == "" {
		return text
	}
	return "\x1b[" + color + "m\x1b[K" + text + "\x1b[m\x1b[K"
}

func (g *grepper) line(name string, i, offset int, line, mark, end string) {
	if g.f.Has("o") && mark == "-" {
		return
	}
	prefix := ""
	if g.named {
		prefix = g.paint("35", name)
		if g.f.Has("Z") {
			prefix += "\x00"
		} else {
			prefix += g.paint("36", mark)
		}
	}
	width := 0
	if g.f.Has("T") {
		width = 4
	}
	if g.f.Has("n") {
		prefix += g.paint("32", fmt.Sprintf("%*d", width, i+1)) + g.paint("36", mark)
	}
	if g.f.Has("b") {
		if width > 0 {
			width = 7
		}
		prefix += g.paint("32", fmt.Sprintf("%*d", width, offset)) + g.paint("36", mark)
	}
	if g.f.Has("T") && prefix != "" {
		prefix += "\t"
	}
	g.c.Print(prefix + g.painted(line, mark) + end)
}

// painted is a line with its matches in colour.
func (g *grepper) painted(line, mark string) string {
	if !g.color || g.f.Has("v") || mark == "-" {
		return line
	}
	if g.f.Has("o") {
		return g.paint("01;31", line)
	}
	var b strings.Builder
	at := 0
	for _, m := range g.spans(line) {
		b.WriteString(line[at:m[0]] + g.paint("01;31", line[m[0]:m[1]]))
		at = m[1]
	}
	return b.String() + line[at:]
}

// recursive lists the files below names, within the bounds of a walk.
func (g *grepper) recursive(names []string) []string {
	c := g.c
	var include, exclude, dirs []string
	for _, o := range g.f.Given {
		switch o.Letter {
		case "include":
			include = append(include, o.Value)
		case "exclude":
			exclude = append(exclude, o.Value)
		case "dir":
			dirs = append(dirs, strings.TrimSuffix(o.Value, "/"))
		}
	}
	any := func(list []string, name string) bool {
		for _, p := range list {
			if pattern.Match(p, name) {
				return true
			}
		}
		return false
	}
	var out []string
	for _, name := range names {
		if _, err := c.View().Stat(c.Path(name)); err != nil {
			out = append(out, name)
			continue
		}
		c.Walk(name, func(path string, info vfs.Info, depth int) bool {
			file := program.Base("/" + path)
			switch {
			case info.IsDir():
				return depth == 0 || !any(dirs, file)
			case !info.IsFile() && (depth > 0 && !g.f.Has("R")):
				return true
			case any(exclude, file), len(include) > 0 && !any(include, file):
				return true
			}
			if g.bare {
				path = strings.TrimPrefix(path, "./")
			}
			out = append(out, path)
			return true
		})
	}
	return out
}
