package shell

import (
	"fmt"
	"slices"
	"strings"
)

// cell is one place of a terminal's screen.
type cell struct {
	r        rune
	standout bool // shown in reverse: what was pasted, or found
}

// display is what readline knows to be on the screen: the rows of the prompt
// and the line, and the cursor. It changes what differs from what is wanted
// with as few bytes as readline does.
type display struct {
	put      func(string)
	width    int
	short    bool // the terminal can neither insert nor delete
	rows     [][]cell
	row, col int
}

// show brings the screen to want, with the cursor at the place at of it.
func (d *display) show(want []cell, at int) {
	rows := d.split(want)
	before := len(d.rows) - 1
	for i := range rows {
		var old []cell
		if i < len(d.rows) {
			old = d.rows[i]
		}
		d.update(old, rows[i], i, before, len(rows)-1)
	}
	for i := len(rows); i < len(d.rows); i++ {
		d.vertical(i)
		d.horizontal(0)
		d.put("\x1b[K")
	}
	d.rows = rows
	d.vertical(at / d.width)
	d.horizontal(at % d.width)
}

// forget makes the first row be written anew, whatever is on it.
func (d *display) forget() {
	for i := range d.rows[0] {
		d.rows[0][i].r = 0
	}
}

// split cuts cells into rows; behind a full one there is an empty one.
func (d *display) split(cells []cell) [][]cell {
	var rows [][]cell
	for len(cells) >= d.width {
		rows = append(rows, slices.Clone(cells[:d.width]))
		cells = cells[d.width:]
	}
	return append(rows, slices.Clone(cells))
}

// write shows cells at the cursor.
func (d *display) write(cells []cell) {
	var b strings.Builder
	standout := false
	for _, c := range cells {
		if c.standout != standout {
			b.WriteString(map[bool]string{true: "\x1b[7m", false: "\x1b[27m"}[c.standout])
			standout = c.standout
		}
		b.WriteRune(c.r)
	}
	if standout {
		b.WriteString("\x1b[27m")
	}
	d.put(b.String())
	d.col += len(cells)
}

// update changes one row. It looks for the first and the last difference and
// inserts or deletes what is between them.
func (d *display) update(old, want []cell, row, before, last int) {
	if d.col == d.width && d.row == row-1 {
		// The next character is what makes the terminal wrap.
		d.row, d.col = row, 0
		if len(want) == 0 {
			d.put(" ")
			d.col = 1
		} else {
			d.write(want[:1])
			if len(old) == 0 {
				d.write(want[1:])
				return
			}
			old = append([]cell{want[0]}, old[1:]...)
		}
	}
	first := 0
	for first < len(old) && first < len(want) && old[first] == want[first] {
		first++
	}
	if first == len(old) && first == len(want) {
		return
	}
	o, w, spaces := len(old)-1, len(want)-1, false
	for o > first && w > first && old[o] == want[w] {
		spaces = spaces || old[o].r == ' '
		o, w = o-1, w-1
	}
	switch {
	case !spaces:
		o, w = len(old), len(want)
	case o < 0 || w < 0 || old[o] != want[w]:
		o, w = o+1, w+1
	}
	d.vertical(row)
	d.horizontal(first)
	grown := (w - first) - (o - first)
	rest := len(want) - first
	if grown > 0 {
		if !d.short && o < len(old) && (row < before || last <= before) {
			d.put(fmt.Sprintf("\x1b[%d@", grown))
			d.write(want[first:w])
			return
		}
		d.write(want[first:])
		return
	}
	if !d.short && 2*rest >= -grown {
		if grown < 0 {
			d.put(fmt.Sprintf("\x1b[%dP", -grown))
		}
		d.write(want[first:w])
		return
	}
	d.write(want[first:])
	if grown < 0 {
		d.put("\x1b[K")
	}
}

// vertical moves the cursor to a row.
func (d *display) vertical(row int) {
	switch {
	case row > d.row:
		d.put(strings.Repeat("\r\n", row-d.row) + "\r")
		d.col = 0
	case row < d.row:
		d.put(strings.Repeat("\x1b[A", d.row-row))
	}
	d.row = row
}

// horizontal moves the cursor to a column.
func (d *display) horizontal(col int) {
	if col == d.col {
		return
	}
	if col == 0 || col+1 < d.col-col {
		d.put("\r")
		d.col = 0
	}
	if col > d.col {
		d.put(strings.Repeat("\x1b[C", col-d.col))
	} else {
		d.put(strings.Repeat("\b", d.col-col))
	}
	d.col = col
}
