package schema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/diag"
)

// expression is an argument with what it refers to.
type expression struct {
	hcl.Expression
	name       string
	nameRange  hcl.Range
	references []reference
	// instance: it has another value for every instance of a counted block.
	instance bool
	// text is what a JSON text over events holds, whole its place in the file.
	text  string
	whole hcl.Range
	// inner: it stands in a block within a counted one.
	inner bool
	// self: it refers to self.
	self bool
	// bad: what is wrong with it was reported; it is not evaluated.
	bad bool
}

// reference is one name in an expression: var.parent, decky.web.
type reference struct {
	kind, name string
	at         hcl.Range
	rest       hcl.Traversal // what follows the name
	in         *expression
}

func (r reference) id() string { return r.kind + "." + r.name }

// roots are the first words of references.
var roots = []string{"archetype", "count", "decky", "distro", "each", "local", "module", "network", "path", "var"}

// eventArguments are the arguments that are expressions over an event.
var eventArguments = []string{"when", "by", "distinct"}

// expressions takes in the arguments of a block.
func (l *loader) expressions(attributes hcl.Attributes, kind string) map[string]*expression {
	out := make(map[string]*expression, len(attributes))
	for name, attribute := range attributes {
		e := &expression{Expression: attribute.Expr, name: name, nameRange: attribute.NameRange, inner: kind == "dynamic decky"}
		overEvent := kind == "rule" && slices.Contains(eventArguments, name)
		if _, native := e.Expression.(hclsyntax.Expression); overEvent && !native && !l.overEvent(e) {
			e.bad = true
			continue
		}
		for _, traversal := range e.Variables() {
			if overEvent && traversal.RootName() == "event" || l.iterator != "" && traversal.RootName() == l.iterator {
				continue
			}
			if d := e.refer(traversal, kind == "decky" || kind == "dynamic decky" || kind == "module"); d != nil {
				e.bad = true
				l.add(d)
			}
		}
		out[name] = e
	}
	return out
}

// refer notes one reference of the expression.
func (e *expression) refer(traversal hcl.Traversal, counted bool) *hcl.Diagnostic {
	root, at := traversal.RootName(), traversal.SourceRange()
	switch {
	case root == "count" || root == "each":
		e.instance = true
		if !counted || e.name == "count" || e.name == "for_each" && !e.inner {
			return diag.Error(at, fmt.Sprintf("%s has no meaning here", root), "Only the arguments of a decky or a module with count or for_each have it.")
		}
		return nil
	case root == "path":
		return nil
	case !slices.Contains(roots, root):
		d := diag.Unknown(at, "reference", root, roots)
		if len(traversal) == 1 {
			d.Detail = fmt.Sprintf("If the text is meant, write %q in quotes. %s", root, diag.Advice("reference", root, roots))
		}
		return d
	}
	if len(traversal) > 1 {
		if name, ok := stepName(traversal[1]); ok {
			e.references = append(e.references, reference{kind: root, name: name, at: at, rest: traversal[2:], in: e})
			return nil
		}
	}
	return diag.Error(at, fmt.Sprintf("A name must follow %s", root), "Write %s.NAME.", root)
}

