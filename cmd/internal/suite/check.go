package suite

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/testfile"
)

// Check finds what can be told about a test file without running it: names that
// the configuration does not declare, runs that do not come before.
func Check(f *testfile.File, scope *schema.Scope) hcl.Diagnostics {
	c := &checker{scope: scope, earlier: map[string]bool{}}
	c.variables(f.Variables)
	for _, run := range f.Runs {
		c.variables(run.Variables)
		for _, v := range run.Variables {
			c.runs(v.Value)
		}
		c.earlier[run.Name] = true
		for _, subject := range run.Expected {
			c.subject(subject)
		}
		c.asserts(run.Asserts, "events", "run")
		for _, p := range run.Probes {
			for _, name := range slices.Sorted(maps.Keys(p.Arguments)) {
				c.expression(p.Arguments[name], "run")
			}
			c.asserts(p.Asserts, "events", "probe", "run")
		}
	}
	return diag.Sort(c.diags)
}

type checker struct {
	scope   *schema.Scope
	earlier map[string]bool
	diags   hcl.Diagnostics
}

// variables checks that what is given a value is declared.
func (c *checker) variables(given []testfile.Variable) {
	for _, v := range given {
		c.name("var."+v.Name, v.At)
	}
}

// name checks that a reference leads somewhere.
func (c *checker) name(reference string, at hcl.Range) {
	x, diags := hclsyntax.ParseExpression([]byte(reference), at.Filename, at.Start)
	if !diags.HasErrors() {
		_, diags = c.scope.Context(x, nil)
	}
	for _, d := range diags {
		d.Subject = at.Ptr()
	}
	c.diags = append(c.diags, diags...)
}

// subject checks an expectation; a check block has no value to look up.
func (c *checker) subject(s testfile.Subject) {
	if len(s.Address) < 6 || s.Address[:6] != "check." {
		c.name(s.Address, s.At)
	}
}

func (c *checker) asserts(all []testfile.Assert, extra ...string) {
	for _, a := range all {
		c.expression(a.Condition, extra...)
		c.expression(a.Message, extra...)
	}
}

func (c *checker) expression(x hcl.Expression, extra ...string) {
	given := map[string]cty.Value{}
	for _, root := range extra {
		given[root] = cty.DynamicVal
	}
	_, diags := c.scope.Context(x, given)
	c.diags = append(c.diags, diags...)
	c.runs(x)
}

// runs checks that an expression speaks of runs that come before only.
func (c *checker) runs(x hcl.Expression) {
	for _, traversal := range x.Variables() {
		if traversal.RootName() != "run" || len(traversal) < 2 {
			continue
		}
		if step, ok := traversal[1].(hcl.TraverseAttr); ok && !c.earlier[step.Name] {
			c.diags = append(c.diags, diag.Error(traversal.SourceRange(), fmt.Sprintf("There is no run %q before this one", step.Name), "%s",
				diag.Advice("run", step.Name, slices.Collect(maps.Keys(c.earlier)))))
		}
	}
}
