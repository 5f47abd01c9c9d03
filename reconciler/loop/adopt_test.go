package loop_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
)

func larger() *schema.Desired {
	return fake.Fleet{Deckies: 5, Services: []string{"ssh"}}.Desired()
}

func (b *bench) plan(desired *schema.Desired) *plan.Plan {
	b.t.Helper()
	p, err := b.loop.Plan(b.t.Context(), desired)
	if err != nil {
		b.t.Fatalf("plan: %v", err)
	}
	return p
}

func (b *bench) adopt(desired *schema.Desired) *reconciler.Result {
	b.t.Helper()
	result, err := b.loop.Adopt(b.t.Context(), desired, b.plan(desired), "sync")
	if err != nil {
		b.t.Fatalf("adopt: %v", err)
	}
	return result
}

func TestAdoptIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{}, func(c *loop.Config) { c.Runtime = providers.RuntimeNative })
		b.run()
		pause(time.Second)
		if r := b.adopt(small()); r.Created != 8 {
			t.Errorf("result: %+v", r)
		}
		pause(time.Second)
		b.condition(status.Ready, status.True, "InSync")
		b.adopt(larger())
		b.remove("decky.web[4]")
		pause(time.Second)
		if !b.has("decky.web[4].service.ssh") {
			t.Error("what was adopted is not kept")
		}
		b.adopt(small())
		pause(time.Second)
		if b.has("decky.web[4]") || !b.has("decky.web[2]") {
			t.Error("the loop keeps what is no longer wanted")
		}
		runs, err := b.store.Runs(t.Context(), 1)
		if err != nil || runs[0].Command != "sync" || !strings.HasPrefix(runs[0].Holder, "tester@here") {
			t.Errorf("history: %+v, %v", runs, err)
		}
		meta, err := b.store.Meta(t.Context())
		if err != nil || meta.Runtime != providers.RuntimeNative {
			t.Errorf("meta: %+v, %v", meta, err)
		}
	})
}

// TestAFailedAdoptionStaysWanted fails one step of it, and then no longer.
func TestAFailedAdoptionStaysWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.run()
		b.adopt(small())
		broken.set("decky.web[3]", errors.New("no"))
		result, err := b.loop.Adopt(t.Context(), larger(), b.plan(larger()), "sync")
		var failed *reconciler.FailedError
		if !errors.As(err, &failed) || result == nil || result.Failed != 1 {
			t.Fatalf("result %+v, error %v", result, err)
		}
		pause(20 * time.Second)
		b.condition(status.Ready, status.False, "HealingFails")
		if !b.has("decky.web[4].service.ssh") {
			t.Error("what did not fail is not there")
		}
		broken.set("decky.web[3]", nil)
		pause(time.Minute)
		b.condition(status.Ready, status.True, "InSync")
		if !b.has("decky.web[3].service.ssh") {
			t.Error("it is not tried again")
		}
	})
}

// TestAnotherConfigurationIsTriedAtOnce adopts while an address waits.
func TestAnotherConfigurationIsTriedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.run()
		b.adopt(small())
		broken.set("rule.spray", errors.New("no"))
		b.remove("rule.spray")
		pause(time.Hour)
		if _, err := b.loop.Adopt(t.Context(), larger(), b.plan(larger()), "sync"); err == nil {
			t.Error("the rule does not fail")
		}
		broken.set("rule.spray", nil)
		pause(2 * time.Second)
		b.condition(status.Ready, status.True, "InSync")
	})
}

// TestARefusedAdoptionChangesNothing meets every error before anything is
// touched.
func TestARefusedAdoptionChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.run()
		b.adopt(small())
		pause(time.Second)

		refuse := func(name string, target any, act func(p *plan.Plan)) {
			t.Helper()
			p := b.plan(larger())
			act(p)
			result, err := b.loop.Adopt(t.Context(), larger(), p, "sync")
			if result != nil || !errors.As(err, target) {
				t.Errorf("%s: result %+v, error %v", name, result, err)
			}
			pause(2 * time.Minute)
			if b.has("decky.web[3]") {
				t.Fatalf("%s: the refused configuration is wanted", name)
			}
		}
		var stale *reconciler.StaleError
		refuse("stale", &stale, func(*plan.Plan) { b.apply(fake.Fleet{Deckies: 3, Services: []string{"ssh", "http"}}.Desired()) })
		b.apply(small())
		var locked *state.LockedError
		var lock *state.Lock
		refuse("locked", &locked, func(*plan.Plan) { lock = b.lock() })
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		var refused *reconciler.RefusedError
		b.world.Foresee(providers.Finding{Severity: providers.SeverityError, Address: "decky.web[4]", Summary: "no"})
		refuse("refused", &refused, func(*plan.Plan) {})
		b.world.Foresee()
		var away *reconciler.UnavailableError
		refuse("unavailable", &away, func(*plan.Plan) {
			b.world.SetUnavailable(providers.RuntimeNative, &providers.UnavailableError{Provider: "native", What: "no privilege"})
		})
		b.world.SetUnavailable(providers.RuntimeNative, nil)
		b.adopt(larger())
		if _, err := b.loop.Adopt(t.Context(), nil, nil, "sync"); err == nil {
			t.Error("nothing was adopted")
		}
	})
}

