package reconciler_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

func guarded() *schema.Desired { return withPolicy(small(), plan.PolicyQuarantine) }

// cut tells whether an object is cut off.
func (b *bench) cut(address string) bool {
	o, _ := b.world.Get(address)
	return o.Cut
}

func (b *bench) row(address addr.Address) state.Instance {
	b.t.Helper()
	rows, err := b.store.Instances(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rows {
		if r.Address == address {
			return r
		}
	}
	b.t.Fatalf("there is no row of %s", address)
	return state.Instance{}
}

// intruder changes a service of the second decky.
func intruder(b *bench) {
	err := b.world.Change("decky.web[1].service.ssh", func(live map[string]any) { live["name"] = "rootkit" })
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestQuarantineKeepsWhatDrifted(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(guarded(), restarts)
	intruder(b)
	p := b.plan(guarded(), restarts)
	b.expect(actions(p), map[addr.Address]string{"decky.web[1]": "quarantine, drift"})
	b.expect(p.Quarantined, []plan.Quarantined{{Address: "decky.web[1]", Why: "decky.web[1].service.ssh changed"}})
	if p.Summary.Quarantine != 1 || len(p.Drift) != 1 || p.Drift[0].Policy != plan.PolicyQuarantine {
		t.Errorf("summary %+v, drift %+v", p.Summary, p.Drift)
	}
	result := b.apply(guarded(), restarts)
	b.expect(result.Isolated, 1)
	b.expect(e.heard(), []string{`decky.web[1] ssh: decky.web[1].service.ssh changed quarantine; name: "ssh" -> "rootkit"`})
	b.expect(b.counts(), status.Drifts{Quarantined: 1})
	if q := b.row("decky.web[1]").Quarantined; q == nil || q.Since.IsZero() || q.Why != "decky.web[1].service.ssh changed" {
		t.Errorf("row: %+v", q)
	}
	if !b.cut("decky.web[1]") || b.cut("decky.web[0]") {
		t.Error("another than the decky of the drift was cut off")
	}
	// Nothing of it is healed, changed or told again, whatever comes.
	b.change("decky.web[1]")
	b.remove("decky.web[1].service.ssh")
	later := with(guarded(), func(d *schema.Desired) {
		for i := range d.Instances {
			if addr.Covers("decky.web[1]", d.Instances[i].Address) {
				d.Instances[i].Config = json.RawMessage(strings.ReplaceAll(string(d.Instances[i].Config), "web-1", "web-x"))
				d.Instances[i].Digest = plan.ConfigDigest(d.Instances[i].Config)
			}
		}
	})()
	for _, desired := range []*schema.Desired{guarded(), later} {
		p = b.plan(desired, restarts)
		if !p.Empty() || len(p.Drift)+len(p.Records) > 0 || len(p.Quarantined) != 1 || p.Quarantined[0].Since.IsZero() {
			t.Errorf("plan: %v, drift %+v, records %+v, quarantined %+v", actions(p), p.Drift, p.Records, p.Quarantined)
		}
		b.apply(desired, restarts)
	}
	b.expect(e.heard(), []string{})
	only, err := b.engine.Drift(context.Background())
	if err != nil || !only.Empty() {
		t.Errorf("by the state alone: %v, %v", actions(only), err)
	}
}

// TestQuarantineHoldsUntilReplacement goes through all that ends it.
func TestQuarantineHoldsUntilReplacement(t *testing.T) {
	gone := with(guarded(), func(d *schema.Desired) {
		var kept []schema.Instance
		for _, i := range d.Instances {
			if !addr.Covers("decky.web[1]", i.Address) {
				kept = append(kept, i)
			}
		}
		d.Instances = kept
	})
	moved := with(guarded(), func(d *schema.Desired) {
		other := withPolicy(fake.Fleet{Deckies: 3, Services: []string{"ssh"}, Network: func(n *schema.Network) { n.Parent = "eth1" }}.Desired(), plan.PolicyQuarantine)
		d.Instances = other.Instances
	})
	for name, c := range map[string]struct {
		by      func(b *bench)
		desired func() *schema.Desired
		options reconciler.PlanOptions
	}{
		"taint":           {by: taint("decky.web[1]"), desired: guarded},
		"replace":         {desired: guarded, options: reconciler.PlanOptions{Replace: addrs("decky.web[1]")}},
		"removed":         {desired: gone},
		"destroy":         {desired: nothing, options: reconciler.PlanOptions{Destroy: true}},
		"another network": {desired: moved},
		"replace what is gone": {
			by:      func(b *bench) { b.remove("decky.web[1].service.ssh"); b.remove("decky.web[1]") },
			desired: guarded, options: reconciler.PlanOptions{Replace: addrs("decky.web[1]")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := newWitness(t, fake.Options{})
			b.apply(guarded(), restarts)
			intruder(b)
			b.apply(guarded(), restarts)
			if c.by != nil {
				c.by(b)
			}
			b.apply(c.desired(), c.options)
			b.converged(c.desired())
			if p := b.plan(c.desired(), restarts); len(p.Quarantined) > 0 {
				t.Errorf("it is still kept: %+v", p.Quarantined)
			}
			if b.cut("decky.web[1]") {
				t.Error("it is still cut off")
			}
			rows, err := b.store.Instances(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.Quarantined != nil {
					t.Errorf("the row of %s says so still", r.Address)
				}
			}
		})
	}
}

// TestQuarantineIsCutAgain joins what was cut off.
func TestQuarantineIsCutAgain(t *testing.T) {
	for _, runtime := range []string{providers.RuntimeNative, providers.RuntimeDocker} {
		b, e := newWitness(t, fake.Options{})
		desired := withPolicy(pair(runtime), plan.PolicyQuarantine)
		b.apply(desired, restarts)
		b.change("decky.web[0]")
		b.apply(desired, restarts)
		since := b.row("decky.web[0]").Quarantined.Since
		e.heard()
		o, _ := b.world.Get("decky.web[0]")
		o.Cut = false
		if err := b.world.Add(o); err != nil {
			t.Fatal(err)
		}
		b.expect(actions(b.plan(desired, restarts)), map[addr.Address]string{"decky.web[0]": "quarantine, drift"})
		b.apply(desired, restarts)
		if !b.cut("decky.web[0]") || !b.row("decky.web[0]").Quarantined.Since.Equal(since) {
			t.Error("it is not cut off, or the time of the first is lost")
		}
		b.expect(e.heard(), []string{})
	}
}

// TestAFailedQuarantineIsTriedAgain never taints what is to be studied.
func TestAFailedQuarantineIsTriedAgain(t *testing.T) {
	for _, moment := range []fake.Moment{fake.Before, fake.Half, fake.After} {
		b, e := newWitness(t, fake.Options{})
		b.apply(guarded(), restarts)
		before, _ := b.world.Get("decky.web[1]")
		intruder(b)
		b.world.SetHook(func(_ context.Context, c fake.Call) error {
			if c.Op == "quarantine" && c.Moment == moment {
				return fake.ErrLost
			}
			return nil
		})
		_, err := b.engine.Apply(context.Background(), b.plan(guarded(), restarts), applyOptions())
		if !errors.Is(err, fake.ErrLost) {
			t.Fatal(err)
		}
		b.world.SetHook(nil)
		b.apply(guarded(), restarts)
		after, _ := b.world.Get("decky.web[1]")
		if !after.Cut || after.ID != before.ID {
			t.Errorf("%s: cut %v, the same %v", moment, after.Cut, after.ID == before.ID)
		}
		b.expect(len(e.heard()), 1)
		b.expect(b.counts().Open, int64(0))
	}
}

// TestWhatIsGoneCannotBeIsolated says so, and leaves it.
func TestWhatIsGoneCannotBeIsolated(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(guarded(), restarts)
	b.remove("decky.web[1].service.ssh")
	b.remove("decky.web[1]")
	p := b.plan(guarded(), restarts)
	if !p.Empty() || len(p.Quarantined) > 0 || !strings.Contains(findings(p), "nothing of it can be cut off") {
		t.Errorf("plan: %v, quarantined %v, findings %s", actions(p), addrList(p.Quarantined), findings(p))
	}
	b.apply(guarded(), restarts)
	b.expect(e.heard(), []string{"decky.web[1] : decky.web[1] gone report", "decky.web[1] ssh: decky.web[1].service.ssh gone report"})
}

func findings(p *plan.Plan) string {
	var all []string
	for _, f := range p.Findings {
		all = append(all, f.Address+": "+f.Summary)
	}
	return strings.Join(all, "\n")
}

// TestRecycleReplacesWithItsServices looks at the new objects.
func TestRecycleReplacesWithItsServices(t *testing.T) {
	b, e := newWitness(t, fake.Options{})
	b.apply(small(), restarts)
	before, _ := b.world.Get("decky.web[1].service.ssh")
	b.change("decky.web[1]")
	options := reconciler.PlanOptions{Restarts: true, Recycle: []reconciler.Recycle{{Address: "decky.web[1]", Why: "login"}}}
	p := b.plan(small(), options)
	b.expect(actions(p), map[addr.Address]string{
		"decky.web[1]": "replace, drift, recycle", "decky.web[1].service.ssh": "replace, dependency replaced",
	})
	if p.Changes[0].Why != "login" {
		t.Errorf("why: %q", p.Changes[0].Why)
	}
	b.apply(small(), options)
	if after, _ := b.world.Get("decky.web[1].service.ssh"); after.ID == before.ID {
		t.Error("the service is the same")
	}
	b.expect(e.heard(), []string{`decky.web[1] : decky.web[1] changed recycle; personality: "linux" -> "windows"`})
	b.expect(b.counts(), status.Drifts{Recycled: 1})
	b.expect(b.drifts()[0].Outcome, state.DriftRecycled)
	b.converged(small())
	protected := with(small(), func(d *schema.Desired) { at(d, "decky.web[1]").Lifecycle.PreventDestroy = true })()
	var prevented *plan.PreventedError
	if _, err := b.engine.Plan(context.Background(), protected, options); !errors.As(err, &prevented) {
		t.Errorf("prevent_destroy did not hold: %v", err)
	}
	b.apply(guarded(), restarts)
	intruder(b)
	if p := b.plan(guarded(), options); actions(p)["decky.web[1]"] != "quarantine, drift" {
		t.Errorf("what is to be studied is recycled: %v", actions(p))
	}
}

// seen is what an attacker did, by address.
type seen map[addr.Address]string

func (s seen) Compromised(_ context.Context, suspects []reconciler.Suspect) (map[addr.Address]string, error) {
	if s == nil {
		return nil, errors.New("intel is away")
	}
	got := map[addr.Address]string{}
	for _, x := range suspects {
		if why, in := s[x.Address]; in && !x.Since.IsZero() && len(x.On) == 1 && x.On[0] == reconciler.OnLogin {
			got[x.Address] = why
		}
	}
	return got, nil
}

func TestDue(t *testing.T) {
	now := time.Now()
	attackers := seen{"decky.web[1]": "login", "decky.web[2]": "login"}
	b, _ := newWitness(t, fake.Options{}, func(c *reconciler.Config) {
		c.Now = func() time.Time { return now }
		c.Compromises = attackers
	})
	desired := with(fake.Fleet{Deckies: 5, Services: []string{"ssh"}}.Desired(), func(d *schema.Desired) {
		at(d, "decky.web[0]").Lifecycle.RecycleAfter = "24h"
		at(d, "decky.web[1]").Lifecycle.RecycleOn = []string{"login"}
		at(d, "decky.web[3]").Lifecycle = schema.Lifecycle{RecycleAfter: "24h", PreventDestroy: true}
		at(d, "decky.web[4]").Lifecycle = schema.Lifecycle{RecycleAfter: "24h", OnDrift: plan.PolicyQuarantine}
	})()
	due := func(d *schema.Desired) []addr.Address {
		t.Helper()
		all, err := b.engine.Due(context.Background(), d)
		if err != nil {
			t.Fatal(err)
		}
		var got []addr.Address
		for _, r := range all {
			got = append(got, r.Address)
			if r.Why == "" {
				t.Errorf("%s is due for no reason", r.Address)
			}
		}
		return got
	}
	b.expect(due(desired), []addr.Address{})
	b.apply(desired, restarts)
	b.change("decky.web[4]")
	now = now.Add(23 * time.Hour)
	b.apply(desired, restarts) // isolates one
	b.change("decky.web[0]")
	b.apply(desired, restarts) // and heals another, which does not make it younger
	b.expect(due(desired), addrs("decky.web[1]"))
	now = now.Add(time.Hour)
	b.expect(due(desired), addrs("decky.web[0]", "decky.web[1]"))
	snapshot, err := b.store.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	b.expect(due(reconciler.Applied(snapshot)), addrs("decky.web[0]", "decky.web[1]"))
	b.apply(desired, reconciler.PlanOptions{Recycle: []reconciler.Recycle{{Address: "decky.web[0]"}}})
	b.expect(due(desired), addrs("decky.web[1]"))
	b.open(func(c *reconciler.Config) {
		c.Compromises = seen(nil)
		c.Now = func() time.Time { return now.Add(48 * time.Hour) }
	})
	all, err := b.engine.Due(context.Background(), desired)
	if err == nil || len(all) != 1 || all[0].Address != "decky.web[0]" {
		t.Errorf("while nobody knows: %+v, %v", all, err)
	}
}

// TestARebuiltStateKeepsWhatIsCutOff loses the state, and with it why.
func TestARebuiltStateKeepsWhatIsCutOff(t *testing.T) {
	b, _ := newWitness(t, fake.Options{})
	b.apply(guarded(), restarts)
	intruder(b)
	b.apply(guarded(), restarts)
	b.lose()
	if _, err := b.engine.Rebuild(context.Background(), reconciler.RebuildOptions{Holder: applyOptions().Holder}); err != nil {
		t.Fatal(err)
	}
	p := b.plan(guarded(), restarts)
	if !p.Empty() || len(p.Quarantined) != 1 || p.Quarantined[0].Address != "decky.web[1]" {
		t.Errorf("plan: %v, kept %v", actions(p), addrList(p.Quarantined))
	}
}

// TestANetworkThatFailsForAMomentKeepsItsDeckies changes a network in place.
func TestANetworkThatFailsForAMomentKeepsItsDeckies(t *testing.T) {
	for _, moment := range []fake.Moment{fake.Before, fake.Half, fake.After} {
		b, e := newWitness(t, fake.Options{})
		b.apply(small(), restarts)
		before := b.world.Objects()
		desired := with(small(), func(d *schema.Desired) {
			network := at(d, "network.lan")
			network.Config = json.RawMessage(strings.Replace(string(network.Config), "10.66.1.0-", "10.66.2.0-", 1))
			network.Digest = plan.ConfigDigest(network.Config)
		})()
		b.world.SetHook(func(_ context.Context, c fake.Call) error {
			if c.Op == "update" && c.Moment == moment {
				return fake.ErrLost
			}
			return nil
		})
		for range 2 {
			p := b.plan(desired, restarts)
			if moment != fake.After && actions(p)["network.lan"] != "update, configuration changed" || len(p.Changes) > 1 || len(p.Drift) > 0 {
				t.Errorf("%s: %v, drift %+v", moment, actions(p), p.Drift)
			}
			if _, err := b.engine.Apply(context.Background(), p, applyOptions()); (err == nil) != p.Empty() {
				t.Fatal(err)
			}
		}
		b.world.SetHook(nil)
		b.apply(desired, restarts)
		b.converged(desired)
		b.expect(e.heard(), []string{})
		for i, o := range b.world.Objects() {
			if o.ID != before[i].ID {
				t.Errorf("%s was made anew", o.Owner.Address)
			}
		}
	}
}
