package webhook

import (
	"net/netip"
	"sync"
	"time"
)

// bucket is a token bucket.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) take(now time.Time, perSecond, burst float64) bool {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens, b.at = min(burst, b.tokens+passed*perSecond), now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// limiter bounds how often anybody asks, and how often each source does. It
// remembers a bounded number of sources: where there are more, they share what
// all may.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	all     bucket
	sources map[netip.Prefix]*bucket
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, all: bucket{tokens: globalBurst, at: now()}, sources: map[netip.Prefix]*bucket{}}
}

// allow takes a token of the source first: who asks too often takes none of the
// others'.
func (l *limiter) allow(source netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if source.IsValid() {
		b := l.sources[source]
		if b == nil {
			if len(l.sources) >= maxSources {
				l.forget(now)
			}
			b = &bucket{tokens: sourceBurst, at: now}
			if len(l.sources) < maxSources {
				l.sources[source] = b
			}
		}
		if !b.take(now, sourcePerSec, sourceBurst) {
			return false
		}
	}
	return l.all.take(now, globalPerSec, globalBurst)
}

// forget drops the sources that have been quiet long enough to be as new.
func (l *limiter) forget(now time.Time) {
	for source, b := range l.sources {
		if now.Sub(b.at).Seconds()*sourcePerSec >= sourceBurst {
			delete(l.sources, source)
		}
	}
}

// replays remembers what was taken, for a bounded time and in bounded number:
// the oldest is forgotten first.
type replays struct {
	now   func() time.Time
	at    map[string]time.Time
	order []string
}

func newReplays(now func() time.Time) *replays { return &replays{now: now, at: map[string]time.Time{}} }

// first tells whether none of the keys is known, and then remembers them.
func (r *replays) first(keys ...string) bool {
	now := r.now()
	for len(r.order) > 0 && (now.Sub(r.at[r.order[0]]) > replayWindow || len(r.order)+len(keys) > maxReplays) {
		delete(r.at, r.order[0])
		r.order = r.order[1:]
	}
	for _, key := range keys {
		if _, known := r.at[key]; known {
			return false
		}
	}
	for _, key := range keys {
		r.at[key] = now
		r.order = append(r.order, key)
	}
	return true
}
