package reconciler

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// shortestID is how much of an engine-made id names an object.
const shortestID = 8

// Located is a live object that decnet made, of whatever lineage.
type Located struct {
	Kind    providers.Kind
	Lineage string
	providers.Found
}

// Locate finds the live objects of a type that id names: their engine-side name,
// the address they carry, or the beginning of the id their provider gave them.
// Objects that others made are never found.
func (e *Engine) Locate(ctx context.Context, typ, id string) ([]Located, error) {
	meta, err := e.config.Store.Meta(ctx)
	if err != nil {
		return nil, err
	}
	lineages := []string{}
	if meta.Lineage != "" {
		lineages = append(lineages, meta.Lineage)
	}
	notes, err := e.Lineages()
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		if n.Lineage != meta.Lineage {
			lineages = append(lineages, n.Lineage)
		}
	}
	var all []Located
	var errs []error
	for _, kind := range e.config.Registry.Kinds() {
		if kind.Type != typ {
			continue
		}
		resource, _ := e.config.Registry.Resource(kind)
		for _, lineage := range lineages {
			found, err := resource.List(ctx, lineage)
			var unavailable *providers.UnavailableError
			if errors.As(err, &unavailable) {
				continue // nothing of it can be taken in now
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("list %s objects of lineage %s: %w", kind, lineage, err))
			}
			for _, f := range found {
				if named(f, id) {
					all = append(all, Located{Kind: kind, Lineage: lineage, Found: f})
				}
			}
		}
	}
	return all, errors.Join(errs...)
}

func named(f providers.Found, id string) bool {
	var config struct {
		Name  string `json:"name"`
		Decky string `json:"decky"`
	}
	var live struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	_ = json.Unmarshal(f.Config, &config) // what has no such field has no such name
	_ = json.Unmarshal(f.State, &live)
	names := []string{f.Owner.Address, config.Name, live.ID, live.Name}
	if config.Decky != "" {
		names[1] = config.Decky + "-" + strings.ReplaceAll(config.Name, ".", "-")
	}
	return id != "" && (slices.Contains(names, id) || len(id) >= shortestID && strings.HasPrefix(live.ID, id))
}

// takeIn finds what the import blocks name and marks it among the observed
// objects; everything that cannot be taken in is in its error. What it returns
// is desired with an import for every service that a decky brings along.
func (e *Engine) takeIn(ctx context.Context, desired *schema.Desired, snapshot state.Snapshot, observed *plan.Observed) (*schema.Desired, error) {
	whole := *desired
	whole.Imports = slices.Clone(desired.Imports)
	named := map[addr.Address]bool{}
	for _, i := range desired.Imports {
		named[i.To] = true
	}
	wanted := func(a addr.Address) *schema.Instance {
		at := slices.IndexFunc(desired.Instances, func(w schema.Instance) bool { return w.Address == a })
		if at < 0 {
			return nil
		}
		return &desired.Instances[at]
	}
	var errs []error
	for _, i := range desired.Imports {
		if has(snapshot, i.To) {
			continue // done by an earlier apply
		}
		w := wanted(i.To)
		if w == nil {
			errs = append(errs, refused(i, "there is no "+string(i.To)+" in the configuration", "write its block, or let decnet plan --generate-config-out FILE do it"))
			continue
		}
		made, err := e.find(ctx, i, providers.Kind{Type: w.Type, Runtime: w.Runtime}, snapshot)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for n, m := range made {
			s := wanted(m.instance.Address)
			if n > 0 && (s == nil || named[s.Address] || has(snapshot, s.Address) || s.Runtime != m.instance.Runtime) {
				continue
			}
			mark(observed, m.Located, m.instance.Address, snapshot.Lineage)
			if n > 0 {
				whole.Imports = append(whole.Imports, schema.Import{To: m.instance.Address, ID: m.Owner.Address, Source: i.Source})
			}
		}
	}
	return &whole, errors.Join(errs...)
}

// has tells whether a state has an object at an address.
func has(snapshot state.Snapshot, a addr.Address) bool {
	return slices.ContainsFunc(snapshot.Instances, func(r state.Instance) bool { return r.Address == a && r.Object != nil })
}

