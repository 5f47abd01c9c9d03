package text

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/regex"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func grep(c *program.Call) int {
	f, rest, ok := c.Parse("EFGPA:B:C:cd:D:e:f:HhiIlLm:noqrRsvVwxyaz", "include=:1 exclude=:2 exclude-dir=:3 directories=:d version=V after-context=:A before-context=:B context=:C files-without-match=L perl-regexp=P basic-regexp=G file=:f line-buffered=U binary-files=:4 extended-regexp=E fixed-strings=F ignore-case=i invert-match=v count=c line-number=n only-matching=o quiet=q silent=q recursive=r no-messages=s word-regexp=w line-regexp=x files-with-matches=l max-count=:m color=::K colour=::K text=a with-filename=H no-filename=h regexp=:e")
	if !ok {
		return 2
	}
	var given []string
	for _, o := range f.Given {
		if o.Letter == "e" {
			given = append(given, o.Value)
		}
	}
	pattern := strings.Join(given, "\n")
	if !f.Has("e") && !f.Has("f") {
		if len(rest) == 0 {
			c.Err.Print("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n")
			return 2
		}
		pattern, rest = rest[0], rest[1:]
	}
	if f.Has("V") {
		c.Print("grep (GNU grep) 3.8\n")
		return 0
	}
	if f.Has("f") {
		data, err := c.Read(f.Value["f"])
		if err != nil {
			c.Complain("%s: %s", f.Value["f"], vfs.Text(err))
			return 2
		}
		pattern = strings.TrimSuffix(string(data), "\n")
	}
	g := &grepper{c: c, f: f}
	if !g.compile(pattern) {
		return 2
	}
	if f.Has("r") || f.Has("R") {
		if len(rest) == 0 {
			rest = []string{"."}
		}
		rest = recursive(c, rest, f)
		g.named = true
	}
	g.named = (g.named || len(rest) > 1 || f.Has("H")) && !f.Has("h")
	if len(rest) == 0 {
		rest = []string{"-"}
	}
	return g.files(rest)
}

// grepper is one grep.
type grepper struct {
	c     *program.Call
	f     program.Flags
	re    *regexp.Regexp
	named bool
	hit   bool
	shown bool // a line, so that a group of context needs a mark
}

func (g *grepper) compile(pattern string) bool {
	var parts []string
	for p := range strings.SplitSeq(pattern, "\n") {
		switch {
		case g.f.Has("F") || g.c.Name == "fgrep":
			p = regexp.QuoteMeta(p)
		case !g.f.Has("E") && !g.f.Has("P") && g.c.Name != "egrep":
			p = regex.Basic(p)
		}
		parts = append(parts, p)
	}
	text := strings.Join(parts, "|")
	if g.f.Has("w") {
		text = `\b(?:` + text + `)\b`
	}
	if g.f.Has("x") {
		text = "^(?:" + text + ")$"
	}
	if g.f.Has("i") || g.f.Has("y") {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		g.c.Complain("%s", regex.Problem(err))
		return false
	}
	g.re = re
	return true
}

func (g *grepper) files(names []string) int {
	status := 0
	for _, name := range names {
		data, err := g.c.Read(name)
		if g.c.Stop != nil {
			return 2
		}
		if err != nil {
			if vfs.Text(err) == "Is a directory" {
				if g.f.Value["d"] != "skip" {
					g.c.Complain("%s: Is a directory", name)
					status = 2
				}
				continue
			}
			status = 2
			if !g.f.Has("s") {
				g.c.Complain("%s: %s", name, vfs.Text(err))
			}
			continue
		}
		if name == "-" {
			name = "(standard input)"
		}
		g.one(name, data)
		if g.hit && g.f.Has("q") {
			return 0
		}
	}
	if status == 0 && !g.hit {
		status = 1
	}
	return status
}

func (g *grepper) one(name string, data []byte) {
	limit := int64(1 << 40)
	if n, ok := program.Count(g.f.Value["m"]); ok {
		limit = n
	}
	if !g.f.Has("a") && strings.IndexByte(string(data[:min(len(data), 32<<10)]), 0) >= 0 {
		if g.re.Match(data) != g.f.Has("v") {
			g.hit = true
			if !g.f.Has("q") && !g.f.Has("c") && !g.f.Has("l") {
				g.c.Err.Print("grep: " + name + ": binary file matches\n")
			}
		}
		return
	}
	all := program.Lines(data)
	n, last := int64(0), -1
	before, after := g.context()
	for i, line := range all {
		if n >= limit || g.c.Busy() {
			break
		}
		if g.re.MatchString(line) == g.f.Has("v") {
			continue
		}
		n++
		g.hit = true
		if g.f.Has("q") || g.f.Has("c") || g.f.Has("l") || g.f.Has("L") {
			continue
		}
		if (before > 0 || after > 0) && (last >= 0 && i-before > last+1 || last < 0 && g.shown) {
			g.c.Print("--\n")
		}
		g.shown = true
		for j := max(i-before, last+1); j < i; j++ {
			g.line(name, j, all[j], "-")
		}
		g.match(name, i, line)
		last = max(last, i)
		for j := i + 1; j <= i+after && j < len(all) && g.re.MatchString(all[j]) == g.f.Has("v"); j++ {
			g.line(name, j, all[j], "-")
			last = j
		}
	}
	prefix := ""
	if g.named {
		prefix = name + ":"
	}
	switch {
	case g.f.Has("l") && n > 0, g.f.Has("L") && n == 0:
		g.c.Print(name + "\n")
	case g.f.Has("c"):
		g.c.Print(fmt.Sprintf("%s%d\n", prefix, n))
	}
}

func (g *grepper) context() (before, after int) {
	b, _ := program.Count(g.f.Value["B"])
	a, _ := program.Count(g.f.Value["A"])
	if n, ok := program.Count(g.f.Value["C"]); ok {
		b, a = n, n
	}
	return int(max(b, 0)), int(max(a, 0))
}

func (g *grepper) match(name string, i int, line string) {
	if !g.f.Has("o") {
		g.line(name, i, line, ":")
		return
	}
	if g.f.Has("v") {
		return
	}
	for _, m := range g.re.FindAllString(line, -1) {
		if m != "" {
			g.line(name, i, m, ":")
		}
	}
}

func (g *grepper) line(name string, i int, line, mark string) {
	prefix := ""
	if g.named {
		prefix = name + mark
	}
	if g.f.Has("n") {
		prefix += fmt.Sprintf("%d%s", i+1, mark)
	}
	g.c.Print(prefix + line + "\n")
}

// recursive lists the files below names, at most maxWalk.
func recursive(c *program.Call, names []string, f program.Flags) []string {
	var out []string
	for _, name := range names {
		c.Walk(name, func(path string, info vfs.Info, depth int) bool {
			file := program.Base("/" + path)
			if f.Has("1") && info.IsFile() && !pattern.Match(f.Value["1"], file) || f.Has("2") && pattern.Match(f.Value["2"], file) || f.Has("3") && depth > 0 && info.IsDir() && pattern.Match(f.Value["3"], file) {
				return false
			}
			if info.IsFile() {
				out = append(out, path)
			}
			return true
		})
	}
	return out
}
