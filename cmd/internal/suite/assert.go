package suite

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/rule"
	"github.com/decnet/decnet/schema/testfile"
)

// examiner looks at what a run made.
type examiner struct {
	*fileRun
	world World
}

// poll is how often a condition about events is tried again.
const poll = 25 * time.Millisecond

// source reads the events that a condition speaks of.
type source func(ctx context.Context) ([]*event.Event, error)

// assert checks one condition. One that speaks of events is tried again until
// it holds or the runner's patience is over: events take a moment.
func (e *examiner) assert(ctx context.Context, a testfile.Assert, extra map[string]cty.Value, events source) hcl.Diagnostics {
	waits := mentions(a.Condition, "events")
	deadline := time.Now().Add(e.runner.Patience)
	for {
		diags, holds := e.attempt(ctx, a, extra, events)
		if holds || !waits || ctx.Err() != nil || time.Now().After(deadline) {
			return diags
		}
		select {
		case <-ctx.Done():
		case <-time.After(poll):
		}
	}
}

// mentions tells whether an expression refers to a root.
func mentions(x hcl.Expression, root string) bool {
	for _, traversal := range x.Variables() {
		if traversal.RootName() == root {
			return true
		}
	}
	return false
}

// attempt checks a condition once.
func (e *examiner) attempt(ctx context.Context, a testfile.Assert, extra map[string]cty.Value, events source) (hcl.Diagnostics, bool) {
	all := map[string]cty.Value{"run": e.outputs.value()}
	maps.Copy(all, extra)
	if mentions(a.Condition, "events") || mentions(a.Message, "events") {
		recorded, err := events(ctx)
		if err != nil {
			return hcl.Diagnostics{failure("The events cannot be read", err, a.Condition.Range().Ptr())}, false
		}
		all["events"] = values(recorded)
	} else {
		all["events"] = cty.EmptyTupleVal
	}
	scope, diags := e.world.Scope.Context(a.Condition, all)
	if diags.HasErrors() {
		return diags, false
	}
	result, diags := a.Condition.Value(scope)
	if diags.HasErrors() {
		for i, d := range diags {
			diags[i] = e.explained(schema.WithoutSecrets(d, a.Condition, scope), a.Condition, scope)
		}
		return diags, false
	}
	result, _ = result.Unmark()
	verdict, err := convert.Convert(result, cty.Bool)
	if err != nil || verdict.IsNull() || !verdict.IsKnown() {
		return hcl.Diagnostics{diag.Error(a.Condition.Range(), "A condition is true or false", "This one is %s.", describe(result))}, false
	}
	if verdict.True() {
		return nil, true
	}
	d := diag.Error(a.Condition.Range(), "Test assertion failed", "%s", e.message(a, all))
	return hcl.Diagnostics{e.explained(d, a.Condition, scope)}, false
}

// message is the author's.
func (e *examiner) message(a testfile.Assert, extra map[string]cty.Value) string {
	scope, diags := e.world.Scope.Context(a.Message, extra)
	if !diags.HasErrors() {
		var value cty.Value
		if value, diags = a.Message.Value(scope); !diags.HasErrors() {
			if value.ContainsMarked() {
				return "The message is sensitive, so it is not shown."
			}
			if text, err := convert.Convert(value, cty.String); err == nil && !text.IsNull() && text.IsKnown() {
				return text.AsString()
			}
		}
	}
	return "The condition is false. (Its error_message is no text.)"
}

// explained adds what the condition's references were.
func (e *examiner) explained(d *hcl.Diagnostic, x hcl.Expression, scope *hcl.EvalContext) *hcl.Diagnostic {
	var lines []string
	for _, traversal := range x.Variables() {
		value, diags := traversal.TraverseAbs(scope)
		if diags.HasErrors() {
			continue
		}
		name := e.text(traversal.SourceRange())
		line := name + " is " + describe(value)
		if name == "events" {
			line = "events are " + summary(value)
		}
		if name != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return d
	}
	clean := *d
	clean.Detail = strings.TrimSuffix(d.Detail, "\n") + "\n\n" + strings.Join(lines, "\n")
	clean.Expression, clean.EvalContext = nil, nil
	return &clean
}

// text is a piece of the test file.
func (e *examiner) text(at hcl.Range) string {
	if !at.CanSliceBytes(e.file.Source.Bytes) {
		return ""
	}
	return string(at.SliceBytes(e.file.Source.Bytes))
}

// summary tells which events there are: how many of which kind.
func summary(events cty.Value) string {
	counts := map[string]int{}
	var order []string
	for _, v := range events.AsValueSlice() {
		kind := v.GetAttr("kind").AsString()
		if counts[kind] == 0 {
			order = append(order, kind)
		}
		counts[kind]++
	}
	if len(order) == 0 {
		return "none"
	}
	var parts []string
	for _, kind := range order {
		parts = append(parts, describe(cty.NumberIntVal(int64(counts[kind])))+" "+kind)
	}
	return strings.Join(parts, ", ")
}

// values are events as conditions see them: the fields that rules know.
func values(events []*event.Event) cty.Value {
	all := make([]cty.Value, 0, len(events))
	for _, e := range events {
		fields := map[string]cty.Value{}
		for name, v := range rule.Values(e) {
			switch v := v.(type) {
			case string:
				fields[name] = cty.StringVal(v)
			case float64:
				fields[name] = cty.NumberFloatVal(v)
			case bool:
				fields[name] = cty.BoolVal(v)
			}
		}
		all = append(all, cty.ObjectVal(fields))
	}
	return cty.TupleVal(all)
}
