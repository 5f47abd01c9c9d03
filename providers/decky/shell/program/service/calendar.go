package service

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// calendarNames are short forms of calendar events (systemd.time(7)).
var calendarNames = map[string]string{
	"minutely": "*-*-* *:*:00", "hourly": "*-*-* *:00:00", "daily": "*-*-* 00:00:00", "monthly": "*-*-01 00:00:00", "weekly": "Mon *-*-* 00:00:00", "yearly": "*-01-01 00:00:00", "annually": "*-01-01 00:00:00", "quarterly": "*-01,04,07,10-01 00:00:00", "semiannually": "*-01,07-01 00:00:00",
}

// weekdays by their names.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// event is a calendar event.
type event struct {
	days                                   [7]bool
	month, day, hour, minute, second, year []int // nil stands for any
}

// normal is the long form of a calendar event.
func normal(text string) string {
	text = strings.TrimSpace(text)
	if long, ok := calendarNames[strings.ToLower(text)]; ok {
		return long
	}
	date, clock, week := "*-*-*", "00:00:00", ""
	for _, f := range strings.Fields(text) {
		switch {
		case strings.Contains(f, ":"):
			if clock = f; strings.Count(f, ":") == 1 {
				clock += ":00"
			}
		case strings.Contains(f, "-") && strings.ContainsAny(f, "0123456789*"):
			date = f
		default:
			week = f + " "
		}
	}
	return week + date + " " + clock
}

// parseEvent reads a calendar event.
func parseEvent(text string) (e event, ok bool) {
	f := strings.Fields(normal(text))
	for i := range e.days {
		e.days[i] = true
	}
	if len(f) == 3 {
		e.days = [7]bool{}
		for part := range strings.SplitSeq(strings.ToLower(f[0]), ",") {
			from, to, span := strings.Cut(strings.ReplaceAll(part, "..", "-"), "-")
			a := dayOf(from)
			b := a
			if span {
				b = dayOf(to)
			}
			if a < 0 || b < 0 {
				return e, false
			}
			for i := a; ; i = (i + 1) % 7 {
				e.days[i] = true
				if i == b {
					break
				}
			}
		}
		f = f[1:]
	}
	if len(f) != 2 {
		return e, false
	}
	date, clock := strings.Split(f[0], "-"), strings.Split(f[1], ":")
	if len(date) == 2 {
		date = append([]string{"*"}, date...)
	}
	if len(date) != 3 || len(clock) != 3 {
		return e, false
	}
	for i, x := range []struct {
		to        *[]int
		text      string
		low, high int
	}{{&e.year, date[0], 1970, 2199}, {&e.month, date[1], 1, 12}, {&e.day, date[2], 1, 31}, {&e.hour, clock[0], 0, 23}, {&e.minute, clock[1], 0, 59}, {&e.second, clock[2], 0, 59}} {
		if *x.to, ok = values(x.text, x.low, x.high); !ok {
			return e, i < 0
		}
	}
	return e, true
}

func dayOf(name string) int {
	if len(name) < 3 {
		return -1
	}
	return slices.Index(weekdays, name[:3])
}

// values are the numbers of one field.
func values(text string, low, high int) ([]int, bool) {
	if text == "*" {
		return nil, true
	}
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		part, step, stepped := strings.Cut(part, "/")
		from, to, span := strings.Cut(part, "..")
		a, err := strconv.Atoi(from)
		if from == "*" {
			a, err = low, nil
		}
		if err != nil || a < low || a > high {
			return nil, false
		}
		b, every := a, 1
		if span {
			if b, err = strconv.Atoi(to); err != nil || b > high {
				return nil, false
			}
		}
		if stepped {
			if every, err = strconv.Atoi(step); err != nil || every < 1 {
				return nil, false
			}
			if !span {
				b = high
			}
		}
		for n := a; n <= b && len(out) < 400; n += every {
			out = append(out, n)
		}
	}
	return out, len(out) > 0
}

// calendar is when an event is next after now.
func calendar(text string, now time.Time) (time.Time, bool) {
	e, ok := parseEvent(text)
	if !ok || strings.TrimSpace(text) == "" {
		return time.Time{}, false
	}
	has := func(list []int, n int) bool { return list == nil || slices.Contains(list, n) }
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	for range 366 * 5 {
		if has(e.year, day.Year()) && has(e.month, int(day.Month())) && has(e.day, day.Day()) && e.days[day.Weekday()] {
			for minute := range 24 * 60 {
				if !has(e.hour, minute/60) || !has(e.minute, minute%60) {
					continue
				}
				for second := range 60 {
					if !has(e.second, second) {
						continue
					}
					if t := time.Date(day.Year(), day.Month(), day.Day(), minute/60, minute%60, second, 0, now.Location()); t.After(now) {
						return t, true
					}
				}
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}, false
}
