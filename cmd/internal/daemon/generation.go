package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/webhook"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// generation is all that runs because of one reading of the daemon's file.
type generation struct {
	owner   *syncs
	file    *syncfile.File
	figures *metrics

	keepers    []*keeper
	sources    []*source
	dispatcher *delivery.Dispatcher
	manager    *gitsync.Manager
	receivers  []*webhook.Receiver
	inner      *run.Daemon
}

// SyncDir is where all that a sync remembers stands.
func SyncDir(dataDir, name string) string { return filepath.Join(dataDir, "sync", name) }

// StatePath is the state of a sync.
func StatePath(dataDir string, s syncfile.Sync) string {
	if s.State != "" {
		return s.State
	}
	return filepath.Join(SyncDir(dataDir, s.Name), "state.db")
}

// generate opens everything that the file names. Nothing runs yet.
func (d *syncs) generate(ctx context.Context, file *syncfile.File) (_ *generation, err error) {
	g := &generation{owner: d, file: file, figures: d.figures}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	var follows []gitsync.Follow
	for _, s := range file.Syncs {
		follow, err := g.follow(ctx, s)
		if err != nil {
			return nil, err
		}
		follows = append(follows, follow)
	}
	spool := filepath.Join(d.DataDir, "notifications")
	g.dispatcher, err = delivery.NewDispatcher(delivery.Config{Dir: spool, Options: delivery.Options{Dir: filepath.Dir(d.File)}, Log: d.Log})
	if err != nil {
		return nil, err
	}
	sinks := make([]schema.Sink, len(file.Sinks))
	for i, s := range file.Sinks {
		sinks[i] = s.Sink
	}
	g.dispatcher.SetSinks(sinks)
	g.manager, err = gitsync.New(gitsync.Config{Dir: d.DataDir, Syncs: follows, Evaluate: g.evaluate, Notify: g.notify, News: d.news, Log: d.Log})
	if err != nil {
		return nil, err
	}
	if err := g.hooks(); err != nil {
		return nil, err
	}
	config := run.Config{Log: d.Log, Notify: func(string) error { return nil }, Watchdog: -1, Hangup: make(chan os.Signal)}
	g.inner, err = run.New(config, g.parts()...)
	return g, err
}

// follow opens one sync: its state with the loop that keeps it, and its
// repository.
func (g *generation) follow(ctx context.Context, s syncfile.Sync) (gitsync.Follow, error) {
	d := g.owner
	dir := SyncDir(d.DataDir, s.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return gitsync.Follow{}, fmt.Errorf("sync %s: %w", s.Name, err)
	}
	k, err := keep(ctx, d.Host, g.site(s, dir), keeperOptions{holder: d.Holder, interval: s.Resync, log: d.Log, passed: g.passed})
	if err != nil {
		return gitsync.Follow{}, fmt.Errorf("sync %s: %w", s.Name, err)
	}
	g.keepers = append(g.keepers, k)
	if err := k.equip(ctx, dir); err != nil {
		d.Log.Error("sinks of the repository", "sync", s.Name, "error", err)
	}
	src, err := openSource(s, dir, k.log)
	if err != nil {
		return gitsync.Follow{}, err
	}
	g.sources = append(g.sources, src)
	follow := gitsync.Follow{Sync: s, Repository: src, Subject: subject{k}}
	if v := src.verifier(); v != nil {
		follow.Verifier = v
	}
	return follow, nil
}

// site is the configuration of a sync in a directory.
func (g *generation) site(s syncfile.Sync, dir string) Site { return SiteOf(g.owner.DataDir, s, dir) }

// SiteOf is the configuration of a sync in a directory.
func SiteOf(dataDir string, s syncfile.Sync, dir string) Site {
	path := StatePath(dataDir, s)
	return Site{
		Name: s.Name, Dir: dir, State: path, Secret: state.SecretPath(path), Given: true,
		VarFiles: s.VarFiles, Variables: s.Variables, Runtime: s.Runtime, Parallelism: s.Parallelism, Intel: s.Intel,
		Modules: filepath.Join(SyncDir(dataDir, s.Name), "modules"), Bounds: boundsOf(s, SyncDir(dataDir, s.Name)),
	}
}

