package shell

import (
	"strings"
	"unicode"
)

// escape handles what starts with ESC: arrows and their like, Alt keys, a paste.
func (e *editor) escape() error {
	c, err := e.t.next()
	if err != nil {
		return err
	}
	if e.plain {
		if e.echo {
			e.put("^[")
		}
		e.text = append(e.text[:e.at:e.at], append([]rune{27}, e.text[e.at:]...)...)
		e.at++
		e.control(c)
		return nil
	}
	if c != '[' && c != 'O' {
		return e.alt(c)
	}
	number := ""
	for {
		if c, err = e.t.next(); err != nil {
			return err
		}
		if (c < '0' || c > '9') && c != ';' || len(number) > 8 {
			break
		}
		number += string(rune(c))
	}
	byWord := strings.HasSuffix(number, ";5") || strings.HasSuffix(number, ";3")
	switch {
	case c == 'A':
		e.recall(-1)
	case c == 'B':
		e.recall(1)
	case c == 'C' && byWord:
		e.move(e.wordEnd() - e.at)
	case c == 'D' && byWord:
		e.move(e.word(false) - e.at)
	case c == 'C':
		e.move(1)
	case c == 'D':
		e.move(-1)
	case c == 'H' || c == '~' && (number == "1" || number == "7"):
		e.move(-e.at)
	case c == 'F' || c == '~' && (number == "4" || number == "8"):
		e.move(len(e.text) - e.at)
	case c == '~' && number == "3":
		if e.at < len(e.text) {
			e.cut(e.at, e.at+1, false)
		} else {
			e.bell()
		}
	case c == '~' && number == "200":
		return e.paste()
	}
	return nil
}

// paste takes what is pasted as it is: nothing in it is a key.
func (e *editor) paste() error {
	const end = "\x1b[201~"
	var text []byte
	for !strings.HasSuffix(string(text), end) && len(text) < maxLine {
		c, err := e.t.next()
		if err != nil {
			return err
		}
		text = append(text, c)
	}
	clean := strings.ReplaceAll(strings.TrimSuffix(string(text), end), "\r", "\n")
	before := e.echo
	e.echo = false
	from := e.at
	e.save(false)
	e.insertAll([]rune(clean))
	e.echo = before
	if e.full {
		e.region = [2]int{from, e.at}
		return nil
	}
	if e.echo {
		e.put(strings.ReplaceAll(string(e.text[from:]), "\n", "\r\n") + strings.Repeat("\b", len(e.text)-e.at))
	}
	return nil
}

// alt handles a key with Alt.
func (e *editor) alt(c byte) error {
	if e.simple && strings.IndexByte("bBfFdD\x7f\b", c) < 0 {
		return nil
	}
	switch c {
	case 'b', 'B':
		if !e.simple {
			e.move(e.word(false) - e.at)
			break
		}
		for range e.at - e.word(false) {
			e.move(-1)
		}
	case 'f', 'F':
		e.move(e.wordEnd() - e.at)
	case 'd', 'D':
		if n := e.wordEnd() - e.at; e.simple {
			e.move(n)
			e.move(-n)
		}
		e.cut(e.at, e.wordEnd(), true)
	case 8, 127:
		e.cut(e.word(false), e.at, true)
	case '.', '_':
		if n := len(e.history); n > 0 {
			if words := strings.Fields(e.history[n-1]); len(words) > 0 {
				e.insertAll([]rune(words[len(words)-1]))
			}
		}
	case 'u', 'l', 'c', 'U', 'L', 'C':
		e.changeCase(c | 0x20)
	case '<':
		e.place = len(e.history)
		if len(e.history) > 0 {
			e.kept, e.place = string(e.text), 0
			e.replace(e.history[0])
		}
	case '>':
		if e.place < len(e.history) {
			e.place = len(e.history)
			e.replace(e.kept)
		}
	case '#':
		e.save(false)
		e.text, e.at = append([]rune{'#'}, e.text...), 1
		e.refresh()
		return errAccepted
	default:
		e.bell()
	}
	return nil
}

// changeCase changes the word right of the cursor.
func (e *editor) changeCase(how byte) {
	end, first := e.wordEnd(), true
	e.save(false)
	for i := e.at; i < end; i++ {
		r := e.text[i]
		switch {
		case how == 'u' || how == 'c' && first && unicode.IsLetter(r):
			e.text[i] = unicode.ToUpper(r)
		default:
			e.text[i] = unicode.ToLower(r)
		}
		first = first && !unicode.IsLetter(r)
	}
	e.move(end - e.at)
}
