package shell

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// date formats of strftime(3) in Go's.
var dateFormats = map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'r': "03:04:05 PM"}

func date(c *call) int {
	f, rest, ok := c.parse("d:f:I::r:Rs:u", "date=:d utc=u universal=u rfc-email=R reference=:r set=:s iso-8601=I")
	if !ok {
		return 1
	}
	now := c.r.session.machine.now().UTC()
	if f.has("d") {
		t, ok := parseDate(f.value["d"], now)
		if !ok {
			return c.complain("invalid date ‘%s’", f.value["d"])
		}
		now = t
	}
	if f.has("s") && c.r.asUser.uid != 0 {
		c.complain("cannot set date: Operation not permitted")
	}
	switch {
	case len(rest) > 0 && strings.HasPrefix(rest[0], "+"):
		c.print(strftime(rest[0][1:], now) + "\n")
	case len(rest) > 0:
		return c.complain("invalid date ‘%s’", rest[0])
	case f.has("R"):
		c.print(now.Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\n")
	case f.has("I"):
		c.print(now.Format("2006-01-02") + "\n")
	default:
		c.print(now.Format("Mon Jan _2 03:04:05 PM MST 2006") + "\n")
	}
	return 0
}

func parseDate(s string, now time.Time) (time.Time, bool) {
	switch s {
	case "now", "today", "":
		return now, true
	case "yesterday":
		return now.AddDate(0, 0, -1), true
	case "tomorrow":
		return now.AddDate(0, 0, 1), true
	}
	if n, err := strconv.ParseInt(strings.TrimPrefix(s, "@"), 10, 64); err == nil && strings.HasPrefix(s, "@") {
		return time.Unix(n, 0).UTC(), true
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return now, false
}

func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; c {
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'u':
			b.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case 'w':
			b.WriteString(strconv.Itoa(int(t.Weekday())))
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '%':
			b.WriteByte('%')
		default:
			if layout, ok := dateFormats[c]; ok {
				b.WriteString(t.Format(layout))
			} else {
				b.WriteString("%" + string(c))
			}
		}
	}
	return b.String()
}

func sleep(c *call) int {
	if len(c.args) == 0 {
		return c.missing()
	}
	total := time.Duration(0)
	for _, a := range c.args {
		if len(a) > 1 && a[0] == '-' {
			c.usage("invalid option -- '" + a[1:2] + "'")
			return 1
		}
		n, ok := interval(a)
		if !ok {
			c.usage("invalid time interval ‘" + a + "’")
			return 1
		}
		total += n
	}
	c.wait(total)
	return 0
}