// evaluate implements gitsync.Evaluate.
func (g *generation) evaluate(ctx context.Context, dir string, s syncfile.Sync) (*schema.Desired, error) {
	at := slices.IndexFunc(g.keepers, func(k *keeper) bool { return k.site.Name == s.Name })
	if at < 0 {
		return nil, fmt.Errorf("nobody keeps sync %s", s.Name)
	}
	site := g.site(s, dir)
	// Modules are fetched meanwhile: whoever serves them may take no longer than
	// the repository's own server.
	limited, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	desired, err := g.owner.Host.Evaluate(limited, g.keepers[at].session, site)
	if err != nil {
		return nil, err
	}
	return desired, site.Bounds.confine(desired)
}

// notify hands news on to the sinks: those of the daemon's file, and those of
// the repository that it is about.
func (g *generation) notify(n notification.Notification) {
	if n.ID == "" { // the same news has one id, whoever tells it
		n.ID = rand.Text()
	}
	g.figures.told(n)
	g.dispatcher.Notify(n)
	for _, k := range g.keepers {
		if k.site.Name == n.Sync && k.sinks != nil {
			k.sinks.Notify(n)
		}
	}
}

// passed tells what a pass found, but for what is well.
func (g *generation) passed(site string, p loop.Pass) {
	g.figures.passed(site, p)
	for _, n := range newsOf(site, p) {
		g.notify(n)
	}
}

// hooks makes a receiver for each address that webhooks are heard on.
func (g *generation) hooks() error {
	byAddress := map[string][]webhook.Hook{}
	var addresses []string
	hooks := map[string]syncfile.Webhook{}
	for i, w := range g.file.Webhooks {
		name := fmt.Sprintf("webhook %d", i+1)
		hooks[name] = w
		if byAddress[w.Listen] == nil {
			addresses = append(addresses, w.Listen)
		}
		byAddress[w.Listen] = append(byAddress[w.Listen], webhook.Hook{Name: name, Kind: webhook.Kind(w.Provider), Path: w.Path, SecretFile: w.SecretFile})
	}
	for _, address := range addresses {
		r, err := webhook.New(webhook.Config{Hooks: byAddress[address], Listen: address, Log: g.owner.Log, Wake: func(p webhook.Push) {
			syncs := hooks[p.Hook].Syncs
			if len(p.Repositories) == 0 {
				g.manager.Hook(gitsync.Hook{Ref: p.Ref, Syncs: syncs})
			}
			for _, url := range p.Repositories {
				g.manager.Hook(gitsync.Hook{Repository: url, Ref: p.Ref, Syncs: syncs})
			}
		}})
		if err != nil {
			return err
		}
		g.receivers = append(g.receivers, r)
	}
	return nil
}

// parts are what runs, in the order of its start.
func (g *generation) parts() []run.Part {
	blocking := func(do func(context.Context) error) func(context.Context, *run.Self) error {
		return func(ctx context.Context, self *run.Self) error {
			self.Ready()
			return do(ctx)
		}
	}
	parts := []run.Part{{Name: "notifications", Run: blocking(g.dispatcher.Run)}}
	for _, k := range g.keepers {
		if k.sinks != nil {
			parts = append(parts, run.Part{Name: "notifications " + k.site.Name, Run: blocking(k.sinks.Run)})
		}
	}
	for _, k := range g.keepers {
		parts = append(parts, k.part())
	}
	longest := time.Duration(0)
	for _, s := range g.file.Syncs {
		longest = max(longest, s.Timeout)
	}
	parts = append(parts, run.Part{Name: "repositories", Stall: stall + longest, Progress: g.progress, Run: blocking(g.manager.Run)})
	for i, r := range g.receivers {
		parts = append(parts, run.Part{Name: fmt.Sprintf("webhooks %d", i+1), Run: func(ctx context.Context, self *run.Self) error {
			if err := r.Listen(ctx); err != nil {
				return err
			}
			self.Ready()
			return r.Run(ctx)
		}})
	}
	return parts
}

