// Package rfc5424 writes syslog messages (RFC 5424) whose content may be an
// attacker's: one line each, valid UTF-8, nothing that a terminal or a reader
// of lines acts upon, nothing that leaves its field. It refuses to send them.
package rfc5424

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Of RFC 5424: facility local0, the private SD-ID, and the caps of its fields.
const (
	facility    = 16
	sdID        = "decnet@55555"
	timeFormat  = "2006-01-02T15:04:05.000000Z07:00"
	maxHostname = 255
	maxAppName  = 48
	maxProcID   = 128
	maxMsgID    = 32
)

// Caps of what an attacker can put on one line, in bytes.
const (
	MaxValue = 2 << 10
	MaxLine  = 8 << 10
)

// Severity is one of section 6.2.1.
type Severity int

// The severities in use.
const (
	Error   Severity = 3
	Warning Severity = 4
	Notice  Severity = 5
	Info    Severity = 6
)

// Header is what stands before the parameters. Fields that are empty are "-".
type Header struct {
	Severity Severity
	Time     time.Time
	Hostname string
	App      string
	ID       string // MSGID
}

// Param is one SD-PARAM; its value is given raw.
type Param struct{ Name, Value string }

// Message writes HEADER and STRUCTURED-DATA (section 6) without a line feed; all
// that is said stands in parameters, so there is no MSG. Empty ones are left
// out; where the line would be longer than MaxLine, truncated="true" ends it.
func Message(h Header, params []Param) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>1 %s %s %s %s %s [%s", facility*8+int(h.Severity), h.Time.UTC().Format(timeFormat), name(h.Hostname, maxHostname),
		name(h.App, maxAppName), name("", maxProcID), name(h.ID, maxMsgID), sdID)
	for _, p := range params {
		if p.Value == "" {
			continue
		}
		label, value := sdName(p.Name), escape(p.Value, MaxValue)
		if b.Len()+len(label)+len(value)+5 > MaxLine {
			b.WriteString(` truncated="true"`)
			break
		}
		b.WriteString(" " + label + `="` + value + `"`)
	}
	b.WriteByte(']')
	return b.String()
}

// sdName makes a PARAM-NAME: up to 32 printable characters but for =, ] and "
// (section 6.3.3).
func sdName(s string) string {
	return name(strings.Map(func(r rune) rune {
		if r == '=' || r == ']' || r == '"' {
			return '?'
		}
		return r
	}, s), maxMsgID)
}

// name makes a header field: printable US-ASCII without spaces, "-" for
// nothing (RFC 5424 section 6.2).
func name(s string, limit int) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < limit; i++ {
		if c := s[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			b.WriteByte('?')
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

// escape makes a PARAM-VALUE of bytes that an attacker chose: valid UTF-8 with
// ", \ and ] escaped (RFC 5424 section 6.3.3). Bytes that are no UTF-8 and
// control characters, line feeds first of all, become \xNN: the backslash of
// such a sequence is itself escaped on the wire, and so is one that the
// attacker sent, doubled, so that the two cannot be confused. What is over
// limit bytes is cut, which three dots say.
func escape(s string, limit int) string {
	const dots = "..."
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		var piece string
		switch {
		case r == utf8.RuneError && size <= 1, hidden(r):
			for _, c := range []byte(s[i : i+size]) {
				piece += fmt.Sprintf(`\\x%02x`, c)
			}
		case r == '\\':
			piece = `\\\\`
		case r == '"' || r == ']':
			piece = `\` + string(r)
		default:
			piece = s[i : i+size]
		}
		if b.Len()+len(piece) > limit-len(dots) && (i+size < len(s) || b.Len()+len(piece) > limit) {
			b.WriteString(dots)
			break
		}
		b.WriteString(piece)
		i += size
	}
	return b.String()
}

// hidden are the characters that a terminal or a line-based reader acts upon:
// controls, line and paragraph separators, and the marks that turn the
// direction of writing.
func hidden(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0:
		return true
	case r == 0x2028, r == 0x2029, r == 0xfeff, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return true
	}
	return false
}
