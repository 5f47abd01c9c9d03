package gitsync_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// server is a repository that is not there.
type server struct {
	mu      sync.Mutex
	tip     string
	ref     string // empty: refs/heads/main
	parent  map[string]string
	files   map[string]string // by commit
	down    error
	slow    time.Duration
	fetches int
	// accepted are revisions that were refused, and are no longer.
	accepted []string
}

func (s *server) Accept(_ context.Context, r status.Revision) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted, s.down = append(s.accepted, r.Ref+" "+r.Commit), nil
	return nil
}

func newServer() *server {
	return &server{parent: map[string]string{}, files: map[string]string{}}
}

func commitOf(title string) string {
	sum := sha256.Sum256([]byte(title))
	return hex.EncodeToString(sum[:20])
}

// push makes a commit on top of the tip: its title is its identity.
func (s *server) push(title string, lines ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := commitOf(title)
	if id == s.tip {
		return id
	}
	s.parent[id], s.files[id], s.tip = s.tip, strings.Join(lines, "\n"), id
	return id
}

// force makes a commit without a parent the tip.
func (s *server) force(title string, lines ...string) string {
	id := s.push(title, lines...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parent[id] = ""
	return id
}

func (s *server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *server) Fetch(ctx context.Context, since string) (status.Revision, error) {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return status.Revision{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches++
	if s.down != nil {
		return status.Revision{}, s.down
	}
	rev := status.Revision{Commit: s.tip, Ref: cmp.Or(s.ref, "refs/heads/main"), Title: "a\x1b[31m commit\nand more"}
	if since == "" {
		return rev, nil
	}
	for at := s.tip; at != ""; at = s.parent[at] {
		if at == since {
			return rev, nil
		}
	}
	return status.Revision{}, &gitsync.Failure{Reason: gitsync.HistoryRewritten, Err: errors.New("it does not descend from " + since), Commit: rev}
}

func (s *server) Export(_ context.Context, commit, dir string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(filepath.Join(dir, "net"), 0o700); err != nil {
		return err
	}
	if target, link := strings.CutPrefix(s.files[commit], "link "); link {
		return os.Symlink(target, filepath.Join(dir, "net", "out"))
	}
	return os.WriteFile(filepath.Join(dir, "net", "main"), []byte(s.files[commit]), 0o600)
}

// judge refuses the commits that it has an error for.
type judge struct {
	mu     sync.Mutex
	errors map[string]error
	seen   []string
}

func (j *judge) Verify(_ context.Context, tip status.Revision, since string) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen = append(j.seen, since+".."+tip.Commit)
	return "ops", j.errors[tip.Commit]
}

func (j *judge) refuse(commit string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.errors == nil {
		j.errors = map[string]error{}
	}
	j.errors[commit] = err
}

// evaluate reads "decky NAME CONTENT" and "error TEXT".
func evaluate(_ context.Context, dir string, _ syncfile.Sync) (*schema.Desired, error) {
	text, err := os.ReadFile(filepath.Join(dir, "main"))
	if err != nil {
		return nil, err
	}
	d := &schema.Desired{Name: "test"}
	for _, l := range strings.Split(string(text), "\n") {
		words := strings.Fields(l)
		switch {
		case len(words) == 0:
		case words[0] == "error":
			return nil, errors.New(strings.Join(words[1:], " "))
		default:
			d.Instances = append(d.Instances, schema.Instance{Address: addr.Address(words[0] + "." + words[1]), Type: words[0], Digest: strings.Join(words[2:], " ")})
		}
	}
	return d, nil
}

// world is what is alive, and the loop that keeps it so.
type world struct {
	mu       sync.Mutex
	live     map[addr.Address]string
	wanted   map[addr.Address]string
	held     string
	adopts   []string
	plans    *plan.Plan // what Plan says, whatever is wanted
	planErr  error
	adoptErr func(d *schema.Desired) (touched bool, err error)
	stale    int
	moved    func() // what moved, each time that a plan is stale
	slow     time.Duration
	drifted  map[addr.Address]bool
	facts    status.Conditions
	moment   func(what string) // called around what touches the world
}

func newWorld() *world {
	return &world{live: map[addr.Address]string{}, drifted: map[addr.Address]bool{}, moment: func(string) {}}
}

func (w *world) Plan(_ context.Context, d *schema.Desired) (*plan.Plan, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.planErr != nil {
		return nil, w.planErr
	}
	if w.plans != nil {
		return w.plans, nil
	}
	return w.plan(d), nil
}

func (w *world) plan(d *schema.Desired) *plan.Plan {
	p := &plan.Plan{FormatVersion: plan.FormatVersion, Name: d.Name}
	want := map[addr.Address]schema.Instance{}
	for _, i := range d.Instances {
		want[i.Address] = i
		c := plan.Change{Address: i.Address, Type: i.Type, Digest: i.Digest}
		was, alive := w.live[i.Address]
		switch {
		case !alive && w.drifted[i.Address]:
			c.Action, c.Reasons = plan.Create, []plan.Reason{plan.Drifted}
			p.Summary.Create++
		case !alive:
			c.Action, c.Reasons = plan.Create, []plan.Reason{plan.NotInState}
			p.Summary.Create++
		case was != i.Digest:
			c.Action, c.Reasons = plan.Replace, []plan.Reason{plan.ConfigChanged}
			p.Summary.Replace++
		case w.drifted[i.Address]:
			c.Action, c.Reasons = plan.Replace, []plan.Reason{plan.Drifted}
			p.Summary.Replace++
		default:
			p.Unchanged = append(p.Unchanged, plan.Unchanged{Address: i.Address, Type: i.Type})
			continue
		}
		p.Changes = append(p.Changes, c)
	}
	for a := range w.live {
		if _, wanted := want[a]; !wanted {
			kind, _, _ := strings.Cut(string(a), ".")
			p.Changes = append(p.Changes, plan.Change{Address: a, Type: kind, Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}})
			p.Summary.Delete++
		}
	}
	slices.SortFunc(p.Changes, func(a, b plan.Change) int { return strings.Compare(string(a.Address), string(b.Address)) })
	return p
}

