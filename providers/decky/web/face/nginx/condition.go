package nginx

import (
	"math"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
)

// Results of the conditional headers (RFC 9110 section 13, in nginx's order).
const (
	proceed = iota
	notModified
	preconditionFailed
)

// condition weighs the conditional headers against the file.
func condition(r *web.Request, modified time.Time, etag string) int {
	if v, ok := r.Fields["if-unmodified-since"]; ok {
		if t := parseTime(v); t.Before(modified) {
			return preconditionFailed
		}
	}
	if v, ok := r.Fields["if-match"]; ok && !matches(v, etag, false) {
		return preconditionFailed
	}
	since, hasSince := r.Fields["if-modified-since"]
	none, hasNone := r.Fields["if-none-match"]
	switch {
	case !hasSince && !hasNone:
		return proceed
	case hasSince && !parseTime(since).Equal(modified):
		return proceed
	case hasNone && !matches(none, etag, true):
		return proceed
	}
	return notModified
}

// parseTime reads the three forms of RFC 9110 section 5.6.7; anything else is
// before every file.
func parseTime(s string) time.Time {
	for _, layout := range []string{"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Unix(-1, 0)
}

// matches tells whether a list of entity tags holds etag.
func matches(list, etag string, weak bool) bool {
	if list == "*" {
		return true
	}
	for list != "" {
		if weak && len(list) > 2 {
			list = strings.TrimPrefix(list, "W/")
		}
		if len(etag) > len(list) {
			return false
		}
		if rest, ok := strings.CutPrefix(list, etag); ok {
			rest = strings.TrimLeft(rest, " \t")
			if rest == "" || rest[0] == ',' {
				return true
			}
			list = rest
		}
		i := strings.IndexByte(list, ',')
		if i < 0 {
			return false
		}
		list = strings.TrimLeft(list[i:], " \t,")
	}
	return false
}

// span is one range of bytes, end excluded.
type span struct{ start, end int64 }

// Results of a Range header.
const (
	wholeFile = iota
	someRanges
	unsatisfiable
)

// ranges reads a Range header for size bytes as nginx does: it stops at the
// first thing it does not understand, and asks for more than the whole file
// are answered with the whole file.
func ranges(header string, size int64) ([]span, int) {
	if len(header) < 7 || !strings.EqualFold(header[:6], "bytes=") {
		return nil, wholeFile
	}
	var spans []span
	total, s := int64(0), header[6:]
	for {
		one, rest, ok := oneRange(s, size)
		if !ok {
			return nil, unsatisfiable
		}
		if one.start < one.end {
			spans = append(spans, one)
			total += one.end - one.start
		} else if one.start == 0 {
			return nil, wholeFile
		}
		if rest == "" {
			break
		}
		s = rest[1:]
	}
	switch {
	case len(spans) == 0:
		return nil, unsatisfiable
	case total > size:
		return nil, wholeFile
	}
	return spans, someRanges
}

// oneRange reads "a-b", "a-" or "-n"; rest starts with the comma that ended it.
func oneRange(s string, size int64) (one span, rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	suffix := strings.HasPrefix(s, "-")
	if !suffix {
		if one.start, s, ok = number(s); !ok {
			return one, "", false
		}
		s = strings.TrimLeft(s, " ")
	}
	if s, ok = strings.CutPrefix(s, "-"); !ok {
		return one, "", false
	}
	if !suffix {
		s = strings.TrimLeft(s, " ")
		if s == "" || s[0] == ',' {
			one.end = size
			return one, s, true
		}
	}
	if one.end, s, ok = number(s); !ok {
		return one, "", false
	}
	s = strings.TrimLeft(s, " ")
	if s != "" && s[0] != ',' {
		return one, "", false
	}
	if suffix {
		one.start, one.end = max(size-one.end, 0), size-1
	}
	if one.end >= size {
		one.end = size
	} else {
		one.end++
	}
	return one, s, true
}

func number(s string) (n int64, rest string, ok bool) {
	i := 0
	for ; i < len(s) && web.Digit(s[i]); i++ {
		if n > (math.MaxInt64-9)/10 {
			return 0, "", false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, s[i:], i > 0
}
