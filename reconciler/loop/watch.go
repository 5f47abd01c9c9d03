package loop

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

const (
	// hearing is how long the first look waits for the watchers to hear.
	hearing = 2 * time.Second
	// deafMost bounds the pause before a deaf watcher is started again, and
	// deafReset is how long it must have heard for the pauses to begin anew.
	deafMost  = 15 * time.Second
	deafReset = 10 * time.Second
)

// watch owns one goroutine for each provider that can hear and has something to
// hear of.
type watch struct {
	loop    *Loop
	lineage string
	ears    map[string]*ear // by provider
	heard   chan struct{}   // one token for each watcher that heard, or became deaf, for the first time
}

// ear is one watcher that is kept alive.
type ear struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (l *Loop) newWatch() *watch {
	return &watch{loop: l, ears: map[string]*ear{}, heard: make(chan struct{}, len(l.config.Registry.Providers()))}
}

// concern notes the providers whose kinds occur in what is and in what is
// wanted: a machine without an engine is none that has become deaf.
func (l *Loop) concern(rows []state.Instance, desired *schema.Desired) {
	names := map[string]bool{}
	note := func(kind providers.Kind) {
		if p := l.config.Registry.Provider(kind); p != nil {
			names[p.Name()] = true
		}
	}
	for i := range rows {
		note(providers.Kind{Type: rows[i].Type, Runtime: rows[i].Runtime})
	}
	if desired != nil {
		for i := range desired.Instances {
			note(providers.Kind{Type: desired.Instances[i].Type, Runtime: desired.Instances[i].Runtime})
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.concerned = names
}

// begin follows what the state has, before anything was looked at.
func (w *watch) begin(ctx context.Context) {
	snapshot, err := w.loop.config.Store.Snapshot(ctx)
	if err != nil {
		return // a pass meets the error, too
	}
	w.loop.mu.Lock()
	adopted := w.loop.adopted
	w.loop.mu.Unlock()
	w.loop.concern(snapshot.Instances, adopted)
	w.follow(ctx)
}

// follow watches the lineage that the state has now, with the providers that it
// concerns. A state that has none is not watched.
func (w *watch) follow(ctx context.Context) {
	meta, err := w.loop.config.Store.Meta(ctx)
	if err != nil {
		return // a pass meets the error, too
	}
	if meta.Lineage != w.lineage {
		w.stop()
		w.lineage = meta.Lineage
	}
	if w.lineage == "" {
		return
	}
	w.loop.mu.Lock()
	concerned := w.loop.concerned
	w.loop.mu.Unlock()
	for _, p := range w.loop.config.Registry.Providers() {
		hears, ok := p.(providers.Watcher)
		name, e := p.Name(), w.ears[p.Name()]
		switch {
		case !ok, concerned[name] == (e != nil):
		case e != nil:
			w.end(name)
		default:
			inner, cancel := context.WithCancel(ctx)
			e := &ear{cancel: cancel, done: make(chan struct{})}
			w.ears[name] = e
			lineage := w.lineage
			go func() {
				defer close(e.done)
				w.listen(inner, name, lineage, hears)
			}()
		}
	}
}

// hear waits until every watcher hears, or is known not to.
func (w *watch) hear(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, hearing)
	defer cancel()
	for range w.ears {
		select {
		case <-w.heard:
		case <-ctx.Done():
			return
		}
	}
}

// end ends one watcher.
func (w *watch) end(name string) {
	w.ears[name].cancel()
	<-w.ears[name].done
	delete(w.ears, name)
}

func (w *watch) stop() {
	for _, e := range w.ears {
		e.cancel() // all of them, before any is waited for
	}
	for name := range w.ears {
		w.end(name)
	}
	w.lineage = ""
}

// listen keeps one provider's watcher alive. Of an outage it tells once, and of
// its end.
func (w *watch) listen(ctx context.Context, name, lineage string, hears providers.Watcher) {
	l := w.loop
	first := sync.OnceFunc(func() {
		select {
		case w.heard <- struct{}{}:
		default:
		}
	})
	back := Backoff{First: l.config.Backoff.First, Most: min(l.config.Backoff.Most, deafMost)}
	failures := 0
	var outage atomic.Bool
	for {
		var since atomic.Pointer[time.Time]
		err := hears.Watch(ctx, lineage, func(n providers.Notice) {
			if since.Load() == nil {
				now := l.config.Now()
				since.Store(&now)
				first()
				if outage.Swap(false) {
					l.config.Log.InfoContext(ctx, "a watcher hears again", "provider", name)
				}
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
		level := slog.LevelWarn
		if outage.Swap(true) {
			level = slog.LevelDebug
		}
		l.config.Log.Log(ctx, level, "a watcher became deaf", "provider", name, "error", errText(err), "pause", pause)
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