func (b *bench) lock() *state.Lock {
	b.t.Helper()
	lock, err := b.store.Lock(context.Background(), state.Holder{Who: "alice", Host: "there", PID: 7, Command: "apply", Since: time.Now()}, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	return lock
}

func TestAnothersLockIsWaitedForAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		lock := b.lock()
		b.remove("decky.web[0]")
		pause(time.Minute)
		b.condition(status.Reconciling, status.True, "Locked")
		b.condition(status.Stalled, status.False, "NoFailures")
		if m := b.loop.Report().Conditions.Get(status.Reconciling).Message; !strings.Contains(m, "alice@there, process 7, decnet apply") {
			t.Errorf("message: %s", m)
		}
		if b.has("decky.web[0]") {
			t.Error("healed under another's lock")
		}
		begin := time.Now()
		b.plan(larger()) // never waits
		b.loop.Report()
		if took := time.Since(begin); took > 0 {
			t.Errorf("reading took %v", took)
		}
		if m := b.loop.Metrics(); m.LockWaits < 4 || m.LockWaits > 20 {
			t.Errorf("%d tries in a minute", m.LockWaits)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		pause(12 * time.Second)
		b.condition(status.Ready, status.True, "InSync")
		if n := b.healed("decky.web[0]"); n != 1 {
			t.Errorf("healed %d times", n)
		}
	})
}

// TestAShortLockIsWaitedOut has another apply be done with soon.
func TestAShortLockIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		lock := b.lock()
		b.remove("decky.web[0]")
		pause(500 * time.Millisecond)
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		pause(100 * time.Millisecond)
		if !b.has("decky.web[0]") || b.loop.Metrics().LockWaits != 0 {
			t.Errorf("not healed after %d refusals", b.loop.Metrics().LockWaits)
		}
	})
}

// TestWhatAnotherRemovedStaysRemoved has an operator's apply be half done when
// the loop looks: what it saw then must not be made true.
func TestWhatAnotherRemovedStaysRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		var slow atomic.Bool
		b := newBench(t, t.TempDir(), fake.Options{Hook: func(_ context.Context, c fake.Call) error {
			if slow.Load() && c.Op == "delete" && c.Moment == fake.After {
				<-gate
			}
			return nil
		}})
		b.apply(larger())
		b.run()
		pause(time.Second)
		slow.Store(true)
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.apply(small())
		}()
		pause(time.Second)
		slow.Store(false)
		close(gate)
		<-done
		pause(time.Minute)
		if b.has("decky.web[4]") || b.has("decky.web[3]") {
			t.Error("the loop made again what an operator removed")
		}
		b.condition(status.Ready, status.True, "InSync")
	})
}

func TestAMovingWorldIsPlannedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		var lists, moves atomic.Int32
		service := providers.Kind{Type: providers.TypeService, Runtime: providers.RuntimeNative}
		hook := func(_ context.Context, c fake.Call) error {
			if c.Op != "list" || c.Kind != service || moves.Load() == 0 {
				return nil
			}
			if lists.Add(1) == 3 { // after the second plan, before it is verified
				moves.Add(-1)
				lists.Store(1)
				return b.world.Change("decky.web[0].service.ssh", func(live map[string]any) { live["name"] = time.Now().String() + string(rune('a'+moves.Load())) })
			}
			return nil
		}
		b = newBench(t, t.TempDir(), fake.Options{Hook: hook})
		b.apply(small())
		b.run()
		pause(time.Second)
		if err := b.world.Change("rule.spray", func(live map[string]any) { live["name"] = "x" }); err != nil {
			t.Fatal(err)
		}
		lists.Store(0)
		moves.Store(2)
		if err := b.world.Change("decky.web[0].service.ssh", func(live map[string]any) { live["name"] = "y" }); err != nil {
			t.Fatal(err)
		}
		pause(10 * time.Second)
		b.condition(status.Ready, status.True, "InSync")
		if n := b.loop.Metrics().Stale; n != 2 {
			t.Errorf("%d plans were stale, want 2", n)
		}
		for _, a := range []string{"rule.spray", "decky.web[0].service.ssh"} {
			o, _ := b.world.Get(a)
			if string(o.Live) != string(o.Config) {
				t.Errorf("%s is not healed", a)
			}
		}
	})
}

func TestHoldReportsAndReleaseHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(small())
		b.run()
		pause(time.Second)
		b.loop.Hold("the operator looks at something")
		b.remove("decky.web[0]")
		pause(5 * time.Minute)
		if b.has("decky.web[0]") {
			t.Error("a held loop heals")
		}
		r := b.loop.Report()
		if !r.Held || r.Why != "the operator looks at something" || r.Drifts.Open != 1 {
			t.Errorf("report: %+v", r)
		}
		b.condition(status.Reconciling, status.False, "Held")
		b.condition(status.Ready, status.False, "Drifted")
		b.adopt(larger()) // somebody approved it
		pause(time.Second)
		b.remove("decky.web[1]")
		pause(time.Minute)
		if b.has("decky.web[1]") || !b.has("decky.web[4]") {
			t.Error("adopting ended the hold, or did not happen")
		}
		b.loop.Release()
		pause(100 * time.Millisecond)
		if !b.has("decky.web[1]") {
			t.Error("not healed after the release")
		}
	})
}

// TestUnavailableIsNotGone has one runtime vanish while the other drifts.
func TestUnavailableIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desired := small()
		docker := fake.Fleet{Name: "second", Deckies: 2, Services: []string{"ssh"}, Runtime: providers.RuntimeDocker, Subnet: "10.77"}.Desired()
		for _, i := range docker.Instances[:len(docker.Instances)-1] {
			i.Address = "module.docker." + i.Address
			for k := range i.Parents {
				i.Parents[k] = "module.docker." + i.Parents[k]
			}
			desired.Instances = append(desired.Instances, i)
		}
		b := newBench(t, t.TempDir(), fake.Options{})
		b.apply(desired)
		b.run()
		pause(time.Minute)
		b.world.SetUnavailable(providers.RuntimeDocker, &providers.UnavailableError{Provider: "docker", What: "no engine answers"})
		b.world.Deafen(providers.RuntimeDocker, errors.New("connection lost"))
		pause(time.Minute)
		b.condition(status.Ready, status.Unknown, "ProviderUnavailable")
		b.condition(status.Reconciling, status.True, "ProviderUnavailable")
		b.condition(status.Healthy, status.Unknown, "ProviderUnavailable")
		b.remove("decky.web[0]")
		pause(200 * time.Millisecond)
		if !b.has("decky.web[0].service.ssh") {
			t.Error("what is not on the missing runtime does not heal")
		}
		words := map[status.Health]int{}
		for _, d := range b.loop.Report().Deckies {
			words[d.Health]++
		}
		if words[status.HealthUnknown] != 2 || words[status.HealthHealthy] != 3 {
			t.Errorf("healths: %v", words)
		}
		b.remove("module.docker.decky.web[1].service.ssh")
		pause(10 * time.Minute)
		b.world.SetUnavailable(providers.RuntimeDocker, nil)
		pause(17 * time.Second) // the watcher tries that often
		b.condition(status.Ready, status.True, "InSync")
		if n := b.healed("module.docker.decky.web[1].service.ssh"); n != 1 {
			t.Errorf("healed %d times", n)
		}
		if n := b.healed("module.docker.decky.web[0]"); n != 0 {
			t.Errorf("what was only unknown was healed %d times", n)
		}
	})
}

// TestAProviderThatVanishesUnderAHealIsTriedAsSoonAsItIsBack fails the step
// itself.
func TestAProviderThatVanishesUnderAHealIsTriedAsSoonAsItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken breaking
		b := newBench(t, t.TempDir(), fake.Options{Hook: broken.hook})
		b.apply(small())
		b.run()
		broken.set("decky.web[0]", &providers.UnavailableError{Provider: "native", What: "the supervisor is gone"})
		b.remove("decky.web[0]")
		pause(20 * time.Minute) // it waits for minutes by now
		broken.set("decky.web[0]", nil)
		b.world.Deafen(providers.RuntimeNative, errors.New("gone"))
		pause(2 * time.Second)
		if !b.has("decky.web[0]") {
			t.Error("it waits though its provider is back")
		}
	})
}

