package archive

import (
	"bytes"
	"compress/bzip2"
	"io"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is packed unpacks to itself, by each codec and by the standard library.
func TestCodecsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "unit")
		data := bytes.Repeat(unit, rapid.IntRange(1, 30).Draw(t, "times"))
		for _, k := range codecs {
			packed, err := k.pack(data, "name", time.Unix(0, 0))
			if err != nil {
				t.Fatalf("%s: %v", k.name, err)
			}
			if k.name == "bzip2" {
				if out, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed))); err != nil || !bytes.Equal(out, data) {
					t.Fatalf("bzip2 of %q reads back %q: %v", data, out, err)
				}
			}
			if out, err := k.unpackAll(packed, 1<<20); err != nil || !bytes.Equal(out, data) {
				t.Fatalf("%s of %d bytes reads back %d: %v", k.name, len(data), len(out), err)
			}
		}
	})
}

// A bomb unpacks to what there is room for, and says so.
func TestBombIsBounded(t *testing.T) {
	for _, k := range codecs {
		packed, err := k.pack(make([]byte, 1<<20), "", time.Time{})
		if err != nil || len(packed) > 20_000 {
			t.Fatalf("%s: %d bytes: %v", k.name, len(packed), err)
		}
		out, err := k.unpackAll(packed, 1000)
		if len(out) != 1000 || err != errBomb {
			t.Errorf("%s: %d bytes, %v", k.name, len(out), err)
		}
	}
}
