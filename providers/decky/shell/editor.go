package shell

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	errEnd       = errors.New("end of input")
	errCancel    = errors.New("line given up")
	errSuspended = errors.New("suspended")
)

// maxLine bounds a line that is edited, in characters.
const maxLine = 64 << 10

// editor edits one line: as readline does for bash, a little for ash, and not
// at all for what reads a terminal in its plain mode.
type editor struct {
	t        *Terminal
	session  *Session
	history  []string
	plain    bool // the terminal's own editing: no cursor, no history
	simple   bool // busybox': no search
	asks     bool // it asks the terminal where the cursor is, as newer ones do
	pasting  bool // the client is told to mark what is pasted
	text     []rune
	at       int
	prompt   string
	echo     bool
	killed   []rune
	tabs     int // Tab was typed so often in a row
	place    int // in the history
	kept     string
	previous byte

	// What readline shows and keeps.
	full    bool     // its own display, not the simple ones
	screen  *display // of the line that is edited
	region  [2]int   // what is shown in reverse
	undone  []edit   // what ^_ goes back to
	kills   bool     // the key before this one killed text
	killing bool
	sought  string // by ^R, last
}

func newEditor(t *Terminal, s *Session) *editor {
	e := &editor{t: t, session: s}
	e.suit()
	return e
}

// suit makes the editor that of the shell that reads the terminal now.
func (e *editor) suit() {
	s := e.session
	d, release := s.state.dialect, s.state.version
	e.plain, e.simple, e.full, e.screen = d.dash(), d.ash(), d.bash(), nil
	e.asks = d.ash() && s.machine.Host.Distro != "embedded"
	e.pasting = d.bash() && !slices.Contains([]string{"dumb", "network", "unknown", ""}, s.options.Term) && (strings.HasPrefix(release, "5.1") || strings.HasPrefix(release, "5.2"))
}

func (e *editor) put(s string) { _, _ = io.WriteString(e.t.out, s) }

// read reads a line behind a prompt, with the marks of bracketed paste around
// it where the shell is one that sends them.
func (e *editor) read(prompt string) (string, error) {
	if e.pasting {
		e.put("\x1b[?2004h")
	}
	line, err := e.line(prompt, true)
	switch {
	case !e.pasting:
	case errors.Is(err, errCancel):
		e.put("\x1b[?2004l\r\x1b[?2004h\x1b[?2004l\r\r\n")
	case errors.Is(err, errEnd):
		e.put("\x1b[?2004l\r\r\n")
	default:
		e.put("\x1b[?2004l\r")
	}
	return line, err
}

// line reads a line; errEnd is ^D, errCancel ^C.
func (e *editor) line(prompt string, echo bool) (string, error) {
	e.text, e.at, e.prompt, e.echo = nil, 0, prompt, echo
	e.place, e.kept, e.tabs = len(e.history), "", 0
	if e.session != nil {
		e.t.setPlain(true)
		defer e.t.setPlain(false)
	}
	e.put(prompt)
	if e.asks && !e.t.typed() {
		e.put("\x1b[6n")
	}
	e.undone, e.kills, e.region = nil, false, [2]int{}
	if e.full {
		e.screen = e.newDisplay()
	}
	var partial []byte
	for {
		c, err := e.t.next()
		if err != nil {
			return string(e.text), err
		}
		if c == '\n' && e.t.afterCR {
			e.t.afterCR = false
			continue
		}
		e.t.afterCR = c == '\r'
		if c != '\t' {
			e.tabs = 0
		}
		marked := e.region
		killing := e.kills
		e.kills = false
		switch {
		case c == '\r' || c == '\n':
			e.finish()
			if e.echo {
				e.put("\r\n")
			}
			return string(e.text), nil
		case c == 3:
			e.put("^C")
			if !e.pasting {
				e.put("\r\n")
			}
			return "", errCancel
		case c == 4 && (len(e.text) == 0 || e.plain):
			return string(e.text), errEnd
		case c == 18 && !e.plain && !e.simple:
			done, err := e.search()
			if done || err != nil {
				return string(e.text), err
			}
		case c == 27:
			e.killing = killing
			if err = e.escape(); err != nil {
				if errors.Is(err, errAccepted) {
					err = nil
					e.finish()
					e.put("\r\n")
				}
				return string(e.text), err
			}
		case c >= 0x80:
			partial = append(partial, c)
			if r, n := utf8.DecodeRune(partial); r != utf8.RuneError || n > 1 || len(partial) >= utf8.UTFMax {
				partial = nil
				e.insert(r)
			}
		default:
			e.killing = killing
			if c == 22 && !e.plain { // ^V
				if c, err = e.t.next(); err != nil {
					return string(e.text), err
				}
				e.insert(rune(c))
				break
			}
			if c == 24 && e.full { // ^X
				if c, err = e.t.next(); err != nil {
					return string(e.text), err
				}
				if c == 21 {
					e.undo()
				}
				break
			}
			e.control(c)
		}
		if e.region == marked {
			e.region = [2]int{}
		}
		e.refresh()
		e.previous = c
	}
}

