package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/schema/diag"
)

// human writes findings as diagnostics are written, then the verdict.
func human(b *bytes.Buffer, findings []diag.Finding, meta Meta) {
	_ = diag.WriteFindings(b, findings, diag.Style{Width: meta.Width, Color: meta.Style.Color}) // a buffer takes everything
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	if meta.Verdict != "" {
		verdict := meta.Style.Good(clean(meta.Verdict))
		if errors, _, _ := diag.Count(findings); errors > 0 {
			verdict = meta.Style.Bad(clean(meta.Verdict))
		}
		b.WriteString(verdict + "\n")
	}
	for _, fact := range meta.Facts {
		b.WriteString(clean(fact) + "\n")
	}
}

// Document is the JSON of a report.
type Document struct {
	FormatVersion string         `json:"format_version"`
	Tool          string         `json:"tool"`
	Version       string         `json:"version,omitempty"`
	Valid         bool           `json:"valid"` // no error among the findings
	Verdict       string         `json:"verdict,omitempty"`
	Facts         []string       `json:"facts,omitempty"`
	Score         any            `json:"score,omitempty"`
	Errors        int            `json:"error_count"`
	Warnings      int            `json:"warning_count"`
	Notes         int            `json:"note_count"`
	Findings      []diag.Finding `json:"findings"`
	Passed        []string       `json:"passed,omitempty"`
}

func document(w io.Writer, findings []diag.Finding, meta Meta) error {
	d := Document{
		FormatVersion: "1.0", Tool: meta.Tool, Version: meta.Version, Verdict: meta.Verdict, Facts: meta.Facts, Score: meta.Score, Findings: findings, Passed: meta.Passed,
	}
	if d.Findings == nil {
		d.Findings = []diag.Finding{}
	}
	d.Errors, d.Warnings, d.Notes = diag.Count(findings)
	d.Valid = d.Errors == 0
	return indented(w, d)
}

// markdown writes a comment: the verdict, how many of each, and the findings in
// a fold each.
func markdown(b *bytes.Buffer, findings []diag.Finding, meta Meta) {
	errors, warnings, notes := diag.Count(findings)
	c := Comment{Title: meta.Title, Marker: meta.Marker, Lines: append([]string{meta.Verdict}, meta.Facts...), What: "findings"}
	c.Table = [][]string{{"Errors", "Warnings", "Notes"}, {fmt.Sprint(errors), fmt.Sprint(warnings), fmt.Sprint(notes)}}
	for _, f := range findings {
		if f.Suppressed != "" {
			continue
		}
		heading := strings.ToUpper(string(f.Severity)[:1]) + string(f.Severity)[1:] + ": " + f.Title()
		if f.ID != "" {
			heading += " [" + f.ID + "]"
		}
		d := Detail{Heading: heading, Text: body(f), Code: f.Snippet, Language: "hcl", Open: f.Severity == diag.SeverityError}
		if f.Range != nil {
			d.Place = fmt.Sprintf("%s:%d", f.Range.File, f.Range.Start.Line)
		}
		if f.Help != "" {
			d.Text = strings.TrimSpace(d.Text + "\nSee " + f.Help)
		}
		c.Details = append(c.Details, d)
	}
	b.WriteString(c.String())
}
