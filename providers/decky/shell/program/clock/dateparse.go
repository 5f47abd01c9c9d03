package clock

import (
	"strconv"
	"strings"
	"time"
)

// dateLayouts are the absolute times that date -d takes, longest first.
var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006/01/02 15:04:05", "2006/01/02", "2006-01-02", "20060102", "1/2/2006", "01/02/06",
	"Jan 2 2006 15:04:05", "Jan 2 2006 15:04", "Jan 2 2006", "Jan 2, 2006", "2 Jan 2006 15:04:05", "2 Jan 2006 15:04", "2 Jan 2006", "15:04:05 2006-01-02", "15:04 2006-01-02", "15:04:05", "15:04",
	"Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04:05 2006", "Mon, 2 Jan 2006 15:04:05 -0700",
}

// dateUnits are the words of relative times.
var dateUnits = map[string]time.Duration{"sec": time.Second, "second": time.Second, "min": time.Minute, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "fortnight": 14 * 24 * time.Hour}

// ParseDate reads a time as date -d does: one absolute time and any number of
// relative ones.
func ParseDate(s string, now time.Time) (time.Time, bool) {
	if seconds, ok := strings.CutPrefix(s, "@"); ok {
		whole, fraction, _ := strings.Cut(seconds, ".")
		n, err := strconv.ParseInt(whole, 10, 64)
		nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		return time.Unix(n, nanos).In(now.Location()), err == nil && n > -1<<40 && n < 1<<40
	}
	if strings.TrimSpace(s) == "" {
		return midnight(now), true
	}
	var absolute []string
	years, months, moved := 0, 0, time.Duration(0)
	utc := false
	words := strings.Fields(s)
	for i := 0; i < len(words); i++ {
		w := strings.ToLower(words[i])
		switch w {
		case "utc", "gmt", "z":
			utc = true
			continue
		case "now", "today":
			continue
		case "yesterday":
			moved -= 24 * time.Hour
			continue
		case "tomorrow":
			moved += 24 * time.Hour
			continue
		}
		n, used, unit := relative(words[i:])
		if used == 0 {
			absolute = append(absolute, words[i])
			continue
		}
		i += used - 1
		switch unit {
		case "year":
			years += n
		case "month":
			months += n
		default:
			moved += time.Duration(n) * dateUnits[unit]
		}
	}
	t, ok := absoluteDate(strings.Join(absolute, " "), now, utc)
	return t.AddDate(years, months, 0).Add(moved), ok && t.Year() < 10_000
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location())
}

// relative reads "+1 day", "3 hours ago", "next week"; used is 0 where it is
// none.
func relative(words []string) (n, used int, unit string) {
	count := strings.ToLower(words[0])
	switch count {
	case "next":
		n, used = 1, 1
	case "last":
		n, used = -1, 1
	default:
		digits := strings.TrimRight(count, "abcdefghijklmnopqrstuvwxyz")
		v, err := strconv.Atoi(digits)
		switch {
		case digits == "":
			n = 1
		case err != nil || v > 1_000_000 || v < -1_000_000:
			return 0, 0, ""
		default:
			n = v
			if digits == count {
				used = 1
			}
		}
		count = strings.TrimPrefix(count, digits)
	}
	if used == 1 {
		if len(words) < 2 {
			return 0, 0, ""
		}
		count = strings.ToLower(words[1])
	}
	used++
	unit = strings.TrimSuffix(count, "s")
	if _, ok := dateUnits[unit]; !ok && unit != "year" && unit != "month" {
		return 0, 0, ""
	}
	if used < len(words) && strings.EqualFold(words[used], "ago") {
		return -n, used + 1, unit
	}
	return n, used, unit
}

func absoluteDate(s string, now time.Time, utc bool) (time.Time, bool) {
	if s == "" {
		return now, true
	}
	zone := now.Location()
	if utc {
		zone = time.UTC
	}
	for _, layout := range dateLayouts {
		t, err := time.ParseInLocation(layout, s, zone)
		if err != nil {
			continue
		}
		if strings.HasPrefix(layout, "15:04") && !strings.Contains(layout, "2006") {
			t = midnight(now).Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second)
		}
		return t.In(now.Location()), true
	}
	return now, false
}
