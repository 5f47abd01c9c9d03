package diag_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/schema/diag"
)

func TestFindingsOfDiagnostics(t *testing.T) {
	withheld := diag.Error(at(`"web-sever"`), "A value does not fit", "")
	withheld.Extra = diag.Withheld{}
	got := diag.Findings(files(t), hcl.Diagnostics{
		diag.Warning(at(`"web-sever"`), `There is no archetype "web-sever"`, "Choose one."),
		withheld,
		{Severity: hcl.DiagError, Summary: `"only quoted"`},
		{Severity: hcl.DiagError, Summary: "One two three four five six seven eight nine ten"},
	})
	place := &diag.Range{File: "main.hcl", Start: diag.Pos{Line: 2, Column: 14, Byte: 27}, End: diag.Pos{Line: 2, Column: 25, Byte: 38}}
	want := []diag.Finding{
		{
			ID: "config.there-is-no-archetype", Severity: diag.SeverityWarning, Summary: `There is no archetype "web-sever"`, Detail: "Choose one.",
			Range: place, Context: `decky "web"`, Snippet: "\tarchetype = \"web-sever\"",
		},
		{ID: "config.a-value-does-not-fit", Severity: diag.SeverityError, Summary: "A value does not fit", Range: place, Context: `decky "web"`},
		{ID: "config.diagnostic", Severity: diag.SeverityError, Summary: `"only quoted"`},
		{ID: "config.one-two-three-four-five-six-seven-eight", Severity: diag.SeverityError, Summary: "One two three four five six seven eight nine ten"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func finding(id string, severity diag.Severity, file string, line int) diag.Finding {
	f := diag.Finding{ID: id, Severity: severity, Summary: "s"}
	if file != "" {
		f.Range = &diag.Range{File: file, Start: diag.Pos{Line: line, Column: 1}, End: diag.Pos{Line: line, Column: 2}}
	}
	return f
}

func TestSortFindings(t *testing.T) {
	placeless, noted := finding("Z", diag.SeverityError, "", 0), finding("Y", diag.SeverityNote, "", 0)
	first, second := finding("B", diag.SeverityError, "a.hcl", 2), finding("A", diag.SeverityWarning, "a.hcl", 2)
	later, other := finding("A", diag.SeverityError, "a.hcl", 10), finding("A", diag.SeverityError, "b.hcl", 1)
	suppressed := first
	suppressed.Suppressed = "known"
	given := []diag.Finding{noted, placeless, other, later, second, first, suppressed, first}
	got := diag.SortFindings(given)
	if diff := cmp.Diff([]diag.Finding{first, suppressed, first, second, later, other, placeless, noted}, got); diff != "" {
		t.Error(diff)
	}
	if twice := diag.SortFindings([]diag.Finding{first, second, first}); len(twice) != 2 {
		t.Errorf("a repetition stayed: %v", twice)
	}
	if given[0].ID != "Y" {
		t.Error("the caller's findings were reordered")
	}
	if errors, warnings, notes := diag.Count(got); errors != 5 || warnings != 1 || notes != 1 {
		t.Errorf("%d errors, %d warnings, %d notes", errors, warnings, notes)
	}
}

func TestWriteFindings(t *testing.T) {
	f := finding("DN1003", diag.SeverityWarning, "main.hcl", 4)
	f.Summary, f.Address, f.Detail, f.Fix, f.Help = "A Windows host with OpenSSH", "decky.web", "Detail.", "Remove it.", "decnet explain DN1003"
	f.Snippet, f.Context = "  service \"ssh\" {", `decky "web"`
	hidden := f
	hidden.Suppressed = "the lab has one"
	note := diag.Finding{ID: "DN2", Severity: diag.SeverityNote, Summary: "Nothing much", Fix: "Rest."}
	var b bytes.Buffer
	if err := diag.WriteFindings(&b, []diag.Finding{hidden, f, note}, diag.Style{}); err != nil {
		t.Fatal(err)
	}
	want := `Warning: decky.web: A Windows host with OpenSSH [DN1003]

  on main.hcl line 4, in decky "web":
  4:   service "ssh" {
     ^

Detail.
Remove it.
See decnet explain DN1003

Note: Nothing much [DN2]

Rest.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	if err := diag.WriteFindings(refusing{}, []diag.Finding{f}, diag.Style{}); err == nil {
		t.Error("a full disk is no error")
	}
}
