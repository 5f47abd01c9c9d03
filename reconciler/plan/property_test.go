package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// random is an input in which everything can happen.
func random(rt *rapid.T) plan.Input {
	in := plan.Input{Desired: &schema.Desired{Name: "n"}, Differ: text{}, Prior: state.Snapshot{Interrupted: map[addr.Address]string{}}}
	texts := rapid.SampledFrom([]string{"", "", "a", "b", "!c"})
	for _, parent := range []string{"x", "y", "z"} {
		wanted := false
		for _, address := range []string{parent, parent + "/s", parent + "/t"} {
			if s := texts.Draw(rt, "want "+address); s != "" && (wanted || address == parent) {
				in.Desired.Instances = append(in.Desired.Instances, want(address, s))
				wanted = true
			}
			if s := texts.Draw(rt, "had "+address); s != "" {
				row := had(address, s)
				row.Tainted = rapid.Bool().Draw(rt, "tainted")
				if rapid.Bool().Draw(rt, "pending") {
					row.Object = nil
				}
				in.Prior.Instances = append(in.Prior.Instances, row)
			}
			for range rapid.IntRange(0, 2).Draw(rt, "objects "+address) {
				if s := texts.Draw(rt, "alive "+address); s != "" {
					in.Observed.Objects = append(in.Observed.Objects, alive(address, s, s))
				}
			}
			if rapid.Bool().Draw(rt, "interrupted") {
				in.Prior.Interrupted[name(address)] = "create"
			}
		}
	}
	return in
}

// TestSameInputSamePlan shuffles what has no order and compares the bytes, and
// checks that Compute leaves its input alone.
func TestSameInputSamePlan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := random(rt)
		frozen, err := json.Marshal([]any{in.Desired, in.Prior, in.Observed})
		if err != nil {
			rt.Fatal(err)
		}
		first, err := plan.Compute(in)
		if err != nil {
			rt.Fatal(err)
		}
		data, err := first.Encode()
		if err != nil {
			rt.Fatal(err)
		}
		if now, err := json.Marshal([]any{in.Desired, in.Prior, in.Observed}); err != nil || !bytes.Equal(now, frozen) {
			rt.Fatalf("the input has changed (%v)", err)
		}
		r := rand.New(rand.NewPCG(uint64(rapid.Uint32().Draw(rt, "seed")), 1))
		desired := *in.Desired
		desired.Instances = slices.Clone(desired.Instances)
		in.Desired, in.Observed.Objects, in.Prior.Instances = &desired, slices.Clone(in.Observed.Objects), slices.Clone(in.Prior.Instances)
		r.Shuffle(len(desired.Instances), func(i, j int) {
			desired.Instances[i], desired.Instances[j] = desired.Instances[j], desired.Instances[i]
		})
		r.Shuffle(len(in.Observed.Objects), func(i, j int) {
			in.Observed.Objects[i], in.Observed.Objects[j] = in.Observed.Objects[j], in.Observed.Objects[i]
		})
		second, err := plan.Compute(in)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := second.Encode()
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(string(data), string(again)); diff != "" {
			rt.Fatalf("the same input gave two plans: %s", diff)
		}
		check(rt, in, first)
	})
}

// check is what every plan keeps: steps in order, one account of every object.
func check(rt *rapid.T, in plan.Input, p *plan.Plan) {
	deleted := 0
	for i, s := range p.Steps {
		for _, on := range s.Needs {
			if on >= i {
				rt.Fatalf("step %d needs %d", i, on)
			}
		}
		if s.Op == plan.OpDelete {
			deleted++
		}
	}
	sum := p.Summary.Create + p.Summary.Update + p.Summary.Replace + p.Summary.Delete + p.Summary.Forget
	if sum != len(p.Changes) {
		rt.Fatalf("summary %+v of %d changes", p.Summary, len(p.Changes))
	}
	if kept := len(in.Observed.Objects) - deleted; kept < 0 || kept > len(in.Desired.Instances) {
		rt.Fatalf("%d objects would be kept for %d instances", kept, len(in.Desired.Instances))
	}
}

func FuzzDecode(f *testing.F) {
	p, err := plan.Compute(plan.Input{Desired: &schema.Desired{Instances: []schema.Instance{want("x", "a"), want("x/y", "b")}}, Differ: text{}})
	if err != nil {
		f.Fatal(err)
	}
	data, err := p.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format_version":1,"changes":[{}],"steps":[{"op":"delete","change":0,"needs":[0]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := plan.Decode(data)
		if err != nil {
			return
		}
		for i, s := range p.Steps {
			if s.Change >= len(p.Changes) || slices.ContainsFunc(s.Needs, func(on int) bool { return on >= i }) {
				t.Fatalf("step %d of a decoded plan cannot be walked: %+v", i, s)
			}
		}
	})
}

// fleet is n deckies with three services each.
func fleet(n int) []schema.Instance {
	var all []schema.Instance
	for i := range n {
		parent := fmt.Sprintf("web[%d]", i)
		all = append(all, want(parent, "text"))
		for _, s := range []string{"ssh", "http", "redis"} {
			all = append(all, want(parent+"/"+s, "text"))
		}
	}
	return all
}

func applied(instances []schema.Instance) plan.Input {
	in := plan.Input{Desired: &schema.Desired{Instances: instances}, Differ: text{}}
	for _, i := range instances {
		in.Prior.Instances = append(in.Prior.Instances, state.Instance{
			Address: i.Address, Type: i.Type, Runtime: i.Runtime, Config: i.Config, Digest: i.Digest, Object: i.Config, Parents: i.Parents, Source: i.Source,
		})
		in.Observed.Objects = append(in.Observed.Objects, plan.Found{
			Kind: providers.Kind{Type: i.Type, Runtime: i.Runtime}, Address: i.Address, Digest: i.Digest, State: i.Config,
		})
	}
	return in
}

// TestTwentyThousandInstances keeps Compute far from quadratic.
func TestTwentyThousandInstances(t *testing.T) {
	instances := fleet(5000)
	for name, in := range map[string]plan.Input{
		"create":  {Desired: &schema.Desired{Instances: instances}, Differ: text{}},
		"nothing": applied(instances),
		"destroy": func() plan.Input { in := applied(instances); in.Destroy = true; return in }(),
	} {
		begin := processorTime(t)
		p, err := plan.Compute(in)
		took := processorTime(t) - begin
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d steps in %v of the processor", name, len(p.Steps), took)
		if took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkCompute(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		instances := fleet(n)
		for name, in := range map[string]plan.Input{"create": {Desired: &schema.Desired{Instances: instances}, Differ: text{}}, "no-op": applied(instances)} {
			b.Run(fmt.Sprintf("%s/%d", name, len(instances)), func(b *testing.B) {
				for b.Loop() {
					if _, err := plan.Compute(in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
