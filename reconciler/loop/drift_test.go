package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// drifts are those on record, sorted, as "address reason action outcome".
func (b *bench) drifts() []string {
	b.t.Helper()
	all, err := b.store.Drifts(b.t.Context(), 100)
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []string
	for _, d := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s %s", d.Address, d.Reason, d.Action, d.Outcome))
		if d.Told.IsZero() {
			b.t.Errorf("of %s nobody was told", d.Address)
		}
	}
	slices.Sort(lines)
	return lines
}

func (b *bench) expectDrifts(want ...string) {
	b.t.Helper()
	slices.Sort(want)
	if got := b.drifts(); fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Errorf("drifts on record %q, want %q", got, want)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.told) != len(want) {
		b.t.Errorf("%d events, want %d", len(b.told), len(want))
	}
}

func (b *bench) change(address string) {
	b.t.Helper()
	if err := b.world.Change(address, func(live map[string]any) { live["personality"] = "windows" }); err != nil {
		b.t.Fatal(err)
	}
}

func lifecycle(l schema.Lifecycle) *schema.Desired {
	d := small()
	for i := range d.Instances {
		if d.Instances[i].Type == providers.TypeDecky {
			d.Instances[i].Lifecycle = l
		}
	}
	return d
}

func TestDriftIsToldBeforeItIsHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.change("decky.web[0]")
		b.remove("decky.web[1].service.ssh")
		pause(time.Second)
		b.expectDrifts("decky.web[1].service.ssh gone heal healed", "decky.web[0] changed heal healed")
		if d := b.loop.Report().Drifts; d.Healed != 2 || d.Open != 0 {
			t.Errorf("counts: %+v", d)
		}
	})
}

func TestReportedDriftIsPutOnRecordOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(lifecycle(schema.Lifecycle{OnDrift: "report"}))
		b.run()
		pause(time.Second)
		b.change("decky.web[0]")
		pause(10 * time.Minute)
		b.expectDrifts("decky.web[0] changed report ")
		b.condition(status.Ready, status.False, "DriftReported")
		if d := b.loop.Report().Deckies[0]; d.Sync != status.OutOfSync || d.Health != status.HealthDegraded {
			t.Errorf("decky: %+v", d)
		}
		if d := b.loop.Report().Drifts; d.Open != 1 || d.Healed != 0 {
			t.Errorf("counts: %+v", d)
		}
		// Whoever did it undoes it, which is on record as well.
		b.world.SetDeaf(true)
		if err := b.world.Change("decky.web[0]", func(live map[string]any) { live["personality"] = "linux" }); err != nil {
			t.Fatal(err)
		}
		pause(2 * time.Minute)
		b.expectDrifts("decky.web[0] changed report undone")
		b.condition(status.Ready, status.True, "InSync")
	})
}

func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.mu.Lock()
		b.deaf = errors.New("the disk is full")
		b.mu.Unlock()
		b.remove("rule.spray")
		pause(10 * time.Second)
		if !b.has("rule.spray") {
			t.Error("not healed since nobody could be told")
		}
		if n := len(b.seen()); n > 15 {
			t.Errorf("%d passes in ten seconds", n)
		}
		b.mu.Lock()
		b.deaf = nil
		b.mu.Unlock()
		pause(30 * time.Second)
		b.expectDrifts("rule.spray gone heal healed")
	})
}

func TestAHeldLoopPutsDriftOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.loop.Hold("suspended")
		b.change("decky.web[0]")
		b.remove("rule.spray")
		pause(5 * time.Minute)
		b.expectDrifts("rule.spray gone heal ", "decky.web[0] changed heal ")
		if b.has("rule.spray") {
			t.Error("a held loop heals")
		}
		if n := len(b.seen()); n > 12 {
			t.Errorf("%d passes in five minutes", n)
		}
		b.loop.Release()
		pause(time.Second)
		b.expectDrifts("rule.spray gone heal healed", "decky.web[0] changed heal healed")
	})
}

// TestDriftThatWaitsIsToldOnce fails to heal it again and again.
func TestDriftThatWaitsIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.apply(small())
		b.run()
		pause(time.Second)
		broken.set("rule.spray", errors.New("no"))
		b.remove("rule.spray")
		pause(30 * time.Minute)
		broken.set("rule.spray", nil)
		b.remove("decky.web[0]") // meanwhile
		pause(10 * time.Minute)
		b.expectDrifts("decky.web[0] gone heal healed", "rule.spray gone heal healed")
	})
}

func TestRecyclesAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(lifecycle(schema.Lifecycle{RecycleAfter: "90m"}))
		made := time.Now()
		id := func() string { o, _ := b.world.Get("decky.web[0]"); return o.ID }
		first := id()
		b.run()
		pause(89*time.Minute + 59*time.Second)
		if id() != first {
			t.Fatal("recycled before its time")
		}
		pause(1100 * time.Millisecond)
		second := id()
		if second == first {
			t.Errorf("%v after it was made it is not recycled", time.Since(made))
		}
		b.condition(status.Ready, status.True, "InSync")
		pause(80 * time.Minute)
		if id() != second {
			t.Error("recycled twice")
		}
		b.loop.Hold("suspended")
		pause(time.Hour)
		if id() != second {
			t.Error("a held loop recycles")
		}
		b.loop.Release()
		pause(time.Second)
		if id() == second {
			t.Error("what is due after a hold is not recycled")
		}
		b.expectDrifts()
	})
}

