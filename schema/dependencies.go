package schema

import (
	"slices"

	"github.com/decnet/decnet/schema/addr"
)

// dependencies are the instances that a depends_on in this instance of a module
// names, and those that depends_on of the modules names in which it stands.
func (l *lowering) dependencies(e *evaluator, x *expression) []addr.Address {
	if x == nil {
		return l.inherited(e)
	}
	at := dependency{e, x}
	if after, done := l.after[at]; done {
		return after
	}
	l.after[at] = compactAddresses(append(slices.Clone(l.inherited(e)), e.dependedOn(x)...))
	return l.after[at]
}

// dependency is a depends_on in one instance of a module; the expression is nil
// for what the instance itself waits for.
type dependency struct {
	frame *evaluator
	x     *expression
}

// inherited is what everything in an instance of a module waits for.
func (l *lowering) inherited(e *evaluator) []addr.Address {
	if e.caller == nil {
		return nil
	}
	at := dependency{frame: e}
	if after, done := l.after[at]; done {
		return after
	}
	out := slices.Clone(l.inherited(e.caller))
	if x := e.tree.call.arguments["depends_on"]; x != nil {
		out = append(out, e.caller.dependedOn(x)...)
	}
	l.after[at] = compactAddresses(out)
	return l.after[at]
}

// serviceDependencies are those of a service, which comes after its decky
// anyway and so after what the decky waits for.
func (l *lowering) serviceDependencies(e *evaluator, x *expression) []addr.Address {
	if x == nil {
		return nil
	}
	return l.dependencies(e, x)
}

func compactAddresses(all []addr.Address) []addr.Address {
	slices.SortFunc(all, addr.Compare)
	return slices.Compact(all)
}

// dependedOn are the instances that a depends_on of this module names.
func (e *evaluator) dependedOn(x *expression) []addr.Address {
	var out []addr.Address
	for _, r := range x.references {
		if r.kind == "module" {
			if m := e.modules[r.name]; m != nil {
				out = append(out, m.addresses()...)
			}
			continue
		}
		of, err := e.instancesOf(&target{steps: []addr.Step{{Type: r.kind, Name: r.name}}}, addr.Key{})
		if err == nil { // a whole block always has its instances
			out = append(out, of...)
		}
	}
	return out
}

// addresses are those of everything that the module makes.
func (m *moduleBlock) addresses() []addr.Address {
	var out []addr.Address
	for _, e := range m.instances {
		for _, kind := range planned {
			for _, name := range e.configuration.names(kind) {
				of, err := e.instancesOf(&target{steps: []addr.Step{{Type: kind, Name: name}}}, addr.Key{})
				if err == nil { // a whole block always has its instances
					out = append(out, of...)
				}
			}
		}
		for _, inner := range e.modules {
			out = append(out, inner.addresses()...)
		}
	}
	return out
}
