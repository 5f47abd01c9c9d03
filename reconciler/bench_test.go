package reconciler_test

import (
	"context"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
)

// thousand is a fleet of exactly 1,000 instances.
func thousand() fake.Fleet { return fake.Fleet{Deckies: 499, Services: []string{"ssh"}} }

// TestAThousandOperationsTakeLessThanASecond keeps the bound of an apply in a
// world that costs nothing itself.
func TestAThousandOperationsTakeLessThanASecond(t *testing.T) {
	desired := thousand().Desired()
	b := newBench(t, t.TempDir(), fake.Options{})
	p := b.plan(desired, reconciler.PlanOptions{})
	if len(p.Steps) != len(desired.Instances) || len(p.Steps) != 1000 {
		t.Fatalf("%d steps", len(p.Steps))
	}
	begin := time.Now()
	if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	t.Logf("journaled apply of %d operations: %v", len(p.Steps), took)
	if took > time.Second {
		t.Errorf("an apply of 1,000 operations took %v, more than 1 s", took)
	}
}

func BenchmarkApplyThousand(b *testing.B) {
	desired := thousand().Desired()
	for b.Loop() {
		b.StopTimer()
		bench := newBench(b, b.TempDir(), fake.Options{})
		p := bench.plan(desired, reconciler.PlanOptions{})
		b.StartTimer()
		if _, err := bench.engine.Apply(context.Background(), p, applyOptions()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		bench.store.Close()
		b.StartTimer()
	}
}

func benchmarkPlan(b *testing.B, deckies int, applied bool) {
	desired := fake.Fleet{Deckies: deckies, Services: []string{"ssh", "http", "redis"}}.Desired()
	bench := newBench(b, b.TempDir(), fake.Options{})
	if applied {
		bench.apply(desired, reconciler.PlanOptions{})
	}
	for b.Loop() {
		bench.plan(desired, reconciler.PlanOptions{})
	}
}

func BenchmarkPlanNew1000(b *testing.B)     { benchmarkPlan(b, 1000, false) }
func BenchmarkPlanNew5000(b *testing.B)     { benchmarkPlan(b, 5000, false) }
func BenchmarkPlanApplied1000(b *testing.B) { benchmarkPlan(b, 1000, true) }
func BenchmarkPlanApplied5000(b *testing.B) { benchmarkPlan(b, 5000, true) }
