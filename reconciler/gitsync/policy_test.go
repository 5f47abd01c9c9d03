package gitsync_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"
)

func manual(s *syncfile.Sync) { s.Policy = syncfile.Manual }

func (b *bench) pending() status.Pending {
	b.t.Helper()
	p := b.status().Pending
	if p == nil {
		b.t.Fatal("no plan waits")
	}
	return *p
}

func (b *bench) approve(id string) {
	b.t.Helper()
	b.must(b.m.Approve(b.t.Context(), "prod", id, "root"))
	b.wait(5 * time.Second)
}

func (b *bench) conflict(err error, says string) {
	b.t.Helper()
	if !errors.Is(err, gitsync.ErrConflict) || !strings.Contains(err.Error(), says) {
		b.t.Fatalf("error %v, want a conflict that says %q", err, says)
	}
}

func TestAPlanWaitsForApproval(t *testing.T) {
	within(t, manual, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.AwaitingApproval, status.False)
		first := b.pending()
		b.conflict(b.m.Approve(b.t.Context(), "prod", "nonsense", ""), first.ID)
		b.wait(time.Hour)
		b.alive("")
		if again := b.pending(); again.ID != first.ID || !again.Since.Equal(first.Since) {
			t.Errorf("the plan is %+v, was %+v", again, first)
		}
		b.approve(first.ID)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=1")
		if b.status().Pending != nil {
			t.Error("a plan waits still")
		}
		b.conflict(b.m.Approve(b.t.Context(), "prod", first.ID, ""), "no plan waits")
		history, err := b.m.History(b.t.Context(), "prod", 10)
		b.must(err)
		if len(history) != 3 || history[1].Action != "approve" || !strings.Contains(history[1].Message, first.ID+", by root") {
			t.Errorf("history is %+v", history)
		}
	})
}

// What is approved is one plan of one commit: another commit, or another plan of
// it, is not approved with it. Drift that comes and goes does not count.
func TestAnOldApprovalIsRefused(t *testing.T) {
	within(t, manual, func(b *bench) {
		b.server.push("one", "decky a 1", "decky b 1")
		b.start()
		b.wait(time.Second)
		b.approve(b.pending().ID)
		b.server.push("two", "decky a 2", "decky b 1")
		b.wait(time.Minute)
		second := b.pending()
		b.server.push("three", "decky a 2", "decky b 1", "decky c 1")
		b.wait(time.Minute)
		third := b.pending()
		b.conflict(b.m.Approve(b.t.Context(), "prod", second.ID, ""), third.ID)
		b.world.set(func(w *world) { w.live["decky.a"] = "2" }) // somebody applied part of it
		b.conflict(b.m.Approve(b.t.Context(), "prod", third.ID, ""), b.pendingAfter(third.ID))
		fourth := b.pending()
		b.world.set(func(w *world) { w.drifted["decky.b"] = true })
		b.alive("decky.a=2 decky.b=1")
		b.approve(fourth.ID)
		b.alive("decky.a=2 decky.b=1 decky.c=1")
	})
}

// pendingAfter is the beginning of what is said of an id that is not the one of
// now, whatever that is.
func (b *bench) pendingAfter(old string) string { return old + " is none or an older one" }

func TestAnApprovalOutlivesARestart(t *testing.T) {
	within(t, manual, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		id := b.pending().ID
		b.server.fail(errors.New("gone"))
		b.approve(id)
		b.expect(gitsync.FetchFailed, status.False)
		b.stop()
		b.alive("")
		b.server.fail(nil)
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=1")
	})
}

