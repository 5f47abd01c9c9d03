package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// TestStepsInOrder watches the calls that a world sees: parents before
// children, children gone before parents, and never a step before what it needs.
func TestStepsInOrder(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.apply(changed(), reconciler.PlanOptions{}) // the world's physics refuse a wrong order
	b.converged(changed())
	b.apply(changed(), reconciler.PlanOptions{Destroy: true})
	b.converged(nothing())
	var gone []string
	for _, c := range b.world.Calls() {
		if c.Op == "delete" {
			gone = append(gone, c.Address)
		}
	}
	if last := gone[len(gone)-1]; last != "network.lan" && last != "rule.spray" {
		t.Errorf("the last to go was %s", last)
	}
}

// TestAFailedStepStopsOnlyWhatDependsOnIt fails one decky among three.
func TestAFailedStepStopsOnlyWhatDependsOnIt(t *testing.T) {
	for _, moment := range []fake.Moment{fake.Before, fake.Half, fake.After} {
		t.Run(string(moment), func(t *testing.T) {
			b := newBench(t, t.TempDir(), fake.Options{Hook: func(_ context.Context, c fake.Call) error {
				if c.Op == "create" && c.Address == "decky.web[1]" && c.Moment == moment {
					return fake.ErrInjected
				}
				return nil
			}})
			result, err := b.engine.Apply(context.Background(), b.plan(small(), reconciler.PlanOptions{}), applyOptions())
			var failed *reconciler.FailedError
			if !errors.As(err, &failed) || len(failed.Steps) != 1 || failed.Steps[0].Address != "decky.web[1]" || !errors.Is(err, fake.ErrInjected) {
				t.Fatalf("apply: %v", err)
			}
			if result.Created != 6 || result.Failed != 1 || result.Skipped != 1 {
				t.Errorf("result: %+v", result)
			}
			if _, made := b.world.Get("decky.web[1].service.ssh"); made {
				t.Error("a service was made in a decky that failed")
			}
			b.world.SetHook(nil)
			p := b.plan(small(), reconciler.PlanOptions{})
			want := map[addr.Address]string{"decky.web[1]": "replace, tainted", "decky.web[1].service.ssh": "create, not in state"}
			if moment == fake.Before {
				want["decky.web[1]"] = "create, tainted"
			}
			if diff := cmp.Diff(want, actions(p)); diff != "" {
				t.Error(diff)
			}
			if len(p.Drift) > 0 {
				t.Errorf("our own failure is called drift: %+v", p.Drift)
			}
			b.apply(small(), reconciler.PlanOptions{})
			b.converged(small())
		})
	}
}

func TestAllFailuresAreReportedAtOnce(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{Hook: func(_ context.Context, c fake.Call) error {
		if c.Op == "create" && c.Kind.Type == providers.TypeDecky {
			return fake.ErrInjected
		}
		return nil
	}})
	_, err := b.engine.Apply(context.Background(), b.plan(small(), reconciler.PlanOptions{}), applyOptions())
	for _, a := range []string{"decky.web[0]", "decky.web[1]", "decky.web[2]"} {
		if err == nil || !strings.Contains(err.Error(), "create "+a+": injected failure") {
			t.Errorf("%s is not in: %v", a, err)
		}
	}
	runs, err := b.store.Runs(context.Background(), 1)
	if err != nil || len(runs) != 1 || runs[0].Outcome != "failed" || runs[0].Finished.IsZero() {
		t.Errorf("runs: %+v (%v)", runs, err)
	}
}

func TestAFailedUpdateOrDeleteIsRepeated(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op != "list" && c.Op != "create" && c.Moment == fake.Half {
			return fake.ErrInjected
		}
		return nil
	})
	if _, err := b.engine.Apply(context.Background(), b.plan(changed(), reconciler.PlanOptions{}), applyOptions()); err == nil {
		t.Fatal("the apply succeeded")
	}
	b.world.SetHook(nil)
	b.apply(changed(), reconciler.PlanOptions{})
	b.converged(changed())
}

// TestAFailedReplacementIsRemembered asks for one that fails at its start.
func TestAFailedReplacementIsRemembered(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op == "delete" {
			return fake.ErrInjected
		}
		return nil
	})
	p := b.plan(small(), reconciler.PlanOptions{Replace: []addr.Address{"rule.spray"}})
	if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err == nil {
		t.Fatal("the apply succeeded")
	}
	b.world.SetHook(nil)
	if got := actions(b.plan(small(), reconciler.PlanOptions{}))["rule.spray"]; got != "replace, tainted" {
		t.Errorf("rule.spray: %s", got)
	}
}

