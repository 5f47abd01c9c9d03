package gitsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// controller follows one repository.
type controller struct {
	manager *Manager
	Follow
	sync  syncfile.Sync
	store store
	log   *slog.Logger

	turn chan struct{} // holds a token while the repository, exports or the subject are worked with
	poke chan struct{}

	holding sync.Mutex // held while the subject is told of what is written of a suspension

	mu      sync.Mutex // guards the fields below
	doc     document
	wanted  wake
	checked time.Time // the repository was last asked
	next    time.Time // it will be asked again
	looked  time.Time // the end of the last look that came to a verdict
	working bool      // something new is on its way
	asking  bool      // the repository is asked in this look

	// Only who has the turn touches these.
	fresh  bool            // everything is looked at, though nothing is new
	whole  map[string]bool // exports that this process wrote
	newest string          // the commit that was fetched last
	found  time.Time       // it was first seen
	asked  time.Time       // found, when those it depends on were woken for it
	fetch  pause
	used   string // digest of the inputs that the last look used
	moved  int    // plans of this look that did something else when they were made again
	// unfinished says that the subject is held until what a former daemon began
	// was gone on with.
	unfinished bool
}

// wake is what a look is told.
type wake struct {
	now  bool // asked for by somebody: no backoff counts
	hook bool // a hosting service said that something was pushed
}

// pause is the backoff of fetches.
type pause struct {
	fails int
	until time.Time
	last  time.Time // the last fetch began
}

// Bounds of pauses.
const (
	maxBackoff = time.Hour
	// maxRefused bounds the pause after a fetch that was refused: the server may
	// be asked often, but not for gigabytes or with a wrong password each time.
	maxRefused = 10 * time.Minute
	hookPause  = 2 * time.Second // between two fetches for hooks
)

// What subjects are held for.
const observing = "the policy is observe"

func newController(m *Manager, f Follow) (*controller, error) {
	switch {
	case f.Repository == nil || f.Subject == nil:
		return nil, errors.New("a repository and a subject are required")
	case f.Verifier == nil && f.Sync.Verify.Mode != syncfile.Unverified && f.Sync.Verify.Mode != "":
		return nil, errors.New("commits are to be verified, and there is no verifier")
	case f.Sync.Name == "" || filepath.Base(f.Sync.Name) != f.Sync.Name || f.Sync.Name == "." || f.Sync.Name == "..":
		return nil, errors.New("its name is no name of a directory")
	case f.Sync.Interval < syncfile.MinInterval:
		return nil, fmt.Errorf("its interval is below %s", syncfile.MinInterval)
	}
	c := &controller{
		manager: m, Follow: f, sync: f.Sync, fresh: true,
		whole: map[string]bool{},
		store: store{dir: filepath.Join(m.config.Dir, folder, f.Sync.Name), name: f.Sync.Name, written: m.config.Written},
		log:   m.config.Log.With("sync", f.Sync.Name),
		turn:  make(chan struct{}, 1), poke: make(chan struct{}, 1),
	}
	doc, err := c.store.load()
	if err != nil {
		return nil, err
	}
	c.doc = doc
	c.derive(&c.doc)
	why, _ := c.held(&doc)
	if c.unfinished = doc.Intent != nil; c.unfinished && why == "" {
		// What was applied before must not be healed into what is half applied.
		why = "commit " + short(doc.Intent.Revision.Commit) + " is being applied still"
	}
	if why != "" {
		c.Subject.Hold(why)
	}
	return c, nil
}

// held is why nothing may be changed, not even healed, and whether nothing may
// be looked at either; "" where all may.
func (c *controller) held(d *document) (why string, suspended bool) {
	switch {
	case c.sync.Suspend:
		return "suspend = true in the daemon's file", true
	case d.Suspend != nil:
		return d.Suspend.Why, true
	case c.sync.Policy == syncfile.Observe:
		return observing, false
	}
	return "", false
}

func (c *controller) suspended() (string, bool) {
	d := c.memory()
	return c.held(&d)
}

// memory is what is remembered now.
func (c *controller) memory() document {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doc
}

func (c *controller) wake(w wake) {
	c.mu.Lock()
	c.wanted.now = c.wanted.now || w.now
	c.wanted.hook = c.wanted.hook || w.hook
	c.mu.Unlock()
	select {
	case c.poke <- struct{}{}:
	default:
	}
}

func (c *controller) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *controller) release() { <-c.turn }

func (c *controller) now() time.Time { return c.manager.config.Now() }

