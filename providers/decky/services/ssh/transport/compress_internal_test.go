package transport

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"testing"

	"pgregory.net/rapid"
)

// chunk draws a packet's worth of bytes, some of them repetitive.
func chunk(t *rapid.T) []byte {
	words := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 20), 1, 8).Draw(t, "words")
	var b []byte
	for range rapid.IntRange(0, 200).Draw(t, "count") {
		b = append(b, words[rapid.IntRange(0, len(words)-1).Draw(t, "word")]...)
	}
	return b
}

// What the compressor writes, Go's reader and ours read back.
func TestShrinkIsZlib(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sync := rapid.Bool().Draw(t, "sync")
		out, in := newCompression("zlib", false, sync), newCompression("zlib", false, sync)
		var stream, want []byte
		for range rapid.IntRange(1, 5).Draw(t, "packets") {
			b := chunk(t)
			packed := out.shrink(nil, b)
			stream, want = append(stream, packed...), append(want, b...)
			got, err := in.expand(nil, packed)
			if err != nil || !bytes.Equal(got, b) {
				t.Fatalf("own reader: %v", err)
			}
		}
		r, err := zlib.NewReader(bytes.NewReader(stream))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != io.ErrUnexpectedEOF || !bytes.Equal(got, want) {
			t.Fatalf("Go's reader: %d bytes of %d, %v", len(got), len(want), err)
		}
	})
}

// Sums of what zlib 1.2.13 makes of packets at level 6, by Python's binding: one
// stream with a window that turns over, flushed partially as OpenSSH does and to
// a byte as Dropbear does. The live test draws packets anew.
func TestDeflateIsZlib(t *testing.T) {
	for _, c := range []struct {
		sync  bool
		bytes int
		sum   string
	}{
		{false, 148646, "0c3d36e767e6fa91e74dd206b49b1aff0448444a2696bc5bbc6434df1f8c0921"},
		{true, 149083, "8546e9e7067a9e4eae008647a257d9ed8783262d836abd198352a019fde52ace"},
	} {
		d := &deflater{sync: c.sync}
		h := sha256.New()
		total, x := 0, uint32(1)
		for i := range 120 {
			var p []byte
			for len(p) < (i*i*7)%9000+1 {
				x = x*1664525 + 1013904223
				switch word := x >> 24; {
				case i%7 == 6:
					p = append(p, byte(word))
				case word < 200:
					p = append(p, "the quick brown fox\n"[word%20:]...)
				default:
					p = fmt.Appendf(p, "%d/", x>>12)
				}
			}
			packed := d.compress(nil, p)
			total += len(packed)
			h.Write(packed)
		}
		if got := hex.EncodeToString(h.Sum(nil)); total != c.bytes || got != c.sum {
			t.Errorf("sync %t: %d bytes, %s", c.sync, total, got)
		}
	}
}

// Whatever Go's writer makes is read packet by packet, at every level, cut
// anywhere.
func TestInflate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream bytes.Buffer
		w, err := zlib.NewWriterLevel(&stream, rapid.IntRange(zlib.HuffmanOnly, zlib.BestCompression).Draw(t, "level"))
		if err != nil {
			t.Fatal(err)
		}
		var f inflater
		var want, got []byte
		for range rapid.IntRange(1, 6).Draw(t, "packets") {
			b := chunk(t)
			want = append(want, b...)
			if _, err := w.Write(b); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			packed := bytes.Clone(stream.Bytes())
			stream.Reset()
			for len(packed) > 0 {
				n := rapid.IntRange(1, len(packed)).Draw(t, "cut")
				if got, err = f.feed(got, packed[:n], 1<<20); err != nil {
					t.Fatal(err)
				}
				packed = packed[n:]
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("after a flush %d bytes of %d", len(got), len(want))
			}
		}
	})
}

// A window that has turned over still gives what was 32 KiB back.
func TestInflateWindow(t *testing.T) {
	var stream bytes.Buffer
	w := zlib.NewWriter(&stream)
	var f inflater
	block := make([]byte, 31<<10)
	for i := range block {
		block[i] = byte(i*i>>3 ^ i)
	}
	for range 20 {
		_, _ = w.Write(block)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got, err := f.feed(nil, stream.Bytes(), 1<<20)
		if err != nil || !bytes.Equal(got, block) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		stream.Reset()
	}
	if len(f.window) != windowSize {
		t.Errorf("window of %d bytes", len(f.window))
	}
}

func TestInflateRefuses(t *testing.T) {
	bomb := func() []byte {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		_, _ = w.Write(make([]byte, maxInflated+1))
		_ = w.Flush()
		return b.Bytes()
	}()
	for name, b := range map[string][]byte{
		"no zlib": {0, 0}, "a dictionary": {0x78, 0xbb}, "a bomb": bomb, "a kind of block": {0x78, 0x9c, 7}, "a length": {0x78, 0x9c, 0, 1, 0, 0, 0},
		"too far back": {0x78, 0x9c, 0x02, 0x02, 0xff}, "an end": {0x78, 0x9c, 3, 0, 0},
	} {
		c := newCompression("zlib", false, false)
		if _, err := c.expand(nil, b); err == nil {
			t.Errorf("%s is taken", name)
		}
		if _, err := c.expand(nil, []byte{0}); err == nil && name != "too far back" {
			t.Errorf("%s: what follows is taken", name)
		}
	}
}

// Whatever is deflated comes back, packet by packet.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte("hello hello hello world"), 5, false)
	f.Add(bytes.Repeat([]byte("abcabcd"), 20000), 40000, true)
	f.Fuzz(func(t *testing.T, b []byte, cut int, sync bool) {
		cut = max(0, min(cut, len(b)))
		d, in := &deflater{sync: sync}, new(inflater)
		for _, p := range [][]byte{b[:cut], b[cut:], b[:cut]} {
			if len(p) == 0 {
				continue // a packet has a number at least
			}
			if got, err := in.feed(nil, d.compress(nil, p), maxInflated); err != nil || !bytes.Equal(got, p) {
				t.Fatalf("%d bytes of %d, %v", len(got), len(p), err)
			}
		}
	})
}

func FuzzInflate(f *testing.F) {
	for _, level := range []int{zlib.HuffmanOnly, zlib.NoCompression, zlib.BestSpeed, zlib.BestCompression} {
		var b bytes.Buffer
		w, err := zlib.NewWriterLevel(&b, level)
		if err != nil {
			f.Fatal(err)
		}
		_, _ = w.Write([]byte("hello hello hello world"))
		_ = w.Flush()
		f.Add(b.Bytes(), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		cut = max(0, min(cut, len(b)))
		var whole, parts inflater
		want, err1 := whole.feed(nil, b, maxInflated)
		got, err2 := parts.feed(nil, b[:cut], maxInflated)
		if err2 == nil {
			got, err2 = parts.feed(got, b[cut:], maxInflated)
		}
		if len(want) > maxInflated || len(whole.in) > maxHeld && err1 == nil {
			t.Errorf("%d bytes out, %d held", len(want), len(whole.in))
		}
		if err1 == nil && err2 == nil && !bytes.Equal(got, want) {
			t.Error("a cut changes what is read")
		}
		// Go's reader agrees on all that it can read.
		if r, err := zlib.NewReader(bytes.NewReader(b)); err == nil && err1 == nil {
			if theirs, err := io.ReadAll(io.LimitReader(r, maxInflated)); err == io.ErrUnexpectedEOF && !bytes.HasPrefix(want, theirs) && !bytes.HasPrefix(theirs, want) {
				t.Error("Go's reader reads something else")
			}
		}
	})
}
