package view

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
)

// Counts is a plan's summary in Terraform's words, with what only decnet has
// added where there is any: a replacement counts on both sides.
func Counts(c plan.Summary) string {
	text := fmt.Sprintf("%d to add, %d to change, %d to destroy", c.Create+c.Replace, c.Update, c.Delete+c.Replace)
	if c.Import > 0 {
		text = fmt.Sprintf("%d to import, ", c.Import) + text
	}
	if c.Move > 0 {
		text += fmt.Sprintf(", %d to move", c.Move)
	}
	if c.Quarantine > 0 {
		text += fmt.Sprintf(", %d to isolate", c.Quarantine)
	}
	if c.Forget > 0 {
		text += fmt.Sprintf(", %d to forget", c.Forget)
	}
	return text
}

// NotRefreshed says which objects nobody could look at, and what to do.
func NotRefreshed(p *plan.Plan, s Style) string {
	var b strings.Builder
	for _, u := range p.Unavailable {
		if u.Instances == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s %d %s not refreshed: %s: %s\n", s.Warn("Warning:"), u.Instances, plural(u.Instances, "object"), u.Provider, u.What)
		if u.Remedy != "" {
			fmt.Fprintf(&b, "  %s\n", u.Remedy)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
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

func orNone(value string) string {
	if value == "" {
		return "(none)"
	}
	return Clean(value)
}
