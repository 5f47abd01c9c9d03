package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// breaking is a hook that fails calls on some addresses.
type breaking struct {
	mu    sync.Mutex
	all   map[string]error
	tried map[string][]time.Time
}

func (b *breaking) hook(_ context.Context, c fake.Call) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.Moment != fake.Before || c.Op == "list" {
		return nil
	}
	if b.tried == nil {
		b.tried = map[string][]time.Time{}
	}
	if c.Op == "create" || c.Op == "update" {
		b.tried[c.Address] = append(b.tried[c.Address], time.Now())
	}
	return b.all[c.Address]
}

func (b *breaking) set(address string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]error{}
	}
	b.all[address] = err
}

// gaps are the pauses between tries on an address since a time, to the tenth of
// a second.
func (b *breaking) gaps(address string, since time.Time) []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []time.Duration
	var last time.Time
	for _, at := range b.tried[address] {
		if at.Before(since) {
			continue
		}
		if !last.IsZero() {
			all = append(all, at.Sub(last).Round(100*time.Millisecond))
		}
		last = at
	}
	return all
}

func (b *bench) recovered(a addr.Address) int {
	return b.count(func(p loop.Pass) []addr.Address { return p.Recovered }, a)
}
func (b *bench) stalled(a addr.Address) int {
	return b.count(func(p loop.Pass) []addr.Address { return p.Stalled }, a)
}
func (b *bench) healed(a addr.Address) int {
	return b.count(func(p loop.Pass) []addr.Address { return p.Healed }, a)
}
func (b *bench) flapped(a addr.Address) int {
	return b.count(func(p loop.Pass) []addr.Address { return p.Flapping }, a)
}

func (b *bench) count(of func(loop.Pass) []addr.Address, a addr.Address) int {
	n := 0
	for _, p := range b.seen() {
		if slices.Contains(of(p), a) {
			n++
		}
	}
	return n
}

func TestOneThatFailsBacksOffWhileOthersHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.apply(small())
		b.run()
		pause(time.Second)
		broken.set("decky.web[1].service.ssh", errors.New("no space"))
		begin := time.Now()
		b.remove("decky.web[1].service.ssh")
		pause(500 * time.Millisecond)
		b.condition(status.Ready, status.False, "HealingFails")
		b.condition(status.Reconciling, status.True, "Waiting")
		b.condition(status.Stalled, status.False, "NoFailures")
		b.condition(status.Healthy, status.False, "Degraded")
		for i := range 20 {
			b.remove("rule.spray")
			pause(20*time.Second + 100*time.Millisecond)
			if !b.has("rule.spray") {
				t.Fatalf("another address waits, too, at round %d", i)
			}
		}
		gaps := broken.gaps("decky.web[1].service.ssh", begin)
		want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128}
		for i := range want {
			want[i] *= time.Second
		}
		if fmt.Sprint(gaps) != fmt.Sprint(want) {
			t.Errorf("pauses %v, want %v", gaps, want)
		}
		b.condition(status.Stalled, status.True, "HealingFails")
		if m := b.loop.Report().Conditions.Get(status.Stalled).Message; !strings.Contains(m, "decky.web[1].service.ssh") || !strings.Contains(m, "no space") {
			t.Errorf("stalled: %s", m)
		}
		if n := b.stalled("decky.web[1].service.ssh"); n != 1 {
			t.Errorf("called stalled %d times", n)
		}
		broken.set("decky.web[1].service.ssh", nil)
		pause(5*time.Minute + time.Second)
		if !b.has("decky.web[1].service.ssh") || b.recovered("decky.web[1].service.ssh") != 1 {
			t.Error("it did not recover")
		}
		b.condition(status.Stalled, status.False, "NoFailures")
		b.condition(status.Ready, status.True, "InSync")
		b.condition(status.Healthy, status.True, "AllHealthy")
		if w := b.loop.Report().Waiting; len(w) != 0 {
			t.Errorf("waiting: %+v", w)
		}
	})
}

func TestBackoffEndsAtFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.apply(small())
		b.run()
		broken.set("rule.spray", errors.New("no"))
		b.remove("rule.spray")
		begin := time.Now()
		pause(2 * time.Hour)
		gaps := broken.gaps("rule.spray", begin)
		if last := gaps[len(gaps)-1]; last != 5*time.Minute || len(gaps) < 20 || len(gaps) > 40 {
			t.Errorf("pauses %v", gaps)
		}
	})
}

// TestWhatDependsOnItWaitsWithIt has a decky fail, and its service gone with it.
func TestWhatDependsOnItWaitsWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.apply(small())
		b.run()
		pause(time.Second)
		broken.set("decky.web[0]", errors.New("no"))
		begin := time.Now()
		b.remove("decky.web[0].service.ssh")
		b.remove("decky.web[0]")
		pause(30 * time.Second)
		if n := len(broken.gaps("decky.web[0].service.ssh", begin)); n != 0 {
			t.Errorf("the service was tried %d times without its decky", n+1)
		}
		broken.set("decky.web[0]", nil)
		pause(time.Minute)
		if !b.has("decky.web[0].service.ssh") {
			t.Error("the service did not come with its decky")
		}
		if d := b.loop.Report().Deckies[0]; d.Health != status.HealthHealthy || d.Sync != status.InSync {
			t.Errorf("decky: %+v", d)
		}
	})
}

