package reconciler_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// lose removes the state and all that stands beside it.
func (b *bench) lose() {
	b.t.Helper()
	if err := b.store.Close(); err != nil {
		b.t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(b.dir, ".decnet")); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

func TestALostStateIsRebuiltFromTheObjects(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, t.TempDir(), fake.Options{})
	if err := b.world.Add(foreignObject()); err != nil {
		t.Fatal(err)
	}
	b.apply(small(), reconciler.PlanOptions{Runtime: providers.RuntimeNative})
	before, err := b.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	b.lose()

	p := b.plan(small(), reconciler.PlanOptions{})
	var refused *reconciler.RefusedError
	if _, err := b.engine.Apply(ctx, p, applyOptions()); !errors.As(err, &refused) || !strings.Contains(err.Error(), "decnet state rebuild") {
		t.Errorf("apply over a lost state: %v", err)
	}
	result, err := b.engine.Rebuild(ctx, reconciler.RebuildOptions{})
	if err != nil || result.Instances != 8 || result.Lineage != before.Lineage {
		t.Fatalf("rebuild: %+v, %v", result, err)
	}
	b.converged(withoutSource(small()))
	after, err := b.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if after.Seed != before.Seed || after.Runtime != before.Runtime || after.Name != before.Name {
		t.Errorf("meta %+v, was %+v", after.Meta, before.Meta)
	}
	for i, got := range after.Instances {
		want := before.Instances[i]
		if diff := cmp.Diff([]any{want.Address, want.Type, want.Runtime, string(want.Config), want.Digest, want.Parents, string(want.Object)},
			[]any{got.Address, got.Type, got.Runtime, string(got.Config), got.Digest, got.Parents, string(got.Object)}); diff != "" {
			t.Error(diff)
		}
	}
	// Where blocks stand is no matter of the objects: it is recorded without
	// touching any.
	if p := b.plan(small(), reconciler.PlanOptions{}); !p.Empty() || len(p.Records) != 8 {
		t.Errorf("plan: %v, %d records", actions(p), len(p.Records))
	}
	calls := len(b.world.Calls())
	b.apply(small(), reconciler.PlanOptions{})
	if len(b.world.Calls()) != calls {
		t.Error("recording touched objects")
	}
	b.converged(small())
	b.apply(changed(), reconciler.PlanOptions{})
	b.converged(changed())
}

func withoutSource(d *schema.Desired) *schema.Desired {
	for i := range d.Instances {
		d.Instances[i].Source = ""
	}
	return d
}