// TestAllocationsAreKeptFromTheIntentOn looks into the state while a decky is
// being made, and being made anew.
func TestAllocationsAreKeptFromTheIntentOn(t *testing.T) {
	var b *bench
	var seen []string
	b = newBench(t, t.TempDir(), fake.Options{Hook: func(ctx context.Context, c fake.Call) error {
		if c.Address != "decky.web[1]" || c.Moment != fake.Half || c.Op != "create" {
			return nil
		}
		rows, err := b.store.Instances(ctx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if r.Address == "decky.web[1]" {
				seen = append(seen, fmt.Sprint(r.Object == nil, strings.Contains(string(r.Config), "10.66.1.2")))
			}
		}
		return nil
	}})
	b.apply(small(), reconciler.PlanOptions{})
	b.apply(small(), reconciler.PlanOptions{Replace: []addr.Address{"decky.web[1]"}})
	if diff := cmp.Diff([]string{"true true", "true true"}, seen); diff != "" {
		t.Error(diff)
	}
}

// TestInterrupt cancels while steps are in flight.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var once sync.Once
	b := newBench(t, t.TempDir(), fake.Options{Delay: 5 * time.Millisecond, Hook: func(_ context.Context, c fake.Call) error {
		if c.Kind.Type == providers.TypeDecky && c.Op == "create" {
			once.Do(cancel)
		}
		return nil
	}})
	result, err := b.engine.Apply(ctx, b.plan(small(), reconciler.PlanOptions{}), applyOptions())
	var interrupted *reconciler.InterruptedError
	if !errors.As(err, &interrupted) || interrupted.Left != result.Skipped || result.Skipped == 0 {
		t.Fatalf("apply: %v, %+v", err, result)
	}
	journal, err := b.store.Journal(context.Background(), result.Run)
	if err != nil || len(journal) != len(result.Steps) {
		t.Fatalf("journal: %+v (%v)", journal, err)
	}
	for _, e := range journal {
		if e.Phase != state.PhaseDone {
			t.Errorf("%s %s is left %s", e.Action, e.Address, e.Phase)
		}
	}
	b.apply(small(), reconciler.PlanOptions{})
	b.converged(small())
}

// TestParallelismIsBounded holds steps until as many as may are under way.
func TestParallelismIsBounded(t *testing.T) {
	for _, c := range []struct{ engine, handler, most int }{{1, 0, 1}, {3, 0, 3}, {8, 2, 2}} {
		var running, most atomic.Int64
		full := make(chan struct{})
		var once sync.Once
		b := newBench(t, t.TempDir(), fake.Options{Parallel: c.handler, Hook: func(_ context.Context, call fake.Call) error {
			if call.Kind.Type != providers.TypeDecky || call.Op != "create" || call.Moment != fake.Before {
				return nil
			}
			now := running.Add(1)
			for before := most.Load(); now > before && !most.CompareAndSwap(before, now); before = most.Load() {
			}
			if now == int64(c.most) {
				once.Do(func() { close(full) })
			}
			defer running.Add(-1)
			select {
			case <-full:
				return nil
			case <-time.After(20 * time.Second):
				return errors.New("too few steps are under way")
			}
		}}, func(config *reconciler.Config) { config.Parallelism = c.engine })
		b.apply(fake.Fleet{Deckies: 12}.Desired(), reconciler.PlanOptions{})
		if got := most.Load(); got != int64(c.most) {
			t.Errorf("%+v: %d at once", c, got)
		}
	}
}

type watcher struct {
	mu     sync.Mutex
	events []string
}

func (w *watcher) add(format string, args ...any) {
	if !w.mu.TryLock() {
		panic("progress calls overlap")
	}
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

func (w *watcher) StepStarted(s plan.Step)               { w.add("start %s", s.Address) }
func (w *watcher) StepDone(s plan.Step, _ time.Duration) { w.add("done %s", s.Address) }
func (w *watcher) StepFailed(s plan.Step, _ time.Duration, err error) {
	w.add("failed %s: %v", s.Address, err)
}

func TestProgress(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{Hook: func(_ context.Context, c fake.Call) error {
		if c.Address == "decky.web[0]" {
			return fake.ErrInjected
		}
		return nil
	}}, func(c *reconciler.Config) { c.Parallelism = 1 })
	w := &watcher{}
	options := applyOptions()
	options.Progress = w
	if _, err := b.engine.Apply(context.Background(), b.plan(fake.Fleet{Deckies: 1}.Desired(), reconciler.PlanOptions{}), options); err == nil {
		t.Fatal("the apply succeeded")
	}
	slices.Sort(w.events)
	want := []string{
		"done network.lan", "done rule.spray", "failed decky.web[0]: injected failure",
		"start decky.web[0]", "start network.lan", "start rule.spray",
	}
	if diff := cmp.Diff(want, w.events); diff != "" {
		t.Error(diff)
	}
}

