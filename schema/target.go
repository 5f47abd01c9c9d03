package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// target is an address as an expression writes it: decky.web[0].service.ssh.
type target struct {
	steps []addr.Step
	at    hcl.Range
	// key is the key of one step where it is no literal:
	// decky.web[count.index].
	key      *expression
	computed int // which step that is
}

// planned are the types of block that become instances.
var planned = []string{"decky", "network", "rule", "sink"}

// address is the target's, where its key is a literal.
func (t *target) address() addr.Address { return addr.Of(t.steps...) }

// whole tells whether the target is a block, not one of its instances.
func (t *target) whole() bool {
	return t.key == nil && t.steps[len(t.steps)-1].Key.Kind == addr.KeyNone
}

// target reads an expression that is the address of an instance or a block;
// refer takes in the key's references, nil where the key must be a literal.
func (l *loader) target(x hcl.Expression, refer func(*expression) bool) (*target, bool) {
	t := &target{at: x.Range()}
	native, d := nativeExpression(x)
	if d != nil {
		l.add(d)
		return nil, false
	}
	traversal, key := splitTarget(native)
	if traversal == nil {
		l.add(diag.Error(t.at, "This is no address", "Write decky.NAME, decky.NAME[0], decky.NAME[\"key\"] or decky.NAME.service.SLUG, without quotes."))
		return nil, false
	}
	if d := t.read(traversal); d != nil {
		l.add(d)
		return nil, false
	}
	if key == nil {
		return t, true
	}
	t.key = &expression{Expression: key, name: "key", nameRange: key.Range()}
	if refer == nil {
		l.add(diag.Error(key.Range(), "The key must be a plain value", "Write a number or a text in quotes."))
		return nil, false
	}
	return t, refer(t.key)
}

// nativeExpression is x in the native syntax; in JSON an address or a condition
// is a text that holds one.
func nativeExpression(x hcl.Expression) (hclsyntax.Expression, *hcl.Diagnostic) {
	if native, ok := x.(hclsyntax.Expression); ok {
		return native, nil
	}
	text, ok := heldText(x)
	if !ok {
		return nil, diag.Error(x.Range(), "This must be a text that holds an address", "In JSON write it in quotes: \"decky.web[0]\".")
	}
	return parseHeld(text, x.Range())
}

// splitTarget is the traversal that an expression writes, with the one key that
// is computed in place of an index.
func splitTarget(x hclsyntax.Expression) (hcl.Traversal, hclsyntax.Expression) {
	if traversal, diags := hcl.AbsTraversalForExpr(x); !diags.HasErrors() {
		return traversal, nil
	}
	switch x := x.(type) {
	case *hclsyntax.IndexExpr:
		if traversal, diags := hcl.AbsTraversalForExpr(x.Collection); !diags.HasErrors() {
			return append(slices.Clone(traversal), hcl.TraverseIndex{Key: cty.NullVal(cty.String), SrcRange: x.BracketRange}), x.Key
		}
	case *hclsyntax.RelativeTraversalExpr:
		if traversal, key := splitTarget(x.Source); traversal != nil {
			return append(traversal, x.Traversal...), key
		}
	}
	return nil, nil
}

