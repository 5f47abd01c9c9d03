package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/decnet/decnet/cmd/internal/view/planreport"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/cmd/internal/view/report"
	"github.com/decnet/decnet/cmd/internal/view/report/reporttest"
	"github.com/decnet/decnet/cmd/internal/view/tfjson"
	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// minCases is how many archives there must be.
const minCases = 60

// secret is what no rendering of any case may show: cases write it wherever
// something sensitive stands.
const secret = "hunter2-SECRET"

// goldenCase is one archive of testdata/golden: its files are the configuration,
// except these:
//
//	prior/...      the configuration that was applied before
//	world          what others did since: "remove ADDRESS", "change ADDRESS PATH JSON",
//	               "fail ADDRESS" (its making fails while prior is applied), "image" (a
//	               new decky binary), "forget ADDRESS" (the state lets it go), "heal"
//	               (what was applied is applied once more)
//	options        of the plan: "destroy", "no-refresh", "replace ADDRESS", "var NAME=VALUE",
//	               "generate" (--generate-config-out; the plan is applied too, and the one
//	               after it must be empty)
//	want.diff      what plan shows, or the diagnostics
//	want.json      what plan --json says, without the values that repeat it
//	want.sarif     the results of plan --format sarif
//	want.summary, want.full, want.markdown, want.github, want.junit, want.gitlab
//	               where the archive has them
//	want.blocks, want.values
//	               what is generated
type goldenCase struct {
	t       *testing.T
	archive *txtar.Archive
	world   *fake.World
	store   *state.Store
	engine  *reconciler.Engine
	options reconciler.PlanOptions
	vars    []schema.Value
	written map[string]string // what is generated: files of the configuration
	forget  []addr.Address
	blocks  bool // generate them
}

func TestGoldenPlans(t *testing.T) {
	names, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(names) < minCases {
		t.Errorf("%d cases, 60 are wanted: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			c := newGolden(t, archive)
			got := c.renderings()
			if *update {
				c.rewrite(name, got)
				return
			}
			for _, f := range archive.Files {
				kind, wanted := strings.CutPrefix(f.Name, "want.")
				if !wanted {
					continue
				}
				if diff := cmp.Diff(string(f.Data), got[kind]); diff != "" {
					t.Errorf("%s (-update rewrites it):\n%s", f.Name, diff)
				}
			}
			for _, kind := range []string{"diff", "json", "sarif"} {
				if c.file("want."+kind) == nil {
					t.Errorf("no want.%s: run with -update and read what it says", kind)
				}
			}
		})
	}
}

func newGolden(t *testing.T, archive *txtar.Archive) *goldenCase {
	t.Helper()
	c := &goldenCase{t: t, archive: archive, options: reconciler.PlanOptions{Runtime: providers.RuntimeNative}}
	var err error
	if c.world, err = fake.Open(fake.Options{Image: "one"}); err != nil {
		t.Fatal(err)
	}
	registry, err := providers.NewRegistry(c.world.Providers()...)
	if err != nil {
		t.Fatal(err)
	}
	if c.store, err = state.Open(filepath.Join(t.TempDir(), "state.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.store.Close() })
	if c.engine, err = reconciler.New(reconciler.Config{
		Store: c.store, Registry: registry, Sensitive: sensitiveArguments, Now: func() time.Time { return time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC) },
	}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(c.file("options"))) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "destroy":
			c.options.Destroy = true
		case "generate":
			c.blocks = true
		case "no-refresh":
			c.options.NoRefresh = true
		case "replace":
			c.options.Replace = append(c.options.Replace, addr.Address(rest))
		case "var":
			name, value, _ := strings.Cut(rest, "=")
			c.vars = append(c.vars, schema.Value{Name: name, Raw: value, Origin: "--var"})
		default:
			t.Fatalf("unknown option %q", line)
		}
	}
	return c
}