// stepName is the name that a traversal's step leads to.
func stepName(step hcl.Traverser) (string, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// declared tells whether a reference leads somewhere, and what would.
func (c *Configuration) declared(r reference) (bool, []string) {
	switch r.kind {
	case "var":
		_, ok := c.variables[r.name]
		return ok, slices.Sorted(maps.Keys(c.variables))
	case "local":
		_, ok := c.locals[r.name]
		return ok, slices.Sorted(maps.Keys(c.locals))
	default:
		_, ok := c.blocks[r.kind][r.name]
		return ok, c.names(r.kind)
	}
}

// finish checks what needs all files.
func (l *loader) finish(o Options) {
	l.checkVersion(o.Version)
	l.checkInputs()
	if !l.configuration.child { // what modules say is among the root's
		l.fatal = append(l.fatal, l.settings...)
	}
	for _, n := range l.configuration.nodes() {
		for _, r := range n.references {
			l.checkReference(n, r)
		}
	}
	for _, x := range l.configuration.late {
		for _, r := range x.references {
			l.checkReference(nil, r)
		}
	}
	for _, v := range l.configuration.variables {
		for _, check := range v.validations {
			for _, r := range slices.Concat(check.condition.references, check.message.references) {
				if r.kind != "var" {
					l.add(diag.Error(r.at, "A validation refers to variables only", "%s is not known when variables are checked.", r.id()))
				} else {
					l.checkReference(nil, r)
				}
			}
		}
	}
	l.checkMoves()
}

func (l *loader) checkReference(n *node, r reference) {
	ok, choices := l.configuration.declared(r)
	if !ok {
		what := map[string]string{"var": "variable", "local": "local"}[r.kind]
		if what == "" {
			what = r.kind
		}
		l.add(diag.Unknown(r.at, what, r.name, choices))
		return
	}
	l.checkField(r)
	if n != nil && n.block != nil && r.kind == "decky" && (n.block.kind == "archetype" || n.block.kind == "distro" || n.block.kind == "network") {
		l.add(diag.Error(r.at, fmt.Sprintf("%s cannot refer to a decky", n.block.kind), "Deckies are resolved after every %s.", n.block.kind))
	}
}

// fieldsOf are what a reference to a block yields.
var fieldsOf = map[string][]string{
	"archetype": {"address", "os", "services", "slug"},
	"decky":     {"address", "distro", "domain", "hostname", "ip", "mac", "name", "network", "os"},
	"distro":    {"address", "build", "hostname_style", "kernel", "machine", "slug", "title"},
	"network":   {"address", "driver", "gateway", "host_ip", "name", "parent", "pool", "subnet"},
}

// checkField checks the field that a reference asks for.
func (l *loader) checkField(r reference) {
	fields, rest := fieldsOf[r.kind], r.rest
	b := l.configuration.blocks[r.kind][r.name]
	if r.kind == "module" {
		if b.call == nil || b.call.target == nil {
			return // reported where it was loaded
		}
		fields = b.call.target.names("output")
	} else if fields == nil {
		return
	}
	if len(rest) == 0 {
		return
	}
	if b.counted() {
		if step, ok := rest[0].(hcl.TraverseAttr); ok && b.arguments["for_each"] == nil {
			r.in.bad = true
			l.add(diag.Error(step.SrcRange, fmt.Sprintf("%s %q has count", r.kind, r.name), "Write %s[0].%s for one of its instances, %s[*].%s for all.", r.id(), step.Name, r.id(), step.Name))
			return
		}
		if rest = rest[1:]; len(rest) == 0 {
			return
		}
	}
	if step, ok := rest[0].(hcl.TraverseAttr); ok && !slices.Contains(fields, step.Name) {
		r.in.bad = true
		what := "field of "
		if r.kind == "module" {
			what = "output of "
		}
		l.add(diag.Unknown(step.SrcRange, what+r.id(), step.Name, fields))
	}
}

// counted tells whether the block has count or for_each.
func (b *block) counted() bool { return b.arguments["count"] != nil || b.arguments["for_each"] != nil }

// extended is the archetype that another extends by its slug: it counts as a
// reference, so that it is resolved first.
func (c *Configuration) extended(b *block) []reference {
	if b.kind != "archetype" {
		return nil
	}
	return c.literal(b, "extends", "archetype")
}

// literal is the block that an argument names by its slug, as a reference.
func (c *Configuration) literal(b *block, argument, kind string) []reference {
	x := b.arguments[argument]
	if x == nil || len(x.references) > 0 {
		return nil
	}
	value, diags := x.Value(nil)
	if diags.HasErrors() || value.Type() != cty.String || value.IsNull() || !value.IsKnown() || c.blocks[kind][value.AsString()] == nil {
		return nil
	}
	return []reference{{kind: kind, name: value.AsString(), at: x.Range(), in: x}}
}

// ordering are the references that order blocks and are no values: those of
// replace_triggered_by.
func (b *block) ordering() []reference {
	var out []reference
	if b.lifecycle != nil {
		out = append(out, b.lifecycle.references...)
	}
	for _, s := range b.services {
		if s.lifecycle != nil {
			out = append(out, s.lifecycle.references...)
		}
	}
	return out
}

// allArguments are the block's own and those of its services.
func (b *block) allArguments() []map[string]*expression {
	out := []map[string]*expression{b.arguments}
	for _, s := range b.services {
		out = append(out, s.arguments)
	}
	return out
}
