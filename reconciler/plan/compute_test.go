package plan_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

const native = providers.RuntimeNative

// text compares by one string: the state is what the configuration says.
// A configuration that starts with "!" cannot be reached in place.
type text struct{}

func (text) Diff(_ providers.Kind, want, have []byte) ([]providers.Change, error) {
	var w, h string
	if err := json.Unmarshal(want, &w); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(have, &h); err != nil {
		return nil, err
	}
	if w == h {
		return nil, nil
	}
	return []providers.Change{{Path: "text", Before: h, After: w, Replace: strings.HasPrefix(w, "!")}}, nil
}

func config(s string) (json.RawMessage, string) {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:])
}

// want, had and alive make one instance, row and object; the address "a/b" is
// b in a.
func want(address, text string) schema.Instance {
	c, digest := config(text)
	i := schema.Instance{Address: name(address), Type: "decky", Runtime: native, Config: c, Digest: digest, Source: "main.hcl:1,1-2"}
	if at := strings.LastIndex(address, "/"); at >= 0 {
		i.Type, i.Parents = "service", []addr.Address{name(address[:at])}
	}
	return i
}

func name(address string) addr.Address {
	parts := strings.Split(address, "/")
	s := "decky." + parts[0]
	for _, p := range parts[1:] {
		s += ".service." + p
	}
	return addr.Address(s)
}

func had(address, text string) state.Instance {
	w := want(address, text)
	return state.Instance{
		Address: w.Address, Type: w.Type, Runtime: w.Runtime, Config: w.Config, Digest: w.Digest, Object: w.Config, Parents: w.Parents, Source: w.Source,
	}
}

func alive(address, text, made string) plan.Found {
	w := want(address, text)
	_, digest := config(made)
	return plan.Found{Kind: providers.Kind{Type: w.Type, Runtime: w.Runtime}, Address: w.Address, Digest: digest, State: w.Config}
}

func compute(t *testing.T, in plan.Input) *plan.Plan {
	t.Helper()
	in.Differ = text{}
	p, err := plan.Compute(in)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Decode(data); err != nil {
		t.Errorf("the plan does not survive being saved: %v", err)
	}
	return p
}

// TestActionsAndReasons is the decision table: what is wanted, remembered and
// alive of one instance, each "" for nothing.
func TestActionsAndReasons(t *testing.T) {
	type row struct {
		name                   string
		want, had, alive, made string // made: what the object says it was made from
		tainted, pending       bool   // pending: a row without object
		interrupted            string
		replace                bool
		action                 string
		drift                  string
	}
	for _, r := range []row{
		{name: "new", want: "a", action: "create: not in state"},
		{name: "same", want: "a", had: "a", alive: "a", action: ""},
		{name: "changed", want: "b", had: "a", alive: "a", action: "update: configuration changed"},
		{name: "changed out of place", want: "!b", had: "a", alive: "a", action: "replace: configuration changed"},
		{name: "already as wanted", want: "b", had: "a", alive: "b", action: "", drift: "changed"},
		{name: "drifted", want: "a", had: "a", alive: "x", action: "update: drift", drift: "changed"},
		{name: "drifted out of place", want: "!a", had: "!a", alive: "x", action: "replace: drift", drift: "changed"},
		{name: "both", want: "b", had: "a", alive: "x", action: "update: configuration changed, drift", drift: "changed"},
		{name: "gone", want: "a", had: "a", action: "create: drift", drift: "gone"},
		{name: "gone and changed", want: "b", had: "a", action: "create: drift, configuration changed", drift: "gone"},
		{name: "tainted", want: "a", had: "a", alive: "a", tainted: true, action: "replace: tainted"},
		{name: "tainted and gone", want: "a", had: "a", tainted: true, action: "create: tainted"},
		{name: "tainted and changed", want: "b", had: "a", alive: "x", tainted: true, action: "replace: configuration changed, tainted"},
		{name: "on request", want: "a", had: "a", alive: "a", replace: true, action: "replace: replace requested"},
		{name: "on request and gone", want: "a", had: "a", replace: true, action: "create: drift, replace requested", drift: "gone"},
		{name: "unwanted", had: "a", alive: "a", action: "delete: no longer in configuration"},
		{name: "unwanted and drifted", had: "a", alive: "x", action: "delete: no longer in configuration", drift: "changed"},
		{name: "unwanted and gone", had: "a", action: "forget: no longer in configuration", drift: "gone"},
		{name: "unwanted, deleting it was interrupted", had: "a", interrupted: "delete", action: "forget: no longer in configuration"},
		{name: "orphan", alive: "a", made: "a", action: "delete: orphan"},
		{name: "create interrupted before its effect", want: "a", had: "a", pending: true, interrupted: "create", action: "create: interrupted create"},
		{name: "create interrupted after its effect", want: "a", had: "a", pending: true, alive: "a", made: "a", interrupted: "create", action: "create: interrupted create"},
		{name: "create interrupted half-way", want: "a", had: "a", pending: true, alive: "x", made: "a", interrupted: "create", action: "create: interrupted create"},
		{name: "create interrupted, another wanted since", want: "b", had: "a", pending: true, alive: "a", made: "a", interrupted: "create", action: "replace: interrupted create"},
		{name: "replacement interrupted between", want: "a", had: "a", pending: true, action: "create: interrupted create"},
		{name: "update interrupted", want: "b", had: "a", alive: "x", interrupted: "update", action: "update: configuration changed"},
		{name: "unrecorded", want: "a", alive: "a", made: "a", action: "create: not in state"},
		{name: "pending and unwanted", had: "a", pending: true, action: "forget: no longer in configuration"},
	} {
		t.Run(r.name, func(t *testing.T) {
			in := plan.Input{Desired: &schema.Desired{}}
			if r.want != "" {
				in.Desired.Instances = []schema.Instance{want("x", r.want)}
			}
			if r.had != "" {
				i := had("x", r.had)
				i.Tainted = r.tainted
				if r.pending {
					i.Object = nil
				}
				in.Prior.Instances = []state.Instance{i}
			}
			if r.alive != "" {
				in.Observed.Objects = []plan.Found{alive("x", r.alive, r.made)}
			}
			if r.interrupted != "" {
				in.Prior.Interrupted = map[addr.Address]string{"decky.x": r.interrupted}
			}
			if r.replace {
				in.Replace = []addr.Address{"decky.x"}
			}
			p := compute(t, in)
			got := ""
			for _, c := range p.Changes {
				reasons := make([]string, len(c.Reasons))
				for i, reason := range c.Reasons {
					reasons[i] = string(reason)
				}
				got += string(c.Action) + ": " + strings.Join(reasons, ", ")
			}
			if got != r.action {
				t.Errorf("planned %q, want %q", got, r.action)
			}
			drift := ""
			for _, d := range p.Drift {
				drift = map[bool]string{true: "gone", false: "changed"}[d.Gone]
			}
			if drift != r.drift {
				t.Errorf("drift %q, want %q", drift, r.drift)
			}
		})
	}
}

