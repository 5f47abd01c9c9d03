package change

import (
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

// Change is one instance of a plan with what its renderers show of it.
type Change struct {
	Address addr.Address
	From    addr.Address // where it stood before it moved
	Type    string
	Runtime string
	Action  plan.Action
	Reasons []plan.Reason
	Because addr.Address // whose replacement forces this one
	Source  string
	// Surplus is one object too many under an address that has another.
	Surplus bool
	// CreateFirst: the new object is made over the old one. Released: the object
	// of a forgotten instance lives on.
	CreateFirst, Released bool
	// Before and After are trees, nil where there is nothing. Nothing in them is
	// sensitive.
	Before, After any
	// Imported is what the object was called that becomes the instance.
	Imported string
	// Forces are the paths of attributes that cannot change in place; Drifted
	// those that somebody else changed.
	Forces, Drifted []string
}

// Hidden tells whether an argument of a service is sensitive, whatever the plan
// says of it; nil: none is.
type Hidden func(slug, argument string) bool

// Of is every change of a plan, in its order.
func Of(p *plan.Plan, hidden Hidden) []Change {
	all := make([]Change, 0, len(p.Changes))
	for i := range p.Changes {
		all = append(all, One(&p.Changes[i], hidden))
	}
	return all
}

// One is one change of a plan.
func One(c *plan.Change, hidden Hidden) Change {
	out := Change{
		Address: c.Address, From: c.From, Type: c.Type, Runtime: c.Runtime, Action: c.Action, Reasons: c.Reasons, Because: c.Because, Source: c.Source,
		Surplus: c.Surplus, CreateFirst: c.CreateFirst, Released: c.Released,
	}
	secrets := func(documents ...any) []string {
		return append(slices.Clone(c.Sensitive), declared(c.Type, hidden, documents...)...)
	}
	config, before := Decode(c.Config), Decode(c.Before)
	switch c.Action {
	case plan.Create:
		out.After = Hide(config, secrets(config))
		return out
	case plan.Delete, plan.Forget:
		if before != nil && !c.Surplus {
			out.Before = Hide(before, secrets(before))
		} else if c.Object != nil {
			object := Decode(c.Object.State)
			out.Before = HideEverywhere(object, secrets(object))
		}
		return out
	case plan.Quarantine: // it stays as it is
		out.Before = Hide(before, secrets(before))
		out.After = out.Before
		return out
	}
	if before == nil {
		before = Decode(c.Config) // what the object has of its own stands in the attributes
	}
	paths := secrets(config, before)
	out.Before, out.After = Hide(before, paths), Hide(config, paths)
	if c.Object != nil && len(c.Attributes) > 0 {
		reshape(&out, c.Attributes, Decode(c.Object.State))
	}
	apply(&out, c.Attributes, paths)
	return out
}

// apply puts the attributes that a handler compares into the trees.
func apply(c *Change, attributes []providers.Change, sensitive []string) {
	if c.Before == nil {
		c.Before = map[string]any{}
	}
	if c.After == nil {
		c.After = map[string]any{}
	}
	for _, a := range attributes {
		secret := Covers(sensitive, a.Path)
		put := func(tree, shape any, text string, over bool) any {
			v, given := value(text)
			if given && secret {
				v = seal(v)
			}
			return edit(tree, shape, a.Path, func(now any, found bool) (any, bool) {
				if found && !over {
					return now, true
				}
				return v, given
			})
		}
		was := a.Before
		if secret && was != "" && was == a.After {
			was += " before" // both are hidden, and they differ
		}
		c.Before = put(c.Before, c.After, was, true)
		c.After = put(c.After, c.Before, a.After, false)
		if a.Replace {
			c.Forces = append(c.Forces, a.Path)
		}
		if a.Cause == plan.CauseDrift {
			c.Drifted = append(c.Drifted, a.Path)
		}
	}
	c.Before, c.After = prune(c.Before), prune(c.After)
}

// Still is an instance that a plan leaves alone.
func Still(u *plan.Unchanged, hidden Hidden) Change {
	tree := Decode(u.Config)
	tree = Hide(tree, append(slices.Clone(u.Sensitive), declared(u.Type, hidden, tree)...))
	return Change{Address: u.Address, Type: u.Type, Runtime: u.Runtime, Action: plan.NoOp, Source: u.Source, Before: tree, After: tree}
}

// Drifted is what somebody else did to an object: Before is how it should be.
func Drifted(d *plan.Drift, hidden Hidden) Change {
	out := Change{Address: d.Address, Type: d.Type, Runtime: d.Runtime, Action: plan.Update}
	if d.Gone {
		out.Action = plan.Delete
	}
	state := Decode(d.State)
	out.Before, out.After = map[string]any{}, map[string]any{}
	reshape(&out, d.Changes, state)
	apply(&out, d.Changes, append(slices.Clone(d.Sensitive), declared(d.Type, hidden, state)...))
	out.Drifted = nil
	return out
}

// reshape gives the trees the objects that attributes lead through and only the
// state of the live object has: a path is then not one long key.
func reshape(c *Change, attributes []providers.Change, state any) {
	for _, a := range attributes {
		key, rest := splitKey(asMap(c.Before), asMap(c.After), a.Path)
		if rest != "" || key != a.Path {
			continue
		}
		for _, shape := range configured(state) {
			if lead := frame(shape, a.Path); lead != nil {
				c.Before, c.After = overlay(c.Before, lead), overlay(c.After, lead)
				break
			}
		}
	}
}

func asMap(tree any) map[string]any {
	m, _ := tree.(map[string]any)
	return m
}

// configured are the objects in a state that may be a configuration: itself, and
// those directly inside of it.
func configured(state any) []any {
	t, ok := state.(map[string]any)
	if !ok {
		return nil
	}
	all := []any{}
	for _, name := range []string{"config", "live"} {
		if inner, found := t[name]; found {
			all = append(all, inner)
		}
	}
	return append(all, state)
}

// frame is the objects that a path leads through, empty, or nil where it does
// not lead through any.
func frame(shape any, path string) map[string]any {
	t, ok := shape.(map[string]any)
	if !ok {
		return nil
	}
	key, rest := splitKey(t, nil, path)
	child, found := t[key]
	if !found || rest == "" {
		return nil
	}
	inner, ok := child.(map[string]any)
	if !ok {
		return nil
	}
	if deeper := frame(inner, rest); deeper != nil {
		return map[string]any{key: deeper}
	}
	return map[string]any{key: map[string]any{}}
}

// overlay adds the objects of a frame to a tree.
func overlay(tree any, frame map[string]any) any {
	t, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	for k, inner := range frame {
		if _, found := t[k]; !found {
			t[k] = map[string]any{}
		}
		t[k] = overlay(t[k], inner.(map[string]any))
	}
	return t
}

// declared are the paths of a service's arguments that its definition says are
// sensitive. The documents are configurations, or states that hold one.
func declared(typ string, hidden Hidden, documents ...any) []string {
	if typ != providers.TypeService || hidden == nil {
		return nil
	}
	var paths []string
	for _, d := range documents {
		for _, c := range configurations(d) {
			slug, _ := c["slug"].(string)
			arguments, _ := c["arguments"].(map[string]any)
			for name := range arguments {
				if hidden(slug, name) {
					paths = append(paths, "arguments."+name)
				}
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// configurations are the services' configurations in a document.
func configurations(d any) []map[string]any {
	t, ok := d.(map[string]any)
	if !ok {
		return nil
	}
	var all []map[string]any
	if _, found := t["slug"].(string); found {
		all = append(all, t)
	}
	for _, v := range t {
		all = append(all, configurations(v)...)
	}
	return all
}
