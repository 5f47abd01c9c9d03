package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// liveSet are the instances that are declared, with where, as far as they could
// be resolved.
type liveSet struct {
	*evaluator
	at map[addr.Address]hcl.Range
}

func (e *evaluator) live() liveSet {
	out := liveSet{e, make(map[addr.Address]hcl.Range, 4*len(e.all))}
	for _, in := range e.everyFrame() {
		for _, kind := range []string{"network", "rule", "sink"} {
			for _, name := range in.configuration.names(kind) {
				b := in.configuration.blocks[kind][name]
				out.at[in.address(b)] = b.declared
			}
		}
	}
	for _, d := range e.all {
		out.at[d.address] = d.of.block.declared
		for _, s := range d.services {
			out.at[serviceAddress(d.address, s)] = s.draft.at
		}
	}
	return out
}

// find is where an instance that an address stands for is declared; nil: none
// is. exact: no key means an instance without one, not all of a block.
func (l liveSet) find(steps []addr.Step, exact bool) *hcl.Range {
	if at, ok := l.at[addr.Of(steps...)]; ok {
		return &at
	}
	e, rest := l.stand(steps)
	first := rest[0]
	if first.Type == "module" {
		return e.calls(rest, exact)
	}
	block := e.deckies[first.Name]
	if exact || first.Type != "decky" || first.Key.Kind != addr.KeyNone || block == nil {
		return nil
	}
	if len(rest) == 1 {
		return &block.block.declared // also where count is 0
	}
	for _, i := range block.instances {
		one := append([]addr.Step{{Type: "decky", Name: first.Name, Key: i.key}}, rest[1:]...)
		if at, ok := l.at[e.prefix+addr.Of(one...)]; ok {
			return &at
		}
	}
	return nil
}

// calls is where a module is called that an address stands for.
func (e *evaluator) calls(steps []addr.Step, exact bool) *hcl.Range {
	m := e.modules[steps[0].Name]
	if m == nil || len(steps) > 1 {
		return nil
	}
	declared := &m.tree.call.declared
	if !exact && steps[0].Key.Kind == addr.KeyNone {
		return declared
	}
	for _, i := range m.each {
		if i.key == steps[0].Key {
			return declared
		}
	}
	return nil
}

// stand is the instance of a module that the first steps of an address lead to,
// as far as there is one, and the steps in it.
func (e *evaluator) stand(steps []addr.Step) (*evaluator, []addr.Step) {
	for len(steps) > 1 && steps[0].Type == "module" {
		m := e.modules[steps[0].Name]
		if m == nil {
			return e, steps
		}
		i := slices.IndexFunc(m.each, func(x expanded) bool { return x.key == steps[0].Key })
		if i < 0 || i >= len(m.instances) {
			return e, steps
		}
		e, steps = m.instances[i], steps[1:]
	}
	return e, steps
}

// absolute is a target of this instance of a module as the root sees it.
func (e *evaluator) absolute(t *target) *target {
	if e.prefix == "" {
		return t
	}
	around, err := addr.Parse(strings.TrimSuffix(string(e.prefix), "."))
	if err != nil { // a prefix is made of steps
		return t
	}
	out := *t
	out.steps = slices.Concat(around, t.steps)
	out.computed += len(around)
	return &out
}

// resolveImports evaluates the import blocks.
func (e *evaluator) resolveImports(desired *Desired, live liveSet) {
	to, ids := map[addr.Address]hcl.Range{}, map[string]hcl.Range{}
	for _, b := range e.configuration.imports {
		for _, variables := range e.iterations(b) {
			i, ok := e.importOf(b, variables, live)
			if !ok {
				continue
			}
			kind := b.to.steps[len(b.to.steps)-1].Type
			if first, twice := to[i.To]; twice {
				e.add(diag.Error(b.to.at, fmt.Sprintf("%s is imported twice", i.To), "The first block stands at %s; an instance has one object.", place(first)))
				continue
			}
			if first, twice := ids[kind+" "+i.ID]; twice {
				e.add(diag.Error(b.id.Range(), fmt.Sprintf("The object %q is imported twice", i.ID), "The first block stands at %s; an object belongs to one instance.", place(first)))
				continue
			}
			to[i.To], ids[kind+" "+i.ID] = b.declared, b.declared
			desired.Imports = append(desired.Imports, i)
		}
	}
	slices.SortFunc(desired.Imports, func(a, b Import) int { return addr.Compare(a.To, b.To) })
}

