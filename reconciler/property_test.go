package reconciler_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema"
)

// TestAnySequenceConverges applies random configurations to a world that fails
// at random and is disturbed at random; once it stops, one apply is enough.
func TestAnySequenceConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t, t.TempDir(), fake.Options{})
		defer b.store.Close()
		desired := nothing()
		for round := range rapid.IntRange(1, 5).Draw(rt, "rounds") {
			desired = randomFleet(rt)
			failing := rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 0, 4, rapid.ID).Draw(rt, "failing calls")
			b.world.SetHook(failAt(failing))
			if rapid.Bool().Draw(rt, "disturb") {
				disturb(rt, b)
			}
			p, err := b.engine.Plan(context.Background(), desired, reconciler.PlanOptions{})
			if err != nil {
				rt.Fatalf("round %d: plan: %v", round, err)
			}
			if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err != nil && len(failing) == 0 {
				rt.Fatalf("round %d: apply: %v", round, err)
			}
		}
		b.world.SetHook(nil)
		p, err := b.engine.Plan(context.Background(), desired, reconciler.PlanOptions{})
		if err != nil {
			rt.Fatalf("last plan: %v", err)
		}
		if _, err := b.engine.Apply(context.Background(), p, applyOptions()); err != nil {
			rt.Fatalf("last apply: %v", err)
		}
		b.t = rapidReporter{TB: t, rt: rt}
		b.converged(desired)
	})
}

// rapidReporter lets rapid see failures, so that it can shrink them.
type rapidReporter struct {
	testing.TB
	rt *rapid.T
}

func (r rapidReporter) Errorf(format string, args ...any) { r.rt.Errorf(format, args...) }
func (r rapidReporter) Fatalf(format string, args ...any) { r.rt.Fatalf(format, args...) }

func randomFleet(rt *rapid.T) *schema.Desired {
	n := rapid.IntRange(0, 4).Draw(rt, "deckies")
	ips := rapid.Permutation([]int{1, 2, 3, 4}).Draw(rt, "ips")
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), n, n).Draw(rt, "hostnames")
	ports := rapid.SliceOfN(rapid.Uint16Range(22, 23), n, n).Draw(rt, "ports")
	driver := rapid.SampledFrom([]string{"macvlan", "macvlan", "bridge"}).Draw(rt, "driver")
	return fake.Fleet{
		Deckies:  n,
		Services: rapid.SampledFrom([][]string{nil, {"ssh"}, {"ssh", "http"}}).Draw(rt, "services"),
		Runtime:  rapid.SampledFrom([]string{providers.RuntimeNative, providers.RuntimeNative, providers.RuntimeDocker}).Draw(rt, "runtime"),
		Network:  func(n *schema.Network) { n.Driver = driver },
		Decky: func(i int, d *schema.Decky) {
			d.Host.IP, d.Host.Hostname = fmt.Sprintf("10.66.1.%d", ips[i]), names[i]
		},
		Service: func(i int, s *schema.Service) { s.Ports[0].Number = ports[i] },
	}.Desired()
}

// failAt fails the moments with the given numbers, counted over a whole apply.
func failAt(numbers []int) func(context.Context, fake.Call) error {
	failing := make(chan int, 1)
	failing <- 0
	return func(_ context.Context, c fake.Call) error {
		if c.Op == "list" {
			return nil
		}
		n := <-failing
		failing <- n + 1
		for _, f := range numbers {
			if f == n {
				return fake.ErrInjected
			}
		}
		return nil
	}
}

func disturb(rt *rapid.T, b *bench) {
	objects := b.world.Objects()
	if len(objects) == 0 {
		return
	}
	address := objects[rapid.IntRange(0, len(objects)-1).Draw(rt, "victim")].Owner.Address
	if rapid.Bool().Draw(rt, "remove") {
		b.remove(address)
		return
	}
	if err := b.world.Change(address, func(live map[string]any) { live["name"] = "drifted" }); err != nil {
		rt.Fatal(err)
	}
}
