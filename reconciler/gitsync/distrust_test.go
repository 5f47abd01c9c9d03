package gitsync_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"
)

// TestWhatWasBegunIsJudgedByTheFileOfNow ends the daemon in the middle of an
// apply, and changes what it may do before the next one goes on.
func TestWhatWasBegunIsJudgedByTheFileOfNow(t *testing.T) {
	const before, after = "decky.a=1 decky.b=1 decky.c=1", "decky.a=2 decky.b=2"
	for name, c := range map[string]struct {
		change func(b *bench)
		want   gitsync.Reason
		truth  status.Truth
		alive  string
	}{
		"nothing":    {func(*bench) {}, gitsync.Applied, status.True, after},
		"it is down": {func(b *bench) { b.server.fail(errors.New("nobody there")) }, gitsync.FetchFailed, status.False, after},
		"observe":    {func(b *bench) { b.sync.Policy = syncfile.Observe }, gitsync.Differs, status.False, before},
		"manual":     {func(b *bench) { b.sync.Policy = syncfile.Manual }, gitsync.AwaitingApproval, status.False, before},
		"a fuse": {func(b *bench) { b.sync.MaxDestroy = syncfile.Limit{Set: true, Count: 1} }, gitsync.DestroyLimit,
			status.False, before},
		"a window that is closed": {func(b *bench) {
			b.sync.Windows = []syncfile.Window{{Deny: true, From: 0, To: 24 * 60, Location: time.UTC}}
		}, gitsync.Applied, status.True, after},
		"a signer less": {func(b *bench) {
			b.judge.refuse(commitOf("two"), gitsync.Fail(gitsync.UnknownSigner, errors.New("who is that")))
		}, gitsync.UnknownSigner, status.False, before},
		"another repository": {func(b *bench) {
			b.sync.Repository = "https://git.example.com/net/other.git"
			b.server.push("other", "decky a 1", "decky b 1", "decky c 1")
		}, gitsync.Applied, status.True, before},
		"another repository that is down, to be observed": {func(b *bench) {
			b.sync.Repository, b.sync.Policy = "https://git.example.com/net/other.git", syncfile.Observe
			b.server.fail(errors.New("nobody there"))
		}, gitsync.FetchFailed, status.False, before},
		"another path": {func(b *bench) { b.sync.Path = "elsewhere" }, gitsync.BuildFailed, status.False, before},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, nil, func(b *bench) {
				b.server.push("one", "decky a 1", "decky b 1", "decky c 1")
				b.start()
				b.wait(time.Second)
				b.alive(before)
				b.server.push("two", "decky a 2", "decky b 2")
				b.world.set(func(w *world) { w.slow = time.Hour })
				b.wait(2 * time.Minute)
				b.stop() // the intent stands
				b.alive(before)
				b.world.set(func(w *world) { w.slow = 0 })
				c.change(b)
				b.start()
				b.wait(time.Second)
				b.alive(c.alive)
				b.expect(c.want, c.truth)
				b.wait(10 * time.Minute)
				b.alive(c.alive)
			})
		})
	}
}

// TestARollbackThatWasBegunIsNotCarriedOutWhereNothingMayBe is the same of a
// rollback.
func TestARollbackThatWasBegunIsNotCarriedOutWhereNothingMayBe(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Rollback = true }, func(b *bench) {
		b.server.push("one", "decky a 1", "decky b 1")
		b.start()
		b.wait(time.Second)
		b.server.push("two", "decky a 2", "decky b bad")
		b.world.set(failing("bad"))
		b.world.set(func(w *world) {
			fail := w.adoptErr
			w.adoptErr = func(d *schema.Desired) (bool, error) { w.slow = time.Hour; return fail(d) }
		})
		b.wait(2 * time.Minute)
		b.stop() // the rollback stands
		half := b.world.alive()
		b.world.set(func(w *world) { w.slow, w.adoptErr = 0, nil })
		b.sync.Policy = syncfile.Observe
		b.start()
		b.wait(time.Second)
		b.alive(half)
		b.expect(gitsync.Differs, status.False)
	})
}

// TestAVersionDoesNotGoBack takes away the tag that was applied, as whoever may
// write to a repository can without any key: an older one is signed as well.
func TestAVersionDoesNotGoBack(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Ref = syncfile.Ref{Kind: syncfile.Semver, Name: ">= 1.0"} }, func(b *bench) {
		tag := func(ref, title, content string) string {
			b.server.mu.Lock()
			b.server.ref = ref
			b.server.mu.Unlock()
			return b.server.force(title, "decky a "+content)
		}
		tag("refs/tags/v1.9.0", "one", "1")
		b.start()
		b.wait(time.Second)
		b.alive("decky.a=1")
		tag("refs/tags/v1.10.0", "two", "2") // of another branch: no descendant
		b.wait(2 * time.Minute)
		b.alive("decky.a=2")

		old := tag("refs/tags/v1.9.0", "one", "1")
		b.wait(2 * time.Minute)
		b.alive("decky.a=2")
		b.expect(gitsync.HistoryRewritten, status.False)
		if _, err := b.m.Plan(b.t.Context(), "prod"); err == nil {
			t.Error("the older version is planned")
		}
		b.must(b.m.Now(b.t.Context(), "prod", ""))
		b.wait(2 * time.Minute)
		b.alive("decky.a=2")
		b.stop()
		b.start() // nor does a restart let it through
		b.wait(2 * time.Minute)
		b.alive("decky.a=2")

		pending := b.status().Pending
		if pending == nil || pending.Revision.Commit != old {
			t.Fatalf("pending %+v", pending)
		}
		b.must(b.m.Approve(b.t.Context(), "prod", pending.ID, "root"))
		b.wait(time.Second)
		b.alive("decky.a=1")
		b.expect(gitsync.Applied, status.True)
		tag("refs/tags/v1.10.1", "three", "3")
		b.wait(2 * time.Minute)
		b.alive("decky.a=3")

		// The operator's own range may well mean an older one.
		b.stop()
		b.sync.Ref.Name = "~> 1.9.0"
		tag("refs/tags/v1.9.0", "one", "1")
		b.start()
		b.wait(time.Second)
		b.alive("decky.a=1")
	})
}

