package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
)

// Plan writes a plan as people read it: what is different from what was
// applied, what would be done and why, and the count.
func Plan(w io.Writer, p *plan.Plan, s Style) error {
	b := &strings.Builder{}
	notRefreshed(b, p, s)
	findings(b, p.Findings, s)
	driftSection(b, p, s)
	if p.Empty() {
		if len(p.Records) > 0 {
			fmt.Fprintf(b, "%s The state takes note of %d live objects that already fit.\n", s.Good("No changes to any object."), len(p.Records))
		} else {
			fmt.Fprintf(b, "%s The live objects match the configuration.\n", s.Good("No changes."))
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	fmt.Fprintf(b, "decnet will perform the following actions:\n\n")
	for i := range p.Changes {
		change(b, &p.Changes[i], s)
	}
	b.WriteString(s.Bold("Plan: ") + Counts(p.Summary) + ".\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Counts is a plan's summary in Terraform's words, with what only decnet has
// added where there is any: a replacement counts on both sides.
func Counts(c plan.Summary) string {
	text := fmt.Sprintf("%d to add, %d to change, %d to destroy", c.Create+c.Replace, c.Update, c.Delete+c.Replace)
	if c.Forget > 0 {
		text += fmt.Sprintf(", %d to forget", c.Forget)
	}
	return text
}

func notRefreshed(b *strings.Builder, p *plan.Plan, s Style) {
	for _, u := range p.Unavailable {
		if u.Instances == 0 {
			continue
		}
		fmt.Fprintf(b, "%s %d %s not refreshed: %s: %s\n", s.Warn("Warning:"), u.Instances, plural(u.Instances, "object"), u.Provider, u.What)
		if u.Remedy != "" {
			fmt.Fprintf(b, "  %s\n", u.Remedy)
		}
		b.WriteString("\n")
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// findings writes warnings and errors; what is as it should be is left out.
func findings(b *strings.Builder, all []providers.Finding, s Style) {
	for _, f := range all {
		switch f.Severity {
		case providers.SeverityWarning:
			b.WriteString(s.Warn("Warning: "))
		case providers.SeverityError:
			b.WriteString(s.Bad("An apply would refuse: "))
		default:
			continue
		}
		if f.Address != "" {
			b.WriteString(f.Address + ": ")
		}
		b.WriteString(f.Summary + "\n")
		if f.Remedy != "" {
			b.WriteString("  " + f.Remedy + "\n")
		}
		b.WriteString("\n")
	}
}

func driftSection(b *strings.Builder, p *plan.Plan, s Style) {
	if len(p.Drift) == 0 {
		return
	}
	fmt.Fprintf(b, "%s Objects changed behind decnet's back since the last apply:\n\n", s.Bold("Drift."))
	for _, d := range p.Drift {
		if d.Gone {
			fmt.Fprintf(b, "  %s %s is gone\n", s.symbol("-"), d.Address)
			continue
		}
		fmt.Fprintf(b, "  %s %s\n", s.symbol("~"), d.Address)
		attributes(b, d.Changes, slugOf(d.Type, d.State), s)
	}
	b.WriteString("\n")
}

var outcomes = map[plan.Action]string{
	plan.Create: "will be created", plan.Update: "will be updated in place", plan.Replace: "must be replaced",
	plan.Delete: "will be destroyed", plan.Forget: "will be forgotten",
}

func change(b *strings.Builder, c *plan.Change, s Style) {
	reasons := make([]string, len(c.Reasons))
	for i, r := range c.Reasons {
		reasons[i] = string(r)
	}
	because := ""
	if c.Because != "" {
		because = " of " + string(c.Because)
	}
	fmt.Fprintf(b, "  %s\n", s.Bold("# "+string(c.Address))+" "+outcomes[c.Action]+s.Dim(" ("+strings.Join(reasons, ", ")+because+")"))
	fmt.Fprintf(b, "%s %s\n", pad(s.symbol(c.Action.Symbol()), len(c.Action.Symbol())), heading(c))
	switch {
	case len(c.Attributes) > 0:
		attributes(b, c.Attributes, slugOf(c.Type, c.Config), s)
	case c.Action == plan.Create || c.Action == plan.Replace:
		sign := "      " + s.symbol("+") + " "
		for _, a := range headline(c.Type, c.Config, s) {
			b.WriteString(sign)
			b.WriteString(a.name)
			b.WriteString(" = ")
			b.WriteString(a.value)
			b.WriteByte('\n')
		}
	}
	b.WriteString("\n")
}

// pad right-aligns a sign of n visible characters.
func pad(painted string, n int) string { return strings.Repeat(" ", max(0, 3-n)) + painted }

func heading(c *plan.Change) string {
	if c.Runtime == "" {
		return c.Type
	}
	return c.Type + " on " + c.Runtime
}

// slugOf is the slug of a service, from its configuration or from a state that
// holds it.
func slugOf(typ string, document json.RawMessage) string {
	var c struct {
		Slug   string `json:"slug"`
		Config struct {
			Slug string `json:"slug"`
		} `json:"config"`
	}
	if typ != providers.TypeService || json.Unmarshal(document, &c) != nil {
		return ""
	}
	return c.Slug + c.Config.Slug
}

func attributes(b *strings.Builder, changes []providers.Change, slug string, s Style) {
	width := 0
	for _, a := range changes {
		width = max(width, len(a.Path))
	}
	for _, a := range changes {
		note := ""
		if a.Replace {
			note = s.Warn("  # forces replacement")
		}
		if a.Cause == plan.CauseDrift {
			note += s.Dim("  # drift")
		}
		before, after := orNone(a.Before), orNone(a.After)
		if s.hides(slug, a.Path) {
			before, after = hidden, hidden
		}
		fmt.Fprintf(b, "      %s %-*s = %s -> %s%s\n", s.symbol("~"), width, a.Path, before, after, note)
	}
}

func orNone(value string) string {
	if value == "" {
		return "(none)"
	}
	return Clean(value)
}