// run looks at once, then at every interval and whenever it is woken.
func (c *controller) run(ctx context.Context) {
	for {
		c.look(ctx)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		wait := c.next.Sub(c.now())
		c.mu.Unlock()
		timer := time.NewTimer(max(wait, 0))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-c.poke:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// look is one look, and what comes of it.
func (c *controller) look(ctx context.Context) {
	if c.take(ctx) != nil {
		return
	}
	defer c.release()
	c.mu.Lock()
	w := c.wanted
	c.wanted = wake{}
	c.next = c.now().Add(c.sync.Interval + time.Duration(c.manager.config.Rand()*float64(c.sync.Jitter)))
	c.mu.Unlock()
	if _, is := c.suspended(); is {
		c.mu.Lock()
		c.next = c.now().Add(maxBackoff)
		c.mu.Unlock()
		c.update(func(*document) {}) //nolint:errcheck // said in the log
	} else {
		c.cycle(ctx, w)
	}
	if ctx.Err() != nil {
		return
	}
	c.deliver()
	c.mu.Lock()
	asked := c.asking
	c.looked, c.working, c.asking = c.now(), false, false
	c.mu.Unlock()
	if asked {
		c.manager.looked(c)
	}
}

// ready tells whether the newest commit is live, and why not.
func (c *controller) ready() (bool, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.doc.Facts.Get(status.Ready)
	if c.looked.IsZero() || c.working {
		return false, "it has not come to a verdict yet"
	}
	return r.Status == status.True, r.Reason + ": " + r.Message
}

// waits tells whether it waits for another sync.
func (c *controller) waits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doc.Waiting != ""
}

// seenSince tells whether the last whole look began after a time.
func (c *controller) seenSince(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.checked.Before(t) && !c.asking
}

// update changes what is remembered. Where it cannot be written, memory has it
// all the same and the error says so: who is about to touch what is alive must
// not go on.
func (c *controller) update(change func(d *document)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.doc
	change(&d)
	c.derive(&d)
	if reflect.DeepEqual(d, c.doc) {
		return nil
	}
	c.doc = d
	if err := c.store.save(d); err != nil {
		c.log.Error("what happened is not remembered", "error", err)
		return err
	}
	return nil
}

// derive sets the conditions from what is remembered.
func (c *controller) derive(d *document) {
	v, truth := d.Verdict, status.False
	why, suspended := c.held(d)
	switch {
	case suspended:
		v = verdict{Reason: Suspended, Message: "Suspended: " + why + "\n" + reasons[Suspended].remedy}
	case d.Trouble != nil:
		v = *d.Trouble
	case d.Waiting != "":
		v = verdict{Reason: DependencyNotReady, Message: d.Waiting}
	}
	stalled, working := status.False, status.False
	switch v.Reason {
	case "":
		v.Reason, truth = Progressing, status.Unknown
	case Applied, Observed:
		truth = status.True
	case Progressing:
		truth, working = status.Unknown, status.True
	}
	if reasons[v.Reason].stalled {
		stalled = status.True
	}
	now := c.now()
	for _, f := range []status.Condition{{Type: status.Ready, Status: truth}, {Type: status.Reconciling, Status: working}, {Type: status.Stalled, Status: stalled}} {
		f.Reason, f.Message, f.Updated = string(v.Reason), v.Message, now
		if old := d.Facts.Get(f.Type); old.Status == f.Status && old.Reason == f.Reason && old.Message == f.Message {
			continue // only what changed is written; Updated is made anew for readers
		}
		d.Facts = d.Facts.Set(f)
	}
}

// telling is a verdict on a revision, and what is said of it.
type telling struct {
	verdict
	revision *status.Revision
	action   string // of the history
	summary  string // of the plan
	plan     string // id of the plan that waits
	run      int64
}

// settle makes a verdict the sync's, and puts it into the history and among the
// news where it is another one than was told last.
func (c *controller) settle(d *document, t telling) {
	if t.revision != nil {
		t.Commit = t.revision.Commit
	}
	t.Message = clip(t.Message, maxMessage)
	d.Verdict = t.verdict
	key := string(t.Reason) + "/" + short(t.Commit)
	if t.plan != "" {
		key += "/" + t.plan
	}
	if key == d.Told || reasons[t.Reason].news == "" {
		return
	}
	d.Told = key
	c.tell(d, t, key)
}

// tell puts something into the history and among the news.
func (c *controller) tell(d *document, t telling, key string) {
	k := reasons[t.Reason]
	e := status.Entry{Time: c.now(), Action: t.action, Outcome: string(t.Reason), Message: t.Message, Summary: t.summary, Run: t.run}
	if t.revision != nil {
		e.Revision = *t.revision
	}
	d.enter(e)
	c.announce(d, k.news, k.severity, k.title, key, t)
}

// announce puts news into the outbox: what is written there is delivered, also
// after a crash, then under the same id.
func (c *controller) announce(d *document, kind notification.Kind, severity notification.Severity, title, key string, t telling) {
	n := notification.Notification{
		ID: c.manager.config.NewID(), Time: c.now(), Kind: kind, Severity: severity, Sync: c.sync.Name,
		Repository: c.sync.Repository, Plan: t.plan, Body: t.Message, Key: "sync/" + c.sync.Name + "/" + key,
	}
	subject := "sync " + c.sync.Name
	if t.revision != nil && t.revision.Commit != "" {
		n.Revision = t.revision.Commit
		subject += ": commit " + short(n.Revision)
	}
	if t.summary != "" {
		n.Body = strings.TrimPrefix(n.Body+"\nPlan: "+t.summary, "\n")
	}
	n.Title = line(subject+" "+title, maxTitle)
	d.Outbox = append(slices.Clip(d.Outbox), n)
	if extra := len(d.Outbox) - maxEvents; extra > 0 {
		d.Outbox = slices.Clone(d.Outbox[extra:])
	}
}

// deliver empties the outbox.
func (c *controller) deliver() {
	c.mu.Lock()
	waiting := c.doc.Outbox
	c.mu.Unlock()
	if len(waiting) == 0 {
		return
	}
	for _, n := range waiting {
		c.manager.events.add(n)
		if c.manager.config.Notify != nil {
			c.manager.config.Notify(n)
		}
		c.log.Log(context.Background(), level(n.Severity), n.Title, "kind", n.Kind, "message", n.Body)
	}
	c.update(func(d *document) { //nolint:errcheck // said in the log; the same ids are sent again
		d.Outbox = slices.DeleteFunc(slices.Clone(d.Outbox), func(n notification.Notification) bool {
			return slices.ContainsFunc(waiting, func(w notification.Notification) bool { return w.ID == n.ID })
		})
		if len(d.Outbox) == 0 {
			d.Outbox = nil
		}
	})
}

func level(s notification.Severity) slog.Level {
	switch s {
	case notification.Error:
		return slog.LevelError
	case notification.Warning:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
