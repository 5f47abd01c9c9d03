// Package planreport renders a plan for continuous integration: as findings, for
// every format that package report knows, and as a comment with the differences
// themselves. It shows nothing that package change holds back.
package planreport

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/cmd/internal/view/report"
	"github.com/decnet/decnet/cmd/internal/view/tfjson"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// Options shape a report.
type Options struct {
	Meta report.Meta
	Text plantext.Options // for the human rendering
	JSON tfjson.Options
	// Warnings are what the language and lint had to say, put before what the
	// plan says.
	Warnings []diag.Finding
}

// Write renders the plan in a format.
func Write(w io.Writer, format report.Format, p *plan.Plan, o Options) error {
	switch format {
	case report.Human:
		return plantext.Write(w, p, o.Text)
	case report.JSON:
		return tfjson.Write(w, p, o.JSON)
	case report.Markdown:
		if _, err := io.WriteString(w, Comment(p, o).String()); err != nil {
			return fmt.Errorf("write comment: %w", err)
		}
		return nil
	}
	meta := o.Meta
	meta.Verdict = verdict(p)
	for _, c := range p.Checks {
		if c.Passed {
			meta.Passed = append(meta.Passed, "check "+c.Name)
		}
	}
	meta.Rules = append(slices.Clone(rules), meta.Rules...)
	return report.Write(w, format, o.findings(p), meta)
}

// findings are all that there is to say; a check that the language warns of is
// said once.
func (o Options) findings(p *plan.Plan) []diag.Finding {
	all := slices.Clone(o.Warnings)
	for _, f := range Findings(p) {
		told := f.ID == "plan.check" && f.Range != nil && slices.ContainsFunc(o.Warnings, func(w diag.Finding) bool {
			return w.Range != nil && w.Range.File == f.Range.File && w.Range.Start.Line == f.Range.Start.Line
		})
		if !told {
			all = append(all, f)
		}
	}
	return all
}

func verdict(p *plan.Plan) string {
	if p.Empty() && len(p.Moves) == 0 && len(p.Imports) == 0 {
		if p.Destroy {
			return view.NothingToDestroy
		}
		return "No changes. The live objects match the configuration."
	}
	return "Plan: " + view.Counts(p.Summary) + "."
}

// rules describe the findings of a plan.
var rules = []report.Rule{
	{ID: "plan.create", Summary: "An instance will be created", Severity: diag.SeverityNote},
	{ID: "plan.update", Summary: "An instance will be updated in-place", Severity: diag.SeverityNote},
	{ID: "plan.replace", Summary: "An instance must be replaced", Severity: diag.SeverityWarning},
	{ID: "plan.delete", Summary: "An instance will be destroyed", Severity: diag.SeverityWarning},
	{ID: "plan.forget", Summary: "An instance will be forgotten", Severity: diag.SeverityNote},
	{ID: "plan.move", Summary: "An instance has moved to another address", Severity: diag.SeverityNote},
	{ID: "plan.quarantine", Summary: "A decky will be cut off the network, and kept for study", Severity: diag.SeverityWarning},
	{ID: "plan.quarantined", Summary: "A decky is kept for study", Severity: diag.SeverityWarning},
	{ID: "plan.drift", Summary: "An object was changed outside of decnet", Severity: diag.SeverityWarning},
	{ID: "plan.check", Summary: "A check block failed", Severity: diag.SeverityWarning},
	{ID: "plan.preflight", Summary: "An apply would meet an obstacle", Severity: diag.SeverityError},
	{ID: "plan.not-refreshed", Summary: "Objects could not be looked at", Severity: diag.SeverityWarning},
}

var severities = map[plan.Action]diag.Severity{
	plan.Create: diag.SeverityNote, plan.Update: diag.SeverityNote, plan.Forget: diag.SeverityNote, plan.Move: diag.SeverityNote,
	plan.Replace: diag.SeverityWarning, plan.Delete: diag.SeverityWarning, plan.Quarantine: diag.SeverityWarning,
}

