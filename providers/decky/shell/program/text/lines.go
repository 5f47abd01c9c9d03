package text

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

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
