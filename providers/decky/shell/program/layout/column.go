package layout

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// column is util-linux' column: a table, or names in columns.
func column(c *program.Call) int {
	f, names, ok := c.Parse("c:eJLl:N:no:s:txR:H:", "table=t separator=:s output-separator=:o output-width=:c fillrows=x keep-empty-lines=L table-columns=:N table-right=:R json=J")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names, "%s: ")
	var lines []string
	for _, data := range all {
		for _, line := range program.Lines(data) {
			if strings.TrimSpace(line) != "" || f.Has("L") {
				lines = append(lines, line)
			}
		}
	}
	if f.Has("t") {
		table(c, f, lines)
		return status
	}
	width := 80
	if c.Cols > 0 && c.Out.TTY {
		width = c.Cols
	}
	if n, err := strconv.Atoi(f.Value["c"]); err == nil && n > 0 {
		width = n
	}
	fillColumns(c, lines, width, f.Has("x"))
	return status
}

// fillColumns sets lines in columns with tabs between.
func fillColumns(c *program.Call, lines []string, width int, rows bool) {
	longest := 0
	for _, l := range lines {
		longest = max(longest, utf8.RuneCountInString(l))
	}
	cell := longest/8*8 + 8
	if len(lines) == 0 {
		return
	}
	across := max(width/cell, 1)
	if longest >= width || across == 1 {
		for _, l := range lines {
			c.Print(l + "\n")
		}
		return
	}
	down := (len(lines) + across - 1) / across
	for y := range down {
		if c.Busy() {
			return
		}
		var b strings.Builder
		at := 0
		for x := range across {
			n := x*down + y
			if rows {
				n = y*across + x
			}
			if n >= len(lines) {
				break
			}
			b.WriteString(lines[n])
			at += utf8.RuneCountInString(lines[n])
			more := n+down < len(lines)
			if rows {
				more = n+1 < len(lines) && x+1 < across
			}
			if !more {
				break
			}
			for at < (x+1)*cell {
				b.WriteByte('\t')
				at = at/8*8 + 8
			}
		}
		c.Print(b.String() + "\n")
	}
}

func table(c *program.Call, f program.Flags, lines []string) {
	separator := "  "
	if f.Has("o") {
		separator = f.Value["o"]
	}
	var rows [][]string
	if f.Has("N") {
		rows = append(rows, strings.Split(f.Value["N"], ","))
	}
	var widths []int
	for _, l := range lines {
		var cells []string
		if s := f.Value["s"]; s != "" {
			start := 0
			for i := range len(l) {
				if strings.IndexByte(s, l[i]) >= 0 {
					cells = append(cells, l[start:i])
					start = i + 1
				}
			}
			cells = append(cells, l[start:])
		} else {
			cells = strings.Fields(l)
		}
		rows = append(rows, cells)
	}
	for _, cells := range rows {
		for i, cell := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range rows {
		if c.Busy() {
			return
		}
		var b strings.Builder
		for i := range widths {
			cell := ""
			if i < len(cells) {
				cell = cells[i]
			}
			b.WriteString(cell)
			if i+1 < len(widths) {
				b.WriteString(strings.Repeat(" ", min(widths[i]-utf8.RuneCountInString(cell), 4096)) + separator)
			}
		}
		c.Print(b.String() + "\n")
	}
}
