package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/decnet/decnet/schema/lint"
)

// Score is a fleet's score in one line.
func Score(fleet int) string { return fmt.Sprintf("Believability: %d of 100.", fleet) }

// Rules lists lint rules, a line each.
func Rules(w io.Writer, rules []lint.Rule, s Style) error {
	b := &strings.Builder{}
	for _, r := range rules {
		fmt.Fprintf(b, "%s  %-7s  %s\n", s.Bold(r.ID), r.Severity, r.Summary)
	}
	b.WriteString("\nOne of them in full: decnet explain DN1003\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Rule writes the documentation of a rule.
func Rule(w io.Writer, r lint.Rule, s Style) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s %s (%s)\n\n%s\n\n", s.Bold(r.ID), r.Name, r.Severity, r.Summary)
	section := func(title, text string) {
		fmt.Fprintf(b, "%s\n%s\n", s.Bold(title), wrapped(text, "  ", 96))
	}
	section("Why an attacker notices", r.Doc.Why)
	section("What to do", r.Doc.Fix)
	if len(r.Doc.Sources) > 0 {
		fmt.Fprintf(b, "%s\n", s.Bold("Sources"))
		for _, source := range r.Doc.Sources {
			fmt.Fprintf(b, "  %s\n", source)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "%s\n  # decnet:ignore %s: why it is so here\n", s.Bold("To take it back at one place"), r.ID)
	_, err := io.WriteString(w, b.String())
	return err
}

// wrapped breaks text at width columns behind an indent.
func wrapped(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
	return b.String()
}

// Believability tells what a plan does to the fleet's score, and which deckies
// it makes less believable. A nil comparison is nothing.
func Believability(w io.Writer, c *lint.Comparison, s Style) error {
	if c == nil {
		return nil
	}
	b := &strings.Builder{}
	switch {
	case c.Before == nil:
		fmt.Fprintf(b, "%s %d of 100", s.Bold("Believability:"), c.After)
	case *c.Before == c.After:
		fmt.Fprintf(b, "%s %d of 100, as before", s.Bold("Believability:"), c.After)
	default:
		paint := s.Good
		if c.After < *c.Before {
			paint = s.Bad
		}
		fmt.Fprintf(b, "%s %d -> %s of 100", s.Bold("Believability:"), *c.Before, paint(fmt.Sprint(c.After)))
	}
	if len(c.Rules) > 0 {
		fmt.Fprintf(b, " (%s)", list(c.Rules))
	}
	b.WriteString(".\n")
	shown, worse := 0, 0
	for _, d := range c.Changes {
		if !d.Worse() {
			continue
		}
		if worse++; shown == mostDeckies {
			continue
		}
		shown++
		before := "new"
		if d.Before != nil {
			before = fmt.Sprint(*d.Before)
		}
		fmt.Fprintf(b, "  %s %s: %s -> %d (%s)\n", s.Warn("!"), d.Address, before, d.After, list(d.Rules))
	}
	if worse > shown {
		fmt.Fprintf(b, "  and %d more; decnet lint tells all.\n", worse-shown)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mostDeckies is how many deckies a plan's score names.
const mostDeckies = 8

func list(ids []string) string {
	if len(ids) > mostDeckies {
		return strings.Join(ids[:mostDeckies], ", ") + fmt.Sprintf(" and %d more", len(ids)-mostDeckies)
	}
	return strings.Join(ids, ", ")
}
