// Package rule is the expression language of detection rules: conditions and
// keys over one event, checked when a configuration is planned and compiled
// once to closures, so that judging an event costs no reflection and no cty
// value. It knows fields, operators and a few functions, and refuses everything
// else; it holds no window, no threshold and no state, those are intel's.
//
// A field that an event's kind lacks has no value. An operator or function
// without a value has none either, except that false && x is false and
// true || x is true; a condition without a value is false. So
// !event.success is true of failed logins only, not of every other event.
//
// The language:
//
//	event.FIELD                      see Fields
//	"text" 12 true [ "a", "b" ]      literals; lists are literals only
//	== != < <= > >= && || ! ( )
//	contains(list, v)  startswith(s, prefix)  endswith(s, suffix)  strcontains(s, part)
//	matches(pattern, s)              RE2, unanchored
//	lower(s)  upper(s)  length(s)    length in characters
package rule

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/event"
)

// MaxSource is how many bytes an expression may have.
const MaxSource = 64 << 10

const maxNesting = 200

// Condition is a compiled condition. The zero Condition matches nothing.
type Condition struct {
	source string
	test   func(*event.Event) (bool, bool)
}

// Match tells whether the condition is true of an event. It may be called from
// many goroutines at once.
func (c Condition) Match(e *event.Event) bool {
	if c.test == nil {
		return false
	}
	yes, ok := c.test(e)
	return ok && yes
}

// String is the source.
func (c Condition) String() string { return c.source }

// Key is a compiled key: what by and distinct say.
type Key struct {
	source string
	parts  []func(*event.Event) (string, bool)
}

// Of is the key of an event; false where the event's kind lacks a field of it.
// The parts of a list are joined by NUL.
func (k Key) Of(e *event.Event) (string, bool) {
	if len(k.parts) == 1 {
		return k.parts[0](e)
	}
	var b strings.Builder
	for i, part := range k.parts {
		s, ok := part(e)
		if !ok {
			return "", false
		}
		if i > 0 {
			b.WriteByte(0)
		}
		b.WriteString(s)
	}
	return b.String(), len(k.parts) > 0
}

// String is the source.
func (k Key) String() string { return k.source }

// Compile reads a condition as a plan stores it: with no references but event.
func Compile(src string) (Condition, hcl.Diagnostics) {
	x, diags := parse(src)
	if diags.HasErrors() {
		return Condition{}, diags
	}
	return compileCondition(x, src, nil)
}

// CompileKey reads a key as a plan stores it: one expression, or a list of
// them.
func CompileKey(src string) (Key, hcl.Diagnostics) {
	x, diags := parse(src)
	if diags.HasErrors() {
		return Key{}, diags
	}
	return compileKey(x, src, nil)
}

func compileCondition(x hclsyntax.Expression, src string, scope *hcl.EvalContext) (Condition, hcl.Diagnostics) {
	c := &compiler{scope: scope}
	v := c.compile(x)
	if v.ty != boolean && v.ty != invalid {
		c.add(diag.Error(x.Range(), "A condition is true or false", "This is %s. Compare it with something.", v.ty))
	}
	if v.ty == boolean && len(c.diags) == 0 && v.yes == 0 {
		c.add(diag.Error(x.Range(), "This condition can never be true", "%s", c.contradiction()))
	}
	if len(c.diags) > 0 {
		return Condition{}, c.diags
	}
	return Condition{source: src, test: v.test}, nil
}

func compileKey(x hclsyntax.Expression, src string, scope *hcl.EvalContext) (Key, hcl.Diagnostics) {
	c := &compiler{scope: scope}
	parts := []hclsyntax.Expression{x}
	if tuple, ok := unwrap(x).(*hclsyntax.TupleConsExpr); ok {
		parts = tuple.Exprs
	}
	k := Key{source: src}
	for _, part := range parts {
		v := c.compile(part)
		switch v.ty {
		case text:
			k.parts = append(k.parts, v.text)
		case number:
			n := v.number
			k.parts = append(k.parts, func(e *event.Event) (string, bool) {
				f, ok := n(e)
				return strconv.FormatFloat(f, 'f', -1, 64), ok
			})
		case boolean:
			test := v.test
			k.parts = append(k.parts, func(e *event.Event) (string, bool) {
				b, ok := test(e)
				return strconv.FormatBool(b), ok
			})
		case texts, numbers:
			c.add(diag.Error(part.Range(), "A key is a text, a number or true or false", "This is a list."))
		}
	}
	if len(parts) == 0 {
		c.add(diag.Error(x.Range(), "A key names at least one field", "Write event.source, or [event.source, event.decky]."))
	}
	if len(c.diags) > 0 {
		return Key{}, c.diags
	}
	return k, nil
}

func parse(src string) (hclsyntax.Expression, hcl.Diagnostics) {
	at := hcl.Range{Filename: "rule", Start: hcl.InitialPos, End: hcl.InitialPos}
	if len(src) > MaxSource {
		return nil, hcl.Diagnostics{diag.Error(at, "The expression is too long", "At most %d bytes are read.", MaxSource)}
	}
	depth := 0
	for _, c := range []byte(src) {
		switch c {
		case '(', '[', '{':
			if depth++; depth > maxNesting {
				return nil, hcl.Diagnostics{diag.Error(at, "Brackets nest too deep", "At most %d levels are read.", maxNesting)}
			}
		case ')', ']', '}':
			depth--
		}
	}
	return hclsyntax.ParseExpression([]byte(src), "rule", hcl.InitialPos)
}

// unwrap is x without the parentheses around it.
func unwrap(x hclsyntax.Expression) hclsyntax.Expression {
	for {
		p, ok := x.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return x
		}
		x = p.Expression
	}
}