func TestAnApprovedPlanPassesTheFuses(t *testing.T) {
	limited := func(s *syncfile.Sync) {
		s.MaxDestroy = syncfile.Limit{Set: true, Percent: 25, Relative: true}
	}
	within(t, limited, func(b *bench) {
		var lines []string
		for i := range 8 {
			lines = append(lines, fmt.Sprintf("decky d%d 1", i))
		}
		b.server.push("one", lines...)
		b.start()
		b.wait(time.Second)
		b.server.push("two", append([]string{"decky d0 2", "decky d1 2"}, lines[2:]...)...)
		b.wait(time.Minute)
		b.expect(gitsync.Applied, status.True)
		b.server.push("three", lines...) // two again: just within
		b.wait(time.Minute)
		b.expect(gitsync.Applied, status.True)
		b.server.push("four", lines[3:]...)
		b.wait(time.Minute)
		r := b.expect(gitsync.DestroyLimit, status.False)
		id := b.pending().ID
		if !strings.Contains(r.Message, `3 of 8 deckies and networks; max_destroy = "25%" allows 2`) || !strings.Contains(r.Message, id) {
			t.Errorf("it says %q", r.Message)
		}
		b.approve(id)
		b.expect(gitsync.Applied, status.True)
		b.server.push("five", "# nothing")
		b.server.push("six")
		b.wait(time.Minute)
		b.expect(gitsync.PruneToEmpty, status.False)
		b.approve(b.pending().ID)
		b.expect(gitsync.Applied, status.True)
		b.alive("")
	})
}

func TestHealingIsNoDestruction(t *testing.T) {
	within(t, func(s *syncfile.Sync) {
		s.MaxDestroy, s.Policy = syncfile.Limit{Set: true}, syncfile.Manual
	}, func(b *bench) {
		b.server.push("one", "decky a 1", "decky b 1")
		b.start()
		b.wait(time.Second)
		b.approve(b.pending().ID)
		b.world.set(func(w *world) { w.drifted["decky.a"] = true })
		b.must(b.m.Now(b.t.Context(), "prod", ""))
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		if b.world.drifted["decky.a"] {
			t.Error("it was not healed")
		}
	})
}

func TestAllowEmpty(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.AllowEmpty = true }, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.server.push("two")
		b.wait(time.Minute)
		b.expect(gitsync.Applied, status.True)
		b.alive("")
	})
}

// TestObserveFindsDrift plans what is observed again, though no commit is new.
func TestObserveFindsDrift(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Policy = syncfile.Observe }, func(b *bench) {
		b.world.live["decky.a"] = "1"
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Observed, status.True)
		verified := len(b.judge.seen)
		b.world.set(func(w *world) { w.drifted["decky.a"] = true; delete(w.live, "decky.a") })
		b.wait(time.Minute)
		b.expect(gitsync.Differs, status.False)
		told := len(b.told())
		b.wait(time.Hour)
		if len(b.told()) != told || len(b.judge.seen) != verified {
			t.Errorf("the same drift was told as %v, and the commit verified %d times more", b.told(), len(b.judge.seen)-verified)
		}
		b.world.set(func(w *world) { w.planErr = errors.New("no answer") })
		b.wait(time.Minute)
		b.expect(gitsync.PlanFailed, status.False)
		b.world.set(func(w *world) { w.planErr, w.live["decky.a"] = nil, "1"; delete(w.drifted, "decky.a") })
		b.wait(time.Hour)
		b.expect(gitsync.Observed, status.True)
		if len(b.world.adopts) != 0 {
			t.Errorf("adopted %v", b.world.adopts)
		}
	})
}

// TestChangedValuesAreNoticed evaluates a commit again when a file of values is
// another, and only then.
func TestChangedValuesAreNoticed(t *testing.T) {
	within(t, nil, func(b *bench) {
		values := filepath.Join(b.dir, "prod.vars.hcl")
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(values, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		b.sync.VarFiles = []string{values}
		evaluated := 0
		b.evaluate = func(_ context.Context, _ string, s syncfile.Sync) (*schema.Desired, error) {
			evaluated++
			text, err := os.ReadFile(s.VarFiles[0])
			if err != nil {
				return nil, err
			}
			return &schema.Desired{Name: "test", Instances: []schema.Instance{{Address: "decky.a", Type: "decky", Digest: string(text)}}}, nil
		}
		write("1")
		b.server.push("one")
		b.start()
		b.wait(time.Second)
		b.alive("decky.a=1")
		b.wait(10 * time.Minute)
		if evaluated != 1 {
			t.Errorf("evaluated %d times", evaluated)
		}
		write("2")
		b.wait(time.Minute)
		b.alive("decky.a=2")
		if err := os.Remove(values); err != nil {
			t.Fatal(err)
		}
		b.wait(time.Minute)
		b.expect(gitsync.BuildFailed, status.False)
		b.alive("decky.a=2")
		b.wait(12 * time.Hour)
		before := evaluated
		write("3") // within the backoff
		b.wait(time.Minute)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=3")
		if evaluated != before+1 {
			t.Errorf("evaluated %d times for one change", evaluated-before)
		}
	})
}

func TestObserveChangesNothing(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Policy = syncfile.Observe }, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		if b.world.held == "" {
			t.Error("drift would be healed")
		}
		b.wait(time.Second)
		r := b.expect(gitsync.Differs, status.False)
		if !strings.Contains(r.Message, "1 to create") {
			t.Errorf("it says %q", r.Message)
		}
		b.wait(time.Hour)
		b.alive("")
		b.conflict(b.m.Approve(b.t.Context(), "prod", "x", ""), "no plan waits")
		b.world.set(func(w *world) { w.live["decky.a"] = "1" })
		b.must(b.m.Now(b.t.Context(), "prod", ""))
		b.wait(time.Second)
		b.expect(gitsync.Observed, status.True)
		b.must(b.m.Suspend(b.t.Context(), "prod", "lunch", ""))
		b.must(b.m.Resume(b.t.Context(), "prod", ""))
		if b.world.held == "" {
			t.Error("drift would be healed after a suspension")
		}
		if len(b.world.adopts) > 0 {
			t.Error("something was adopted")
		}
	})
}

