package reconciler_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

func pair(runtime string) *schema.Desired {
	return fake.Fleet{Deckies: 2, Services: []string{"ssh"}, Runtime: runtime}.Desired()
}

// pairChanged is pair with everything that can become of an instance: changed in
// place, replaced over the IP of another, made, and gone.
func pairChanged(runtime string) *schema.Desired {
	d := fake.Fleet{
		Deckies: 3, Services: []string{"ssh"}, Runtime: runtime,
		Network: func(n *schema.Network) { n.Pool = "10.66.2.0-10.66.2.255" },
		Decky: func(i int, d *schema.Decky) {
			d.Network.Pool = "10.66.1.0-10.66.255.254" // as it was: their own did not change
			switch i {
			case 0:
				d.Host.Hostname = "renamed"
			case 1:
				d.Host.IP = "10.66.1.200"
			case 2:
				d.Host.IP = "10.66.1.2" // that the one before has
			}
		},
		Service: func(i int, s *schema.Service) { s.Ports[0].Number = uint16(22 + 2200*(1-min(i, 1))) },
	}.Desired()
	d.Instances = d.Instances[:len(d.Instances)-1] // without the rule
	return d
}

// renewed is pair with another host name.
func renewed() *schema.Desired {
	return fake.Fleet{Deckies: 2, Services: []string{"ssh"}, Decky: func(i int, d *schema.Decky) {
		if i == 0 {
			d.Host.Hostname = "renewed"
		}
	}}.Desired()
}

func native() *schema.Desired { return pair(providers.RuntimeNative) }

// alone is a fleet without its second and third decky.
func alone(d *schema.Desired) *schema.Desired {
	return with(d, func(d *schema.Desired) { d.Instances = append(d.Instances[:3], d.Instances[len(d.Instances)-1]) })()
}

func before(desired *schema.Desired, then ...func(b *bench)) func(b *bench) {
	return func(b *bench) {
		b.apply(desired, reconciler.PlanOptions{})
		for _, f := range then {
			f(b)
		}
	}
}

func with(d *schema.Desired, edit func(d *schema.Desired)) func() *schema.Desired {
	return func() *schema.Desired {
		copied := *d
		copied.Instances = slices.Clone(d.Instances)
		edit(&copied)
		return &copied
	}
}

func at(d *schema.Desired, a addr.Address) *schema.Instance {
	return &d.Instances[slices.IndexFunc(d.Instances, func(i schema.Instance) bool { return i.Address == a })]
}

func byHand() reconciler.EditOptions {
	return reconciler.EditOptions{Holder: applyOptions().Holder}
}

