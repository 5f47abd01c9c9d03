package gitsync_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"
)

func (s *server) fetched() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetches
}

func TestSuspendOutlivesARestart(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.must(b.m.Suspend(b.t.Context(), "prod", "moving \x1b[2Jhouse", "eve"))
		if b.world.held != "moving [2Jhouse" {
			t.Errorf("held for %q", b.world.held)
		}
		b.server.push("two", "decky a 2")
		fetches := b.server.fetched()
		b.wait(time.Hour)
		r := b.expect(gitsync.Suspended, status.False)
		if !strings.Contains(r.Message, "house") {
			t.Errorf("it says %q", r.Message)
		}
		b.conflict(b.m.Now(b.t.Context(), "prod", ""), "suspended")
		b.conflict(b.m.Approve(b.t.Context(), "prod", "x", ""), "suspended")
		b.stop()
		b.world.Release()
		b.start()
		if b.world.held == "" {
			t.Error("it is not held after a restart")
		}
		b.wait(time.Hour)
		if b.server.fetched() != fetches {
			t.Error("the repository was asked")
		}
		b.alive("decky.a=1")
		b.must(b.m.Resume(b.t.Context(), "prod", "eve"))
		b.conflict(b.m.Resume(b.t.Context(), "prod", ""), "not suspended")
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=2")
		if b.world.held != "" {
			t.Error("it is held still")
		}
	})
}

// A commit that is on its way when somebody suspends is not applied any more.
func TestSuspendDuringAFetch(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.server.set(10 * time.Second)
		b.start()
		b.wait(5 * time.Second)
		b.must(b.m.Suspend(b.t.Context(), "prod", "wait", ""))
		b.wait(time.Hour)
		b.alive("")
		b.expect(gitsync.Suspended, status.False)
	})
}

func TestTheFileSuspends(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Suspend = true }, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Hour)
		b.expect(gitsync.Suspended, status.False)
		b.conflict(b.m.Resume(b.t.Context(), "prod", ""), "daemon's file")
		if b.server.fetched() > 0 || b.world.held == "" {
			t.Error("it works")
		}
	})
}

// A commit that fails is looked at again later and later, and at once when it is
// asked for; the repository is asked at the interval all the while.
func TestABadCommitIsNotTriedAtFullSpeed(t *testing.T) {
	within(t, nil, func(b *bench) {
		tries := 0
		b.server.push("one", "decky a 1")
		b.world.set(func(w *world) {
			w.adoptErr = func(*schema.Desired) (bool, error) { tries++; return false, errors.New("no") }
		})
		b.start()
		b.wait(24*time.Hour + time.Second)
		if tries < 24 || tries > 33 {
			t.Errorf("%d tries in a day", tries)
		}
		if n := b.server.fetched(); n != 24*60+1 {
			t.Errorf("%d fetches in a day", n)
		}
		before := tries
		b.must(b.m.Now(b.t.Context(), "prod", ""))
		b.wait(time.Second)
		if tries != before+1 {
			t.Error("now does not try")
		}
		if woken := b.m.Hook(gitsync.Hook{}); len(woken) != 1 {
			t.Errorf("woken: %v", woken)
		}
		b.wait(5 * time.Second)
		if tries != before+1 {
			t.Error("a webhook ends the backoff")
		}
	})
}

func TestADeniedFetchIsNotTriedAtFullSpeed(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.server.fail(gitsync.Fail(gitsync.AuthFailed, errors.New("denied")))
		b.start()
		b.wait(24 * time.Hour)
		if n := b.server.fetched(); n < 100 || n > 150 {
			t.Errorf("%d fetches in a day", n)
		}
		b.server.fail(nil)
		b.m.Hook(gitsync.Hook{})
		b.wait(5 * time.Second)
		b.expect(gitsync.Applied, status.True)
		if diff := cmp.Diff([]string{"sync.failed", "reconcile.recovered", "sync.progress", "sync.applied"}, b.told()); diff != "" {
			t.Error(diff)
		}
	})
}