// read takes the steps from a traversal.
func (t *target) read(traversal hcl.Traversal) *hcl.Diagnostic {
	ty := traversal.RootName()
	rest := traversal[1:]
	for {
		if ty == "module" && (len(t.steps) == 0 || t.steps[len(t.steps)-1].Type == "module") {
			var d *hcl.Diagnostic
			if ty, rest, d = t.module(rest); d != nil || ty == "" {
				return d
			}
			continue
		}
		if !slices.Contains(planned, ty) && (ty != "service" || len(t.steps) == 0 || t.steps[len(t.steps)-1].Type != "decky") {
			d := diag.Unknown(t.at, "type of instance", ty, planned)
			if slices.Contains(roots, ty) {
				d = diag.Error(t.at, fmt.Sprintf("%s is no instance", ty), "Instances are decky.NAME, network.NAME, rule.NAME, sink.NAME and decky.NAME.service.SLUG.")
			}
			return d
		}
		if len(rest) == 0 {
			return diag.Error(t.at, fmt.Sprintf("A name must follow %s", ty), "Write %s.NAME.", ty)
		}
		name, ok := rest[0].(hcl.TraverseAttr)
		if !ok {
			return diag.Error(t.at, fmt.Sprintf("A name must follow %s", ty), "Write %s.NAME.", ty)
		}
		step := addr.Step{Type: ty, Name: name.Name}
		if rest = rest[1:]; len(rest) > 0 {
			if index, ok := rest[0].(hcl.TraverseIndex); ok {
				if d := t.readKey(&step, index); d != nil {
					return d
				}
				if ty != "decky" && ty != "service" {
					return diag.Error(t.at, fmt.Sprintf("%s has no key", ty), "Only deckies are counted. Write %s.%s.", ty, step.Name)
				}
				rest = rest[1:]
			}
		}
		t.steps = append(t.steps, step)
		if len(rest) == 0 {
			return nil
		}
		next, ok := rest[0].(hcl.TraverseAttr)
		if !ok || next.Name != "service" || ty != "decky" {
			return diag.Error(t.at, "This is no address of an instance", "After %s only .service.SLUG of a decky may follow; an attribute is no instance.", addr.Of(t.steps...))
		}
		ty, rest = "service", rest[1:]
	}
}

// module reads a module's name and key, and returns the type of what follows;
// "" where nothing does.
func (t *target) module(rest hcl.Traversal) (string, hcl.Traversal, *hcl.Diagnostic) {
	name, ok := hcl.Traverser(nil), false
	if len(rest) > 0 {
		name = rest[0]
		_, ok = name.(hcl.TraverseAttr)
	}
	if !ok {
		return "", nil, diag.Error(t.at, "A name must follow module", "Write module.NAME.")
	}
	step := addr.Step{Type: "module", Name: name.(hcl.TraverseAttr).Name}
	if rest = rest[1:]; len(rest) > 0 {
		if index, keyed := rest[0].(hcl.TraverseIndex); keyed {
			if d := t.readKey(&step, index); d != nil {
				return "", nil, d
			}
			rest = rest[1:]
		}
	}
	t.steps = append(t.steps, step)
	if len(rest) == 0 {
		return "", nil, nil
	}
	next, ok := rest[0].(hcl.TraverseAttr)
	if !ok {
		return "", nil, diag.Error(t.at, "This is no address of an instance", "After %s an address in the module may follow: .decky.NAME.", addr.Of(t.steps...))
	}
	return next.Name, rest[1:], nil
}

// readKey takes in the key of a step, and notes the step whose key is computed.
func (t *target) readKey(step *addr.Step, index hcl.TraverseIndex) *hcl.Diagnostic {
	var ok bool
	if step.Key, ok = keyOf(index.Key); !ok {
		return diag.Error(t.at, "This is no key", "A key is a whole number from 0 up, or a text.")
	}
	if step.Key.Kind == addr.KeyNone {
		t.computed = len(t.steps)
	}
	return nil
}

// inModule tells whether the target stands in a module, or is one.
func (t *target) inModule() bool { return t.steps[0].Type == "module" }

// keyOf is the instance key that an index is; a null one, which stands for a
// computed key, is none yet.
func keyOf(v cty.Value) (addr.Key, bool) {
	v, _ = v.Unmark()
	switch {
	case !v.IsKnown(): // what a syntax error leaves
		return addr.Key{}, false
	case v.IsNull():
		return addr.Key{}, v.Type() == cty.String
	case v.Type() == cty.String:
		return addr.NameKey(v.AsString()), v.AsString() != ""
	}
	number, err := convert.Convert(v, cty.Number)
	if err != nil {
		return addr.Key{}, false
	}
	n, err := whole(number)
	return addr.IndexKey(n), err == nil && n >= 0
}

