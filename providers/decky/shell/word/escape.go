package word

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Escapes replaces backslash sequences as echo -e does, or $'...' where ansi;
// stop tells that \c ended the text.
func Escapes(s string, ansi bool) (text string, stop bool) {
	if !strings.Contains(s, `\`) {
		return s, false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if c, ok := simpleEscapes[s[i]]; ok {
			b.WriteByte(c)
			continue
		}
		switch c := s[i]; {
		case c == 'c' && !ansi:
			return b.String(), true
		case c == 'x':
			if n := Digits(s[i+1:], 16, 2); n > 0 {
				v, _ := strconv.ParseUint(s[i+1:i+1+n], 16, 8)
				b.WriteByte(byte(v))
				i += n
			} else {
				b.WriteString(`\x`)
			}
		case c == 'u' || c == 'U':
			most := 4
			if c == 'U' {
				most = 8
			}
			if n := Digits(s[i+1:], 16, most); n > 0 {
				v, _ := strconv.ParseUint(s[i+1:i+1+n], 16, 32)
				b.Write(utf8.AppendRune(nil, rune(v)))
				i += n
			} else {
				b.WriteString(`\` + string(c))
			}
		case c == '0' && !ansi:
			n := Digits(s[i+1:], 8, 3)
			v, _ := strconv.ParseUint("0"+s[i+1:i+1+n], 8, 16)
			b.WriteByte(byte(v))
			i += n
		case c >= '0' && c <= '7' && ansi:
			n := Digits(s[i:], 8, 3)
			v, _ := strconv.ParseUint(s[i:i+n], 8, 16)
			b.WriteByte(byte(v))
			i += n - 1
		case ansi && (c == '\'' || c == '"' || c == '?'):
			b.WriteByte(c)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), false
}

var simpleEscapes = map[byte]byte{'a': 7, 'b': 8, 'e': 27, 'E': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11, '\\': '\\'}

// Digits counts the digits of base that s starts with, at most most.
func Digits(s string, base, most int) int {
	n := 0
	for n < len(s) && n < most {
		c := s[n]
		ok := c >= '0' && c <= '7' || base == 16 && (c >= '8' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f')
		if !ok {
			break
		}
		n++
	}
	return n
}
