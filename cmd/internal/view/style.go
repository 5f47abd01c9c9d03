// Package view renders what the engine and intel say, for people. It decides
// nothing: every rendering is of one document.
package view

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// Style colours words, or leaves them as they are, and keeps what is sensitive
// to itself.
type Style struct {
	Color bool
	// Hidden tells whether an argument of a service is sensitive; nil: none is.
	Hidden func(slug, argument string) bool
}

// hides tells whether the value at a path of a service's configuration or
// state must not be shown.
func (s Style) hides(slug, path string) bool {
	_, path, found := strings.Cut("."+path, ".arguments.")
	if !found || s.Hidden == nil {
		return false
	}
	argument, _, _ := strings.Cut(path, ".")
	argument, _, _ = strings.Cut(argument, "[")
	return s.Hidden(slug, argument)
}

// hidden stands where a sensitive value would.
const hidden = "(sensitive)"

// StyleFor is the style for a writer: colour on a terminal, unless NO_COLOR is
// set or the terminal is dumb.
func StyleFor(w any, noColor bool) Style {
	f, ok := w.(*os.File)
	color := ok && !noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
	return Style{Color: color}
}

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold is for headings.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim is for what can be passed over.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Good, Warn and Bad are green, yellow and red.
func (s Style) Good(text string) string { return s.paint("32", text) }

// Warn is yellow.
func (s Style) Warn(text string) string { return s.paint("33", text) }

// Bad is red.
func (s Style) Bad(text string) string { return s.paint("31", text) }

// Sign colours the sign of an action.
func (s Style) Sign(sign string) string {
	switch sign {
	case "+":
		return s.Good(sign)
	case "~", "-/+", "+/-":
		return s.Warn(sign)
	case "-", "!":
		return s.Bad(sign)
	default:
		return sign
	}
}

// Clean makes text from outside safe for a terminal: control characters, and
// what a terminal might take for one, become escapes.
func Clean(text string) string {
	return escapeAll(text, unsafe, escape)
}

// JSON is a document with what a terminal might act upon written as escapes: it
// says the same. What of that is below U+0020 is escaped in JSON anyhow, and a
// line feed stands between values only.
func JSON(document string) string {
	return escapeAll(document, func(r rune) bool { return r >= 0x20 && r != 0xfffd && unsafe(r) }, func(r rune) string {
		return fmt.Sprintf(`\u%04x`, r)
	})
}

// escapeAll writes the runes of a text that pick picks as escape says.
func escapeAll(text string, pick func(rune) bool, escape func(rune) string) string {
	if !strings.ContainsFunc(text, pick) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if pick(r) {
			b.WriteString(escape(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Lines is Clean for text of several lines: line feeds stay, and so do tabs.
func Lines(text string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j, part := range strings.Split(line, "\t") {
			if j > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(Clean(part))
		}
	}
	return b.String()
}

// unsafe tells whether a rune may move a cursor, reorder text or hide.
func unsafe(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xfffd, r == 0xfeff:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x2069:
		return true
	default:
		return false
	}
}

func escape(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	const digits = "0123456789abcdef"
	if r < 0x100 {
		return `\x` + string([]byte{digits[r>>4], digits[r&15]})
	}
	return `\u` + string([]byte{digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
}