// Hooks wake what follows the pushed reference, and however many come the
// repository is asked every two seconds at most.
func TestHooks(t *testing.T) {
	for _, c := range []struct {
		follows    syncfile.Ref
		repository string
		hook       gitsync.Hook
		want       bool
	}{
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "https://git.example.com/net/decoys.git", gitsync.Hook{}, true},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Repository: "git@GIT.example.com:net/decoys", Ref: "refs/heads/main"}, true},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "git@git.example.com:net/decoys.git", gitsync.Hook{Repository: "ssh://git@git.example.com:2222/net/decoys.git/"}, true},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Repository: "https://git.example.com/net/other.git"}, false},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Repository: "https://example.com/net/decoys.git"}, false},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Ref: "refs/heads/main2"}, false},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Ref: "refs/tags/main"}, false},
		{syncfile.Ref{Kind: syncfile.Tag, Name: "v1"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Ref: "refs/tags/v1"}, true},
		{syncfile.Ref{Kind: syncfile.Semver, Name: ">= 1"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Ref: "refs/tags/v1.2"}, true},
		{syncfile.Ref{Kind: syncfile.Semver, Name: ">= 1"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Ref: "refs/heads/v1.2"}, false},
		{syncfile.Ref{Kind: syncfile.Commit, Name: commitOf("x")}, "https://git.example.com/net/decoys.git", gitsync.Hook{Ref: "refs/heads/main"}, false},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "/srv/git/decoys", gitsync.Hook{Repository: "file:///srv/git/decoys"}, true},
		{syncfile.Ref{Kind: syncfile.Branch, Name: "main"}, "https://git.example.com/net/decoys.git", gitsync.Hook{Syncs: []string{"other"}}, false},
	} {
		within(t, func(s *syncfile.Sync) { s.Repository, s.Ref = c.repository, c.follows }, func(b *bench) {
			b.server.push("one", "decky a 1")
			b.start()
			b.wait(5 * time.Second)
			if got := len(b.m.Hook(c.hook)) == 1; got != c.want {
				t.Errorf("%+v wakes what follows %s of %s: %v", c.hook, c.follows, c.repository, got)
			}
			for range 1000 {
				b.m.Hook(c.hook)
				b.wait(10 * time.Millisecond)
			}
			if n := b.server.fetched(); c.want && n != 7 || !c.want && n != 1 {
				t.Errorf("%d fetches", n)
			}
		})
	}
}

func TestPlanShowsWhatWouldBeDone(t *testing.T) {
	within(t, manual, func(b *bench) {
		first := b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		id := b.pending().ID
		planned, err := b.m.Plan(b.t.Context(), "prod")
		b.must(err)
		if planned.Revision.Commit != first || planned.Pending == nil || planned.Pending.ID != id || len(planned.Plan.Changes) != 1 {
			t.Errorf("planned %+v", planned)
		}
		b.world.set(func(w *world) { w.live["decky.b"] = "1" })
		planned, err = b.m.Plan(b.t.Context(), "prod")
		b.must(err)
		if planned.Pending == nil || planned.Pending.ID == id || planned.Pending.ID != b.pending().ID {
			t.Errorf("the plan that waits is still %s", id)
		}
		b.server.push("two", "error no")
		_, err = b.m.Plan(b.t.Context(), "prod")
		var failure *gitsync.Failure
		if !errors.As(err, &failure) || failure.Reason != gitsync.BuildFailed {
			t.Errorf("error %v", err)
		}
		bad := b.server.push("three", "decky a 1")
		b.judge.refuse(bad, gitsync.Fail(gitsync.Unsigned, errors.New("no")))
		if _, err = b.m.Plan(b.t.Context(), "prod"); !errors.As(err, &failure) || failure.Reason != gitsync.Unsigned {
			t.Errorf("error %v", err)
		}
		b.alive("decky.b=1")
	})
}