// TestTwoAppliesAtOnce holds the first one in a step.
func TestTwoAppliesAtOnce(t *testing.T) {
	dir := t.TempDir()
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	first := newBench(t, dir, fake.Options{Hook: func(_ context.Context, c fake.Call) error {
		if c.Op == "create" {
			once.Do(func() { close(entered); <-leave })
		}
		return nil
	}})
	done := make(chan error, 1)
	p := first.plan(small(), reconciler.PlanOptions{})
	go func() {
		_, err := first.engine.Apply(context.Background(), p, applyOptions())
		done <- err
	}()
	<-entered
	second := newBench(t, dir, fake.Options{})
	_, err := second.engine.Apply(context.Background(), second.plan(small(), reconciler.PlanOptions{}), applyOptions())
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Holder.Who != "tester" || !strings.Contains(err.Error(), "tester@here, process 1, decnet apply since 1970-01-01T00:00:00Z") {
		t.Errorf("the second apply: %v", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Errorf("the first apply: %v", err)
	}
	first.converged(small())
	if len(second.world.Objects()) > 0 {
		t.Error("the second apply touched something")
	}
}

// TestAPlanIsRefusedOnceAnythingMoved plans, lets something move, and applies.
func TestAPlanIsRefusedOnceAnythingMoved(t *testing.T) {
	for name, c := range map[string]struct {
		move func(b *bench)
		want string
	}{
		"serial": {func(b *bench) {
			b.apply(fake.Fleet{Deckies: 4, Services: []string{"ssh"}}.Desired(), reconciler.PlanOptions{})
		}, "serial"},
		"object":        {func(b *bench) { b.change("decky.web[0]") }, "decky.web[0] is no longer what was planned for (it changed)"},
		"object gone":   {func(b *bench) { b.remove("decky.web[0]") }, "decky.web[0] is no longer what was planned for (it is gone)"},
		"object exists": {func(b *bench) { b.appear("decky.web[3]") }, "decky.web[3] is no longer what was planned for (it exists now)"},
		"taint": {func(b *bench) {
			if _, err := b.store.Edit(context.Background(), state.Edit{Taint: []addr.Address{"decky.web[0]"}}); err != nil {
				b.t.Fatal(err)
			}
		}, "serial"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, t.TempDir(), fake.Options{})
			b.apply(small(), reconciler.PlanOptions{})
			path := filepath.Join(b.dir, "plan.json")
			if err := b.plan(changed(), reconciler.PlanOptions{}).Save(path); err != nil {
				t.Fatal(err)
			}
			c.move(b)
			before := b.world.Objects()
			p, err := plan.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.engine.Apply(context.Background(), p, applyOptions())
			var stale *reconciler.StaleError
			if !errors.As(err, &stale) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("apply: %v", err)
			}
			if diff := cmp.Diff(before, b.world.Objects()); diff != "" {
				t.Errorf("something was touched: %s", diff)
			}
		})
	}
}

