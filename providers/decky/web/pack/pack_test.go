package pack_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/web/pack"
)

var configurations = []pack.Options{{Level: 1, Window: 15, Memory: 8}, {Level: 1, Window: 9, Memory: 1}, {Level: 1, Window: 10, Memory: 3}, {Level: 6, Window: 15, Memory: 9}, {Level: 6, Window: 15, Memory: 8}}

func unpack(t interface{ Fatalf(string, ...any) }, packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatalf("no gzip: %v", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("broken gzip: %v", err)
	}
	return plain
}

func TestPackedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "<html>", "\x00\x00\x00", "the server", "\r\n", "zzzzzzzzzzzzzzzzzzzzzzzzz", "0123456789"}), 0, 3000).Draw(t, "words")
		noise := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "noise")
		body := append([]byte(strings.Join(words, "")), noise...)
		for _, o := range configurations {
			if got := unpack(t, pack.Gzip(body, o, pack.Header{OS: 3})); !bytes.Equal(got, body) {
				t.Fatalf("%+v: %d bytes came back as %d", o, len(body), len(got))
			}
		}
	})
}

// What zlib 1.2.13 makes of the same texts (Python's zlib.compressobj, wbits
// negative, between our header and trailer).
func TestPackedAsZlibDoes(t *testing.T) {
	for name, c := range goldens {
		t.Run(name, func(t *testing.T) {
			sum := sha256.Sum256(pack.Gzip([]byte(c.text()), c.options, pack.Header{OS: 3}))
			if got := hex.EncodeToString(sum[:8]); got != c.want {
				t.Errorf("packed to %s, zlib makes %s", got, c.want)
			}
		})
	}
}

func FuzzPack(f *testing.F) {
	f.Add([]byte("hello hello hello"), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, which uint8) {
		if got := unpack(t, pack.Gzip(body, configurations[int(which)%len(configurations)], pack.Header{})); !bytes.Equal(got, body) {
			t.Errorf("%d bytes came back as %d", len(body), len(got))
		}
	})
}
