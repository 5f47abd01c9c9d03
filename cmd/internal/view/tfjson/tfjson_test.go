package tfjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	judge "github.com/hashicorp/terraform-json"

	"github.com/decnet/decnet/cmd/internal/view/tfjson"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// sample has a change of every action, in modules and out of them.
func sample() *plan.Plan {
	return &plan.Plan{
		Lineage: "word", Name: "g", Serial: 3, Configuration: "digest",
		Changes: []plan.Change{
			{Address: "decky.a[0]", Type: "decky", Runtime: "native", Action: plan.Create, Reasons: []plan.Reason{plan.NotInState}, Config: raw(`{"name":"a"}`)},
			{
				Address: `decky.b["x"]`, Type: "decky", Runtime: "native", Action: plan.Replace, Reasons: []plan.Reason{plan.ConfigChanged}, CreateFirst: true,
				Before: raw(`{"host":{"ip":"1"}}`), Config: raw(`{"host":{"ip":"2"}}`), Attributes: []providers.Change{{Path: "host.ip", Before: `"1"`, After: `"2"`, Replace: true}},
			},
			{Address: "decky.c[4]", Type: "decky", Runtime: "native", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}, Before: raw(`{"name":"c"}`)},
			{Address: `decky.d["k"]`, Type: "decky", Runtime: "native", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}, Before: raw(`{"name":"d"}`)},
			{Address: "decky.e[0]", Type: "decky", Runtime: "native", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}, Before: raw(`{"name":"e"}`)},
			{Address: "decky.g", Type: "decky", Runtime: "native", Action: plan.Replace, Reasons: []plan.Reason{plan.Tainted}, Before: raw(`{}`), Config: raw(`{}`)},
			{Address: "decky.h", Type: "decky", Runtime: "native", Action: plan.Forget, Reasons: []plan.Reason{plan.NotInConfig}, Before: raw(`{}`)},
			{Address: "module.m.module.n.decky.f", Type: "decky", Runtime: "docker", Action: plan.Create, Config: raw(`{"p":"secret","q":1}`), Sensitive: []string{"p"}},
			{Address: "module.old.decky.f", Type: "decky", Runtime: "docker", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}, Before: raw(`{}`)},
			{Address: "rule.r", Type: "rule", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig}, Before: raw(`{}`)},
		},
		Unchanged: []plan.Unchanged{
			{Address: "decky.c[3]", Type: "decky", Runtime: "native", Config: raw(`{"name":"c3"}`)}, {Address: `decky.d["l"]`, Type: "decky", Runtime: "native", Config: raw(`{}`)},
			{Address: "decky.e", Type: "decky", Runtime: "native", Config: raw(`{}`)},
		},
		Drift: []plan.Drift{{Address: "decky.c[3]", Type: "decky", Gone: true}},
		Moves: []plan.Moved{{From: "decky.was", To: "decky.e"}}, Imports: []plan.Import{{Address: "decky.a[0]", ID: "box"}},
		Outputs:       []schema.Output{{Name: "o", Value: raw(`{"l":[1,"x",true,null]}`)}, {Name: "s", Sensitive: true, Value: raw(`"secret"`)}},
		OutputChanges: []plan.OutputChange{{Name: "gone", Action: plan.Delete, Before: raw(`1`)}, {Name: "o", Action: plan.Create}, {Name: "s", Action: plan.Update, Sensitive: true}},
		Checks:        []schema.CheckResult{{Name: "c", Passed: true}, {Name: "c", Message: "no"}, {Name: "d", Passed: true}},
		Steps:         []plan.Step{{Op: plan.OpCreate, Address: "decky.a[0]"}},
		Summary:       plan.Summary{Create: 2, Replace: 2, Delete: 5, Forget: 1, NoOp: 3},
		Inputs:        []schema.Input{{Name: "token", Sensitive: true, Value: raw(`"secret"`)}, {Name: "v", Value: raw(`["x",1]`)}},
	}
}

