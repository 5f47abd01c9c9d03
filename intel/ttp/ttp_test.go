package ttp_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/ttp"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fakeLog is the log and the tags in memory.
type fakeLog struct {
	events []*intel.Event
	tags   []intel.Tag
	err    error
}

func (l *fakeLog) Replay(_ context.Context, since time.Time, seq int64, yield func(*intel.Event) error) error {
	for _, e := range l.events {
		if e.Seq <= seq && !e.Time.Before(since) {
			if err := yield(e); err != nil {
				return err
			}
		}
	}
	return l.err
}

func (l *fakeLog) Head(context.Context) (int64, time.Time, error) {
	var seq int64
	var latest time.Time
	for _, e := range l.events {
		seq = e.Seq
		if e.Time.After(latest) {
			latest = e.Time
		}
	}
	return seq, latest, nil
}

func (l *fakeLog) TagsSince(_ context.Context, rule string, since time.Time) ([]intel.Tag, error) {
	var out []intel.Tag
	for _, t := range l.tags {
		if t.Rule == rule && !t.Time.Before(since) {
			out = append(out, t)
		}
	}
	return out, nil
}

// step is one event of a table: seconds after the epoch, source and user.
type step struct {
	at     int
	source string
	user   string
}

func (s step) event(seq int64) *intel.Event {
	source := s.source
	if source == "" {
		source = "192.0.2.1"
	}
	return &intel.Event{Seq: seq, Event: &event.Event{
		ID: fmt.Sprintf("E%d", seq), Time: epoch.Add(time.Duration(s.at) * time.Second), Decky: "decky.a", Service: "ssh",
		Source: event.Endpoint{IP: netip.MustParseAddr(source)}, Body: &event.AuthAttempt{Username: event.Text(s.user)},
	}}
}