// A window holds changes until it opens, approved ones, too; healing goes on.
func TestWindows(t *testing.T) {
	nightly := func(s *syncfile.Sync) {
		s.Windows = []syncfile.Window{{Name: "nights", From: 22 * 60, To: 5 * 60, Location: time.UTC}}
		s.Policy = syncfile.Manual
	}
	within(t, nightly, func(b *bench) { // it is midnight on 1 January 2000
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.approve(b.pending().ID)
		b.expect(gitsync.Applied, status.True)
		b.wait(6 * time.Hour)
		b.server.push("two", "decky a 2")
		b.wait(time.Minute)
		b.expect(gitsync.AwaitingApproval, status.False)
		b.approve(b.pending().ID)
		r := b.expect(gitsync.OutsideWindow, status.False)
		if !strings.Contains(r.Message, "2000-01-01T22:00:00Z") {
			t.Errorf("it says %q", r.Message)
		}
		b.world.set(func(w *world) { w.drifted["decky.a"] = true })
		b.stop()
		b.start()
		b.wait(time.Until(time.Date(2000, 1, 1, 21, 59, 59, 0, time.UTC)))
		b.alive("decky.a=1")
		b.wait(2 * time.Second)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=2")
	})
}

func failing(digest string) func(w *world) {
	return func(w *world) {
		w.adoptErr = func(d *schema.Desired) (bool, error) {
			for _, i := range d.Instances {
				if i.Digest == digest {
					return true, &reconciler.FailedError{Steps: []*reconciler.StepError{{Address: i.Address, Err: errors.New("no room")}}}
				}
			}
			return false, nil
		}
	}
}

func TestAnApplyThatFailsIsRolledBack(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Rollback = true }, func(b *bench) {
		b.world.set(failing("bad"))
		good := b.server.push("one", "decky a 1", "decky b 1")
		b.start()
		b.wait(time.Second)
		bad := b.server.push("two", "decky a 2", "decky b bad")
		b.wait(time.Minute)
		r := b.expect(gitsync.RolledBack, status.False)
		if !strings.Contains(r.Message, "no room") || !strings.Contains(r.Message, good[:12]) {
			t.Errorf("it says %q", r.Message)
		}
		b.alive("decky.a=1 decky.b=1")
		s := b.status()
		if s.Applied.Commit != good || s.Attempted.Commit != bad {
			t.Errorf("applied %s, attempted %s", s.Applied.Commit, s.Attempted.Commit)
		}
		tried := len(b.world.adopts)
		b.wait(24 * time.Hour)
		b.stop()
		b.start()
		b.wait(time.Hour)
		if len(b.world.adopts) != tried {
			t.Error("the bad commit was tried again")
		}
		b.must(b.m.Now(b.t.Context(), "prod", ""))
		b.wait(time.Second)
		if len(b.world.adopts) != tried+2 {
			t.Errorf("now tried it %d times", len(b.world.adopts)-tried)
		}
		b.expect(gitsync.RolledBack, status.False)
		b.server.push("three", "decky a 3", "decky b 3")
		b.wait(time.Minute)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=3 decky.b=3")
	})
}