// progress is when the syncs were last seen to be well: now, while none is
// overdue.
func (g *generation) progress() time.Time {
	now := time.Now()
	oldest := now
	for _, s := range g.manager.Status() {
		if s.Suspended == "" && !s.Next.IsZero() && s.Next.Before(oldest) {
			oldest = s.Next
		}
	}
	return oldest
}

// unready says why not everything is ready.
func (g *generation) unready() []string {
	var why []string
	for _, k := range g.keepers {
		why = append(why, k.unready()...)
	}
	for _, s := range g.manager.Status() {
		if c := s.Conditions.Get("Ready"); c.Status != "True" && s.Suspended == "" {
			why = append(why, fmt.Sprintf("%s: not ready: %s", s.Name, clean(c.Reason+" "+c.Message)))
		}
	}
	return slices.Compact(why)
}

func (g *generation) spooled() int {
	n := 0
	for _, s := range g.dispatcher.Status() {
		n += s.Queued
	}
	for _, k := range g.keepers {
		if k.sinks == nil {
			continue
		}
		for _, s := range k.sinks.Status() {
			n += s.Queued
		}
	}
	return n
}

// close gives back what generate opened. Nothing runs any more.
func (g *generation) close() error {
	var errs []error
	for _, s := range slices.Backward(g.sources) {
		errs = append(errs, s.close())
	}
	for _, k := range slices.Backward(g.keepers) {
		errs = append(errs, k.close())
	}
	if g.dispatcher != nil {
		errs = append(errs, g.dispatcher.Close())
	}
	return errors.Join(errs...)
}

// subject is a keeper as gitsync sees it.
type subject struct{ k *keeper }

var _ gitsync.Subject = subject{}

// Plan implements gitsync.Subject.
func (s subject) Plan(ctx context.Context, desired *schema.Desired) (*plan.Plan, error) {
	return s.k.loop.Plan(ctx, desired)
}

// Adopt implements gitsync.Subject.
func (s subject) Adopt(ctx context.Context, desired *schema.Desired, p *plan.Plan, command string) (*reconciler.Result, error) {
	return s.k.adopt(ctx, desired, p, command)
}

// Hold implements gitsync.Subject.
func (s subject) Hold(why string) { s.k.loop.Hold(why) }

// Release implements gitsync.Subject.
func (s subject) Release() { s.k.loop.Release() }

// Wake implements gitsync.Subject.
func (s subject) Wake(why string) { s.k.loop.Wake(why) }

// Report implements gitsync.Subject.
func (s subject) Report() gitsync.Report {
	r := s.k.loop.Report()
	return gitsync.Report{Conditions: r.Conditions, Deckies: r.Deckies, Drifts: r.Drifts}
}

// newsOf is what a pass is worth telling people.
func newsOf(site string, p loop.Pass) []notification.Notification {
	var out []notification.Notification
	tell := func(kind notification.Kind, severity notification.Severity, address, title, body string) {
		out = append(out, notification.Notification{
			Time: p.Began.Add(p.Took), Kind: kind, Severity: severity, Sync: site, Address: address, Title: title, Body: body,
			Key: strings.Join([]string{site, string(kind), address}, " "),
		})
	}
	for _, a := range p.Healed {
		tell(notification.Drifted, notification.Warning, string(a), fmt.Sprintf("%s: %s was changed behind decnet's back, and is healed", site, a), "")
	}
	failed := map[string]string{}
	for _, f := range p.Failed {
		failed[string(f.Address)] = f.Error
	}
	for _, a := range p.Stalled {
		tell(notification.Stalled, notification.Error, string(a), fmt.Sprintf("%s: %s cannot be healed", site, a), failed[string(a)])
	}
	for _, a := range p.Flapping {
		tell(notification.Stalled, notification.Error, string(a), fmt.Sprintf("%s: %s was healed again and again, and is left alone for a while", site, a), failed[string(a)])
	}
	for _, a := range p.Recovered {
		tell(notification.Recovered, notification.Info, string(a), fmt.Sprintf("%s: %s is well again", site, a), "")
	}
	return out
}
