package loop_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler/loop"
)

func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// benchmarkPass is one look over a fleet where nothing is to do.
func benchmarkPass(b *testing.B, deckies int) {
	passed := make(chan loop.Pass, 1)
	bench := newBench(b, b.TempDir(), fake.Options{}, func(c *loop.Config) {
		c.Interval, c.Settle = time.Hour, time.Nanosecond
		c.Passed = func(p loop.Pass) { passed <- p }
	})
	bench.apply(fake.Fleet{Deckies: deckies, Services: []string{"ssh"}}.Desired())
	bench.run()
	time.Sleep(100 * time.Millisecond)
	for len(passed) > 0 {
		<-passed
	}
	var took, busy time.Duration
	passes := 0
	for b.Loop() {
		before := processorTime(b)
		bench.loop.Wake("benchmark")
		took += (<-passed).Took
		busy += processorTime(b) - before
		passes++
	}
	b.ReportMetric(float64(took.Milliseconds())/float64(passes), "ms/pass")
	b.ReportMetric(float64(busy.Milliseconds())/float64(passes), "cpu-ms/pass")
}

func BenchmarkPass100(b *testing.B)  { benchmarkPass(b, 100) }
func BenchmarkPass1000(b *testing.B) { benchmarkPass(b, 1000) }

// TestIdleCostsNothing bounds what a look over a hundred deckies costs where
// nothing happens, and tells what that is at the default interval. It counts the
// processor's time, which does not depend on who else is at work.
func TestIdleCostsNothing(t *testing.T) {
	bench := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) { c.Interval = time.Second })
	bench.apply(fake.Fleet{Deckies: 100, Services: []string{"ssh"}}.Desired())
	bench.run()
	time.Sleep(500 * time.Millisecond)
	before, passes, began := processorTime(t), len(bench.seen()), time.Now()
	time.Sleep(3 * time.Second)
	busy, passes := processorTime(t)-before, len(bench.seen())-passes
	if passes == 0 {
		t.Fatal("no pass in three seconds")
	}
	share := busy.Seconds() / time.Since(began).Seconds()
	each := busy / time.Duration(passes)
	t.Logf("%d passes over 100 deckies used %v of the processor, %v each: %.2f %% of a core at one in a second, %.3f %% at one in a minute", passes, busy, each, 100*share, 100*each.Seconds()/60)
	if each > 300*time.Millisecond {
		t.Errorf("a pass over 100 deckies uses %v of the processor: more than half a percent of a core at one in a minute", each)
	}
}