func (w *world) Adopt(ctx context.Context, d *schema.Desired, p *plan.Plan, command string) (*reconciler.Result, error) {
	w.mu.Lock()
	slow := w.slow
	w.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stale > 0 {
		w.stale--
		if w.moved != nil {
			w.moved()
		}
		return nil, &reconciler.StaleError{Moved: []string{"something moved"}}
	}
	w.moment("before adopting")
	defer w.moment("after adopting")
	w.adopts = append(w.adopts, command)
	var failed error
	if w.adoptErr != nil {
		touched, err := w.adoptErr(d)
		if failed = err; err != nil && !touched {
			return nil, err
		}
	}
	w.wanted = map[addr.Address]string{}
	for _, i := range d.Instances {
		w.wanted[i.Address] = i.Digest
	}
	if failed != nil { // the first change is made, the others are not
		for _, c := range p.Changes[:min(1, len(p.Changes))] {
			w.change(c)
		}
		return &reconciler.Result{Run: int64(len(w.adopts)), Failed: 1}, failed
	}
	for _, c := range p.Changes {
		w.change(c)
		w.moment("adopting")
	}
	return &reconciler.Result{Run: int64(len(w.adopts))}, nil
}

func (w *world) change(c plan.Change) {
	delete(w.drifted, c.Address)
	if c.Action == plan.Delete {
		delete(w.live, c.Address)
		return
	}
	w.live[c.Address] = c.Digest
}

func (w *world) Hold(why string) { w.mu.Lock(); defer w.mu.Unlock(); w.held = why }
func (w *world) Release()        { w.mu.Lock(); defer w.mu.Unlock(); w.held = "" }
func (w *world) Wake(string)     {}
func (w *world) Report() gitsync.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return gitsync.Report{Conditions: w.facts}
}

// alive is "decky.a=1 decky.b=2".
func (w *world) alive() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for a, digest := range w.live {
		out = append(out, fmt.Sprintf("%s=%s", a, digest))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (w *world) set(change func(w *world)) { w.mu.Lock(); defer w.mu.Unlock(); change(w) }

// bench is one sync with all its fakes.
type bench struct {
	t      *testing.T
	dir    string
	sync   syncfile.Sync
	server *server
	judge  *judge
	world  *world
	mu     sync.Mutex
	news   []notification.Notification
	m      *gitsync.Manager
	stop   func()
	die    func(name, moment string)
	// evaluate is what the configuration means; nil: evaluate.
	evaluate gitsync.Evaluate
	events   *gitsync.News
}

func newBench(t *testing.T, change func(s *syncfile.Sync)) *bench {
	b := &bench{t: t, dir: scratch(t), server: newServer(), judge: &judge{}, world: newWorld(), events: gitsync.NewNews(), sync: syncfile.Sync{
		Name: "prod", Repository: "https://git.example.com/net/decoys.git", Path: "net", Ref: syncfile.Ref{Kind: syncfile.Branch, Name: "main"},
		Interval: time.Minute, Timeout: 30 * time.Second, Policy: syncfile.Auto, Verify: syncfile.Verify{Mode: syncfile.Tip},
	}}
	if change != nil {
		change(&b.sync)
	}
	return b
}

// scratch is a directory in memory where there is one: what is written is synced
// every time.
func scratch(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "gitsync")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (b *bench) config() gitsync.Config {
	meaning := b.evaluate
	if meaning == nil {
		meaning = evaluate
	}
	return gitsync.Config{
		Dir: b.dir, Evaluate: meaning, News: b.events, Written: b.die, Rand: func() float64 { return 0 },
		Syncs: []gitsync.Follow{{Sync: b.sync, Repository: b.server, Verifier: b.judge, Subject: b.world}},
		Notify: func(n notification.Notification) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.news = append(b.news, n)
		},
	}
}

// start runs the daemon; stop ends it and waits.
func (b *bench) start() {
	b.t.Helper()
	m, err := gitsync.New(b.config())
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Run(ctx); err != nil {
			b.t.Errorf("Run: %v", err)
		}
	}()
	b.m, b.stop = m, sync.OnceFunc(func() { cancel(); <-done })
}

// wait lets time pass.
func (b *bench) wait(d time.Duration) {
	b.t.Helper()
	time.Sleep(d)
	synctest.Wait()
}

func (b *bench) status() status.Sync {
	b.t.Helper()
	s, err := b.m.Get(b.sync.Name)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// ready is the condition's reason, with its status where it is not what the
// reason suggests.
func (b *bench) expect(reason gitsync.Reason, truth status.Truth) status.Condition {
	b.t.Helper()
	r := b.status().Conditions.Get(status.Ready)
	if r.Reason != string(reason) || r.Status != truth {
		b.t.Fatalf("Ready is %s, %s (%s), want %s, %s", r.Status, r.Reason, r.Message, truth, reason)
	}
	return r
}

func (b *bench) alive(want string) {
	b.t.Helper()
	if got := b.world.alive(); got != want {
		b.t.Fatalf("alive is %q, want %q", got, want)
	}
}

// told are the kinds of news so far.
func (b *bench) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, n := range b.news {
		out = append(out, string(n.Kind))
	}
	return out
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// within runs a test with a clock of its own.
func within(t *testing.T, change func(s *syncfile.Sync), f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, change)
		defer func() {
			if b.stop != nil {
				b.stop()
			}
		}()
		f(b)
	})
}