// runs is how a log is cut: the stage is restarted before each of these events.
func tagged(t testing.TB, steps []step, rules []schema.Rule, restarts ...int) []string {
	t.Helper()
	log := &fakeLog{}
	var stage *ttp.Stage
	var out []string
	for i, s := range steps {
		e := s.event(int64(i + 1))
		if stage == nil || slices.Contains(restarts, i) {
			stage = ttp.New(log, ttp.CompileRule, slog.New(slog.DiscardHandler))
			stage.SetRules(rules)
			if err := stage.Start(t.Context(), int64(i)); err != nil {
				t.Fatal(err)
			}
		}
		log.events = append(log.events, e)
		c, err := stage.Process(t.Context(), []*intel.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		log.tags = append(log.tags, c.Tags...)
		for _, tag := range c.Tags {
			out = append(out, fmt.Sprintf("%s:%d", tag.Event, tag.Count))
		}
	}
	return out
}

const when = `event.kind == "auth.attempt" && !event.success`

func TestWindows(t *testing.T) {
	three := schema.Rule{Name: "r", Technique: "T1110", When: when, Threshold: 3, Within: "10s"}
	distinct := three
	distinct.Distinct = "event.username"
	pair := distinct
	pair.Threshold = 2
	byUser := three
	byUser.By = "event.username"
	once := schema.Rule{Name: "r", Technique: "T1110", When: when, Within: "10s"}
	every := schema.Rule{Name: "r", Technique: "T1110", When: when}
	tests := []struct {
		name  string
		rule  schema.Rule
		steps []step
		want  []string
	}{
		{"every match without a window", every, []step{{at: 0}, {at: 0}, {at: 1}}, []string{"E1:1", "E2:1", "E3:1"}},
		{"once per window at threshold one", once, []step{{at: 0}, {at: 5}, {at: 9}, {at: 10}, {at: 12}}, []string{"E1:1", "E4:3"}},
		{"the event that completes is tagged", three, []step{{at: 0}, {at: 1}, {at: 2}}, []string{"E3:3"}},
		{"below the threshold", three, []step{{at: 0}, {at: 1}}, nil},
		{"the window is open at its far end", three, []step{{at: 0}, {at: 5}, {at: 10}}, nil},
		{"and holds up to it", three, []step{{at: 1}, {at: 5}, {at: 10}}, []string{"E3:3"}},
		{"the window slides", three, []step{{at: 0}, {at: 8}, {at: 12}, {at: 16}}, []string{"E4:3"}},
		{"silence for one window after firing", three, []step{{at: 0}, {at: 1}, {at: 2}, {at: 3}, {at: 11}, {at: 12}}, []string{"E3:3", "E6:3"}},
		{"keys do not add up", three, []step{{0, "192.0.2.1", ""}, {1, "192.0.2.2", ""}, {2, "192.0.2.1", ""}, {3, "192.0.2.2", ""}}, nil},
		{"each key fires", three, []step{
			{0, "192.0.2.1", ""}, {0, "192.0.2.2", ""}, {1, "192.0.2.1", ""}, {1, "192.0.2.2", ""}, {2, "192.0.2.1", ""}, {2, "192.0.2.2", ""},
		}, []string{"E5:3", "E6:3"}},
		{"by another expression", byUser, []step{{0, "192.0.2.1", "root"}, {1, "192.0.2.2", "root"}, {2, "192.0.2.3", "root"}}, []string{"E3:3"}},
		{"distinct values only", distinct, []step{{0, "", "a"}, {1, "", "a"}, {2, "", "b"}, {3, "", "b"}, {4, "", "c"}}, []string{"E5:3"}},
		{"a value that expired does not count", distinct, []step{{0, "", "a"}, {5, "", "b"}, {11, "", "c"}}, nil},
		{"a value that was repeated does", distinct, []step{{0, "", "a"}, {2, "", "a"}, {5, "", "b"}, {11, "", "c"}}, []string{"E4:3"}},
		{"many repeats keep the latest", distinct, []step{{0, "", "a"}, {1, "", "a"}, {2, "", "a"}, {3, "", "a"}, {11, "", "b"}, {12, "", "c"}}, []string{"E6:3"}},
		{"an event out of order completes the window", three, []step{{at: 0}, {at: 4}, {at: 2}}, []string{"E3:3"}},
		{"one out of order that lies before the window", three, []step{{at: 20}, {at: 24}, {at: 2}}, nil},
		{"one out of order completes a window that ended before", three, []step{{at: 0}, {at: 4}, {at: 100}, {at: 2}}, []string{"E4:3"}},
		{"too late for any window", three, []step{{at: 0}, {at: 4}, {at: 5000}, {at: 2}}, nil},
		{"a value between its repeats counts in its own window", pair, []step{{0, "", "a"}, {15, "", "a"}, {30, "", "a"}, {18, "", "b"}}, []string{"E4:2"}},
		{"distinct out of order", distinct, []step{{0, "", "a"}, {1, "", "b"}, {20, "", "a"}, {2, "", "c"}}, []string{"E4:3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tagged(t, tt.steps, []schema.Rule{tt.rule})); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
			for i := 1; i < len(tt.steps); i++ {
				if diff := cmp.Diff(tt.want, tagged(t, tt.steps, []schema.Rule{tt.rule}, i)); diff != "" {
					t.Errorf("restarted before event %d, tags (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}

// model judges events by definition: the count in every window that contains
// the event and ends with an event of its key.
func model(steps []step, threshold int, within time.Duration, distinct bool) []string {
	type past struct {
		at   time.Time
		user string
	}
	hits, fired := map[string][]past{}, map[string][]time.Time{}
	var out []string
	for i, s := range steps {
		e := s.event(int64(i + 1))
		key := e.SourceText()
		hits[key] = append(hits[key], past{e.Time, s.user})
		ends := slices.Clone(hits[key])
		slices.SortStableFunc(ends, func(a, b past) int { return a.at.Compare(b.at) })
		for _, end := range ends {
			if end.at.Before(e.Time) || end.at.Sub(e.Time) >= within {
				continue
			}
			n, users := 0, map[string]bool{}
			for _, h := range hits[key] {
				if !h.at.After(end.at) && end.at.Sub(h.at) < within {
					n++
					users[h.user] = true
				}
			}
			if distinct {
				n = len(users)
			}
			near := func(at time.Time) bool { return end.at.Sub(at).Abs() < within }
			if n >= threshold && !slices.ContainsFunc(fired[key], near) {
				fired[key] = append(fired[key], e.Time)
				out = append(out, e.ID)
				break
			}
		}
	}
	return out
}

func TestWindowsAreWhatTheirDefinitionSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := schema.Rule{
			Name: "r", Technique: "T1110", When: when, Threshold: rapid.IntRange(1, 5).Draw(rt, "threshold"),
			Within: fmt.Sprintf("%ds", rapid.IntRange(1, 30).Draw(rt, "within")),
		}
		distinct := rapid.Bool().Draw(rt, "distinct")
		if distinct {
			r.Distinct = "event.username"
		}
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{
				at: rapid.IntRange(0, 120).Draw(rt, "at"), source: rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2"}).Draw(rt, "source"),
				user: rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "user"),
			}
		}), 1, 60).Draw(rt, "steps")
		if rapid.Bool().Draw(rt, "in order") {
			slices.SortStableFunc(steps, func(a, b step) int { return a.at - b.at })
		}
		restart := rapid.IntRange(0, len(steps)).Draw(rt, "restart")
		within, _ := time.ParseDuration(r.Within)
		want := model(steps, r.Threshold, within, distinct)
		var got []string
		for _, tag := range tagged(t, steps, []schema.Rule{r}, restart) {
			id, _, _ := strings.Cut(tag, ":")
			got = append(got, id)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("tags (-want +got):\n%s", diff)
		}
	})
}

func newStage(t *testing.T, log *fakeLog, rules ...schema.Rule) *ttp.Stage {
	t.Helper()
	s := ttp.New(log, ttp.CompileRule, slog.New(slog.DiscardHandler))
	s.SetRules(rules)
	if err := s.Start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTagSaysWhereItComesFrom(t *testing.T) {
	s := newStage(t, &fakeLog{}, schema.Rule{Name: "r", Technique: "T1110.001", Tactics: []string{"credential-access"}, When: when})
	e := step{at: 3, user: "root"}.event(9)
	e.Session = "s1"
	c, err := s.Process(t.Context(), []*intel.Event{e})
	if err != nil {
		t.Fatal(err)
	}
	want := []intel.Tag{{
		Event: "E9", Seq: 9, Technique: "T1110.001", Tactics: []string{"credential-access"}, Rule: "r", AttackVersion: "19.1", Key: "192.0.2.1",
		Count: 1, Time: epoch.Add(3 * time.Second), Decky: "decky.a", Service: "ssh", Session: "s1", Source: "192.0.2.1",
	}}
	if diff := cmp.Diff(want, c.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestABrokenRuleIsLeftOutAndNamed(t *testing.T) {
	tests := map[string]schema.Rule{
		"syntax":    {When: "event.kind =="},
		"by":        {When: when, By: "event.nothing"},
		"distinct":  {When: when, Distinct: "1 +", Threshold: 2, Within: "1m"},
		"within":    {When: when, Within: "soon"},
		"negative":  {When: when, Within: "-1m"},
		"unbounded": {When: when, Threshold: 5},
		"threshold": {When: when, Threshold: 1 << 20, Within: "1m"},
	}
	for name, r := range tests {
		r.Name, r.Technique = name, "T1"
		s := newStage(t, &fakeLog{}, r, schema.Rule{Name: "good", Technique: "T2", When: when})
		c, err := s.Process(t.Context(), []*intel.Event{step{}.event(1)})
		if err != nil || len(c.Tags) != 1 || c.Tags[0].Rule != "good" {
			t.Errorf("%s: tags %v, %v", name, c.Tags, err)
		}
		if stats := s.Stats(); stats.Rules != 1 || stats.Broken[name] == "" {
			t.Errorf("%s: stats %+v", name, stats)
		}
	}
}

func TestWithoutRulesNothingIsJudgedTooEarly(t *testing.T) {
	s := ttp.New(&fakeLog{}, ttp.CompileRule, slog.New(slog.DiscardHandler))
	if err := s.Start(t.Context(), 0); !errors.Is(err, ttp.ErrNoRules) {
		t.Errorf("Start = %v, want ErrNoRules", err)
	}
}

func TestRulesThatChangeTakeOverBetweenRuns(t *testing.T) {
	log := &fakeLog{}
	first := schema.Rule{Name: "a", Technique: "T1", When: when}
	s := newStage(t, log, first)
	process := func(seq int64) []intel.Tag {
		e := step{at: int(seq)}.event(seq)
		log.events = append(log.events, e)
		c, err := s.Process(t.Context(), []*intel.Event{e})
		if err != nil {
			t.Fatal(err)
		}
		log.tags = append(log.tags, c.Tags...)
		return c.Tags
	}
	process(1)
	process(2)
	// The new rule knows the two events of its window, and fires at the third.
	s.SetRules([]schema.Rule{{Name: "b", Technique: "T2", When: when, Threshold: 3, Within: "1m"}})
	if tags := process(3); len(tags) != 1 || tags[0].Rule != "b" {
		t.Errorf("tags after the change = %v", tags)
	}
	log.err = errors.New("disk")
	s.SetRules([]schema.Rule{first})
	if _, err := s.Process(t.Context(), []*intel.Event{step{at: 4}.event(4)}); err != nil {
		t.Errorf("a rule without window read the log: %v", err)
	}
	s.SetRules([]schema.Rule{{Name: "b", Technique: "T2", When: when, Threshold: 3, Within: "1m"}})
	if _, err := s.Process(t.Context(), []*intel.Event{step{at: 5}.event(5)}); err == nil {
		t.Error("a log that cannot be read went unnoticed")
	}
	log.err = nil
	if _, err := s.Process(t.Context(), []*intel.Event{step{at: 5}.event(5)}); err != nil {
		t.Errorf("and was not tried again: %v", err)
	}
}

func TestKeysAndValuesThatAttackersChooseAreBounded(t *testing.T) {
	s := newStage(t, &fakeLog{}, schema.Rule{Name: "r", Technique: "T1", When: when, By: "event.username", Distinct: "event.username", Threshold: 2, Within: "10h"})
	long := strings.Repeat("x", 60_000)
	var events []*intel.Event
	for i := range 120_000 {
		events = append(events, step{at: i / 100, user: fmt.Sprintf("%d-%s", i, long[:i%300])}.event(int64(i+1)))
	}
	if _, err := s.Process(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.Evicted < 20_000 {
		t.Errorf("%d keys of 120,000 were forgotten", stats.Evicted)
	}
}

// BenchmarkFlood is one source that tries one user without end: what a window
// holds must not slow it down.
func BenchmarkFlood(b *testing.B) {
	log := &fakeLog{}
	s := ttp.New(log, ttp.CompileRule, slog.New(slog.DiscardHandler))
	s.SetRules([]schema.Rule{{Name: "r", Technique: "T1", When: when, Distinct: "event.username", Threshold: 8, Within: "10m"}})
	if err := s.Start(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
	e := step{user: "root"}.event(1)
	for b.Loop() {
		e.Time = e.Time.Add(time.Millisecond)
		if _, err := s.Process(b.Context(), []*intel.Event{e}); err != nil {
			b.Fatal(err)
		}
	}
}
