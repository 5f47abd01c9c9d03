package compare

import (
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// joiner is one join.
type joiner struct {
	c         *program.Call
	f         program.Flags
	key       [2]int
	separator string
	format    []string // "0", "1.2"...
}

func (j *joiner) fields(line string) []string {
	if j.separator != "" {
		return strings.Split(line, j.separator)
	}
	return strings.Fields(line)
}

func (j *joiner) keyOf(side int, fields []string) string {
	if k := j.key[side]; k <= len(fields) {
		if j.f.Has("i") {
			return strings.ToLower(fields[k-1])
		}
		return fields[k-1]
	}
	return ""
}

// put prints a joined line; a side that is not there is nil.
func (j *joiner) put(a, b []string) {
	out := j.separator
	if out == "" {
		out = " "
	}
	empty := j.f.Value["e"]
	var words []string
	at := func(side int, fields []string, n int) string {
		if n < 1 || n > len(fields) || fields[n-1] == "" {
			return empty
		}
		return fields[n-1]
	}
	key := at(0, a, j.key[0])
	if a == nil {
		key = at(1, b, j.key[1])
	}
	if len(j.format) > 0 {
		for _, spec := range j.format {
			side, field, _ := strings.Cut(spec, ".")
			n, _ := strconv.Atoi(field)
			switch side {
			case "0":
				words = append(words, key)
			case "1":
				words = append(words, at(0, a, n))
			default:
				words = append(words, at(1, b, n))
			}
		}
	} else {
		words = append(words, key)
		for side, fields := range [][]string{a, b} {
			for n := range fields {
				if n+1 != j.key[side] {
					words = append(words, at(side, fields, n+1))
				}
			}
		}
	}
	j.c.Print(strings.Join(words, out) + "\n")
}

// join joins the lines of two sorted files that have a field in common.
func join(c *program.Call) int {
	f, names, ok := c.Parse("a:e:i1:2:j:o:t:v:z", "ignore-case=i check-order=k nocheck-order=K header=H zero-terminated=z")
	if !ok {
		return 1
	}
	j := &joiner{c: c, f: f, key: [2]int{1, 1}, separator: f.Value["t"]}
	for i, option := range []string{"1", "2"} {
		for _, name := range []string{"j", option} {
			if !f.Has(name) {
				continue
			}
			n, err := strconv.Atoi(f.Value[name])
			if err != nil || n < 1 {
				return c.Complain("invalid field number: ‘%s’", f.Value[name])
			}
			j.key[i] = n
		}
	}
	if f.Has("o") && f.Value["o"] != "auto" {
		j.format = strings.FieldsFunc(f.Value["o"], func(r rune) bool { return r == ',' || r == ' ' })
	}
	all, status, ok := two(c, names)
	if !ok {
		return status
	}
	return j.run(all)
}

func (j *joiner) run(all [2][]string) int {
	var rows [2][][]string
	for side, list := range all {
		for _, line := range list {
			rows[side] = append(rows[side], j.fields(line))
		}
	}
	a, b := rows[0], rows[1]
	status := 0
	for side, list := range rows {
		for i := 1; i < len(list) && !j.f.Has("K"); i++ {
			if j.f.Has("H") && i == 1 {
				continue
			}
			if j.keyOf(side, list[i-1]) > j.keyOf(side, list[i]) {
				defer j.c.Complain("input is not in sorted order")
				j.c.Complain("%s:%d: is not sorted: %s", "-", i+1, strings.Join(list[i], " "))
				status = 1
				break
			}
		}
	}
	if j.f.Has("H") && len(a) > 0 && len(b) > 0 {
		j.put(a[0], b[0])
		a, b = a[1:], b[1:]
	}
	unpaired := [2]bool{}
	only := j.f.Has("v")
	for _, o := range j.f.Given {
		if o.Letter == "a" || o.Letter == "v" {
			unpaired[map[string]int{"2": 1}[o.Value]] = true
		}
	}
	x, y := 0, 0
	for x < len(a) || y < len(b) {
		if j.c.Busy() {
			return 1
		}
		switch {
		case y >= len(b) || x < len(a) && j.keyOf(0, a[x]) < j.keyOf(1, b[y]):
			if unpaired[0] {
				j.put(a[x], nil)
			}
			x++
		case x >= len(a) || j.keyOf(0, a[x]) > j.keyOf(1, b[y]):
			if unpaired[1] {
				j.put(nil, b[y])
			}
			y++
		default:
			key := j.keyOf(0, a[x])
			end := y
			for end < len(b) && j.keyOf(1, b[end]) == key {
				end++
			}
			for ; x < len(a) && j.keyOf(0, a[x]) == key; x++ {
				for n := y; n < end && !only; n++ {
					if j.c.Busy() {
						return 1
					}
					j.put(a[x], b[n])
				}
			}
			y = end
		}
	}
	return status
}
