// Package transcript holds what a server said to one probe: the bytes, packets
// and facts in their order, how the connection ended, and when. It compares
// nothing and reads no socket.
package transcript

import (
	"fmt"
	"strings"
	"time"
)

// Kind says what an entry is.
type Kind string

// Kinds of entries. Sent and aside entries are for the reader of a transcript: they are no
// part of a comparison.
const (
	Aside  Kind = "aside"  // heard, but on the way to what the probe is about: not compared
	Sent   Kind = "sent"   // bytes or a packet of the probe's
	Bytes  Kind = "bytes"  // bytes of the server's, between two acts of the probe's
	Packet Kind = "packet" // a packet of the server's, field by field
	Fact   Kind = "fact"   // what a layer below negotiated, such as TLS
	Count  Kind = "count"  // how many of several connections ended alike
)

// End is how a connection stood when the probe was through with it.
type End string

// Ends of a connection, as its socket tells them.
const (
	Open    End = "open"    // silent until the probe's patience ended
	FIN     End = "fin"     // read returned end of file
	RST     End = "rst"     // read or write returned ECONNRESET
	Refused End = "refused" // connect returned ECONNREFUSED
	Failed  End = "failed"  // something else: an error of the lab's, never a match
)

// Entry is one thing that was said.
type Entry struct {
	Kind Kind
	// Data is what was said: raw bytes of Bytes, and one line of text of the
	// other kinds, "NAME field=value ...".
	Data []byte
	// After is how long the server took: from the end of the probe's last act to
	// the first byte of this entry.
	After time.Duration
}

// Transcript is the whole of one probe's run.
type Transcript struct {
	Address string // the server's IP, which answers may have in them
	Entries []Entry
	End     End
	// EndAfter is how long the server took to close since the last act.
	EndAfter time.Duration
	// Err is why End is Failed.
	Err string
}

// Heard is the entries that are the server's.
func (t *Transcript) Heard() []Entry {
	var heard []Entry
	for _, e := range t.Entries {
		if e.Kind != Sent && e.Kind != Aside {
			heard = append(heard, e)
		}
	}
	return heard
}

// Add appends an entry; bytes that follow bytes join them.
func (t *Transcript) Add(e Entry) {
	if n := len(t.Entries); e.Kind == Bytes && n > 0 && t.Entries[n-1].Kind == Bytes {
		t.Entries[n-1].Data = append(t.Entries[n-1].Data, e.Data...)
		return
	}
	e.Data = append([]byte(nil), e.Data...)
	t.Entries = append(t.Entries, e)
}

// Class is the kind of the reply in few words: the status of an HTTP answer, the
// names of packets, whether there was text or binary at all, and the end.
func (t *Transcript) Class() string {
	var words []string
	for _, e := range t.Heard() {
		words = append(words, class(e))
	}
	return strings.Join(append(words, string(t.End)), " ")
}

func class(e Entry) string {
	if e.Kind != Bytes {
		name, _, _ := strings.Cut(string(e.Data), " ")
		return name
	}
	s := string(e.Data)
	switch {
	case strings.HasPrefix(s, "HTTP/") && len(s) >= 12:
		return s[:12]
	case strings.HasPrefix(s, "SSH-"):
		return "identification"
	}
	for _, c := range e.Data {
		if c < ' ' && c != '\r' && c != '\n' && c != '\t' || c > '~' {
			return "binary"
		}
	}
	return "text"
}

// Escape writes data on one line: printable ASCII as it is, the rest as in a Go
// string, at most limit bytes of it (0: all).
func Escape(data []byte, limit int) string {
	more := ""
	if limit > 0 && len(data) > limit {
		more = fmt.Sprintf(" ... %d more bytes", len(data)-limit)
		data = data[:limit]
	}
	var b strings.Builder
	for _, c := range data {
		switch {
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + more
}

// String is the transcript for people, one entry a line.
func (t *Transcript) String() string {
	var b strings.Builder
	for _, e := range t.Entries {
		mark := "<"
		if e.Kind == Sent {
			mark = ">"
		}
		text := string(e.Data) // of packets and facts it is escaped
		if e.Kind == Bytes || e.Kind == Sent || strings.ContainsAny(text, "\r\n") {
			text = Escape(e.Data, 2000)
		}
		fmt.Fprintf(&b, "  %s %-6s %s", mark, e.Kind, text)
		if e.Kind != Sent {
			fmt.Fprintf(&b, "  [%s]", e.After.Round(100*time.Microsecond))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "  = %s [%s] %s\n", t.End, t.EndAfter.Round(100*time.Microsecond), t.Err)
	return b.String()
}
