package nginx

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/decky/web"
)

func TestRanges(t *testing.T) {
	for header, c := range map[string]struct {
		want   []span
		result int
	}{
		"bytes=0-9": {[]span{{0, 10}}, someRanges}, "bytes=90-": {[]span{{90, 100}}, someRanges}, "bytes=-5": {[]span{{95, 100}}, someRanges}, "bytes=-500": {[]span{{0, 100}}, someRanges},
		"bytes=0-4,10-14": {[]span{{0, 5}, {10, 15}}, someRanges}, "bytes=100-": {nil, unsatisfiable}, "bytes=9-5": {nil, unsatisfiable}, "bytes=x": {nil, unsatisfiable},
		"bytes=0-60,0-60": {nil, wholeFile}, "items=0-1": {nil, wholeFile}, "BYTES=1-2": {[]span{{1, 3}}, someRanges}, "bytes= 1 - 3 ": {[]span{{1, 4}}, someRanges},
	} {
		got, result := ranges(header, 100)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(span{})); diff != "" || result != c.result {
			t.Errorf("%s: %d\n%s", header, result, diff)
		}
	}
}

func TestConditions(t *testing.T) {
	modified := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	const tag, same, other = `"65e1c6c0-64"`, "Fri, 01 Mar 2024 12:00:00 GMT", "Sat, 02 Mar 2024 12:00:00 GMT"
	for name, c := range map[string]struct {
		fields map[string]string
		want   int
	}{
		"none":             {map[string]string{}, proceed},
		"exact date":       {map[string]string{"if-modified-since": same}, notModified},
		"a later date":     {map[string]string{"if-modified-since": other}, proceed},
		"tag":              {map[string]string{"if-none-match": `"x", W/` + tag}, notModified},
		"star":             {map[string]string{"if-none-match": "*"}, notModified},
		"tag and no date":  {map[string]string{"if-none-match": tag, "if-modified-since": other}, proceed},
		"match":            {map[string]string{"if-match": tag}, proceed},
		"no match":         {map[string]string{"if-match": `"x"`}, preconditionFailed},
		"unmodified since": {map[string]string{"if-unmodified-since": "Thu, 29 Feb 2024 12:00:00 GMT"}, preconditionFailed},
	} {
		if got := condition(&web.Request{Fields: c.fields}, modified, tag); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestGzipIsNegotiated(t *testing.T) {
	for accept, want := range map[string]bool{
		"gzip": true, "deflate, gzip": true, "GZIP": true, "gzip;q=0": false, "gzip;q=0.001": true, "gzip;q=1.0": true, "gzip;q=2": false, "gzip;x": false, "xgzip": false, "": false, "*": false,
	} {
		if got := wantsGzip(&web.Request{Version: web.Version11, Fields: map[string]string{"accept-encoding": accept}}); got != want {
			t.Errorf("%q: %t", accept, got)
		}
	}
	if wantsGzip(&web.Request{Version: web.Version10, Fields: map[string]string{"accept-encoding": "gzip"}}) {
		t.Error("HTTP/1.0 gets gzip: gzip_http_version is 1.1")
	}
}

func TestReleases(t *testing.T) {
	for server, want := range map[string]bool{"nginx/1.18.0 (Ubuntu)": true, "nginx/1.20.1": true, "nginx/1.21.1": false, "nginx/1.22.1": false, "nginx": false, "nginx/1.26.2": false} {
		if got := older(server); got != want {
			t.Errorf("%s is before 1.21.1: %t", server, got)
		}
	}
}

func TestServerNames(t *testing.T) {
	for host, want := range map[string]string{"A.Example.": "a.example", "a:80": "a", "[::1]:80": "[::1]", "a:b:c": "a", "a..b": "", "a b": "", "": ""} {
		if got := serverName(host); got != want {
			t.Errorf("%q is %q, want %q", host, got, want)
		}
	}
}

func FuzzRanges(f *testing.F) {
	f.Add("bytes=0-4,10-14,-3", int64(100))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size = size&0xffffff + 1
		spans, _ := ranges(header, size)
		total := int64(0)
		for _, s := range spans {
			if s.start < 0 || s.end <= s.start || s.end > size {
				t.Fatalf("%q of %d bytes: %+v", header, size, s)
			}
			total += s.end - s.start
		}
		if total > size {
			t.Fatalf("%q of %d bytes: %d bytes", header, size, total)
		}
	})
}

func FuzzTarget(f *testing.F) {
	for _, target := range []string{"/", "/a/../b?c#d", "/%2e%2e/x", "//a//"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		path, _, ok := normalise(target)
		if !ok {
			return
		}
		if again, ok := web.Resolve(path); !ok || again != path {
			t.Errorf("%q leads to %q, which is not clean", target, path)
		}
	})
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &chunks{}
		for len(data) > 0 && !c.Done() {
			if n := min(c.Data(), int64(len(data))); n > 0 {
				c.Took(n)
				data = data[n:]
				continue
			}
			if !c.Step(data[0]) {
				return
			}
			if data = data[1:]; c.Data() < 0 {
				t.Fatal("a chunk of negative size")
			}
		}
	})
}
