package reconciler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/evidence"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/event"
)

// ear hears the events of drift.
type ear struct {
	mu     sync.Mutex
	events []*event.Event
	deaf   error
}

func (e *ear) tell(events ...*event.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf != nil {
		return e.deaf
	}
	e.events = append(e.events, events...)
	return nil
}

// heard is what was told since the last call, without ids, times and digests.
func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []string
	for _, x := range e.events {
		d, ok := x.Body.(*event.Drift)
		if !ok {
			continue
		}
		line := fmt.Sprint(x.Decky, " ", x.Service, ": ", d.Address, " ", d.Reason, " ", d.Action)
		for _, c := range d.Changes {
			line += "; " + c
		}
		all = append(all, line)
	}
	e.events = nil
	slices.Sort(all)
	return all
}

func newWitness(t *testing.T, options fake.Options, edit ...func(*reconciler.Config)) (*bench, *ear) {
	t.Helper()
	e := &ear{}
	return newBench(t, t.TempDir(), options, append(edit, func(c *reconciler.Config) { c.Tell = e.tell })...), e
}

func (b *bench) drifts() []state.Drift {
	b.t.Helper()
	all, err := b.store.Drifts(context.Background(), 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b *bench) counts() status.Drifts {
	b.t.Helper()
	counts, err := b.store.DriftCounts(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return counts
}

func (b *bench) expect(got, want any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.t.Error(diff)
	}
}

var restarts = reconciler.PlanOptions{Restarts: true}

// with policy gives every decky and service an answer to drift.
func withPolicy(d *schema.Desired, policy string) *schema.Desired {
	return with(d, func(d *schema.Desired) {
		for i := range d.Instances {
			if typ := d.Instances[i].Type; typ == providers.TypeDecky || typ == providers.TypeService {
				d.Instances[i].Lifecycle.OnDrift = policy
			}
		}
	})()
}

func TestDriftIsWitnessedBeforeItIsHealed(t *testing.T) {
	b, e := newWitness(t, fake.Options{Exhibits: []providers.Exhibit{{Name: "files/etc/motd", Data: []byte("hacked")}}})
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
	b.change("decky.web[0]")
	b.remove("decky.web[1].service.ssh")
	touched := false
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op != "list" && c.Op != "examine" && !touched {
			touched = true
			if len(e.events) != 2 || len(b.drifts()) != 2 {
				t.Errorf("%s came before the witness", c.Op)
			}
		}
		return nil
	})
	b.apply(small(), restarts)
	want := []string{
		`decky.web[0] : decky.web[0] changed heal; personality: "linux" -> "windows"`,
		"decky.web[1] ssh: decky.web[1].service.ssh gone heal",
	}
	b.expect(e.heard(), want)
	kept, err := evidence.Open(evidence.Dir(filepath.Join(b.dir, "data"), b.lineage()), evidence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range b.drifts() {
		if d.Outcome != state.DriftHealed || d.Told.IsZero() || d.Healed.IsZero() || d.Missing != "" || len(d.Evidence) != 2 {
			t.Errorf("row: %+v", d)
		}
		for _, x := range d.Evidence {
			data, err := kept.Get(x.SHA256)
			if err != nil || int64(len(data)) != x.Size {
				t.Errorf("%s of %s: %d bytes, %v", x.Name, d.Address, len(data), err)
			}
			if x.Name == "files/etc/motd" && string(data) != "hacked" {
				t.Errorf("evidence is %q", data)
			}
			if x.Name == "live" && !bytes.Contains(data, []byte("windows")) {
				t.Errorf("the object was healed before it was examined: %s", data)
			}
		}
	}
	b.expect(b.counts(), status.Drifts{Healed: 2})
	b.converged(small())
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
}

