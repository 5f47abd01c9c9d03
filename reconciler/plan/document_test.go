package plan_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// whole is a plan with every field in use.
func whole(t *testing.T) *plan.Plan {
	sink := had("s", "unseen")
	sink.Type, sink.Runtime = "sink", ""
	return compute(t, plan.Input{
		Desired: &schema.Desired{
			Name: "n", Seed: "s", Instances: []schema.Instance{want("x/y", "a<b>&c"), want("x", "!new"), want("z", "new"), want("r", "moved")},
			Outputs: []schema.Output{{Name: "o", Value: json.RawMessage(`[1,"<"]`)}},
		},
		Prior: state.Snapshot{
			Meta:      state.Meta{Lineage: "word", Serial: 7},
			Instances: []state.Instance{had("x", "old"), had("x/y", "a<b>&c"), had("gone", "a"), had("r", "before"), sink},
		},
		Observed: plan.Observed{
			Objects: []plan.Found{alive("x", "old", "old"), alive("x/y", "drift", "a<b>&c"), alive("orphan", "o", "o"), alive("r", "moved", "before")},
			Unknown: []plan.Unknown{{Kind: providers.Kind{Type: "sink"}, Provider: "detection", What: "no privilege"}},
		},
		Runtime:  native,
		Findings: []providers.Finding{{Severity: providers.SeverityWarning, Summary: "low limits", Remedy: "raise them"}},
	})
}

func TestASavedPlanComesBackWhole(t *testing.T) {
	p := whole(t)
	if len(p.Records) != 1 || len(p.Unavailable) != 1 || p.Summary.Drift != 4 || len(p.Drift) != 4 {
		t.Fatalf("the plan is not what this test is about: %+v", p.Summary)
	}
	path := filepath.Join(t.TempDir(), "plan.json")
	for range 2 { // over an older one, too
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	loaded, err := plan.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, loaded); diff != "" {
		t.Error(diff)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left beside it: %v (%v)", entries, err)
	}
	if err := p.Save(filepath.Join(t.TempDir(), "missing", "plan.json")); err == nil {
		t.Error("a plan was saved into a directory that does not exist")
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	const step = `{"op":"create","address":"decky.x","change":0}`
	document := func(changes, steps string) string {
		return `{"format_version":1,"changes":[` + changes + `],"steps":[` + steps + `]}`
	}
	change := `{"address":"decky.x","type":"decky","action":"create","reasons":[],"fingerprint":"absent"}`
	for name, c := range map[string]struct{ data, want string }{
		"nothing":         {``, "unexpected end"},
		"another version": {`{"format_version":2}`, "its format version is 2, this decnet reads 1: plan again"},
		"unknown field":   {`{"format_version":1,"surprise":true}`, "surprise"},
		"no such change":  {document("", step), "belongs to change 0, and there are 0"},
		"other address":   {document(change, `{"op":"create","address":"decky.y","change":0}`), "is for decky.y, its change for decky.x"},
		"no object":       {document(change, `{"op":"delete","address":"decky.x","change":0}`), "is to delete decky.x, and there is no object"},
		"unknown op":      {document(change, `{"op":"explode","address":"decky.x","change":0}`), `unknown operation "explode"`},
		"needs itself":    {document(change, `{"op":"create","address":"decky.x","change":0,"needs":[0]}`), "needs step 0, which is not before it"},
		"needs nothing":   {document(change, `{"op":"create","address":"decky.x","change":0,"needs":[-1]}`), "needs step -1"},
	} {
		path := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(path, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Load(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := plan.Decode([]byte(document(change, step))); err != nil {
		t.Errorf("the control: %v", err)
	}
	if _, err := plan.Load(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing file was loaded")
	}
}

func TestDigestIsOfWhatIsWanted(t *testing.T) {
	base := func() *schema.Desired {
		return &schema.Desired{Name: "n", Seed: "s", Instances: []schema.Instance{want("x", "a"), want("x/y", "b")}, Outputs: []schema.Output{{Name: "o", Value: json.RawMessage("1")}}}
	}
	same := map[string]func(*schema.Desired){
		"source": func(d *schema.Desired) { d.Instances[0].Source = "other.hcl:9,1-2" },
		"order":  func(d *schema.Desired) { d.Instances[0], d.Instances[1] = d.Instances[1], d.Instances[0] },
	}
	other := map[string]func(*schema.Desired){
		"name":     func(d *schema.Desired) { d.Name = "m" },
		"seed":     func(d *schema.Desired) { d.Seed = "t" },
		"config":   func(d *schema.Desired) { d.Instances[0] = want("x", "c") },
		"runtime":  func(d *schema.Desired) { d.Instances[0].Runtime = "docker" },
		"instance": func(d *schema.Desired) { d.Instances = d.Instances[:1] },
		"waiting":  func(d *schema.Desired) { d.Instances[1].After = []addr.Address{"decky.x"} },
		"home":     func(d *schema.Desired) { d.Instances[1].Parents, d.Instances[1].After = nil, d.Instances[1].Parents },
		"output":   func(d *schema.Desired) { d.Outputs[0].Value = json.RawMessage("2") },
	}
	digest := plan.Digest(base())
	for name, edit := range same {
		d := base()
		if edit(d); plan.Digest(d) != digest {
			t.Errorf("%s changes the digest", name)
		}
	}
	for name, edit := range other {
		d := base()
		if edit(d); plan.Digest(d) == digest {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

func TestFingerprintIsOfAllThatIsAlive(t *testing.T) {
	a, b := alive("x", "a", "a"), alive("x", "b", "a")
	if plan.Fingerprint(nil) != plan.Absent {
		t.Error("nothing has a fingerprint")
	}
	if plan.Fingerprint([]plan.Found{a, b}) != plan.Fingerprint([]plan.Found{b, a}) {
		t.Error("the order of objects changes the fingerprint")
	}
	seen := map[string]bool{}
	for _, objects := range [][]plan.Found{{a}, {b}, {a, b}, {a, a}, {alive("x", "a", "b")}} {
		f := plan.Fingerprint(objects)
		if seen[f] {
			t.Errorf("%v has the fingerprint of another", objects)
		}
		seen[f] = true
	}
}

func TestSymbols(t *testing.T) {
	got := ""
	for _, a := range []plan.Action{plan.Create, plan.Update, plan.Replace, plan.Delete, plan.Forget, plan.NoOp} {
		got += a.Symbol() + "|"
	}
	if want := "+|~|-/+|-|.| |"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
