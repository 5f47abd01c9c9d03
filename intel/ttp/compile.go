package ttp

import (
	"fmt"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/rule"
)

// defaultKey is what a rule counts by that does not say.
const defaultKey = "event.source"

// CompileRule compiles a rule as the configuration's language means it.
func CompileRule(r schema.Rule) (Condition, error) {
	when, diags := rule.Compile(r.When)
	if diags.HasErrors() {
		return Condition{}, fmt.Errorf("when: %w", diags)
	}
	by := r.By
	if by == "" {
		by = defaultKey
	}
	key, diags := rule.CompileKey(by)
	if diags.HasErrors() {
		return Condition{}, fmt.Errorf("by: %w", diags)
	}
	c := Condition{Match: when.Match, Key: key.Of}
	if r.Distinct != "" {
		distinct, diags := rule.CompileKey(r.Distinct)
		if diags.HasErrors() {
			return Condition{}, fmt.Errorf("distinct: %w", diags)
		}
		c.Distinct = func(e *event.Event) (string, bool) { return distinct.Of(e) }
	}
	return c, nil
}