func (b *bench) lineage() string {
	meta, err := b.store.Meta(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return meta.Lineage
}

// TestReportedDriftIsToldOnce applies again and again what has nothing to do.
func TestReportedDriftIsToldOnce(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	desired := withPolicy(small(), plan.PolicyReport)
	b.apply(desired, restarts)
	b.change("decky.web[0]")
	for range 3 {
		b.apply(desired, restarts)
	}
	b.expect(e.heard(), []string{`decky.web[0] : decky.web[0] changed report; personality: "linux" -> "windows"`})
	b.expect(b.counts(), status.Drifts{Reported: 1, Open: 1})
	if err := b.world.Change("decky.web[0]", func(live map[string]any) { live["personality"] = "bsd" }); err != nil {
		t.Fatal(err)
	}
	b.apply(desired, restarts)
	b.expect(e.heard(), []string{`decky.web[0] : decky.web[0] changed report; personality: "linux" -> "bsd"`})
	b.expect(b.counts(), status.Drifts{Reported: 2, Open: 1})
	if err := b.world.Change("decky.web[0]", func(live map[string]any) { live["personality"] = "linux" }); err != nil {
		t.Fatal(err)
	}
	// A plan that looked at nothing, or not at this, tells nothing of it.
	for _, blind := range []reconciler.PlanOptions{{NoRefresh: true}, {Targets: addrs("decky.web[1]")}} {
		b.apply(desired, blind)
		b.expect(b.counts(), status.Drifts{Reported: 2, Open: 1})
	}
	b.apply(desired, restarts)
	b.expect(b.counts(), status.Drifts{Reported: 2})
	b.expect(b.drifts()[0].Outcome, state.DriftUndone)
	b.expect(b.drifts()[1].Outcome, state.DriftSuperseded)
}

// TestWhatCouldNotBeToldIsToldLater keeps the id, and heals all the same.
func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	b.remove("rule.spray")
	e.deaf = errors.New("the disk is full")
	b.apply(small(), restarts)
	b.converged(small())
	row := b.drifts()[0]
	if !row.Told.IsZero() || row.Outcome != state.DriftHealed {
		t.Errorf("row: %+v", row)
	}
	e.deaf = nil
	b.apply(small(), restarts)
	if len(e.events) != 1 || e.events[0].ID != row.ID || !e.events[0].Time.Equal(row.Seen) {
		t.Errorf("told: %+v, of %+v", e.events, row)
	}
	e.heard()
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
}

// TestAFailedHealIsOneDrift lets healing fail several times.
func TestAFailedHealIsOneDrift(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	for _, moment := range []fake.Moment{fake.Before, fake.Before, fake.Half} {
		b.world.SetHook(func(_ context.Context, c fake.Call) error {
			if c.Op != "list" && c.Op != "examine" && c.Moment == moment {
				return fake.ErrInjected
			}
			return nil
		})
		if _, err := b.engine.Apply(context.Background(), b.plan(small(), restarts), applyOptions()); err == nil {
			t.Fatal("it did not fail")
		}
		b.expect(b.counts(), status.Drifts{Open: 1})
	}
	b.world.SetHook(nil)
	b.apply(small(), restarts)
	b.expect(len(e.heard()), 1)
	b.expect(b.counts(), status.Drifts{Healed: 1})
	b.converged(small())
}

// TestWhatCameBackIsNoSecondDrift has an object come back by itself, in another
// life, while its healing failed.
func TestWhatCameBackIsNoSecondDrift(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op == "update" && c.Moment == fake.Before {
			return &providers.UnavailableError{Provider: "fake", What: "it is away"}
		}
		return nil
	})
	if _, err := b.engine.Apply(context.Background(), b.plan(small(), restarts), applyOptions()); err == nil {
		t.Fatal("it did not fail")
	}
	b.world.SetHook(nil)
	if err := b.world.Change("decky.web[0]", func(live map[string]any) { live["personality"] = "linux" }); err != nil {
		t.Fatal(err)
	}
	if err := b.world.Restart("decky.web[0]"); err != nil {
		t.Fatal(err)
	}
	if p := b.plan(small(), restarts); !p.Empty() {
		t.Errorf("changes: %v", actions(p))
	}
	b.apply(small(), restarts)
	b.expect(len(e.heard()), 1)
	if c := b.counts(); c.Open != 0 || c.ByItself+c.Healed != 1 {
		t.Errorf("counts: %+v", c)
	}
}

// TestAHealThatFailedKeepsTheObject fails it as often as nobody would believe.
func TestAHealThatFailedKeepsTheObject(t *testing.T) {
	b, _ := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	before, _ := b.world.Get("decky.web[0]")
	b.change("decky.web[0]")
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op == "update" && c.Moment == fake.Half {
			return fake.ErrInjected
		}
		return nil
	})
	for range 4 {
		if _, err := b.engine.Apply(context.Background(), b.plan(small(), restarts), applyOptions()); err == nil {
			t.Fatal("it did not fail")
		}
	}
	b.world.SetHook(nil)
	b.apply(small(), restarts)
	b.converged(small())
	if after, _ := b.world.Get("decky.web[0]"); after.ID != before.ID {
		t.Error("it was made anew")
	}
}

