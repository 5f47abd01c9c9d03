package schema

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/decnet/decnet/schema/diag"
)

var dynamicGrammar = &grammar{
	labels: []string{"type of block"}, arguments: []string{"for_each", "iterator", "labels"}, required: []string{"for_each"},
	blocks: map[string]*grammar{"content": {free: true, blocks: map[string]*grammar{"lifecycle": lifecycleGrammar}}},
}

// dynamicService is a dynamic "service" block: one service for each element.
type dynamicService struct {
	forEach  *expression
	iterator string
	labels   []*expression // of the slug and, if any, of the label
}

// dynamic takes in a dynamic block of b.
func (l *loader) dynamic(b *block, inner *hcl.Block) {
	if of := inner.Labels[0]; of != "service" {
		d := diag.Unknown(inner.LabelRanges[0], "block that can be dynamic", of, []string{"service"})
		d.Summary = fmt.Sprintf("%q cannot be dynamic", of)
		if of == "lifecycle" {
			d.Detail = "The arguments of lifecycle take expressions, so it need not be dynamic: prevent_destroy = var.protect."
		}
		l.add(d)
		return
	}
	got, diags := dynamicGrammar.read(inner.Body, "dynamic \"service\"", inner.DefRange)
	l.add(diags...)
	made := &dynamicService{iterator: "service"}
	if a, given := got.attributes["iterator"]; given {
		if made.iterator = hcl.ExprAsKeyword(a.Expr); made.iterator == "" || slices.Contains(roots, made.iterator) || made.iterator == "self" {
			l.add(diag.Error(a.Expr.Range(), "This is no name for an iterator", "Write a word of your own without quotes, such as iterator = port; it becomes port.key and port.value."))
			return
		}
	}
	if len(got.blocks) != 1 {
		if !diags.HasErrors() {
			l.add(diag.Error(inner.DefRange, "A dynamic block has one content block", "Write content { ... } with the arguments of each service in it."))
		}
		return
	}
	s := &serviceBlock{declared: inner.DefRange, slugRange: inner.LabelRanges[0], dynamic: made}
	if a, given := got.attributes["for_each"]; given {
		made.forEach = l.expressions(hcl.Attributes{"for_each": a}, "dynamic "+b.kind)["for_each"]
	}
	if !l.dynamicLabels(b, s, got.attributes["labels"], inner.DefRange) || made.forEach == nil {
		return
	}
	body, diags := dynamicGrammar.blocks["content"].read(got.blocks[0].Body, "content", got.blocks[0].DefRange)
	l.add(diags...)
	s.arguments = l.iterated(body.attributes, b.kind, made.iterator)
	s.arguments[dynamicForEach] = made.forEach
	for i, x := range made.labels {
		s.arguments[fmt.Sprint(dynamicLabel, i)] = x
	}
	l.serviceLifecycle(b, s, body.blocks)
	b.services = append(b.services, s)
}

// The names of a dynamic block's own expressions among the arguments of its
// service, where no identifier can stand in their way.
const (
	dynamicForEach = "\x00for_each"
	dynamicLabel   = "\x00label "
)

// dynamicLabels reads labels = [service.value.slug, service.key].
func (l *loader) dynamicLabels(b *block, s *serviceBlock, a *hcl.Attribute, at hcl.Range) bool {
	const advice = "Write labels = [\"http\", service.key]: the slug, and a label where a slug comes more than once."
	if a == nil {
		l.add(diag.Error(at, "labels is missing in dynamic \"service\"", "%s", advice))
		return false
	}
	items, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() || len(items) == 0 || len(items) > 2 {
		l.add(diag.Error(a.Expr.Range(), "labels is a list of one or two texts", "%s", advice))
		return false
	}
	for _, item := range items {
		one := &hcl.Attribute{Name: "labels", Expr: item, NameRange: a.NameRange, Range: a.Range}
		s.dynamic.labels = append(s.dynamic.labels, l.iterated(hcl.Attributes{"labels": one}, b.kind, s.dynamic.iterator)["labels"])
	}
	return true
}

