package shell

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// cut takes the characters between two places away and keeps them for ^Y, with
// those that the keys just before took.
func (e *editor) cut(from, to int, keep bool) {
	if from == to {
		e.kills = keep && e.killing
		if !e.simple {
			e.bell()
		}
		return
	}
	e.save(false)
	if keep {
		taken := slices.Clone(e.text[from:to])
		switch {
		case !e.killing:
		case from < e.at:
			taken = append(taken, e.killed...)
		default:
			taken = append(slices.Clone(e.killed), taken...)
		}
		e.killed, e.kills = taken, true
	}
	switch {
	case e.full:
		e.text, e.at = slices.Delete(e.text, from, to), from
	case from == 0 && e.at > 0 && e.echo && keep:
		e.text, e.at = slices.Delete(e.text, from, to), 0
		e.put("\r" + e.prompt[strings.LastIndexByte(e.prompt, '\n')+1:] + string(e.text) + "\x1b[J" + e.backward(len(e.text)))
	default:
		// busybox goes one by one.
		backward := from < e.at
		for range to - from {
			if backward {
				e.move(-1)
			}
			e.text = slices.Delete(e.text, e.at, e.at+1)
			if e.echo {
				e.put(string(e.text[e.at:]) + "\x1b[J" + e.backward(len(e.text)-e.at))
			}
		}
	}
}

// backward are the bytes that busybox moves the cursor left with.
func (e *editor) backward(n int) string {
	if n > 4 && e.simple {
		return fmt.Sprintf("\x1b[%dD", n)
	}
	return strings.Repeat("\b", n)
}

// erase takes n characters left of the cursor away, as the terminal does it.
func (e *editor) erase(n int) {
	if n = min(n, e.at); n == 0 {
		return
	}
	e.text, e.at = e.text[:e.at-n], e.at-n
	if e.echo {
		e.put(strings.Repeat("\b \b", n))
	}
}

// word is where the word left of the cursor starts; blank tells that only
// spaces part words.
func (e *editor) word(blank bool) int {
	in := func(r rune) bool {
		if blank {
			return r != ' ' && r != '\t'
		}
		return unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	i := e.at
	for i > 0 && !in(e.text[i-1]) {
		i--
	}
	for i > 0 && in(e.text[i-1]) {
		i--
	}
	return i
}

// wordEnd is where the word right of the cursor ends.
func (e *editor) wordEnd() int {
	in := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	i := e.at
	for i < len(e.text) && !in(e.text[i]) {
		i++
	}
	for i < len(e.text) && in(e.text[i]) {
		i++
	}
	return i
}

// canonical is the terminal's own editing.
func (e *editor) canonical(c byte) {
	switch c {
	case 8, 127:
		e.erase(1)
	case 21:
		e.erase(e.at)
	case 23:
		e.erase(e.at - e.word(true))
	case 9:
		e.insert('\t')
	default:
		if c >= 0x20 {
			e.insert(rune(c))
		} else if e.echo && c != 17 && c != 19 {
			e.put("^" + string(rune(c+64)))
			e.text = slices.Insert(e.text, e.at, rune(c))
			e.at++
		}
	}
}

func (e *editor) transpose() {
	if len(e.text) < 2 || e.at == 0 {
		e.bell()
		return
	}
	if e.at == len(e.text) {
		e.move(-1)
	}
	a, b := e.text[e.at-1], e.text[e.at]
	e.save(false)
	e.move(-1)
	e.text[e.at], e.text[e.at+1] = b, a
	if !e.full {
		e.put(string(b) + string(a))
	}
	e.at += 2
}
