package reconciler_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// renamed is a fleet whose instances have the block name to in place of web, and
// nothing else about them is different.
func renamed(d *schema.Desired, to addr.Address) *schema.Desired {
	copied := *d
	copied.Instances = nil
	rename := func(a addr.Address) addr.Address {
		now, _ := addr.Rename(a, "decky.web", to)
		return now
	}
	for _, i := range d.Instances {
		i.Address = rename(i.Address)
		var parents []addr.Address
		for _, p := range i.Parents {
			parents = append(parents, rename(p))
		}
		i.Parents = parents
		copied.Instances = append(copied.Instances, i)
	}
	copied.Moved = []schema.Move{{From: "decky.web", To: to, Source: "main.hcl:3"}}
	return &copied
}

func ids(b *bench) map[string]bool {
	all := map[string]bool{}
	for _, o := range b.world.Objects() {
		all[o.ID] = true
	}
	return all
}

// TestARenameKeepsEveryObject renames what can be told and what cannot, and then
// changes, replaces and destroys it.
func TestARenameKeepsEveryObject(t *testing.T) {
	for _, runtime := range []string{providers.RuntimeNative, providers.RuntimeDocker} {
		t.Run(runtime, func(t *testing.T) {
			fleet := fake.Fleet{Deckies: 2, Services: []string{"ssh"}, Runtime: runtime}
			b := newBench(t, t.TempDir(), fake.Options{})
			b.apply(fleet.Desired(), reconciler.PlanOptions{})
			before := ids(b)
			after := renamed(fleet.Desired(), "decky.www")
			result := b.apply(after, reconciler.PlanOptions{})
			if result.Created+result.Updated+result.Replaced+result.Deleted > 0 {
				t.Errorf("result: %+v", result)
			}
			if diff := cmp.Diff(before, ids(b)); diff != "" {
				t.Errorf("objects: %s", diff)
			}
			if p := b.plan(after, reconciler.PlanOptions{}); !p.Empty() || len(p.Records) > 0 || len(p.Moves) > 0 || len(p.Drift) > 0 {
				t.Errorf("the plan after it: %v %v %v", actions(p), p.Records, p.Moves)
			}
			after.Moved = nil // the block is no longer needed
			if p := b.plan(after, reconciler.PlanOptions{NoRefresh: true}); !p.Empty() {
				t.Errorf("without the block: %v", actions(p))
			}
			b.change(carried(runtime, "decky.web[0]", "decky.www[0]"))
			if got := actions(b.plan(after, reconciler.PlanOptions{}))["decky.www[0]"]; got != "update, drift" {
				t.Errorf("drift of a renamed decky: %q", got)
			}
			b.apply(after, reconciler.PlanOptions{})
			b.apply(after, reconciler.PlanOptions{Replace: []addr.Address{"decky.www[0]", "decky.www[1]"}})
			if p := b.plan(after, reconciler.PlanOptions{}); !p.Empty() {
				t.Errorf("after the replacement: %v", actions(p))
			}
			for _, a := range []string{"decky.www[0]", "decky.www[1].service.ssh"} {
				if _, ok := b.world.Get(a); !ok {
					t.Errorf("no object carries %s after its replacement", a)
				}
			}
			b.apply(after, reconciler.PlanOptions{Destroy: true})
			b.converged(nothing())
		})
	}
}

// carried is the address that an object carries once its instance has moved.
func carried(runtime, old, now string) string {
	if runtime == providers.RuntimeDocker {
		return old
	}
	return now
}

// TestTheOldAddressIsTakenAgain makes another instance where a renamed one stood.
func TestTheOldAddressIsTakenAgain(t *testing.T) {
	for _, runtime := range []string{providers.RuntimeNative, providers.RuntimeDocker} {
		t.Run(runtime, func(t *testing.T) {
			b := newBench(t, t.TempDir(), fake.Options{})
			one := fake.Fleet{Deckies: 1, Services: []string{"ssh"}, Runtime: runtime}
			b.apply(one.Desired(), reconciler.PlanOptions{})
			after := renamed(one.Desired(), "decky.www")
			b.apply(after, reconciler.PlanOptions{})
			fresh := fake.Fleet{Deckies: 1, Services: []string{"ssh"}, Runtime: runtime, Decky: func(_ int, d *schema.Decky) {
				d.Name, d.Host.IP = "fleet-fresh", "10.66.9.9"
			}}.Desired()
			for _, i := range fresh.Instances {
				if i.Type == providers.TypeDecky || i.Type == providers.TypeService {
					after.Instances = append(after.Instances, i)
				}
			}
			after.Moved = nil
			b.apply(after, reconciler.PlanOptions{})
			b.converged(after)
		})
	}
}

func TestRemovedLetsGo(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	before := ids(b)
	fewer := small()
	fewer.Instances = nil
	for _, i := range small().Instances {
		if !addr.Covers("decky.web[1]", i.Address) {
			fewer.Instances = append(fewer.Instances, i)
		}
	}
	fewer.Removed = []schema.Removal{{From: "decky.web[1]", Source: "main.hcl:9"}}
	b.apply(fewer, reconciler.PlanOptions{})
	fewer.Removed = nil
	if p := b.plan(fewer, reconciler.PlanOptions{}); !p.Empty() {
		t.Errorf("what was let go: %v", actions(p))
	}
	if diff := cmp.Diff(before, ids(b)); diff != "" {
		t.Error(diff)
	}
	b.apply(small(), reconciler.PlanOptions{})
	if diff := cmp.Diff(before, ids(b)); diff != "" {
		t.Errorf("taken in again: %s", diff)
	}
	b.converged(small())
	runs, err := b.store.Runs(context.Background(), 2)
	if err != nil || runs[1].Counts.Forgotten != 2 || runs[0].Counts.Created != 2 || runs[0].Serial == 0 {
		t.Errorf("history: %+v (%v)", runs, err)
	}
}

func TestPreventDestroyHoldsForDestroy(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	protected := small()
	protected.Instances[0].Lifecycle.PreventDestroy = true
	b.apply(protected, reconciler.PlanOptions{})
	_, err := b.engine.Plan(context.Background(), protected, reconciler.PlanOptions{Destroy: true})
	var prevented *plan.PreventedError
	if !errors.As(err, &prevented) || len(prevented.Instances) != 1 {
		t.Errorf("destroy: %v", err)
	}
	if _, err = b.engine.Plan(context.Background(), nothing(), reconciler.PlanOptions{}); !errors.As(err, &prevented) {
		t.Errorf("without its block: %v", err)
	}
	b.converged(protected)
}

func TestStateEditsAreInTheHistory(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	run, err := b.store.Edit(context.Background(), state.Edit{Begin: state.Begin{Command: "taint"}, Taint: []addr.Address{"rule.spray"}, Counts: state.Counts{Tainted: 1}})
	if err != nil {
		t.Fatal(err)
	}
	old, err := state.OpenReadOnly(run.Backup)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	snapshot, err := old.Snapshot(context.Background())
	if err != nil || len(snapshot.Instances) != 8 || snapshot.Serial != run.Serial-1 {
		t.Errorf("the state before: %+v (%v)", snapshot.Meta, err)
	}
	if got := actions(b.plan(small(), reconciler.PlanOptions{}))["rule.spray"]; got != "replace, tainted" {
		t.Errorf("rule.spray: %s", got)
	}
	runs, err := b.store.Runs(context.Background(), 1)
	if err != nil || runs[0].Command != "taint" || runs[0].Counts.Tainted != 1 || runs[0].Backup != run.Backup {
		t.Errorf("history: %+v (%v)", runs, err)
	}
}