// iterated is arguments for expressions in which an iterator is known.
func (l *loader) iterated(attributes hcl.Attributes, kind, iterator string) map[string]*expression {
	l.iterator = iterator
	defer func() { l.iterator = "" }()
	return l.arguments(attributes, kind)
}

// expandDynamic evaluates a dynamic block to its services.
func (e *evaluator) expandDynamic(inner *serviceBlock, scope *hcl.EvalContext) []*serviceDraft {
	x := inner.dynamic.forEach
	value, ok := e.value(x, scope)
	if !ok {
		return nil
	}
	if value.ContainsMarked() {
		e.notSensitive(x)
		return nil
	}
	if value.IsNull() || !value.CanIterateElements() {
		e.add(diag.Error(x.Range(), "for_each is a list, a set, a map or an object", "This is %s.", describe(value.Type())))
		return nil
	}
	if value.LengthInt() > maxDynamic {
		e.add(diag.Error(x.Range(), "for_each has too many elements", "A decky has at most %d services.", maxDynamic))
		return nil
	}
	isSet := value.Type().IsSetType()
	var out []*serviceDraft
	for it := value.ElementIterator(); it.Next(); {
		key, element := it.Element()
		if isSet {
			key = element
		}
		child := scope.NewChild()
		iteration := map[string]cty.Value{inner.dynamic.iterator: cty.ObjectVal(map[string]cty.Value{"key": key, "value": element})}
		child.Variables = iteration
		labels, ok := e.labelsOf(inner, child)
		if !ok {
			return out
		}
		one := *inner
		if one.slug = labels[0]; len(labels) > 1 {
			one.label = labels[1]
		}
		one.slugRange = inner.dynamic.labels[0].Range()
		draft := e.draft(&one, child)
		draft.iteration = iteration
		out = append(out, draft)
	}
	return out
}

// maxDynamic is how many services one dynamic block makes at most: there are no
// more ports.
const maxDynamic = 65535

// labelsOf evaluates the labels of one service.
func (e *evaluator) labelsOf(inner *serviceBlock, scope *hcl.EvalContext) ([]string, bool) {
	var out []string
	for i, x := range inner.dynamic.labels {
		value, ok := e.value(x, scope)
		if !ok {
			return nil, false
		}
		if value.IsNull() && i == 1 {
			continue // no label
		}
		plain, _ := value.Unmark()
		text, err := convert.Convert(plain, cty.String)
		switch {
		case err != nil || text.IsNull():
			e.add(diag.Error(x.Range(), "A label is a text", "This is %s.", describe(value.Type())))
			return nil, false
		case value.ContainsMarked():
			e.notSensitive(x)
			return nil, false
		case !hclsyntax.ValidIdentifier(text.AsString()):
			e.add(diag.Error(x.Range(), fmt.Sprintf("%q is no label", text.AsString()),
				"A label starts with a letter or an underscore and goes on with letters, digits, underscores and hyphens."))
			return nil, false
		}
		out = append(out, text.AsString())
	}
	return out, true
}

// eachOf walks what for_each gives, a map or a set of texts, until f says no.
func (e *evaluator) eachOf(x *expression, value cty.Value, f func(key, element cty.Value) bool) bool {
	if value.ContainsMarked() {
		e.notSensitive(x)
		return false
	}
	ty := value.Type()
	isMap := ty.IsMapType() || ty.IsObjectType()
	isSet := !value.IsNull() && ty.IsSetType() && (ty.ElementType() == cty.String || value.LengthInt() == 0)
	if value.IsNull() || !isMap && !isSet {
		e.add(diag.Error(x.Range(), "for_each is a map or a set of texts", "This is %s. toset([...]) makes a set of a list.", describe(ty)))
		return false
	}
	good := true
	for it := value.ElementIterator(); it.Next(); {
		key, element := it.Element()
		if isSet {
			key = element
		}
		if key.IsNull() || key.AsString() == "" {
			e.add(diag.Error(x.Range(), "A key of for_each is empty", "Every key names an instance."))
			good = false
			continue
		}
		if !f(key, element) {
			return false
		}
	}
	return good
}

// isOwn tells whether an argument is a dynamic block's own, not its service's.
func isOwn(name string) bool { return name[0] == 0 }
