package text

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func wc(c *program.Call) int {
	f, names, ok := c.Parse("clLmw", "bytes=c chars=m lines=l words=w max-line-length=L")
	if !ok {
		return 1
	}
	files := names
	if len(files) == 0 {
		files = []string{"-"}
	}
	var opened []string
	var all []*tally
	status := 0
	for _, name := range files {
		t := new(tally)
		if err := c.Pieces(name, t.add); err != nil {
			status = c.Complain("%s: %s", name, vfs.Text(err))
			continue
		}
		t.end()
		if c.Stop != nil {
			return 1
		}
		opened, all = append(opened, name), append(all, t)
	}
	var total [5]int
	plain := len(f.Count) == 0
	var rows [][5]int
	for _, t := range all {
		row := [5]int{t.lines, t.words, t.chars, t.bytes, t.longest}
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

// tally counts what comes in pieces.
type tally struct {
	lines, words, chars, bytes, longest int

	line   int  // characters of this line
	inside bool // a word
	rest   []byte
}

func (t *tally) add(piece []byte) {
	t.bytes += len(piece)
	if len(t.rest) > 0 {
		piece = append(t.rest, piece...)
		t.rest = nil
	}
	for len(piece) > 0 {
		if !utf8.FullRune(piece) {
			t.rest = bytes.Clone(piece)
			return
		}
		r, n := utf8.DecodeRune(piece)
		t.character(r)
		piece = piece[n:]
	}
}

func (t *tally) character(r rune) {
	t.chars++
	t.line++
	if r == '\n' {
		t.lines++
		t.line = 0
	}
	t.longest = max(t.longest, t.line)
	if space := unicode.IsSpace(r); space {
		t.inside = false
	} else if !t.inside {
		t.inside = true
		t.words++
	}
}

// end counts the bytes of a character that did not come whole.
func (t *tally) end() {
	for range t.rest {
		t.character(utf8.RuneError)
	}
	t.rest = nil
}
