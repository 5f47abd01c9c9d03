package umac_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/decnet/decnet/providers/decky/services/ssh/transport/umac"
)

// The vectors of RFC 4418's appendix, for tags of 8 bytes.
func TestVectors(t *testing.T) {
	nonce := binary.BigEndian.Uint64([]byte("bcdefghi"))
	for _, c := range []struct {
		message string
		times   int
		want    string
	}{
		{"", 0, "6e155fad26900be1"},
		{"a", 3, "44b5cb542f220104"},
		{"a", 1 << 10, "26bf2f5d60118bd9"},
		{"a", 1 << 15, "27f8ef643b0d118d"},
		{"a", 1 << 20, "a4477e87e9f55853"},
		{"abc", 1, "d4d7b9f6bd4fbfcf"},
		{"abc", 500, "d4cf26ddefd5c01a"},
	} {
		m, err := umac.New([]byte("abcdefghijklmnop"), 8)
		if err != nil {
			t.Fatal(err)
		}
		message := bytes.Repeat([]byte(c.message), c.times)
		for range 2 { // a MAC keeps nothing of a message
			if got := hex.EncodeToString(m.Sum(nil, nonce, message)); got != c.want {
				t.Errorf("%d times %q: %s, the RFC says %s", c.times, c.message, got, c.want)
			}
		}
	}
}

// Both sizes share their first streams and differ in the pad, so that the tags
// of one message under two nonces differ by the same words.
func TestSizesShareStreams(t *testing.T) {
	key := []byte("0123456789abcdef")
	short, err := umac.New(key, 8)
	if err != nil {
		t.Fatal(err)
	}
	long, err := umac.New(key, 16)
	if err != nil {
		t.Fatal(err)
	}
	if short.Size() != 8 || long.Size() != 16 {
		t.Errorf("sizes %d and %d", short.Size(), long.Size())
	}
	difference := func(m *umac.MAC, n int) []byte {
		a, b := m.Sum(nil, 2, []byte("one")), m.Sum(nil, 2, bytes.Repeat([]byte("two"), 700))
		for i := range a {
			a[i] ^= b[i]
		}
		return a[:n]
	}
	if a, b := difference(short, 8), difference(long, 8); !bytes.Equal(a, b) {
		t.Errorf("streams differ: %x and %x", a, b)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ key, size int }{{15, 8}, {17, 8}, {16, 4}, {16, 12}} {
		if _, err := umac.New(make([]byte, c.key), c.size); err == nil {
			t.Errorf("key of %d bytes and tag of %d taken", c.key, c.size)
		}
	}
}

func BenchmarkUMAC64(b *testing.B) {
	m, err := umac.New(make([]byte, 16), 8)
	if err != nil {
		b.Fatal(err)
	}
	message, tag := make([]byte, 32<<10), make([]byte, 0, 8)
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		m.Sum(tag, 1, message)
	}
}
