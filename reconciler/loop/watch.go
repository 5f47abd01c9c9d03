package loop

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers"
)

const (
	// hearing is how long the first look waits for the watchers to hear.
	hearing = 2 * time.Second
	// deafMost bounds the pause before a deaf watcher is started again, and
	// deafReset is how long it must have heard for the pauses to begin anew.
	deafMost  = 15 * time.Second
	deafReset = 10 * time.Second
)

// watch owns one goroutine for each provider that can hear.
type watch struct {
	loop    *Loop
	lineage string
	cancel  context.CancelFunc
	group   sync.WaitGroup
	heard   chan struct{} // one token for each watcher that heard, or became deaf, for the first time
	count   int
}

func (l *Loop) newWatch() *watch {
	return &watch{loop: l, heard: make(chan struct{}, len(l.config.Registry.Providers()))}
}

// follow watches the lineage that the state has now. A state that has none is
// not watched.
func (w *watch) follow(ctx context.Context) {
	meta, err := w.loop.config.Store.Meta(ctx)
	if err != nil || meta.Lineage == w.lineage {
		return // a pass meets the error, too
	}
	w.stop()
	w.lineage = meta.Lineage
	if w.lineage == "" {
		return
	}
	inner, cancel := context.WithCancel(ctx)
	w.cancel = cancel
	for _, p := range w.loop.config.Registry.Providers() {
		if hears, ok := p.(providers.Watcher); ok {
			w.count++
			w.group.Go(func() { w.listen(inner, p.Name(), hears) })
		}
	}
}

// hear waits until every watcher hears, or is known not to.
func (w *watch) hear(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hearing)
	defer cancel()
	for range w.count {
		select {
		case <-w.heard:
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) stop() {
	if w.cancel != nil {
		w.cancel()
		w.group.Wait()
		w.cancel, w.count, w.lineage = nil, 0, ""
	}
}

// listen keeps one provider's watcher alive.
func (w *watch) listen(ctx context.Context, name string, hears providers.Watcher) {
	l := w.loop
	first := sync.OnceFunc(func() {
		select {
		case w.heard <- struct{}{}:
		default:
		}
	})
	back := Backoff{First: l.config.Backoff.First, Most: min(l.config.Backoff.Most, deafMost)}
	failures := 0
	for {
		var since atomic.Pointer[time.Time]
		err := hears.Watch(ctx, w.lineage, func(n providers.Notice) {
			if since.Load() == nil {
				now := l.config.Now()
				since.Store(&now)
				first()
			}
			l.notice(name, n)
		})
		if ctx.Err() != nil {
			return
		}
		first()
		if failures++; since.Load() != nil && l.config.Now().Sub(*since.Load()) >= deafReset {
			failures = 1
		}
		l.metrics.deaf.Add(1)
		pause := back.wait(failures, l.config.Rand())
		l.config.Log.WarnContext(ctx, "a watcher became deaf", "provider", name, "error", errText(err), "pause", pause)
		l.Wake(name + " hears nothing")
		if !sleep(ctx, pause) {
			return
		}
	}
}

// notice wakes the loop.
func (l *Loop) notice(provider string, n providers.Notice) {
	l.metrics.notices.Add(1)
	switch {
	case n.Address == "" && n.What == "":
		l.heard.Store(true)
		l.Wake(provider + " hears")
	case n.Address == "":
		l.Wake(provider + ": " + n.What)
	default:
		l.Wake(n.Address + ": " + n.What)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return clip(err.Error(), maxMessage)
}