// Findings is what a plan says, a finding for all instances of a block that the
// same is done to, and one for whatever an apply would trip over.
func Findings(p *plan.Plan) []diag.Finding {
	var all []diag.Finding
	for _, f := range p.Findings {
		severity := map[providers.Severity]diag.Severity{providers.SeverityError: diag.SeverityError, providers.SeverityWarning: diag.SeverityWarning}[f.Severity]
		if severity != "" {
			all = append(all, diag.Finding{ID: "plan.preflight", Severity: severity, Summary: f.Summary, Address: f.Address, Fix: sentence(f.Remedy), Range: sourceOf(p, f.Address)})
		}
	}
	for _, u := range p.Unavailable {
		all = append(all, diag.Finding{
			ID: "plan.not-refreshed", Severity: diag.SeverityWarning, Summary: fmt.Sprintf("%d objects of %s were not refreshed", u.Instances, u.Provider),
			Detail: sentence(u.What), Fix: sentence(u.Remedy),
		})
	}
	for _, c := range p.Checks {
		if !c.Passed {
			all = append(all, diag.Finding{ID: "plan.check", Severity: diag.SeverityWarning, Summary: fmt.Sprintf("Check %q failed", c.Name), Detail: c.Message, Range: Place(c.Source)})
		}
	}
	for _, g := range plantext.DriftGroups(p) {
		all = append(all, diag.Finding{ID: "plan.drift", Range: driftedAt(p, g.First), Severity: diag.SeverityWarning, Summary: g.Address + " " + g.Words + " outside of decnet", Detail: changes(g.Attributes), Address: g.Address})
	}
	for _, q := range p.Quarantined {
		if !q.Since.IsZero() {
			all = append(all, diag.Finding{
				ID: "plan.quarantined", Severity: diag.SeverityWarning, Address: string(q.Address), Range: driftedAt(p, q.Address),
				Summary: fmt.Sprintf("%s is quarantined since %s: %s", q.Address, q.Since.UTC().Format(time.RFC3339), q.Why), Fix: "Replace it once it was studied.",
			})
		}
	}
	for _, g := range plantext.ChangeGroups(p) {
		action := g.Action
		if severities[action] == "" {
			action = plan.Replace // one that makes the new object first
		}
		f := diag.Finding{ID: "plan." + string(action), Severity: severities[action], Summary: g.Address + " " + g.Words, Address: g.Address, Detail: changes(g.Attributes)}
		if g.Action != plan.Delete && g.Action != plan.Forget { // the block may be gone, and others stand on its lines
			f.Range = Place(g.Source)
		}
		all = append(all, f)
	}
	return all
}

// driftedAt is where the block of a changed object stands.
func driftedAt(p *plan.Plan, address addr.Address) *diag.Range {
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Address == address && c.Config != nil {
			return Place(c.Source)
		}
	}
	for i := range p.Unchanged {
		if p.Unchanged[i].Address == address {
			return Place(p.Unchanged[i].Source)
		}
	}
	return nil
}

func changes(attributes []string) string {
	if len(attributes) == 0 {
		return ""
	}
	return "Changed: " + strings.Join(attributes, ", ") + "."
}

func sourceOf(p *plan.Plan, address string) *diag.Range {
	if address == "" {
		return nil
	}
	for i := range p.Changes {
		if string(p.Changes[i].Address) == address && p.Changes[i].Config != nil {
			return Place(p.Changes[i].Source)
		}
	}
	return nil
}

