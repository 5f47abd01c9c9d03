package shell

import (
	"sort"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func uniq(c *call) int {
	f, names, ok := c.parse("cdiu", "count=c repeated=d unique=u ignore-case=i")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names[:min(1, len(names))], "%s: ")
	for _, data := range all {
		list := lines(data)
		for i := 0; i < len(list); {
			j := i
			for j < len(list) && (list[j] == list[i] || f.has("i") && strings.EqualFold(list[j], list[i])) {
				j++
			}
			if (!f.has("d") || j-i > 1) && (!f.has("u") || j-i == 1) {
				if f.has("c") {
					c.printf("%7d %s\n", j-i, list[i])
				} else {
					c.print(list[i] + "\n")
				}
			}
			i = j
			if c.busy() {
				return 1
			}
		}
	}
	return status
}

func sortCommand(c *call) int {
	f, names, ok := c.parse("bcdfghiMnrRsVuk:o:t:", "reverse=r numeric-sort=n unique=u key=:k field-separator=:t output=:o ignore-case=f human-numeric-sort=h version-sort=V")
	if !ok {
		return 2
	}
	all, _, status := c.inputs(names, "cannot read: %s: ")
	if status != 0 {
		return 2
	}
	list := []string{}
	for _, data := range all {
		list = append(list, lines(data)...)
	}
	s := newSorter(f)
	sort.SliceStable(list, func(i, j int) bool { return s.less(list[i], list[j]) })
	var b strings.Builder
	for i, line := range list {
		if f.has("u") && i > 0 && !s.less(list[i-1], line) && !s.less(line, list[i-1]) {
			continue
		}
		b.WriteString(line + "\n")
	}
	if f.has("o") {
		if err := c.view().WriteFile(c.path(f.value["o"]), []byte(b.String()), 0o644); err != nil {
			c.complain("open failed: %s: %s", f.value["o"], vfs.Text(err))
			return 2
		}
		return 0
	}
	c.print(b.String())
	return 0
}

// sorter compares lines by sort's options.
type sorter struct {
	numeric, reverse, fold bool
	separator              string
	from, to               int
	unique                 bool
}

func newSorter(f flags) *sorter {
	s := &sorter{numeric: f.has("n") || f.has("g") || f.has("h") || f.has("V"), reverse: f.has("r"), fold: f.has("f"), separator: f.value["t"], unique: f.has("u")}
	if key := f.value["k"]; key != "" {
		start, end, ranged := strings.Cut(key, ",")
		s.from, _ = strconv.Atoi(strings.TrimRight(strings.SplitN(start, ".", 2)[0], "bdfghinrMRV"))
		s.to = 1 << 30
		if ranged {
			s.to, _ = strconv.Atoi(strings.TrimRight(end, "bdfghinrMRV"))
		}
		s.numeric = s.numeric || strings.ContainsAny(key, "ngh")
		s.reverse = s.reverse || strings.Contains(key, "r")
	}
	return s
}

func (s *sorter) key(line string) string {
	if s.from == 0 {
		return line
	}
	var fields []string
	if s.separator != "" {
		fields = strings.Split(line, s.separator)
	} else {
		fields = strings.Fields(line)
	}
	if s.from > len(fields) {
		return ""
	}
	return strings.Join(fields[s.from-1:min(s.to, len(fields))], " ")
}

func (s *sorter) less(a, b string) bool {
	if s.reverse {
		a, b = b, a
	}
	x, y := s.key(a), s.key(b)
	if s.fold {
		x, y = strings.ToUpper(x), strings.ToUpper(y)
	}
	if s.numeric {
		n, m := leadingNumber(x), leadingNumber(y)
		if n != m {
			return n < m
		}
		if s.unique {
			return false
		}
	} else if x != y {
		return x < y
	}
	return !s.unique && a < b
}

func leadingNumber(s string) float64 {
	s = strings.TrimLeft(s, " \t")
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.' || n == 0 && s[n] == '-') {
		n++
	}
	v, _ := strconv.ParseFloat(s[:n], 64)
	if n < len(s) {
		switch s[n] {
		case 'K', 'k':
			v *= 1 << 10
		case 'M':
			v *= 1 << 20
		case 'G':
			v *= 1 << 30
		}
	}
	return v
}