// targets reads a list of addresses as an argument, whose references order
// blocks; keyed: instances are addressed too, not whole blocks only.
func (l *loader) targets(a *hcl.Attribute, keyed, counted bool) (*expression, []*target) {
	x := &expression{Expression: a.Expr, name: a.Name, nameRange: a.NameRange, bad: true}
	items, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		l.add(diag.Error(a.Expr.Range(), fmt.Sprintf("%s is a list of blocks", a.Name), "Write %s = [decky.NAME, network.NAME].", a.Name))
		return x, nil
	}
	var out []*target
	good := true
	for _, item := range items {
		t, ok := l.target(item, func(key *expression) bool { return keyed && l.keyReferences(x, key, counted) })
		if ok && keyed && t.inModule() {
			l.add(diag.Error(item.Range(), fmt.Sprintf("%s takes blocks of this module", a.Name), "What stands in another module is its own; refer to an output of it."))
			ok = false
		}
		if ok && !keyed && (len(t.steps) > 1 || !t.whole()) || !ok && t != nil && !keyed {
			l.add(diag.Error(item.Range(), fmt.Sprintf("%s takes whole blocks", a.Name), "Write decky.NAME, network.NAME or module.NAME; a block with count or for_each is waited for as a whole."))
			ok = false
		}
		if good = good && ok; !ok {
			continue
		}
		x.references = append(x.references, reference{kind: t.steps[0].Type, name: t.steps[0].Name, at: item.Range(), in: x})
		out = append(out, t)
	}
	x.bad = !good
	return x, out
}

// keyReferences takes in what a computed key refers to.
func (l *loader) keyReferences(x, key *expression, counted bool) bool {
	good := true
	for _, traversal := range key.Variables() {
		if d := key.refer(traversal, counted); d != nil {
			l.add(d)
			good = false
		}
	}
	x.references = append(x.references, key.references...)
	x.instance = x.instance || key.instance
	return good
}

// instancesOf are the instances that a target stands for: those of the block
// and their services, or the one that it names.
func (e *evaluator) instancesOf(t *target, key addr.Key) ([]addr.Address, error) {
	first := t.steps[0]
	if first.Type != "decky" {
		return []addr.Address{e.prefix + t.address()}, nil
	}
	if t.key == nil {
		key = first.Key
	}
	block := e.deckies[first.Name]
	if block == nil {
		return nil, nil // reported
	}
	var out []addr.Address
	matched := false
	for _, i := range block.instances {
		if key.Kind != addr.KeyNone && i.key != key {
			continue
		}
		matched = true
		if len(t.steps) == 1 {
			out = append(out, i.address)
		}
		for _, s := range i.services {
			if len(t.steps) == 1 || s.draft.slug == t.steps[1].Name && s.draft.label == t.steps[1].Key.Name {
				out = append(out, serviceAddress(i.address, s))
			}
		}
	}
	switch {
	case !matched && key.Kind != addr.KeyNone && !block.failed:
		return nil, fmt.Errorf("decky.%s has no instance %s; %s", first.Name, key, keysOf(block))
	case len(out) == 0 && matched && !block.failed:
		return nil, fmt.Errorf("decky.%s has no service %q", first.Name, t.steps[1].Name)
	}
	return out, nil
}

// keysOf says which instances a block has.
func keysOf(d *deckyBlock) string {
	switch {
	case d.kind == addr.KeyNone:
		return "it is one decky, without a key"
	case len(d.instances) == 0:
		return "it has none"
	case d.kind == addr.KeyIndex:
		return fmt.Sprintf("it has [0] to [%d]", len(d.instances)-1)
	}
	const shown = 10
	var names []string
	for _, i := range d.instances[:min(len(d.instances), shown)] {
		names = append(names, i.key.String())
	}
	if len(d.instances) > shown {
		names = append(names, "...")
	}
	return "it has " + strings.Join(names, ", ")
}