func sentence(text string) string {
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// source is a range as plans have it: "main.hcl:12,1-20" or "main.hcl:12,1-14,2".
var source = regexp.MustCompile(`^(.+):(\d+),(\d+)-(?:(\d+),)?(\d+)$`)

// Place is a source as a range, nil where it is none.
func Place(text string) *diag.Range {
	m := source.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // of digits only
	r := &diag.Range{File: m[1], Start: diag.Pos{Line: number(m[2]), Column: number(m[3])}, End: diag.Pos{Line: number(m[2]), Column: number(m[5])}}
	if m[4] != "" {
		r.End.Line = number(m[4])
	}
	return r
}

// Comment is the plan as a comment: a table of what is done to how many of each
// type, what stands in the way, and a fold with the difference for each
// instance, those that lose something first.
func Comment(p *plan.Plan, o Options) report.Comment {
	c := report.Comment{
		Title: o.Meta.Title, Marker: o.Meta.Marker, Lines: append([]string{verdict(p)}, o.Meta.Facts...), Table: table(p), What: "resources",
		Rest: "The log of the job has all of them.",
	}
	for _, f := range diag.SortFindings(o.findings(p)) {
		switch {
		case f.Suppressed != "" || severityOfChange(f.ID):
		default:
			c.Details = append(c.Details, report.Detail{Heading: heading(f), Place: place(f, o.Meta.Prefix), Text: strings.TrimSpace(f.Detail + "\n" + f.Fix), Open: f.Severity == diag.SeverityError})
		}
	}
	blocks := plantext.Blocks(p, o.Text)
	slices.SortStableFunc(blocks, func(a, b plantext.Block) int { return weight(a) - weight(b) })
	for _, b := range blocks {
		if b.Drift {
			b.Heading += " outside of decnet"
		}
		c.Details = append(c.Details, report.Detail{Heading: b.Heading, Code: asDiff(b.Text), Language: "diff"})
	}
	return c
}

func severityOfChange(id string) bool {
	switch id {
	case "plan.create", "plan.update", "plan.replace", "plan.delete", "plan.forget", "plan.move", "plan.drift":
		return true
	}
	return false
}

func heading(f diag.Finding) string {
	text := strings.ToUpper(string(f.Severity)[:1]) + string(f.Severity)[1:] + ": "
	return text + f.Title()
}

func place(f diag.Finding, prefix string) string {
	if f.Range == nil {
		return ""
	}
	return strings.TrimPrefix(prefix+"/", "/") + f.Range.File + ":" + strconv.Itoa(f.Range.Start.Line)
}

// weight puts first what a reviewer must not miss.
func weight(b plantext.Block) int {
	if b.Drift {
		return 0
	}
	return map[plan.Action]int{plan.Quarantine: 1, plan.Delete: 1, plan.Replace: 1, plan.Forget: 2, plan.Update: 2, plan.Create: 3}[b.Action]
}

func table(p *plan.Plan) [][]string {
	if p.Empty() {
		return nil
	}
	counts := map[string]map[plan.Action]int{}
	for i := range p.Changes {
		c := &p.Changes[i]
		if counts[c.Type] == nil {
			counts[c.Type] = map[plan.Action]int{}
		}
		counts[c.Type][c.Action]++
	}
	columns := []plan.Action{plan.Create, plan.Update, plan.Replace, plan.Delete, plan.Forget}
	rows := [][]string{{"Type", "create", "update", "replace", "destroy", "forget"}}
	if p.Summary.Quarantine > 0 {
		columns, rows[0] = append(columns, plan.Quarantine), append(rows[0], "isolate")
	}
	types := make([]string, 0, len(counts))
	for t := range counts {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, t := range types {
		row := []string{t}
		for _, a := range columns {
			row = append(row, strconv.Itoa(counts[t][a]))
		}
		rows = append(rows, row)
	}
	return rows
}

var signed = regexp.MustCompile(`(?m)^( *)(-/\+|\+/-|[-+~.!]) `)

// asDiff moves the signs of a block to the front of their lines, where a forge
// colours them; it knows "!" for what changes.
func asDiff(text string) string {
	return signed.ReplaceAllStringFunc(text, func(s string) string {
		trimmed := strings.TrimSpace(s)
		sign := trimmed
		if sign != "+" && sign != "-" {
			sign = "!"
		}
		return sign + strings.Repeat(" ", max(len(s)-1, 1))
	})
}
