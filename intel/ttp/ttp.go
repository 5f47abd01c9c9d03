// Package ttp is the stage that judges: it evaluates the configuration's rules
// over the event log and tags events with ATT&CK techniques. It owns windows
// and counting; the meaning of a condition is compiled by its caller.
//
// A rule counts the events for which its condition holds, or the distinct
// values of an expression over them, per key and within a window that slides
// on event time, so that it finds the same in a backlog as in live traffic.
// Where the count reaches the threshold it fires: the event that completed the
// window is tagged. For the length of one window it does not fire again for
// that key. A rule without a window fires for every event that matches.
//
// Events may arrive out of order. What is later than Lateness behind the
// newest event, beyond the window itself, no longer counts, and is itself
// counted in Stats.
//
// Nothing is persisted besides the tags: what the windows held is recomputed
// from the log when the stage starts or the rules change. A rule that is new
// knows the events of its last window, but fires for new events only.
package ttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
)

// Lateness is how far behind the newest event another may lie and still be
// counted in full.
const Lateness = 10 * time.Minute

// Condition is a rule's expressions, compiled. Key and Distinct answer false
// where the event lacks what they ask for; it then does not count.
type Condition struct {
	Match    func(*event.Event) bool
	Key      func(*event.Event) (string, bool)
	Distinct func(*event.Event) (string, bool) // nil: events are counted
}

// Compile makes the closures of a rule.
type Compile func(schema.Rule) (Condition, error)

// Store is what the stage reads of the log and of its own tags.
type Store interface {
	Replay(ctx context.Context, since time.Time, seq int64, yield func(*intel.Event) error) error
	Head(ctx context.Context) (int64, time.Time, error)
	TagsSince(ctx context.Context, rule string, since time.Time) ([]intel.Tag, error)
}

// Stats are counters since the start.
type Stats struct {
	Rules   int               `json:"rules"`
	Broken  map[string]string `json:"broken,omitempty"` // rule to error
	Fired   int64             `json:"fired"`
	Late    int64             `json:"late"`    // events too late for a window
	Evicted int64             `json:"evicted"` // keys forgotten because there were too many
}

// Stage evaluates rules. Make it with New.
type Stage struct {
	store   Store
	compile Compile
	logger  *slog.Logger

	mu     sync.Mutex
	wanted []schema.Rule
	known  bool // SetRules was called
	stale  bool // wanted is not in force yet
	broken map[string]string

	rules  []*detector
	newest time.Time

	fired, late, evicted atomic.Int64
	count                atomic.Int64
}

// New makes the stage. Until SetRules is called it stands still.
func New(store Store, compile Compile, logger *slog.Logger) *Stage {
	return &Stage{store: store, compile: compile, logger: logger, broken: map[string]string{}}
}

// ErrNoRules says that the rules are not known yet, so that nothing can be
// judged.
var ErrNoRules = errors.New("the rules are not known yet")

// SetRules makes these the rules from the next run of events on.
func (s *Stage) SetRules(rules []schema.Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known && reflect.DeepEqual(rules, s.wanted) {
		return
	}
	s.wanted, s.known, s.stale = rules, true, true
}

// Stats returns the counters.
func (s *Stage) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{Rules: int(s.count.Load()), Fired: s.fired.Load(), Late: s.late.Load(), Evicted: s.evicted.Load()}
	for name, problem := range s.broken {
		if out.Broken == nil {
			out.Broken = map[string]string{}
		}
		out.Broken[name] = problem
	}
	return out
}

// Name implements stage.Stage.
func (s *Stage) Name() string { return "ttp" }

// Start implements stage.Stage: it recomputes the windows as they were at seq.
func (s *Stage) Start(ctx context.Context, seq int64) error {
	s.mu.Lock()
	if !s.known {
		s.mu.Unlock()
		return ErrNoRules
	}
	wanted := s.wanted
	s.stale = false
	s.mu.Unlock()

	if err := s.load(ctx, wanted, seq); err != nil {
		s.mu.Lock()
		s.stale = true
		s.mu.Unlock()
		return err
	}
	return nil
}

