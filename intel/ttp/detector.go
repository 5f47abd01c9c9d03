package ttp

import (
	"fmt"
	"slices"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema"
)

// Limits of what one rule holds in memory. An attacker chooses keys and
// values; beyond the limits the oldest are forgotten.
const (
	maxKeys  = 100_000
	maxHits  = 1024 // per key, or twice the threshold
	maxKey   = 256  // bytes of a key or distinct value
	sweepGap = 4096 // matches between two looks at what has expired

	maxThreshold = 10_000
)

type detector struct {
	schema.Rule
	condition Condition
	threshold int
	within    time.Duration

	windows map[string]*window
	matches int
}

// window is what one key has done.
type window struct {
	hits  []hit // by time
	fired []time.Time
	last  time.Time // of its newest hit
}

type hit struct {
	at    time.Time
	value string // where distinct values are counted
}

func newDetector(w schema.Rule, compile Compile) (*detector, error) {
	r := &detector{Rule: w, threshold: max(1, w.Threshold), windows: map[string]*window{}}
	if w.Within != "" {
		within, err := time.ParseDuration(w.Within)
		if err != nil {
			return nil, fmt.Errorf("within: %w", err)
		}
		if within <= 0 {
			return nil, fmt.Errorf("within: %s is no positive duration", w.Within)
		}
		r.within = within
	}
	if r.threshold > 1 && r.within == 0 {
		return nil, fmt.Errorf("a threshold of %d needs within", r.threshold)
	}
	if r.threshold > maxThreshold {
		return nil, fmt.Errorf("a threshold of %d is over the limit of %d", r.threshold, maxThreshold)
	}
	condition, err := compile(w)
	if err != nil {
		return nil, err
	}
	r.condition = condition
	return r, nil
}

// matches the event: its key, and its hit.
func (r *detector) match(e *intel.Event) (key string, h hit, ok bool) {
	if !r.condition.Match(e.Event) {
		return "", hit{}, false
	}
	if key, ok = r.condition.Key(e.Event); !ok {
		return "", hit{}, false
	}
	h.at = e.Time
	if r.condition.Distinct != nil {
		if h.value, ok = r.condition.Distinct(e.Event); !ok {
			return "", hit{}, false
		}
	}
	h.value = h.value[:min(len(h.value), maxKey)]
	return key[:min(len(key), maxKey)], h, true
}

// judge counts the event; ok says that the rule fires for it.
func (r *detector) judge(s *Stage, e *intel.Event) (count int64, key string, ok bool) {
	key, h, ok := r.match(e)
	if !ok {
		return 0, "", false
	}
	if r.within == 0 {
		return 1, key, true
	}
	w := r.add(s, key, h)
	if w == nil {
		return 0, "", false
	}
	n, ok := w.complete(h.at, r)
	if ok {
		w.fired = append(w.fired, h.at)
	}
	return int64(n), key, ok
}

// remember counts the event without judging it.
func (r *detector) remember(s *Stage, e *intel.Event) {
	if r.within == 0 {
		return
	}
	if key, h, ok := r.match(e); ok {
		r.add(s, key, h)
	}
}

// firedAt notes that the rule has fired for the key.
func (r *detector) firedAt(key string, at time.Time) {
	w := r.windows[key]
	if w == nil {
		w = &window{last: at}
		r.windows[key] = w
	}
	w.fired = append(w.fired, at)
}

// add puts the hit into its window; nil where it is too late for any.
func (r *detector) add(s *Stage, key string, h hit) *window {
	keep := s.newest.Add(-r.within - horizon(r.within))
	if !h.at.After(keep) {
		s.late.Add(1)
		return nil
	}
	if r.matches++; r.matches%sweepGap == 0 || len(r.windows) >= maxKeys {
		r.sweep(s, keep)
	}
	w := r.windows[key]
	if w == nil {
		w = &window{last: h.at}
		r.windows[key] = w
	}
	w.expire(keep)
	if h.at.After(w.last) {
		w.last = h.at
	}
	if r.condition.Distinct == nil || !w.redundant(h, r.within) {
		i, _ := slices.BinarySearchFunc(w.hits, h.at.Add(1), compareTime)
		w.hits = slices.Insert(w.hits, i, h)
	}
	if limit := max(maxHits, 2*r.threshold); len(w.hits) > limit {
		w.hits = slices.Delete(w.hits, 0, len(w.hits)-limit)
	}
	return w
}