func must[T any](b *bench) func(_ T, err error) {
	return func(_ T, err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func taint(addresses ...string) func(b *bench) {
	return func(b *bench) {
		must[state.Run](b)(b.engine.Taint(context.Background(), true, addrs(addresses...), byHand()))
	}
}

func forget(addresses ...string) func(b *bench) {
	return func(b *bench) {
		if _, _, err := b.engine.Forget(context.Background(), addrs(addresses...), byHand()); err != nil {
			b.t.Fatal(err)
		}
	}
}

func disturbed(b *bench) {
	b.change("decky.web[0].service.ssh")
	b.remove("decky.web[1]")
	b.remove("decky.web[1].service.ssh")
}

// restarted lets one service and one decky come back by themselves, beside what
// is to be healed.
func restarted(b *bench) {
	for _, address := range []string{"decky.web[0].service.ssh", "decky.web[1]"} {
		if err := b.world.Restart(address); err != nil {
			b.t.Fatal(err)
		}
	}
	b.remove("rule.spray")
}

// ours adds objects of our lineage that the state knows nothing of: one without
// an instance, and one too many of a rule.
func ours(b *bench) {
	meta, err := b.store.Meta(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, address := range []string{"rule.orphan", "rule.spray"} {
		o, _ := b.world.Get("rule.spray")
		o.ID, o.Owner = "", providers.Owner{Lineage: meta.Lineage, Address: address, Digest: "old"}
		if err := b.world.Add(o); err != nil {
			b.t.Fatal(err)
		}
	}
}

// another applies a second configuration to the same world.
func another(b *bench) {
	other := &bench{t: b.t, dir: filepath.Join(b.dir, "other"), world: b.world}
	other.open(func(c *reconciler.Config) { c.DataDir = filepath.Join(b.dir, "data") })
	other.apply(fake.Fleet{Name: "other", Deckies: 1, Subnet: "10.77"}.Desired(), reconciler.PlanOptions{})
	if err := other.store.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func replaceRequested() reconciler.PlanOptions {
	return reconciler.PlanOptions{Replace: addrs("decky.web[0]", "rule.spray")}
}

// ordeals are all that an engine does.
func ordeals() map[string]ordeal {
	all := map[string]ordeal{
		"first":   {desired: native},
		"change":  {prepare: before(native()), desired: func() *schema.Desired { return pairChanged(providers.RuntimeNative) }},
		"destroy": {prepare: before(native()), desired: nothing, options: reconciler.PlanOptions{Destroy: true}},
		"runtime": {prepare: before(native()), desired: func() *schema.Desired { return pair(providers.RuntimeDocker) }},
		"heal":    {prepare: before(native(), disturbed), desired: native},
		"surplus": {prepare: before(native(), ours), desired: native},
		"binary":  {prepare: before(native()), desired: native, image: "two"},
		"tainted": {prepare: before(native(), taint("decky.web[0].service.ssh", "rule.spray")), desired: with(native(), func(d *schema.Desired) {
			at(d, "rule.spray").Lifecycle.CreateBeforeDestroy = true
		})},
		"triggered": {prepare: before(native()), desired: with(renewed(), func(d *schema.Desired) {
			at(d, "decky.web[1].service.ssh").Lifecycle.ReplaceTriggeredBy = addrs("decky.web[0]")
		})},
		"replace":          {prepare: before(native()), desired: native, options: replaceRequested()},
		"quarantine":       {prepare: before(guarded(), intruder), desired: guarded},
		"quarantine saved": {prepare: before(guarded(), intruder), desired: guarded, saved: true},
		"recycle": {prepare: before(native(), disturbed), desired: native, options: reconciler.PlanOptions{
			Recycle: []reconciler.Recycle{{Address: "decky.web[0]", Why: "it is old"}},
		}},
		"restarted": {prepare: before(native(), restarted), desired: native, options: restarts, settled: restarts},
		"refresh":   {prepare: before(native(), disturbed), desired: native, options: reconciler.PlanOptions{RefreshOnly: true}, settled: reconciler.PlanOptions{RefreshOnly: true}},
		"secrets":   {prepare: before(alone(secretive("one"))), desired: func() *schema.Desired { return alone(secretive("two")) }, saved: true},
	}
	for _, runtime := range []string{providers.RuntimeNative, providers.RuntimeDocker} {
		all["rename "+runtime] = ordeal{prepare: before(pair(runtime)), saved: true, desired: func() *schema.Desired {
			return renamed(pairChanged(runtime), "decky.www")
		}}
	}
	limited(all)
	taken(all)
	edits(all)
	return all
}

// limited are plans of a part, and what lets go of a part.
func limited(all map[string]ordeal) {
	change := with(pairChanged(providers.RuntimeNative), func(d *schema.Desired) { d.Instances[0] = native().Instances[0] })
	target := reconciler.PlanOptions{Targets: addrs("decky.web[0]")}
	exclude := reconciler.PlanOptions{Excludes: addrs("decky.web[1]", "decky.web[2]")}
	all["targets"] = ordeal{prepare: before(native()), desired: change, options: target, settled: target}
	all["excludes"] = ordeal{prepare: before(native()), desired: change, options: exclude, settled: exclude}
	all["removed"] = ordeal{prepare: before(native()), desired: with(renewed(), func(d *schema.Desired) {
		d.Instances = slices.DeleteFunc(d.Instances, func(i schema.Instance) bool {
			return !addr.Covers("decky.web[0]", i.Address) && i.Type != providers.TypeNetwork
		})
		d.Removed = []schema.Removal{{From: "decky.web[1]", Source: "main.hcl:9"}}
	})}
	all["address taken"] = ordeal{
		prepare: before(pair(providers.RuntimeDocker), func(b *bench) {
			b.apply(renamed(pair(providers.RuntimeDocker), "decky.www"), reconciler.PlanOptions{})
		}),
		desired: func() *schema.Desired {
			d := renamed(pair(providers.RuntimeDocker), "decky.www")
			fresh := fake.Fleet{Deckies: 1, Runtime: providers.RuntimeDocker, Decky: func(_ int, d *schema.Decky) {
				d.Name, d.Host.IP = "fleet-fresh", "10.66.9.9"
			}}.Desired()
			d.Instances, d.Moved = append(d.Instances, fresh.Instances[1]), nil
			return d
		},
	}
}

// taken are objects that become instances.
func taken(all map[string]ordeal) {
	storm := func(d *schema.Desired) {
		at(d, "rule.spray").Address = "rule.storm"
		d.Imports = []schema.Import{{To: "rule.storm", ID: "spray", Source: "main.hcl:4"}}
	}
	all["import"] = ordeal{prepare: before(native(), forget("rule.spray")), desired: with(native(), storm)}
	all["import from another"] = ordeal{
		prepare: before(with(native(), func(d *schema.Desired) { d.Instances = d.Instances[:len(d.Instances)-1] })(), another),
		desired: with(native(), storm),
	}
	all["import by hand"] = ordeal{
		prepare: before(native(), forget("decky.web[1]")), desired: native, records: true, // it is without its block's place
		by: func(b *bench) error {
			p, _, err := b.engine.ImportPlan(context.Background(), "decky.web[1]", "fleet-web-1")
			if err != nil {
				return err
			}
			_, err = b.engine.Apply(context.Background(), p, applyOptions())
			return err
		},
	}
}

// edits are what is done to the state alone.
func edits(all map[string]ordeal) {
	all["mv"] = ordeal{
		prepare: before(pair(providers.RuntimeDocker)), desired: with(renamed(pair(providers.RuntimeDocker), "decky.www"), func(d *schema.Desired) { d.Moved = nil }),
		by: func(b *bench) error {
			_, _, err := b.engine.Move(context.Background(), "decky.web", "decky.www", byHand())
			return err
		},
	}
	all["rm"] = ordeal{
		prepare: before(native()), desired: with(native(), func(d *schema.Desired) { d.Instances = d.Instances[:len(d.Instances)-1] }),
		by: func(b *bench) error {
			_, _, err := b.engine.Forget(context.Background(), addrs("rule.spray"), byHand())
			return err
		},
	}
	all["untaint"] = ordeal{
		prepare: before(native(), taint("decky.web[0]")), desired: native,
		by: func(b *bench) error {
			_, err := b.engine.Taint(context.Background(), false, addrs("decky.web[0]"), byHand())
			return err
		},
	}
	all["push"] = ordeal{
		prepare: before(native()), desired: native,
		by: func(b *bench) error {
			snapshot, err := b.store.Snapshot(context.Background())
			if err != nil {
				return err
			}
			_, err = b.engine.Push(context.Background(), snapshot, false, byHand())
			return err
		},
	}
	all["rebuild"] = ordeal{
		prepare: before(native()), desired: native, atomic: true, records: true, // objects do not know their block
		by: func(b *bench) error {
			_, err := b.engine.Rebuild(context.Background(), reconciler.RebuildOptions{Force: true, Holder: applyOptions().Holder})
			return err
		},
	}
}

// coverage is what the ordeals together made the engine do.
type coverage struct {
	mu      sync.Mutex
	missing map[string]bool
}

func newCoverage() *coverage {
	c := &coverage{missing: map[string]bool{
		"list": true, "create": true, "update": true, "delete": true, "readdress": true, "examine": true, "quarantine": true,
		"record": true, "move": true, "import": true, "import of another": true, "label": true, "create first": true, "surplus": true, "released": true,
	}}
	for _, a := range []plan.Action{plan.Create, plan.Update, plan.Replace, plan.Delete, plan.Forget, plan.Move, plan.Quarantine} {
		c.missing[string(a)+" planned"] = true
	}
	for _, r := range []plan.Reason{
		plan.NotInState, plan.ConfigChanged, plan.Drifted, plan.Tainted, plan.ReplaceRequested, plan.DependencyReplaced, plan.NotInConfig,
		plan.Orphan, plan.Image, plan.RuntimeChanged, plan.Triggered, plan.AddressMoved, plan.Released, plan.Imported, plan.Recycled,
	} {
		c.missing["because "+string(r)] = true
	}
	return c
}

func (c *coverage) add(calls []fake.Call, p *plan.Plan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range calls {
		delete(c.missing, call.Op)
	}
	if p == nil {
		return
	}
	done := map[string]bool{"record": len(p.Records) > 0, "move": len(p.Moves) > 0, "import": len(p.Imports) > 0}
	for _, i := range p.Imports {
		done["import of another"] = done["import of another"] || i.Lineage != ""
	}
	for i := range p.Changes {
		change := &p.Changes[i]
		done[string(change.Action)+" planned"] = true
		for _, r := range change.Reasons {
			done["because "+string(r)] = true
		}
		for name, is := range map[string]bool{"label": change.Labelled != "", "create first": change.CreateFirst, "surplus": change.Surplus, "released": change.Released} {
			done[name] = done[name] || is
		}
	}
	for name, is := range done {
		if is {
			delete(c.missing, name)
		}
	}
}

func (c *coverage) check(t *testing.T) {
	t.Helper()
	for name := range c.missing {
		t.Errorf("no ordeal has a %q", name)
	}
}