// load compiles the rules and fills their windows from the log.
func (s *Stage) load(ctx context.Context, wanted []schema.Rule, seq int64) error {
	rules, broken := s.build(wanted)
	s.mu.Lock()
	s.broken = broken
	s.mu.Unlock()
	s.rules, s.newest = rules, time.Time{}
	s.count.Store(int64(len(rules)))
	var longest time.Duration
	for _, r := range rules {
		longest = max(longest, r.within)
	}
	if longest == 0 || seq == 0 {
		return nil
	}
	newest, err := s.newestAt(ctx, seq)
	if err != nil {
		return err
	}
	since := newest.Add(-longest - horizon(longest))
	if err := s.store.Replay(ctx, since, seq, func(e *intel.Event) error {
		s.advance(e.Time)
		for _, r := range s.rules {
			r.remember(s, e)
		}
		return nil
	}); err != nil {
		return fmt.Errorf("recompute windows: %w", err)
	}
	for _, r := range rules {
		if r.within == 0 {
			continue
		}
		tags, err := s.store.TagsSince(ctx, r.Name, since)
		if err != nil {
			return fmt.Errorf("recompute windows: %w", err)
		}
		for _, t := range tags {
			r.firedAt(t.Key, t.Time)
		}
	}
	return nil
}

// newestAt is the latest event time up to and including seq.
func (s *Stage) newestAt(ctx context.Context, seq int64) (time.Time, error) {
	head, latest, err := s.store.Head(ctx)
	if err != nil || head == seq {
		return latest, err
	}
	// Behind the head, the latest time of the whole log is a bound only: what
	// lies further back is found by reading backwards in growing steps.
	var newest time.Time
	for span := time.Hour; newest.IsZero(); span *= 8 {
		since := latest.Add(-span)
		if span > 100*365*24*time.Hour {
			since = time.Unix(0, 0)
		}
		if err := s.store.Replay(ctx, since, seq, func(e *intel.Event) error {
			if e.Time.After(newest) {
				newest = e.Time
			}
			return nil
		}); err != nil {
			return time.Time{}, fmt.Errorf("recompute windows: %w", err)
		}
		if span > 100*365*24*time.Hour {
			break
		}
	}
	return newest, nil
}

// build compiles what compiles; a rule that does not is said and left out.
func (s *Stage) build(wanted []schema.Rule) ([]*detector, map[string]string) {
	var rules []*detector
	broken := map[string]string{}
	for _, w := range wanted {
		r, err := newDetector(w, s.compile)
		if err != nil {
			broken[w.Name] = err.Error()
			s.logger.Error("rule cannot be evaluated and is left out", "rule", w.Name, "error", err)
			continue
		}
		rules = append(rules, r)
	}
	return rules, broken
}

// Process implements stage.Stage.
func (s *Stage) Process(ctx context.Context, events []*intel.Event) (intel.Changes, error) {
	s.mu.Lock()
	stale := s.stale
	s.mu.Unlock()
	if stale && len(events) > 0 {
		if err := s.Start(ctx, events[0].Seq-1); err != nil {
			return intel.Changes{}, err
		}
	}
	var c intel.Changes
	for _, e := range events {
		s.advance(e.Time)
		for _, r := range s.rules {
			if count, key, ok := r.judge(s, e); ok {
				s.fired.Add(1)
				c.Tags = append(c.Tags, r.tag(e, key, count))
			}
		}
	}
	return c, nil
}

func (s *Stage) advance(at time.Time) {
	if at.After(s.newest) {
		s.newest = at
	}
}

// horizon is how far behind the newest event a window's events are kept beyond
// the window itself.
func horizon(within time.Duration) time.Duration { return max(within, Lateness) }
