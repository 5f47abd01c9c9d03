package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// story is one random sequence of configurations over one world.
type story struct {
	rt      *rapid.T
	b       *bench
	runtime string
	blocks  []addr.Address // that the deckies were called, so far
	desired *schema.Desired
}

// draw is the next configuration: some deckies, perhaps under another block's
// name with a moved block for it, with lifecycles drawn at random.
func (s *story) draw() *schema.Desired {
	n := rapid.IntRange(0, 3).Draw(s.rt, "deckies")
	ips := rapid.Permutation([]int{1, 2, 3}).Draw(s.rt, "ips")
	port := rapid.Uint16Range(22, 23).Draw(s.rt, "port")
	d := fake.Fleet{
		Deckies: n, Services: rapid.SampledFrom([][]string{nil, {"ssh"}, {"ssh", "http"}}).Draw(s.rt, "services"), Runtime: s.runtime,
		Decky:   func(i int, d *schema.Decky) { d.Host.IP = fmt.Sprintf("10.66.1.%d", ips[i]) },
		Service: func(_ int, v *schema.Service) { v.Ports[0].Number = port },
	}.Desired()
	block := rapid.SampledFrom([]addr.Address{"decky.web", "decky.www", "decky.site"}).Draw(s.rt, "block")
	d = renamed(d, block)
	d.Moved = nil
	if rapid.Bool().Draw(s.rt, "say that they moved") {
		for _, old := range s.blocks {
			if old != block {
				d.Moved = append(d.Moved, schema.Move{From: old, To: block, Source: "main.hcl:1"})
			}
		}
	}
	if !slices.Contains(s.blocks, block) {
		s.blocks = append(s.blocks, block)
	}
	for i := range d.Instances {
		l := &d.Instances[i].Lifecycle
		l.CreateBeforeDestroy = rapid.Bool().Draw(s.rt, "create first")
		if i > 0 && rapid.IntRange(0, 5).Draw(s.rt, "triggered") == 0 {
			l.ReplaceTriggeredBy = []addr.Address{d.Instances[rapid.IntRange(0, len(d.Instances)-1).Draw(s.rt, "by")].Address}
		}
		if d.Instances[i].Type == providers.TypeService {
			d.Instances[i].Sensitive = []string{"ports"}
		}
	}
	return d
}

// options are what an operator may add.
func (s *story) options() reconciler.PlanOptions {
	var o reconciler.PlanOptions
	pick := func(what string) []addr.Address {
		if len(s.desired.Instances) == 0 || rapid.IntRange(0, 3).Draw(s.rt, what) > 0 {
			return nil
		}
		return []addr.Address{s.desired.Instances[rapid.IntRange(0, len(s.desired.Instances)-1).Draw(s.rt, what+" which")].Address}
	}
	o.Replace, o.Targets, o.Excludes = pick("replace"), pick("target"), pick("exclude")
	return o
}

// round plans and applies once, with failures; the plan goes through its saved form.
func (s *story) round(failing []int) {
	s.b.world.SetHook(failAt(failing))
	p, err := s.b.engine.Plan(context.Background(), s.desired, s.options())
	if err != nil {
		s.rt.Fatalf("plan: %v", err)
	}
	sealed, err := p.Seal(s.b.store.SealDigest)
	if err != nil {
		s.rt.Fatal(err)
	}
	data, err := sealed.Encode()
	if err != nil {
		s.rt.Fatal(err)
	}
	if p, err = plan.Decode(data); err != nil {
		s.rt.Fatal(err)
	}
	options := applyOptions()
	options.Desired = s.desired
	_, err = s.b.engine.Apply(context.Background(), p, options)
	var failed *reconciler.FailedError
	if err != nil && (len(failing) == 0 || !errors.As(err, &failed)) {
		s.rt.Fatalf("apply: %v\n%v", err, actions(p))
	}
	s.b.world.SetHook(nil)
}

