package rule

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/event"
)

func (c *compiler) not(x *hclsyntax.UnaryOpExpr) value {
	v := c.compile(x.Val)
	if v.ty == invalid {
		return v
	}
	if x.Op != hclsyntax.OpLogicalNot || v.ty != boolean {
		c.add(diag.Error(x.Range(), "Only ! of true or false is known", "This is the %s of a %s.", "sign", v.ty))
		return value{}
	}
	test := v.test
	return value{ty: boolean, yes: v.no, no: v.yes, test: func(e *event.Event) (bool, bool) {
		b, ok := test(e)
		return !b, ok
	}}
}

func (c *compiler) binary(x *hclsyntax.BinaryOpExpr) value {
	a, b := c.compile(x.LHS), c.compile(x.RHS)
	if a.ty == invalid || b.ty == invalid {
		return value{}
	}
	switch x.Op {
	case hclsyntax.OpLogicalAnd, hclsyntax.OpLogicalOr:
		if a.ty != boolean || b.ty != boolean {
			c.add(diag.Error(x.Range(), "&& and || join conditions", "On the left is a %s, on the right a %s.", a.ty, b.ty))
			return value{}
		}
		if x.Op == hclsyntax.OpLogicalAnd {
			return and(a, b)
		}
		return or(a, b)
	case hclsyntax.OpEqual, hclsyntax.OpNotEqual:
		return c.equal(x, a, b)
	case hclsyntax.OpLessThan, hclsyntax.OpLessThanOrEqual, hclsyntax.OpGreaterThan, hclsyntax.OpGreaterThanOrEqual:
		return c.order(x, a, b)
	}
	c.add(diag.Error(x.Range(), "Rules do not calculate with events", "Compare fields with == != < <= > >=."))
	return value{}
}

// and is false where either side is false, whatever the other lacks.
func and(a, b value) value {
	left, right := a.test, b.test
	return value{ty: boolean, yes: a.yes & b.yes, no: a.no | b.no, test: func(e *event.Event) (bool, bool) {
		x, okX := left(e)
		if okX && !x {
			return false, true
		}
		y, okY := right(e)
		if okY && !y {
			return false, true
		}
		return okX && okY, okX && okY
	}}
}

// or is true where either side is true, whatever the other lacks.
func or(a, b value) value {
	left, right := a.test, b.test
	return value{ty: boolean, yes: a.yes | b.yes, no: a.no & b.no, test: func(e *event.Event) (bool, bool) {
		x, okX := left(e)
		if okX && x {
			return true, true
		}
		y, okY := right(e)
		if okY && y {
			return true, true
		}
		return false, okX && okY
	}}
}

func (c *compiler) equal(x *hclsyntax.BinaryOpExpr, a, b value) value {
	if a.ty != b.ty || a.ty == texts || a.ty == numbers {
		detail := "On the left is a %s, on the right a %s."
		if a.ty == number && b.ty == text || a.ty == text && b.ty == number {
			detail += " A number stands without quotes, a text in them."
		}
		if a.ty == texts || b.ty == texts || a.ty == numbers || b.ty == numbers {
			detail += " contains(list, value) asks whether a value is in a list."
		}
		c.add(diag.Error(x.Range(), "These cannot be equal", detail, a.ty, b.ty))
		return value{}
	}
	out := value{ty: boolean, yes: a.yes & b.yes, no: a.no & b.no}
	switch a.ty {
	case text:
		out.test = same(a.text, b.text)
		if !c.kindLiteral(x, a, b, &out) {
			return value{}
		}
	case number:
		out.test = same(a.number, b.number)
	default:
		out.test = same(a.test, b.test)
		out.yes, out.no = a.yes&b.yes|a.no&b.no, a.yes&b.no|a.no&b.yes
	}
	if x.Op == hclsyntax.OpNotEqual {
		test := out.test
		out.test = func(e *event.Event) (bool, bool) { v, ok := test(e); return !v, ok }
		out.yes, out.no = out.no, out.yes
	}
	return out
}

// kindLiteral checks a comparison of event.kind with a text, and notes which
// kinds it leaves.
func (c *compiler) kindLiteral(x *hclsyntax.BinaryOpExpr, a, b value, out *value) bool {
	at := x.RHS
	if b.isKind {
		a, b, at = b, a, x.LHS
	}
	if !a.isKind || b.literal == nil {
		return true
	}
	if !c.knownKind(*b.literal, at.Range()) {
		return false
	}
	out.yes = kindOf(event.Kind(*b.literal))
	out.no = every &^ out.yes
	return true
}

func (c *compiler) knownKind(name string, at hcl.Range) bool {
	if kindOf(event.Kind(name)) != 0 {
		return true
	}
	choices := make([]string, 0, len(kindNames))
	for _, k := range kindNames {
		choices = append(choices, string(k))
	}
	c.add(diag.Unknown(at, "kind of event", name, choices))
	return false
}

func same[T comparable](a, b func(*event.Event) (T, bool)) func(*event.Event) (bool, bool) {
	return func(e *event.Event) (bool, bool) {
		x, okX := a(e)
		if !okX {
			return false, false
		}
		y, okY := b(e)
		return x == y, okY
	}
}

func (c *compiler) order(x *hclsyntax.BinaryOpExpr, a, b value) value {
	if a.ty != number || b.ty != number {
		c.add(diag.Error(x.Range(), "Only numbers are less or greater", "On the left is a %s, on the right a %s.", a.ty, b.ty))
		return value{}
	}
	var holds func(p, q float64) bool
	switch x.Op {
	case hclsyntax.OpLessThan:
		holds = func(p, q float64) bool { return p < q }
	case hclsyntax.OpLessThanOrEqual:
		holds = func(p, q float64) bool { return p <= q }
	case hclsyntax.OpGreaterThan:
		holds = func(p, q float64) bool { return p > q }
	default:
		holds = func(p, q float64) bool { return p >= q }
	}
	left, right := a.number, b.number
	return value{ty: boolean, yes: a.yes & b.yes, no: a.no & b.no, test: func(e *event.Event) (bool, bool) {
		p, okP := left(e)
		if !okP {
			return false, false
		}
		q, okQ := right(e)
		return holds(p, q), okQ
	}}
}
