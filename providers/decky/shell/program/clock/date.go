package clock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// date formats of strftime(3) in Go's.
var dateFormats = map[byte]string{'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05", 'r': "03:04:05 PM"}

// isoLayouts are the precisions of -I and --rfc-3339.
var isoLayouts = map[string]string{
	"": "2006-01-02", "date": "2006-01-02", "hours": "2006-01-02T15-07:00", "minutes": "2006-01-02T15:04-07:00", "seconds": "2006-01-02T15:04:05-07:00", "ns": "2006-01-02T15:04:05,000000000-07:00",
}

func date(c *program.Call) int {
	f, rest, ok := c.Parse("d:f:I::r:Rs:u", "date=:d utc=u universal=u rfc-email=R reference=:r set=:s iso-8601=::I rfc-3339=:3 file=:f")
	if !ok {
		return 1
	}
	now := c.Now().In(c.Zone())
	if f.Has("u") {
		now = c.Now().UTC()
	}
	switch {
	case f.Has("r"):
		info, err := c.View().Stat(c.Path(f.Value["r"]))
		if err != nil {
			return c.Complain("%s: %s", f.Value["r"], vfs.Text(err))
		}
		now = info.MTime.In(now.Location())
	case f.Has("f"):
		return dates(c, f, rest, now)
	}
	if f.Has("d") {
		t, ok := ParseDate(f.Value["d"], now)
		if !ok {
			return c.Complain("invalid date ‘%s’", f.Value["d"])
		}
		now = t
	}
	return tell(c, f, rest, now)
}

// dates tells every line of a file.
func dates(c *program.Call, f program.Flags, rest []string, now time.Time) int {
	data, err := c.Read(f.Value["f"])
	if err != nil {
		return c.Complain("%s: %s", f.Value["f"], vfs.Text(err))
	}
	status := 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		t, ok := ParseDate(line, now)
		if !ok {
			status = c.Complain("invalid date ‘%s’", line)
			continue
		}
		tell(c, f, rest, t)
	}
	return status
}

// tell prints a time in the form that the options ask for.
func tell(c *program.Call, f program.Flags, rest []string, now time.Time) int {
	if f.Has("s") && c.User.UID != 0 {
		c.Complain("cannot set date: Operation not permitted")
	}
	switch {
	case len(rest) > 1:
		c.Usage("extra operand ‘" + rest[1] + "’")
		return 1
	case len(rest) > 0 && strings.HasPrefix(rest[0], "+"):
		c.Print(Strftime(rest[0][1:], now) + "\n")
	case len(rest) > 0:
		return c.Complain("invalid date ‘%s’", rest[0])
	case f.Has("R"):
		c.Print(now.Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\n")
	case f.Has("I") && isoLayouts[f.Value["I"]] == "":
		c.Usage("invalid argument ‘" + f.Value["I"] + "’ for ‘--iso-8601’\nValid arguments are:\n  - ‘hours’\n  - ‘minutes’\n  - ‘date’\n  - ‘seconds’\n  - ‘ns’")
		return 1
	case f.Has("I"):
		c.Print(now.Format(isoLayouts[f.Value["I"]]) + "\n")
	case f.Has("3"):
		c.Print(now.Format(strings.Replace(isoLayouts[f.Value["3"]], "T", " ", 1)) + "\n")
	case c.Posix():
		c.Print(now.Format("Mon Jan _2 15:04:05 MST 2006") + "\n")
	default:
		c.Print(now.Format("Mon Jan _2 03:04:05 PM MST 2006") + "\n")
	}
	return 0
}

// Strftime formats a time as strftime(3) does, with GNU's flags - _ 0 ^ and a
// width.
func Strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format) && b.Len() < program.MaxValue; i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		from := i
		i++
		flag := byte(0)
		for i < len(format)-1 && strings.IndexByte("-_0^#", format[i]) >= 0 {
			flag = format[i]
			i++
		}
		width := 0
		for i < len(format)-1 && format[i] >= '0' && format[i] <= '9' {
			width = min(width*10+int(format[i]-'0'), 1000)
			i++
		}
		colons := 0
		for i < len(format)-1 && format[i] == ':' && colons < 3 {
			colons++
			i++
		}
		text, numeric := timeField(format[i], colons, t)
		if !numeric && text == "" {
			b.WriteString(format[from : i+1])
			continue
		}
		b.WriteString(flagged(text, flag, width, numeric))
	}
	return b.String()
}

// flagged applies the flags and the width of a field.
func flagged(text string, flag byte, width int, numeric bool) string {
	natural := len(text)
	if flag == '-' || flag == '_' || flag == '0' {
		if trimmed := strings.TrimLeft(text, "0 "); numeric && trimmed != text {
			if text = trimmed; text == "" {
				text = "0"
			}
		}
	}
	if flag == '^' {
		text = strings.ToUpper(text)
	}
	if flag == '-' {
		return text
	}
	fill := " "
	if numeric && flag != '_' {
		fill = "0"
	}
	if flag != 0 && flag != '^' && width == 0 {
		width = natural
	}
	return strings.Repeat(fill, max(width-len(text), 0)) + text
}

// timeField is one field of strftime and whether it is a number.
func timeField(c byte, colons int, t time.Time) (string, bool) {
	year, week := t.ISOWeek()
	hour := (t.Hour() + 11) % 12
	switch c {
	case 's':
		return strconv.FormatInt(t.Unix(), 10), true
	case 'N':
		return fmt.Sprintf("%09d", t.Nanosecond()), true
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay()), true
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1), true
	case 'w':
		return strconv.Itoa(int(t.Weekday())), true
	case 'k':
		return fmt.Sprintf("%2d", t.Hour()), true
	case 'l':
		return fmt.Sprintf("%2d", hour+1), true
	case 'C':
		return fmt.Sprintf("%02d", t.Year()/100), true
	case 'g':
		return fmt.Sprintf("%02d", year%100), true
	case 'G':
		return strconv.Itoa(year), true
	case 'V':
		return fmt.Sprintf("%02d", week), true
	case 'U':
		return fmt.Sprintf("%02d", (t.YearDay()+6-int(t.Weekday()))/7), true
	case 'W':
		return fmt.Sprintf("%02d", (t.YearDay()+6-(int(t.Weekday())+6)%7)/7), true
	case 'q':
		return strconv.Itoa((int(t.Month())-1)/3 + 1), true
	case 'P':
		return strings.ToLower(t.Format("PM")), false
	case 'n':
		return "\n", false
	case 't':
		return "\t", false
	case '%':
		return "%", false
	case 'z':
		return t.Format([]string{"-0700", "-07:00", "-07:00:00", "-07"}[colons]), false
	}
	layout, ok := dateFormats[c]
	if !ok {
		return "", false
	}
	return t.Format(layout), strings.IndexByte("YymdeHIMS", c) >= 0
}

func sleep(c *program.Call) int {
	if len(c.Args) == 0 {
		return c.Missing()
	}
	total := time.Duration(0)
	for _, a := range c.Args {
		if len(a) > 1 && a[0] == '-' {
			c.Usage("invalid option -- '" + a[1:2] + "'")
			return 1
		}
		n, ok := program.Interval(a)
		if !ok {
			c.Usage("invalid time interval ‘" + a + "’")
			return 1
		}
		total += n
	}
	c.Wait(total)
	return 0
}