// order gives the steps as "op address" in the plan's order.
func order(p *plan.Plan) []string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, string(s.Op)+" "+string(s.Address))
	}
	return all
}

// before fails unless the plan forces one step before the other, directly or
// not.
func before(t *testing.T, p *plan.Plan, first, second string) {
	t.Helper()
	all := order(p)
	from, to := slices.Index(all, first), slices.Index(all, second)
	if from < 0 || to < 0 {
		t.Fatalf("%q or %q is not in %v", first, second, all)
	}
	reached := map[int]bool{to: true}
	for i := to; i >= 0; i-- {
		if reached[i] {
			for _, on := range p.Steps[i].Needs {
				reached[on] = true
			}
		}
	}
	if !reached[from] {
		t.Errorf("nothing makes %q wait for %q", second, first)
	}
}

func TestReplacementReachesDown(t *testing.T) {
	p := compute(t, plan.Input{
		Desired:  &schema.Desired{Instances: []schema.Instance{want("x/y", "same"), want("x", "!new"), want("z", "same"), want("x/new", "n")}},
		Prior:    state.Snapshot{Instances: []state.Instance{had("x", "old"), had("x/y", "same"), had("z", "same")}},
		Observed: plan.Observed{Objects: []plan.Found{alive("x", "old", "old"), alive("x/y", "same", "same"), alive("z", "same", "same")}},
	})
	if p.Summary != (plan.Summary{Replace: 2, Create: 1, NoOp: 1}) {
		t.Errorf("summary: %+v", p.Summary)
	}
	if c := p.Changes[2]; c.Address != "decky.x.service.y" || c.Because != "decky.x" || c.Reasons[0] != plan.DependencyReplaced {
		t.Errorf("the child: %+v", c)
	}
	before(t, p, "delete decky.x.service.y", "delete decky.x")
	before(t, p, "delete decky.x", "create decky.x")
	before(t, p, "create decky.x", "create decky.x.service.y")
	before(t, p, "create decky.x", "create decky.x.service.new")
}

// TestChildrenOfWhatIsGoneGoFirst lets nothing of the old decky be left when
// the new one stands: a crash in between would leave no trace of the matter.
func TestChildrenOfWhatIsGoneGoFirst(t *testing.T) {
	p := compute(t, plan.Input{
		Desired:  &schema.Desired{Instances: []schema.Instance{want("x/y", "same"), want("x", "same")}},
		Prior:    state.Snapshot{Instances: []state.Instance{had("x", "same"), had("x/y", "same")}},
		Observed: plan.Observed{Objects: []plan.Found{alive("x/y", "same", "same")}},
	})
	before(t, p, "delete decky.x.service.y", "create decky.x")
	before(t, p, "create decky.x", "create decky.x.service.y")
}