func (c *goldenCase) file(name string) []byte {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// evaluate resolves the configuration below a folder of the archive.
func (c *goldenCase) evaluate(folder string) (*schema.Configuration, *schema.Desired, hcl.Diagnostics) {
	c.t.Helper()
	fsys := fstest.MapFS{}
	for _, f := range c.archive.Files {
		if name, ok := strings.CutPrefix(f.Name, folder); ok && (folder != "" || !strings.HasPrefix(f.Name, "prior/")) && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json")) {
			fsys[name] = &fstest.MapFile{Data: f.Data}
		}
	}
	if len(fsys) == 0 {
		return nil, nil, nil
	}
	for name, text := range c.written {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	configuration, diags := schema.Load(fsys, schema.Options{Name: "golden", Version: "1.2.3", Catalogue: modules.FS})
	if diags.HasErrors() {
		return configuration, nil, diags
	}
	options := schema.EvalOptions{Undeclared: c.blocks && c.written == nil, Services: serviceTypes(), DefaultRuntime: providers.RuntimeNative, Variables: c.vars, Prior: map[addr.Address]json.RawMessage{}}
	instances, err := c.store.Instances(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, i := range instances {
		options.Prior[i.Address] = i.Config
	}
	desired, more := configuration.Evaluate(options)
	prior, moved := movedPrior(options.Prior, desired)
	prior, taken := withImported(prior, desired, importedPrior(context.Background(), c.engine))
	if moved || taken {
		options.Prior = prior
		desired, more = configuration.Evaluate(options)
	}
	return configuration, desired, append(diags, more...)
}

// apply makes the prior configuration true, and then does what others did.
func (c *goldenCase) apply() {
	c.t.Helper()
	ctx := context.Background()
	failing := map[string]bool{}
	for line := range strings.Lines(string(c.file("world"))) {
		if address, ok := strings.CutPrefix(strings.TrimSpace(line), "fail "); ok {
			failing[address] = true
		}
	}
	configuration, desired, diags := c.evaluate("prior/")
	if configuration == nil {
		return
	}
	if diags.HasErrors() {
		c.t.Fatal(rendered(configuration, diags))
	}
	c.world.SetHook(func(_ context.Context, call fake.Call) error {
		if failing[call.Address] && call.Moment == fake.Half {
			return fake.ErrInjected
		}
		return nil
	})
	p, err := c.engine.Plan(ctx, desired, reconciler.PlanOptions{Runtime: providers.RuntimeNative})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.engine.Apply(ctx, p, reconciler.ApplyOptions{Desired: desired, Holder: state.Holder{Who: "test", Command: "apply"}}); (err != nil) != (len(failing) > 0) {
		c.t.Fatal(err)
	}
	c.world.SetHook(nil)
	if err := keepOutputs(ctx, c.store, desired.Outputs); err != nil {
		c.t.Fatal(err)
	}
	c.others()
}

func rendered(c *schema.Configuration, diags hcl.Diagnostics) string {
	var b bytes.Buffer
	_ = diag.Write(&b, c.Files(), diags, diag.Style{}) // a buffer takes everything
	return b.String()
}

// others changes the world behind decnet's back.
func (c *goldenCase) others() {
	for line := range strings.Lines(string(c.file("world"))) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		var err error
		switch words[0] {
		case "fail":
		case "forget":
			c.forget = append(c.forget, addr.Address(words[1]))
		case "heal":
			var p *plan.Plan
			if p, err = c.engine.Drift(context.Background()); err == nil {
				_, err = c.engine.Apply(context.Background(), p, reconciler.ApplyOptions{Holder: state.Holder{Who: "test", Command: "heal"}})
			}
		case "image":
			c.world.SetImage("two")
		case "remove":
			err = c.world.Remove(words[1])
		case "change":
			var value any
			if err = json.Unmarshal([]byte(words[3]), &value); err == nil {
				err = c.world.Change(words[1], func(live map[string]any) { put(live, strings.Split(words[2], "."), value) })
			}
		default:
			err = fmt.Errorf("unknown deed %q", line)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	if len(c.forget) > 0 {
		if _, _, err := c.engine.Forget(context.Background(), c.forget, reconciler.EditOptions{Holder: state.Holder{Who: "test", Command: "state rm"}}); err != nil {
			c.t.Fatal(err)
		}
	}
}

func put(m map[string]any, path []string, value any) {
	if len(path) == 1 {
		m[path[0]] = value
		return
	}
	put(m[path[0]].(map[string]any), path[1:], value)
}

// renderings is the plan, or what is wrong with the configuration, in every
// format and view.
func (c *goldenCase) renderings() map[string]string {
	c.t.Helper()
	c.apply()
	configuration, desired, diags := c.evaluate("")
	if c.blocks && !diags.HasErrors() {
		c.generate(configuration, desired)
		configuration, desired, diags = c.evaluate("")
	}
	meta := report.Meta{Tool: "decnet plan", Version: "1.2.3", Title: "decnet plan", Marker: "plan"}
	findings := diag.Findings(configuration.Files(), diags)
	var p *plan.Plan
	if !diags.HasErrors() {
		var err error
		if p, err = c.engine.Plan(context.Background(), desired, c.options); err != nil {
			findings = append(findings, diag.Finding{ID: "plan.error", Severity: diag.SeverityError, Summary: err.Error()})
		}
	}
	if p != nil {
		if err := outputChanges(context.Background(), c.store, p); err != nil {
			c.t.Fatal(err)
		}
		p.Lineage = strings.Repeat("l", len(p.Lineage)) // a random word
	}
	got := map[string]string{}
	for _, format := range report.Formats {
		got[string(format)] = c.render(format, p, findings, meta, plantext.Diff)
	}
	got["diff"], got["sarif.whole"], got["json.whole"] = got["human"], got["sarif"], got["json"]
	got["summary"] = c.render(report.Human, p, findings, meta, plantext.Summary)
	got["full"] = c.render(report.Human, p, findings, meta, plantext.Full)
	got["blocks"] = c.written["generated.hcl"]
	for kind, text := range got {
		if strings.Contains(text, secret) {
			c.t.Errorf("%s shows what is sensitive:\n%s", kind, text)
		}
	}
	got["values"] = c.written["generated.auto.vars.hcl"]
	got["sarif"] = results(c.t, got["sarif"])
	if c.blocks && p != nil {
		c.converges(desired)
	}
	if p != nil {
		got["json"] = essence(c.t, got["json"])
	}
	return got
}

func (c *goldenCase) render(format report.Format, p *plan.Plan, findings []diag.Finding, meta report.Meta, shown plantext.View) string {
	c.t.Helper()
	var b bytes.Buffer
	var err error
	if p == nil {
		err = report.Write(&b, format, findings, meta)
	} else {
		style := (&app{stdout: &b}).style()
		if format == report.Human && len(findings) > 0 {
			err = diag.WriteFindings(&b, findings, diag.Style{})
			b.WriteByte('\n')
		}
		if err == nil {
			err = planreport.Write(&b, format, p, planreport.Options{
				Meta: meta, Text: plantext.Options{View: shown, Style: style}, JSON: tfjson.Options{Version: "1.2.3", Hidden: style.Hidden}, Warnings: findings,
			})
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if p == nil || format != report.JSON {
		reporttest.Valid(c.t, format, b.Bytes())
	}
	return b.String()
}

// results are the results of a SARIF log, one a line, without what is the same
// in all.
func results(t *testing.T, text string) string {
	var log struct {
		Runs []struct {
			Results []map[string]any `json:"results"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range log.Runs[0].Results {
		delete(r, "partialFingerprints")
		delete(r, "ruleIndex")
		b.WriteString(compact(t, r))
	}
	return b.String()
}

// essence is a plan's document, one change a line: the values that do not
// change, and those that repeat the changes, are left out.
func essence(t *testing.T, text string) string {
	var d map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	delete(d, "planned_values")
	delete(d, "prior_state")
	delete(d, "decnet")
	delete(d, "decnet_version")
	var b strings.Builder
	for _, section := range []string{"resource_changes", "resource_drift"} {
		var changes []map[string]any
		if err := json.Unmarshal(orNull(d[section]), &changes); err != nil {
			t.Fatal(err)
		}
		delete(d, section)
		for _, c := range changes {
			values := c["change"].(map[string]any)
			values["before"], values["after"] = differing(values["before"], values["after"])
			for _, constant := range []string{"mode", "provider_name", "runtime"} {
				delete(c, constant)
			}
			delete(values, "after_unknown")
			b.WriteString(section + " " + compact(t, c))
		}
	}
	b.WriteString("rest " + compact(t, d))
	return b.String()
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// differing leaves in two trees what differs; a value that is on one side only
// is there whether or not it is new.
func differing(before, after any) (any, any) {
	b, wasMap := before.(map[string]any)
	a, isMap := after.(map[string]any)
	switch {
	case wasMap && !isMap && after == nil:
		return headlines(b), nil
	case isMap && !wasMap && before == nil:
		return nil, headlines(a)
	case !wasMap || !isMap:
		return before, after
	}
	for k, v := range b {
		if other, both := a[k]; both && cmp.Equal(v, other) {
			delete(a, k)
			delete(b, k)
		} else if both {
			b[k], a[k] = differing(v, other)
		}
	}
	return b, a
}

// headlines leaves out of a whole configuration what repeats another.
func headlines(m map[string]any) map[string]any {
	if host, ok := m["host"].(map[string]any); ok {
		m["host"] = map[string]any{"hostname": host["hostname"], "ip": host["ip"]}
	}
	if network, ok := m["network"].(map[string]any); ok {
		m["network"] = map[string]any{"name": network["name"]}
	}
	return m
}

func compact(t *testing.T, v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// rewrite puts what is rendered into the archive.
func (c *goldenCase) rewrite(name string, got map[string]string) {
	for _, kind := range []string{"diff", "json", "sarif"} {
		if !slices.ContainsFunc(c.archive.Files, func(f txtar.File) bool { return f.Name == "want."+kind }) {
			c.archive.Files = append(c.archive.Files, txtar.File{Name: "want." + kind})
		}
	}
	for i, f := range c.archive.Files {
		if kind, wanted := strings.CutPrefix(f.Name, "want."); wanted {
			c.archive.Files[i].Data = []byte(got[kind])
		}
	}
	if err := os.WriteFile(name, txtar.Format(c.archive), 0o644); err != nil {
		c.t.Fatal(err)
	}
}