func TestHistoryIsBounded(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Interval = 10 * time.Second }, func(b *bench) {
		push := func(from, to int) {
			for i := from; i < to; i++ {
				b.server.push(fmt.Sprint("c", i), fmt.Sprint("decky a ", i))
				b.wait(10 * time.Second)
			}
		}
		b.start()
		push(0, 5)
		b.stop()
		path := filepath.Join(b.dir, "sync", "prod", "sync.json")
		var document map[string]any
		data, err := os.ReadFile(path)
		b.must(err)
		b.must(json.Unmarshal(data, &document))
		all := document["history"].([]any)
		for len(all) < 998 {
			all = append(all, all[0])
		}
		document["history"] = all
		data, err = json.Marshal(document)
		b.must(err)
		b.must(os.WriteFile(path, data, 0o600))
		b.start()
		push(5, 15)
		history, err := b.m.History(b.t.Context(), "prod", 5000)
		b.must(err)
		if len(history) != 1000 || history[0].ID != 15 || history[0].Revision.Commit != commitOf("c14") {
			t.Errorf("%d entries, the newest is %+v", len(history), history[0])
		}
		events, err := b.m.Events(b.t.Context(), "prod", 3)
		b.must(err)
		if len(events) != 3 || events[0].Revision != commitOf("c14") {
			t.Errorf("events %+v", events)
		}
		b.stop()
		b.start()
		if again, err := b.m.Events(b.t.Context(), "prod", 3); err != nil || !cmp.Equal(events, again) {
			t.Errorf("after another Manager of the same News: %v: %s", err, cmp.Diff(events, again))
		}
		exports, err := os.ReadDir(filepath.Join(b.dir, "sync", "prod", "exports"))
		b.must(err)
		if len(exports) != 1 {
			t.Errorf("%d commits are kept on the disk", len(exports))
		}
		info, err := os.Stat(path)
		b.must(err)
		if info.Mode() != 0o600 || info.Size() > 1<<20 {
			t.Errorf("it is %v with %d bytes", info.Mode(), info.Size())
		}
	})
}

func TestRewrittenHistoryCanBeApproved(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.server.force("other", "decky a 2")
		b.wait(time.Minute)
		b.expect(gitsync.HistoryRewritten, status.False)
		stale := b.pending().ID
		forced := b.server.force("another", "decky a 3")
		b.wait(time.Hour)
		b.conflict(b.m.Approve(b.t.Context(), "prod", stale, ""), forced[:12])
		b.approve(forced[:12])
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=3")
		seen := b.judge.seen[len(b.judge.seen)-1]
		if seen != ".."+forced {
			t.Errorf("verified %s, and nothing before the tip is to be trusted", seen)
		}
	})
}

// Another repository, branch or range of versions has a history of its own.
func TestAnotherSourceHasAnotherHistory(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.stop()
		b.server.force("other", "decky a 2")
		b.sync.Ref.Name = "release"
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=2")
	})
}

func TestUnknownNames(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		ctx := b.t.Context()
		_, get := b.m.Get("x")
		_, planned := b.m.Plan(ctx, "x")
		_, history := b.m.History(ctx, "x", 1)
		_, events := b.m.Events(ctx, "x", 1)
		for _, err := range []error{get, planned, history, events, b.m.Approve(ctx, "x", "", ""), b.m.Suspend(ctx, "x", "", ""), b.m.Resume(ctx, "x", ""), b.m.Now(ctx, "x", "")} {
			if !errors.Is(err, gitsync.ErrUnknown) {
				t.Errorf("error %v", err)
			}
		}
	})
}

