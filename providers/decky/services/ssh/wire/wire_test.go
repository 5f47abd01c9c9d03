package wire_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z ]{0,20}`).Draw(t, "text")
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		a, b, c := rapid.Uint32().Draw(t, "a"), rapid.Uint64().Draw(t, "b"), rapid.Bool().Draw(t, "c")
		p := wire.Message(90, text)
		p = wire.AppendBool(wire.AppendUint64(wire.AppendUint32(wire.AppendString(p, data), a), b), c)
		r := wire.NewReader(p)
		if r.Byte() != 90 || r.Text() != text || string(r.Bytes()) != string(data) || r.Uint32() != a || r.Uint64() != b || r.Bool() != c || !r.Ended() {
			t.Fatalf("%x reads otherwise", p)
		}
		for n := range p {
			r := wire.NewReader(p[:n])
			_, _, _, _, _, _ = r.Byte(), r.Text(), r.Bytes(), r.Uint32(), r.Uint64(), r.Bool()
			if !r.Bad() {
				t.Fatalf("%d of %d bytes are read whole", n, len(p))
			}
		}
	})
}

func TestTextHoldsNoNUL(t *testing.T) {
	for text, want := range map[string]bool{"": true, "a": true, "a\x00": true, "\x00a": false, "a\x00\x00": false, "\x00": true} {
		r := wire.NewReader(wire.AppendString(nil, text))
		if r.Text(); r.Bad() == want {
			t.Errorf("%q: bad %v", text, r.Bad())
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x03abc\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := wire.NewReader(data)
		for !r.Bad() && !r.Ended() {
			before := len(r.Rest())
			if r.Bytes(); !r.Bad() && len(r.Rest()) > before-4 {
				t.Fatal("a string takes no bytes")
			}
		}
	})
}