// sweep forgets keys whose windows have expired and, where there are still too
// many, the quarter that has been quiet longest.
func (r *detector) sweep(s *Stage, keep time.Time) {
	for key, w := range r.windows {
		if !w.last.After(keep) {
			delete(r.windows, key)
		}
	}
	if len(r.windows) < maxKeys {
		return
	}
	lasts := make([]time.Time, 0, len(r.windows))
	for _, w := range r.windows {
		lasts = append(lasts, w.last)
	}
	slices.SortFunc(lasts, time.Time.Compare)
	limit, excess := lasts[len(lasts)/4], len(lasts)/4+1
	for key, w := range r.windows {
		if excess > 0 && !w.last.After(limit) {
			delete(r.windows, key)
			excess--
			s.evicted.Add(1)
		}
	}
}

func compareTime(h hit, at time.Time) int { return h.at.Compare(at) }

// redundant makes room for h among the hits of its value and says whether it
// needs none. Of three hits of one value, of which the outer two lie less than
// a window apart, the middle one changes no window's distinct values: a window
// that contains it contains one of the others.
func (w *window) redundant(h hit, within time.Duration) bool {
	var earlier, later []int // the nearest two of each, nearest first
	for i := len(w.hits) - 1; i >= 0 && len(earlier) < 2; i-- {
		if w.hits[i].value != h.value {
			continue
		}
		if w.hits[i].at.After(h.at) {
			later = append(later, i)
			continue
		}
		earlier = append(earlier, i)
	}
	slices.Reverse(later)
	if len(earlier) > 0 && len(later) > 0 && w.hits[later[0]].at.Sub(w.hits[earlier[0]].at) < within {
		return true
	}
	if len(later) > 1 && w.hits[later[1]].at.Sub(h.at) < within {
		w.hits = slices.Delete(w.hits, later[0], later[0]+1)
	}
	if len(earlier) > 1 && h.at.Sub(w.hits[earlier[1]].at) < within {
		w.hits = slices.Delete(w.hits, earlier[0], earlier[0]+1)
	}
	return false
}

func (w *window) expire(keep time.Time) {
	n := 0
	for n < len(w.hits) && !w.hits[n].at.After(keep) {
		n++
	}
	if n > 0 {
		w.hits = slices.Delete(w.hits, 0, n)
	}
	w.fired = slices.DeleteFunc(w.fired, func(at time.Time) bool { return !at.After(keep) })
}

// complete looks at every window that contains at and ends with a hit: an event
// that comes late may complete one that ends after it. It returns the count of
// the first that reaches the threshold and lies no closer than a window to a
// time the rule fired at.
func (w *window) complete(at time.Time, r *detector) (count int, ok bool) {
	last := w.hits[len(w.hits)-1].at
	if !last.After(at) && w.firedNear(at, r.within) {
		return 0, false
	}
	low, _ := slices.BinarySearchFunc(w.hits, at.Add(-r.within+1), compareTime)
	values := map[string]int{}
	for i := low; i < len(w.hits) && w.hits[i].at.Sub(at) < r.within; i++ {
		end := w.hits[i].at
		values[w.hits[i].value]++
		for ; end.Sub(w.hits[low].at) >= r.within; low++ {
			if values[w.hits[low].value]--; values[w.hits[low].value] == 0 {
				delete(values, w.hits[low].value)
			}
		}
		if end.Before(at) {
			continue
		}
		n := i - low + 1
		if r.condition.Distinct != nil {
			n = len(values)
		}
		if n >= r.threshold && !w.firedNear(end, r.within) {
			return n, true
		}
	}
	return 0, false
}

// firedNear says whether the rule fired within a window of at.
func (w *window) firedNear(at time.Time, within time.Duration) bool {
	return slices.ContainsFunc(w.fired, func(f time.Time) bool { return at.Sub(f).Abs() < within })
}

func (r *detector) tag(e *intel.Event, key string, count int64) intel.Tag {
	return intel.Tag{
		Event: e.ID, Seq: e.Seq, Technique: r.Technique, Tactics: r.Tactics, Rule: r.Name, AttackVersion: intel.AttackVersion,
		Key: key, Count: count, Time: e.Time, Decky: e.Decky, Service: e.Service, Session: e.Session, Source: e.SourceText(),
	}
}
