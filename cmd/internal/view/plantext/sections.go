package plantext

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/change"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// limits says what the plan leaves out.
func (t *writer) limits() {
	names := func(all []addr.Address) string {
		texts := make([]string, len(all))
		for i, a := range all {
			texts[i] = view.Clean(string(a))
		}
		return strings.Join(texts, ", ")
	}
	if len(t.p.Targets) > 0 {
		fmt.Fprintf(t.b, "%s Resource targeting is in effect\n  Only %s, and what is needed for it, is planned.\n\n", t.Style.Warn("Warning:"), names(t.p.Targets))
	}
	if len(t.p.Excludes) > 0 {
		fmt.Fprintf(t.b, "%s Resource exclusion is in effect\n  %s, and what needs it, is not planned.\n\n", t.Style.Warn("Warning:"), names(t.p.Excludes))
	}
	if t.p.RefreshOnly {
		t.b.WriteString("This is a refresh-only plan, so decnet will not touch any object. An apply records what was seen.\n\n")
	}
}

// kept writes what is quarantined already.
func (t *writer) kept() {
	some := false
	for _, q := range t.p.Quarantined {
		if q.Since.IsZero() {
			continue
		}
		if !some {
			t.b.WriteString(t.Style.Bold("Note: Deckies are kept for study") + "\n\nNeither they nor their services are changed or healed until they are replaced:\n\n")
		}
		some = true
		t.heading(q.Address, "is quarantined since "+q.Since.UTC().Format(time.RFC3339)+": "+view.Clean(q.Why))
	}
	if some {
		t.b.WriteString("\n")
	}
}

// moves writes the instances that only change their address.
func (t *writer) moves() {
	changed := map[addr.Address]bool{}
	for i := range t.p.Changes {
		changed[t.p.Changes[i].Address] = true
	}
	for _, m := range t.p.Moves {
		if !changed[m.To] {
			fmt.Fprintf(t.b, "  %s has moved to %s\n\n", t.Style.Bold("# "+view.Clean(string(m.From))), t.Style.Bold(view.Clean(string(m.To))))
		}
	}
}

// imports writes the live objects that become instances.
func (t *writer) imports() {
	for _, i := range t.p.Imports {
		fmt.Fprintf(t.b, "  %s will be imported %s\n\n", t.Style.Bold("# "+view.Clean(string(i.Address))), t.Style.Dim(`(from "`+view.Clean(i.ID)+`")`))
	}
}

// outputs writes what becomes of the outputs; those that stay as they are show
// in the full view.
func (t *writer) outputs() {
	after := map[string]schema.Output{}
	for _, o := range t.p.Outputs {
		after[o.Name] = o
	}
	width, changed := 0, false
	var shown []plan.OutputChange
	for _, c := range t.p.OutputChanges {
		if c.Action == plan.NoOp && t.View != Full {
			continue
		}
		changed = changed || c.Action != plan.NoOp
		shown = append(shown, c)
		width = max(width, len(c.Name))
	}
	if !changed {
		return
	}
	t.b.WriteString("\n" + t.Style.Bold("Changes to Outputs:") + "\n")
	d := &differ{b: t.b, style: t.Style, full: t.View == Full, width: t.Width}
	for _, c := range shown {
		before, now := any(absent{}), any(absent{})
		if c.Action != plan.Create {
			before = change.Decode(c.Before)
		}
		if c.Action != plan.Delete {
			now = change.Decode(after[c.Name].Value)
		}
		switch {
		case !c.Sensitive:
		case c.Action == plan.Create:
			now = change.Secret{}
		case c.Action == plan.Delete:
			before = change.Secret{}
		default: // sealed, so that what they are cannot be told, only that they differ
			before, now = change.Sealed("before"), change.Sealed(string(c.Action))
		}
		if c.Sensitive && c.Action == plan.NoOp {
			before = now
		}
		d.attribute(c.Name, width, before, now, 4, c.Name)
	}
	if t.p.Empty() {
		t.b.WriteString("\nAn apply keeps these outputs and touches no object.\n")
	}
}

// checks writes what the check blocks say: those that fail in their words, and
// how many pass.
func (t *writer) checks() {
	if len(t.p.Checks) == 0 {
		return
	}
	passed := 0
	for _, c := range t.p.Checks {
		if c.Passed {
			passed++
		}
	}
	fmt.Fprintf(t.b, "\n%s %d passed, %d failed.\n", t.Style.Bold("Checks:"), passed, len(t.p.Checks)-passed)
	for _, c := range t.p.Checks {
		switch {
		case !c.Passed:
			fmt.Fprintf(t.b, "  %s %s: %s (%s)\n", quoted(c.Name), t.Style.Bad("failed"), view.Clean(c.Message), place(c.Source))
		case t.View == Full:
			fmt.Fprintf(t.b, "  %s %s\n", quoted(c.Name), t.Style.Good("passed"))
		}
	}
}

// place is a source, "main.hcl:12,1-20", as diagnostics say it.
func place(source string) string {
	file, rest, found := strings.Cut(source, ":")
	if !found {
		return view.Clean(source)
	}
	line, _, _ := strings.Cut(rest, ",")
	return view.Clean(file) + " line " + view.Clean(line)
}
