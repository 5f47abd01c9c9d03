package rule

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/event"
)

// kind is the type of a value of the language.
type kind int

const (
	invalid kind = iota // reported
	boolean
	text
	number
	texts
	numbers
)

func (k kind) String() string {
	return [...]string{"nothing", "true or false", "text", "number", "list of texts", "list of numbers"}[k]
}

// value is a compiled expression: the closure of its type, or a list.
type value struct {
	ty      kind
	test    func(*event.Event) (bool, bool)
	text    func(*event.Event) (string, bool)
	number  func(*event.Event) (float64, bool)
	texts   []string
	numbers []float64
	// literal is set for a text known at compile time.
	literal *string
	// isKind: this is event.kind.
	isKind bool
	// yes and no are the kinds of event for which it can be true and false;
	// for what is no boolean both are the kinds that have a value.
	yes, no kinds
}

// compiler compiles one expression and collects what is wrong with it.
type compiler struct {
	scope *hcl.EvalContext // of what is no event; nil: literals only
	diags hcl.Diagnostics
	used  []*field
}

func (c *compiler) add(d *hcl.Diagnostic) { c.diags = append(c.diags, d) }

// contradiction says which fields exclude each other.
func (c *compiler) contradiction() string {
	for _, f := range c.used {
		if f.kinds != every {
			return fmt.Sprintf("Its parts are about events of different kinds: event.%s exists only in %s.", f.name, f.kinds)
		}
	}
	return "Its parts exclude each other."
}

func (c *compiler) compile(x hclsyntax.Expression) value {
	x = unwrap(x)
	switch x := x.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		if x.Traversal.RootName() == "event" {
			return c.field(x.Traversal)
		}
	case *hclsyntax.BinaryOpExpr:
		if mentionsEvent(x) || hasOwnFunction(x) {
			return c.binary(x)
		}
	case *hclsyntax.UnaryOpExpr:
		if mentionsEvent(x) || hasOwnFunction(x) {
			return c.not(x)
		}
	case *hclsyntax.FunctionCallExpr:
		if _, own := functions[x.Name]; own {
			return c.call(x)
		}
		if c.scope == nil || mentionsEvent(x) {
			c.add(diag.Unknown(x.NameRange, "function of rules", x.Name, functionNames()))
			return value{}
		}
	}
	if mentionsEvent(x) {
		c.add(diag.Error(x.Range(), "A rule cannot say this",
			"Rules compare fields of event with == != < <= > >=, join comparisons with && || !, and call %s.", joined(functionNames())))
		return value{}
	}
	return c.constant(x)
}

// mentionsEvent tells whether an expression depends on the event.
func mentionsEvent(x hclsyntax.Expression) bool {
	for _, traversal := range x.Variables() {
		if traversal.RootName() == "event" {
			return true
		}
	}
	return false
}

// hasOwnFunction tells whether a function that only rules have is called in x.
func hasOwnFunction(x hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(x, func(n hclsyntax.Node) hcl.Diagnostics {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok {
			if _, own := functions[call.Name]; own {
				found = true
			}
		}
		return nil
	})
	return found
}

func (c *compiler) field(traversal hcl.Traversal) value {
	at := traversal.SourceRange()
	if len(traversal) != 2 {
		c.add(diag.Error(at, "An event's fields have one name", "Write event.FIELD, such as event.source."))
		return value{}
	}
	attribute, ok := traversal[1].(hcl.TraverseAttr)
	if !ok {
		c.add(diag.Error(at, "An event's fields have one name", "Write event.FIELD, such as event.source."))
		return value{}
	}
	f := byName[attribute.Name]
	if f == nil {
		c.add(diag.Unknown(attribute.SrcRange, "field of event", attribute.Name, fieldNames()))
		return value{}
	}
	c.used = append(c.used, f)
	v := f.value()
	v.isKind = f.name == "kind"
	return v
}

// constant evaluates what does not depend on the event.
func (c *compiler) constant(x hclsyntax.Expression) value {
	v, diags := x.Value(c.scope)
	if diags.HasErrors() {
		c.diags = append(c.diags, diags...)
		return value{}
	}
	if v.ContainsMarked() {
		c.add(diag.Error(x.Range(), "A rule cannot hold a sensitive value", "State and plans show rules. nonsensitive(...) says that this is meant."))
		return value{}
	}
	if out, ok := literal(v); ok {
		return out
	}
	if v.IsWhollyKnown() {
		c.add(diag.Error(x.Range(), "A rule cannot use this value", "It is text, number, true or false, or a list of texts or of numbers."))
	}
	return value{}
}

// literal is a cty value as a value of the language.
func literal(v cty.Value) (value, bool) {
	if !v.IsWhollyKnown() || v.IsNull() {
		return value{}, false
	}
	switch ty := v.Type(); {
	case ty == cty.String:
		s := v.AsString()
		return value{ty: text, literal: &s, yes: every, no: every, text: func(*event.Event) (string, bool) { return s, true }}, true
	case ty == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		return value{ty: number, yes: every, no: every, number: func(*event.Event) (float64, bool) { return f, true }}, true
	case ty == cty.Bool:
		b := v.True()
		out := value{ty: boolean, test: func(*event.Event) (bool, bool) { return b, true }}
		if b {
			out.yes = every
		} else {
			out.no = every
		}
		return out, true
	case ty.IsTupleType(), ty.IsListType(), ty.IsSetType():
		return literalList(v)
	}
	return value{}, false
}

func literalList(v cty.Value) (value, bool) {
	out := value{ty: texts, yes: every, no: every}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		switch {
		case element.IsNull():
			return value{}, false
		case element.Type() == cty.String:
			out.texts = append(out.texts, element.AsString())
		case element.Type() == cty.Number:
			f, _ := element.AsBigFloat().Float64()
			out.numbers = append(out.numbers, f)
		default:
			return value{}, false
		}
	}
	if len(out.texts) > 0 && len(out.numbers) > 0 {
		return value{}, false
	}
	if len(out.numbers) > 0 {
		out.ty = numbers
	}
	return out, true
}