// TestEndsInMidApply cancels while a step is in flight.
func TestEndsInMidApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, gate := make(chan struct{}, 100), make(chan struct{})
		var block atomic.Bool
		b := newBench(t, t.TempDir(), fake.Options{Parallel: 1, Hook: func(_ context.Context, c fake.Call) error {
			if block.Load() && c.Op == "create" && c.Moment == fake.Half {
				begun <- struct{}{}
				<-gate
			}
			return nil
		}})
		b.apply(small())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.loop.Run(ctx) }()
		pause(time.Second)
		block.Store(true)
		for _, a := range []string{"decky.web[0]", "decky.web[1]", "decky.web[2]"} {
			b.remove(a)
		}
		<-begun
		cancel()
		pause(time.Hour)
		select {
		case <-done:
			t.Fatal("it did not wait for the step in flight")
		default:
		}
		close(gate)
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		runs, err := b.store.Runs(t.Context(), 1)
		if err != nil || runs[0].Outcome != "interrupted" {
			t.Errorf("history: %+v, %v", runs, err)
		}
		snapshot, err := b.store.Snapshot(t.Context())
		if err != nil || len(snapshot.Interrupted) != 0 {
			t.Errorf("not recorded: %v, %v", snapshot.Interrupted, err)
		}
		if w := b.loop.Report().Waiting; len(w) != 0 {
			t.Errorf("an end was taken for a failure: %+v", w)
		}
		b.run()
		pause(time.Second)
		b.condition(status.Ready, status.True, "InSync")
	})
}

// TestReportsWhatIsUnderWay asks while a step takes its time.
func TestReportsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{Delay: time.Minute})
		b.run()
		go b.adopt(small())
		pause(30 * time.Second)
		b.condition(status.Reconciling, status.True, "Adopting")
		pause(10 * time.Minute)
		b.condition(status.Reconciling, status.False, "Idle")
		b.remove("decky.web[1].service.ssh")
		pause(30 * time.Second)
		b.condition(status.Reconciling, status.True, "Applying")
		b.condition(status.Ready, status.False, "Drifted")
		if d := b.loop.Report().Deckies[1]; d.Health != status.HealthProgressing {
			t.Errorf("decky: %+v", d)
		}
		pause(2 * time.Minute)
		b.condition(status.Reconciling, status.False, "Idle")
	})
}

// TestAProviderThatHangsIsUnavailable has one never answer.
func TestAProviderThatHangsIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hang atomic.Bool
		b := newBench(t, t.TempDir(), fake.Options{Hook: func(ctx context.Context, c fake.Call) error {
			if hang.Load() && c.Op == "list" && c.Kind.Runtime == providers.RuntimeNative {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}})
		b.apply(small())
		b.run()
		pause(time.Second)
		hang.Store(true)
		b.remove("rule.spray")
		b.remove("decky.web[0]")
		pause(5 * time.Minute)
		b.condition(status.Ready, status.Unknown, "ProviderUnavailable")
		if !b.has("rule.spray") {
			t.Error("what another provider makes waits, too")
		}
		hang.Store(false)
		pause(3 * time.Minute)
		b.condition(status.Ready, status.True, "InSync")
	})
}

// TestEndsInMidLook cancels while a provider answers.
func TestEndsInMidLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var block atomic.Bool
		b := newBench(t, t.TempDir(), fake.Options{Hook: func(ctx context.Context, c fake.Call) error {
			if block.Load() && c.Op == "list" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}})
		b.apply(small())
		stop := b.run()
		pause(time.Second)
		block.Store(true)
		b.remove("rule.spray")
		pause(time.Second)
		stop()
		if r := b.loop.Report(); r.Last.Error != "" || r.Conditions.Get(status.Ready).Reason == "PlanFailed" {
			t.Errorf("an end was taken for a failure: %+v", r)
		}
	})
}

// TestPassesAndAdoptionsTakeTurns adopts from many goroutines under faults.
func TestPassesAndAdoptionsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, t.TempDir(), fake.Options{Delay: 10 * time.Millisecond})
		b.run()
		b.adopt(small())
		done := make(chan struct{}, 4)
		for i := range 4 {
			go func() {
				defer func() { done <- struct{}{} }()
				for k := range 5 {
					desired := fake.Fleet{Deckies: 2 + (i+k)%4, Services: []string{"ssh"}}.Desired()
					p, err := b.loop.Plan(context.Background(), desired)
					if err != nil {
						t.Errorf("plan: %v", err)
						return
					}
					var stale *reconciler.StaleError
					if _, err := b.loop.Adopt(context.Background(), desired, p, "sync"); err != nil && !errors.As(err, &stale) {
						t.Errorf("adopt: %v", err)
					}
					b.remove("decky.web[1]")
				}
			}()
		}
		for range 4 {
			<-done
		}
		pause(time.Second) // the loop's own pass would make the plan stale
		b.adopt(larger())
		pause(time.Minute)
		b.condition(status.Ready, status.True, "InSync")
		if err := b.world.Check(); err != nil {
			t.Error(err)
		}
	})
}