// TestADamagedExportIsNotBelieved empties the files of an exported commit, as
// a power failure does with what was not on the disk yet.
func TestADamagedExportIsNotBelieved(t *testing.T) {
	within(t, nil, func(b *bench) {
		id := b.server.push("one", "decky a 1", "decky b 1")
		b.start()
		b.wait(time.Second)
		b.alive("decky.a=1 decky.b=1")
		b.stop()
		name := filepath.Join(b.dir, "sync", "prod", "exports", id, "net", "main")
		if err := os.WriteFile(name, []byte("decky a 1"), 0o600); err != nil {
			t.Fatal(err)
		}
		b.start()
		b.wait(time.Second)
		b.alive("decky.a=1 decky.b=1")
		b.must(b.m.Now(b.t.Context(), "prod", ""))
		b.wait(time.Second)
		b.alive("decky.a=1 decky.b=1")
	})
}

// TestLettingEveryDeckyGoIsPruning forgets what it does not delete: nobody would
// keep it any more.
func TestLettingEveryDeckyGoIsPruning(t *testing.T) {
	forget := plan.Change{Type: "decky", Action: plan.Forget, Reasons: []plan.Reason{plan.Released}}
	for name, c := range map[string]struct {
		unchanged []plan.Unchanged
		others    []plan.Change
		want      gitsync.Reason
	}{
		"all":                      {want: gitsync.PruneToEmpty},
		"all but one":              {unchanged: []plan.Unchanged{{Address: "decky.z", Type: "decky"}}, want: gitsync.Applied},
		"all but one that is kept": {others: []plan.Change{{Address: "decky.z", Type: "decky", Action: plan.Quarantine, Reasons: []plan.Reason{plan.Drifted}}}, want: gitsync.Applied},
		"one, and another is deleted": {others: []plan.Change{{Address: "decky.z", Type: "decky", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}}},
			want: gitsync.PruneToEmpty},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, nil, func(b *bench) {
				forget.Address = "decky.a"
				b.world.set(func(w *world) {
					w.plans = &plan.Plan{Changes: append([]plan.Change{forget}, c.others...), Unchanged: c.unchanged}
				})
				b.server.push("one", "decky a 1")
				b.start()
				b.wait(time.Second)
				if got := b.status().Conditions.Get(status.Ready).Reason; got != string(c.want) {
					t.Errorf("%s, want %s", got, c.want)
				}
			})
		})
	}
}

// hesitant takes its time to be held.
type hesitant struct{ *world }

func (h hesitant) Hold(why string) {
	time.Sleep(200 * time.Microsecond)
	h.world.Hold(why)
}

// TestSuspendAndResumeAtOnce lets two operators disagree: what is written and
// what the subject was told must be the same.
func TestSuspendAndResumeAtOnce(t *testing.T) {
	b := newBench(t, nil)
	b.server.push("one", "decky a 1")
	config := b.config()
	config.Syncs[0].Subject = hesitant{b.world}
	m, err := gitsync.New(config)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		var group sync.WaitGroup
		group.Go(func() { m.Suspend(t.Context(), "prod", "lunch", "") }) //nolint:errcheck // what is written is looked at
		group.Go(func() { m.Resume(t.Context(), "prod", "") })           //nolint:errcheck // it may come first
		group.Wait()
		s, err := m.Get("prod")
		if err != nil {
			t.Fatal(err)
		}
		held := ""
		b.world.set(func(w *world) { held = w.held })
		if (held != "") != (s.Suspended != "") {
			t.Fatalf("suspended %q, held %q", s.Suspended, held)
		}
		m.Resume(t.Context(), "prod", "") //nolint:errcheck // it may be resumed
	}
}

// TestPushesDoNotFetchGigabytes pushes to a repository that is too large, again
// and again, as whoever may push can, and has the hosting service tell of it.
func TestPushesDoNotFetchGigabytes(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.server.fail(gitsync.Fail(gitsync.TooLarge, errors.New("it sends more bytes than may be received")))
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.TooLarge, status.False)
		for range 3600 / 3 {
			b.m.Hook(gitsync.Hook{Repository: b.sync.Repository})
			b.wait(3 * time.Second)
		}
		b.server.mu.Lock()
		fetches := b.server.fetches
		b.server.mu.Unlock()
		if fetches < 10 || fetches > 61 {
			t.Errorf("%d fetches in an hour", fetches)
		}
		b.server.fail(nil) // what mends it is found at once, or nearly so
		b.m.Hook(gitsync.Hook{Repository: b.sync.Repository})
		b.wait(3 * time.Second)
		for range 20 {
			b.m.Hook(gitsync.Hook{Repository: b.sync.Repository})
			b.wait(3 * time.Second)
		}
		b.expect(gitsync.Applied, status.True)
	})
}