// TestRecyclesWhatSomebodyGotInto asks in vain until there is whom to ask, and
// says so.
func TestRecyclesWhatSomebodyGotInto(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) { c.Interval = time.Hour })
		b.blind = errors.New("there is no database")
		b.apply(lifecycle(schema.Lifecycle{RecycleOn: []string{reconciler.OnLogin}}))
		first, _ := b.world.Get("decky.web[0]")
		b.run()
		pause(time.Second)
		b.condition(status.Ready, status.True, "RecycleBlind")
		b.mu.Lock()
		b.blind, b.got = nil, map[addr.Address]string{"decky.web[0]": "login at noon"}
		b.mu.Unlock()
		pause(70 * time.Second)
		b.mu.Lock()
		b.got = nil
		b.mu.Unlock()
		second, _ := b.world.Get("decky.web[0]")
		if second.ID == first.ID {
			t.Error("somebody got in, and it is not recycled")
		}
		pause(70 * time.Second)
		b.condition(status.Ready, status.True, "InSync")
		if third, _ := b.world.Get("decky.web[0]"); third.ID != second.ID {
			t.Error("it is recycled again")
		}
		b.expectDrifts()
	})
}

// TestARecycleThatFailsDoesNotSpin fails it for an hour.
func TestARecycleThatFailsDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.apply(lifecycle(schema.Lifecycle{RecycleAfter: "90m"}))
		b.run()
		broken.set("decky.web[0]", errors.New("no"))
		pause(100 * time.Minute)
		before := len(b.seen())
		pause(50 * time.Minute)
		if n := len(b.seen()) - before; n > 80 {
			t.Errorf("%d passes in fifty minutes", n)
		}
		b.condition(status.Stalled, status.True, "HealingFails")
		broken.set("decky.web[0]", nil)
		pause(6 * time.Minute)
		b.condition(status.Ready, status.True, "InSync")
	})
}

// TestWhatHealedByItselfIsToldOnce restarts objects as an engine would.
func TestWhatHealedByItselfIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{Cascade: true})
		b.apply(small())
		stop := b.run()
		pause(time.Minute)
		restart := func(a string) {
			if err := b.world.Restart(a); err != nil {
				t.Fatal(err)
			}
		}
		restart("decky.web[0].service.ssh")
		pause(time.Minute)
		restart("decky.web[1]") // and its service with it
		pause(time.Minute)
		if n := len(b.world.Calls()); n != 7+1 {
			t.Errorf("%d calls: something was healed that was whole", n)
		}
		stop()
		restart("decky.web[2].service.ssh") // while nobody looks
		b.run()
		pause(time.Minute)
		b.expectDrifts("decky.web[0].service.ssh restarted none by itself", "decky.web[1] restarted none by itself", "decky.web[2].service.ssh restarted none by itself")
		if d := b.loop.Report().Drifts; d.ByItself != 3 || d.Healed != 0 {
			t.Errorf("counts: %+v", d)
		}
		b.condition(status.Ready, status.True, "InSync")
	})
}

// TestWhatNeverSettlesDoesNotSpin has an object restart whenever it is looked at.
func TestWhatNeverSettlesDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		var restless atomic.Bool
		b = newBench(t, t.TempDir(), fake.Options{Hook: func(_ context.Context, c fake.Call) error {
			if restless.Load() && c.Op == "list" && c.Kind == (providers.Kind{Type: providers.TypeService, Runtime: providers.RuntimeNative}) {
				return b.world.Restart("decky.web[0].service.ssh")
			}
			return nil
		}})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.world.SetDeaf(true)
		restless.Store(true)
		before := len(b.seen())
		pause(10 * time.Minute)
		if n := len(b.seen()) - before; n < 8 || n > 30 {
			t.Errorf("%d passes in ten minutes", n)
		}
		restless.Store(false)
		pause(2 * time.Minute)
		b.condition(status.Ready, status.True, "InSync")
		b.condition(status.Reconciling, status.False, "Idle")
	})
}

func TestQuarantineKeepsADeckyForStudy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(lifecycle(schema.Lifecycle{OnDrift: "quarantine", RecycleAfter: "1h"}))
		b.run()
		pause(time.Second)
		b.change("decky.web[1]")
		pause(time.Second)
		if n := b.count(func(p loop.Pass) []addr.Address { return p.Isolated }, "decky.web[1]"); n != 1 {
			t.Errorf("isolated %d times", n)
		}
		before := len(b.seen())
		pause(50 * time.Minute)
		if n := len(b.seen()) - before; n > 52 {
			t.Errorf("%d passes in fifty minutes of study", n)
		}
		if o, _ := b.world.Get("decky.web[1]"); !o.Cut || string(o.Live) == string(o.Config) {
			t.Errorf("not kept as it was: %+v", o)
		}
		b.expectDrifts("decky.web[1] changed quarantine quarantined")
		b.condition(status.Ready, status.False, "Quarantined")
		b.condition(status.Healthy, status.False, "Quarantined")
		if d := b.loop.Report().Deckies[1]; d.Health != status.HealthQuarantined || d.Message == "" {
			t.Errorf("decky: %+v", d)
		}
		pause(time.Hour) // the others are recycled, it is not
		if o, _ := b.world.Get("decky.web[1]"); !o.Cut {
			t.Error("what is kept for study was recycled")
		}
	})
}
