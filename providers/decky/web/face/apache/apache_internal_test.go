package apache

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/web"
)

var modified = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRanges(t *testing.T) {
	for header, c := range map[string]struct {
		want          []span
		unsatisfiable bool
	}{
		"bytes=0-9": {[]span{{0, 9}}, false}, "bytes=90-": {[]span{{90, 99}}, false}, "bytes=-5": {[]span{{95, 99}}, false}, "bytes=-500": {[]span{{0, 99}}, false},
		"bytes=0-4,10-14": {[]span{{0, 4}, {10, 14}}, false}, "bytes=0-4,5-9": {[]span{{0, 9}}, false}, "bytes=10-12,0-3": {[]span{{10, 12}, {0, 3}}, false},
		"bytes=0-,1-2": {[]span{{0, 99}}, false}, "bytes=100-": {nil, true}, "bytes=0-1,100-": {[]span{{0, 1}}, false}, "bytes=9-5": {nil, false}, "bytes=-0": {nil, false},
		"bytes=x": {nil, false}, "bytes=": {nil, false}, "items=0-1": {nil, false}, "bytes= 1-2": {nil, false}, "bytes=99999999999999999999-": {nil, false},
	} {
		got, unsatisfiable := ranges(header, 100)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(span{})); diff != "" || unsatisfiable != c.unsatisfiable {
			t.Errorf("%s: unsatisfiable %t\n%s", header, unsatisfiable, diff)
		}
	}
}

func TestConditions(t *testing.T) {
	const tag, same, later = `"64-abc"`, "Fri, 01 Mar 2024 12:00:00 GMT", "Sat, 02 Mar 2024 12:00:00 GMT"
	now := modified.AddDate(1, 0, 0)
	for name, c := range map[string]struct {
		method string
		fields map[string]string
		want   int
	}{
		"none":                  {"GET", map[string]string{}, 0},
		"match":                 {"GET", map[string]string{"if-match": `"x", ` + tag}, 0},
		"no match":              {"GET", map[string]string{"if-match": `"x"`}, 412},
		"weak never matches":    {"GET", map[string]string{"if-match": "W/" + tag}, 412},
		"none match":            {"GET", map[string]string{"if-none-match": "W/" + tag}, 304},
		"none match of a post":  {"POST", map[string]string{"if-none-match": "*"}, 412},
		"weak with a range":     {"GET", map[string]string{"if-none-match": "W/" + tag, "range": "bytes=0-1"}, 0},
		"since":                 {"GET", map[string]string{"if-modified-since": same}, 304},
		"since, in the past":    {"GET", map[string]string{"if-modified-since": "Thu, 29 Feb 2024 12:00:00 GMT"}, 0},
		"since the future":      {"GET", map[string]string{"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}, 0},
		"tag before date":       {"GET", map[string]string{"if-none-match": `"x"`, "if-modified-since": later}, 0},
		"both say so":           {"GET", map[string]string{"if-none-match": tag, "if-modified-since": later}, 304},
		"a date that is none":   {"GET", map[string]string{"if-none-match": tag, "if-modified-since": "rubbish"}, 0},
		"unmodified":            {"GET", map[string]string{"if-unmodified-since": same}, 0},
		"modified":              {"GET", map[string]string{"if-unmodified-since": "Thu, 29 Feb 2024 12:00:00 GMT"}, 412},
		"1970 is no date":       {"GET", map[string]string{"if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0},
		"a range that applies":  {"GET", map[string]string{"if-none-match": tag, "range": "bytes=0-1", "if-range": tag}, 0},
		"range of another file": {"GET", map[string]string{"if-none-match": tag, "range": "bytes=0-1", "if-range": `"x"`}, 304},
	} {
		t.Run(name, func(t *testing.T) {
			if got := meets(&web.Request{Method: c.method, Fields: c.fields}, tag, modified, now); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

func TestPathsAreDecodedAndBounded(t *testing.T) {
	for path, c := range map[string]struct {
		want   string
		status int
	}{
		"/": {"/", 0}, "//a///b": {"/a/b", 0}, "/a/../b": {"/b", 0}, "/a/..": {"/", 0}, "/%61": {"/a", 0}, "/..": {"", 400}, "/a/../../b": {"", 400}, "/%2e%2e/x": {"", 400},
		"/%zz": {"", 400}, "/%4": {"", 400}, "/a%2fb": {"", 404}, "/%00": {"", 404}, "/%252e": {"/%2e", 0},
	} {
		if got, status := decode(path); got != c.want || status != c.status {
			t.Errorf("%s: %q %d, want %q %d", path, got, status, c.want, c.status)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + rapid.StringMatching(`[a-z./%2e0]{0,40}`).Draw(t, "path")
		clean, status := decode(path)
		if status == 0 {
			if again, ok := web.Resolve(clean); !ok || again != clean {
				t.Fatalf("%q is decoded to %q, which is not clean", path, clean)
			}
		}
	})
}

func TestReleases(t *testing.T) {
	for server, want := range map[string]int{"Apache/2.4.62 (Debian)": 2_004_062, "Apache/2.4.6 (CentOS)": 2_004_006, "Apache": 2_004_062, "Apache/2": 2_000_000} {
		if got := version(server); got != want {
			t.Errorf("%s is %d, want %d", server, got, want)
		}
	}
}

func TestSizesOfListings(t *testing.T) {
	for n, want := range map[int]string{0: "0", 972: "972", 973: "1.0K", 1024: "1.0K", 10137: "9.9K", 10240: "10K", 1 << 20: "1.0M", 5 << 30: "5.0G"} {
		if got := sizeOf(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func FuzzRanges(f *testing.F) {
	f.Add("bytes=0-4,10-14,-3", int64(100))
	f.Add("bytes=5-,0-", int64(7))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size = size&0xffffff + 1
		spans, _ := ranges(header, size)
		total := int64(0)
		for _, s := range spans {
			if s.start < 0 || s.end < s.start || s.end >= size {
				t.Fatalf("%q of %d bytes: %+v", header, size, s)
			}
			total += s.end - s.start + 1
		}
		if total > size || len(spans) > maxRanges {
			t.Fatalf("%q of %d bytes: %d bytes in %d parts", header, size, total, len(spans))
		}
	})
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\n\r\n"), true)
	f.Add([]byte("3;x=y\nabc\n0\n\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, strict bool) {
		c := &chunks{strict: strict}
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
