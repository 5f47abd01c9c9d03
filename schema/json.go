package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/diag"
)

// isJSON tells whether a file is in HCL's JSON syntax.
func isJSON(name string) bool { return strings.HasSuffix(name, ".json") }

// parseJSON parses a file in HCL's JSON syntax.
func (l *loader) parseJSON(src []byte, label string) *hcl.File {
	file, diags := hcljson.Parse(src, label)
	if file == nil {
		file = &hcl.File{Bytes: src}
	}
	l.configuration.files[label] = file
	l.fatal = append(l.fatal, diags...)
	if diags.HasErrors() {
		return nil
	}
	return file
}

// readJSON checks a body in JSON syntax against the grammar. A label that may be
// left out follows the one before after a dot: "service": {"http.admin": {}}.
func (g *grammar) readJSON(body hcl.Body, where string, at hcl.Range) (content, hcl.Diagnostics) {
	var s hcl.BodySchema
	for _, name := range g.arguments {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(g.blocks)) {
		inner := g.blocks[name]
		s.Blocks = append(s.Blocks, hcl.BlockHeaderSchema{Type: name, LabelNames: inner.labels[:len(inner.labels)-inner.optional]})
	}
	got, rest, diags := body.PartialContent(&s)
	c := content{attributes: got.Attributes}
	others, more := rest.JustAttributes()
	diags = append(diags, more...)
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if g.free {
			c.attributes[name] = others[name]
			continue
		}
		d := diag.Unknown(others[name].NameRange, "argument", name, append(slices.Collect(maps.Keys(g.blocks)), g.arguments...))
		d.Summary = fmt.Sprintf("There is no argument or block %q in %s", name, where)
		if where == "" {
			d.Summary = fmt.Sprintf("There is no block %q", name)
		}
		diags = append(diags, d)
	}
	for _, block := range got.Blocks {
		inner := g.blocks[block.Type]
		if n := len(block.Labels); n > 0 && inner.optional > 0 {
			if first, second, found := strings.Cut(block.Labels[n-1], "."); found {
				block.Labels = append(slices.Clone(block.Labels[:n-1]), first, second)
				block.LabelRanges = append(slices.Clone(block.LabelRanges), block.LabelRanges[n-1])
			}
		}
		if d := inner.checkLabels(block); d != nil {
			diags = append(diags, d)
			continue
		}
		c.blocks = append(c.blocks, block)
	}
	for _, name := range g.required {
		if _, given := got.Attributes[name]; !given {
			diags = append(diags, missing(at, name, where))
		}
	}
	return c, diags
}

// overEvent is an expression over events in JSON, where it is a text that holds
// one, or a list of such texts.
func (l *loader) overEvent(x *expression) bool {
	text, ok := heldText(x.Expression)
	if items, diags := hcl.ExprList(x.Expression); !ok && !diags.HasErrors() {
		parts := make([]string, 0, len(items))
		ok = true
		for _, item := range items {
			part, isText := heldText(item)
			ok = ok && isText
			parts = append(parts, part)
		}
		text = "[" + strings.Join(parts, ", ") + "]"
	}
	if !ok {
		l.add(diag.Error(x.Range(), fmt.Sprintf("%s must be a text that holds an expression", x.name), "In JSON write it in quotes: \"event.kind == \\\"command\\\"\"."))
		return false
	}
	native, d := parseHeld(text, x.Range())
	if d != nil {
		l.add(d)
		return false
	}
	x.Expression, x.text, x.whole = native, text, x.Range()
	return true
}

// heldText is the text that a JSON expression is, not read as a template.
func heldText(x hcl.Expression) (string, bool) {
	value, diags := x.Value(nil)
	if diags.HasErrors() || value.IsNull() || value.Type() != cty.String {
		return "", false
	}
	return value.AsString(), true
}

// parseHeld parses an expression that a JSON text holds. Its places are those
// in the file as long as nothing before them is escaped.
func parseHeld(text string, at hcl.Range) (hclsyntax.Expression, *hcl.Diagnostic) {
	if _, deep := tooDeep([]byte(text), at.Filename); deep {
		return nil, nestingError(at)
	}
	start := at.Start
	start.Byte, start.Column = start.Byte+1, start.Column+1 // the quote
	native, diags := hclsyntax.ParseExpression([]byte(text), at.Filename, start)
	if diags.HasErrors() {
		return nil, diag.Error(at, diags[0].Summary, "The text must hold one expression. %s", diags[0].Detail)
	}
	return native, nil
}
