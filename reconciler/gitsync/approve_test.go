package gitsync_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/syncfile"
)

// TestAMovedTagCanBeApproved hands the approval on to who remembers tags.
func TestAMovedTagCanBeApproved(t *testing.T) {
	within(t, func(s *syncfile.Sync) { s.Ref = syncfile.Ref{Kind: syncfile.Semver, Name: ">= 1.0"} }, func(b *bench) {
		b.server.ref = "refs/tags/v1.0.0"
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		b.expect(gitsync.Applied, status.True)
		moved := b.server.force("other", "decky a 2")
		b.server.fail(&gitsync.Failure{Reason: gitsync.HistoryRewritten, Err: errors.New("the tag v1.0.0 was moved"), Commit: status.Revision{Commit: moved, Ref: "refs/tags/v1.0.0"}})
		b.wait(time.Hour)
		b.expect(gitsync.HistoryRewritten, status.False)
		b.alive("decky.a=1")
		b.conflict(b.m.Approve(b.t.Context(), "prod", "0123456789ab", ""), moved[:12])
		if len(b.server.accepted) != 0 {
			t.Fatalf("accepted %q", b.server.accepted)
		}
		b.approve(moved[:12])
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=2")
		if diff := cmp.Diff([]string{"refs/tags/v1.0.0 " + moved}, b.server.accepted); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWhatTheVerifierCallsRewrittenCanBeApproved is as a rewritten branch is.
func TestWhatTheVerifierCallsRewrittenCanBeApproved(t *testing.T) {
	within(t, nil, func(b *bench) {
		b.server.push("one", "decky a 1")
		b.start()
		b.wait(time.Second)
		second := commitOf("two")
		b.judge.refuse(second, gitsync.Fail(gitsync.HistoryRewritten, errors.New("it does not descend")))
		b.server.push("two", "decky a 2")
		b.wait(time.Hour)
		b.expect(gitsync.HistoryRewritten, status.False)
		b.alive("decky.a=1")
		if id := b.pending().ID; id != second[:12] {
			t.Fatalf("%s waits", id)
		}
		b.judge.refuse(second, nil)
		b.approve(second[:12])
		b.expect(gitsync.Applied, status.True)
		b.alive("decky.a=2")
		if seen := b.judge.seen[len(b.judge.seen)-1]; seen != ".."+second {
			t.Errorf("verified %s, and nothing before the tip is to be trusted", seen)
		}
	})
}