func (e *editor) insert(r rune) {
	if len(e.text) > maxLine {
		return
	}
	e.save(true)
	e.text = slices.Insert(e.text, e.at, r)
	e.at++
	if e.echo && !e.full {
		e.put(string(r) + string(e.text[e.at:]) + e.backward(len(e.text)-e.at))
		if e.simple && e.at == len(e.text) && e.column() == 0 {
			e.put("\r\r\n")
		}
	}
}

func (e *editor) insertAll(text []rune) {
	for _, r := range text {
		e.insert(r)
	}
}

func (e *editor) bell() { e.put("\a") }

// control handles a byte below 0x80 that neither ends the line nor starts a
// sequence.
func (e *editor) control(c byte) {
	if e.plain {
		e.canonical(c)
		return
	}
	switch c {
	case 8, 127:
		if e.at == 0 {
			if !e.simple {
				e.bell()
			}
			return
		}
		e.cut(e.at-1, e.at, false)
	case 4:
		if e.at < len(e.text) {
			e.cut(e.at, e.at+1, false)
		} else {
			e.bell()
		}
	case 21: // ^U
		e.cut(0, e.at, true)
	case 23: // ^W
		e.cut(e.word(true), e.at, true)
	case 11: // ^K
		if e.simple {
			e.text = e.text[:e.at]
			e.put("\x1b[J")
			return
		}
		e.cut(e.at, len(e.text), true)
	case 25: // ^Y
		if !e.simple {
			e.insertAll(e.killed)
		}
	case 1:
		e.move(-e.at)
	case 5:
		e.move(len(e.text) - e.at)
	case 2:
		e.move(-1)
	case 6:
		e.move(1)
	case 16:
		e.recall(-1)
	case 14:
		e.recall(1)
	case 20: // ^T
		e.transpose()
	case 12: // ^L
		if e.simple {
			e.put("\x1b[H\x1b[J")
		} else {
			e.put("\x1b[H\x1b[2J")
		}
		e.redraw()
	case 31: // ^_
		e.undo()
	case 9:
		e.tab()
	default:
		if c >= 0x20 {
			e.insert(rune(c))
		}
	}
}

// redraw shows the prompt and the line anew.
func (e *editor) redraw() {
	if e.full {
		e.put(e.prompt)
		e.screen = e.newDisplay()
		e.refresh()
		return
	}
	if e.simple {
		e.put("\r" + e.prompt[strings.LastIndexByte(e.prompt, '\n')+1:] + string(e.text) + "\x1b[J" + e.backward(len(e.text)-e.at))
		return
	}
	e.put(e.prompt + string(e.text) + e.backward(len(e.text)-e.at))
}

// column is where the cursor of busybox' editor is.
func (e *editor) column() int {
	return len(cells(append(lastLine(e.prompt), e.text[:e.at]...), [2]int{})) % max(int(e.session.cols.Load()), 2)
}

func (e *editor) move(n int) {
	if e.plain {
		return
	}
	if e.full && (n < 0 && e.at == 0 || n > 0 && e.at == len(e.text)) && (n == 1 || n == -1) {
		e.bell()
	}
	n = max(-e.at, min(n, len(e.text)-e.at))
	if e.full {
		e.at += n
		return
	}
	switch {
	case n == -1 && e.simple && e.column() == 0:
		e.put(fmt.Sprintf("\r\x1b[1A\x1b[%dC", max(int(e.session.cols.Load()), 2)-1))
	case n < 0:
		e.put(e.backward(-n))
	default:
		e.put(string(e.text[e.at : e.at+n]))
	}
	e.at += n
}

// replace puts another text in the line's place.
func (e *editor) replace(text string) {
	if e.full {
		e.text, e.undone = []rune(text), nil
		e.at = len(e.text)
		return
	}
	if e.simple {
		e.text = []rune(text)
		e.at = len(e.text)
		e.redraw()
		return
	}
	e.move(len(e.text) - e.at)
	if n := len(e.text); n > 0 {
		e.put(strings.Repeat("\b", n) + "\x1b[K")
	}
	e.text, e.at = nil, 0
	e.insertAll([]rune(text))
}

// recall takes a line from the history.
func (e *editor) recall(step int) {
	next := e.place + step
	if next < 0 || next > len(e.history) {
		e.bell()
		return
	}
	if e.place == len(e.history) {
		e.kept = string(e.text)
	}
	e.place = next
	text := e.kept
	if next < len(e.history) {
		text = e.history[next]
	}
	e.replace(text)
}
