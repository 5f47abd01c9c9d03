// Package gitsync keeps what runs equal to what stands in git: it follows
// repositories, lets a commit through when it is trusted, planned and within the
// bounds that the daemon's own file sets, and adopts it. Whatever goes wrong
// leaves the running network as it was, with a condition that says why; what was
// applied last is kept alive meanwhile by somebody else. The package refuses to
// speak git, to check a signature, to evaluate a configuration or to touch an
// object: a Follow brings who does.
//
//	m, err := gitsync.New(gitsync.Config{Dir: dataDir, Syncs: follows, Evaluate: evaluate, Notify: notify})
//	err = m.Run(ctx)
package gitsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// What callers branch on.
var (
	// ErrUnknown says that no sync has the name.
	ErrUnknown = errors.New("there is no sync of this name")
	// ErrConflict says that what was asked does not fit what is.
	ErrConflict = errors.New("it is not as the request says")
)

// Config is what a Manager works with.
type Config struct {
	// Dir is the data directory; what a sync remembers stands in sync/NAME below
	// it, and is nobody else's to read.
	Dir   string
	Syncs []Follow
	// Evaluate makes of the files of a commit what they want.
	Evaluate Evaluate
	// Notify is told what happens, in the goroutine of the sync: it must not
	// wait. nil: nobody is told.
	Notify func(notification.Notification)
	// News is where Events finds them; nil: what happens from now on.
	News *News
	Log  *slog.Logger     // nil discards
	Now  func() time.Time // nil is time.Now
	Rand func() float64   // in [0, 1), for jitter; nil is that of math/rand
	// NewID makes ids of notifications, unique for ever; nil makes random ones.
	NewID func() string
	// Written, if set, is called before and after everything that is written to
	// the disk. Tests die there.
	Written func(name, moment string)
}

// Follow is one sync block and who does the work for it.
type Follow struct {
	Sync       syncfile.Sync
	Repository Repository
	Verifier   Verifier // nil only where Sync.Verify.Mode is none
	Subject    Subject
}

// Manager runs every sync. All methods may be called from many goroutines.
type Manager struct {
	config  Config
	syncs   []*controller // in the order of their names
	events  *News
	orphans []string
}

// New reads what each sync remembers. It asks no server and changes nothing
// alive. Suspended and observing syncs hold their subjects from here on, and
// those that a former daemon left amid an apply, until it is gone on with.
func New(config Config) (*Manager, error) {
	if config.Dir == "" || config.Evaluate == nil {
		return nil, errors.New("make syncs: a directory and Evaluate are required")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Rand == nil {
		config.Rand = rand.Float64
	}
	if config.NewID == nil {
		config.NewID = randomID
	}
	if config.Written == nil {
		config.Written = func(string, string) {}
	}
	if config.News == nil {
		config.News = NewNews()
	}
	m := &Manager{config: config, events: config.News}
	for _, f := range config.Syncs {
		c, err := newController(m, f)
		if err != nil {
			return nil, fmt.Errorf("make sync %s: %w", f.Sync.Name, err)
		}
		m.syncs = append(m.syncs, c)
	}
	slices.SortFunc(m.syncs, func(a, b *controller) int { return strings.Compare(a.sync.Name, b.sync.Name) })
	for i, c := range m.syncs {
		if i > 0 && m.syncs[i-1].sync.Name == c.sync.Name {
			return nil, fmt.Errorf("make syncs: %s stands twice", c.sync.Name)
		}
		for _, d := range c.sync.DependsOn {
			if m.find(d) == nil {
				return nil, fmt.Errorf("make sync %s: it depends on %s, which there is not", c.sync.Name, d)
			}
		}
	}
	m.orphans = m.findOrphans()
	for _, name := range m.orphans {
		config.Log.Warn("a sync is no longer in the daemon's file; what it applied stays as it is, and nobody keeps it so", "sync", name, "dir", filepath.Join(config.Dir, folder, name))
	}
	return m, nil
}

// folder is where syncs remember, below the data directory.
const folder = "sync"

func (m *Manager) findOrphans() []string {
	entries, err := os.ReadDir(filepath.Join(m.config.Dir, folder))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(m.config.Dir, folder, e.Name(), documentName)); err == nil && m.find(e.Name()) == nil {
			out = append(out, e.Name())
		}
	}
	return out
}

// Orphans are the names under which something is remembered and that the
// daemon's file no longer has, sorted. What they applied was left as it is.
func (m *Manager) Orphans() []string { return slices.Clone(m.orphans) }

// Run follows every repository until ctx ends, then returns nil once each sync
// has recorded what it was doing.
func (m *Manager) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, c := range m.syncs {
		group.Go(func() { c.run(ctx) })
	}
	group.Wait()
	return nil
}

func (m *Manager) find(name string) *controller {
	for _, c := range m.syncs {
		if c.sync.Name == name {
			return c
		}
	}
	return nil
}

// waitingFor says what sync c waits for, in a sentence; "" where it may go on. A
// dependency is ready when it has looked at its repository since then; with
// now it is made to.
func (m *Manager) waitingFor(c *controller, since time.Time, now bool) string {
	for _, name := range c.sync.DependsOn {
		d := m.find(name)
		_, suspended := d.suspended()
		if !suspended && !d.seenSince(since) {
			if now {
				d.wake(wake{hook: true})
			}
			return fmt.Sprintf("sync.%s looks at its repository first.", name)
		}
		if ready, why := d.ready(); !ready {
			return fmt.Sprintf("sync.%s is not ready: %s", name, why)
		}
	}
	return ""
}

// looked wakes the syncs that wait for one that has come to a verdict.
func (m *Manager) looked(c *controller) {
	for _, d := range m.syncs {
		if slices.Contains(d.sync.DependsOn, c.sync.Name) && d.waits() {
			d.wake(wake{})
		}
	}
}

// Status is how every sync does, sorted by name.
func (m *Manager) Status() []status.Sync {
	out := make([]status.Sync, 0, len(m.syncs))
	for _, c := range m.syncs {
		out = append(out, c.status())
	}
	return out
}

// Get is how one sync does; ErrUnknown where there is none of the name.
func (m *Manager) Get(name string) (status.Sync, error) {
	c := m.find(name)
	if c == nil {
		return status.Sync{}, fmt.Errorf("sync %q: %w", name, ErrUnknown)
	}
	return c.status(), nil
}
