package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/monitor"
	"github.com/decnet/decnet/providers/link/namespace"
)

var _ providers.Watcher = (*Provider)(nil)

// Watch hears of the deckies' namespaces and of everything in them but sysctls,
// which the kernel tells nobody of, of the host's ends of their links, of the
// records, and of the supervisor and its workers. It costs nothing while all is
// quiet, but for a look at the supervisor's process now and then.
func (p *Provider) Watch(ctx context.Context, lineage string, tell func(providers.Notice)) error {
	if err := privileged(); err != nil {
		return err
	}
	m, err := monitor.Open()
	if err != nil {
		return fmt.Errorf("watch native deckies: %w", err)
	}
	defer m.Close()
	w := &watch{p: p, lineage: lineage, dirs: p.dirs(lineage), monitor: m, pinned: map[string]uint64{}, look: make(chan struct{}, 1)}
	var one sync.Mutex
	w.tell = func(address, what string) {
		one.Lock()
		defer one.Unlock()
		tell(providers.Notice{Address: address, What: what, Time: p.env.Now()})
	}
	for _, dir := range []string{w.dirs.Run, filepath.Join(w.dirs.Data, "native")} {
		if err := m.Directory(dir); err != nil {
			return fmt.Errorf("watch native deckies: %w", err)
		}
	}
	w.pins()
	ctx, cancel := context.WithCancel(ctx)
	var served sync.WaitGroup
	defer served.Wait()
	defer cancel()
	connected := make(chan struct{})
	served.Go(func() { w.supervisor(ctx, connected) })
	select {
	case <-connected:
	case <-ctx.Done():
		return nil
	}
	one.Lock()
	tell(providers.Notice{})
	one.Unlock()
	return w.run(ctx)
}

// watch is one Watch.
type watch struct {
	p       *Provider
	lineage string
	dirs    supervise.Dirs
	monitor *monitor.Monitor
	tell    func(address, what string)
	pinned  map[string]uint64 // the inodes of the namespaces that stand, by their decky
	look    chan struct{}     // a supervisor may have come
}

func (w *watch) run(ctx context.Context) error {
	var looked time.Time
	for {
		changes, err := w.monitor.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watch native deckies: %w", err)
		}
		mounts := false
		for _, c := range changes {
			switch {
			case c.Kind == monitor.Mounts:
				mounts = true
			case c.Kind == monitor.Overrun:
				clear(w.pinned)
				mounts = true
				w.tell("", "changes were too many to hear")
			case c.Kind == monitor.File:
				w.file(c)
			case c.Namespace != "":
				w.tell(w.address(c.Namespace), c.What())
			case c.Kind == monitor.Link && c.Alias != "":
				if lineage, address, ok := link.ParseAlias(c.Alias); ok && lineage == w.lineage {
					w.tell(address, c.What())
				}
			}
		}
		if mounts {
			// Whoever mounts much, we for a fleet or an engine for its
			// containers, is looked at now and then.
			if !rest(ctx, pinsInterval-time.Since(looked)) {
				return nil
			}
			w.pins()
			looked = time.Now()
		}
	}
}

// pinsInterval is the least time between two looks at the pinned namespaces.
const pinsInterval = 25 * time.Millisecond

// rest waits; false where ctx ended.
func rest(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// file tells of records, and looks for a supervisor where its socket came to be.
func (w *watch) file(c monitor.Change) {
	switch filepath.Base(c.Path) {
	case "objects.log":
		w.tell("", c.What())
	case filepath.Base(w.dirs.Run):
		if c.Gone {
			w.tell("", c.What())
		}
	}
	if filepath.Dir(c.Path) == w.dirs.Run || c.Path == w.dirs.Run {
		select {
		case w.look <- struct{}{}:
		default:
		}
	}
}

// address is a decky's by its name, "" where the records do not say.
func (w *watch) address(decky string) string {
	r, err := load[deckyRecord](w.p, w.lineage, deckyPrefix+decky)
	if err != nil {
		return ""
	}
	return r.Owner.Address
}

// pins compares the namespaces that are pinned with those that were: new ones
// are followed from now on, and told of, since something may have happened in
// them before.
func (w *watch) pins() {
	dir := filepath.Dir(pin(w.dirs, "x"))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		w.p.env.Log.Warn("watch namespaces", "error", err)
	}
	stands := make(map[string]uint64, len(entries))
	for _, e := range entries {
		name := e.Name()
		inode, err := namespace.Inode(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		stands[name] = inode
		if w.pinned[name] == inode {
			continue
		}
		if err := w.monitor.Follow(name, filepath.Join(dir, name)); err != nil {
			if !errors.Is(err, namespace.ErrNone) {
				w.p.env.Log.Warn("watch a namespace", "decky", name, "error", err)
			}
			delete(stands, name)
			continue
		}
		w.tell(w.address(name), "namespace pinned")
	}
	for name := range w.pinned {
		if stands[name] == 0 {
			w.monitor.Unfollow(name)
			w.tell(w.address(name), "namespace unpinned")
		}
	}
	w.pinned = stands
}

// eagerness is how long a supervisor may take from its socket to its first
// answer.
const eagerness = 2 * time.Second

// supervisor tells what a supervisor says, whenever there is one, until ctx ends.
// connected is closed when it is first heard, or there is none.
func (w *watch) supervisor(ctx context.Context, connected chan struct{}) {
	once := sync.OnceFunc(func() { close(connected) })
	defer once()
	var eager time.Time // until then it is asked for often: its socket is made before it answers
	for ctx.Err() == nil {
		err := supervise.Watch(ctx, w.dirs, func(what string) {
			once()
			w.tell("", what)
		})
		once()
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, supervise.ErrAbsent) {
			w.tell("", fmt.Sprint(err))
			eager = time.Now().Add(eagerness)
		}
		pause := time.Minute // its socket's coming is heard
		if time.Now().Before(eager) {
			pause = 20 * time.Millisecond
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-w.look:
			eager = time.Now().Add(eagerness)
		case <-timer.C:
		}
		timer.Stop()
	}
}
