package lighttpd

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/web"
)

func TestRangesAreMerged(t *testing.T) {
	for header, c := range map[string]struct {
		want []span
		ok   bool
	}{
		"bytes=0-9": {[]span{{0, 9}}, true}, "bytes=0-9,20-29": {[]span{{0, 29}}, true}, "bytes=0-9,900-": {[]span{{0, 9}, {900, 999}}, true}, "bytes=10-12,0-3": {[]span{{0, 12}}, true},
		"bytes=-5": {[]span{{995, 999}}, true}, "bytes=x": {nil, true}, "bytes=9-5": {nil, true}, "bytes=-0": {nil, true}, "items=1-2": {nil, false}, "bytes=1-2,x": {[]span{{1, 2}}, true},
	} {
		got, ok := ranges(header, 1000)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(span{})); diff != "" || ok != c.ok {
			t.Errorf("%s: %t\n%s", header, ok, diff)
		}
	}
}

func TestHostsAreHeldStrictly(t *testing.T) {
	for host, want := range map[string]bool{
		"a": true, "a.": true, "a:80": true, "[::1]:80": true, "A": true, "": false, "a b": false, "a:0": false, "a:99999": false, "a..b": false, ".": false, "[::1": false, "[zz]": false,
		"a:b:c": false, ":80": false, "a_b": false, "a@b": false, "-a": false, "a:": false,
	} {
		if got := validHost(host); got != want {
			t.Errorf("%q is valid: %t", host, got)
		}
	}
}

func TestTargetsStayBelowTheRoot(t *testing.T) {
	for target, want := range map[string]string{"/..": "/", "/../etc/passwd": "/etc/passwd", "/a/../../b": "/b", "//a//b": "/a/b", "/a%2fb": "/a/b", "/%zz": "/%zz", "/#f": "/", "/a/.": "/a/"} {
		r := &web.Request{Method: "GET", Target: target}
		if !targetOf(r) || r.Path != want {
			t.Errorf("%s: %q, want %q", target, r.Path, want)
		}
	}
	for _, bad := range []string{"a", "*", "?x", "/%00", "/%0a", "http://other/"} {
		if targetOf(&web.Request{Method: "GET", Target: bad, Host: "a"}) {
			t.Errorf("%s is taken", bad)
		}
	}
}

func FuzzRanges(f *testing.F) {
	f.Add("bytes=0-4,10-14,-3", int64(100))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size = size&0xffffff + 1
		spans, _ := ranges(header, size)
		last := int64(-1)
		for _, s := range spans {
			if s.start <= last || s.end < s.start || s.end >= size {
				t.Fatalf("%q of %d bytes: %+v", header, size, spans)
			}
			last = s.end
		}
	})
}
