package gitsync_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"
)

func TestACommitIsApplied(t *testing.T) {
	within(t, nil, func(b *bench) {
		first := b.server.push("one", "decky a 1", "decky b 1")
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=1 decky.b=1")
		second := b.server.push("two", "decky a 2", "decky b 1")
		b.wait(time.Minute)
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=2 decky.b=1")
		s := b.status()
		if s.Applied == nil || s.Applied.Commit != second || s.Applied.Signer != "ops" || s.Applied.Title != "a[31m commit" {
			t.Errorf("applied is %+v", s.Applied)
		}
		if diff := cmp.Diff([]string{"sync.progress", "sync.applied", "sync.progress", "sync.applied"}, b.told()); diff != "" {
			t.Error(diff)
		}
		b.judge.mu.Lock()
		if diff := cmp.Diff([]string{".." + first, first + ".." + second}, b.judge.seen); diff != "" {
			t.Error(diff)
		}
		b.judge.mu.Unlock()
		b.wait(10 * time.Minute)
		if n := len(b.world.adopts); n != 2 {
			t.Errorf("adopted %d times", n)
		}
		history, err := b.m.History(b.t.Context(), "prod", 1)
		b.must(err)
		if len(history) != 1 || history[0].Revision.Commit != second || history[0].Action != "apply" || history[0].Summary != "1 to replace" {
			t.Errorf("history is %+v", history)
		}
	})
}

// Whatever is wrong with a commit leaves what runs as it is, says why, and ends
// with a better commit.
func TestWhatIsWrongLeavesTheNetworkAsItWas(t *testing.T) {
	refused := func(reason gitsync.Reason) func(b *bench) {
		return func(b *bench) {
			b.judge.refuse(b.server.push("bad", "decky a 2"), gitsync.Fail(reason, errors.New("look at it")))
		}
	}
	unreachable := func(reason gitsync.Reason) func(b *bench) {
		return func(b *bench) { b.server.fail(gitsync.Fail(reason, errors.New("look at it"))) }
	}
	for _, c := range []struct {
		reason  gitsync.Reason
		stalled status.Truth
		bad     func(b *bench)
		says    string
		news    string
	}{
		{gitsync.FetchFailed, status.False, func(b *bench) { b.server.fail(errors.New("look at it")) }, "look at it", "sync.failed"},
		{gitsync.FetchFailed, status.False, func(b *bench) { b.server.set(time.Hour) }, "timeout of 30s", "sync.failed"},
		{gitsync.AuthFailed, status.True, unreachable(gitsync.AuthFailed), "look at it", "sync.failed"},
		{gitsync.TooLarge, status.True, unreachable(gitsync.TooLarge), "max_size", "sync.refused"},
		{gitsync.HistoryRewritten, status.True, func(b *bench) { b.server.force("bad", "decky a 2") }, "does not descend", "sync.refused"},
		{gitsync.Unsigned, status.True, refused(gitsync.Unsigned), "look at it", "sync.refused"},
		{gitsync.UnknownSigner, status.True, refused(gitsync.UnknownSigner), "look at it", "sync.refused"},
		{gitsync.BadSignature, status.True, refused(gitsync.BadSignature), "look at it", "sync.refused"},
		{gitsync.BadSignature, status.True, func(b *bench) { b.judge.refuse(b.server.push("bad", "decky a 2"), errors.New("look at it")) }, "look at it", "sync.refused"},
		{gitsync.ExpiredKey, status.True, refused(gitsync.ExpiredKey), "look at it", "sync.refused"},
		{gitsync.OutsidePath, status.True, refused(gitsync.OutsidePath), "look at it", "sync.refused"},
		{gitsync.BuildFailed, status.True, func(b *bench) { b.server.push("bad", "error main line 3: no such decky") }, "line 3", "sync.failed"},
		{gitsync.PlanFailed, status.False, func(b *bench) {
			b.server.push("bad", "decky a 2")
			b.world.set(func(w *world) { w.planErr = errors.New("look at it") })
		}, "look at it", "sync.failed"},
		{gitsync.DestroyLimit, status.True, func(b *bench) { b.server.push("bad", "decky a 2", "decky c 1") }, "2 of 2 deckies and networks; max_destroy = 1 allows 1", "sync.refused"},
		{gitsync.PruneToEmpty, status.True, func(b *bench) { b.server.push("bad", "network n 1") }, "every decky: 2 of 2", "sync.refused"},
		{gitsync.ApplyFailed, status.False, func(b *bench) {
			b.server.push("bad", "decky a 2", "decky b 1")
			b.world.set(func(w *world) {
				w.adoptErr = func(*schema.Desired) (bool, error) { return false, errors.New("look at it") }
			})
		}, "look at it", "sync.failed"},
	} {
		t.Run(string(c.reason), func(t *testing.T) {
			within(t, func(s *syncfile.Sync) { s.MaxDestroy = syncfile.Limit{Set: true, Count: 1} }, func(b *bench) {
				b.server.push("one", "decky a 1", "decky b 1")
				b.start()
				b.wait(time.Second)
				b.expect(gitsync.Applied, status.True)
				adopts := len(b.world.adopts)
				c.bad(b)
				b.wait(2 * time.Minute)
				r := b.expect(c.reason, status.False)
				if !strings.Contains(r.Message, c.says) {
					t.Errorf("it says %q, and nothing of %q", r.Message, c.says)
				}
				if got := b.status().Conditions.Get(status.Stalled).Status; got != c.stalled {
					t.Errorf("Stalled is %s", got)
				}
				b.alive("decky.a=1 decky.b=1")
				told := b.told()
				if got := told[len(told)-1]; got != c.news {
					t.Errorf("the news are %v, want %s in the end", told, c.news)
				}
				b.wait(3 * time.Hour)
				if c.reason != gitsync.ApplyFailed && len(b.world.adopts) != adopts {
					t.Error("something was adopted")
				}
				if again := b.told(); len(again) != len(told) {
					t.Errorf("it was told again: %v", again[len(told):])
				}
				b.alive("decky.a=1 decky.b=1")
				b.server.fail(nil)
				b.server.set(0)
				b.world.set(func(w *world) { w.planErr, w.adoptErr = nil, nil })
				if c.reason == gitsync.HistoryRewritten {
					b.server.mu.Lock()
					b.server.tip = commitOf("one")
					b.server.mu.Unlock()
				}
				b.server.push("good", "decky a 3", "decky b 1")
				b.wait(time.Hour)
				b.expect(gitsync.Applied, status.True)
				b.alive("decky.a=3 decky.b=1")
			})
		})
	}
}

func (s *server) set(slow time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow = slow
}
