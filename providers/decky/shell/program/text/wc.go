package text

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func wc(c *program.Call) int {
	f, names, ok := c.Parse("clLmw", "bytes=c chars=m lines=l words=w max-line-length=L")
	if !ok {
		return 1
	}
	all, opened, status := c.Inputs(names, "%s: ")
	if c.Stop != nil {
		return 1
	}
	var total [5]int
	plain := len(f.Count) == 0
	var rows [][5]int
	for _, data := range all {
		row := [5]int{bytes.Count(data, []byte("\n")), len(bytes.Fields(data)), utf8.RuneCount(data), len(data), longest(data)}
		for i := range row {
			total[i] += row[i]
		}
		total[4] = max(total[4]-row[4], row[4])
		rows = append(rows, row)
	}
	if len(names) > 1 {
		rows, opened = append(rows, total), append(opened, "total")
	}
	show := [5]bool{plain || f.Has("l"), plain || f.Has("w"), f.Has("m"), plain || f.Has("c"), f.Has("L")}
	columns := 0
	for _, s := range show {
		if s {
			columns++
		}
	}
	width := 1
	if len(names) == 0 && columns > 1 && !fromFile(c) {
		width = 7
	} else if columns > 1 || len(rows) > 1 {
		width = len(strconv.Itoa(total[3]))
	}
	if c.Applet && (columns > 1 || len(rows) > 1) {
		width = 9
	}
	for i, row := range rows {
		var cells []string
		for j, s := range show {
			if s {
				cells = append(cells, fmt.Sprintf("%*d", width, row[j]))
			}
		}
		if name := opened[i]; len(names) > 0 {
			cells = append(cells, name)
		}
		c.Print(strings.Join(cells, " ") + "\n")
	}
	return status
}

// fromFile tells whether standard input is a file, whose size wc knows.
func fromFile(c *program.Call) bool {
	_, file := c.In.(*vfs.File)
	return file
}

func longest(data []byte) int {
	n := 0
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		n = max(n, utf8.RuneCount(line))
	}
	return n
}
