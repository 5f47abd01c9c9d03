package reconciler_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/reconciler/state"
)

// TestWhatADeadRunHadDoneIsOnRecordAgain has a run die after an effect and
// before its result: what drifts afterwards is not its doing.
func TestWhatADeadRunHadDoneIsOnRecordAgain(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	id, _, err := b.store.BeginRun(t.Context(), state.Begin{Command: "apply", Holder: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	entry := state.Entry{Run: id, Address: "decky.web[0]", Action: "update", Started: time.Now()}
	if err := b.store.Intent(t.Context(), entry, state.Reserve{}); err != nil {
		t.Fatal(err)
	}
	p := b.plan(small(), reconciler.PlanOptions{})
	if !p.Empty() || len(p.Drift) != 0 || len(p.Records) != 1 || p.Records[0].Address != "decky.web[0]" {
		t.Errorf("the plan after the death: %v, drift %+v, records %+v", actions(p), p.Drift, p.Records)
	}
	b.apply(small(), reconciler.PlanOptions{})
	b.converged(small())
	b.change("decky.web[0]")
	if p := b.plan(small(), reconciler.PlanOptions{}); len(p.Drift) != 1 {
		t.Errorf("drift after it: %+v", p.Drift)
	}
}

// TestIPsOfADeadRunAreReleased has a run die after its last step: what it deleted
// gives its IP back though there is nothing left to do.
func TestIPsOfADeadRunAreReleased(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	fewer := fake.Fleet{Deckies: 1, Services: []string{"ssh"}}.Desired()
	b.apply(fewer, reconciler.PlanOptions{})
	meta, err := b.store.Meta(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path, owner := reservation.Path(filepath.Join(b.dir, "data")), reservation.Owner{Lineage: meta.Lineage, Name: meta.Name}
	left, err := reservation.Others(t.Context(), path, "")
	if err != nil || len(left) != 1 {
		t.Fatalf("held are %v (%v)", left, err)
	}
	if err := reservation.Reserve(t.Context(), path, owner, []reservation.Claim{{Network: left[0].Network, IP: "10.66.1.99", Address: "decky.web[2]"}}, false); err != nil {
		t.Fatal(err)
	}
	b.apply(fewer, reconciler.PlanOptions{})
	if now, err := reservation.Others(t.Context(), path, ""); err != nil || len(now) != 1 || now[0].IP != left[0].IP {
		t.Errorf("held are %v (%v), want %v", now, err, left)
	}
}
