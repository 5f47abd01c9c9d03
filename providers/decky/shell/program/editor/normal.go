package editor

import (
	"strings"
	"unicode"

	"github.com/decnet/decnet/providers/decky/shell/word"
)

// maxCount bounds the number in front of a command.
const maxCount = 10_000

// normalKey is a key in normal mode.
func (v *vi) normalKey(key byte) {
	v.message, v.alarm = "", false
	if key == 27 {
		if v.pending == "" {
			v.beep()
		}
		v.pending = ""
		return
	}
	v.pending += string(rune(key))
	keys := strings.TrimLeft(v.pending, "123456789")
	if len(keys) < len(v.pending) {
		keys = strings.TrimLeft(keys, "0")
	}
	if keys == "" {
		if len(v.pending) > 6 {
			v.beep()
		}
		return
	}
	count, given := 1, false
	if n, ok := word.Number(v.pending[:len(v.pending)-len(keys)]); ok && n > 0 {
		count, given = int(min(n, maxCount)), true
	}
	if strings.IndexByte("dcy<>", keys[0]) >= 0 {
		v.operate(keys, count)
		return
	}
	if strings.IndexByte("rgZfFtT'`mz\"@q", keys[0]) >= 0 && len(keys) < 2 {
		return
	}
	v.pending = ""
	if y, x, _, ok := v.motion(keys, count, given); ok {
		v.y, v.x = y, x
		return
	}
	v.command(keys, count, given)
}

// motion is where a movement leads; lines tells one of whole lines.
func (v *vi) motion(keys string, count int, given bool) (y, x int, lines, ok bool) {
	y, x = v.y, v.x
	last := len(v.lines) - 1
	line := v.lines[y]
	switch keys {
	case "h", "\x08", "\x7f":
		return y, max(0, x-count), false, true
	case "l", " ":
		return y, min(len(line), x+count), false, true
	case "j", "\n", "\x0e":
		return min(last, y+count), x, true, true
	case "k", "\x10":
		return max(0, y-count), x, true, true
	case "+", "\r":
		y = min(last, y+count)
		return y, indent(v.lines[y]), true, true
	case "-":
		y = max(0, y-count)
		return y, indent(v.lines[y]), true, true
	case "0":
		return y, 0, false, true
	case "^":
		return y, indent(line), false, true
	case "$":
		y = min(last, y+count-1)
		return y, len(v.lines[y]), false, true
	case "G":
		if given {
			y = min(last, count-1)
		} else {
			y = last
		}
		return y, indent(v.lines[y]), true, true
	case "gg":
		y = min(last, count-1)
		return y, indent(v.lines[y]), true, true
	case "H":
		return min(last, v.top+count-1), 0, true, true
	case "L":
		return min(last, v.top+v.s.rows-2), 0, true, true
	case "M":
		return min(last, v.top+(v.s.rows-1)/2), 0, true, true
	case "w", "W", "b", "B", "e", "E":
		for range count {
			y, x = v.word(keys[0], y, x)
		}
		return y, x, false, true
	case "\x06":
		return min(last, y+count*(v.s.rows-3)), 0, true, true
	case "\x02":
		return max(0, y-count*(v.s.rows-3)), 0, true, true
	case "\x04":
		return min(last, y+v.s.rows/2), x, true, true
	case "\x15":
		return max(0, y-v.s.rows/2), x, true, true
	case "n", "N":
		fy, fx, ok := v.seek(v.search, v.back != (keys == "N"))
		return fy, fx, false, ok
	}
	if len(keys) == 2 && strings.IndexByte("fFtT", keys[0]) >= 0 {
		if at := v.inLine(keys[0], rune(keys[1]), count); at >= 0 {
			return y, at, false, true
		}
	}
	return y, x, false, false
}

// inLine is where f, F, t and T lead; -1 for nowhere.
func (v *vi) inLine(kind byte, r rune, count int) int {
	step := 1
	if kind == 'F' || kind == 'T' {
		step = -1
	}
	line := v.lines[v.y]
	for x := v.x + step; x >= 0 && x < len(line); x += step {
		if line[x] == r {
			if count--; count == 0 {
				if kind == 't' || kind == 'T' {
					return x - step
				}
				return x
			}
		}
	}
	return -1
}

func indent(line []rune) int {
	for i, r := range line {
		if r != ' ' && r != '\t' {
			return i
		}
	}
	return max(0, len(line)-1)
}