// TestAServiceThatWaitsDoesNotHoldItsDecky has a service fail, and then its
// decky go: that must not wait for the service's time.
func TestAServiceThatWaitsDoesNotHoldItsDecky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.apply(small())
		b.run()
		broken.set("decky.web[0].service.ssh", errors.New("no"))
		b.remove("decky.web[0].service.ssh")
		pause(10 * time.Minute)
		b.remove("decky.web[0]")
		pause(200 * time.Millisecond)
		if !b.has("decky.web[0]") {
			t.Error("the decky waits for its service")
		}
	})
}

func TestFlappingBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { // somebody removes it as soon as it is there
			for ctx.Err() == nil {
				if b.has("rule.spray") {
					b.remove("rule.spray")
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
		pause(10 * time.Minute)
		if n := b.healed("rule.spray"); n < 10 || n > 20 {
			t.Errorf("healed %d times in ten minutes", n)
		}
		if b.flapped("rule.spray") == 0 {
			t.Error("nobody is told")
		}
		b.condition(status.Ready, status.False, "HealingFails")
		b.remove("decky.web[0]")
		pause(100 * time.Millisecond)
		if !b.has("decky.web[0]") {
			t.Error("others wait, too")
		}
		cancel()
		group.Wait()
		pause(20 * time.Minute)
		b.condition(status.Ready, status.True, "InSync")
		if w := b.loop.Report().Waiting; len(w) != 0 {
			t.Errorf("waiting: %+v", w)
		}
		b.remove("rule.spray")
		pause(100 * time.Millisecond)
		if !b.has("rule.spray") {
			t.Error("after its quiet it is not healed at once")
		}
	})
}

// TestBrokenNowAndThenIsHealedAtOnce breaks one address every five seconds for
// two minutes: each heal lasted, so none waits; after many more it does.
func TestBrokenNowAndThenIsHealedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		for n := range 24 {
			b.remove("rule.spray")
			pause(500 * time.Millisecond)
			if !b.has("rule.spray") {
				t.Fatalf("fault %d was not healed at once", n)
			}
			pause(4500 * time.Millisecond)
		}
		if b.flapped("rule.spray") != 0 {
			t.Error("it is said to flap")
		}
		for range 100 {
			if b.has("rule.spray") {
				b.remove("rule.spray")
			}
			pause(5 * time.Second)
		}
		if n := b.healed("rule.spray"); b.flapped("rule.spray") == 0 || n > 60 {
			t.Errorf("healed %d times, and nobody is told", n)
		}
	})
}

// TestWhatMustNotBeDestroyedKeepsNothingElse drifts so that only a replacement
// heals it.
func TestWhatMustNotBeDestroyedKeepsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desired := small()
		desired.Instances[1].Lifecycle.PreventDestroy = true // decky.web[0]
		b := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) {
			c.Desired = func(context.Context) (*schema.Desired, error) { return desired, nil }
		})
		b.apply(desired)
		b.run()
		pause(time.Second)
		err := b.world.Change("decky.web[0]", func(live map[string]any) { live["name"] = "drifted" })
		if err != nil {
			t.Fatal(err)
		}
		b.remove("decky.web[1]")
		pause(time.Second)
		if !b.has("decky.web[1]") {
			t.Error("the others do not heal")
		}
		pause(5 * time.Minute)
		b.condition(status.Stalled, status.True, "HealingFails")
		if m := b.loop.Report().Conditions.Get(status.Stalled).Message; !strings.Contains(m, "prevent_destroy") {
			t.Errorf("stalled: %s", m)
		}
		if n := len(b.seen()); n > 60 {
			t.Errorf("%d passes in five minutes", n)
		}
	})
}

func TestARefusalOfOneAddressIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.world.Foresee(providers.Finding{Severity: providers.SeverityError, Address: "decky.web[0]", Summary: "its parent is gone"})
		b.remove("decky.web[0]")
		b.remove("decky.web[1]")
		pause(time.Second)
		if b.has("decky.web[0]") || !b.has("decky.web[1]") {
			t.Error("what a provider refuses of one is refused of all")
		}
		b.world.Foresee()
		pause(time.Minute)
		b.condition(status.Ready, status.True, "InSync")
	})
}

func TestARefusalOfNoAddressFailsThePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.world.Foresee(providers.Finding{Severity: providers.SeverityError, Summary: "no macvlan here"})
		b.remove("decky.web[0]")
		before := len(b.seen())
		pause(5 * time.Minute)
		b.condition(status.Ready, status.False, "Refused")
		b.condition(status.Stalled, status.True, "Refused")
		if n := len(b.seen()) - before; n > 15 {
			t.Errorf("%d passes in five minutes", n)
		}
		b.world.Foresee()
		pause(5 * time.Minute)
		b.condition(status.Ready, status.True, "InSync")
	})
}

// TestWhatCannotBePutRightIsMadeAnew has every update of one decky fail.
func TestWhatCannotBePutRightIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{Hook: func(_ context.Context, c fake.Call) error {
			if c.Op == "update" && c.Moment == fake.Before && c.Address == "decky.web[0]" {
				return errors.New("it does not start")
			}
			return nil
		}})
		b.apply(small())
		b.run()
		pause(time.Second)
		before, _ := b.world.Get("decky.web[0]")
		if err := b.world.Change("decky.web[0]", func(live map[string]any) { live["personality"] = "windows" }); err != nil {
			t.Fatal(err)
		}
		pause(2 * time.Second)
		if now, _ := b.world.Get("decky.web[0]"); now.ID != before.ID {
			t.Error("it was made anew after one failure")
		}
		pause(time.Minute)
		if now, ok := b.world.Get("decky.web[0]"); !ok || now.ID == before.ID {
			t.Error("it was not made anew")
		}
		b.condition(status.Ready, status.True, "InSync")
	})
}
