package schema

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// WithoutSecrets takes the detail from a diagnostic that evaluating x in scope
// gave, where it is about sensitive values: functions quote their arguments, and
// for expressions their keys. An iterator is as secret as what the whole
// expression is made of, since its own values bear no mark.
func WithoutSecrets(d *hcl.Diagnostic, x hcl.Expression, scope *hcl.EvalContext) *hcl.Diagnostic {
	if d.Expression == nil || d.EvalContext == nil {
		return d
	}
	name, secret := secretPart(d.Expression, d.EvalContext)
	if !secret && d.EvalContext != scope {
		name, secret = secretPart(x, scope)
	}
	if !secret {
		return d
	}
	clean := *d
	clean.Detail = name + " is sensitive, so the reason is not shown."
	clean.Expression, clean.EvalContext = nil, nil
	return &clean
}

// secretPart names what makes the value of an expression sensitive.
func secretPart(x hcl.Expression, scope *hcl.EvalContext) (string, bool) {
	for _, traversal := range x.Variables() {
		value, diags := traversal.TraverseAbs(scope)
		if diags.HasErrors() || !value.ContainsMarked() {
			continue
		}
		if len(traversal) > 1 {
			if name, ok := stepName(traversal[1]); ok {
				return fmt.Sprintf("%s.%s", traversal.RootName(), name), true
			}
		}
		return traversal.RootName() + "...", true
	}
	native, ok := x.(hclsyntax.Node)
	if e, wrapped := x.(*expression); wrapped {
		native, ok = e.Expression.(hclsyntax.Node)
	}
	found := false
	if ok {
		_ = hclsyntax.VisitAll(native, func(n hclsyntax.Node) hcl.Diagnostics {
			call, is := n.(*hclsyntax.FunctionCallExpr)
			found = found || is && call.Name == "sensitive"
			return nil
		})
	}
	return "What sensitive(...) holds", found
}
