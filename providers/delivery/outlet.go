package delivery

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

// Patience with a receiver that does not take what is brought.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	maxAge     = 72 * time.Hour // after which old news is dropped, counted
)

func jitter() float64 { return rand.Float64() }

// outlet is one sink with its spool, and the goroutine that delivers.
type outlet struct {
	config  *Config
	log     *slog.Logger
	wake    chan struct{}
	gone    chan struct{}
	running bool // of the dispatcher

	mu      sync.Mutex
	sink    schema.Sink
	changed bool // since the target was made
	spool   *spool
	dirty   bool // the status is newer than its file
	closed  bool
}

// replace takes another configuration of the same name.
func (o *outlet) replace(s schema.Sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sink, o.changed = s, true
	m := &o.spool.meta
	m.Name, m.Type, m.Window = s.Name, s.Type, s.DedupWindow()
	m.Attempts, m.Next = 0, time.Time{} // what stood in its way may be corrected
	if m.Window == 0 {
		m.Held = nil
	}
	o.dirty = true
	signal(o.wake)
}

// take spools a notification if the sink wants it.
func (o *outlet) take(n notification.Notification) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !Takes(o.sink, n) {
		return
	}
	if o.spool.meta.hold(&n, o.config.Now()) {
		o.dirty = true
	} else if err := o.spool.add(n); err != nil {
		o.log.Error("a notification waits in memory only", "error", err)
	}
	signal(o.wake)
}

// stop ends run and closes the spool.
func (o *outlet) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	close(o.gone)
	if err := o.spool.close(); err != nil {
		o.log.Error("close spool", "error", err)
	}
}

func (o *outlet) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	close(o.gone)
	return o.spool.close()
}

// run delivers until ctx ends or the outlet is stopped.
func (o *outlet) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	finished := make(chan struct{})
	defer func() { <-finished }()
	defer cancel()
	go func() {
		defer close(finished)
		select {
		case <-o.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	var target Target
	for ctx.Err() == nil {
		target = o.target(target)
		n, seq, wait := o.next(target != nil)
		if wait == 0 {
			answer, err := target.Deliver(ctx, n)
			if ctx.Err() != nil && err != nil {
				break // it was interrupted, and is brought again
			}
			o.settle(n, seq, answer, err)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.save()
	}
}

// target makes the target anew where the sink has changed; nil where it cannot
// be used.
func (o *outlet) target(have Target) Target {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.changed {
		return have
	}
	o.changed = false
	target, err := o.config.Open(o.sink)
	if err != nil {
		o.log.Error("sink is not usable", "error", err)
		o.fail(err)
		return nil
	}
	return target
}

// next is what to deliver now; else how long to wait for it.
func (o *outlet) next(usable bool) (notification.Notification, int64, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	none := notification.Notification{}
	if o.closed {
		return none, 0, time.Hour
	}
	now := o.config.Now()
	ready, until := o.spool.meta.released(now)
	for _, n := range ready {
		o.dirty = true
		if err := o.spool.add(n); err != nil {
			o.log.Error("a notification waits in memory only", "error", err)
		}
	}
	wait := time.Hour
	if !until.IsZero() {
		wait = min(wait, until.Sub(now))
	}
	if o.dirty {
		o.save()
	}
	n, seq, waiting := o.spool.front()
	switch {
	case !waiting || !usable:
	case o.spool.meta.Next.After(now):
		wait = min(wait, o.spool.meta.Next.Sub(now))
	default:
		return n, seq, 0
	}
	return none, 0, max(wait, time.Millisecond)
}

// settle notes how a delivery went.
func (o *outlet) settle(n notification.Notification, seq int64, answer string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	m, now := &o.spool.meta, o.config.Now()
	switch {
	case err == nil:
		m.Sent++
		m.LastSent, m.Error, m.ErrorAt, m.Attempts, m.Next = now, "", time.Time{}, 0, time.Time{}
		o.spool.done(seq)
		o.log.Debug("delivered", "id", n.ID, "kind", n.Kind, "answer", answer)
	case IsPermanent(err):
		m.Refused++
		m.Attempts, m.Next = 0, time.Time{}
		o.fail(err)
		o.spool.done(seq)
		o.log.Error("a notification was refused and is not sent again", "id", n.ID, "kind", n.Kind, "error", err)
	case now.Sub(n.Time) > maxAge && m.Attempts > 0:
		m.Dropped++
		m.Attempts, m.Next = 0, time.Time{}
		o.fail(err)
		o.spool.done(seq)
		o.log.Error("a notification is too old and is not sent again", "id", n.ID, "kind", n.Kind, "error", err)
	default:
		if m.Attempts == 0 {
			o.log.Warn("sink does not take a notification; trying again", "id", n.ID, "error", err)
		}
		m.Attempts++
		m.Next = now.Add(o.pause(m.Attempts, err))
		o.fail(err)
	}
	o.save()
}

// pause grows with the attempts up to lastPause, and is drawn from its upper
// half, so that many do not come at once; what the receiver asks for is kept.
func (o *outlet) pause(attempts int, err error) time.Duration {
	pause := min(firstPause<<min(attempts-1, 20), lastPause)
	pause = pause/2 + time.Duration(o.config.Jitter()*float64(pause/2))
	var e *Error
	if errors.As(err, &e) {
		pause = max(pause, e.After)
	}
	return pause
}

func (o *outlet) fail(err error) {
	o.spool.meta.Error, o.spool.meta.ErrorAt = cut(err.Error(), maxText), o.config.Now()
	o.dirty = true
}

func (o *outlet) save() {
	if err := o.spool.save(); err != nil {
		o.log.Error("the spool's status is not kept; something may be sent again", "error", err)
		return
	}
	o.dirty = false
}

func (o *outlet) status() Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	return statusOf(&o.spool.meta, len(o.spool.queue), o.spool.bytes)
}