// A rollback that fails, too, is tried again, and does not keep a better commit
// out.
func TestARollbackThatFails(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Rollback = true }, func(b *bench) {
		b.server.push("one", "decky a 1", "decky b 1")
		b.start()
		b.wait(time.Second)
		b.world.set(func(w *world) {
			w.adoptErr = func(d *schema.Desired) (bool, error) {
				return true, fmt.Errorf("no room for %s", d.Instances[0].Digest)
			}
		})
		b.server.push("two", "decky a 2", "decky b 2")
		b.wait(90 * time.Second)
		r := b.expect(gitsync.ApplyFailed, status.False)
		if !strings.Contains(r.Message, "no room for 2") || !strings.Contains(r.Message, "no room for 1") {
			t.Errorf("it says %q", r.Message)
		}
		b.world.set(func(w *world) { w.adoptErr = nil })
		b.server.push("three", "decky a 3", "decky b 3")
		b.wait(2 * time.Hour)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=3 decky.b=3")
	})
}

func TestAnApplyThatFailsWithoutRollbackIsTriedAgain(t *testing.T) {
	within(t, manual, func(b *bench) {
		b.world.set(failing("bad"))
		b.server.push("one", "decky a 1", "decky b bad")
		b.start()
		b.wait(time.Second)
		b.approve(b.pending().ID)
		b.expect(gitsync.ApplyFailed, status.False)
		b.wait(24 * time.Hour)
		if n := len(b.world.adopts); n < 24 || n > 40 {
			t.Errorf("it was tried %d times in a day", n)
		}
		b.world.set(func(w *world) { w.adoptErr = nil })
		b.wait(2 * time.Hour)
		b.expect(gitsync.Applied, status.True) // what was approved and begun goes on
		b.alive("decky.a=1 decky.b=bad")
	})
}

// Healing moves what a plan was made of; the plan is made again at once.
func TestAPlanThatHealingHasOvertaken(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.world.set(func(w *world) { w.stale = 3 })
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		b.world.set(func(w *world) { w.stale = 1000 })
		b.server.push("two", "decky a 2")
		b.wait(time.Minute)
		b.expect(gitsync.ApplyFailed, status.False)
		if n := 1000 - b.world.stale; n != 5 {
			t.Errorf("%d tries", n)
		}
	})
}

// An apply that was approved and failed half way lets nothing else through.
func TestAnApprovalIsOfOneCommit(t *testing.T) {
	within(t, manual, func(b *bench) {
		b.world.set(failing("bad"))
		b.server.push("one", "decky a 1", "decky b bad")
		b.start()
		b.wait(time.Second)
		b.approve(b.pending().ID)
		b.expect(gitsync.ApplyFailed, status.False)
		b.server.push("two", "decky a 2")
		b.wait(time.Hour)
		b.expect(gitsync.AwaitingApproval, status.False)
		b.alive("decky.a=1")
	})
}

// A plan that is made again and does something else is judged again: it may not
// pass the fuses in the place of the one that did.
func TestAPlanThatMovedIsJudgedAgain(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.MaxDestroy = syncfile.Limit{Set: true} }, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.world.set(func(w *world) { w.stale, w.moved = 1, func() { w.live["decky.b"] = "1" } })
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.DestroyLimit, status.False)
		b.wait(time.Hour)
		b.expect(gitsync.DestroyLimit, status.False)
		b.alive("decky.b=1")
	})
}

// A plan that is made again and does less, since a heal went ahead of it, is
// carried out at once and nobody hears of a failure.
func TestAPlanThatShrankIsCarriedOut(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1", "decky b 1")
		b.world.set(func(w *world) { w.stale, w.moved = 1, func() { w.live["decky.b"] = "1" } })
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=1 decky.b=1")
		if got, want := b.told(), []string{"sync.progress", "sync.applied"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// What was approved is one plan: another one that is made in its place waits.
func TestAnApprovalIsOfOnePlan(t *testing.T) {
	within(t, manual, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.world.set(func(w *world) { w.stale, w.moved = 1, func() { w.live["decky.b"] = "1" } })
		b.approve(b.pending().ID)
		b.wait(time.Hour)
		b.expect(gitsync.AwaitingApproval, status.False)
		b.alive("decky.b=1")
		b.approve(b.pending().ID)
		b.wait(time.Second)
		b.alive("decky.a=1")
	})
}
