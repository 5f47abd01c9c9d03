package web_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/web"
)

func TestResolve(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "//a///b": "/a/b", "/a/./b/": "/a/b/", "/a/../b": "/b", "/a/b/..": "/a/", "/a/.": "/a/", "/..": "", "/a/../../b": "",
	} {
		if got, ok := web.Resolve(path); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t, want %q", path, got, ok, want)
		}
	}
}

// read plays a chunked body and returns its data, and whether it was right and
// came to its end.
func read(framing web.Framing, body string) (data string, right, done bool) {
	for len(body) > 0 && !framing.Done() {
		if n := int(min(framing.Data(), int64(len(body)))); n > 0 {
			data, body = data+body[:n], body[n:]
			framing.Took(int64(n))
			continue
		}
		if !framing.Step(body[0]) {
			return data, false, false
		}
		body = body[1:]
	}
	return data, true, framing.Done()
}

func TestLenientTakesWhatHasSizesAndLineEnds(t *testing.T) {
	for _, c := range []struct {
		body, data  string
		right, done bool
	}{
		{"5\r\nhello\r\n0\r\n\r\n", "hello", true, true},
		{"5\nhello\n3;name=value\nyou\n0\nTrailer: x\n\n", "helloyou", true, true},
		{"A \r\n0123456789\r\n0\r\n\r\n", "0123456789", true, true},
		{"5\r\nhel", "hel", true, false},
		{"x\r\n", "", false, false},
		{"\r\n", "", false, false},
		{"2\r\nabc\r\n", "ab", false, false},
		{strings.Repeat("1", 20) + "\r\n", "", false, false},
		{strings.Repeat("0", 2000), "", false, false},
	} {
		if data, right, done := read(&web.Lenient{}, c.body); data != c.data || right != c.right || done != c.done {
			t.Errorf("%.40q: %q, %t, %t", c.body, data, right, done)
		}
	}
}
