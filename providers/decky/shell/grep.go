package shell

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// basicRegex turns a POSIX basic expression into Go's syntax: \( \) \{ \} \| \+
// \? are operators, their bare forms are literal.
func basicRegex(s string) string {
	var b strings.Builder
	class := 0 // bytes since [
	for i := 0; i < len(s); i++ {
		c := s[i]
		if class > 0 {
			b.WriteByte(c)
			if strings.HasPrefix(s[i:], "[:") {
				if j := strings.Index(s[i:], ":]"); j > 0 {
					b.WriteString(s[i+1 : i+j+2])
					i += j + 1
				}
			} else if c == ']' && class > 1 {
				class = 0
				continue
			}
			if !(class == 1 && c == '^') {
				class++
			}
			continue
		}
		switch {
		case c == '[':
			class = 1
			b.WriteByte(c)
		case c == '\\' && i+1 < len(s):
			i++
			if strings.IndexByte("(){}|+?", s[i]) >= 0 {
				b.WriteByte(s[i])
			} else {
				b.WriteString(escapedRegex(s[i]))
			}
		case strings.IndexByte("(){}|+?", c) >= 0, c == '*' && (i == 0 || strings.HasSuffix(s[:i], `\(`) || s[:i] == "^"):
			b.WriteString(`\` + string(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escapedRegex(c byte) string {
	switch {
	case c == '<' || c == '>' || c == 'b':
		return `\b`
	case strings.IndexByte("wWsSB", c) >= 0:
		return `\` + string(c)
	case c == 'n' || c == 't':
		return `\` + string(c)
	}
	return regexp.QuoteMeta(string(c))
}

// regex compiles an expression as grep and sed read it.
func regex(s string, extended, fold bool) (*regexp.Regexp, error) {
	if !extended {
		s = basicRegex(s)
	} else {
		s = strings.NewReplacer(`\<`, `\b`, `\>`, `\b`).Replace(s)
	}
	if fold {
		s = "(?i)" + s
	}
	re, err := regexp.Compile(s)
	if err == nil {
		re.Longest()
	}
	return re, err
}

// regexProblem is the C library's word for a mistake in an expression.
func regexProblem(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "missing closing ]"):
		return "Unmatched [, [^, [:, [., or [="
	case strings.Contains(text, "missing closing )"):
		return "Unmatched ( or \\("
	case strings.Contains(text, "unexpected )"):
		return "Unmatched ) or \\)"
	case strings.Contains(text, "missing argument to repetition"):
		return "Invalid preceding regular expression"
	case strings.Contains(text, "invalid character class range"):
		return "Invalid range end"
	case strings.Contains(text, "invalid repeat count"):
		return "Invalid content of \\{\\}"
	}
	return "Invalid regular expression"
}

func grep(c *call) int {
	f, rest, ok := c.parse("EFGPA:B:C:cd:D:e:f:HhiIlLm:noqrRsvVwxyaz", "include=:1 exclude=:2 exclude-dir=:3 directories=:d version=V after-context=:A before-context=:B context=:C files-without-match=L perl-regexp=P basic-regexp=G file=:f line-buffered=U binary-files=:4 extended-regexp=E fixed-strings=F ignore-case=i invert-match=v count=c line-number=n only-matching=o quiet=q silent=q recursive=r no-messages=s word-regexp=w line-regexp=x files-with-matches=l max-count=:m color=K colour=K text=a with-filename=H no-filename=h regexp=:e")
	if !ok {
		return 2
	}
	var given []string
	for _, o := range f.given {
		if o.letter == "e" {
			given = append(given, o.value)
		}
	}
	pattern := strings.Join(given, "\n")
	if !f.has("e") && !f.has("f") {
		if len(rest) == 0 {
			c.err.print("Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n")
			return 2
		}
		pattern, rest = rest[0], rest[1:]
	}
	if f.has("V") {
		c.print("grep (GNU grep) 3.8\n")
		return 0
	}
	if f.has("f") {
		data, err := c.read(f.value["f"])
		if err != nil {
			c.complain("%s: %s", f.value["f"], vfs.Text(err))
			return 2
		}
		pattern = strings.TrimSuffix(string(data), "\n")
	}
	g := &grepper{c: c, f: f}
	if !g.compile(pattern) {
		return 2
	}
	if f.has("r") || f.has("R") {
		if len(rest) == 0 {
			rest = []string{"."}
		}
		rest = c.recursive(rest, f)
		g.named = true
	}
	g.named = (g.named || len(rest) > 1 || f.has("H")) && !f.has("h")
	if len(rest) == 0 {
		rest = []string{"-"}
	}
	return g.files(rest)
}

// grepper is one grep.
type grepper struct {
	c     *call
	f     flags
	re    *regexp.Regexp
	named bool
	hit   bool
	shown bool // a line, so that a group of context needs a mark
}

func (g *grepper) compile(pattern string) bool {
	var parts []string
	for p := range strings.SplitSeq(pattern, "\n") {
		switch {
		case g.f.has("F") || g.c.name == "fgrep":
			p = regexp.QuoteMeta(p)
		case !g.f.has("E") && !g.f.has("P") && g.c.name != "egrep":
			p = basicRegex(p)
		}
		parts = append(parts, p)
	}
	text := strings.Join(parts, "|")
	if g.f.has("w") {
		text = `\b(?:` + text + `)\b`
	}
	if g.f.has("x") {
		text = "^(?:" + text + ")$"
	}
	if g.f.has("i") || g.f.has("y") {
		text = "(?i)" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		g.c.complain("%s", regexProblem(err))
		return false
	}
	g.re = re
	return true
}

func (g *grepper) files(names []string) int {
	status := 0
	for _, name := range names {
		data, err := g.c.read(name)
		if g.c.stop != nil {
			return 2
		}
		if err != nil {
			if vfs.Text(err) == "Is a directory" {
				if g.f.value["d"] != "skip" {
					g.c.complain("%s: Is a directory", name)
					status = 2
				}
				continue
			}
			status = 2
			if !g.f.has("s") {
				g.c.complain("%s: %s", name, vfs.Text(err))
			}
			continue
		}
		if name == "-" {
			name = "(standard input)"
		}
		g.one(name, data)
		if g.hit && g.f.has("q") {
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
	if n, ok := count(g.f.value["m"]); ok {
		limit = n
	}
	if !g.f.has("a") && strings.IndexByte(string(data[:min(len(data), 32<<10)]), 0) >= 0 {
		if g.re.Match(data) != g.f.has("v") {
			g.hit = true
			if !g.f.has("q") && !g.f.has("c") && !g.f.has("l") {
				g.c.err.print("grep: " + name + ": binary file matches\n")
			}
		}
		return
	}
	all := lines(data)
	n, last := int64(0), -1
	before, after := g.context()
	for i, line := range all {
		if n >= limit || g.c.busy() {
			break
		}
		if g.re.MatchString(line) == g.f.has("v") {
			continue
		}
		n++
		g.hit = true
		if g.f.has("q") || g.f.has("c") || g.f.has("l") || g.f.has("L") {
			continue
		}
		if (before > 0 || after > 0) && (last >= 0 && i-before > last+1 || last < 0 && g.shown) {
			g.c.print("--\n")
		}
		g.shown = true
		for j := max(i-before, last+1); j < i; j++ {
			g.line(name, j, all[j], "-")
		}
		g.match(name, i, line)
		last = max(last, i)
		for j := i + 1; j <= i+after && j < len(all) && g.re.MatchString(all[j]) == g.f.has("v"); j++ {
			g.line(name, j, all[j], "-")
			last = j
		}
	}
	prefix := ""
	if g.named {
		prefix = name + ":"
	}
	switch {
	case g.f.has("l") && n > 0, g.f.has("L") && n == 0:
		g.c.print(name + "\n")
	case g.f.has("c"):
		g.c.print(fmt.Sprintf("%s%d\n", prefix, n))
	}
}

func (g *grepper) context() (before, after int) {
	b, _ := count(g.f.value["B"])
	a, _ := count(g.f.value["A"])
	if n, ok := count(g.f.value["C"]); ok {
		b, a = n, n
	}
	return int(max(b, 0)), int(max(a, 0))
}

func (g *grepper) match(name string, i int, line string) {
	if !g.f.has("o") {
		g.line(name, i, line, ":")
		return
	}
	if g.f.has("v") {
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
	if g.f.has("n") {
		prefix += fmt.Sprintf("%d%s", i+1, mark)
	}
	g.c.print(prefix + line + "\n")
}

// recursive lists the files below names, at most maxWalk.
func (c *call) recursive(names []string, f flags) []string {
	var out []string
	for _, name := range names {
		c.walk(name, func(path string, info vfs.Info, depth int) bool {
			file := base("/" + path)
			if f.has("1") && info.IsFile() && !match(f.value["1"], file) || f.has("2") && match(f.value["2"], file) || f.has("3") && depth > 0 && info.IsDir() && match(f.value["3"], file) {
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

// maxWalk bounds the files of one walk.
const maxWalk = 20_000

// walk calls f for name and everything below it, parents first; f tells
// whether to go deeper.
func (c *call) walk(name string, f func(path string, info vfs.Info, depth int) bool) {
	seen := 0
	var down func(path string, depth int)
	down = func(path string, depth int) {
		info, err := c.view().Lstat(c.path(path))
		if seen++; err != nil || seen > maxWalk || depth > 64 || c.busy() {
			return
		}
		if !f(path, info, depth) || !info.IsDir() {
			return
		}
		list, err := c.view().ReadDir(c.path(path))
		if err != nil {
			c.complain("‘%s’: %s", path, vfs.Text(err))
			return
		}
		for _, entry := range list {
			down(strings.TrimSuffix(path, "/")+"/"+entry.Name, depth+1)
		}
	}
	down(name, 0)
}
