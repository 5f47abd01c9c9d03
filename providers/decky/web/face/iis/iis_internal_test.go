package iis

import (
	"testing"

	"github.com/decnet/decnet/providers/decky/web"
)

func TestOneRange(t *testing.T) {
	for header, c := range map[string]struct {
		start, end int64
		state      int
	}{
		"bytes=0-9": {0, 9, 1}, "bytes=90-": {90, 99, 1}, "bytes=-5": {95, 99, 1}, "bytes=0-500": {0, 99, 1}, "bytes=100-": {0, 0, -1}, "bytes=9-5": {0, 0, -1},
		"bytes=0-1,4-5": {0, 0, 0}, "items=0-1": {0, 0, 0}, "bytes=x": {0, 0, 0}, "": {0, 0, 0},
	} {
		if start, end, state := oneRange(header, 100); start != c.start || end != c.end || state != c.state {
			t.Errorf("%s: %d-%d, %d", header, start, end, state)
		}
	}
}

func TestTargetsStayBelowTheRoot(t *testing.T) {
	for target, want := range map[string]string{"/..\\..\\windows": "/windows", "/a/../../b": "/b", "/%2e%2e/x": "/x", "http://a/b": "/b", "http://a": "/"} {
		r := &web.Request{Method: "GET", Target: target}
		if !decode(r) || r.Path != want {
			t.Errorf("%s: %q, want %q", target, r.Path, want)
		}
	}
	for _, bad := range []string{"a", "*", "/%zz", "/%00", ""} {
		if decode(&web.Request{Method: "GET", Target: bad}) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("/a/../b?c")
	f.Add("http://h\\..\\x")
	f.Fuzz(func(t *testing.T, target string) {
		r := &web.Request{Method: "GET", Target: target}
		if decode(r) && (r.Path == "" || r.Path[0] != '/') {
			t.Errorf("%q leads to %q", target, r.Path)
		}
	})
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=0-4", int64(100))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size = size&0xffffff + 1
		if start, end, state := oneRange(header, size); state == 1 && (start < 0 || end < start || end >= size) {
			t.Errorf("%q of %d bytes: %d-%d", header, size, start, end)
		}
	})
}