// find is the live object that an import names, then the services that live in
// it. A kind without a runtime is any of its type.
func (e *Engine) find(ctx context.Context, i schema.Import, kind providers.Kind, snapshot state.Snapshot) ([]importedInstance, error) {
	all, err := e.Locate(ctx, kind.Type, i.ID)
	if err != nil {
		return nil, err
	}
	if kind.Runtime == "" && len(all) > 0 {
		kind = all[0].Kind
	}
	object, reason, remedy := e.choose(all, kind, i.ID, snapshot)
	if reason != "" {
		return nil, refused(i, reason, remedy)
	}
	return e.withServices(ctx, i.To, object)
}

// Importable finds the live objects that imports name, each as the instance To
// with the configuration it was made with; a decky's services follow it. What
// the state has already is left out. Its error says all that cannot be taken in.
func (e *Engine) Importable(ctx context.Context, imports []schema.Import) ([]schema.Instance, error) {
	snapshot, err := e.config.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var found []schema.Instance
	var errs []error
	for _, i := range imports {
		steps, err := addr.Parse(string(i.To))
		if err != nil {
			return nil, fmt.Errorf("import: %w", err)
		}
		if has(snapshot, i.To) {
			continue
		}
		made, err := e.find(ctx, i, providers.Kind{Type: steps[len(steps)-1].Type}, snapshot)
		if err != nil {
			errs = append(errs, err)
		}
		for _, m := range made {
			found = append(found, m.instance)
		}
	}
	return found, errors.Join(errs...)
}

func refused(i schema.Import, why, remedy string) error {
	return fmt.Errorf("%s: import %q as %s: %s (%s)", i.Source, i.ID, i.To, why, remedy)
}

// choose is the one object that may be taken in, or why there is none.
func (e *Engine) choose(all []Located, kind providers.Kind, id string, snapshot state.Snapshot) (o Located, why, remedy string) {
	all = slices.DeleteFunc(slices.Clone(all), func(l Located) bool { return l.Kind != kind })
	switch {
	case len(all) == 0:
		return o, fmt.Sprintf("decnet made no %s of that name; what others made is never taken over", kind), "decnet state list, or the engine's own list, shows the names there are"
	case len(all) > 1:
		names := make([]string, len(all))
		for i, l := range all {
			names[i] = l.Owner.Address + " of lineage " + l.Lineage
		}
		return o, "several objects are called so: " + strings.Join(names, ", "), "name one by its id"
	}
	o = all[0]
	if o.Lineage == snapshot.Lineage {
		for _, r := range snapshot.Instances {
			if cmp.Or(r.Labelled, r.Address) == addr.Address(o.Owner.Address) && r.Type == o.Kind.Type && r.Object != nil {
				return o, fmt.Sprintf("it is %s already", r.Address), fmt.Sprintf("run decnet state mv %s, or write a moved block", r.Address)
			}
		}
		return o, "", ""
	}
	if spec := e.spec(kind); !spec.Readdresses || !spec.Adopts {
		return o, fmt.Sprintf("it belongs to lineage %s, and a %s cannot change its lineage", o.Lineage, kind),
			fmt.Sprintf("decnet state rebuild --lineage %s takes over the whole of it; or remove it there first", o.Lineage)
	}
	return o, "", ""
}

// mark makes an observed object the instance to.
func mark(observed *plan.Observed, o Located, to addr.Address, own string) {
	if o.Lineage != own {
		observed.Objects = append(observed.Objects, plan.Found{
			Kind: o.Kind, Address: addr.Address(o.Owner.Address), Digest: o.Owner.Digest, State: o.State, Imported: to, Lineage: o.Lineage,
		})
		return
	}
	for i := range observed.Objects {
		f := &observed.Objects[i]
		if f.Kind == o.Kind && f.Address == addr.Address(o.Owner.Address) && string(f.State) == string(o.State) {
			f.Imported = to
			return
		}
	}
}

// remark marks, among objects that were looked at once more, what a plan takes in.
func (e *Engine) remark(ctx context.Context, p *plan.Plan, observed *plan.Observed) error {
	for _, i := range p.Imports {
		kind := providers.Kind{Type: i.Type, Runtime: i.Runtime}
		if i.Lineage == "" {
			for k := range observed.Objects {
				if f := &observed.Objects[k]; f.Kind == kind && f.Address == i.Label {
					f.Imported = i.Address
				}
			}
			continue
		}
		others, err := e.observe(ctx, i.Lineage, []providers.Kind{kind})
		if err != nil {
			return err
		}
		for _, f := range others.Objects {
			if f.Address == i.Label {
				f.Imported, f.Lineage = i.Address, i.Lineage
				observed.Objects = append(observed.Objects, f)
			}
		}
	}
	return nil
}

