package schema

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Evaluate is the value of an expression's source; name is how diagnostics call
// it. What is sensitive in the value is marked so, and no diagnostic quotes it.
func (s *Scope) Evaluate(source []byte, name string) (cty.Value, hcl.Diagnostics) {
	if at, deep := tooDeep(source, name); deep {
		return cty.NilVal, hcl.Diagnostics{nestingError(at)}
	}
	x, diags := hclsyntax.ParseExpression(source, name, hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	context, diags := s.Context(x, nil)
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	value, diags := x.Value(context)
	for i, d := range diags {
		diags[i] = WithoutSecrets(d, x, context)
	}
	if diags.HasErrors() {
		return cty.NilVal, diags
	}
	return value, diags
}

// Names lists what an expression may refer to, sorted: "var.parent",
// "decky.web", "output.ip".
func (s *Scope) Names() []string {
	c := s.e.configuration
	var out []string
	add := func(root string, names []string) {
		for _, name := range names {
			out = append(out, root+"."+name)
		}
	}
	add("var", c.VariableNames())
	add("local", slices.Collect(maps.Keys(c.locals)))
	for _, kind := range roots {
		add(kind, c.names(kind)) // none for what is no kind of block
	}
	for _, o := range s.e.outputs {
		add("output", []string{o.Name})
	}
	slices.Sort(out)
	return out
}

// Functions lists the names of the functions, sorted.
func (s *Scope) Functions() []string { return slices.Sorted(maps.Keys(s.e.functions)) }
