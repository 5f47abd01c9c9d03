package text

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func cut(c *program.Call) int {
	f, names, ok := c.Parse("b:c:d:f:nsz", "zero-terminated=z bytes=:b characters=:c delimiter=:d fields=:f only-delimited=s complement=C output-delimiter=:O")
	if !ok {
		return 1
	}
	if program.Truth(f.Has("b"))+program.Truth(f.Has("c"))+program.Truth(f.Has("f")) > 1 {
		c.Usage("only one list may be specified")
		return 1
	}
	list := f.Value["b"] + f.Value["c"] + f.Value["f"]
	if list == "" {
		c.Usage("you must specify a list of bytes, characters, or fields")
		return 1
	}
	in, ok := ranges(list)
	if !ok {
		problem := rangeProblem(list)
		if !f.Has("f") {
			problem = strings.Replace(strings.Replace(problem, "invalid field value", "invalid byte/character position", 1), "fields are numbered", "byte/character positions are numbered", 1)
		}
		c.Usage(problem)
		return 1
	}
	delimiter := "\t"
	if f.Has("d") {
		if delimiter = f.Value["d"]; len(delimiter) != 1 {
			c.Usage("the delimiter must be a single character")
			return 1
		}
	}
	out := delimiter
	if f.Has("O") {
		out = f.Value["O"]
	}
	end := "\n"
	if f.Has("z") {
		end = "\x00"
	}
	all, _, status := c.Inputs(names, "%s: ")
	for _, data := range all {
		for _, line := range strings.Split(strings.TrimSuffix(string(data), end), end) {
			if len(data) == 0 {
				break
			}
			if c.Busy() {
				return 1
			}
			if !f.Has("f") {
				var b strings.Builder
				last := -1
				for i, r := range []byte(line) {
					if in(i+1) == f.Has("C") {
						continue
					}
					if last >= 0 && last != i-1 && f.Has("O") {
						b.WriteString(out)
					}
					last = i
					b.WriteByte(r)
				}
				c.Print(b.String() + end)
				continue
			}
			if !strings.Contains(line, delimiter) {
				if !f.Has("s") {
					c.Print(line + end)
				}
				continue
			}
			var kept []string
			for i, field := range strings.Split(line, delimiter) {
				if in(i+1) != f.Has("C") {
					kept = append(kept, field)
				}
			}
			c.Print(strings.Join(kept, out) + end)
		}
	}
	return status
}

// rangeProblem is what cut says of a list that is none.
func rangeProblem(list string) string {
	for part := range strings.SplitSeq(list, ",") {
		a, b, dash := strings.Cut(part, "-")
		n, err1 := strconv.Atoi(a)
		m, err2 := strconv.Atoi(b)
		switch {
		case err1 == nil && n == 0:
			return "fields are numbered from 1"
		case dash && err1 == nil && err2 == nil && m < n:
			return "invalid decreasing range"
		case a == "" && b == "" && dash:
			return "invalid range with no endpoint: -"
		}
	}
	return "invalid field value ‘" + list + "’"
}

// ranges reads a list such as 1,3-5,7-.
func ranges(list string) (func(int) bool, bool) {
	type span struct{ from, to int }
	var spans []span
	for part := range strings.SplitSeq(list, ",") {
		a, b, dash := strings.Cut(part, "-")
		s := span{1, 1 << 30}
		var err error
		if a != "" {
			if s.from, err = strconv.Atoi(a); err != nil || s.from < 1 {
				return nil, false
			}
		}
		if !dash {
			s.to = s.from
		} else if b != "" {
			if s.to, err = strconv.Atoi(b); err != nil || s.to < s.from {
				return nil, false
			}
		}
		if part == "" || part == "-" {
			return nil, false
		}
		spans = append(spans, s)
	}
	return func(n int) bool {
		for _, s := range spans {
			if s.from <= n && n <= s.to {
				return true
			}
		}
		return false
	}, true
}
