package loop

import (
	"sync/atomic"
	"time"
)

// Buckets are the upper bounds of Metrics.Durations; the last count is of what
// took longer.
var Buckets = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	500 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, time.Minute,
}

// Metrics are counts since the loop was made.
type Metrics struct {
	Passes    int64 // looks
	Broken    int64 // of them those that failed as a whole
	Adopted   int64
	Heals     int64 // addresses healed
	Failures  int64 // addresses that could not be healed
	Flaps     int64 // heals that came too often
	Notices   int64 // of providers
	Wakes     int64 // that notices and callers led to
	Deaf      int64 // times a watcher ended
	LockWaits int64 // passes and adoptions that another's lock put off
	Stale     int64 // plans under which the world moved
	// Durations counts passes by how long they took, each up to its bucket and
	// above the one before.
	Durations [len(Buckets) + 1]int64
	Seconds   float64 // of all passes
}

type counters struct {
	passes, broken, adopted, heals, failures, flaps  atomic.Int64
	notices, wakes, deaf, lockWaits, stale, duration atomic.Int64
	buckets                                          [len(Buckets) + 1]atomic.Int64
}

func (c *counters) pass(p *Pass) {
	c.passes.Add(1)
	if p.Error != "" {
		c.broken.Add(1)
	}
	c.duration.Add(int64(p.Took))
	at := 0
	for at < len(Buckets) && p.Took > Buckets[at] {
		at++
	}
	c.buckets[at].Add(1)
}

// Metrics counts what the loop did so far.
func (l *Loop) Metrics() Metrics {
	c := &l.metrics
	m := Metrics{
		Passes: c.passes.Load(), Broken: c.broken.Load(), Adopted: c.adopted.Load(), Heals: c.heals.Load(),
		Failures: c.failures.Load(), Flaps: c.flaps.Load(), Notices: c.notices.Load(), Wakes: c.wakes.Load(), Deaf: c.deaf.Load(),
		LockWaits: c.lockWaits.Load(), Stale: c.stale.Load(), Seconds: time.Duration(c.duration.Load()).Seconds(),
	}
	for i := range m.Durations {
		m.Durations[i] = c.buckets[i].Load()
	}
	return m
}