func (b *bench) change(address string) {
	if err := b.world.Change(address, func(live map[string]any) { live["personality"] = "windows" }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) remove(address string) {
	if err := b.world.Remove(address); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) appear(address string) {
	o, ok := b.world.Get("decky.web[0]")
	if !ok {
		b.t.Fatal("there is no decky to copy")
	}
	o.ID, o.Owner.Address, o.Live = "", address, []byte(`{"host":{"ip":"10.66.9.9"}}`)
	if err := b.world.Add(o); err != nil {
		b.t.Fatal(err)
	}
}

func TestASavedPlanIsAppliedLater(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	path := filepath.Join(b.dir, "plan.json")
	if err := b.plan(changed(), reconciler.PlanOptions{}).Save(path); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	options := applyOptions()
	options.Desired = small()
	var stale *reconciler.StaleError
	if _, err := b.engine.Apply(context.Background(), p, options); !errors.As(err, &stale) || !strings.Contains(err.Error(), "the configuration of decky.web[0] has changed") {
		t.Errorf("apply against another configuration: %v", err)
	}
	options.Desired = changed()
	if _, err := b.engine.Apply(context.Background(), p, options); err != nil {
		t.Fatal(err)
	}
	b.converged(changed())
	if _, err := b.engine.Apply(context.Background(), p, options); !errors.As(err, &stale) {
		t.Errorf("the second apply of one plan: %v", err)
	}
}

func TestAnAbsentProviderIsUnknownNotGone(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.world.SetUnavailable(providers.RuntimeNative, &providers.UnavailableError{Provider: "native", What: "no privilege", Remedy: "run as root"})
	p := b.plan(small(), reconciler.PlanOptions{})
	if !p.Empty() || len(p.Drift) > 0 {
		t.Errorf("what could not be seen is called gone: %v", actions(p))
	}
	if len(p.Unavailable) != 1 || p.Unavailable[0].Provider != "native" || p.Unavailable[0].Instances != 7 || p.Unavailable[0].Remedy != "run as root" {
		t.Errorf("unavailable: %+v", p.Unavailable)
	}
	for _, desired := range []*schema.Desired{small(), changed()} {
		before := len(b.world.Calls())
		_, err := b.engine.Apply(context.Background(), b.plan(desired, reconciler.PlanOptions{}), applyOptions())
		var unavailable *reconciler.UnavailableError
		if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "no privilege (run as root)") {
			t.Errorf("apply: %v", err)
		}
		if len(b.world.Calls()) != before {
			t.Error("something was touched")
		}
	}
	b.world.SetUnavailable(providers.RuntimeNative, nil)
	// An engine that nothing needs may be away.
	b.world.SetUnavailable(providers.RuntimeDocker, &providers.UnavailableError{Provider: "docker", What: "no engine"})
	if p := b.plan(small(), reconciler.PlanOptions{}); len(p.Unavailable) > 0 {
		t.Errorf("an engine that nothing needs is missed: %+v", p.Unavailable)
	}
	b.apply(changed(), reconciler.PlanOptions{})
	b.converged(changed())
}

func TestWhatAProviderForeseesRefusesTheApply(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.world.Foresee(providers.Finding{Severity: providers.SeverityError, Address: "network.lan", Summary: "parent eth7 does not exist", Remedy: "name another"})
	_, err := b.engine.Apply(context.Background(), b.plan(small(), reconciler.PlanOptions{}), applyOptions())
	var refused *reconciler.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "network.lan: parent eth7 does not exist (name another)") {
		t.Errorf("apply: %v", err)
	}
	if len(b.world.Calls()) > 0 {
		t.Error("something was touched")
	}
	p := b.plan(small(), reconciler.PlanOptions{})
	b.world.Foresee(providers.Finding{Severity: providers.SeverityWarning, Summary: "the pool is small"})
	if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err != nil {
		t.Errorf("what was foreseen is mended, and the apply still refuses: %v", err)
	}
}

// TestNothingToDoIsNoRun keeps serial and history as they are.
func TestNothingToDoIsNoRun(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	first := b.apply(small(), reconciler.PlanOptions{})
	second := b.apply(small(), reconciler.PlanOptions{})
	if second.Run != 0 || second.Serial != first.Serial || second.Lineage != first.Lineage {
		t.Errorf("%+v after %+v", second, first)
	}
	if runs, err := b.store.Runs(context.Background(), 5); err != nil || len(runs) != 1 || runs[0].Outcome != "done" || runs[0].Command != "apply" {
		t.Errorf("runs: %+v (%v)", runs, err)
	}
}

// TestAKindWithoutAHandlerIsNamed has an instance of a runtime that nobody
// provides.
func TestAKindWithoutAHandlerIsNamed(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	_, err := b.engine.Plan(context.Background(), fake.Fleet{Deckies: 1, Runtime: "vm"}.Desired(), reconciler.PlanOptions{})
	for _, want := range []string{"network.lan: no provider handles vm network", "decky.web[0]: no provider handles vm decky"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("plan: %v, want %q", err, want)
		}
	}
}

func TestAListThatFailsIsAnError(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op == "list" && c.Kind.Type == providers.TypeDecky {
			return fake.ErrInjected
		}
		return nil
	})
	_, err := b.engine.Plan(context.Background(), small(), reconciler.PlanOptions{})
	if !errors.Is(err, fake.ErrInjected) || !strings.Contains(err.Error(), "list docker decky objects") || !strings.Contains(err.Error(), "list native decky objects") {
		t.Errorf("plan: %v", err)
	}
}

func TestAnEngineNeedsAStoreAndARegistry(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	registry, err := providers.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []reconciler.Config{{Store: b.store}, {Registry: registry}, {Store: b.store, Registry: registry, Parallelism: -1}} {
		if _, err := reconciler.New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
