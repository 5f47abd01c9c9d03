package loop

import (
	"slices"
	"sync"
	"time"
)

// However much is noticed, so many passes begin at once, and then one in so
// long; where a pass takes long itself, one in so many times that, up to a bound.
const (
	passBurst = 4
	passEvery = 250 * time.Millisecond
	passShare = 4
	passMost  = 2 * time.Second
)

// pace is a bucket of passes.
type pace struct {
	every      time.Duration
	most, left int
	at         time.Time // left was counted
}

// take uses one pass up and tells how long to wait before it.
func (p *pace) take(now time.Time) time.Duration {
	if gained := int(now.Sub(p.at) / p.every); gained > 0 {
		p.left = min(p.most, p.left+gained)
		p.at = p.at.Add(time.Duration(gained) * p.every)
	}
	if p.left == p.most {
		p.at = now
	}
	if p.left > 0 {
		p.left--
		return 0
	}
	wait := p.at.Add(p.every).Sub(now)
	p.at = p.at.Add(p.every)
	return wait
}

// took adapts the pace to how long a pass takes.
func (p *pace) took(d time.Duration) { p.every = max(passEvery, min(passShare*d, passMost)) }

// wait is the backoff after so many failures, the first of which is 1.
func (b Backoff) wait(failures int, random float64) time.Duration {
	d := b.First
	for range failures - 1 {
		if d >= b.Most/2 {
			d = b.Most
			break
		}
		d *= 2
	}
	return min(jitter(d, random), b.Most)
}

// jitter is d, give or take a tenth.
func jitter(d time.Duration, random float64) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*random))
}

// maxReasons bounds what is remembered of a storm.
const maxReasons = 8

// wakes collects the reasons to look.
type wakes struct {
	signal  chan struct{}
	mu      sync.Mutex
	reasons []string
}

// add never blocks.
func (w *wakes) add(why string) {
	w.mu.Lock()
	if len(w.reasons) < maxReasons && !slices.Contains(w.reasons, why) {
		w.reasons = append(w.reasons, clip(why, 200))
	}
	w.mu.Unlock()
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// take empties the collection: what it holds happened before the look that
// follows.
func (w *wakes) take() []string {
	select {
	case <-w.signal:
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.reasons
	w.reasons = nil
	return all
}

// failing is how whole passes fail.
type failing struct {
	count  int
	last   time.Time // the last one failed
	until  time.Time // nothing is tried again; zero: nothing failed
	reason string
	err    error
}

// notBefore is how long a notice is held back while passes fail.
func (f *failing) notBefore(now time.Time) time.Duration {
	if f.until.IsZero() {
		return 0
	}
	return min(f.last.Add(time.Second).Sub(now), f.until.Sub(now))
}

// clip bounds a text of others.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}
