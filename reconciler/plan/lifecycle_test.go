package plan_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// changes is "address: action: reasons" of every change.
func changes(p *plan.Plan) []string {
	all := []string{}
	for _, c := range p.Changes {
		reasons := make([]string, len(c.Reasons))
		for i, r := range c.Reasons {
			reasons[i] = string(r)
		}
		all = append(all, string(c.Address)+": "+string(c.Action)+": "+strings.Join(reasons, ", "))
	}
	return all
}

// lived is an input in which each of the instances was applied as "old" and is
// alive so.
func lived(desired []schema.Instance, addresses ...string) plan.Input {
	in := plan.Input{Desired: &schema.Desired{Instances: desired}, Differ: text{}, Spec: capable}
	for _, a := range addresses {
		in.Prior.Instances = append(in.Prior.Instances, had(a, "old"))
		in.Observed.Objects = append(in.Observed.Objects, alive(a, "old", "old"))
	}
	return in
}

// capable says that services can be told their address and deckies cannot, and
// that rules are written over.
func capable(k providers.Kind) providers.Spec {
	return providers.Spec{Type: k.Type, Runtime: k.Runtime, Readdresses: k.Type == "service", Adopts: k.Type == "service", Overwrites: k.Type == "rule"}
}

func with(i schema.Instance, l schema.Lifecycle) schema.Instance {
	i.Lifecycle = l
	return i
}

func TestPreventDestroyNamesAllAtOnce(t *testing.T) {
	protected := schema.Lifecycle{PreventDestroy: true}
	in := lived([]schema.Instance{with(want("x", "!new"), protected), with(want("x/s", "old"), protected), with(want("y", "new"), protected)}, "x", "x/s", "y", "z", "v", "w")
	for i := range in.Prior.Instances {
		r := &in.Prior.Instances[i]
		r.PreventDestroy = r.Address == "decky.z" || r.Address == "decky.v"
	}
	in.Desired.Removed = []schema.Removal{{From: "decky.v", Destroy: true, Source: "main.hcl:9"}}
	_, err := plan.Compute(in)
	var prevented *plan.PreventedError
	if !errors.As(err, &prevented) {
		t.Fatalf("error: %v", err)
	}
	expected := []plan.Prevented{
		{Address: "decky.x", Source: "main.hcl:1,1-2", Action: plan.Replace, Reasons: []plan.Reason{plan.ConfigChanged}},
		{Address: "decky.x.service.s", Source: "main.hcl:1,1-2", Action: plan.Replace, Reasons: []plan.Reason{plan.DependencyReplaced}, Because: "decky.x"},
		{Address: "decky.z", Source: "main.hcl:1,1-2", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}, Gone: true},
	}
	if diff := cmp.Diff(expected, prevented.Instances); diff != "" {
		t.Error(diff)
	}
	for _, w := range []string{"decky.x (main.hcl:1,1-2) has prevent_destroy and would be replaced: configuration changed", "because of decky.x", "decky.z"} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in %v", w, err)
		}
	}
	in = lived([]schema.Instance{with(want("x", "old"), protected)}, "x")
	in.Destroy = true
	if _, err := plan.Compute(in); !errors.As(err, &prevented) {
		t.Errorf("destroy: %v", err)
	}
	in.Desired.Instances[0].Lifecycle.PreventDestroy, in.Prior.Instances[0].PreventDestroy = false, true
	if _, err := plan.Compute(in); err != nil {
		t.Errorf("a destroy that the configuration allows by now: %v", err)
	}
}

