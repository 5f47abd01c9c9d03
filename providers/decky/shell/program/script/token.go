// Package script holds perl and python3 as far as an intruder's one line goes:
// what prints literals and sums, names the host, runs a command or wants a
// connection. Whatever else a script is stays unanswered and marked as such.
// Nothing is executed, resolved or connected: a command goes to the decoy's
// shell, a connection is put on record and refused.
package script

import (
	"strings"
	"unicode"
)

// token is one word of a script.
type token struct {
	kind  byte // 'n' number, 's' text, 'w' name, 'o' operator, 0 the end
	text  string
	quote string // what stood around a text, with its prefix
	at    int    // where it begins
}

// maxTokens bounds a script.
const maxTokens = 20_000

// operators of two and three characters.
var long = []string{"**=", "//=", "<<=", ">>=", "...", "<=>", "&&=", "||=", "**", "//", "==", "!=", "<=", ">=", "->", "=>", "::", "+=", "-=", "*=", "/=", ".=", "&&", "||", "<<", ">>", "=~", "!~", "++", "--", "..", "%="}

// tokens parts a statement; ok is false where a text does not end.
func tokens(s string) (list []token, ok bool) {
	for i := 0; i < len(s) && len(list) < maxTokens; {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case c >= '0' && c <= '9' || c == '.' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			end := i
			for end < len(s) && (isName(s[end]) || s[end] == '.' && (end+1 >= len(s) || s[end+1] != '.') && !strings.Contains(s[i:end], ".")) {
				end++
			}
			list = append(list, token{kind: 'n', text: strings.ReplaceAll(s[i:end], "_", ""), at: i})
			i = end
		case isName(c) || c >= 0x80:
			end := i
			for end < len(s) && (isName(s[end]) || s[end] >= 0x80) {
				end++
			}
			if end < len(s) && (s[end] == '"' || s[end] == '\'') && strings.Contains(" r b u f rb br fr rf ", " "+strings.ToLower(s[i:end])+" ") {
				text, length, closed := quoted(s[end:])
				if !closed {
					return list, false
				}
				list = append(list, token{kind: 's', text: text, quote: strings.ToLower(s[i:end]) + s[end:end+1], at: i})
				i = end + length
				continue
			}
			list = append(list, token{kind: 'w', text: s[i:end], at: i})
			i = end
		case c == '"' || c == '\'' || c == '`':
			text, length, closed := quoted(s[i:])
			if !closed {
				return list, false
			}
			list = append(list, token{kind: 's', text: text, quote: s[i : i+1], at: i})
			i += length
		default:
			op := s[i : i+1]
			for _, l := range long {
				if strings.HasPrefix(s[i:], l) {
					op = l
					break
				}
			}
			list = append(list, token{kind: 'o', text: op, at: i})
			i += len(op)
		}
	}
	return list, true
}

func isName(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || unicode.IsLetter(rune(c)) && c < 0x80
}

// quoted is the raw text between quotes at the start of s, and the length of
// all.
func quoted(s string) (text string, length int, ok bool) {
	mark := s[:1]
	if len(s) >= 6 && s[1] == s[0] && s[2] == s[0] && s[0] != '`' {
		mark = s[:3]
	}
	for i := len(mark); i < len(s); i++ {
		if s[i] == '\\' {
			i++
			continue
		}
		if strings.HasPrefix(s[i:], mark) {
			return s[len(mark):i], i + len(mark), true
		}
	}
	return "", 0, false
}

// statements parts a script at ends of statements outside of quotes and
// brackets.
func statements(s string, ends string) (list []string, ok bool) {
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\'' || c == '`':
			_, length, closed := quoted(s[i:])
			if !closed {
				return append(list, s[start:]), false
			}
			i += length - 1
		case c == '#' && (i == 0 || s[i-1] != '$'):
			for i+1 < len(s) && s[i+1] != '\n' {
				i++
			}
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
			if c == '}' && depth == 0 && strings.Contains(ends, "}") {
				list = append(list, s[start:i+1])
				start = i + 1
			}
		case depth <= 0 && strings.IndexByte(ends, c) >= 0:
			list = append(list, s[start:i])
			start = i + 1
		}
	}
	return append(list, s[start:]), depth <= 0
}