func TestARestartIsDriftThatHealedByItself(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	if err := b.world.Restart("decky.web[1].service.ssh"); err != nil {
		t.Fatal(err)
	}
	if p := b.plan(small(), reconciler.PlanOptions{}); len(p.Drift)+len(p.Records) > 0 {
		t.Errorf("nobody asked for restarts: %+v", p.Drift)
	}
	p := b.plan(small(), restarts)
	if !p.Empty() || len(p.Drift) != 1 || !p.Drift[0].Restarted || p.Drift[0].Policy != plan.PolicyHeal || len(p.Records) != 1 {
		t.Errorf("changes %v, drift %+v, %d records", actions(p), p.Drift, len(p.Records))
	}
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{"decky.web[1] ssh: decky.web[1].service.ssh restarted none"})
	b.expect(b.counts(), status.Drifts{ByItself: 1})
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
	if err := b.world.Restart("decky.web[1].service.ssh"); err != nil {
		t.Fatal(err)
	}
	b.apply(small(), restarts)
	b.expect(len(e.heard()), 1)
	b.expect(b.counts(), status.Drifts{ByItself: 2})
}

// TestARestartEndsTheDriftThatItFollows has an object that is down when it is
// looked at, and back by itself before it is healed: that is one drift.
func TestARestartEndsTheDriftThatItFollows(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	armed := false
	b, e := newWitness(t, fake.Options{}, func(c *reconciler.Config) {
		c.Boundary = func(at reconciler.Boundary, _ addr.Address) {
			if armed && at == reconciler.BeforeRun {
				cancel()
			}
		}
	})
	b.apply(small(), restarts)
	was, _ := b.world.Get("decky.web[0]")
	b.change("decky.web[0]")
	armed = true
	if _, err := b.engine.Apply(ctx, b.plan(small(), restarts), applyOptions()); err == nil {
		t.Fatal("it was not interrupted")
	}
	b.expect(len(e.heard()), 1)
	b.expect(b.counts(), status.Drifts{Open: 1})
	if err := b.world.Change("decky.web[0]", func(live map[string]any) {
		clear(live)
		if err := json.Unmarshal(was.Live, &live); err != nil {
			t.Fatal(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{0, 1} { // the end of that drift, then one of its own
		if err := b.world.Restart("decky.web[0]"); err != nil {
			t.Fatal(err)
		}
		b.apply(small(), restarts)
		b.expect(len(e.heard()), want)
		b.expect(b.counts(), status.Drifts{ByItself: int64(want) + 1})
	}
}

// TestServicesOfADeckyThatAKilledRunChanged restart with it, and nobody else
// made them.
func TestServicesOfADeckyThatAKilledRunChanged(t *testing.T) {
	b, e := newWitness(t, fake.Options{Cascade: true})
	b.apply(small(), restarts)
	id, _, err := b.store.BeginRun(t.Context(), state.Begin{Command: "apply", Holder: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Intent(t.Context(), state.Entry{Run: id, Address: "decky.web[0]", Action: "update", Started: time.Now()}, state.Reserve{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.world.Restart("decky.web[0]"); err != nil {
			t.Fatal(err)
		}
		b.apply(small(), restarts)
	}
	b.expect(e.heard(), []string{"decky.web[0] : decky.web[0] restarted none"}) // the second time
}

// TestWhatFollowsFromAKilledHealIsNoDrift has a decky and its service drift, a
// run that dies while it heals the decky, and the service look otherwise since.
func TestWhatFollowsFromAKilledHealIsNoDrift(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	armed := false
	b, e := newWitness(t, fake.Options{}, func(c *reconciler.Config) {
		c.Boundary = func(at reconciler.Boundary, _ addr.Address) {
			if armed && at == reconciler.BeforeRun {
				cancel()
			}
		}
	})
	b.apply(small(), restarts)
	service := func(value string) {
		t.Helper()
		if err := b.world.Change("decky.web[0].service.ssh", func(live map[string]any) { live["slug"] = value }); err != nil {
			t.Fatal(err)
		}
	}
	b.change("decky.web[0]")
	service("one")
	armed = true
	if _, err := b.engine.Apply(ctx, b.plan(small(), restarts), applyOptions()); err == nil {
		t.Fatal("it was not interrupted")
	}
	armed = false
	b.expect(len(e.heard()), 2)
	id, _, err := b.store.BeginRun(t.Context(), state.Begin{Command: "apply", Holder: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Intent(t.Context(), state.Entry{Run: id, Address: "decky.web[0]", Action: "update", Started: time.Now()}, state.Reserve{}); err != nil {
		t.Fatal(err)
	}
	service("two")
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
	b.expect(b.counts(), status.Drifts{Healed: 2})
	b.converged(small())
	service("three")
	b.apply(small(), restarts)
	b.expect(len(e.heard()), 1)
}

// TestAnOldRowLearnsTheLifeOfItsObject has a state of before objects had one.
func TestAnOldRowLearnsTheLifeOfItsObject(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	execute(t, b.store.Path(), `UPDATE instances SET object = replace(object, ',"incarnation":1', '')`)
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
	if err := b.world.Restart("decky.web[0]"); err != nil {
		t.Fatal(err)
	}
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{"decky.web[0] : decky.web[0] restarted none"})
}

// TestWhatFollowsFromOurOwnHealingIsNoDrift lets services restart with their
// decky.
func TestWhatFollowsFromOurOwnHealingIsNoDrift(t *testing.T) {
	now := time.Now()
	b, e := newWitness(t, fake.Options{Cascade: true}, func(c *reconciler.Config) { c.Now = func() time.Time { now = now.Add(time.Millisecond); return now } })
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{`decky.web[0] : decky.web[0] changed heal; personality: "linux" -> "windows"`})
	b.apply(small(), restarts) // takes note of the service's new life
	b.expect(e.heard(), []string{})
	if err := b.world.Restart("decky.web[0].service.ssh"); err != nil {
		t.Fatal(err)
	}
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{"decky.web[0] ssh: decky.web[0].service.ssh restarted none"})
	if err := b.world.Restart("decky.web[0]"); err != nil { // and its service with it
		t.Fatal(err)
	}
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{"decky.web[0] : decky.web[0] restarted none"})
	now = now.Add(time.Hour)
	if err := b.world.Restart("decky.web[0].service.ssh"); err != nil {
		t.Fatal(err)
	}
	b.apply(small(), restarts)
	b.expect(len(e.heard()), 1)
}

// TestOnlyALifeThatBeganWithItsDeckyIsExcused has services that restart at some
// time after their decky was healed, and are looked at later still.
func TestOnlyALifeThatBeganWithItsDeckyIsExcused(t *testing.T) {
	for after, told := range map[time.Duration]bool{time.Second: false, 5 * time.Second: true} {
		now := time.Now()
		clock := func() time.Time { now = now.Add(time.Millisecond); return now }
		b, e := newWitness(t, fake.Options{Now: clock}, func(c *reconciler.Config) { c.Now = clock })
		b.apply(small(), restarts)
		b.change("decky.web[0]")
		b.apply(small(), restarts)
		e.heard()
		now = now.Add(after)
		if err := b.world.Restart("decky.web[0].service.ssh"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(7 * time.Second)
		b.apply(small(), restarts)
		if got := len(e.heard()) == 1; got != told {
			t.Errorf("a life that began %s after the decky was healed: told %v, want %v", after, got, told)
		}
	}
}

// TestAGentleHealExcusesNothing kills a service a moment after its decky was put
// right in a way that no service notices.
func TestAGentleHealExcusesNothing(t *testing.T) {
	for gentle, told := range map[string]bool{"": false, "personality": true} {
		now := time.Now()
		clock := func() time.Time { now = now.Add(time.Millisecond); return now }
		b, e := newWitness(t, fake.Options{Now: clock, Gentle: gentle}, func(c *reconciler.Config) { c.Now = clock })
		b.apply(small(), restarts)
		now = now.Add(time.Hour)
		b.change("decky.web[0]")
		b.apply(small(), restarts)
		e.heard()
		if err := b.world.Restart("decky.web[0].service.ssh"); err != nil {
			t.Fatal(err)
		}
		b.apply(small(), restarts)
		if got := len(e.heard()) == 1; got != told {
			t.Errorf("gentle %q: told %v, want %v", gentle, got, told)
		}
	}
}

// TestNothingIsExcusedByAClockThatWentBack kills a service an hour before its
// decky was healed, as the clock has it.
func TestNothingIsExcusedByAClockThatWentBack(t *testing.T) {
	now := time.Now()
	b, e := newWitness(t, fake.Options{}, func(c *reconciler.Config) { c.Now = func() time.Time { now = now.Add(time.Millisecond); return now } })
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	b.apply(small(), restarts)
	e.heard()
	now = now.Add(-time.Hour)
	for range 2 {
		if err := b.world.Restart("decky.web[0].service.ssh"); err != nil {
			t.Fatal(err)
		}
		b.apply(small(), restarts)
		b.expect(len(e.heard()), 1)
	}
	b.expect(b.counts(), status.Drifts{Healed: 1, ByItself: 2})
}

// TestWhatAnEngineWentAwayUnderIsHealedNotReplaced fails a heal for want of its
// provider: the object stays the same one.
func TestWhatAnEngineWentAwayUnderIsHealedNotReplaced(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	before, _ := b.world.Get("decky.web[0]")
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op == "update" && c.Moment == fake.Before {
			return &providers.UnavailableError{Provider: "docker", What: "no engine answers"}
		}
		return nil
	})
	if _, err := b.engine.Apply(context.Background(), b.plan(small(), restarts), applyOptions()); err == nil {
		t.Fatal("the heal succeeded without its provider")
	}
	b.world.SetHook(nil)
	b.expect(len(e.heard()), 1)
	b.expect(b.counts(), status.Drifts{Open: 1})
	b.expect(actions(b.plan(small(), restarts))["decky.web[0]"], "update, drift")
	b.apply(small(), restarts)
	after, _ := b.world.Get("decky.web[0]")
	b.expect(after.ID, before.ID)
	b.expect(len(e.heard()), 0)
	b.expect(b.counts(), status.Drifts{Healed: 1})
	b.converged(small())
}

func TestOneTooManyIsDrift(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	o, _ := b.world.Get("rule.spray")
	o.ID = ""
	if err := b.world.Add(o); err != nil {
		t.Fatal(err)
	}
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{"rule.spray : rule.spray surplus heal"})
	b.expect(b.counts(), status.Drifts{Healed: 1})
	b.converged(small())
}

// TestAnOrphanIsWitnessed finds what carries our labels and nobody wants, twice
// under one address.
func TestAnOrphanIsWitnessed(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	o, _ := b.world.Get("rule.spray")
	for range 2 {
		o.ID, o.Owner.Address = "", "rule.stray"
		if err := b.world.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	b.world.SetHook(func(_ context.Context, c fake.Call) error {
		if c.Op == "delete" && len(b.drifts()) != 2 {
			t.Error("an orphan went before the witness")
		}
		return nil
	})
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{"rule.stray : rule.stray surplus heal", "rule.stray : rule.stray surplus heal"})
	for _, d := range b.drifts() {
		if len(d.Evidence) == 0 || d.Type != "rule" || d.Outcome != state.DriftHealed {
			t.Errorf("row: %+v", d)
		}
	}
	b.expect(b.counts(), status.Drifts{Healed: 2})
	b.converged(small())
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
}

// TestSensitiveValuesAreNotWitnessed changes a secret behind the engine's back.
func TestSensitiveValuesAreNotWitnessed(t *testing.T) {
	for _, saved := range []bool{false, true} {
		b, e := newWitness(t, fake.Options{})
		desired := secretive("pa55-one")
		b.apply(desired, restarts)
		err := b.world.Change("decky.web[0].service.ssh", func(live map[string]any) {
			live["arguments"] = map[string]any{"port": 22, "users": map[string]any{"root": "pa55-two"}}
		})
		if err != nil {
			t.Fatal(err)
		}
		p := b.plan(desired, restarts)
		if saved {
			p = reread(b, p)
		}
		options := applyOptions()
		options.Desired = desired
		if _, err := b.engine.Apply(context.Background(), p, options); err != nil {
			t.Fatal(err)
		}
		d := b.drifts()[0]
		text := strings.Join(append(d.Changes, e.heard()...), "\n")
		if strings.Contains(text, "pa55") || !strings.Contains(text, "(sensitive)") {
			t.Errorf("witnessed: %s", text)
		}
		if len(d.Evidence) == 0 || d.Missing != "" {
			t.Errorf("saved %v: no evidence: %+v", saved, d)
		}
	}
}

// TestHealingDoesNotWaitForEvidence has objects that cannot be examined in time:
// what was seen of each is kept all the same.
func TestHealingDoesNotWaitForEvidence(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	desired := fake.Fleet{Deckies: 60}.Desired()
	b.apply(desired, restarts)
	for i := range 60 {
		b.change(fmt.Sprintf("decky.web[%d]", i))
	}
	b.world.SetHook(func(ctx context.Context, c fake.Call) error {
		if c.Op == "examine" {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	begun := time.Now()
	b.apply(desired, restarts)
	if took := time.Since(begun); took > 6*time.Second {
		t.Errorf("healing took %v", took)
	}
	b.expect(len(e.heard()), 60)
	for _, d := range b.drifts() {
		if len(d.Evidence) == 0 || d.Missing == "" || d.Outcome != state.DriftHealed {
			t.Errorf("row: %+v", d)
		}
	}
	b.converged(desired)
}

// TestABrokenEvidenceStoreHoldsNobodyUp has a file where the evidence should be.
func TestABrokenEvidenceStoreHoldsNobodyUp(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	if err := os.WriteFile(evidence.Dir(filepath.Join(b.dir, "data"), b.lineage()), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.change("decky.web[0]")
	b.apply(small(), restarts)
	b.expect(len(e.heard()), 1)
	if d := b.drifts()[0]; d.Outcome != state.DriftHealed || !strings.Contains(d.Missing, "open evidence") || len(d.Evidence) != 0 {
		t.Errorf("row: %+v", d)
	}
	b.converged(small())
}

// TestEvidenceIsBounded is given more than is kept of one object.
func TestEvidenceIsBounded(t *testing.T) {
	var exhibits []providers.Exhibit
	for i := range 40 {
		exhibits = append(exhibits, providers.Exhibit{Name: strings.Repeat("n\xff", 2000), Data: bytes.Repeat([]byte{byte(i)}, providers.MaxExhibit+1)})
	}
	b, e := newWitness(t, fake.Options{Exhibits: exhibits}, func(c *reconciler.Config) {
		c.Evidence = reconciler.Evidence{Deadline: time.Minute, Budget: time.Minute}
	})
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	b.apply(small(), restarts)
	d := b.drifts()[0]
	if len(d.Evidence) != 16 || d.Missing == "" {
		t.Errorf("%d exhibits, missing %q", len(d.Evidence), d.Missing)
	}
	for _, x := range d.Evidence[1:] {
		if x.Size > providers.MaxExhibit || !x.Truncated || len(x.Name) > 1024 {
			t.Errorf("exhibit: %d bytes, truncated %v, a name of %d", x.Size, x.Truncated, len(x.Name))
		}
	}
	if data, err := e.events[0].MarshalJSON(); err != nil || len(data) > event.MaxEvent {
		t.Errorf("the event has %d bytes, %v", len(data), err)
	}
}

// TestDriftBesideAChangeIsWitnessed has a new configuration for what drifted.
func TestDriftBesideAChangeIsWitnessed(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	b.change("decky.web[1]")
	b.remove("decky.web[2].service.ssh")
	b.apply(changed(), restarts)
	b.expect(len(e.heard()), 3)
	b.expect(b.counts(), status.Drifts{Healed: 3})
	b.change("decky.web[0]")
	b.apply(nothing(), reconciler.PlanOptions{Destroy: true})
	b.expect(len(e.heard()), 1)
	b.expect(b.drifts()[0].Outcome, state.DriftRemoved)
}

// TestARecordedRefreshIsAReport looks without healing.
func TestARecordedRefreshIsAReport(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	b.change("decky.web[0]")
	b.apply(small(), reconciler.PlanOptions{RefreshOnly: true})
	b.expect(e.heard(), []string{`decky.web[0] : decky.web[0] changed report; personality: "linux" -> "windows"`})
	b.apply(small(), restarts)
	b.expect(e.heard(), []string{})
	b.expect(b.counts(), status.Drifts{Reported: 1})
}

// TestTheTellerWritesTheEnginesJournal reads it as intel would.
func TestTheTellerWritesTheEnginesJournal(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	data := filepath.Join(b.dir, "data")
	b.open(func(c *reconciler.Config) { c.Tell = reconciler.Teller(b.store, data) })
	b.apply(small(), restarts)
	var want []string
	for range 2 {
		b.change("decky.web[0]")
		b.apply(small(), restarts)
		want = append(want, b.drifts()[0].ID)
	}
	dir := reconciler.JournalDir(data, b.lineage())
	b.expect(journalled(t, dir), want)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("journal: %v, %v", info, err)
	}
}

func addrList(all []plan.Quarantined) []addr.Address {
	var out []addr.Address
	for _, q := range all {
		out = append(out, q.Address)
	}
	return out
}
