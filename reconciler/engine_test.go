package reconciler_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// bench is a state, a world and an engine over both.
type bench struct {
	t      testing.TB
	dir    string
	store  *state.Store
	world  *fake.World
	engine *reconciler.Engine
}

// newBench opens, or opens again, what stands in dir.
func newBench(t testing.TB, dir string, options fake.Options, edit ...func(*reconciler.Config)) *bench {
	t.Helper()
	b := &bench{t: t, dir: dir}
	var err error
	if b.world, err = fake.Open(options); err != nil {
		t.Fatal(err)
	}
	b.open(edit...)
	return b
}

// open opens the state and an engine over the same world.
func (b *bench) open(edit ...func(*reconciler.Config)) {
	b.t.Helper()
	var err error
	if b.store, err = state.Open(state.DefaultPath(b.dir)); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.store.Close() })
	registry, err := providers.NewRegistry(b.world.Providers()...)
	if err != nil {
		b.t.Fatal(err)
	}
	config := reconciler.Config{Store: b.store, Registry: registry, DataDir: filepath.Join(b.dir, "data"), Dir: b.dir}
	for _, e := range edit {
		e(&config)
	}
	if b.engine, err = reconciler.New(config); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) plan(desired *schema.Desired, options reconciler.PlanOptions) *plan.Plan {
	b.t.Helper()
	p, err := b.engine.Plan(context.Background(), desired, options)
	if err != nil {
		b.t.Fatalf("plan: %v", err)
	}
	return p
}

func (b *bench) apply(desired *schema.Desired, options reconciler.PlanOptions) *reconciler.Result {
	b.t.Helper()
	result, err := b.engine.Apply(context.Background(), b.plan(desired, options), applyOptions())
	if err != nil {
		b.t.Fatalf("apply: %v", err)
	}
	return result
}

func applyOptions() reconciler.ApplyOptions {
	return reconciler.ApplyOptions{Holder: state.Holder{Who: "tester", Host: "here", PID: 1, Command: "apply", Since: time.Unix(0, 0)}}
}

// converged fails unless the next plan is empty and the world holds exactly
// what is desired.
func (b *bench) converged(desired *schema.Desired) {
	b.t.Helper()
	if p := b.plan(desired, reconciler.PlanOptions{}); !p.Empty() || len(p.Drift) > 0 || len(p.Records) > 0 {
		b.t.Errorf("the plan after it is not empty: %s", actions(p))
	}
	if err := b.world.Check(); err != nil {
		b.t.Errorf("the world is broken: %v", err)
	}
	want := map[string]bool{}
	for _, i := range desired.Instances {
		want[string(i.Address)] = true
	}
	for _, o := range b.world.Objects() {
		if o.Owner.Lineage == foreign {
			continue
		}
		if !want[o.Owner.Address] {
			b.t.Errorf("%s is left over", o.Owner.Address)
		}
		delete(want, o.Owner.Address)
	}
	for a := range want {
		b.t.Errorf("%s is missing", a)
	}
}

const foreign = "somebody-else"

func actions(p *plan.Plan) map[addr.Address]string {
	all := map[addr.Address]string{}
	for _, c := range p.Changes {
		text := string(c.Action)
		for _, r := range c.Reasons {
			text += ", " + string(r)
		}
		all[c.Address] = text
	}
	return all
}

func TestApplyThenPlanIsEmptyThenDestroy(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	desired := fake.Fleet{Deckies: 3, Services: []string{"ssh", "http"}}.Desired()
	result := b.apply(desired, reconciler.PlanOptions{})
	if result.Created != 11 || result.Failed+result.Skipped+result.Deleted+result.Updated != 0 {
		t.Errorf("result: %+v", result)
	}
	b.converged(desired)
	if result := b.apply(desired, reconciler.PlanOptions{}); result.Run != 0 {
		t.Errorf("an empty plan made a run: %+v", result)
	}
	b.apply(desired, reconciler.PlanOptions{Destroy: true})
	b.converged(&schema.Desired{})
}

// TestAFirstPlanOwnsNothing has objects around that carry no lineage, or one
// that was never given.
func TestAFirstPlanOwnsNothing(t *testing.T) {
	b := newBench(t, t.TempDir(), fake.Options{})
	for _, lineage := range []string{"", foreign} {
		o := foreignObject()
		o.ID, o.Owner.Lineage, o.Owner.Address = "", lineage, "decky.theirs"
		if err := b.world.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	p := b.plan(small(), reconciler.PlanOptions{})
	if p.Summary != (plan.Summary{Create: 8}) {
		t.Errorf("summary: %+v", p.Summary)
	}
	if _, err := os.Stat(filepath.Join(b.dir, ".decnet")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("planning left a trace: %v", err)
	}
}
