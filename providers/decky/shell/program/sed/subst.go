package sed

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// substitute is s.
func (s *run) substitute(cmd *Command) {
	if cmd.Re != nil {
		s.re = cmd.Re
	}
	if s.re == nil {
		return
	}
	used := *cmd
	used.Re = s.re
	after, changed := used.Substitute(s.pattern)
	if !changed {
		return
	}
	s.pattern, s.changed = after, true
	if cmd.execute {
		s.pattern = strings.TrimSuffix(s.shell(s.pattern), "\n")
	}
	if cmd.print {
		s.put(s.pattern, s.whole || !s.last())
	}
	if cmd.text != "" {
		s.write(cmd.text, s.pattern)
	}
}

// Substitute replaces in one line.
func (cmd *Command) Substitute(line string) (string, bool) {
	matches := cmd.Re.FindAllStringSubmatchIndex(line, -1)
	var b strings.Builder
	at, changed := 0, false
	for i, m := range matches {
		if i+1 < cmd.Nth || !cmd.Global && i+1 > cmd.Nth {
			continue
		}
		b.WriteString(line[at:m[0]])
		b.WriteString(replacement(cmd.With, line, m))
		at, changed = m[1], true
		if b.Len() > program.MaxValue {
			break
		}
	}
	b.WriteString(line[at:])
	return b.String(), changed
}

// replacement expands & and \1 in the right side of s///, and changes case as
// \U \L \u \l and \E say.
func replacement(with, line string, m []int) string {
	var b strings.Builder
	all, one := byte('E'), byte(0)
	put := func(text string) {
		switch all {
		case 'U':
			text = strings.ToUpper(text)
		case 'L':
			text = strings.ToLower(text)
		}
		if one != 0 && text != "" {
			head := text[:pattern.Size(text)]
			if one == 'u' {
				head = strings.ToUpper(head)
			} else {
				head = strings.ToLower(head)
			}
			text, one = head+text[pattern.Size(text):], 0
		}
		b.WriteString(text)
	}
	for i := 0; i < len(with); i++ {
		switch {
		case with[i] == '&':
			put(line[m[0]:m[1]])
		case with[i] == '\\' && i+1 < len(with):
			i++
			switch c := with[i]; {
			case c >= '0' && c <= '9':
				if n := int(c-'0') * 2; n+1 < len(m) && m[n] >= 0 {
					put(line[m[n]:m[n+1]])
				}
			case c == 'n':
				b.WriteByte('\n')
			case c == 't':
				b.WriteByte('\t')
			case c == 'U' || c == 'L' || c == 'E':
				all = c
			case c == 'u' || c == 'l':
				one = c
			default:
				put(string(rune(c)))
			}
		default:
			put(with[i : i+1])
		}
	}
	return b.String()
}

// unambiguous is a line as l prints it, wrapped.
func unambiguous(line string, width int) string {
	if width < 0 {
		width = 70
	}
	var b strings.Builder
	column := 0
	for _, c := range []byte(line) {
		text := string(rune(c))
		switch i := strings.IndexByte("\a\b\f\n\r\t\v\\", c); {
		case i >= 0:
			text = `\` + `abfnrtv\`[i:i+1]
		case c < 0x20 || c >= 0x7f:
			text = fmt.Sprintf(`\%03o`, c)
		}
		if width > 1 && column+len(text) > width-1 {
			b.WriteString("\\\n")
			column = 0
		}
		b.WriteString(text)
		column += len(text)
	}
	return b.String() + "$"
}
