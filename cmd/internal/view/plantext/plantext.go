// Package plantext writes plans as people read them, in the words and with the
// signs that Terraform has taught them: what others changed, what would be done
// and why, what the outputs and checks say, and the count. It decides nothing
// and never sees a sensitive value.
package plantext

import (
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/change"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// View is how much of a plan is written.
type View string

// The views: a line for each kind of change, the attributes that change, or
// everything.
const (
	Summary View = "summary"
	Diff    View = "diff"
	Full    View = "full"
)

// ParseView is the view called name; an empty name is Diff.
func ParseView(name string) (View, error) {
	switch v := View(name); v {
	case "":
		return Diff, nil
	case Summary, Diff, Full:
		return v, nil
	}
	return "", fmt.Errorf("there is no view %q. %s", name, diag.Advice("view", name, []string{string(Summary), string(Diff), string(Full)}))
}

// Options shape the text.
type Options struct {
	View  View // Diff by default
	Style view.Style
	Width int // columns of the terminal, 0 where it is none
}

// writer is one plan being written.
type writer struct {
	Options
	b *strings.Builder
	p *plan.Plan
}

// Write writes the plan.
func Write(w io.Writer, p *plan.Plan, o Options) error {
	t := &writer{Options: o, b: &strings.Builder{}, p: p}
	t.b.WriteString(view.NotRefreshed(p, o.Style))
	t.findings()
	t.drift()
	t.kept()
	t.limits()
	if p.Empty() && len(p.Moves) == 0 && len(p.Imports) == 0 {
		t.nothing()
	} else {
		t.actions()
	}
	t.outputs()
	t.checks()
	if p.Believability != nil {
		t.b.WriteByte('\n')
		_ = view.Believability(t.b, p.Believability, o.Style) // a builder takes everything
	}
	if _, err := io.WriteString(w, t.b.String()); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

func (t *writer) nothing() {
	if n := len(t.p.Records); n > 0 {
		fmt.Fprintf(t.b, "%s The state takes note of %d live %s that already fit.\n", t.Style.Good("No changes to any object."), n, plural(n, "object"))
		return
	}
	if t.p.Destroy && len(t.p.Quarantined) == 0 {
		fmt.Fprintf(t.b, "%s\n", t.Style.Good(view.NothingToDestroy))
		return
	}
	rest := "The live objects match the configuration."
	if len(t.p.Quarantined) > 0 {
		rest = "What is kept for study stays as it is."
	}
	fmt.Fprintf(t.b, "%s %s\n", t.Style.Good("No changes."), rest)
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// findings writes what an apply would trip over; what is as it should be is left
// out.
func (t *writer) findings() {
	for _, f := range t.p.Findings {
		switch f.Severity {
		case providers.SeverityWarning:
			t.b.WriteString(t.Style.Warn("Warning: "))
		case providers.SeverityError:
			t.b.WriteString(t.Style.Bad("An apply would refuse: "))
		default:
			continue
		}
		if f.Address != "" {
			t.b.WriteString(view.Clean(f.Address) + ": ")
		}
		t.b.WriteString(view.Clean(f.Summary) + "\n")
		if f.Remedy != "" {
			t.b.WriteString("  " + view.Clean(f.Remedy) + "\n")
		}
		t.b.WriteString("\n")
	}
}

// drift writes what others did.
func (t *writer) drift() {
	if len(t.p.Drift) == 0 {
		return
	}
	fmt.Fprintf(t.b, "%s\n\ndecnet detected the following changes made outside of decnet since the last apply:\n\n", t.Style.Bold("Note: Objects have changed outside of decnet"))
	if t.View == Summary {
		t.groups(DriftGroups(t.p))
		return
	}
	for i := range t.p.Drift {
		t.drifted(&t.p.Drift[i])
	}
}

func (t *writer) change(p *plan.Change) {
	c := change.One(p, t.Style.Hidden)
	t.heading(c.Address, t.aside(outcome(p), explained(p)))
	if p.Action == plan.Quarantine { // nothing of it changes
		t.b.WriteString("\n")
		return
	}
	if c.From != "" {
		fmt.Fprintf(t.b, "  %s\n", t.Style.Dim("# (moved from "+view.Clean(string(c.From))+")"))
	}
	t.block(&c)
}

func (t *writer) drifted(d *plan.Drift) {
	t.heading(d.Address, t.aside(driftWords(d), policies[d.Policy]))
	if len(d.Changes) == 0 {
		t.b.WriteString("\n")
		return
	}
	c := change.Drifted(d, t.Style.Hidden)
	t.block(&c)
}

func (t *writer) heading(address addr.Address, words string) {
	fmt.Fprintf(t.b, "  %s %s\n", t.Style.Bold("# "+view.Clean(string(address))), words)
}

// Block is one change, or what others did to one object, as text.
type Block struct {
	Action  plan.Action
	Drift   bool
	Heading string // "decky.web will be created (not in state)"
	Text    string
}

// Blocks is every change of a plan by itself, without colours.
func Blocks(p *plan.Plan, o Options) []Block {
	o.Style.Color = false
	o.Width = 0
	var all []Block
	one := func(b Block, write func(t *writer)) {
		t := &writer{Options: o, b: &strings.Builder{}, p: p}
		write(t)
		heading, text, _ := strings.Cut(t.b.String(), "\n")
		b.Heading, b.Text = strings.TrimPrefix(heading, "  # "), strings.TrimRight(text, "\n")
		all = append(all, b)
	}
	for i := range p.Drift {
		d := &p.Drift[i]
		one(Block{Action: driftAction(d), Drift: true}, func(t *writer) { t.drifted(d) })
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		one(Block{Action: c.Action}, func(t *writer) { t.change(c) })
	}
	return all
}

func driftAction(d *plan.Drift) plan.Action {
	if d.Gone {
		return plan.Delete
	}
	return plan.Update
}

func driftWords(d *plan.Drift) string {
	switch {
	case d.Surplus:
		return "has one object too many"
	case d.Gone:
		return "has been deleted"
	case len(d.Changes) == 0:
		return "ended and came back by itself"
	}
	return "has changed"
}

// outcomes are what becomes of an object.
var outcomes = map[plan.Action]string{
	plan.Create: "will be created", plan.Update: "will be updated in-place", plan.Replace: "must be replaced",
	plan.Quarantine: "will be cut off the network, and kept for study",
	plan.Delete:     "will be destroyed", plan.Forget: "will be forgotten", plan.Move: "will be told its new address",
}

// outcome is what becomes of a change's object.
func outcome(c *plan.Change) string {
	if c.Action == plan.Forget && c.Released {
		return "will no longer be managed by decnet, but will not be destroyed"
	}
	return outcomes[c.Action]
}

// legend explains the signs that a plan uses, in this order.
var legend = []struct {
	action plan.Action
	words  string
}{
	{plan.Create, "create"},
	{plan.Update, "update in-place"},
	{plan.Replace, "destroy and then create replacement"},
	{createFirst, "create replacement and then destroy"},
	{plan.Delete, "destroy"},
	{plan.Forget, "forget: the object is gone already, or lives on"},
	{plan.Move, "move to another address"},
	{plan.Quarantine, "cut off the network, and keep for study"},
}

// createFirst stands for a replacement that makes the new object first.
const createFirst plan.Action = "create first"

func actionOf(c *plan.Change) plan.Action {
	if c.Action == plan.Replace && c.CreateFirst {
		return createFirst
	}
	return c.Action
}

func (t *writer) actions() {
	used := map[plan.Action]bool{}
	for i := range t.p.Changes {
		used[actionOf(&t.p.Changes[i])] = true
	}
	if len(used) > 0 {
		t.b.WriteString("Actions are indicated with the following symbols:\n")
	}
	for _, l := range legend {
		if used[l.action] {
			fmt.Fprintf(t.b, "%s %s\n", t.signOf(l.action), l.words)
		}
	}
	if len(used) > 0 {
		t.b.WriteString("\n")
	}
	t.b.WriteString("decnet will perform the following actions:\n\n")
	t.moves()
	t.imports()
	if t.View == Summary {
		t.groups(ChangeGroups(t.p))
	} else {
		for i := range t.p.Changes {
			t.change(&t.p.Changes[i])
		}
	}
	if n := t.p.Summary.NoOp; n > 0 && t.View != Summary {
		t.b.WriteString("  " + t.Style.Dim(fmt.Sprintf("# (%d unchanged %s hidden)", n, plural(n, "instance"))) + "\n\n")
	}
	t.b.WriteString(t.Style.Bold("Plan: ") + view.Counts(t.p.Summary) + ".\n")
}

// aside puts reasons in brackets behind what is said.
func (t *writer) aside(words, reasons string) string {
	if reasons == "" {
		return words
	}
	return words + t.Style.Dim(" ("+reasons+")")
}

// explained are the reasons of a change, with what more is known of them.
func explained(c *plan.Change) string {
	reasons := why(c.Reasons, string(c.Because))
	if c.Why != "" {
		reasons += ": " + view.Clean(c.Why)
	}
	return reasons
}

func why(reasons []plan.Reason, because string) string {
	parts := make([]string, len(reasons))
	for i, r := range reasons {
		parts[i] = string(r)
		if (r == plan.DependencyReplaced || r == plan.Triggered) && because != "" {
			parts[i] += ": " + view.Clean(because)
		}
	}
	return strings.Join(parts, ", ")
}

// policies say what follows drift, where that is not its healing.
var policies = map[string]string{
	plan.PolicyReport: `on_drift = "report", so it stays`, plan.PolicyQuarantine: `on_drift = "quarantine", so it stays as evidence`,
}

// signOf is an action's sign, in three columns.
func (t *writer) signOf(a plan.Action) string {
	sign := a.Symbol()
	if a == createFirst {
		sign = "+/-"
	}
	return strings.Repeat(" ", max(0, 3-len(sign))) + t.Style.Sign(sign)
}

// block writes a change as a block of the language.
func (t *writer) block(c *change.Change) {
	before, _ := c.Before.(map[string]any)
	after, _ := c.After.(map[string]any)
	action := c.Action
	if c.CreateFirst {
		action = createFirst
	}
	fmt.Fprintf(t.b, "%s %s {\n", t.signOf(action), header(c))
	d := &differ{b: t.b, style: t.Style, full: t.View == Full, width: t.Width, forces: c.Forces, drifted: c.Drifted}
	const indent = 8
	one := before
	if before == nil {
		one = after
	}
	if t.View != Full && (before == nil || after == nil) {
		lines, hidden := essential(c.Type, one)
		width := 0
		for _, l := range lines {
			width = max(width, len(l.name))
		}
		for _, l := range lines {
			switch {
			case c.Action == plan.Forget: // the object is gone already, or lives on
				d.attribute(l.name, width, l.value, l.value, indent, l.path)
			case before == nil:
				d.attribute(l.name, width, absent{}, l.value, indent, l.path)
			default:
				d.attribute(l.name, width, l.value, absent{}, indent, l.path)
			}
		}
		if hidden > 0 {
			d.note(indent, hidden, "attribute")
		}
	} else {
		if c.Action == plan.Forget {
			after = before
		}
		d.object(readable(c.Type, before), readable(c.Type, after), indent, "")
	}
	t.b.WriteString("    }\n\n")
}

// header is the block as it stands in the configuration: decky "web".
func header(c *change.Change) string {
	steps, err := parse(c.Address)
	if err != nil || len(steps) == 0 {
		return c.Type
	}
	last := steps[len(steps)-1]
	text := last.Type + " " + quoted(last.Name)
	if last.Type == providers.TypeService && last.Key.Name != "" {
		text += " " + quoted(last.Key.Name)
	}
	return text
}

func quoted(s string) string { return `"` + view.Clean(s) + `"` }
