package schema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/function"
)

// frame tells one instance of a module from another.
type frame struct {
	tree   *tree
	caller *evaluator           // nil for the root
	prefix addr.Address         // of every address in it: "module.office[0]."
	parts  []string             // of engine-side names
	each   map[string]cty.Value // count or each, as the module's arguments see them
}

// moduleBlock is a module block with its instances.
type moduleBlock struct {
	expansion
	tree      *tree
	instances []*evaluator
}

// evaluator makes the evaluator of one instance of a module.
func (r *run) evaluator(t *tree, f frame) *evaluator {
	f.tree = t
	functions := r.functions[t.configuration]
	if functions == nil {
		functions = function.Within(t.configuration.root, t.configuration.path)
		r.functions[t.configuration] = functions
	}
	e := &evaluator{
		run: r, frame: f, configuration: t.configuration, functions: functions,
		variables: map[string]cty.Value{}, locals: map[string]cty.Value{}, objects: map[string]cty.Value{},
		deckies: map[string]*deckyBlock{}, modules: map[string]*moduleBlock{}, results: map[string]cty.Value{},
		lateScopes: map[*lifecycleBlock]*hcl.EvalContext{}, unfit: map[*expression]bool{},
	}
	r.frames[t] = append(r.frames[t], e)
	return e
}

// everyFrame are the evaluators of all instances of all modules, those of a
// module after those of the module that it stands in.
func (r *run) everyFrame() []*evaluator {
	var out []*evaluator
	var visit func(*evaluator)
	visit = func(e *evaluator) {
		out = append(out, e)
		for _, name := range slices.Sorted(maps.Keys(e.modules)) {
			for _, inner := range e.modules[name].instances {
				visit(inner)
			}
		}
	}
	visit(r.root)
	return out
}

// address is that of a block in this instance of the module.
func (e *evaluator) address(b *block) addr.Address { return e.prefix + addr.Address(b.id()) }

// nameParts are the parts of a block's engine-side name.
func (e *evaluator) nameParts(b *block) []string {
	return append(append([]string{e.name}, e.parts...), derive.Slug(b.name))
}

// key tells the archetypes and distros of all modules apart: a slug is that of
// the catalogue or the root module.
func (e *evaluator) key(kind, name string) string {
	if b := e.configuration.blocks[kind][name]; e.prefix == "" || b != nil && b.catalogue {
		return name
	}
	return string(e.prefix) + kind + "." + name
}

// referred is the address of the block that a value was the reference of.
func referred(value cty.Value, kind string) (addr.Address, bool) {
	value, _ = value.Unmark()
	if value.IsNull() || !value.Type().IsObjectType() || !value.Type().HasAttribute("address") {
		return "", false
	}
	address, _ := value.GetAttr("address").Unmark()
	if address.Type() != cty.String || address.IsNull() || !address.IsKnown() {
		return "", false
	}
	s := address.AsString()
	if len(s) > len(kind) && s[:len(kind)+1] == kind+"." {
		return addr.Address(s), true
	}
	steps, err := addr.Parse(s)
	return addr.Address(s), err == nil && len(steps) > 1 && steps[len(steps)-1].Type == kind
}

// module makes the instances of a module.
func (e *evaluator) module(b *block, scope *hcl.EvalContext) {
	t := e.tree.modules[b.name]
	if t == nil {
		return // reported where it was loaded
	}
	m := &moduleBlock{tree: t}
	e.modules[b.name] = m
	m.expansion = e.expansion(b, scope)
	if e.total += len(m.each); e.total > maxModules {
		if e.total-len(m.each) <= maxModules {
			e.add(diag.Error(b.declared, "There are too many modules", "At most %d instances of modules are evaluated.", maxModules))
		}
		m.failed = true
		return
	}
	for _, i := range m.each {
		f := frame{
			caller: e, prefix: e.prefix + addr.Of(addr.Step{Type: "module", Name: b.name, Key: i.key}) + ".",
			parts: append(slices.Clip(e.parts), derive.Slug(b.name)),
		}
		if i.key.Kind != addr.KeyNone {
			f.parts, f.each = append(f.parts, keyPart(i.key)), i.scope.Variables
		}
		m.instances = append(m.instances, e.evaluator(t, f))
	}
}

// keyPart is a key in an engine-side name.
func keyPart(key addr.Key) string {
	if key.Kind == addr.KeyIndex {
		return fmt.Sprint(key.Index)
	}
	return derive.Slug(key.Name)
}

// object is what a reference to the module yields: the outputs that are known
// by now, which are at least those that the reference asks for.
func (m *moduleBlock) object() cty.Value {
	if m.failed {
		return cty.DynamicVal
	}
	values := make([]cty.Value, 0, len(m.instances))
	for _, i := range m.instances {
		values = append(values, cty.ObjectVal(maps.Clone(i.results)))
	}
	switch m.kind {
	case addr.KeyIndex:
		return cty.TupleVal(values)
	case addr.KeyName:
		byKey := make(map[string]cty.Value, len(values))
		for n, i := range m.each {
			byKey[i.key.Name] = values[n]
		}
		return cty.ObjectVal(byKey)
	default:
		return values[0]
	}
}

// input gives a variable of a module its value, or checks it.
func (e *evaluator) input(v *variable, checks bool) {
	if checks {
		for _, check := range v.validations {
			e.validate(v.name, check)
		}
		return
	}
	e.variables[v.name] = v.marked(e.given(v))
}

// marked is a value of the variable with its mark.
func (v *variable) marked(value cty.Value) cty.Value {
	if v.sensitive {
		return value.Mark(function.Sensitive)
	}
	return value
}

// given is what the module block gives a variable.
func (e *evaluator) given(v *variable) cty.Value {
	missing := v.value
	if missing == cty.NilVal {
		missing = cty.UnknownVal(v.ty) // a missing input was reported by Load
	}
	x := e.tree.call.arguments[v.name]
	if x == nil {
		return missing
	}
	scope := e.caller.scope(x.references)
	maps.Copy(scope.Variables, e.each)
	value, ok := e.value(x, scope)
	if !ok {
		return cty.UnknownVal(v.ty)
	}
	converted, d := v.convert(value, x.Range())
	switch {
	case d != nil:
		e.add(d)
	case !converted.IsNull() || !v.required:
		return converted
	case v.value != cty.NilVal:
		return missing
	default:
		e.add(diag.Error(x.Range(), fmt.Sprintf("input %q of module %q cannot be null", v.name, e.tree.call.name),
			"The variable says nullable = false and has no default, at %s.", place(v.declared)))
	}
	return cty.UnknownVal(v.ty)
}

// result notes the value of an output for the module that calls this one.
func (e *evaluator) result(name string, value cty.Value, sensitive bool) {
	if sensitive {
		value = value.Mark(function.Sensitive)
	}
	e.results[name] = value
}
