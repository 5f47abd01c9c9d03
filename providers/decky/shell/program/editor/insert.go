package editor

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func decimal(n int) string { return strconv.Itoa(n) }

// insertKey is a key in insert mode.
func (v *vi) insertKey(key byte) {
	v.message, v.alarm = "", false
	switch {
	case key == 27:
		if !v.face.raw {
			if sequence := v.s.sequence(); sequence != "" {
				if sequence != "200~" && sequence != "201~" {
					v.arrow(sequence)
				}
				return
			}
		}
		v.insert, v.partial = false, nil
		v.x = max(0, v.x-1)
	case key == 3:
		v.insert = false
		v.x = max(0, v.x-1)
	case key == '\r' || key == '\n':
		v.split(v.y, v.x)
		v.y, v.x, v.from = min(v.y+1, len(v.lines)-1), 0, 0
	case key == 8 || key == 127:
		switch {
		case v.x > 0 && (!v.face.raw || v.x > v.from):
			v.cut(v.y, v.x-1, v.x)
			v.x--
		case v.x == 0 && v.y > 0 && !v.face.raw:
			line := v.remove(v.y, v.y+1)[0]
			v.y--
			v.x = len(v.lines[v.y])
			v.put(v.y, v.x, line...)
		default:
			v.beep()
		}
	case key == 23 || key == 21: // ^W, ^U
		start := v.from
		if key == 23 {
			line := v.lines[v.y]
			for start = v.x; start > v.from && class(line[start-1], true) == 0; start-- {
			}
			for start > v.from && class(line[start-1], true) != 0 {
				start--
			}
		}
		if start = min(start, v.x); start >= 0 {
			v.cut(v.y, start, v.x)
			v.x = start
		}
	case key >= 0x80:
		v.partial = append(v.partial, key)
		if r, n := utf8.DecodeRune(v.partial); r != utf8.RuneError || n > 1 || len(v.partial) >= utf8.UTFMax {
			v.partial = nil
			v.insertRune(r)
		}
	default:
		v.insertRune(rune(key))
	}
}

func (v *vi) insertRune(r rune) {
	if v.replace && v.x < len(v.lines[v.y]) {
		v.cut(v.y, v.x, v.x+1)
	}
	before := v.size
	v.put(v.y, v.x, r)
	if v.size > before {
		v.x++
	}
}

// promptKey is a key of a command line.
func (v *vi) promptKey(key byte) {
	switch {
	case key == 27 || key == 3:
		v.prompt, v.message, v.alarm = false, "", false
	case key == '\r' || key == '\n':
		v.prompt, v.message, v.alarm = false, "", false
		if line := v.typing[1:]; v.typing[0] == ':' {
			v.ex(line)
		} else {
			if line != "" {
				v.search = line
			}
			v.back = v.typing[0] == '?'
			if y, x, ok := v.seek(v.search, v.back); ok {
				v.y, v.x = y, x
			}
		}
	case key == 8 || key == 127:
		_, n := utf8.DecodeLastRuneInString(v.typing)
		if v.typing = v.typing[:len(v.typing)-n]; v.typing == "" {
			v.prompt = false
		}
	case key == 21:
		v.typing = v.typing[:1]
	case len(v.typing) < 4096:
		v.typing += string([]byte{key})
	}
}

// seek looks for text from the cursor on and says what it met.
func (v *vi) seek(text string, back bool) (y, x int, ok bool) {
	if text == "" {
		v.fail("E35: No previous regular expression")
		return 0, 0, false
	}
	plain := strings.NewReplacer(`\/`, "/", `\.`, ".", `\*`, "*", `\[`, "[", `\$`, "$", `\^`, "^", `\\`, `\`).Replace(text)
	y, x, wrapped, ok := v.find(plain, v.y, v.x, back)
	switch {
	case !ok && v.face.busybox:
		v.message = "Pattern not found"
	case !ok:
		v.fail("E486: Pattern not found: " + text)
	case wrapped && back:
		v.fail("search hit TOP, continuing at BOTTOM")
	case wrapped:
		v.fail("search hit BOTTOM, continuing at TOP")
	}
	return y, x, ok
}
