package wire_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/cmd/internal/judge/wire"
)

func ptr[T any](v T) *T { return &v }

func TestPack(t *testing.T) {
	payload := []byte{2, 0, 0, 0, 1, 'x'}
	for name, c := range map[string]struct {
		frame wire.Frame
		want  string
	}{
		"right":   {wire.Frame{}, "\x00\x00\x00\x0c\x05\x02\x00\x00\x00\x01x\x00\x00\x00\x00\x00"},
		"length":  {wire.Frame{Length: ptr(uint32(1 << 31))}, "\x80\x00\x00\x00\x05\x02\x00\x00\x00\x01x\x00\x00\x00\x00\x00"},
		"padding": {wire.Frame{Padding: ptr(1)}, "\x00\x00\x00\x08\x01\x02\x00\x00\x00\x01x\x00"},
		"claim":   {wire.Frame{Claim: ptr(255)}, "\x00\x00\x00\x0c\xff\x02\x00\x00\x00\x01x\x00\x00\x00\x00\x00"},
		"cut":     {wire.Frame{Cut: 14}, "\x00\x00"},
		"tail":    {wire.Frame{Padding: ptr(0), Tail: 2}, "\x00\x00\x00\x07\x00\x02\x00\x00\x00\x01x\x00\x00"},
	} {
		if got := new(wire.Conn).Pack(payload, c.frame); string(got) != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What Pack makes Next reads, in whatever pieces it comes.
func TestPackedIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payloads := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 300), 1, 5).Draw(t, "payloads")
		sender, receiver := new(wire.Conn), new(wire.Conn)
		var stream []byte
		for _, p := range payloads {
			p[0] = 2 // IGNORE: no state
			stream = append(stream, sender.Pack(p, wire.Frame{})...)
		}
		var got [][]byte
		for len(stream) > 0 {
			n := rapid.IntRange(1, len(stream)).Draw(t, "piece")
			receiver.Feed(stream[:n])
			stream = stream[n:]
			for {
				p, err := receiver.Next()
				if err != nil {
					t.Fatal(err)
				}
				if p == nil {
					break
				}
				got = append(got, p.Payload)
			}
		}
		if len(got) != len(payloads) {
			t.Fatalf("%d packets, want %d", len(got), len(payloads))
		}
		for i := range got {
			if !bytes.Equal(got[i], payloads[i]) {
				t.Fatalf("packet %d: %x, want %x", i, got[i], payloads[i])
			}
		}
	})
}

func TestNoPacket(t *testing.T) {
	for _, in := range []string{"HTTP/1.1 400 Bad Request\r\n", "\x00\x00\x00\x01\x00\x00\x00\x00", "\x00\x00\x00\x0c\x0c\x00\x00\x00"} {
		c := new(wire.Conn)
		c.Feed([]byte(in))
		if _, err := c.Next(); !errors.Is(err, wire.ErrFrame) {
			t.Errorf("%q: %v", in, err)
		}
		if rest := c.Rest(); string(rest) != in {
			t.Errorf("%q: rest %q", in, rest)
		}
	}
}

func TestLine(t *testing.T) {
	text := func(s string) string { return string(wire.Text([]byte(s))) }
	for payload, want := range map[string]string{
		"\x01\x00\x00\x00\x02" + text("bye\r\n\xe9") + text(""): `DISCONNECT reason=2 text="bye\r\n\xe9" language="" pad=4 padding=zero`,
		"\x33" + text("publickey,password") + "\x00":            `USERAUTH_FAILURE methods="publickey,password" partial=0 pad=4 padding=zero`,
		"\x63\x00\x00\x00\x07more":                              `CHANNEL_SUCCESS recipient=7 rest="more" pad=4 padding=zero`,
		"\x63\x00":                                              `CHANNEL_SUCCESS recipient=0 CUT_SHORT raw="c\x00" pad=4 padding=zero`,
		"\x07\x00\x00\x00\x01" + text("a") + text("b"):          `EXT_INFO count=1 a="b" pad=4 padding=zero`,
		"\xc8\x01": `MESSAGE_200 rest="\x01" pad=4 padding=zero`,
		"\x62\x00\x00\x00\x00" + text("exit-status") + "\x00\x00\x00\x00\x03": `CHANNEL_REQUEST recipient=0 name="exit-status" want_reply=0 status=3 pad=4 padding=zero`,
	} {
		p := &wire.Packet{Payload: []byte(payload), Padding: make([]byte, 4), Plain: true}
		if got := new(wire.Conn).Line(p); got != want {
			t.Errorf("%q:\n got %s\nwant %s", payload, got, want)
		}
	}
	p := &wire.Packet{Payload: []byte{21}, Padding: []byte{1, 2, 3, 4}, Plain: true}
	if got := new(wire.Conn).Line(p); got != "NEWKEYS pad=4 padding=01020304" {
		t.Error(got)
	}
	p.Plain = false
	if got := new(wire.Conn).Line(p); got != "NEWKEYS pad=4" {
		t.Error(got)
	}
}

// Two packets that differ in a byte never have one line.
func TestLineTellsEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payload := rapid.SliceOfN(rapid.Byte(), 2, 60).Draw(t, "payload")
		at := rapid.IntRange(1, len(payload)-1).Draw(t, "at")
		other := bytes.Clone(payload)
		other[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		line := func(p []byte) string {
			return new(wire.Conn).Line(&wire.Packet{Payload: p, Padding: make([]byte, 4), Plain: true})
		}
		if line(payload) == line(other) {
			t.Fatalf("%x and %x are both %s", payload, other, line(payload))
		}
	})
}

func FuzzNext(f *testing.F) {
	f.Add(new(wire.Conn).Pack([]byte{20, 1, 2}, wire.Frame{}))
	f.Add([]byte("\x00\x00\x00\x0c\x0a\x14"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := new(wire.Conn)
		c.Feed(data)
		for range 100 {
			p, err := c.Next()
			if p == nil || err != nil {
				return
			}
			if c.Line(p) == "" {
				t.Error("no line")
			}
		}
	})
}
