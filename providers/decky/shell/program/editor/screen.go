// Package editor holds the editors that draw on the terminal: vi as vim.tiny,
// vim-minimal or busybox show it, and nano; files are those of the decoy. It
// refuses to run what a command line hands to a shell but through the shell,
// and keeps no swap file.
package editor

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// screen draws rows of text and sends what changed of them.
type screen struct {
	c          *program.Call
	from       program.Keyboard
	rows, cols int
	shown      []string
	waiting    []byte // keys that were read too early
}

// newScreen is the terminal of a call; ok is false where there is none.
func newScreen(c *program.Call) (s *screen, restore func(), ok bool) {
	if !c.Out.TTY {
		return nil, nil, false
	}
	from, restore, ok := c.Keys()
	if !ok {
		return nil, nil, false
	}
	s = &screen{c: c, from: from, rows: c.Rows, cols: c.Cols}
	if s.rows < 3 || s.cols < 8 {
		s.rows, s.cols = 24, 80
	}
	s.shown = make([]string, s.rows)
	return s, restore, true
}

// key is one key.
func (s *screen) key() (byte, error) {
	if s.c.Busy() {
		return 0, s.c.Stop
	}
	if len(s.waiting) > 0 {
		key := s.waiting[0]
		s.waiting = s.waiting[1:]
		return key, nil
	}
	var b [1]byte
	_, err := s.from.Read(b[:])
	return b[0], err
}

// typed tells that a key waits.
func (s *screen) typed() bool { return len(s.waiting) > 0 || s.from.Typed() }

// sequence is what follows an ESC that a key of the terminal sent, without what
// all of them begin with; "" where ESC itself was typed.
func (s *screen) sequence() string {
	if !s.typed() && (!s.c.Wait(30*time.Millisecond) || !s.typed()) {
		return ""
	}
	text := ""
	for len(text) < 8 {
		key, err := s.key()
		if err != nil {
			return ""
		}
		text += string([]byte{key})
		if len(text) == 1 && key != '[' && key != 'O' || len(text) == 2 && text[0] == 'O' && strings.IndexByte("ABCDFHPQRS", key) < 0 {
			s.waiting = append([]byte(text), s.waiting...)
			return ""
		}
		if len(text) > 1 && (key < '0' || key > '9') && key != ';' || len(text) == 1 && !s.typed() {
			break
		}
	}
	return text[1:]
}

// show makes the terminal hold rows, with the cursor at row and column from 0.
// Nothing is sent while more keys wait: a paste is drawn once.
func (s *screen) show(rows []string, row, col int) {
	if s.typed() {
		return
	}
	var b strings.Builder
	for i, text := range rows {
		if i >= s.rows || s.shown[i] == text {
			continue
		}
		same := 0
		if !strings.Contains(text, "\x1b") && !strings.Contains(s.shown[i], "\x1b") {
			for same < len(text) && same < len(s.shown[i]) && text[same] == s.shown[i][same] && text[same] < 0x80 {
				same++
			}
		}
		fmt.Fprintf(&b, "\x1b[%d;%dH%s", i+1, same+1, text[same:])
		if len(text) < len(s.shown[i]) || strings.Contains(text, "\x1b") {
			b.WriteString("\x1b[K")
		}
		s.shown[i] = text
	}
	if b.Len() > 0 {
		s.c.Print("\x1b[?25l" + b.String() + fmt.Sprintf("\x1b[%d;%dH\x1b[?25h", row+1, col+1))
		return
	}
	s.c.Printf("\x1b[%d;%dH", row+1, col+1)
}

// cells is a line as the terminal shows it, and the column of each character
// and of the end.
func cells(line []rune) (text string, columns []int) {
	var b strings.Builder
	at := 0
	columns = make([]int, 0, len(line)+1)
	for _, r := range line {
		columns = append(columns, at)
		switch {
		case r == '\t':
			n := 8 - at%8
			b.WriteString(strings.Repeat(" ", n))
			at += n
		case r < 0x20 || r == 0x7f:
			b.WriteString("^" + string(r^0x40))
			at += 2
		default:
			b.WriteRune(r)
			at++
		}
	}
	return b.String(), append(columns, at)
}

// folded parts what a line shows into rows of the screen's width.
func (s *screen) folded(text string) []string {
	runes := []rune(text)
	var rows []string
	for len(runes) > s.cols {
		rows = append(rows, string(runes[:s.cols]))
		runes = runes[s.cols:]
	}
	return append(rows, string(runes))
}
