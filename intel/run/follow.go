package run

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/decnet/decnet/intel"
)

// settle is how long changes are gathered before World is asked: an apply
// writes its state many times a second. Asking costs, so that however much
// changes it takes no more than a twentieth of the time.
const (
	settle = 50 * time.Millisecond
	gap    = 250 * time.Millisecond // between the end of one and the next
	share  = 20
)

// follower asks the world and tells the parts.
type follower struct {
	config Config
	daemon *Daemon

	// Of the one goroutine that refreshes:
	version string
	asked   bool
	watched map[string]bool

	mu    sync.Mutex
	known []intel.Decky
	err   error
	at    time.Time
}

func (f *follower) deckies() []intel.Decky {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known
}

// state is when the world was last known, and why it is not, if so.
func (f *follower) state() (at time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at, f.err
}

func (f *follower) run(ctx context.Context) error {
	watcher, err := fsnotify.NewBufferedWatcher(256)
	var events chan fsnotify.Event
	var failures chan error
	if err != nil {
		f.config.Log.Warn("no notice of changes to the state; it is polled", "error", err)
	} else {
		defer watcher.Close()
		events, failures = watcher.Events, watcher.Errors
	}
	f.watched = map[string]bool{}
	ticker := time.NewTicker(f.config.Refresh)
	defer ticker.Stop()
	// What changed between the first look and the watch is seen by this one.
	soon := time.After(0)
	var next time.Time // before which World is not asked because of a change
	for {
		if watcher != nil {
			f.watch(watcher)
		}
		select {
		case <-ctx.Done():
			return nil
		case e := <-events:
			if soon == nil && f.concerns(e) {
				soon = time.After(max(settle, time.Until(next)))
			}
		case <-failures:
			soon = time.After(max(settle, time.Until(next)))
		case <-soon:
			soon = nil
			began := time.Now()
			f.refresh(ctx)
			next = time.Now().Add(max(gap, share*time.Since(began)))
		case <-ticker.C:
			clear(f.watched) // a directory may have been made again
			f.refresh(ctx)
		}
	}
}

// watch adds what is to be watched and exists: a directory itself, and the
// directory of a file.
func (f *follower) watch(watcher *fsnotify.Watcher) {
	for _, path := range f.config.Watch {
		for _, dir := range []string{path, filepath.Dir(path)} {
			if !f.watched[dir] && watcher.Add(dir) == nil {
				f.watched[dir] = true
			}
		}
	}
}

// concerns says whether the event is about something watched: not about a
// neighbour of it, not about the daemon's own files, and not about the files
// that SQLite makes and removes where somebody merely reads.
func (f *follower) concerns(e fsnotify.Event) bool {
	if e.Op == fsnotify.Chmod || strings.HasPrefix(e.Name, filepath.Clean(f.config.Database)) ||
		strings.HasSuffix(e.Name, "-shm") || strings.HasSuffix(e.Name, "-wal") && !e.Has(fsnotify.Write) {
		return false
	}
	for _, path := range f.config.Watch {
		if strings.HasPrefix(e.Name, filepath.Clean(path)) {
			return true
		}
	}
	return false
}

// refresh asks the world. What cannot be learned stays as it was.
func (f *follower) refresh(ctx context.Context) {
	err := f.ask(ctx)
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil && (f.err == nil || f.err.Error() != err.Error()) {
		f.config.Log.Warn("the state cannot be read; what was known of it holds", "error", err)
	}
	f.err = err
	if err == nil {
		f.at = time.Now()
	}
}

func (f *follower) ask(ctx context.Context) error {
	world, d := f.config.World, f.daemon
	// Before the rest: what changes while it is asked is asked for again.
	version, versioned := "", false
	if v, ok := world.(intel.Versioner); ok {
		var err error
		if version, err = v.Version(ctx); err != nil {
			return err
		}
		versioned = true
	}
	journals, err := world.Journals(ctx)
	if err != nil {
		return err
	}
	d.ingester.Follow(journals)
	if versioned && f.asked && version == f.version {
		return nil
	}
	rules, err := world.Rules(ctx)
	if err != nil {
		return err
	}
	deckies, err := world.Deckies(ctx)
	if err != nil {
		return err
	}
	sinks, err := world.Sinks(ctx)
	if err != nil {
		return err
	}
	names := make(map[string]string, len(deckies))
	for _, decky := range deckies {
		names[decky.Address] = decky.Hostname
	}
	d.rules.SetRules(rules)
	d.runner.Wake()
	d.sinks.SetHostnames(names)
	d.sinks.SetSinks(sinks)
	f.mu.Lock()
	f.known = deckies
	f.mu.Unlock()
	f.version, f.asked = version, true
	return nil
}
