package planreport_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/view/planreport"
	"github.com/decnet/decnet/cmd/internal/view/report"
	"github.com/decnet/decnet/cmd/internal/view/report/reporttest"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

func TestPlace(t *testing.T) {
	for source, want := range map[string]*diag.Range{
		"main.hcl:12,1-20":   {File: "main.hcl", Start: diag.Pos{Line: 12, Column: 1}, End: diag.Pos{Line: 12, Column: 20}},
		"a/b:c.hcl:3,5-14,2": {File: "a/b:c.hcl", Start: diag.Pos{Line: 3, Column: 5}, End: diag.Pos{Line: 14, Column: 2}},
		"":                   nil,
		"main.hcl":           nil,
		"main.hcl:x,1-2":     nil,
	} {
		if diff := cmp.Diff(want, planreport.Place(source)); diff != "" {
			t.Errorf("%q:\n%s", source, diff)
		}
	}
}

// big is a plan of n deletions and n creations.
func big(n int) *plan.Plan {
	p := &plan.Plan{Name: "fleet", Summary: plan.Summary{Create: n, Delete: n}}
	for _, action := range []plan.Action{plan.Create, plan.Delete} {
		for i := range n {
			c := plan.Change{Address: addr.Address(fmt.Sprintf("decky.%s[%d]", action, i)), Type: "decky", Action: action, Source: "main.hcl:4,1-9"}
			config := json.RawMessage(fmt.Sprintf(`{"host":{"hostname":"host-%d","ip":"10.0.0.1"}}`, i))
			if c.Config = config; action == plan.Delete {
				c.Config, c.Before = nil, config
			}
			p.Changes = append(p.Changes, c)
		}
	}
	return p
}

// TestCommentsAreCutByResource: what goes comes first, and whole.
func TestCommentsAreCutByResource(t *testing.T) {
	text := planreport.Comment(big(2000), planreport.Options{Meta: report.Meta{Marker: "plan fleet"}}).String()
	if len(text) > report.MaxMarkdown || len(text) < report.MaxMarkdown-1000 {
		t.Errorf("%d bytes", len(text))
	}
	reporttest.Valid(t, report.Markdown, []byte(text))
	shown := strings.Count(text, "<details")
	if !strings.Contains(text, fmt.Sprintf("%d more resources did not fit", 4000-shown)) || strings.Contains(text, "decky.create[0]") || !strings.Contains(text, "decky.delete[0]") {
		t.Errorf("%d are shown; %s", shown, text[len(text)-200:])
	}
	if !strings.Contains(text, "| decky | 2000 | 0 | 0 | 2000 | 0 |") {
		t.Error("the table does not count them all")
	}
}

// TestFindingsFold says of 2,000 instances one sentence each.
func TestFindingsFold(t *testing.T) {
	findings := planreport.Findings(big(2000))
	if len(findings) != 2 || findings[0].Address != "decky.create[0..1999]" || findings[0].Range == nil || findings[1].Range != nil || findings[1].Severity != diag.SeverityWarning {
		t.Errorf("%+v", findings)
	}
}

func TestObstacles(t *testing.T) {
	p := big(1)
	p.Findings = []providers.Finding{
		{Severity: providers.SeverityError, Address: "decky.create[0]", Summary: "no parent", Remedy: "make one"}, {Severity: providers.SeverityOK, Summary: "fine"},
	}
	p.Unavailable = []plan.Unavailable{{Provider: "docker", What: "no engine answers", Remedy: "start it", Instances: 3}}
	p.Checks = []schema.CheckResult{{Name: "good", Passed: true}, {Name: "bad", Message: "no", Source: "main.hcl:9,3-8"}}
	o := planreport.Options{Meta: report.Meta{Tool: "decnet plan"}}
	for format, wanted := range map[report.Format][]string{
		report.JUnit:    {`failures="1"`, "decky.create[0]: no parent. Make one.", `name="check good"`},
		report.GitHub:   {"::error file=main.hcl,line=4,", "::warning title=3 objects of docker were not refreshed", `title=Check "bad" failed`},
		report.SARIF:    {`"ruleId": "plan.preflight"`, `"ruleId": "plan.not-refreshed"`, `"ruleId": "plan.check"`},
		report.GitLab:   {`"check_name": "plan.preflight"`},
		report.Markdown: {"<details open><summary>Error: decky.create[0]: no parent</summary>"},
	} {
		var b bytes.Buffer
		if err := planreport.Write(&b, format, p, o); err != nil {
			t.Fatal(err)
		}
		reporttest.Valid(t, format, b.Bytes())
		for _, w := range wanted {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in\n%s", format, w, b.String())
			}
		}
	}
	o.Warnings = []diag.Finding{{ID: "config.check-failed", Severity: diag.SeverityWarning, Summary: "check failed", Range: planreport.Place("main.hcl:9,3-8")}}
	var b bytes.Buffer
	if err := planreport.Write(&b, report.GitHub, p, o); err != nil || strings.Contains(b.String(), "plan.check") || !strings.Contains(b.String(), "config.check-failed") {
		t.Errorf("a failed check is told twice, or not at all: %s, %v", b.String(), err)
	}
}

// FuzzPlace reads any source.
func FuzzPlace(f *testing.F) {
	f.Add("main.hcl:12,1-20")
	f.Add("x:99999999999999999999,1-2")
	f.Fuzz(func(t *testing.T, source string) {
		if r := planreport.Place(source); r != nil && (r.File == "" || !strings.HasPrefix(source, r.File+":")) {
			t.Errorf("%q: %+v", source, r)
		}
	})
}
