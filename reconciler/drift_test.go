package reconciler_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

func TestDriftIsNamedAndHealed(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.change("decky.web[0]")
	b.remove("decky.web[1]")
	b.remove("rule.spray")

	p := b.plan(small(), reconciler.PlanOptions{})
	want := map[addr.Address]string{
		"decky.web[0]":             "update, drift",
		"decky.web[1]":             "create, drift",
		"decky.web[1].service.ssh": "replace, dependency replaced",
		"rule.spray":               "create, drift",
	}
	if diff := cmp.Diff(want, actions(p)); diff != "" {
		t.Error(diff)
	}
	drift := map[addr.Address]any{}
	for _, d := range p.Drift {
		drift[d.Address] = d.Gone
		if !d.Gone {
			drift[d.Address] = d.Changes
		}
	}
	wantDrift := map[addr.Address]any{
		"decky.web[0]": []providers.Change{{Path: "personality", Before: `"linux"`, After: `"windows"`}},
		"decky.web[1]": true, "rule.spray": true,
	}
	if diff := cmp.Diff(wantDrift, drift); diff != "" {
		t.Error(diff)
	}
	if p.Summary != (plan.Summary{Create: 2, Update: 1, Replace: 1, NoOp: 4, Drift: 3}) {
		t.Errorf("summary: %+v", p.Summary)
	}
	only, err := b.engine.Drift(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Drift, only.Drift); diff != "" {
		t.Errorf("drift alone: %s", diff)
	}
	b.apply(small(), reconciler.PlanOptions{})
	b.converged(small())
}

// TestDriftBesideAChangeOfConfiguration has both on one object.
func TestDriftBesideAChangeOfConfiguration(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.change("decky.web[0]")
	b.change("decky.web[1]") // which will be replaced
	p := b.plan(changed(), reconciler.PlanOptions{})
	all := actions(p)
	if got, want := all["decky.web[0]"], "update, configuration changed, drift"; got != want {
		t.Errorf("decky.web[0]: %s, want %s", got, want)
	}
	if got, want := all["decky.web[1]"], "replace, configuration changed, drift"; got != want {
		t.Errorf("decky.web[1]: %s, want %s", got, want)
	}
	if len(p.Drift) != 2 {
		t.Errorf("drift: %+v", p.Drift)
	}
	for _, c := range p.Changes {
		if c.Address != "decky.web[0]" {
			continue
		}
		want := []providers.Change{
			{Path: "host.hostname", Before: `"web-0"`, After: `"renamed"`, Cause: plan.CauseConfiguration},
			{Path: "personality", Before: `"windows"`, After: `"linux"`, Cause: plan.CauseDrift},
		}
		if diff := cmp.Diff(want, c.Attributes); diff != "" {
			t.Error(diff)
		}
	}
	b.apply(changed(), reconciler.PlanOptions{})
	b.converged(changed())
}

func TestANewBinaryReplacesWithItsReason(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{Image: "one"})
	b.apply(small(), reconciler.PlanOptions{})
	b.world.SetImage("two")
	p := b.plan(small(), reconciler.PlanOptions{})
	if got := actions(p)["decky.web[0]"]; got != "replace, image" {
		t.Errorf("decky.web[0]: %s", got)
	}
	if got := actions(p)["decky.web[0].service.ssh"]; got != "replace, image, dependency replaced" {
		t.Errorf("its service: %s", got)
	}
	if len(p.Drift) > 0 {
		t.Errorf("a new binary is called drift: %+v", p.Drift)
	}
	b.apply(small(), reconciler.PlanOptions{})
	b.converged(small())
}

func TestReplaceOnRequest(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	before, _ := b.world.Get("decky.web[1]")
	options := reconciler.PlanOptions{Replace: []addr.Address{"decky.web[1]"}}
	p := b.plan(small(), options)
	want := map[addr.Address]string{"decky.web[1]": "replace, replace requested", "decky.web[1].service.ssh": "replace, dependency replaced"}
	if diff := cmp.Diff(want, actions(p)); diff != "" {
		t.Error(diff)
	}
	result := b.apply(small(), options)
	if result.Replaced != 2 || result.Deleted != 0 || result.Created != 0 {
		t.Errorf("result: %+v", result)
	}
	if after, _ := b.world.Get("decky.web[1]"); after.ID == before.ID {
		t.Error("the object is the same")
	}
	b.converged(small())
	if _, err := b.engine.Plan(context.Background(), small(), reconciler.PlanOptions{Replace: []addr.Address{"decky.nope"}}); err == nil {
		t.Error("a replacement of what is not there was planned")
	}
}

func TestWithoutRefreshTheStateIsBelieved(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.change("decky.web[0]")
	b.remove("decky.web[1]")
	if p := b.plan(small(), reconciler.PlanOptions{NoRefresh: true}); !p.Empty() {
		t.Errorf("plan: %v", actions(p))
	}
}

// TestOneDeckyMoreMovesNoOther compares the objects before and after.
func TestOneDeckyMoreMovesNoOther(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	before := b.world.Objects()
	b.apply(fake.Fleet{Deckies: 4, Services: []string{"ssh"}}.Desired(), reconciler.PlanOptions{})
	b.apply(small(), reconciler.PlanOptions{})
	if diff := cmp.Diff(before, b.world.Objects()); diff != "" {
		t.Error(diff)
	}
}
