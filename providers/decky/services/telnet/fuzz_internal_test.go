package telnet

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// scripted is a connection that reads a text and forgets what is written.
type scripted struct {
	decky.Conn
	in  *bytes.Reader
	out int
}

func (s *scripted) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error) { s.out += len(p); return len(p), nil }
func (s *scripted) Record(event.Body) error     { return nil }

// FuzzNegotiation feeds every server whatever a client might say, in the
// opening and on the terminal.
func FuzzNegotiation(f *testing.F) {
	f.Add(byte(0), []byte("\xff\xfe\x25\xff\xfe\x26\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27\xff\xfc\x24\xff\xfd\x03\xff\xfc\x01\xff\xfc\x22\xff\xfc\x1f"), []byte("root\r\n\xff\xfb\x22\xff\xfa\x22\x03\x00\x03\x00\xff\xf0"))
	f.Add(byte(1), []byte("\xff\xfb\x18\xff\xfb\x27\xff\xfa\x18\x00vt100\xff\xf0\xff\xfa\x27\x00\x00A\x01b\x03C\xff\xf0"), []byte("\xff\xf6\xff\xf4\x03\x16\x03\x12\x15"))
	f.Add(byte(2), []byte{}, []byte("\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0ab\tc\x7f\x7f\x7f\x13\x11\xff"))
	f.Fuzz(func(t *testing.T, which byte, opening, typed []byte) {
		conn := &scripted{in: bytes.NewReader(opening)}
		said := len(opening) + len(typed)
		terminal := newTTY()
		l := &link{conn: conn, tty: terminal}
		info := hostinfo{name: "h", fqdn: "h", kernel: "6", tty: "pts/0", issue: "x\n"}
		var server server
		switch which % 3 {
		case 0:
			server = newBSD(l, bsdTraits[faceInetutils], info)
		case 1:
			server = newBSD(l, bsdTraits[faceNetkit], info)
		default:
			server = newBusybox(l, info)
		}
		terminal.flushed = server.flushed
		terminal.deliver = func(p []byte) error { l.send(server.encode(p)...); return l.flush() }
		if err := server.begin(); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		terminal.locked(func() {
			if b, ok := server.(*bsd); ok {
				b.start()
			}
			for len(typed) > 0 {
				n := min(len(typed), 7)
				server.receive(typed[:n])
				typed = typed[n:]
			}
		})
		// ^R shows a line again, which is the most that one key brings.
		if limit := 4*(canonMax+2)*(said+1) + 4096; conn.out > limit {
			t.Fatalf("%d bytes out", conn.out)
		}
		if len(terminal.raw) > rawMax || len(terminal.line) > canonMax || len(l.seen) > maxSeen {
			t.Fatal("a bound is broken")
		}
	})
}
