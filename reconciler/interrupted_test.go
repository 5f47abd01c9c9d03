package reconciler_test

import (
	"testing"
	"time"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
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