// What is no longer in the daemon's file is named, and its data stays.
func TestOrphans(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.stop()
		b.sync.Name = "other"
		b.start()
		if diff := cmp.Diff([]string{"prod"}, b.m.Orphans()); diff != "" {
			t.Error(diff)
		}
		if _, err := os.Stat(filepath.Join(b.dir, "sync", "prod", "sync.json")); err != nil {
			t.Error(err)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	good := newBench(t, nil)
	for what, change := range map[string]func(c *gitsync.Config){
		"no directory":     func(c *gitsync.Config) { c.Dir = "" },
		"no evaluation":    func(c *gitsync.Config) { c.Evaluate = nil },
		"no repository":    func(c *gitsync.Config) { c.Syncs[0].Repository = nil },
		"no verifier":      func(c *gitsync.Config) { c.Syncs[0].Verifier = nil },
		"a path for name":  func(c *gitsync.Config) { c.Syncs[0].Sync.Name = "../x" },
		"a short interval": func(c *gitsync.Config) { c.Syncs[0].Sync.Interval = time.Second },
		"twice":            func(c *gitsync.Config) { c.Syncs = append(c.Syncs, c.Syncs[0]) },
		"nobody upstream":  func(c *gitsync.Config) { c.Syncs[0].Sync.DependsOn = []string{"x"} },
		"damaged": func(c *gitsync.Config) {
			if err := os.MkdirAll(filepath.Join(c.Dir, "sync", "prod"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(c.Dir, "sync", "prod", "sync.json"), []byte(`{"version":1,"applied":{"commit":"../../etc"}}`), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		c := good.config()
		c.Dir = filepath.Join(dir, what)
		change(&c)
		if _, err := gitsync.New(c); err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
}

// A disk that takes nothing more keeps a commit from being applied, since nobody
// would know of it after a crash.
func TestAFullDisk(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		blocked := filepath.Join(b.dir, "sync", "prod", "sync.json.new")
		b.must(os.Mkdir(blocked, 0o700))
		b.server.push("two", "decky a 2")
		b.wait(time.Minute)
		r := b.expect(gitsync.ApplyFailed, status.False)
		if !strings.Contains(r.Message, "remember") {
			t.Errorf("it says %q", r.Message)
		}
		b.alive("decky.a=1")
		b.must(os.Remove(blocked))
		b.wait(2 * time.Hour)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=2")
	})
}

// A link in a commit that leads out of it is no directory of it.
func TestADirectoryThatIsALink(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Path = "net/out" }, func(b *bench) {
		outside := b.t.TempDir()
		b.must(os.WriteFile(filepath.Join(outside, "main"), []byte("decky a 1"), 0o600))
		b.server.push("one", "link "+outside)
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.BuildFailed, status.False)
		b.alive("")
	})
}

// What the subject finds wrong stands over what is well here.
func TestTheSubjectsConditions(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.world.set(func(w *world) {
			w.facts = w.facts.Set(status.Condition{Type: status.Healthy, Status: status.True, Reason: "Fine"})
			w.facts = w.facts.Set(status.Condition{Type: status.Ready, Status: status.False, Reason: "HealFailed"})
		})
		s := b.status()
		if r := s.Conditions.Get(status.Stalled); r.Status != status.False || r.Updated.Before(r.Since) || time.Since(r.Updated) > 2*time.Second {
			t.Errorf("Stalled is %+v", r)
		}
		if r := s.Conditions.Get(status.Ready); r.Reason != "HealFailed" {
			t.Errorf("Ready is %+v", r)
		}
		if r := s.Conditions.Get(status.Healthy); r.Status != status.True {
			t.Errorf("Healthy is %+v", r)
		}
		b.server.fail(errors.New("gone"))
		b.wait(time.Minute)
		if r := b.status().Conditions.Get(status.Ready); r.Reason != string(gitsync.FetchFailed) {
			t.Errorf("Ready is %+v", r)
		}
	})
}

func TestDependencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, front := newBench(t, nil), newBench(t, func(s *syncfile.Sync) { s.Name, s.DependsOn = "front", []string{"base"} })
		base.sync.Name = "base"
		config := base.config()
		config.Syncs = append(config.Syncs, front.config().Syncs...)
		m, err := gitsync.New(config)
		base.must(err)
		base.m, front.m = m, m
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }() //nolint:errcheck // it returns nil
		defer func() { cancel(); <-done }()

		base.server.push("b1", "error not yet")
		front.server.push("f1", "decky f 1")
		base.wait(10 * time.Minute)
		base.expect(gitsync.BuildFailed, status.False)
		r := front.expect(gitsync.DependencyNotReady, status.False)
		if !strings.Contains(r.Message, "sync.base is not ready: BuildFailed") {
			t.Errorf("it says %q", r.Message)
		}
		front.alive("")
		fetches := base.server.fetched()
		if fetches > 12 {
			t.Errorf("%d fetches upstream in ten minutes", fetches)
		}
		base.server.push("b2", "decky b 2")
		base.must(m.Now(ctx, "base", ""))
		base.wait(time.Second)
		front.expect(gitsync.Applied, status.True) // at once, not at the next interval
		front.alive("decky.f=1")

		// Both are pushed together: whichever is seen first, the upstream one is live first.
		base.world.set(func(w *world) { w.slow = 20 * time.Second })
		base.wait(30 * time.Second)
		base.server.push("b3", "decky b 3")
		front.server.push("f2", "decky f 2")
		base.must(m.Now(ctx, "front", ""))
		base.wait(10 * time.Second)
		front.alive("decky.f=1")
		front.expect(gitsync.DependencyNotReady, status.False)
		base.wait(20 * time.Second)
		base.alive("decky.b=3")
		front.alive("decky.f=2")
		front.expect(gitsync.Applied, status.True)
	})
}

