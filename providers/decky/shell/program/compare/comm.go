package compare

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// two reads the two files of comm and join.
func two(c *program.Call, names []string) (all [2][]string, status int, ok bool) {
	switch {
	case len(names) == 0:
		c.Usage("missing operand")
		return all, 1, false
	case len(names) == 1:
		c.Usage("missing operand after ‘" + names[0] + "’")
		return all, 1, false
	case len(names) > 2:
		c.Usage("extra operand ‘" + names[2] + "’")
		return all, 1, false
	}
	for i, name := range names {
		data, err := c.Read(name)
		if err != nil {
			return all, c.Complain("%s: %s", name, vfs.Text(err)), false
		}
		all[i] = program.Lines(data)
	}
	return all, 0, true
}

// comm shows the lines of two sorted files in three columns.
func comm(c *program.Call) int {
	f, names, ok := c.Parse("123z", "check-order=k nocheck-order=K output-delimiter=:d total=t zero-terminated=z")
	if !ok {
		return 1
	}
	all, status, ok := two(c, names)
	if !ok {
		return status
	}
	delimiter := "\t"
	if f.Has("d") {
		delimiter = f.Value["d"]
	}
	lead := [3]string{}
	if !f.Has("1") {
		lead[1] += delimiter
		lead[2] += delimiter
	}
	if !f.Has("2") {
		lead[2] += delimiter
	}
	var count [3]int
	a, b := all[0], all[1]
	i, j := 0, 0
	disorder := [2]bool{}
	unpaired := false
	put := func(column int, line string) {
		count[column]++
		if !f.Has([]string{"1", "2", "3"}[column]) {
			c.Print(lead[column] + line + "\n")
		}
	}
	check := func(side, at int) bool {
		list := all[side]
		if f.Has("K") || !unpaired && !f.Has("k") || at == 0 || at >= len(list) || list[at-1] <= list[at] || disorder[side] {
			return true
		}
		disorder[side] = true
		c.Complain("file %d is not in sorted order", side+1)
		return !f.Has("k")
	}
	for i < len(a) || j < len(b) {
		if c.Busy() {
			return 1
		}
		switch {
		case j >= len(b) || i < len(a) && a[i] < b[j]:
			put(0, a[i])
			i, unpaired = i+1, true
			if !check(0, i) {
				return 1
			}
		case i >= len(a) || a[i] > b[j]:
			put(1, b[j])
			j, unpaired = j+1, true
			if !check(1, j) {
				return 1
			}
		default:
			put(2, a[i])
			i, j = i+1, j+1
			if !check(0, i) || !check(1, j) {
				return 1
			}
		}
	}
	if f.Has("t") {
		c.Printf("%d%s%d%s%d%stotal\n", count[0], delimiter, count[1], delimiter, count[2], delimiter)
	}
	if disorder[0] || disorder[1] {
		return c.Complain("input is not in sorted order")
	}
	return 0
}

// cmp tells where two files differ first.
func cmp(c *program.Call) int {
	c.Long = true
	f, names, ok := c.Parse("bi:ln:sv", "print-bytes=b ignore-initial=:i verbose=l bytes=:n quiet=s silent=s")
	if !ok {
		return 2
	}
	if len(names) == 0 {
		c.Err.Print("cmp: missing operand after 'cmp'\ncmp: Try 'cmp --help' for more information.\n")
		return 2
	}
	if len(names) == 1 {
		names = append(names, "-")
	}
	var data [2][]byte
	for i, name := range names[:2] {
		d, err := c.Read(name)
		if err != nil {
			if !f.Has("s") {
				c.Complain("%s: %s", name, vfs.Text(err))
			}
			return 2
		}
		data[i] = d
	}
	if skip, ok := program.Count(f.Value["i"]); ok {
		for i := range data {
			data[i] = data[i][min(int64(len(data[i])), skip):]
		}
	}
	if n, ok := program.Count(f.Value["n"]); ok {
		for i := range data {
			data[i] = data[i][:min(int64(len(data[i])), n)]
		}
	}
	return difference(c, f, names, data)
}

func difference(c *program.Call, f program.Flags, names []string, data [2][]byte) int {
	a, b := data[0], data[1]
	line, status := 1, 0
	width := 1
	for n := min(len(a), len(b)); n >= 10; n /= 10 {
		width++
	}
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			if a[i] == '\n' {
				line++
			}
			continue
		}
		status = 1
		switch {
		case f.Has("s"):
			return 1
		case f.Has("l") && f.Has("b"):
			c.Printf("%*d %3o %-4s %3o %s\n", width, i+1, a[i], shown(a[i]), b[i], shown(b[i]))
		case f.Has("l"):
			c.Printf("%*d %3o %3o\n", width, i+1, a[i], b[i])
		case f.Has("b"):
			c.Printf("%s %s differ: byte %d, line %d is %3o %s %3o %s\n", names[0], names[1], i+1, line, a[i], shown(a[i]), b[i], shown(b[i]))
			return 1
		default:
			unit := "byte"
			if c.Applet {
				unit = "char"
			}
			c.Printf("%s %s differ: %s %d, line %d\n", names[0], names[1], unit, i+1, line)
			return 1
		}
		if c.Busy() {
			return 2
		}
	}
	if len(a) == len(b) || f.Has("s") && len(a) != len(b) {
		if len(a) != len(b) {
			return 1
		}
		return status
	}
	short, name := a, names[0]
	if len(b) < len(a) {
		short, name = b, names[1]
	}
	switch {
	case len(short) == 0:
		c.Complain("EOF on %s which is empty", name)
	case f.Has("l"):
		c.Complain("EOF on %s after byte %d", name, len(short))
	case short[len(short)-1] == '\n':
		c.Complain("EOF on %s after byte %d, line %d", name, len(short), strings.Count(string(short), "\n"))
	default:
		c.Complain("EOF on %s after byte %d, in line %d", name, len(short), line)
	}
	return 1
}

// shown is a byte as cmp -b has it.
func shown(b byte) string {
	text := ""
	if b >= 0x80 {
		text, b = "M-", b&0x7f
	}
	switch {
	case b < 0x20:
		return text + "^" + string(rune(b+64))
	case b == 0x7f:
		return text + "^?"
	}
	return text + string(rune(b))
}