// ImportPlan plans to take in one live object under address, with the services
// that live in it where it is a decky, and nothing else: the configuration of
// each is the one it was made with. The next plan compares it with what is
// wanted.
func (e *Engine) ImportPlan(ctx context.Context, address addr.Address, id string) (*plan.Plan, []schema.Instance, error) {
	steps, err := addr.Parse(string(address))
	if err != nil {
		return nil, nil, fmt.Errorf("import: %w", err)
	}
	typ := steps[len(steps)-1].Type
	snapshot, err := e.config.Store.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(snapshot.Instances, func(r state.Instance) bool { return r.Address == address && r.Object != nil }) {
		return nil, nil, fmt.Errorf("import %s: the state has it already; decnet state rm %s would let it go", address, address)
	}
	all, err := e.Locate(ctx, typ, id)
	if err != nil {
		return nil, nil, err
	}
	kind := providers.Kind{Type: typ}
	if len(all) > 0 {
		kind = all[0].Kind
	}
	object, why, remedy := e.choose(all, kind, id, snapshot)
	if why != "" {
		return nil, nil, fmt.Errorf("import %s: %s (%s)", address, why, remedy)
	}
	desired := Applied(snapshot)
	made, err := e.withServices(ctx, address, object)
	if err != nil {
		return nil, nil, err
	}
	var targets []addr.Address
	var instances []schema.Instance
	for _, m := range made {
		instances = append(instances, m.instance)
		desired.Instances = append(desired.Instances, m.instance)
		desired.Imports = append(desired.Imports, schema.Import{To: m.instance.Address, ID: m.Owner.Address, Source: "decnet import"})
		targets = append(targets, m.instance.Address)
	}
	p, err := e.Plan(ctx, desired, PlanOptions{Runtime: snapshot.Runtime, Targets: targets})
	return p, instances, err
}

// importedInstance is a live object as the instance that it becomes.
type importedInstance struct {
	Located
	instance schema.Instance
}

// withServices is an object as the instance at address, then the services that
// live in it.
func (e *Engine) withServices(ctx context.Context, address addr.Address, object Located) ([]importedInstance, error) {
	instance := func(a addr.Address, l Located, parents ...addr.Address) importedInstance {
		return importedInstance{Located: l, instance: schema.Instance{
			Address: a, Type: l.Kind.Type, Runtime: l.Kind.Runtime, Config: l.Config, Digest: l.Owner.Digest, Parents: parents, Source: "decnet import",
			Sensitive: e.sensitive(l.Kind.Type, l.Config),
		}}
	}
	all := []importedInstance{instance(address, object)}
	resource, ok := e.config.Registry.Resource(providers.Kind{Type: providers.TypeService, Runtime: object.Kind.Runtime})
	if object.Kind.Type != providers.TypeDecky || !ok {
		return all, nil
	}
	found, err := resource.List(ctx, object.Lineage)
	if err != nil {
		return nil, fmt.Errorf("list the services of %s: %w", object.Owner.Address, err)
	}
	for _, f := range found {
		under, ok := strings.CutPrefix(f.Owner.Address, object.Owner.Address+".")
		if !ok {
			continue
		}
		l := Located{Kind: resource.Spec().Kind(), Lineage: object.Lineage, Found: f}
		all = append(all, instance(address+addr.Address("."+under), l, address))
	}
	slices.SortFunc(all[1:], func(a, b importedInstance) int { return addr.Compare(a.instance.Address, b.instance.Address) })
	return all, nil
}

// sensitive are the paths of a live object's configuration that its type makes
// sensitive. Which other values a lost configuration called so nobody knows.
func (e *Engine) sensitive(typ string, config json.RawMessage) []string {
	var s struct {
		Slug      string                     `json:"slug"`
		Arguments map[string]json.RawMessage `json:"arguments"`
	}
	if typ != providers.TypeService || e.config.Sensitive == nil || json.Unmarshal(config, &s) != nil {
		return nil
	}
	var paths []string
	for _, name := range e.config.Sensitive(s.Slug) {
		if _, given := s.Arguments[name]; given {
			paths = append(paths, "arguments."+name)
		}
	}
	slices.Sort(paths)
	return paths
}