// TestTerraformsReaderReadsPlans lets the library that others read Terraform's
// plans with judge ours.
func TestTerraformsReaderReadsPlans(t *testing.T) {
	var b bytes.Buffer
	if err := tfjson.Write(&b, sample(), tfjson.Options{Version: "1.2.3"}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "secret\"") {
		t.Error("a sensitive value is in the document")
	}
	var p judge.Plan
	if err := json.Unmarshal(b.Bytes(), &p); err != nil { // validates, too
		t.Fatalf("%v\n%s", err, b.String())
	}
	type row struct{ Address, Module, Name, Actions, Reason string }
	var got []row
	for _, c := range p.ResourceChanges {
		got = append(got, row{c.Address, c.ModuleAddress, c.Name, fmt.Sprint(c.Change.Actions), ""})
		if c.Mode != judge.ManagedResourceMode || c.ProviderName == "" {
			t.Errorf("%s: mode %q, provider %q", c.Address, c.Mode, c.ProviderName)
		}
	}
	var reasons struct {
		Changes []struct {
			Reason string `json:"action_reason"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(b.Bytes(), &reasons); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Reason = reasons.Changes[i].Reason
	}
	want := []row{
		{"decky.a[0]", "", "a", "[create]", ""},
		{`decky.b["x"]`, "", "b", "[create delete]", "replace_because_cannot_update"},
		{"decky.c[3]", "", "c", "[no-op]", ""},
		{"decky.c[4]", "", "c", "[delete]", "delete_because_count_index"},
		{`decky.d["k"]`, "", "d", "[delete]", "delete_because_each_key"},
		{`decky.d["l"]`, "", "d", "[no-op]", ""},
		{"decky.e", "", "e", "[no-op]", ""},
		{"decky.e[0]", "", "e", "[delete]", "delete_because_wrong_repetition"},
		{"decky.g", "", "g", "[delete create]", "replace_because_tainted"},
		{"decky.h", "", "h", "[forget]", ""},
		{"module.m.module.n.decky.f", "module.m.module.n", "f", "[create]", ""},
		{"module.old.decky.f", "module.old", "f", "[delete]", "delete_because_no_module"},
		{"rule.r", "", "r", "[delete]", "delete_because_no_resource_config"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r := p.ResourceChanges[1]; r.Index != "x" || fmt.Sprint(r.Change.ReplacePaths) != "[[host ip]]" {
		t.Errorf("index %v, replace paths %v", r.Index, r.Change.ReplacePaths)
	}
	if c := p.ResourceChanges[10].Change; fmt.Sprint(c.After, c.AfterSensitive) != "map[p:<nil> q:1] map[p:true]" {
		t.Errorf("after %v, sensitive %v", c.After, c.AfterSensitive)
	}
	if p.ResourceChanges[6].PreviousAddress != "decky.was" || p.ResourceChanges[0].Change.Importing == nil {
		t.Error("a move or an import is lost")
	}
	checkValues(t, &p)
}

func checkValues(t *testing.T, p *judge.Plan) {
	t.Helper()
	root := p.PlannedValues.RootModule
	if len(root.Resources) != 6 || len(root.ChildModules) != 1 || root.ChildModules[0].ChildModules[0].Resources[0].Address != "module.m.module.n.decky.f" {
		t.Errorf("planned values: %d resources, %d modules", len(root.Resources), len(root.ChildModules))
	}
	if prior := p.PriorState.Values.RootModule; len(prior.Resources) != 10 || len(prior.ChildModules) != 1 {
		t.Errorf("prior state: %d resources, %d modules", len(prior.Resources), len(prior.ChildModules))
	}
	if o := p.OutputChanges; !o["gone"].Actions.Delete() || !o["o"].Actions.Create() || o["s"].AfterSensitive != true || o["s"].After != nil {
		t.Errorf("outputs: %+v", o)
	}
	if len(p.ResourceDrift) != 1 || !p.ResourceDrift[0].Change.Actions.Delete() {
		t.Error("drift is lost")
	}
	if len(p.Checks) != 2 || p.Checks[0].Status != judge.CheckStatusFail || p.Checks[1].Status != judge.CheckStatusPass {
		t.Errorf("checks: %+v", p.Checks)
	}
	if diff := cmp.Diff([]any{"x", float64(1)}, p.Variables["v"].Value); diff != "" {
		t.Errorf("variables: %s", diff)
	}
	if token := p.Variables["token"]; token == nil || token.Value != nil {
		t.Errorf("a sensitive variable: %+v", token)
	}
}

func TestWriteSaysThatItCannot(t *testing.T) {
	if err := tfjson.Write(refusing{}, sample(), tfjson.Options{}); err == nil {
		t.Error("a full disk is no error")
	}
	s := tfjson.NewStream(refusing{}, "1", nil)
	if err := s.Close(); err == nil {
		t.Error("a full disk is no error of the stream")
	}
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// message is a line of a stream, without its time.
func messages(t *testing.T, r io.Reader) []map[string]any {
	t.Helper()
	var all []map[string]any
	decoder := json.NewDecoder(r)
	for decoder.More() {
		var m map[string]any
		if err := decoder.Decode(&m); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"@level", "@message", "@module", "@timestamp", "type"} {
			if s, _ := m[name].(string); s == "" {
				t.Errorf("a message without %s: %v", name, m)
			}
		}
		if _, err := time.Parse(time.RFC3339, m["@timestamp"].(string)); err != nil {
			t.Error(err)
		}
		all = append(all, m)
	}
	return all
}

// TestStream runs through an apply: a step that takes long, one that fails.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		s := tfjson.NewStream(&b, "1.2.3", nil)
		p := sample()
		s.Plan(p)
		long := plan.Step{Op: plan.OpCreate, Address: "decky.a[0]"}
		s.StepStarted(long)
		time.Sleep(25*time.Second + time.Millisecond)
		s.StepDone(long, 25*time.Second)
		failing := plan.Step{Op: plan.OpDelete, Address: "decky.c[4]", Change: 2}
		s.StepStarted(failing)
		s.StepFailed(failing, time.Second, errors.New("the engine is gone"))
		s.Result(p, &reconciler.Result{Created: 1, Failed: 1, Skipped: 7, Took: time.Minute, Outputs: p.Outputs})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		all := messages(t, &b)
		var kinds []string
		for _, m := range all {
			if len(kinds) == 0 || kinds[len(kinds)-1] != m["type"] {
				kinds = append(kinds, m["type"].(string))
			}
		}
		want := []string{
			"version", "resource_drift", "planned_change", "change_summary", "apply_start", "apply_progress", "apply_complete", "apply_start", "apply_errored",
			"diagnostic", "change_summary",
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Error(diff)
		}
		progress := 0
		for _, m := range all {
			if m["type"] == "apply_progress" {
				progress++
			}
		}
		if progress != 2 {
			t.Errorf("%d messages of progress in 25 s, one each 10 s is wanted", progress)
		}
		if all[0]["ui"] != tfjson.UIVersion || all[0]["decnet"] != "1.2.3" {
			t.Errorf("%v", all[0])
		}
		planned := all[2]["change"].(map[string]any)
		resource := planned["resource"].(map[string]any)
		if planned["action"] != "create" || resource["addr"] != "decky.a[0]" || resource["resource_key"] != 0.0 || resource["resource_type"] != "decky" || resource["resource_name"] != "a" {
			t.Errorf("%v", planned)
		}
		if all[len(all)-1]["@level"] != "error" {
			t.Error("an incomplete apply is no error")
		}
	})
}

// TestStreamTellsOutputs keeps sensitive ones to itself.
func TestStreamTellsOutputs(t *testing.T) {
	var b bytes.Buffer
	s := tfjson.NewStream(&b, "1", time.Now)
	p := sample()
	s.Result(p, &reconciler.Result{Outputs: p.Outputs})
	p.Destroy = true
	s.Result(p, &reconciler.Result{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "secret") {
		t.Error("a sensitive output is told")
	}
	all := messages(t, &b)
	if len(all) != 4 || all[2]["type"] != "outputs" || all[3]["changes"].(map[string]any)["operation"] != "destroy" {
		t.Errorf("%v", all)
	}
	outputs := all[2]["outputs"].(map[string]any)
	if diff := cmp.Diff(map[string]any{"sensitive": true, "type": "string"}, outputs["s"]); diff != "" {
		t.Error(diff)
	}
	if got := fmt.Sprint(outputs["o"].(map[string]any)["type"]); got != "[object map[l:[tuple [number string bool dynamic]]]]" {
		t.Error(got)
	}
}

// TestThousandsInTime writes a plan of 5,000 changes.
func TestThousandsInTime(t *testing.T) {
	p := &plan.Plan{}
	for i := range 5000 {
		p.Changes = append(p.Changes, plan.Change{
			Address: addr.Address(fmt.Sprintf("decky.h[%d]", i)), Type: "decky", Action: plan.Delete, Reasons: []plan.Reason{plan.NotInConfig},
			Before: raw(`{"name":"h","host":{"ip":"10.0.0.1","packages":{"a":"1","b":"2"}}}`),
		})
	}
	began := time.Now()
	if err := tfjson.Write(io.Discard, p, tfjson.Options{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("5,000 changes took %s", took)
	}
}
