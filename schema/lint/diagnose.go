package lint

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/schema/diag"
)

// Diagnose is what a report has to say in the form that every format renders:
// what was found, then what comments took back. A line that may hold a
// sensitive value is not quoted.
func (r *Report) Diagnose(files map[string]*hcl.File) []diag.Finding {
	out := make([]diag.Finding, 0, len(r.Findings)+len(r.Suppressed))
	for _, f := range r.Findings {
		out = append(out, diagnose(files, f))
	}
	for _, f := range r.Suppressed {
		out = append(out, diagnose(files, f))
	}
	return out
}

var diagSeverities = map[Severity]diag.Severity{Note: diag.SeverityNote, Warning: diag.SeverityWarning, Error: diag.SeverityError}

// listedSubjects is how many addresses a finding names.
const listedSubjects = 8

func diagnose(files map[string]*hcl.File, f Finding) diag.Finding {
	rule, _ := Lookup(f.Rule)
	d := &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: strings.TrimSuffix(f.Message, "."), Subject: f.Range}
	out := diag.Finding{
		ID: f.Rule, Severity: diagSeverities[f.Severity], Summary: d.Summary, Help: "decnet explain " + f.Rule, Fix: rule.Doc.Fix, Suppressed: f.Reason,
	}
	names := make([]string, 0, min(len(f.Subjects), listedSubjects))
	for i, s := range f.Subjects {
		if i == 0 && s.withheld { // the range is the first one's
			d.Extra = diag.Withheld{}
		}
		if i < listedSubjects {
			names = append(names, string(s.Address))
		}
	}
	if len(f.Subjects) == 1 {
		out.Address = names[0]
	}
	if more := len(f.Subjects) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	if len(names) > 1 {
		out.Detail = "It is about " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + "."
	}
	described := diag.Describe(files, d)
	out.Range, out.Context, out.Snippet = described.Range, described.Context, described.Snippet
	return out
}
