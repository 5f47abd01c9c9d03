package reconciler_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// ordeal is one thing that an engine is asked to do. It is done once without a
// fault, and then once for every fault that can meet it.
type ordeal struct {
	prepare func(b *bench) // what was before; nil: nothing
	desired func() *schema.Desired
	options reconciler.PlanOptions
	// settled are the options of the plan that is empty afterwards.
	settled reconciler.PlanOptions
	image   string // of the decky binary
	saved   bool   // the plan goes through its saved form
	// by, if set, is what is done in place of plan and apply; desired is what
	// stands afterwards.
	by     func(b *bench) error
	atomic bool // by is one write of the state, in a table that is not runs
	// records says that the next plan still has something to take note of.
	records bool
}

// faultAt is the fault that meets one run: the call with the number, counted
// from 1 over plan and apply, at a moment of it. 0 is no fault.
type faultAt struct {
	call   int
	moment fake.Moment
	err    error
}

// vigil watches one run, and lets its fault happen.
type vigil struct {
	at faultAt

	mu      sync.Mutex
	calls   []fake.Call // each at its first moment
	hit     *fake.Call
	hitStep plan.Step
	step    plan.Step // that was started last: one runs at a time
	started int
}

func (v *vigil) hook(_ context.Context, c fake.Call) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c.Moment == fake.Before {
		v.calls = append(v.calls, c)
	}
	if len(v.calls) != v.at.call || c.Moment != v.at.moment {
		return nil
	}
	v.hit, v.hitStep = &c, v.step
	return v.at.err
}

func (v *vigil) StepStarted(s plan.Step) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.step = s
	v.started++
}
func (v *vigil) StepDone(plan.Step, time.Duration)          {}
func (v *vigil) StepFailed(plan.Step, time.Duration, error) {}

// serial lets one step run at a time, so that the calls have an order, and tells
// drift to the journal.
func serial(c *reconciler.Config) { c.Parallelism, c.Tell = 1, reconciler.Teller(c.Store, c.DataDir) }

// looks tells that a call has no effect.
func looks(c fake.Call) bool { return c.Op == "list" || c.Op == "examine" }

// attempt does what the ordeal is about, once.
func (o ordeal) attempt(b *bench, at faultAt) (*vigil, *plan.Plan, *reconciler.Result, error) {
	v := &vigil{at: at}
	b.world.SetHook(v.hook)
	defer b.world.SetHook(nil)
	if o.by != nil {
		return v, nil, nil, o.by(b)
	}
	desired := o.desired()
	p, err := b.engine.Plan(context.Background(), desired, o.options)
	if err != nil {
		return v, nil, nil, err
	}
	if o.saved {
		p = reread(b, p)
	}
	options := applyOptions()
	options.Desired, options.Progress = desired, v
	result, err := b.engine.Apply(context.Background(), p, options)
	return v, p, result, err
}

// reread is a plan after it was saved.
func reread(b *bench, p *plan.Plan) *plan.Plan {
	b.t.Helper()
	sealed, err := p.Seal(b.store.SealDigest)
	if err != nil {
		b.t.Fatal(err)
	}
	data, err := sealed.Encode()
	if err != nil {
		b.t.Fatal(err)
	}
	if p, err = plan.Decode(data); err != nil {
		b.t.Fatal(err)
	}
	return p
}

// begin is a bench as it was before, from the directory that prepare left.
func (o ordeal) begin(t *testing.T, origin origin) *bench {
	t.Helper()
	return o.over(t, copied(t, origin.dir), origin)
}

