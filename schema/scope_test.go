package schema_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/function"
)

const scoped = `
variable "n" {
  type    = number
  default = 1
}
variable "key" {
  sensitive = true
  default   = "hush"
}
locals { twice = var.n * 2 }
output "n" { value = local.twice }
output "key" {
  value     = var.key
  sensitive = true
}
`

func TestScopeEvaluatesWhatTheConfigurationDeclares(t *testing.T) {
	c, diags := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(scoped)}}, schema.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, scope, diags := c.EvaluateScope(schema.EvalOptions{Variables: []schema.Value{{Name: "n", Origin: "a test", Given: cty.NumberIntVal(4)}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	extra := map[string]cty.Value{"events": cty.TupleVal([]cty.Value{cty.True})}
	for source, want := range map[string]cty.Value{
		"var.n": cty.NumberIntVal(4), "local.twice + output.n": cty.NumberIntVal(16), "length(events)": cty.NumberIntVal(1),
		`upper("x")`: cty.StringVal("X"), "output.key": cty.StringVal("hush").Mark(function.Sensitive), "[for e in events : e]": cty.TupleVal([]cty.Value{cty.True}),
	} {
		x, diags := hclsyntax.ParseExpression([]byte(source), "t", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		context, diags := scope.Context(x, extra)
		if diags.HasErrors() {
			t.Errorf("%s: %v", source, diags)
			continue
		}
		if got, diags := x.Value(context); diags.HasErrors() || !got.RawEquals(want) {
			t.Errorf("%s is %#v, %v; want %#v", source, got, diags, want)
		}
	}
	for source, want := range map[string]string{
		"var.m": `no variable "m"`, "output.nn": `There are key and n`, "evnts[0]": `Did you mean "events"`, "count.index": `no reference "count"`, "local": "A name must follow local",
	} {
		x, diags := hclsyntax.ParseExpression([]byte(source), "t", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if _, diags := scope.Context(x, extra); !diags.HasErrors() || !strings.Contains(diags.Error()+diags[0].Detail, want) {
			t.Errorf("%s: %v, want %q", source, diags, want)
		}
	}
}

func TestAGivenValueIsConverted(t *testing.T) {
	c, _ := schema.Load(fstest.MapFS{"main.hcl": {Data: []byte(scoped)}}, schema.Options{})
	at := hcl.Range{Filename: "a.test.hcl", Start: hcl.Pos{Line: 3, Column: 1}, End: hcl.Pos{Line: 3, Column: 2}}
	_, _, diags := c.EvaluateScope(schema.EvalOptions{Variables: []schema.Value{{Name: "n", Origin: "a test", Given: cty.True, At: at}}})
	if !diags.HasErrors() || diags[0].Subject.Filename != "a.test.hcl" {
		t.Errorf("%v", diags)
	}
}
