package reconciler_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
)

// thousand is a fleet of exactly 1,000 instances.
func thousand() fake.Fleet { return fake.Fleet{Deckies: 499, Services: []string{"ssh"}} }

// TestAThousandOperationsTakeLessThanASecond bounds an apply in a world that
// costs nothing itself. It counts the processor's time, which does not depend on
// who else is at work; BenchmarkApplyThousand has the clock's.
func TestAThousandOperationsTakeLessThanASecond(t *testing.T) {
	desired := thousand().Desired()
	b := newBench(t, t.TempDir(), fake.Options{})
	p := b.plan(desired, reconciler.PlanOptions{})
	if len(p.Steps) != len(desired.Instances) || len(p.Steps) != 1000 {
		t.Fatalf("%d steps", len(p.Steps))
	}
	begin, busy := time.Now(), processorTime(t)
	if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err != nil {
		t.Fatal(err)
	}
	took, busy := time.Since(begin), processorTime(t)-busy
	t.Logf("journaled apply of %d operations: %v, %v of the processor", len(p.Steps), took, busy)
	if busy > time.Second {
		t.Errorf("an apply of 1,000 operations took %v of the processor, more than 1 s", busy)
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
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
