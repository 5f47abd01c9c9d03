package apache

import (
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/web"
)

// meets weighs the conditional headers (RFC 9110 section 13) in the order of
// ap_meets_conditions: 0 to go on, 304 or 412.
func meets(r *web.Request, etag string, modified, now time.Time) int {
	if v, ok := r.Fields["if-match"]; ok && strings.TrimSpace(v) != "*" && !matches(v, etag, false) {
		return 412
	}
	unmodified := -1 // unknown
	if v, ok := r.Fields["if-unmodified-since"]; ok {
		if t, good := parseTime(v); good {
			if modified.After(t) {
				return 412
			}
			unmodified = 0
		}
	}
	get := r.Method == "GET" || r.Method == "HEAD"
	if v, ok := r.Fields["if-none-match"]; ok {
		hit := strings.TrimSpace(v) == "*" || matches(v, etag, get && !r.Has("range"))
		switch {
		case !hit:
			unmodified = 0
		case !get:
			return 412
		case unmodified != 0:
			unmodified = 1
		}
	}
	if v, ok := r.Fields["if-modified-since"]; ok {
		switch t, good := parseTime(v); {
		case !good || t.Before(modified) || t.After(now):
			unmodified = 0
		case get && unmodified != 0:
			unmodified = 1
		}
	}
	if r.Has("if-range") && r.Has("range") && rangeApplies(r, etag, modified) {
		return 0
	}
	if unmodified == 1 {
		return 304
	}
	return 0
}

// rangeApplies is ap_condition_if_range.
func rangeApplies(r *web.Request, etag string, modified time.Time) bool {
	v, ok := r.Fields["if-range"]
	if !ok {
		return true
	}
	switch {
	case strings.HasPrefix(v, `"`):
		return v == etag
	case strings.HasPrefix(v, "W/"):
		return false
	}
	t, good := parseTime(v)
	return good && t.Equal(modified)
}

// matches tells whether a list of entity tags holds etag (ap_find_etag_weak and
// _strong).
func matches(list, etag string, weak bool) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if weak {
			one = strings.TrimPrefix(one, "W/")
		}
		if one == etag {
			return true
		}
	}
	return false
}

// parseTime reads the three forms of RFC 9110 section 5.6.7.
func parseTime(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", "Mon Jan _2 15:04:05 2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, t.Unix() != 0 // nought is no date to APR
		}
	}
	return time.Time{}, false
}

// span is one range of bytes, both ends included.
type span struct{ start, end int64 }

// ranges reads a Range header for size bytes as ap_set_byterange does: nil for
// the whole file; unsatisfiable where none fits.
func ranges(header string, size int64) (spans []span, unsatisfiable bool) {
	if len(header) < 6 || !strings.EqualFold(header[:6], "bytes=") {
		return nil, false
	}
	var current span
	merging, total := false, int64(0)
	overlaps, reversals := 0, 0
	push := func() {
		spans = append(spans, current)
		total += current.end - current.start + 1
	}
	rest := header[6:]
	for {
		var one string
		one, rest, _ = strings.Cut(rest, ",")
		rest = strings.TrimLeft(rest, ",")
		if one == "" {
			break
		}
		s, open, ok := oneRange(one, size)
		if !ok {
			return nil, false
		}
		if open && s.start == 0 {
			spans, total, current, merging = nil, 0, span{0, size - 1}, true
			break
		}
		s.start = max(s.start, 0)
		if s.start >= size {
			unsatisfiable = true
			continue
		}
		s.end = min(s.end, size-1)
		if !merging {
			current, merging = s, true
			continue
		}
		inside := s.start >= current.start && s.end <= current.end
		if s.start < current.start && s.end >= current.start-1 {
			current.start = s.start
			reversals++
			inside = true
		}
		if s.end >= current.end && s.start <= current.end+1 {
			current.end = s.end
			inside = true
		}
		if inside {
			overlaps++
			continue
		}
		push()
		current = s
	}
	switch {
	case merging:
		push()
	case len(spans) == 0 && unsatisfiable:
		return nil, true
	}
	if total > size || len(spans) > maxRanges || overlaps > maxOverlaps || reversals > maxReversals {
		return nil, false
	}
	return spans, false
}

// MaxRanges, MaxRangeOverlaps and MaxRangeReversals.
const (
	maxRanges    = 200
	maxOverlaps  = 20
	maxReversals = 20
)

// oneRange reads "a-b", "a-" (open) or "-n".
func oneRange(s string, size int64) (one span, open, ok bool) {
	before, after, dash := strings.Cut(s, "-")
	if !dash {
		return one, false, false
	}
	if before == "" {
		n, ok := offset(after)
		return span{size - n, size - 1}, false, ok && n > 0
	}
	start, ok := offset(before)
	if !ok {
		return one, false, false
	}
	if after == "" {
		return span{start, size - 1}, true, true
	}
	end, ok := offset(after)
	return span{start, end}, false, ok && start <= end
}

// offset reads a number strictly.
func offset(s string) (int64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if !web.Digit(s[i]) {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