// TestAnyStoryConverges renames, protects, limits, lets go, edits by hand, fails
// and disturbs at random. Whatever happened, one apply makes everything as it is
// wanted, the plan after it is empty, and nothing foreign was touched.
func TestAnyStoryConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &story{rt: rt, b: newBench(t, t.TempDir(), fake.Options{}), runtime: rapid.SampledFrom([]string{providers.RuntimeNative, providers.RuntimeDocker}).Draw(rt, "runtime")}
		defer s.b.store.Close()
		theirs := foreignObject()
		if err := s.b.world.Add(theirs); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			s.desired = s.draw()
			s.round(rapid.SliceOfNDistinct(rapid.IntRange(0, 40), 0, 3, rapid.ID).Draw(rt, "failing calls"))
			s.meddle()
		}
		p, err := s.b.engine.Plan(context.Background(), s.desired, reconciler.PlanOptions{})
		if err != nil {
			rt.Fatalf("last plan: %v", err)
		}
		if _, err := s.b.engine.Apply(context.Background(), p, applyOptions()); err != nil {
			rt.Fatalf("last apply: %v\n%v", err, actions(p))
		}
		s.settled(theirs)
	})
}

// meddle is what happens between applies.
func (s *story) meddle() {
	snapshot, err := s.b.store.Snapshot(context.Background())
	if err != nil || len(snapshot.Instances) == 0 {
		return
	}
	row := snapshot.Instances[rapid.IntRange(0, len(snapshot.Instances)-1).Draw(s.rt, "row")]
	hand := reconciler.EditOptions{Holder: applyOptions().Holder}
	switch rapid.IntRange(0, 5).Draw(s.rt, "what") {
	case 0:
		if _, err := s.b.engine.Taint(context.Background(), true, []addr.Address{row.Address}, hand); err != nil {
			s.rt.Fatal(err)
		}
	case 1:
		if string(row.Address) == foreignObject().Owner.Address {
			break // that would be done to the foreign one
		}
		if err := s.b.world.Change(string(row.Address), func(live map[string]any) { live["name"] = "drifted" }); err != nil && !errors.Is(err, providers.ErrGone) {
			s.rt.Fatal(err)
		}
	case 2:
		if row.Type == providers.TypeRule { // it is wanted again; a decky that is not would stand in its network for ever
			if _, _, err := s.b.engine.Forget(context.Background(), []addr.Address{row.Address}, hand); err != nil {
				s.rt.Fatal(err)
			}
		}
	}
}

func (s *story) settled(theirs fake.Object) {
	p, err := s.b.engine.Plan(context.Background(), s.desired, reconciler.PlanOptions{})
	if err != nil {
		s.rt.Fatal(err)
	}
	if !p.Empty() || len(p.Records)+len(p.Moves)+len(p.Drift) > 0 {
		s.rt.Fatalf("the plan after it: %v, records %d, moves %v, drift %v", actions(p), len(p.Records), p.Moves, p.Drift)
	}
	if err := s.b.world.Check(); err != nil {
		s.rt.Fatalf("the world is broken: %v", err)
	}
	snapshot, err := s.b.store.Snapshot(context.Background())
	if err != nil {
		s.rt.Fatal(err)
	}
	left, labels := 0, map[string]state.Instance{}
	for _, r := range snapshot.Instances {
		label := r.Address
		if r.Labelled != "" {
			label = r.Labelled
		}
		labels[string(label)+r.Type] = r
	}
	for _, o := range s.b.world.Objects() {
		if o.Owner.Lineage == foreign {
			if diff := cmp.Diff(string(theirs.Live), string(o.Live)); diff != "" {
				s.rt.Fatalf("a foreign object was touched: %s", diff)
			}
			continue
		}
		if _, known := labels[o.Owner.Address+o.Kind.Type]; !known {
			s.rt.Fatalf("%s is nobody's", o.Owner.Address)
		}
		left++
	}
	if left != len(s.desired.Instances) || len(snapshot.Instances) != left {
		s.rt.Fatalf("%d objects and %d rows for %d instances", left, len(snapshot.Instances), len(s.desired.Instances))
	}
}
