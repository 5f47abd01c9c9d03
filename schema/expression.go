package schema

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/function"
)

// value evaluates an expression. False: it has no value, and an error about
// that, here or at what it refers to, was reported.
func (e *evaluator) value(x *expression, scope *hcl.EvalContext) (cty.Value, bool) {
	if x.bad {
		return cty.DynamicVal, false
	}
	value, diags := x.Value(scope)
	for _, d := range diags {
		e.add(explained(WithoutSecrets(d, x, scope)))
	}
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	if !value.IsWhollyKnown() {
		if !e.diags.HasErrors() { // else what it refers to failed
			e.add(diag.Error(x.Range(), "The value is not known", "Everything must be known when it is planned."))
		}
		return cty.DynamicVal, false
	}
	return value, true
}

// explained says what to do about an error of the expression language itself.
func explained(d *hcl.Diagnostic) *hcl.Diagnostic {
	d = function.Explain(d)
	traversal, ok := d.Expression.(*hclsyntax.ScopeTraversalExpr)
	if !ok || d.Severity != hcl.DiagError {
		return d
	}
	other := map[string]string{"each": "count.index", "count": "each.key and each.value"}[traversal.Traversal.RootName()]
	if other == "" || d.Summary != "Unknown variable" {
		return d
	}
	clean := *d
	clean.Summary = fmt.Sprintf("%s has no meaning here", traversal.Traversal.RootName())
	clean.Detail = fmt.Sprintf("The block around it knows %s.", other)
	return &clean
}

// as converts a value to a type and takes its marks off. False: reported, or
// the value is null, which is as if it had not been given.
func (e *evaluator) as(x *expression, value cty.Value, ty cty.Type, what string) (v cty.Value, sensitive, ok bool) {
	sensitive = value.ContainsMarked()
	plain, _ := value.UnmarkDeep()
	if plain.IsNull() {
		return plain, sensitive, false
	}
	converted, err := convert.Convert(plain, ty)
	if err != nil {
		e.add(diag.Error(x.Range(), fmt.Sprintf("%s must be %s", x.name, what), "This is %s.", describe(plain.Type())))
		return plain, sensitive, false
	}
	return converted, sensitive, true
}

// public is as for what plans and the state show, which may not be sensitive.
func (e *evaluator) public(x *expression, value cty.Value, ty cty.Type, what string) (cty.Value, bool) {
	converted, sensitive, ok := e.as(x, value, ty, what)
	if ok && sensitive {
		e.notSensitive(x)
		return converted, false
	}
	return converted, ok
}

// describe names a type for people.
func describe(ty cty.Type) string {
	switch {
	case ty == cty.String:
		return "a text"
	case ty == cty.Number:
		return "a number"
	case ty == cty.Bool:
		return "true or false"
	case ty.IsObjectType():
		return "an object"
	case ty.IsMapType():
		return "a map"
	case ty.IsTupleType(), ty.IsListType():
		return "a list"
	case ty.IsSetType():
		return "a set"
	default:
		return ty.FriendlyName()
	}
}

// text evaluates an argument that is a string; "" where it is not given.
func (e *evaluator) text(b *block, name string, scope *hcl.EvalContext) (string, bool) {
	x, given := b.arguments[name]
	if !given {
		return "", false
	}
	value, ok := e.value(x, scope)
	if !ok {
		return "", false
	}
	return e.plainText(x, value)
}

func (e *evaluator) plainText(x *expression, value cty.Value) (string, bool) {
	converted, ok := e.public(x, value, cty.String, "a text")
	if !ok {
		return "", false
	}
	return converted.AsString(), true
}

func (e *evaluator) notSensitive(x *expression) {
	e.add(diag.Error(x.Range(), fmt.Sprintf("%s cannot be sensitive", x.name), "It shows in names, plans and the state. nonsensitive(...) says that this is meant."))
}

// flag evaluates an argument that is true or false.
func (e *evaluator) flag(b *block, name string, scope *hcl.EvalContext) bool {
	x, given := b.arguments[name]
	if !given {
		return false
	}
	value, ok := e.value(x, scope)
	if !ok {
		return false
	}
	converted, ok := e.public(x, value, cty.Bool, "true or false")
	return ok && converted.True()
}

// list evaluates an argument that is a list of texts.
func (e *evaluator) list(x *expression, scope *hcl.EvalContext) ([]string, bool) {
	if x == nil {
		return nil, false
	}
	value, ok := e.value(x, scope)
	if !ok {
		return nil, false
	}
	return e.listOf(x, value)
}

func (e *evaluator) listOf(x *expression, value cty.Value) ([]string, bool) {
	converted, ok := e.public(x, value, cty.List(cty.String), "a list of texts")
	if !ok {
		return nil, false
	}
	out := make([]string, 0, converted.LengthInt())
	for _, v := range converted.AsValueSlice() {
		if v.IsNull() {
			e.add(diag.Error(x.Range(), fmt.Sprintf("%s holds a null", x.name), "Every element is a text; compact(...) drops nulls."))
			return nil, false
		}
		out = append(out, v.AsString())
	}
	return out, true
}

// errNotWhole is what whole says of 1.5.
var errNotWhole = errors.New("it is not a whole number")

// whole is a number as an int.
func whole(value cty.Value) (int, error) {
	f := value.AsBigFloat()
	n, accuracy := f.Int64()
	switch {
	case !f.IsInt():
		return 0, errNotWhole
	case accuracy != big.Exact || n > 1<<53 || n < -1<<53:
		return 0, errors.New("it is too large")
	}
	return int(n), nil
}

// sentence is s with a capital letter at its start, unless that is an address,
// and without a full stop at its end.
func sentence(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if first, _, _ := strings.Cut(s, " "); strings.ContainsAny(first, "./") || strings.Contains(first, "::") {
		return s
	}
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
