package schema

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/function"
)

// Scope evaluates expressions that stand outside of a configuration (a test's, a
// console's) with everything that it declares: var, local, network, decky,
// archetype, distro and output, and every function.
type Scope struct {
	e *evaluator
}

// EvaluateScope is Evaluate that also leaves the scope. The scope is nil where
// Desired is.
func (c *Configuration) EvaluateScope(o EvalOptions) (*Desired, *Scope, hcl.Diagnostics) {
	e, desired, diags := c.evaluate(o)
	if desired == nil {
		return nil, nil, diags
	}
	return desired, &Scope{e: e}, diags
}

// Context is what an expression is evaluated in: what its references lead to,
// and of the roots in extra what it is given. A name that is declared nowhere is
// a diagnostic at its place.
func (s *Scope) Context(x hcl.Expression, extra map[string]cty.Value) (*hcl.EvalContext, hcl.Diagnostics) {
	var diags hcl.Diagnostics
	var references []reference
	outputs := map[string]cty.Value{}
	for _, traversal := range x.Variables() {
		root, at := traversal.RootName(), traversal.SourceRange()
		if _, given := extra[root]; given || root == "path" {
			continue
		}
		name, ok := "", false
		if len(traversal) > 1 {
			name, ok = stepName(traversal[1])
		}
		switch {
		case root != "output" && (root == "count" || root == "each" || !slices.Contains(roots, root)):
			diags = append(diags, diag.Unknown(at, "reference", root, s.names(extra)))
		case !ok:
			diags = append(diags, diag.Error(at, fmt.Sprintf("A name must follow %s", root), "Write %s.NAME.", root))
		case root == "output":
			value, d := s.output(name, at)
			if d != nil {
				diags = append(diags, d)
				continue
			}
			outputs[name] = value
		default:
			r := reference{kind: root, name: name, at: at, rest: traversal[2:]}
			if there, choices := s.e.configuration.declared(r); !there {
				diags = append(diags, diag.Unknown(at, what(root), name, choices))
				continue
			}
			references = append(references, r)
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	scope := s.e.scope(references)
	if len(outputs) > 0 {
		scope.Variables["output"] = cty.ObjectVal(outputs)
	}
	for name, value := range extra {
		scope.Variables[name] = value
	}
	return scope, nil
}

// what names a kind of thing by its root.
func what(root string) string {
	if root == "var" {
		return "variable"
	}
	return root
}

// names are the roots that an expression in this scope may begin with.
func (s *Scope) names(extra map[string]cty.Value) []string {
	all := []string{"output"}
	for _, root := range roots {
		if root != "count" && root != "each" {
			all = append(all, root)
		}
	}
	for name := range extra {
		all = append(all, name)
	}
	return all
}

// output is an output's value, marked where it is sensitive.
func (s *Scope) output(name string, at hcl.Range) (cty.Value, *hcl.Diagnostic) {
	var choices []string
	for _, o := range s.e.outputs {
		choices = append(choices, o.Name)
		if o.Name != name {
			continue
		}
		value, err := OutputValue(o)
		if err != nil {
			return cty.NilVal, diag.Error(at, fmt.Sprintf("output %q cannot be read", name), "%s.", sentence(err.Error()))
		}
		return value, nil
	}
	return cty.NilVal, diag.Unknown(at, "output", name, choices)
}

// OutputValue is the value of an output, marked sensitive where the output is.
func OutputValue(o Output) (cty.Value, error) {
	ty, err := ctyjson.ImpliedType(o.Value)
	if err != nil {
		return cty.NilVal, fmt.Errorf("read output %s: %w", o.Name, err)
	}
	value, err := ctyjson.Unmarshal(json.RawMessage(o.Value), ty)
	if err != nil {
		return cty.NilVal, fmt.Errorf("read output %s: %w", o.Name, err)
	}
	if o.Sensitive {
		value = value.Mark(function.Sensitive)
	}
	return value, nil
}
