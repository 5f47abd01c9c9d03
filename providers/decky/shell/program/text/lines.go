package text

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

// eachLine is a filter of lines.
func eachLine(f func(line string) string) program.Func {
	return func(c *program.Call) int {
		_, names, ok := c.Parse("", "")
		if !ok {
			return 1
		}
		all, _, status := c.Inputs(names, "%s: ")
		for _, data := range all {
			for _, line := range program.Lines(data) {
				c.Print(f(line) + "\n")
			}
		}
		return status
	}
}

func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}

func tac(c *program.Call) int {
	all, _, status := c.Inputs(c.Args, "failed to open '%s' for reading: ")
	for _, data := range all {
		list := program.Lines(data)
		for i := len(list) - 1; i >= 0; i-- {
			c.Print(list[i] + "\n")
		}
	}
	return status
}

func nl(c *program.Call) int {
	f, names, ok := c.Parse("b:w:s:n:v:", "body-numbering=:b")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	n := 0
	for _, data := range all {
		for _, line := range program.Lines(data) {
			if line == "" && f.Value["b"] != "a" {
				c.Print("       \n")
				continue
			}
			n++
			c.Printf("%6d\t%s\n", n, line)
		}
	}
	return status
}

func paste(c *program.Call) int {
	f, names, ok := c.Parse("d:sz", "delimiters=:d serial=s")
	if !ok {
		return 1
	}
	delimiter := "\t"
	if f.Has("d") {
		delimiter, _ = word.Escapes(f.Value["d"], false)
	}
	var columns [][]string
	dashes := 0
	for _, n := range names {
		if n == "-" {
			dashes++
		}
	}
	if dashes > 1 && dashes == len(names) {
		data, err := c.Read("-")
		if err != nil {
			return 1
		}
		list := program.Lines(data)
		for i := 0; i < len(list); i += dashes {
			row := append([]string{}, list[i:min(i+dashes, len(list))]...)
			for len(row) < dashes {
				row = append(row, "")
			}
			c.Print(strings.Join(row, delimiter) + "\n")
		}
		return 0
	}
	all, _, status := c.Inputs(names, "%s: ")
	longest := 0
	for _, data := range all {
		list := program.Lines(data)
		if f.Has("s") {
			c.Print(strings.Join(list, delimiter) + "\n")
		}
		columns = append(columns, list)
		longest = max(longest, len(list))
	}
	for i := 0; i < longest && !f.Has("s"); i++ {
		var row []string
		for _, list := range columns {
			cell := ""
			if i < len(list) {
				cell = list[i]
			}
			row = append(row, cell)
		}
		c.Print(strings.Join(row, delimiter) + "\n")
	}
	return status
}
