package loop_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
)

func TestAStormCostsAFewPassesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(10 * time.Second)
		before, notices := len(b.seen()), b.loop.Metrics().Notices
		for i := range 5000 { // ten seconds
			if err := b.world.Change("rule.spray", func(map[string]any) {}); err != nil {
				t.Fatal(i, err)
			}
			time.Sleep(2 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(b.seen()) - before; n < 20 || n > 50 {
			t.Errorf("%d passes in ten seconds of storm, want 20 to 50", n)
		}
		if n := b.loop.Metrics().Notices - notices; n != 5000 {
			t.Errorf("%d notices were counted, want 5000", n)
		}
		for _, p := range b.seen()[before:] {
			if len(p.Why) > 8 {
				t.Errorf("a pass remembers %d reasons", len(p.Why))
			}
		}
		pause(10 * time.Second)
		before = len(b.seen())
		pause(30 * time.Second)
		if n := len(b.seen()) - before; n != 0 {
			t.Errorf("%d passes after the storm", n)
		}
	})
}

func TestNoticesOfOneMomentCostOnePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(10 * time.Second)
		before := len(b.seen())
		for i := range 3 {
			b.remove(fmt.Sprintf("decky.web[%d].service.ssh", i))
			time.Sleep(5 * time.Millisecond)
		}
		pause(time.Second)
		all := b.seen()[before:]
		if len(all) != 2 || len(all[0].Healed) != 3 || len(all[0].Why) != 3 || all[0].Drift != 3 {
			t.Errorf("passes: %+v", all)
		}
	})
}

func TestResyncHasJitterAndFindsWhatNobodyHeard(t *testing.T) {
	for _, random := range []float64{0, 0.5, 0.999} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) {
				c.Interval = 100 * time.Second
				c.Rand = func() float64 { return random }
			})
			b.apply(small())
			b.run()
			pause(time.Second)
			at := b.seen()[len(b.seen())-1].Began
			b.world.SetDeaf(true)
			b.remove("rule.spray")
			pause(110 * time.Second)
			next := b.seen()[len(b.seen())-2] // the last one confirms
			if got, want := next.Began.Sub(at), time.Duration((90+20*random)*float64(time.Second)); (got - want).Abs() > 10*time.Millisecond {
				t.Errorf("the resync came after %v, want %v", got, want)
			}
			if !b.has("rule.spray") {
				t.Error("the resync did not heal")
			}
		})
	}
}

func TestADeafWatcherIsStartedAgainAndAllIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) { c.Interval = time.Hour })
		b.apply(small())
		b.run()
		pause(time.Minute)
		b.world.Deafen(providers.RuntimeNative, errors.New("the stream ended"))
		synctest.Wait()
		pause(500 * time.Millisecond)
		b.remove("decky.web[0].service.ssh") // nobody hears that
		pause(100 * time.Millisecond)
		if b.has("decky.web[0].service.ssh") {
			t.Fatal("a deaf watcher heard")
		}
		pause(time.Second)
		if !b.has("decky.web[0].service.ssh") {
			t.Error("what happened while nobody heard was not healed")
		}
		if n := b.loop.Metrics().Deaf; n != 1 {
			t.Errorf("deaf %d times", n)
		}
		b.remove("decky.web[0].service.ssh")
		pause(100 * time.Millisecond)
		if !b.has("decky.web[0].service.ssh") {
			t.Error("it does not hear again")
		}
	})
}

// TestNothingIsLostBetweenTheLookAndTheWatch makes a fault at every moment of
// the start.
func TestNothingIsLostBetweenTheLookAndTheWatch(t *testing.T) {
	for after := time.Duration(0); after < 40*time.Millisecond; after += 5 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, t.TempDir(), fake.Options{Hook: func(_ context.Context, c fake.Call) error {
				if c.Op == "list" {
					time.Sleep(10 * time.Millisecond)
				}
				return nil
			}}, func(c *loop.Config) { c.Interval = time.Hour })
			b.apply(small())
			b.run()
			time.Sleep(after)
			b.remove("rule.spray")
			pause(2 * time.Second)
			if !b.has("rule.spray") {
				t.Errorf("a fault %v after the start was lost", after)
			}
		})
	}
}

func TestWaitsWhereNothingWasApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.run()
		pause(time.Minute)
		b.condition(status.Ready, status.Unknown, "NothingApplied")
		b.apply(small()) // by somebody else
		pause(2 * time.Minute)
		b.condition(status.Ready, status.True, "InSync")
		b.remove("decky.web[2]")
		pause(100 * time.Millisecond)
		if !b.has("decky.web[2]") {
			t.Error("the new lineage is not watched")
		}
		if r := b.loop.Report(); r.Lineage == "" || r.Serial == 0 || len(r.Deckies) != 3 || r.Next.Before(time.Now()) {
			t.Errorf("report: %+v", r)
		}
	})
}

func TestDesiredIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wanted, fails := small(), atomic.Bool{}
		b := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) {
			c.Desired = func(context.Context) (*schema.Desired, error) {
				if fails.Load() {
					return nil, errors.New("no such commit")
				}
				return wanted, nil
			}
		})
		b.apply(small())
		fails.Store(true)
		b.run()
		pause(10 * time.Second)
		b.condition(status.Ready, status.Unknown, "PlanFailed")
		if n := len(b.seen()); n < 4 || n > 6 {
			t.Errorf("%d passes in ten seconds of failure", n)
		}
		fails.Store(false)
		pause(20 * time.Second)
		b.condition(status.Ready, status.True, "InSync")
	})
}

func TestNewValidates(t *testing.T) {
	good := newBench(t, t.TempDir(), fake.Options{})
	registry, err := providers.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*loop.Config){
		"no engine":         func(c *loop.Config) { c.Engine = nil },
		"no store":          func(c *loop.Config) { c.Store = nil },
		"no registry":       func(c *loop.Config) { c.Registry = nil },
		"negative interval": func(c *loop.Config) { c.Interval = -1 },
		"negative failures": func(c *loop.Config) { c.Failures = -1 },
		"most before first": func(c *loop.Config) { c.Backoff = loop.Backoff{First: time.Minute, Most: time.Second} },
	} {
		c := loop.Config{Engine: good.engine, Store: good.store, Registry: registry}
		edit(&c)
		if _, err := loop.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRunsOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		stop := b.run()
		pause(time.Second)
		if err := b.loop.Run(t.Context()); err == nil {
			t.Error("it ran twice")
		}
		stop()
		b.run() // again, after its end
		pause(time.Second)
	})
}