func TestIgnoredChangesAreNone(t *testing.T) {
	document := func(s string) json.RawMessage { return json.RawMessage(s) }
	instance := func(config string, ignore ...string) schema.Instance {
		i := want("x", "")
		i.Config, i.Digest = document(config), config
		i.Lifecycle.IgnoreChanges = ignore
		return i
	}
	const was = `{"host":{"hostname":"a","ip":"1"},"ports":[{"n":1},{"n":2}],"packages":{"a.b":"1"}}`
	for _, c := range []struct {
		name, now string
		ignore    []string
		action    string
		config    string
	}{
		{"nothing ignored", `{"host":{"hostname":"b","ip":"1"}}`, nil, "replace", `{"host":{"hostname":"b","ip":"1"}}`},
		{"a path", `{"host":{"hostname":"b","ip":"1"},"ports":[{"n":1},{"n":2}],"packages":{"a.b":"1"}}`, []string{"host.hostname"}, "", ""},
		{"its parent", `{"host":{"hostname":"b","ip":"2"},"ports":[{"n":1},{"n":2}],"packages":{"a.b":"1"}}`, []string{"host"}, "", ""},
		{"an element", `{"host":{"hostname":"a","ip":"1"},"ports":[{"n":1},{"n":9}],"packages":{"a.b":"1"}}`, []string{"ports[1].n"}, "", ""},
		{"a key with a dot", `{"host":{"hostname":"a","ip":"1"},"ports":[{"n":1},{"n":2}],"packages":{"a.b":"2"}}`, []string{"packages.a.b"}, "", ""},
		{"what is new", `{"host":{"hostname":"a","ip":"1","os":"x"},"ports":[{"n":1},{"n":2}],"packages":{"a.b":"1"}}`, []string{"host.os"}, "", ""},
		{"all", `{"entirely":"different"}`, []string{"all"}, "", ""},
		{
			"one of two", `{"host":{"hostname":"b","ip":"2"},"ports":[{"n":1},{"n":2}],"packages":{"a.b":"1"}}`, []string{"host.hostname"}, "replace",
			`{"host":{"hostname":"a","ip":"2"},"packages":{"a.b":"1"},"ports":[{"n":1},{"n":2}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := instance(was)
			in := plan.Input{Desired: &schema.Desired{Instances: []schema.Instance{instance(c.now, c.ignore...)}}, Differ: bytewise{}}
			in.Prior.Instances = []state.Instance{{Address: before.Address, Type: before.Type, Runtime: before.Runtime, Config: before.Config, Digest: before.Digest, Object: before.Config, Source: before.Source}}
			in.Observed.Objects = []plan.Found{{Kind: providers.Kind{Type: before.Type, Runtime: before.Runtime}, Address: before.Address, Digest: before.Digest, State: before.Config}}
			p, err := plan.Compute(in)
			if err != nil {
				t.Fatal(err)
			}
			action, config := "", ""
			for _, change := range p.Changes {
				action, config = string(change.Action), string(change.Config)
			}
			if action != c.action || config != c.config {
				t.Errorf("%q of %s, want %q of %s", action, config, c.action, c.config)
			}
		})
	}
}

// TestIgnoredDriftIsNone lets what another tool does to an ignored path be.
func TestIgnoredDriftIsNone(t *testing.T) {
	in := lived([]schema.Instance{with(want("x", "old"), schema.Lifecycle{IgnoreChanges: []string{"text"}})}, "x")
	in.Observed.Objects[0].State = json.RawMessage(`"other"`)
	if p := compute(t, in); !p.Empty() || len(p.Drift) > 0 {
		t.Errorf("plan: %v %v", changes(p), p.Drift)
	}
}

func TestReplaceTriggeredBy(t *testing.T) {
	by := func(i schema.Instance, all ...addr.Address) schema.Instance {
		return with(i, schema.Lifecycle{ReplaceTriggeredBy: all})
	}
	counted := func(i int, text string) schema.Instance { return want([]string{"n[0]", "n[1]"}[i], text) }
	in := lived([]schema.Instance{
		want("a", "new"), by(want("b", "old"), "decky.a"), by(want("c", "old"), "decky.b"), want("c/s", "old"),
		by(want("d", "old"), "decky.e"), want("e", "old"), counted(0, "old"), counted(1, "!new"), by(want("f", "old"), "decky.n"),
		by(want("g", "old"), "decky.g"),
	}, "a", "b", "c", "c/s", "d", "e", "n[0]", "n[1]", "f", "g")
	in.Observed.Objects[5].State = json.RawMessage(`"drifted"`) // e: what heals is no change of configuration
	p := compute(t, in)
	expected := []string{
		"decky.a: update: configuration changed", "decky.b: replace: replace triggered", "decky.c: replace: replace triggered",
		"decky.c.service.s: replace: dependency replaced", "decky.e: update: drift", "decky.f: replace: replace triggered",
		"decky.n[1]: replace: configuration changed",
	}
	if diff := cmp.Diff(expected, changes(p)); diff != "" {
		t.Error(diff)
	}
	before(t, p, "update decky.a", "create decky.b")
	before(t, p, "create decky.b", "create decky.c")
}

func TestCreateBeforeDestroyWhereItCanBe(t *testing.T) {
	first := schema.Lifecycle{CreateBeforeDestroy: true}
	in := lived([]schema.Instance{with(want("x", "!new"), first), with(want("r", "!new"), first)}, "x", "r")
	in.Desired.Instances[1].Type, in.Prior.Instances[1].Type, in.Observed.Objects[1].Kind.Type = "rule", "rule", "rule"
	p := compute(t, in)
	if diff := cmp.Diff([]string{"create decky.r", "delete decky.x", "create decky.x"}, order(p)); diff != "" {
		t.Error(diff)
	}
	if len(p.Findings) != 1 || p.Findings[0].Address != "decky.x" || !strings.Contains(p.Findings[0].Summary, "create_before_destroy") {
		t.Errorf("findings: %+v", p.Findings)
	}
	if !p.Changes[0].CreateFirst || p.Changes[1].CreateFirst {
		t.Errorf("changes: %+v", p.Changes)
	}
}

// TestDriftThatIsOnlyReported leaves what drifted and what is gone, with what
// lived in it, and still does what the configuration asks.
func TestDriftThatIsOnlyReported(t *testing.T) {
	for _, policy := range []string{plan.PolicyReport, plan.PolicyQuarantine} {
		l := schema.Lifecycle{OnDrift: policy}
		in := lived([]schema.Instance{
			with(want("x", "old"), l), want("x/s", "old"), with(want("gone", "old"), l), want("gone/s", "old"), with(want("y", "new"), l),
		}, "x", "x/s", "y")
		in.Prior.Instances = append(in.Prior.Instances, had("gone", "old"), had("gone/s", "old"))
		in.Observed.Objects[0].State, in.Observed.Objects[1].State = json.RawMessage(`"other"`), json.RawMessage(`"other"`)
		p := compute(t, in)
		if diff := cmp.Diff([]string{"decky.y: update: configuration changed"}, changes(p)); diff != "" {
			t.Errorf("%s: %s", policy, diff)
		}
		drift := map[addr.Address]bool{}
		for _, d := range p.Drift {
			drift[d.Address] = d.Gone
			if d.Policy != policy {
				t.Errorf("policy of %s: %q", d.Address, d.Policy)
			}
		}
		if diff := cmp.Diff(map[addr.Address]bool{"decky.x": false, "decky.x.service.s": false, "decky.gone": true, "decky.gone.service.s": true}, drift); diff != "" {
			t.Errorf("%s: %s", policy, diff)
		}
		if quarantine := policy == plan.PolicyQuarantine; quarantine != (len(p.Findings) > 0) {
			t.Errorf("%s: findings %+v", policy, p.Findings)
		}
	}
}
