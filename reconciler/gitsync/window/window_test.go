package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/reconciler/gitsync/window"
	"github.com/decnet/decnet/schema/syncfile"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatalf("%v: apt-get install tzdata", err)
	}
	return l
}

func TestOpenAndNext(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	nights := syncfile.Window{From: 22 * 60, To: 5 * 60, Location: time.UTC}
	weekdays := syncfile.Window{Days: []time.Weekday{1, 2, 3, 4, 5}, From: 9 * 60, To: 17 * 60, Location: berlin}
	friday := syncfile.Window{Days: []time.Weekday{5}, From: 22 * 60, To: 5 * 60, Location: time.UTC}
	day := syncfile.Window{To: 24 * 60, Location: time.UTC}
	freeze := syncfile.Window{Deny: true, Schedule: "0 0 24 12 *", Duration: 9 * 24 * time.Hour, Location: time.UTC}
	hourly := syncfile.Window{Schedule: "@hourly", Duration: 10 * time.Minute, Location: time.UTC}
	long := syncfile.Window{Schedule: "*/5 * * * *", Duration: time.Hour, Location: time.UTC}
	for _, c := range []struct {
		name    string
		windows []syncfile.Window
		at      string
		open    bool
		next    string // "" for never
	}{
		{"none", nil, "2026-06-01T12:00:00Z", true, "2026-06-01T12:00:00Z"},
		{"the whole day", []syncfile.Window{day}, "2026-06-01T00:00:00Z", true, "2026-06-01T00:00:00Z"},
		{"before the night", []syncfile.Window{nights}, "2026-06-01T21:59:59Z", false, "2026-06-01T22:00:00Z"},
		{"as it opens", []syncfile.Window{nights}, "2026-06-01T22:00:00Z", true, "2026-06-01T22:00:00Z"},
		{"after midnight", []syncfile.Window{nights}, "2026-06-02T04:59:59Z", true, "2026-06-02T04:59:59Z"},
		{"as it closes", []syncfile.Window{nights}, "2026-06-02T05:00:00Z", false, "2026-06-02T22:00:00Z"},
		{"summer in Berlin", []syncfile.Window{weekdays}, "2026-06-01T07:00:00Z", true, "2026-06-01T07:00:00Z"},
		{"winter in Berlin", []syncfile.Window{weekdays}, "2026-12-01T07:00:00Z", false, "2026-12-01T08:00:00Z"},
		{"at the weekend", []syncfile.Window{weekdays}, "2026-06-06T10:00:00Z", false, "2026-06-08T07:00:00Z"},
		{"the night after Friday", []syncfile.Window{friday}, "2026-06-06T04:00:00Z", true, "2026-06-06T04:00:00Z"},
		{"the night after Saturday", []syncfile.Window{friday}, "2026-06-07T04:00:00Z", false, "2026-06-12T22:00:00Z"},
		{"one of two", []syncfile.Window{nights, hourly}, "2026-06-01T12:05:00Z", true, "2026-06-01T12:05:00Z"},
		{"between two", []syncfile.Window{nights, hourly}, "2026-06-01T12:10:00Z", false, "2026-06-01T13:00:00Z"},
		{"deny is stronger", []syncfile.Window{day, freeze}, "2026-12-25T12:00:00Z", false, "2027-01-02T00:00:00Z"},
		{"deny alone", []syncfile.Window{freeze}, "2026-12-23T12:00:00Z", true, "2026-12-23T12:00:00Z"},
		{"denied, then not open", []syncfile.Window{nights, freeze}, "2026-12-25T12:00:00Z", false, "2027-01-02T00:00:00Z"},
		{"openings that overlap", []syncfile.Window{long}, "2026-06-01T12:34:56Z", true, "2026-06-01T12:34:56Z"},
		{"never", []syncfile.Window{{Deny: true, To: 24 * 60, Location: time.UTC}}, "2026-06-01T12:00:00Z", false, ""},
		{"the hour that is left out", []syncfile.Window{{From: 2*60 + 30, To: 4 * 60, Location: berlin}}, "2026-03-29T01:45:00Z", true, "2026-03-29T01:45:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := at(t, c.at)
			if open := window.Open(c.windows, now); open != c.open {
				t.Errorf("open: %v", open)
			}
			next := window.Next(c.windows, now)
			if got := next.UTC().Format(time.RFC3339); !next.IsZero() && got != c.next || next.IsZero() && c.next != "" {
				t.Errorf("next is %s, want %q", got, c.next)
			}
		})
	}
}

// Next is the first open moment: it is open, and nothing before it is.
func TestNextIsTheFirst(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	rapid.Check(t, func(rt *rapid.T) {
		clock := rapid.IntRange(0, 24*4-1)
		var windows []syncfile.Window
		for range rapid.IntRange(1, 3).Draw(rt, "windows") {
			w := syncfile.Window{
				Deny: rapid.Bool().Draw(rt, "deny"), Location: rapid.SampledFrom([]*time.Location{time.UTC, berlin}).Draw(rt, "zone"),
				From: syncfile.Clock(15 * clock.Draw(rt, "from")), To: syncfile.Clock(15 * (1 + clock.Draw(rt, "to"))),
			}
			for d := range 7 {
				if rapid.Bool().Draw(rt, "day") {
					w.Days = append(w.Days, time.Weekday(d))
				}
			}
			windows = append(windows, w)
		}
		now := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(rt, "month")), rapid.IntRange(1, 28).Draw(rt, "date"), 0, 15*clock.Draw(rt, "now"), 0, 0, time.UTC)
		next := window.Next(windows, now)
		for step := now; step.Before(now.AddDate(0, 0, 8)) && (next.IsZero() || step.Before(next)); step = step.Add(15 * time.Minute) {
			if window.Open(windows, step) {
				rt.Fatalf("it is open at %s, next says %s", step, next)
			}
		}
		if !next.IsZero() && !window.Open(windows, next) {
			rt.Fatalf("it is not open at %s", next)
		}
	})
}

// TestAForbiddenHourThatComesTwiceIsForbiddenTwice turns clocks back.
func TestAForbiddenHourThatComesTwiceIsForbiddenTwice(t *testing.T) {
	for zone, c := range map[string]struct {
		from, to   syncfile.Clock
		start, end time.Time
	}{
		// 02:30 comes at 00:30 and at 01:30 UTC.
		"Europe/Berlin": {90, 150, time.Date(2026, 10, 24, 23, 30, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)},
		// 02:15 comes at 00:15 and at 01:15 UTC.
		"Europe/Paris": {135, 240, time.Date(2026, 10, 25, 0, 15, 0, 0, time.UTC), time.Date(2026, 10, 25, 3, 0, 0, 0, time.UTC)},
		// 01:45 comes at 14:45 and at 15:15 UTC of the day before.
		"Australia/Lord_Howe": {60, 105, time.Date(2026, 4, 4, 14, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 15, 15, 0, 0, time.UTC)},
	} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		all := []syncfile.Window{{Deny: true, From: c.from, To: c.to, Location: location}}
		for at := c.start.Add(-time.Hour); at.Before(c.end.Add(time.Hour)); at = at.Add(5 * time.Minute) {
			if want := at.Before(c.start) || !at.Before(c.end); window.Open(all, at) != want {
				t.Errorf("%s: %s: open %v", zone, at.In(location), !want)
			}
		}
		if next := window.Next(all, c.start); !next.Equal(c.end) {
			t.Errorf("%s: next %s, want %s", zone, next, c.end)
		}
	}
}
