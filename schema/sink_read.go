package schema

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/decnet/decnet/schema/diag"
)

// at is the fault as a diagnostic: where the value stands, or the name of an
// argument that is not taken; in a body that is written as a heredoc, where its
// line stands.
func (f SinkFault) at(value, name hcl.Range, source []byte) *hcl.Diagnostic {
	d := f.placed(value, name, source)
	if f.secret {
		d.Extra = diag.Withheld{}
	}
	return d
}

func (f SinkFault) placed(value, name hcl.Range, source []byte) *hcl.Diagnostic {
	switch {
	case f.misplaced:
		return diag.Error(name, f.Summary, "%s", f.Detail)
	case f.Line == 0:
		return diag.Error(value, f.Summary, "%s", f.Detail)
	case !value.CanSliceBytes(source) || !bytes.HasPrefix(value.SliceBytes(source), []byte("<<")):
		return diag.Error(value, f.Summary, "In its line %d: %s", f.Line, f.Detail)
	}
	scanner := hcl.NewRangeScanner(source, value.Filename, bufio.ScanLines)
	for scanner.Scan() {
		if scanner.Range().Start.Line == value.Start.Line+f.Line {
			value = scanner.Range()
			break
		}
	}
	return diag.Error(value, f.Summary, "%s", f.Detail)
}

// ReadSink reads a sink block that stands outside of a configuration: in the
// daemon's own file. scope may be nil, source is the file that it stands in.
// Diagnostics have the places of what is wrong, and quote no value.
func ReadSink(block *hcl.Block, scope *hcl.EvalContext, source []byte) (Sink, hcl.Diagnostics) {
	g := &grammar{labels: []string{"name"}, arguments: sinkArgumentNames(), required: []string{"type"}}
	if d := g.checkLabels(block); d != nil {
		return Sink{}, hcl.Diagnostics{d}
	}
	s := Sink{Name: block.Labels[0]}
	content, diags := g.read(block.Body, fmt.Sprintf("sink %q", s.Name), block.DefRange)
	for _, name := range slices.Sorted(maps.Keys(content.attributes)) {
		x := content.attributes[name]
		value, found := x.Expr.Value(scope)
		diags = append(diags, found...)
		if found.HasErrors() {
			continue
		}
		if d := sinkArguments[name].set(&s, name, value, x.Expr.Range()); d != nil {
			diags = append(diags, d)
		}
	}
	if diags.HasErrors() {
		return s, diags
	}
	for _, fault := range s.Check(func(argument string) bool { return content.attributes[argument] != nil }) {
		x := content.attributes[fault.Argument]
		if x == nil {
			diags = append(diags, diag.Error(block.DefRange, fault.Summary, "%s", fault.Detail))
			continue
		}
		diags = append(diags, fault.at(x.Expr.Range(), x.NameRange, source))
	}
	return s, diags
}

// types says what a kind of argument is, for the language and for people.
func (a sinkArgument) types() (cty.Type, string) {
	switch {
	case a.list != nil:
		return cty.List(cty.String), "a list of texts"
	case a.number != nil:
		return cty.Number, "a number"
	case a.mapping != nil:
		return cty.Map(cty.String), "a map of texts"
	}
	return cty.String, "a text"
}

// set converts a value and keeps it; null is as if it were not given.
func (a sinkArgument) set(s *Sink, name string, value cty.Value, at hcl.Range) *hcl.Diagnostic {
	ty, what := a.types()
	plain, _ := value.UnmarkDeep()
	if plain.IsNull() {
		return nil
	}
	converted, err := convert.Convert(plain, ty)
	if err != nil || !converted.IsWhollyKnown() {
		return diag.Error(at, fmt.Sprintf("%s must be %s", name, what), "This is %s.", describe(plain.Type()))
	}
	return a.keep(s, name, converted, at)
}

// keep takes a value of the argument's type.
func (a sinkArgument) keep(s *Sink, name string, value cty.Value, at hcl.Range) *hcl.Diagnostic {
	switch {
	case a.text != nil:
		*a.text(s) = value.AsString()
	case a.number != nil:
		n, err := whole(value)
		if err != nil {
			return diag.Error(at, name+" is not accepted", "%s.", sentence(err.Error()))
		}
		*a.number(s) = n
	case a.list != nil:
		var all []string
		for _, v := range value.AsValueSlice() {
			if v.IsNull() {
				return diag.Error(at, name+" holds a null", "Every element is a text; compact(...) drops nulls.")
			}
			all = append(all, v.AsString())
		}
		*a.list(s) = all
	case a.mapping != nil:
		all := map[string]string{}
		for key, v := range value.AsValueMap() {
			if v.IsNull() {
				return diag.Error(at, name+" holds a null", "Every value is a text.")
			}
			all[key] = v.AsString()
		}
		*a.mapping(s) = all
	}
	return nil
}