// iterations are the variables of each import that a block stands for.
func (e *evaluator) iterations(b *importBlock) []map[string]cty.Value {
	if b.forEach == nil {
		return []map[string]cty.Value{nil}
	}
	value, ok := e.value(b.forEach, e.scope(b.forEach.references))
	if !ok {
		return nil
	}
	var out []map[string]cty.Value
	e.eachOf(b.forEach, value, func(key, element cty.Value) bool {
		out = append(out, map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": key, "value": element})})
		return true
	})
	return out
}

func (e *evaluator) importOf(b *importBlock, variables map[string]cty.Value, live liveSet) (Import, bool) {
	scope := e.scope(b.id.references)
	if b.to.key != nil {
		scope = e.scope(slices.Concat(b.id.references, b.to.key.references))
	}
	if variables != nil {
		scope = scope.NewChild()
		scope.Variables = variables
	}
	steps := slices.Clone(b.to.steps)
	if b.to.key != nil {
		value, ok := e.value(b.to.key, scope)
		if !ok {
			return Import{}, false
		}
		if steps[b.to.computed].Key, ok = keyOf(value); !ok || value.IsNull() || value.IsMarked() {
			e.add(diag.Error(b.to.key.Range(), "This is no key", "A key is a whole number from 0 up, or a text that is not sensitive."))
			return Import{}, false
		}
	}
	address := addr.Of(steps...)
	value, ok := e.value(b.id, scope)
	if !ok {
		return Import{}, false
	}
	id, ok := e.plainText(b.id, value)
	if !ok || id == "" {
		if ok || value.IsNull() {
			e.add(diag.Error(b.id.Range(), "An import needs the object's id", "It is a container's name or a decky's engine-side name, as its provider shows it."))
		}
		return Import{}, false
	}
	made := Import{To: address, ID: id, Source: b.declared.String()}
	if live.find(steps, true) == nil {
		if made.Undeclared = e.options.Undeclared && e.writable(steps); !made.Undeclared {
			e.add(e.notImportable(b, steps))
			return Import{}, false
		}
	}
	return made, true
}

// writable tells whether one block at the top of the root module would declare
// an address that nothing declares.
func (e *evaluator) writable(steps []addr.Step) bool {
	first := steps[0]
	return len(steps) == 1 && first.Key.Kind == addr.KeyNone && e.configuration.blocks[first.Type][first.Name] == nil
}

// notImportable says why nothing can be imported to an address.
func (e *evaluator) notImportable(b *importBlock, steps []addr.Step) *hcl.Diagnostic {
	address := addr.Of(steps...)
	e, steps = e.stand(steps)
	first := steps[0]
	if e.configuration.blocks[first.Type][first.Name] == nil {
		d := diag.Unknown(b.to.at, first.Type, first.Name, e.configuration.names(first.Type))
		d.Summary = fmt.Sprintf("%s is not declared", address)
		d.Detail += fmt.Sprintf(" An import needs a block that says what the object shall be: %s %q { ... }", first.Type, first.Name)
		switch {
		case e == e.root && e.writable(steps):
			d.Detail += "; decnet plan --generate-config-out FILE writes it."
		case e == e.root && first.Type == "decky" && e.writable(steps[:1]):
			d.Detail += fmt.Sprintf("; import %s with decnet plan --generate-config-out FILE, and its services come along.", addr.Of(first))
		case e == e.root && first.Type != "module":
			d.Detail += ". A block with count or for_each is not generated."
		}
		return d
	}
	detail := "The block has no such service."
	if d := e.deckies[first.Name]; d != nil && len(steps) == 1 {
		detail = fmt.Sprintf("decky.%s %s.", first.Name, strings.Replace(keysOf(d), "it ", "", 1))
	}
	return diag.Error(b.to.at, fmt.Sprintf("There is no instance %s", address), "%s", detail)
}
