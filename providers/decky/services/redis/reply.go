package redis

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// reply collects what is answered, in the protocol version of the client.
type reply struct {
	bytes.Buffer
	proto  int    // 2 or 3
	failed string // the first word of the last error
}

func (r *reply) line(prefix byte, text string) {
	r.WriteByte(prefix)
	r.WriteString(text)
	r.WriteString("\r\n")
}

func (r *reply) status(text string) { r.line('+', text) }

func (r *reply) ok() { r.status("OK") }

// fail answers an error. Line ends in its text become spaces; a text without a
// code of its own gets ERR.
func (r *reply) fail(text string) {
	text = strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
	if text == "" || text[0] != '-' {
		text = "-ERR " + text
	}
	r.failed, _, _ = strings.Cut(text[1:], " ")
	r.line('-', text[1:])
}

func (r *reply) integer(n int64) { r.line(':', strconv.FormatInt(n, 10)) }

func (r *reply) bulk(s string) {
	r.line('$', strconv.Itoa(len(s)))
	r.WriteString(s)
	r.WriteString("\r\n")
}

// text is a verbatim string: INFO and CLIENT LIST.
func (r *reply) text(s string) {
	if r.proto < 3 {
		r.bulk(s)
		return
	}
	r.line('=', strconv.Itoa(len(s)+4))
	r.WriteString("txt:" + s + "\r\n")
}

func (r *reply) array(n int) { r.line('*', strconv.Itoa(n)) }

func (r *reply) mapping(n int) {
	if r.proto < 3 {
		r.array(2 * n)
		return
	}
	r.line('%', strconv.Itoa(n))
}

func (r *reply) set(n int) {
	if r.proto < 3 {
		r.array(n)
		return
	}
	r.line('~', strconv.Itoa(n))
}

func (r *reply) push(n int) {
	if r.proto < 3 {
		r.array(n)
		return
	}
	r.line('>', strconv.Itoa(n))
}

func (r *reply) null() {
	if r.proto < 3 {
		r.WriteString("$-1\r\n")
		return
	}
	r.WriteString("_\r\n")
}

func (r *reply) nullArray() {
	if r.proto < 3 {
		r.WriteString("*-1\r\n")
		return
	}
	r.WriteString("_\r\n")
}

func (r *reply) double(f float64) {
	if r.proto < 3 {
		r.bulk(formatFloat(f))
		return
	}
	r.line(',', formatFloat(f))
}

func (r *reply) bulks(items []string) {
	r.array(len(items))
	for _, s := range items {
		r.bulk(s)
	}
}

func formatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == math.Trunc(f) && math.Abs(f) < 1e17:
		return strconv.FormatInt(int64(f), 10)
	default:
		return strconv.FormatFloat(f, 'g', 17, 64)
	}
}
