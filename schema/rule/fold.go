package rule

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/decnet/decnet/schema/diag"
)

// FoldCondition checks a condition as a configuration holds it and returns its
// source with everything that is no event folded to a literal, as Compile reads
// it. src is the file that x stands in, scope holds its variables and
// functions.
func FoldCondition(x hcl.Expression, src []byte, scope *hcl.EvalContext) (string, hcl.Diagnostics) {
	native, diags := nativeOf(x)
	if diags.HasErrors() {
		return "", diags
	}
	if _, diags := compileCondition(native, "", scope); diags.HasErrors() {
		return "", diags
	}
	return fold(native, src, scope), nil
}

// FoldKey is FoldCondition for by and distinct.
func FoldKey(x hcl.Expression, src []byte, scope *hcl.EvalContext) (string, hcl.Diagnostics) {
	native, diags := nativeOf(x)
	if diags.HasErrors() {
		return "", diags
	}
	if _, diags := compileKey(native, "", scope); diags.HasErrors() {
		return "", diags
	}
	return fold(native, src, scope), nil
}

func nativeOf(x hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	native, ok := x.(hclsyntax.Expression)
	if !ok {
		return nil, hcl.Diagnostics{diag.Error(x.Range(), "Rules are read in HCL's native syntax only", "Move the rule to a file that ends in .hcl.")}
	}
	if r := native.Range(); r.End.Byte-r.Start.Byte > MaxSource {
		return nil, hcl.Diagnostics{diag.Error(r, "The expression is too long", "At most %d bytes are read.", MaxSource)}
	}
	return native, nil
}

// replacement is a part of the source that a literal stands for.
type replacement struct {
	at   hcl.Range
	with string
}

// fold is the source of x with its constant parts as literals.
func fold(x hclsyntax.Expression, src []byte, scope *hcl.EvalContext) string {
	var replacements []replacement
	collect(x, scope, &replacements)
	slices.SortFunc(replacements, func(a, b replacement) int { return a.at.Start.Byte - b.at.Start.Byte })
	whole := x.Range()
	var b strings.Builder
	at := whole.Start.Byte
	for _, r := range replacements {
		b.Write(src[at:r.at.Start.Byte])
		b.WriteString(r.with)
		at = r.at.End.Byte
	}
	b.Write(src[at:whole.End.Byte])
	return strings.TrimSpace(b.String())
}

// collect finds the largest constant parts that are more than a literal.
func collect(x hclsyntax.Expression, scope *hcl.EvalContext, into *[]replacement) {
	if !mentionsEvent(x) && !needsRules(x) {
		if isPlain(x) {
			return
		}
		if v, diags := x.Value(scope); !diags.HasErrors() && v.IsWhollyKnown() {
			*into = append(*into, replacement{at: x.Range(), with: string(hclwrite.TokensForValue(v).Bytes())})
		}
		return
	}
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		collect(x.Expression, scope, into)
	case *hclsyntax.BinaryOpExpr:
		collect(x.LHS, scope, into)
		collect(x.RHS, scope, into)
	case *hclsyntax.UnaryOpExpr:
		collect(x.Val, scope, into)
	case *hclsyntax.FunctionCallExpr:
		for _, arg := range x.Args {
			collect(arg, scope, into)
		}
	case *hclsyntax.TupleConsExpr:
		for _, element := range x.Exprs {
			collect(element, scope, into)
		}
	}
}

// needsRules tells whether x calls a function that the rest of the language
// does not have.
func needsRules(x hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "matches" {
			found = true
		}
		return nil
	})
	return found
}

// isPlain tells whether x refers to nothing and calls nothing.
func isPlain(x hclsyntax.Expression) bool {
	plain := len(x.Variables()) == 0
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n.(type) {
		case *hclsyntax.FunctionCallExpr, *hclsyntax.ForExpr, *hclsyntax.ConditionalExpr:
			plain = false
		}
		return nil
	})
	return plain
}
