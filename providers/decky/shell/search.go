package shell

import "strings"

// search is ^R: it looks back in the history for what is typed, place by place.
// done tells that the line found was taken as it is.
func (e *editor) search() (done bool, err error) {
	s := &searching{e: e, line: len(e.history), text: string(e.text), at: len(string(e.text[:e.at])), before: string(e.text), cursor: e.at}
	e.screen.forget()
	for s.show(); ; s.show() {
		c, err := e.t.next()
		if err != nil {
			return false, err
		}
		switch {
		case c == 18:
			if s.wanted == "" {
				s.wanted = e.sought
				s.look(s.at)
			} else {
				s.look(s.at - 1)
			}
		case c == 8 || c == 127:
			if s.wanted == "" {
				e.bell()
			} else {
				s.wanted = s.wanted[:len(s.wanted)-1]
				if s.failed = s.wanted == ""; s.failed {
					e.put("\a\a")
					e.screen.forget()
				}
			}
		case c == 7:
			s.text, s.at = s.before, -1
			s.take()
			return false, nil
		case c == 3:
			e.put("^C")
			if !e.pasting {
				e.put("\r\n")
			}
			return true, errCancel
		case c == '\r' || c == '\n':
			e.t.afterCR = c == '\r'
			s.take()
			e.finish()
			e.put("\r\n")
			return true, nil
		case c >= 0x20:
			s.wanted += string(rune(c))
			s.look(s.at)
		default:
			s.take()
			if c == 27 {
				return false, e.escape()
			}
			e.control(c)
			return false, nil
		}
		if len(s.wanted) > 256 {
			return false, nil
		}
	}
}

// searching is one ^R.
type searching struct {
	e      *editor
	wanted string
	line   int // of the history where it stands; its length is the line itself
	text   string
	at     int // byte of the match
	found  bool
	failed bool
	before string
	cursor int
}

// of is a line of the history, or the one that was typed.
func (s *searching) of(line int) string {
	if line == len(s.e.history) {
		return s.before
	}
	return s.e.history[line]
}

// look goes back from a place of the current line.
func (s *searching) look(from int) {
	for line := s.line; line >= 0; line-- {
		text := s.of(line)
		if line != s.line {
			from = len(text)
			if text == s.text { // the same once more is no other match
				continue
			}
		}
		for at := min(from, len(text)-len(s.wanted)); at >= 0; at-- {
			if strings.HasPrefix(text[at:], s.wanted) {
				s.line, s.text, s.at, s.found, s.failed = line, text, at, true, false
				return
			}
		}
	}
	s.failed = true
	s.e.bell()
}

// show is the prompt of the search and what it found.
func (s *searching) show() {
	head := "(reverse-i-search)`"
	if s.failed {
		head = "(failed reverse-i-search)`"
	}
	e := s.e
	e.text, e.at, e.region = []rune(s.text), s.column(s.at), [2]int{}
	if s.found && !s.failed && s.wanted != "" {
		e.region = [2]int{e.at, e.at + len([]rune(s.wanted))}
	}
	e.present([]rune(head + s.wanted + "': "))
}

// column is the character at a byte.
func (s *searching) column(at int) int {
	return len([]rune(s.text[:max(min(at, len(s.text)), 0)]))
}

// take leaves the search with the line that it found.
func (s *searching) take() {
	e := s.e
	e.region = [2]int{}
	if e.sought = s.wanted; s.at < 0 {
		e.text, e.at = []rune(s.before), s.cursor
	} else {
		e.text, e.at = []rune(s.text), s.column(s.at)
		if s.line < len(e.history) {
			e.place, e.kept = s.line, s.before
		}
	}
	e.refresh()
}
