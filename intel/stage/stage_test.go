package stage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/stage"
	"github.com/decnet/decnet/schema/event"
)

// log is a log of n events, and what stages committed.
type log struct {
	mu      sync.Mutex
	n       int64
	cursors map[string]int64
	tags    map[string][]int64 // by stage, the seqs it was given
	fail    int
	commits int
}

func newLog(n int64) *log {
	return &log{n: n, cursors: map[string]int64{}, tags: map[string][]int64{}}
}

func (l *log) After(_ context.Context, seq int64, limit int) (out []*intel.Event, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := seq + 1; s <= l.n && len(out) < limit; s++ {
		out = append(out, &intel.Event{Seq: s, Event: &event.Event{ID: fmt.Sprint(s)}})
	}
	return out, nil
}

func (l *log) Cursor(_ context.Context, name string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursors[name], nil
}

func (l *log) Commit(_ context.Context, names []string, seq int64, c intel.Changes) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail > 0 {
		l.fail--
		return errors.New("disk full")
	}
	l.commits++
	for _, name := range names {
		l.cursors[name] = seq
	}
	for _, t := range c.Tags {
		l.tags[t.Rule] = append(l.tags[t.Rule], t.Seq)
	}
	return nil
}

func (l *log) TagsSince(context.Context, string, time.Time) ([]intel.Tag, error) { return nil, nil }

func (l *log) seen(name string) []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.tags[name])
}

// echo tags every event with its own name.
type echo struct {
	name     string
	at       int64
	failAt   int64
	unwell   int // starts that fail
	started  int
	disorder bool
}

func (e *echo) Name() string { return e.name }

func (e *echo) Start(_ context.Context, seq int64) error {
	if e.unwell > 0 {
		e.unwell--
		return errors.New("not ready")
	}
	e.started++
	e.at = seq
	return nil
}

func (e *echo) Process(_ context.Context, events []*intel.Event) (c intel.Changes, err error) {
	for _, v := range events {
		if v.Seq == e.failAt {
			e.failAt = 0
			return c, errors.New("stumbled")
		}
		e.disorder = e.disorder || v.Seq != e.at+1
		e.at = v.Seq
		c.Tags = append(c.Tags, intel.Tag{Rule: e.name, Seq: v.Seq})
	}
	return c, nil
}

func wantAll(t *testing.T, l *log, stages ...*echo) {
	t.Helper()
	for _, s := range stages {
		got := l.seen(s.name)
		if int64(len(got)) != l.n || s.disorder {
			t.Errorf("stage %s was given %d of %d events, out of step: %v", s.name, len(got), l.n, s.disorder)
		}
		for i, seq := range got {
			if seq != int64(i+1) {
				t.Fatalf("stage %s committed event %d in place %d", s.name, seq, i+1)
			}
		}
	}
}

func TestStagesAtDifferentCursorsMeet(t *testing.T) {
	l := newLog(100)
	a, b, c := &echo{name: "a"}, &echo{name: "b"}, &echo{name: "c"}
	l.cursors["b"], l.cursors["c"] = 37, 80
	for s := range int64(37) {
		l.tags["b"] = append(l.tags["b"], s+1)
	}
	for s := range int64(80) {
		l.tags["c"] = append(l.tags["c"], s+1)
	}
	r := stage.New(l, l, slog.New(slog.DiscardHandler), a, b, c)
	r.Batch = 10
	if err := r.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAll(t, l, a, b, c)
	if l.commits > 12 {
		t.Errorf("%d transactions; stages at one cursor share them", l.commits)
	}
}

func TestFailuresNeitherLoseNorRepeat(t *testing.T) {
	l := newLog(60)
	well, ill, late := &echo{name: "well"}, &echo{name: "ill", failAt: 25}, &echo{name: "late", unwell: 2}
	l.fail = 2
	r := stage.New(l, l, slog.New(slog.DiscardHandler), well, ill, late)
	r.Batch = 7
	var done int
	r.Done = func() { done++ }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && len(l.seen("late")) < 60; time.Sleep(5 * time.Millisecond) {
		continue
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	wantAll(t, l, well, ill, late)
	if ill.started < 2 || done != l.commits {
		t.Errorf("the stage that stumbled started %d times; Done was called %d times for %d commits", ill.started, done, l.commits)
	}
}

func TestAStageThatCannotStartHoldsNoOtherUp(t *testing.T) {
	l := newLog(20)
	well, ill := &echo{name: "well"}, &echo{name: "ill", unwell: 1 << 30}
	r := stage.New(l, l, slog.New(slog.DiscardHandler), ill, well)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline) && len(l.seen("well")) < 20; time.Sleep(5 * time.Millisecond) {
		continue
	}
	cancel()
	<-ended
	wantAll(t, l, well)
	if l.cursors["ill"] != 0 {
		t.Error("the cursor of a stage that never ran has moved")
	}
}

func TestToldToStopItFinishesWhatIsThere(t *testing.T) {
	l := newLog(500)
	a := &echo{name: "a"}
	r := stage.New(l, l, slog.New(slog.DiscardHandler), a)
	r.Batch = 100
	ctx, cancel := context.WithCancel(t.Context())
	r.Done = cancel // after the first run
	if err := r.Run(ctx); err != nil {
		t.Fatal(err)
	}
	wantAll(t, l, a)
}