func TestRebuildAsksWhichLineage(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	meta, err := b.store.Meta(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Rebuild(ctx, reconciler.RebuildOptions{}); err == nil || !strings.Contains(err.Error(), "8 instances") {
		t.Errorf("rebuild over a state with instances: %v", err)
	}
	b.lose()
	edited(t, filepath.Join(b.dir, "data", meta.Lineage, "owner.json"), func(l *reconciler.Lineage) { l.State = "/elsewhere/state.db" })
	var ambiguous *reconciler.AmbiguousError
	if _, err := b.engine.Rebuild(ctx, reconciler.RebuildOptions{}); !errors.As(err, &ambiguous) || !strings.Contains(err.Error(), meta.Lineage) || !strings.Contains(err.Error(), "/elsewhere/state.db") {
		t.Errorf("rebuild: %v", err)
	}
	if _, err := b.engine.Rebuild(ctx, reconciler.RebuildOptions{Lineage: meta.Lineage}); err != nil {
		t.Fatal(err)
	}
	b.converged(withoutSource(small()))
}

func edited(t *testing.T, path string, edit func(*reconciler.Lineage)) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var l reconciler.Lineage
	if err := json.Unmarshal(data, &l); err != nil {
		t.Fatal(err)
	}
	edit(&l)
	if data, err = json.Marshal(l); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOrphansGo has objects of ours that neither state nor configuration knows,
// and one object too many.
func TestOrphansGo(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(fake.Fleet{Deckies: 6, Services: []string{"ssh"}}.Desired(), reconciler.PlanOptions{})
	var forget []addr.Address
	for _, a := range []addr.Address{"decky.web[3]", "decky.web[4]", "decky.web[5]"} {
		forget = append(forget, a, a+".service.ssh")
	}
	if _, err := b.store.Edit(context.Background(), state.Edit{Begin: state.Begin{Forget: forget}}); err != nil {
		t.Fatal(err)
	}
	twin, _ := b.world.Get("rule.spray")
	twin.ID, twin.Live = "", []byte(`{"name":"old"}`)
	if err := b.world.Add(twin); err != nil {
		t.Fatal(err)
	}
	p := b.plan(small(), reconciler.PlanOptions{})
	for _, c := range p.Changes {
		if c.Action != "delete" || len(c.Reasons) != 1 || c.Reasons[0] != "orphan" {
			t.Errorf("%s: %s %v", c.Address, c.Action, c.Reasons)
		}
	}
	if len(p.Changes) != 7 || p.Changes[6].Address != "rule.spray" || !p.Changes[6].Surplus {
		t.Errorf("%d changes: %v", len(p.Changes), actions(p))
	}
	b.apply(small(), reconciler.PlanOptions{})
	b.converged(small())

	if _, err := b.store.Edit(context.Background(), state.Edit{Begin: state.Begin{Forget: []addr.Address{"network.lan", "decky.web[0]", "decky.web[1]", "decky.web[2]"}}}); err != nil {
		t.Fatal(err)
	}
	b.apply(nothing(), reconciler.PlanOptions{Destroy: true})
	b.converged(nothing())
}

func TestPoolsOfTwoConfigurationsDoNotCollide(t *testing.T) {
	ctx := context.Background()
	data := filepath.Join(t.TempDir(), "data")
	shared := func(c *reconciler.Config) { c.DataDir = data }
	one := newBench(t, t.TempDir(), fake.Options{}, shared)
	two := newBench(t, t.TempDir(), fake.Options{}, shared)
	other := func() *schema.Desired { return fake.Fleet{Name: "other", Deckies: 2}.Desired() }
	late := two.plan(other(), reconciler.PlanOptions{})
	one.apply(small(), reconciler.PlanOptions{})

	for name, p := range map[string]func() error{
		"planned before": func() error { _, err := two.engine.Apply(ctx, late, applyOptions()); return err },
		"planned after": func() error {
			_, err := two.engine.Apply(ctx, two.plan(other(), reconciler.PlanOptions{}), applyOptions())
			return err
		},
	} {
		err := p()
		if err == nil || !strings.Contains(err.Error(), `10.66.1.1 is taken by decky.web[0] of configuration "fleet" in `+one.dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if meta, err := two.store.Meta(ctx); len(two.world.Objects()) > 0 || meta.Lineage != "" || err != nil {
		t.Errorf("something was touched: %+v (%v)", meta, err)
	}
	one.apply(fake.Fleet{Deckies: 0}.Desired(), reconciler.PlanOptions{})
	two.apply(other(), reconciler.PlanOptions{})
	two.converged(other())
}

func TestDestroyLeavesNothingOfTheHost(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.apply(nothing(), reconciler.PlanOptions{Destroy: true})
	lineages, err := b.engine.Lineages()
	if err != nil || len(lineages) > 0 {
		t.Errorf("lineages: %+v (%v)", lineages, err)
	}
	rows, err := b.store.Instances(context.Background())
	if err != nil || len(rows) > 0 {
		t.Errorf("rows: %+v (%v)", rows, err)
	}
	meta, err := b.store.Meta(context.Background())
	if err != nil || meta.Lineage == "" || meta.Serial != 2 {
		t.Errorf("meta: %+v (%v)", meta, err)
	}
}

func TestACopiedStateIsNoticed(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	if p := b.plan(small(), reconciler.PlanOptions{}); len(p.Findings) > 0 {
		t.Errorf("the original: %+v", p.Findings)
	}
	data := filepath.Join(b.dir, "data")
	copied := &bench{t: t, dir: t.TempDir(), world: b.world}
	if err := os.CopyFS(filepath.Join(copied.dir, ".decnet"), os.DirFS(filepath.Join(b.dir, ".decnet"))); err != nil {
		t.Fatal(err)
	}
	copied.open(func(c *reconciler.Config) { c.DataDir = data })
	p := copied.plan(small(), reconciler.PlanOptions{})
	if len(p.Findings) != 1 || p.Findings[0].Severity != providers.SeverityWarning || !strings.Contains(p.Findings[0].Summary, b.store.Path()) {
		t.Errorf("the copy: %+v", p.Findings)
	}
}

// TestRebuildWithoutAProvider takes what can be seen and names the rest.
func TestRebuildWithoutAProvider(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	b.world.SetUnavailable(providers.RuntimeNative, &providers.UnavailableError{Provider: "native", What: "no privilege", Err: os.ErrPermission})
	b.lose()
	result, err := b.engine.Rebuild(ctx, reconciler.RebuildOptions{})
	if err != nil || result.Instances != 1 || len(result.Unavailable) != 3 || result.Unavailable[0].What != "no privilege: permission denied" {
		t.Fatalf("rebuild: %+v (%v)", result, err)
	}
	b.world.SetUnavailable(providers.RuntimeNative, nil)
	twin, _ := b.world.Get("rule.spray")
	twin.ID = ""
	if err := b.world.Add(twin); err != nil {
		t.Fatal(err)
	}
	result, err = b.engine.Rebuild(ctx, reconciler.RebuildOptions{Force: true})
	if err != nil || result.Instances != 8 || len(result.Surplus) != 1 || result.Surplus[0] != "rule.spray" {
		t.Fatalf("rebuild with force: %+v (%v)", result, err)
	}
	b.apply(small(), reconciler.PlanOptions{})
	b.converged(small())
}

func TestRebuildWaitsForTheLock(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	b.apply(small(), reconciler.PlanOptions{})
	lock, err := b.store.Lock(context.Background(), applyOptions().Holder, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	var locked *state.LockedError
	if _, err := b.engine.Rebuild(context.Background(), reconciler.RebuildOptions{Force: true}); !errors.As(err, &locked) {
		t.Errorf("rebuild of a locked state: %v", err)
	}
	if _, err := b.engine.Rebuild(context.Background(), reconciler.RebuildOptions{Force: true, Lock: lock}); err != nil {
		t.Errorf("rebuild by the holder: %v", err)
	}
}