// over is a bench over a copied directory, with a world of its own.
func (o ordeal) over(t *testing.T, dir string, origin origin) *bench {
	t.Helper()
	b := newBench(t, dir, fake.Options{Image: o.image}, serial)
	for _, object := range origin.objects {
		if err := b.world.Add(object); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// origin is what stands before a run: the directory, and the world.
type origin struct {
	dir     string
	objects []fake.Object
}

func (o ordeal) origin(t *testing.T) origin {
	t.Helper()
	dir := t.TempDir()
	b := newBench(t, dir, fake.Options{}, serial)
	if err := b.world.Add(foreignObject()); err != nil {
		t.Fatal(err)
	}
	if o.prepare != nil {
		o.prepare(b)
	}
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	return origin{dir, b.world.Objects()}
}

// ending is all that a run leaves, without what no two runs have in common: the
// ids of our objects, times, and the lineage that a first apply makes.
type ending struct {
	Objects  []fake.Object
	Rows     []state.Instance
	Released []state.Released
	Reserved []string
	Drifts   []string // without ids: what was done about each, and what became of it
}

func endOf(b *bench) ending {
	b.t.Helper()
	snapshot, err := b.store.Snapshot(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	end := ending{Released: snapshot.Released}
	address := map[string]addr.Address{}
	for _, r := range snapshot.Instances {
		address[r.Type+" "+r.Runtime+" "+string(cmp.Or(r.Labelled, r.Address))] = r.Address
		if r.Object != nil {
			r.Object = json.RawMessage("{}")
		}
		if r.Quarantined != nil {
			r.Quarantined.Since = time.Time{}
		}
		r.Labelled, r.Source, r.Updated, r.Created, r.Shaken = "", "", time.Time{}, time.Time{}, time.Time{}
		end.Rows = append(end.Rows, r)
	}
	where := map[string]string{}
	objects := b.world.Objects()
	for i := range objects {
		o := &objects[i]
		if a, ours := address[o.Kind.Type+" "+o.Kind.Runtime+" "+o.Owner.Address]; ours && o.Owner.Lineage == snapshot.Lineage {
			where[o.ID], o.Owner.Address = string(a), string(a)
			o.Owner.Lineage, o.ID = "ours", ""
		}
	}
	for i := range objects {
		objects[i].Parent = cmp.Or(where[objects[i].Parent], objects[i].Parent)
	}
	slices.SortFunc(objects, func(x, y fake.Object) int {
		return cmp.Or(cmp.Compare(x.Owner.Lineage, y.Owner.Lineage), cmp.Compare(x.Owner.Address, y.Owner.Address), x.Kind.Compare(y.Kind))
	})
	end.Objects = objects
	held, err := reservation.Others(context.Background(), reservation.Path(filepath.Join(b.dir, "data")), "nobody's")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, h := range held {
		end.Reserved = append(end.Reserved, fmt.Sprint(h.IP, " ", h.Address, " ", h.Owner.Name))
	}
	slices.Sort(end.Reserved)
	end.Drifts = b.witnessed()
	return end
}

// untouched is everything that may not change where a run was refused.
func untouched(b *bench) []any {
	b.t.Helper()
	snapshot, err := b.store.Snapshot(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return []any{b.world.Objects(), snapshot}
}

// recover does again what failed, without a fault, and fails the test unless all
// is as if there had been none.
func (o ordeal) recover(b *bench, want ending, quiet bool) {
	b.t.Helper()
	_, p, _, err := o.attempt(b, faultAt{})
	if err != nil {
		b.t.Errorf("the next one: %v", err)
		return
	}
	if quiet && p != nil && len(p.Drift) > 0 {
		b.t.Errorf("our own failure is called drift: %+v", p.Drift)
	}
	o.compare(b, want)
}

func (o ordeal) compare(b *bench, want ending) {
	b.t.Helper()
	if end := endOf(b); !reflect.DeepEqual(want, end) {
		b.t.Errorf("the end is another one than without the fault: %s", gocmp.Diff(want, end))
	}
	if err := b.world.Check(); err != nil {
		b.t.Errorf("the world is broken: %v", err)
	}
	p := b.plan(o.desired(), o.settled)
	if o.records {
		p.Records = nil
	}
	if !p.Empty() || len(p.Records)+len(p.Moves)+len(p.Imports) > 0 {
		b.t.Errorf("the plan after it is not empty: %v, records %d, moves %v", actions(p), len(p.Records), p.Moves)
	}
}

// dependents are the steps that need the one at index, over any way.
func dependents(p *plan.Plan, index int) map[int]bool {
	all := map[int]bool{}
	for i, s := range p.Steps {
		for _, on := range s.Needs {
			if on == index || all[on] {
				all[i] = true
			}
		}
	}
	return all
}

// wentOn fails unless the run failed at one step and did all that does not need
// it.
func wentOn(t *testing.T, v *vigil, p *plan.Plan, result *reconciler.Result, err error) {
	t.Helper()
	var failed *reconciler.FailedError
	if !errors.As(err, &failed) || len(failed.Steps) != 1 || !errors.Is(err, v.at.err) {
		t.Errorf("the error is %v", err)
		return
	}
	if s := failed.Steps[0]; s.Address != v.hitStep.Address || s.Op != v.hitStep.Op || !strings.Contains(err.Error(), string(v.hitStep.Address)) {
		t.Errorf("the error is about %s of %s, not about %s of %s: %v", s.Op, s.Address, v.hitStep.Op, v.hitStep.Address, err)
	}
	index := slices.IndexFunc(p.Steps, func(s plan.Step) bool {
		return s.Op == v.hitStep.Op && s.Address == v.hitStep.Address && s.Change == v.hitStep.Change
	})
	waiting := dependents(p, index)
	if result.Failed != 1 || result.Skipped != len(waiting) || len(result.Steps) != len(p.Steps)-len(waiting) {
		t.Errorf("%d steps done, %d failed and %d skipped of %d, of which %d need the failed one", len(result.Steps), result.Failed, result.Skipped, len(p.Steps), len(waiting))
	}
	for _, r := range result.Steps {
		at := slices.IndexFunc(p.Steps, func(s plan.Step) bool {
			return s.Op == r.Step.Op && s.Address == r.Step.Address && s.Change == r.Step.Change
		})
		if waiting[at] {
			t.Errorf("%s of %s was done, and needs what failed", r.Step.Op, r.Step.Address)
		}
	}
}

// faultsOf are the ways in which a call can fail. What looks has no effect, so
// that it can fail in one way only.
func faultsOf(index int, c fake.Call) []faultAt {
	all := []faultAt{{index, fake.Before, fake.ErrInjected}}
	if looks(c) {
		return all
	}
	return append(all, faultAt{index, fake.Half, fake.ErrInjected}, faultAt{index, fake.After, fake.ErrLost})
}

// TestAFaultAtEveryCall lets every call that an engine makes to a handler fail,
// one by one, before its effect, amid it, and after it so that the caller never
// learns of what was made. Each time the failure is told with its address, all
// that does not depend on it is done, and the next run without a fault ends
// where one without any fault at all would have.
func TestAFaultAtEveryCall(t *testing.T) {
	seen := newCoverage()
	t.Cleanup(func() { seen.check(t) })
	for name, o := range ordeals() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := o.origin(t)
			b := o.begin(t, origin)
			clean, p, _, err := o.attempt(b, faultAt{})
			if err != nil {
				t.Fatalf("without a fault: %v", err)
			}
			want := endOf(b)
			o.compare(b, want)
			seen.add(clean.calls, p)
			if effects := slices.DeleteFunc(slices.Clone(clean.calls), looks); p != nil && len(effects) != len(p.Steps)-p.Summary.Forget {
				t.Errorf("%d calls for %d steps", len(effects), len(p.Steps)-p.Summary.Forget)
			}
			tried := 0
			for i, c := range clean.calls {
				for _, at := range faultsOf(i+1, c) {
					t.Run(fmt.Sprintf("%d %s %s %s", i+1, c.Op, cmp.Or(c.Address, "of all kinds"), at.moment), func(t *testing.T) {
						o.suffer(t, origin, at, c, want, p == nil || len(p.Drift) == 0)
					})
				}
				tried++
			}
			last, _, _, err := o.attempt(o.begin(t, origin), faultAt{len(clean.calls) + 1, fake.Before, fake.ErrInjected})
			if err != nil || last.hit != nil || tried != len(last.calls) {
				t.Errorf("%d calls were made to fail, a run makes %d (%v)", tried, len(last.calls), err)
			}
		})
	}
}

// suffer is one run with one fault.
func (o ordeal) suffer(t *testing.T, origin origin, at faultAt, call fake.Call, want ending, quiet bool) {
	b := o.begin(t, origin)
	defer b.store.Close()
	before := untouched(b)
	v, p, result, err := o.attempt(b, at)
	if v.hit == nil || v.hit.Op != call.Op || v.hit.Address != call.Address {
		t.Fatalf("the fault met %+v, not %+v", v.hit, call)
	}
	switch {
	case call.Op == "examine":
		if err != nil {
			t.Errorf("without evidence nothing is healed: %v", err)
		}
		o.compare(b, want)
		return
	case call.Op != "list":
		if p != nil {
			wentOn(t, v, p, result, err)
		} else if !errors.Is(err, at.err) || !strings.Contains(err.Error(), call.Address) {
			t.Errorf("the error is %v", err)
		}
	default:
		if !errors.Is(err, at.err) || !strings.Contains(err.Error(), v.hit.Kind.Type) {
			t.Errorf("the error is %v", err)
		}
		if now := untouched(b); !reflect.DeepEqual(before, now) {
			t.Errorf("something was done: %s", gocmp.Diff(before, now))
		}
		return // what comes next begins where the run without a fault began
	}
	o.recover(b, want, quiet)
}

// witnessed are the drifts on record. It fails the test unless each was told,
// and nothing else was.
func (b *bench) witnessed() []string {
	b.t.Helper()
	var all, ids []string
	for _, d := range b.drifts() {
		if d.Told.IsZero() {
			b.t.Errorf("the drift of %s was not told", d.Address)
		}
		all = append(all, fmt.Sprint(d.Address, " ", d.Reason, " ", d.Action, ": ", d.Outcome))
		ids = append(ids, d.ID)
	}
	told := journalled(b.t, reconciler.JournalDir(filepath.Join(b.dir, "data"), b.lineage()))
	slices.Sort(told)
	slices.Sort(ids)
	if diff := gocmp.Diff(ids, slices.Compact(told), cmpopts.EquateEmpty()); diff != "" {
		b.t.Errorf("told: %s", diff)
	}
	slices.Sort(all)
	return all
}