// TestWhatIsWaitedForPassesThrough has an unchanged instance between two that
// are made.
func TestWhatIsWaitedForPassesThrough(t *testing.T) {
	middle, last := want("middle", "same"), want("last", "new")
	middle.After, last.After = []addr.Address{"decky.first"}, []addr.Address{"decky.middle"}
	row := had("middle", "same")
	row.After = middle.After
	p := compute(t, plan.Input{
		Desired:  &schema.Desired{Instances: []schema.Instance{last, middle, want("first", "new")}},
		Prior:    state.Snapshot{Instances: []state.Instance{row}},
		Observed: plan.Observed{Objects: []plan.Found{alive("middle", "same", "same")}},
	})
	before(t, p, "create decky.first", "create decky.last")
}

// TestRowsThatContradictEachOther destroys what two configurations wrote with
// opposite orders.
func TestRowsThatContradictEachOther(t *testing.T) {
	a, b := had("a", "t"), had("b", "t")
	a.After, b.After = []addr.Address{"decky.b"}, []addr.Address{"decky.a"}
	p := compute(t, plan.Input{
		Destroy: true, Prior: state.Snapshot{Instances: []state.Instance{a, b}},
		Observed: plan.Observed{Objects: []plan.Found{alive("a", "t", "t"), alive("b", "t", "t")}},
	})
	if len(p.Steps) != 2 {
		t.Errorf("steps: %v", order(p))
	}
}

func TestAnIPIsFreeBeforeItIsTaken(t *testing.T) {
	decky := func(address, ip string) schema.Instance {
		i := want(address, "")
		i.Config = json.RawMessage(fmt.Sprintf(`{"name":%q,"network":{"parent":"eth0","subnet":"10.0.0.0/8"},"host":{"ip":%q}}`, address, ip))
		sum := sha256.Sum256(i.Config)
		i.Digest = hex.EncodeToString(sum[:])
		return i
	}
	row := func(i schema.Instance) state.Instance {
		return state.Instance{Address: i.Address, Type: i.Type, Runtime: i.Runtime, Config: i.Config, Digest: i.Digest, Object: i.Config}
	}
	found := func(i schema.Instance) plan.Found {
		return plan.Found{Kind: providers.Kind{Type: i.Type, Runtime: i.Runtime}, Address: i.Address, Digest: i.Digest, State: i.Config}
	}
	old, swapA, swapB := decky("old", "10.0.0.1"), decky("a", "10.0.0.2"), decky("b", "10.0.0.3")
	in := plan.Input{
		Desired:  &schema.Desired{Instances: []schema.Instance{decky("new", "10.0.0.1"), decky("a", "10.0.0.3"), decky("b", "10.0.0.2")}},
		Prior:    state.Snapshot{Instances: []state.Instance{row(old), row(swapA), row(swapB)}},
		Observed: plan.Observed{Objects: []plan.Found{found(old), found(swapA), found(swapB)}},
		Differ:   bytewise{},
	}
	p, err := plan.Compute(in)
	if err != nil {
		t.Fatal(err)
	}
	before(t, p, "delete decky.old", "create decky.new")
	before(t, p, "delete decky.a", "create decky.b")
	before(t, p, "delete decky.b", "create decky.a")
}

// bytewise replaces whatever differs.
type bytewise struct{}

func (bytewise) Diff(_ providers.Kind, want, have []byte) ([]providers.Change, error) {
	if bytes.Equal(want, have) {
		return nil, nil
	}
	return []providers.Change{{Path: "all", Replace: true}}, nil
}

func TestWhatNoPlanCanBeMadeOf(t *testing.T) {
	loop, back, lost := want("x", "a"), want("y", "a"), want("z", "a")
	loop.After, back.After, lost.Parents = []addr.Address{"decky.y"}, []addr.Address{"decky.x"}, []addr.Address{"decky.nowhere"}
	broken := want("x", "a")
	broken.Config = json.RawMessage(`{`)
	for name, c := range map[string]struct {
		in   plan.Input
		want []string
	}{
		"twice":     {plan.Input{Desired: &schema.Desired{Instances: []schema.Instance{want("x", "a"), want("x", "b")}}}, []string{"two instances are called decky.x"}},
		"circle":    {plan.Input{Desired: &schema.Desired{Instances: []schema.Instance{loop, back, want("w", "a")}}}, []string{"in a circle: decky.x, decky.y"}},
		"dangling":  {plan.Input{Desired: &schema.Desired{Instances: []schema.Instance{lost}}}, []string{"decky.z depends on decky.nowhere"}},
		"no target": {plan.Input{Desired: &schema.Desired{}, Replace: []addr.Address{"decky.x"}}, []string{"replace decky.x"}},
		"no JSON": {plan.Input{
			Desired: &schema.Desired{Instances: []schema.Instance{broken}}, Prior: state.Snapshot{Instances: []state.Instance{had("x", "a")}},
			Observed: plan.Observed{Objects: []plan.Found{alive("x", "a", "a")}},
		}, []string{"plan decky.x"}},
	} {
		c.in.Differ = text{}
		_, err := plan.Compute(c.in)
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want %q", name, err, w)
			}
		}
	}
}
