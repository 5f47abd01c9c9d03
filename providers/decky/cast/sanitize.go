package cast

import (
	"fmt"
	"strings"
	"unicode"
)

// Sanitizer lets through, over any number of texts, what cannot harm a
// terminal: printable characters, line feed, carriage return, tab, backspace
// and, of the escape sequences, colours and attributes (SGR), moves of the
// cursor and erasing (CSI with one of ABCDGHJKfm and numbers only). All else is
// left out: titles, the clipboard, links, questions that the terminal would
// answer as if the operator typed, modes, other screens, fonts, the bell; other
// control characters, C1 ones and those that turn the direction of text are
// shown as <U+0085>. The zero value is ready.
type Sanitizer struct {
	state   sanitizing
	numbers strings.Builder
	plain   bool // the sequence has something else than numbers
	size    int
	styled  bool
}

type sanitizing int

const (
	inText     sanitizing = iota
	inEscape              // ESC was seen
	inCSI                 // ESC [
	inString              // OSC, DCS, APC, PM, SOS: to ST or BEL
	inStringST            // and an ESC in it
	inCharset             // ESC ( and its like: one more character
)

// Limits of one sequence: what is longer is let go as text.
const (
	maxSequence = 32
	maxString   = 64 << 10
)

// Text is what may be shown of text.
func (s *Sanitizer) Text(text string) string {
	var out strings.Builder
	for _, r := range text {
		s.rune(r, &out)
	}
	return out.String()
}

// End is what sets the terminal's colours back.
func (s *Sanitizer) End() string {
	if s.styled {
		return "\x1b[0m"
	}
	return ""
}

func (s *Sanitizer) rune(r rune, out *strings.Builder) {
	switch s.state {
	case inText:
		s.text(r, out)
	case inEscape:
		s.escape(r, out)
	case inCSI:
		s.csi(r, out)
	case inCharset:
		s.state = inText
	case inString, inStringST:
		s.size++
		switch {
		case r == '\a', s.state == inStringST && r == '\\', r == 0x9c, s.size > maxString:
			s.state = inText
		case r == 0x1b:
			s.state = inStringST
		default:
			s.state = inString
		}
	}
}

func (s *Sanitizer) text(r rune, out *strings.Builder) {
	switch {
	case r == 0x1b:
		s.state = inEscape
	case r == '\n', r == '\r', r == '\t', r == '\b':
		out.WriteRune(r)
	case r == '\a', r == 0:
	case r == 0x9b:
		s.begin()
	case r == 0x90 || r == 0x98 || r == 0x9d || r == 0x9e || r == 0x9f:
		s.state, s.size = inString, 0
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == 0x2028, r == 0x2029:
		fmt.Fprintf(out, "<U+%04X>", r)
	default:
		out.WriteRune(r)
	}
}

func (s *Sanitizer) begin() {
	s.state, s.plain, s.size = inCSI, true, 0
	s.numbers.Reset()
}

func (s *Sanitizer) escape(r rune, out *strings.Builder) {
	switch r {
	case '[':
		s.begin()
	case ']', 'P', 'X', '^', '_':
		s.state, s.size = inString, 0
	case '(', ')', '*', '+', '-', '.', '/', '#', '%', ' ':
		s.state = inCharset
	case 0x1b:
	default:
		s.state = inText
		if r < 0x20 {
			s.text(r, out)
		}
	}
}

func (s *Sanitizer) csi(r rune, out *strings.Builder) {
	s.size++
	switch {
	case r >= '0' && r <= '9' || r == ';':
		s.numbers.WriteRune(r)
	case r >= 0x20 && r <= 0x3f:
		s.plain = false
	case r >= 0x40 && r <= 0x7e:
		s.state = inText
		if s.plain && strings.ContainsRune("ABCDGHJKfm", r) {
			s.styled = s.styled || r == 'm'
			out.WriteString("\x1b[" + s.numbers.String() + string(r))
		}
		return
	default:
		s.state = inText
		s.text(r, out)
		return
	}
	if s.size > maxSequence {
		s.state = inText
	}
}
