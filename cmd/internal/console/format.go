package console

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// Format is a value as an expression that has it, except for what is sensitive:
// that is not shown.
func Format(v cty.Value) string {
	var b strings.Builder
	format(&b, v, 0)
	return b.String()
}

func format(b *strings.Builder, v cty.Value, depth int) {
	ty := v.Type()
	switch {
	case v.IsMarked():
		b.WriteString("(sensitive value)")
	case !v.IsKnown():
		b.WriteString("(not known)")
	case v.IsNull():
		b.WriteString(null(ty))
	case ty == cty.String && multiline(v.AsString()):
		heredoc(b, v.AsString())
	case ty.IsPrimitiveType():
		b.Write(hclwrite.TokensForValue(v).Bytes())
	case ty.IsSetType():
		sequence(b, v, "toset([", "])", depth)
	case ty.IsListType():
		sequence(b, v, "tolist([", "])", depth)
	case ty.IsTupleType():
		sequence(b, v, "[", "]", depth)
	case ty.IsMapType():
		object(b, v, "tomap({", "})", depth)
	case ty.IsObjectType():
		object(b, v, "{", "}", depth)
	default:
		fmt.Fprintf(b, "(%s)", ty.FriendlyName())
	}
}

// null is a null of a type.
func null(ty cty.Type) string {
	if ty.IsPrimitiveType() {
		return fmt.Sprintf("to%s(null)", ty.FriendlyName())
	}
	return "null"
}

// multiline tells whether a text reads better as a heredoc: it has several
// lines, and nothing that a heredoc would show as it is not.
func multiline(s string) bool {
	if !strings.Contains(s, "\n") || !strings.HasSuffix(s, "\n") || strings.Contains(s, "${") || strings.Contains(s, "%{") {
		return false
	}
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) == "EOT" {
			return false
		}
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f })
}

func heredoc(b *strings.Builder, s string) {
	b.WriteString("<<EOT\n" + s + "EOT")
}

func sequence(b *strings.Builder, v cty.Value, left, right string, depth int) {
	b.WriteString(left)
	n := 0
	for it := v.ElementIterator(); it.Next(); n++ {
		_, element := it.Element()
		indent(b, depth+1)
		format(b, element, depth+1)
		if heredocIn(element) {
			b.WriteByte('\n') // its end stands alone on a line
		}
		b.WriteByte(',')
	}
	if n > 0 {
		indent(b, depth)
	}
	b.WriteString(right)
}

// heredocIn tells whether a value is shown as a heredoc.
func heredocIn(v cty.Value) bool {
	return !v.IsMarked() && v.IsKnown() && !v.IsNull() && v.Type() == cty.String && multiline(v.AsString())
}

func object(b *strings.Builder, v cty.Value, left, right string, depth int) {
	b.WriteString(left)
	values := v.AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		indent(b, depth+1)
		if hclsyntax.ValidIdentifier(name) && name != "for" {
			b.WriteString(name)
		} else {
			b.Write(hclwrite.TokensForValue(cty.StringVal(name)).Bytes())
		}
		b.WriteString(" = ")
		format(b, values[name], depth+1)
	}
	if len(values) > 0 {
		indent(b, depth)
	}
	b.WriteString(right)
}

func indent(b *strings.Builder, depth int) {
	b.WriteByte('\n')
	b.WriteString(strings.Repeat("  ", depth))
}

// typeOf is a value's type as a type constraint.
func typeOf(v cty.Value) string {
	v, _ = v.UnmarkDeep()
	return typeexpr.TypeString(v.Type())
}