// What the engine left unfinished and what drift drags along is healing; what
// the configuration changes is not, whatever else is true of it.
func TestWhatCountsAsHealing(t *testing.T) {
	config, other := []byte(`{"a":1}`), []byte(`{"a":2}`)
	for _, c := range []struct {
		name    string
		changes []plan.Change
		held    bool
	}{
		{"drift", []plan.Change{{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.Drifted}}}, false},
		{"drift and configuration", []plan.Change{{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.Drifted, plan.ConfigChanged}}}, true},
		{"tainted", []plan.Change{{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.Tainted}, Before: config, Config: config}}, false},
		{"tainted and another configuration", []plan.Change{{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.Tainted}, Before: config, Config: other}}, true},
		{"recycled", []plan.Change{{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.Recycled}, Before: config, Config: config}}, false},
		{"interrupted", []plan.Change{{Address: "decky.a", Type: "decky", Action: plan.Create, Reasons: []plan.Reason{plan.InterruptedCreate}}}, false},
		{"dragged along", []plan.Change{
			{Address: "network.n", Type: "network", Action: plan.Replace, Reasons: []plan.Reason{plan.Drifted}},
			{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.DependencyReplaced}, Because: "network.n", Before: config, Config: config},
		}, false},
		{"dragged along by a change", []plan.Change{
			{Address: "network.n", Type: "network", Action: plan.Replace, Reasons: []plan.Reason{plan.ConfigChanged}},
			{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.DependencyReplaced}, Because: "network.n", Before: config, Config: config},
		}, true},
		{"in a circle", []plan.Change{{Address: "decky.a", Type: "decky", Action: plan.Replace, Reasons: []plan.Reason{plan.DependencyReplaced}, Because: "decky.a"}}, true},
		{"an orphan", []plan.Change{{Address: "decky.o", Type: "decky", Action: plan.Delete, Reasons: []plan.Reason{plan.Orphan}}}, true},
		{"a service", []plan.Change{{Address: "decky.a.service.ssh", Type: "service", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}}}, true},
		{"moved", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			within(t, manual, func(b *bench) {
				b.world.set(func(w *world) {
					w.plans = &plan.Plan{Changes: c.changes, Unchanged: []plan.Unchanged{{Address: "decky.z", Type: "decky"}}}
					if c.changes == nil {
						w.plans.Moves = []plan.Moved{{From: "decky.a", To: "decky.b"}}
					}
				})
				b.server.push("one", "decky a 1")
				b.start()
				b.wait(time.Second)
				if c.held {
					b.expect(gitsync.AwaitingApproval, status.False)
				} else {
					b.expect(gitsync.Applied, status.True)
				}
			})
		})
	}
}

// A history that is put back as it was leaves nothing to approve.
func TestRewrittenHistoryThatComesBack(t *testing.T) {
	within(t, nil, func(b *bench) {
		first := b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		forced := b.server.force("other", "decky a 2")
		b.wait(time.Minute)
		if got := b.pending().ID; got != forced[:12] {
			t.Errorf("%s waits", got)
		}
		b.server.mu.Lock()
		b.server.tip = first
		b.server.mu.Unlock()
		b.wait(30 * time.Minute)
		b.expect(gitsync.Applied, status.True)
		if p := b.status().Pending; p != nil {
			t.Errorf("%+v waits still", p)
		}
	})
}