func class(r rune, big bool) int {
	switch {
	case r == ' ' || r == '\t':
		return 0
	case big || unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_':
		return 1
	}
	return 2
}

// word is where w, b and e lead from a place.
func (v *vi) word(kind byte, y, x int) (int, int) {
	big := kind < 'a'
	line := v.lines[y]
	at := func(i int) int { return class(line[i], big) }
	switch kind | 0x20 {
	case 'w':
		if x < len(line) {
			for c := at(x); x < len(line) && c != 0 && at(x) == c; x++ {
			}
		}
		for x < len(line) && at(x) == 0 {
			x++
		}
		if x >= len(line) && y+1 < len(v.lines) {
			return y + 1, indent(v.lines[y+1])
		}
	case 'b':
		if x == 0 {
			if y == 0 {
				return 0, 0
			}
			y--
			line = v.lines[y]
			x = len(line)
		}
		for x > 0 && at(x-1) == 0 {
			x--
		}
		if x > 0 {
			for c := at(x - 1); x > 0 && at(x-1) == c; x-- {
			}
		}
	default:
		if x++; x >= len(line) && y+1 < len(v.lines) {
			y, x = y+1, 0
			line = v.lines[y]
		}
		for x < len(line) && at(x) == 0 {
			x++
		}
		if x < len(line) {
			for c := at(x); x+1 < len(line) && at(x+1) == c; x++ {
			}
		}
	}
	return y, x
}

// operate is d, c, y, < and > with a movement.
func (v *vi) operate(keys string, count int) {
	if len(keys) < 2 {
		return
	}
	op, rest := keys[0], strings.TrimLeft(keys[1:], "123456789")
	if rest == "" || strings.IndexByte("gfFtT", rest[0]) >= 0 && len(rest) < 2 {
		return
	}
	if n, ok := word.Number(keys[1 : len(keys)-len(rest)]); ok && n > 0 {
		count = int(min(int64(count)*n, maxCount))
	}
	v.pending = ""
	if rest[0] == op {
		v.lineOperation(op, v.y, min(len(v.lines), v.y+count))
		return
	}
	if op == 'c' && rest == "w" {
		rest = "e"
	}
	y, x, lines, ok := v.motion(rest, count, count > 1)
	if !ok {
		v.beep()
		return
	}
	if lines {
		v.lineOperation(op, min(y, v.y), max(y, v.y)+1)
		return
	}
	if rest == "e" || rest == "E" || strings.IndexByte("ft", rest[0]) >= 0 {
		x++
	}
	if y != v.y { // over the end of a line: to its end
		y, x = v.y, len(v.lines[v.y])
	}
	from, to := min(x, v.x), max(x, v.x)
	to = min(to, len(v.lines[v.y]))
	from = min(from, to)
	v.register, v.whole = [][]rune{append([]rune(nil), v.lines[y][from:to]...)}, false
	if op == 'y' {
		v.x = from
		return
	}
	v.keep()
	v.cut(y, from, to)
	v.x = from
	if op == 'c' {
		v.startInsert(false)
	}
}

// lineOperation is an operation on whole lines, the last exclusive.
func (v *vi) lineOperation(op byte, from, to int) {
	v.register, v.whole = append([][]rune(nil), v.lines[from:to]...), true
	many := to - from
	switch op {
	case 'd':
		v.keep()
		v.remove(from, to)
		v.y = min(from, len(v.lines)-1)
		v.x = indent(v.lines[v.y])
		if many > 2 {
			v.message = decimal(many) + " fewer lines"
		}
	case 'c':
		v.keep()
		v.remove(from, to)
		if len(v.lines) > 1 || len(v.lines[0]) > 0 || from > 0 {
			v.buffer.insert(min(from, len(v.lines)), []rune{})
		}
		v.y, v.x = min(from, len(v.lines)-1), 0
		v.startInsert(false)
	case 'y':
		if many > 2 {
			v.message = decimal(many) + " lines yanked"
		}
	default:
		v.keep()
		for y := from; y < to; y++ {
			switch {
			case op == '>' && len(v.lines[y]) > 0:
				v.put(y, 0, '\t')
			case op == '<' && len(v.lines[y]) > 0 && (v.lines[y][0] == '\t' || v.lines[y][0] == ' '):
				v.cut(y, 0, 1)
			}
		}
	}
}

