// Package window tells when the windows of a sync are open. It is pure: it
// knows no clock.
package window

import (
	"slices"
	"time"

	"github.com/decnet/decnet/schema/syncfile"
)

// maxSteps bounds how many openings and closings Next looks at.
const maxSteps = 10_000

// Open tells whether commits are applied at a time: no window denies, and one
// allows or there is none that does.
func Open(all []syncfile.Window, at time.Time) bool {
	allowed, allows := false, false
	for _, w := range all {
		open, _ := look(w, at)
		switch {
		case w.Deny && open:
			return false
		case !w.Deny:
			allows, allowed = true, allowed || open
		}
	}
	return allowed || !allows
}

// Next is the first time after at, or at itself, that Open is true; zero where
// none is found within some thousand openings.
func Next(all []syncfile.Window, at time.Time) time.Time {
	for range maxSteps {
		if Open(all, at) {
			return at
		}
		var next time.Time
		for _, w := range all {
			if _, change := look(w, at); !change.IsZero() && (next.IsZero() || change.Before(next)) {
				next = change
			}
		}
		if next.IsZero() {
			return next
		}
		at = next
	}
	return time.Time{}
}

// look tells whether one window is open, and when that may change; zero: never.
func look(w syncfile.Window, at time.Time) (open bool, change time.Time) {
	sooner := func(t time.Time) {
		if t.After(at) && (change.IsZero() || t.Before(change)) {
			change = t
		}
	}
	local := at.In(w.Location)
	if w.Schedule != "" {
		schedule, err := syncfile.ParseSchedule(w.Schedule)
		if err != nil {
			return false, change
		}
		if began := schedule.Next(local.Add(-w.Duration)); !began.IsZero() && !began.After(at) {
			open = true
			sooner(began.Add(w.Duration))
		}
		if next := schedule.Next(local); !next.IsZero() {
			sooner(next)
		}
		return open, change
	}
	for offset := -1; offset <= 8; offset++ {
		day := time.Date(local.Year(), local.Month(), local.Day()+offset, 0, 0, 0, 0, w.Location)
		if len(w.Days) > 0 && !slices.Contains(w.Days, day.Weekday()) {
			continue
		}
		from, to := clock(day, 0, w.From), clock(day, 0, w.To)
		if w.To <= w.From {
			to = clock(day, 1, w.To)
		}
		if w.Deny { // what comes twice is forbidden twice
			from, to = twin(from, -1), twin(to, 1)
		}
		open = open || !at.Before(from) && at.Before(to)
		sooner(from)
		sooner(to)
	}
	return open, change
}

// clock is a time of day, some days after a day.
func clock(day time.Time, days int, c syncfile.Clock) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day()+days, int(c)/60, int(c)%60, 0, 0, day.Location())
}

// twin is the same time of day before (-1) or after (1) clocks were turned back,
// where it comes twice; else the time itself.
func twin(at time.Time, way time.Duration) time.Time {
	for _, by := range []time.Duration{time.Hour, 30 * time.Minute} {
		other := at.Add(way * by)
		if other.Hour() == at.Hour() && other.Minute() == at.Minute() {
			return other
		}
	}
	return at
}