// command is a key that neither moves nor waits for a movement.
func (v *vi) command(keys string, count int, given bool) {
	line := v.lines[v.y]
	switch keys {
	case ":", "/", "?":
		v.prompt, v.typing = true, keys
		if given && keys == ":" {
			v.typing = ":.,.+" + decimal(count-1)
		}
	case "i", "I", "a", "A", "o", "O", "R", "s", "S", "C":
		v.change(keys, count)
	case "x", "\x1b[3~", "X", "D":
		from, to := v.x, min(len(line), v.x+count)
		if keys == "X" {
			from, to = max(0, v.x-count), v.x
		}
		if keys == "D" {
			to = len(line)
		}
		if from >= to {
			v.beep()
			return
		}
		v.keep()
		v.register, v.whole = [][]rune{v.cut(v.y, from, to)}, false
		v.x = from
	case "p", "P":
		v.paste(keys == "P", count)
	case "Y":
		v.lineOperation('y', v.y, min(len(v.lines), v.y+count))
	case "J":
		if v.y+1 >= len(v.lines) {
			v.beep()
			return
		}
		v.keep()
		next := v.remove(v.y+1, v.y+2)[0]
		v.x = len(line)
		v.put(v.y, len(line), append([]rune(" "), next[min(indent(next), len(next)):]...)...)
	case "u", "U":
		if !v.restore(&v.undo, &v.redo) && (!v.face.raw || !v.restore(&v.redo, &v.undo)) {
			v.message = "Already at oldest change"
		}
	case "\x12":
		if !v.restore(&v.redo, &v.undo) {
			v.message = "Already at newest change"
		}
	case "~":
		if v.x < len(line) {
			v.keep()
			r := v.cut(v.y, v.x, v.x+1)[0]
			if unicode.IsUpper(r) {
				r = unicode.ToLower(r)
			} else {
				r = unicode.ToUpper(r)
			}
			v.put(v.y, v.x, r)
			v.x++
		}
	case "ZZ":
		v.ex("x")
	case "ZQ":
		v.ex("q!")
	case "\x07":
		v.message = `"` + v.name + `" ` + decimal(len(v.lines)) + " lines --" + decimal(100*(v.y+1)/len(v.lines)) + "%--"
	case "\x0c":
		clear(v.s.shown)
		v.c.Print("\x1b[H\x1b[2J")
	case "\x03":
		v.message = "Type  :qa!  and press <Enter> to abandon all changes and exit Vim"
		if v.face.busybox {
			v.message = ""
		}
	default:
		if len(keys) == 2 && keys[0] == 'r' && v.x < len(line) {
			v.keep()
			v.cut(v.y, v.x, v.x+1)
			v.put(v.y, v.x, rune(keys[1]))
			return
		}
		if len(keys) < 2 {
			v.beep()
		}
	}
}

// change begins insert mode in one of its ways.
func (v *vi) change(keys string, count int) {
	line := v.lines[v.y]
	if v.face.busybox && v.readonly {
		v.message = "'" + v.name + "' is read only"
	}
	v.keep()
	switch keys {
	case "I":
		v.x = min(indent(line), len(line))
	case "a":
		v.x = min(v.x+1, len(line))
	case "A":
		v.x = len(line)
	case "o":
		v.buffer.insert(v.y+1, []rune{})
		v.y, v.x = v.y+1, 0
	case "O":
		v.buffer.insert(v.y, []rune{})
		v.x = 0
	case "s":
		v.cut(v.y, v.x, min(len(line), v.x+count))
	case "S":
		v.cut(v.y, 0, len(line))
		v.x = 0
	case "C":
		v.cut(v.y, min(v.x, len(line)), len(line))
	}
	v.startInsert(keys == "R")
}

func (v *vi) startInsert(replace bool) {
	v.insert, v.replace, v.from = true, replace, v.x
	v.y = min(v.y, len(v.lines)-1)
}

// paste puts what was cut behind the cursor, or in front of it.
func (v *vi) paste(before bool, count int) {
	if len(v.register) == 0 {
		v.beep()
		return
	}
	v.keep()
	for range min(count, 1000) {
		if v.whole {
			at := v.y + 1
			if before {
				at = v.y
			}
			v.buffer.insert(at, v.register...)
			v.y = min(at, len(v.lines)-1)
			v.x = indent(v.lines[v.y])
			continue
		}
		at := min(v.x+1, len(v.lines[v.y]))
		if before {
			at = v.x
		}
		v.put(v.y, min(at, len(v.lines[v.y])), v.register[0]...)
		v.x = at + len(v.register[0]) - 1
	}
}
