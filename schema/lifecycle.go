package schema

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// DriftPolicies are what on_drift may be; the first is the default.
var DriftPolicies = []string{"heal", "report", "quarantine"}

// IgnoreAll in Lifecycle.IgnoreChanges is every path.
const IgnoreAll = "all"

var conditionGrammar = &grammar{
	arguments: []string{"condition", "error_message"}, required: []string{"condition", "error_message"},
}

var lifecycleGrammar = &grammar{
	arguments: []string{"prevent_destroy", "ignore_changes", "replace_triggered_by", "create_before_destroy", "on_drift"},
	blocks:    map[string]*grammar{"precondition": conditionGrammar, "postcondition": conditionGrammar},
}

// deckyLifecycleGrammar is what a decky says besides: its services are recycled
// with it.
var deckyLifecycleGrammar = &grammar{
	arguments: append(slices.Clone(lifecycleGrammar.arguments), "recycle_after", "recycle_on"), blocks: lifecycleGrammar.blocks,
}

// lifecycleBlock is a lifecycle block of a block that becomes instances. Its
// expressions are evaluated when everything else is resolved, so they may refer
// to anything, and may differ by instance.
type lifecycleBlock struct {
	declared   hcl.Range
	arguments  map[string]*expression // prevent_destroy, create_before_destroy, on_drift, recycle_after, recycle_on
	ignore     []string
	triggers   []*target
	references []reference // of the triggers: they order blocks
	conditions []condition
}

// condition is a precondition, a postcondition or an assert.
type condition struct {
	kind               string
	condition, message *expression
}

// varies tells whether the expression may differ by instance.
func (x *expression) varies() bool { return x.instance || x.self }

// owner is the block that a lifecycle stands in.
type owner struct {
	kind     string // of the instance: "decky", "service"
	counted  bool   // count and each have a meaning
	iterator string // of a dynamic block around it
}

// lifecycle takes in a lifecycle block.
func (l *loader) lifecycle(o owner, b *hcl.Block) *lifecycleBlock {
	made := &lifecycleBlock{declared: b.DefRange, arguments: map[string]*expression{}}
	g := lifecycleGrammar
	if o.kind == "decky" {
		g = deckyLifecycleGrammar
	}
	got, diags := g.read(b.Body, "lifecycle", b.DefRange)
	l.add(diags...)
	for _, name := range slices.Sorted(maps.Keys(got.attributes)) {
		a := got.attributes[name]
		switch name {
		case "ignore_changes":
			made.ignore = l.ignoreChanges(o.kind, a)
		case "replace_triggered_by":
			x, triggers := l.targets(a, true, o.counted)
			made.triggers, made.references = triggers, x.references
		default:
			made.arguments[name] = l.late(o, a, false)
		}
	}
	for _, inner := range got.blocks {
		if c, ok := l.condition(o, inner, inner.Type == "postcondition"); ok {
			made.conditions = append(made.conditions, c)
		}
	}
	return made
}

// condition takes in a precondition, a postcondition or an assert.
func (l *loader) condition(o owner, b *hcl.Block, self bool) (condition, bool) {
	got, diags := conditionGrammar.read(b.Body, b.Type, b.DefRange)
	l.add(diags...)
	if diags.HasErrors() {
		return condition{}, false
	}
	return condition{
		kind: b.Type, condition: l.late(o, got.attributes["condition"], self), message: l.late(o, got.attributes["error_message"], self),
	}, true
}

// late takes in an expression that is evaluated when everything else is.
func (l *loader) late(o owner, a *hcl.Attribute, self bool) *expression {
	x := &expression{Expression: a.Expr, name: a.Name, nameRange: a.NameRange}
	for _, traversal := range a.Expr.Variables() {
		root := traversal.RootName()
		var d *hcl.Diagnostic
		switch {
		case o.iterator != "" && root == o.iterator:
			continue
		case root == "self" && self:
			x.self = true
			d = checkSelf(o.kind, traversal)
		case root == "self":
			d = diag.Error(traversal.SourceRange(), "self has no meaning here", "Only a postcondition knows the instance itself.")
		default:
			d = x.refer(traversal, o.counted)
		}
		if d != nil {
			x.bad = true
			l.add(d)
		}
	}
	l.configuration.late = append(l.configuration.late, x)
	return x
}

// selfFields are what self has, by type of instance; a decky and a network are
// what references to them yield.
var selfFields = map[string][]string{
	"decky": fieldsOf["decky"], "network": fieldsOf["network"],
	"service": {"address", "arguments", "decky", "label", "name", "ports", "slug"},
	"rule":    {"by", "distinct", "name", "tactics", "technique", "threshold", "when", "within"},
	"sink":    append(sinkArgumentNames(), "name"),
}

func checkSelf(kind string, traversal hcl.Traversal) *hcl.Diagnostic {
	if len(traversal) < 2 {
		return nil
	}
	step, ok := traversal[1].(hcl.TraverseAttr)
	if !ok || slices.Contains(selfFields[kind], step.Name) {
		return nil
	}
	return diag.Unknown(step.SrcRange, "field of self in a "+kind, step.Name, selfFields[kind])
}

// subject is one instance whose lifecycle is evaluated.
type subject struct {
	address   addr.Address
	variables []map[string]cty.Value // count, each and iterators
	self      func() cty.Value
}

// lifecycles evaluates every lifecycle.
func (e *evaluator) lifecycles() {
	for _, kind := range []string{"network", "rule", "sink", "output"} {
		for _, name := range e.configuration.names(kind) {
			b := e.configuration.blocks[kind][name]
			if b.lifecycle == nil || kind == "network" && e.networks[e.address(b)] == nil {
				continue
			}
			e.lifecycle[e.address(b)] = e.lifecycleOf(b.lifecycle, subject{
				address: e.address(b), self: func() cty.Value { return e.selfOf(b) },
			}, true)
		}
	}
	for _, name := range e.configuration.names("decky") {
		if d := e.deckies[name]; d != nil && d.hasLifecycle() {
			e.deckyLifecycles(d)
		}
	}
}

// hasLifecycle tells whether the block or a service of it has one.
func (d *deckyBlock) hasLifecycle() bool {
	return d.block.lifecycle != nil || slices.ContainsFunc(d.block.services, func(s *serviceBlock) bool { return s.lifecycle != nil })
}

func (e *evaluator) deckyLifecycles(d *deckyBlock) {
	before := len(e.diags)
	seen := map[*lifecycleBlock]bool{}
	for _, i := range d.instances {
		if len(e.diags)-before > maxReports {
			return
		}
		var counted []map[string]cty.Value
		if i.scope != d.scope {
			counted = append(counted, i.scope.Variables)
		}
		var own Lifecycle
		if block := d.block.lifecycle; block != nil {
			own = e.lifecycleOf(block, subject{address: i.address, variables: counted, self: i.self}, !seen[block])
			seen[block] = true
			e.lifecycle[i.address] = own
		}
		for _, s := range i.services {
			address := serviceAddress(i.address, s)
			inherited := inherit(own)
			if s.draft.lifecycle == nil {
				if d.block.lifecycle != nil {
					e.lifecycle[address] = inherited
				}
				continue
			}
			said := e.lifecycleOf(s.draft.lifecycle, subject{
				address: address, variables: append(slices.Clone(counted), s.draft.iteration), self: func() cty.Value { return i.serviceSelf(address, s) },
			}, !seen[s.draft.lifecycle] || s.draft.iteration != nil)
			seen[s.draft.lifecycle] = true
			if said.OnDrift == "" {
				said.OnDrift = inherited.OnDrift
			}
			said.IgnoreChanges = merged(said.IgnoreChanges, inherited.IgnoreChanges)
			e.lifecycle[address] = said
		}
	}
}

// inherit is what a service has of its decky's lifecycle: what is done about
// drift, and what is ignored of the host, which its configuration holds too.
// What protects or replaces a decky is about the decky: taking a service block
// away changes the decky, and a service is replaced with its decky anyway.
func inherit(of Lifecycle) Lifecycle {
	out := Lifecycle{OnDrift: of.OnDrift}
	for _, path := range of.IgnoreChanges {
		if path == IgnoreAll || isHostPath(path) {
			out.IgnoreChanges = append(out.IgnoreChanges, path)
		}
	}
	return out
}

func merged(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// lifecycleOf evaluates one lifecycle for one instance; first: conditions that
// are the same for every instance are checked.
func (e *evaluator) lifecycleOf(b *lifecycleBlock, o subject, first bool) Lifecycle {
	scope := e.lateScope(b)
	for _, variables := range o.variables {
		if variables != nil {
			scope = scope.NewChild()
			scope.Variables = variables
		}
	}
	out := Lifecycle{IgnoreChanges: b.ignore}
	out.PreventDestroy = e.lateFlag(b, "prevent_destroy", scope, first)
	out.CreateBeforeDestroy = e.lateFlag(b, "create_before_destroy", scope, first)
	if x := b.arguments["on_drift"]; x != nil && !(e.unfit[x] && !x.varies()) {
		if value, ok := e.value(x, scope); ok {
			out.OnDrift, _ = e.plainText(x, value)
			if out.OnDrift != "" && !slices.Contains(DriftPolicies, out.OnDrift) {
				e.add(diag.Unknown(x.Range(), "answer to drift", out.OnDrift, DriftPolicies))
				e.unfit[x] = true
			}
		}
	}
	out.RecycleAfter, out.RecycleOn = e.recycleAfter(b, scope), e.recycleOn(b, scope)
	for _, t := range b.triggers {
		out.ReplaceTriggeredBy = append(out.ReplaceTriggeredBy, e.triggers(t, scope)...)
	}
	slices.SortFunc(out.ReplaceTriggeredBy, addr.Compare)
	out.ReplaceTriggeredBy = slices.Compact(out.ReplaceTriggeredBy)
	for _, c := range b.conditions {
		if !first && !c.condition.varies() {
			continue
		}
		in := scope
		if c.condition.self || c.message.self {
			in = scope.NewChild()
			in.Variables = map[string]cty.Value{"self": o.self()}
		}
		passed, message, found := e.holds(c, in)
		e.diags = append(e.diags, found...)
		if !passed && len(found) == 0 {
			e.add(diag.Concerning(diag.Error(c.condition.Range(), fmt.Sprintf("The %s of %s is not met", c.kind, o.address), "%s", message), fmt.Sprint(o.address)))
		}
	}
	return out
}

// lateScope holds what a lifecycle refers to.
func (e *evaluator) lateScope(b *lifecycleBlock) *hcl.EvalContext {
	if scope, known := e.lateScopes[b]; known {
		return scope
	}
	references := slices.Clone(b.references)
	for _, x := range b.arguments {
		references = append(references, x.references...)
	}
	for _, c := range b.conditions {
		references = append(references, c.references()...)
	}
	scope := e.scope(references)
	e.lateScopes[b] = scope
	return scope
}

// lateFlag evaluates an argument of a lifecycle that is true or false.
func (e *evaluator) lateFlag(b *lifecycleBlock, name string, scope *hcl.EvalContext, first bool) bool {
	x := b.arguments[name]
	if x == nil || e.unfit[x] && !first {
		return false
	}
	value, ok := e.value(x, scope)
	if !ok {
		e.unfit[x] = true
		return false
	}
	converted, ok := e.public(x, value, cty.Bool, "true or false")
	e.unfit[x] = !ok && !value.IsNull()
	return ok && converted.True()
}

// triggers are the instances that one entry of replace_triggered_by names.
func (e *evaluator) triggers(t *target, scope *hcl.EvalContext) []addr.Address {
	var key addr.Key
	if t.key != nil {
		value, ok := e.value(t.key, scope)
		if !ok {
			return nil
		}
		if value.ContainsMarked() {
			e.notSensitive(t.key)
			return nil
		}
		if key, ok = keyOf(value); !ok || value.IsNull() {
			e.add(diag.Error(t.key.Range(), "This is no key", "A key is a whole number from 0 up, or a text."))
			return nil
		}
	}
	out, err := e.instancesOf(t, key)
	if err != nil {
		e.add(diag.Error(t.at, "There is no such instance", "%s.", sentence(err.Error())))
	}
	return out
}

// expressions are those that the block evaluates.
func (b *lifecycleBlock) expressions() []*expression {
	out := slices.Collect(maps.Values(b.arguments))
	for _, t := range b.triggers {
		if t.key != nil {
			out = append(out, t.key)
		}
	}
	for _, c := range b.conditions {
		out = append(out, c.condition, c.message)
	}
	return out
}

// everyExpression is every expression of a block, in the order of the source.
func (b *block) everyExpression() []*expression {
	var out []*expression
	for _, arguments := range b.allArguments() {
		out = slices.AppendSeq(out, maps.Values(arguments))
	}
	lifecycles := []*lifecycleBlock{b.lifecycle}
	for _, s := range b.services {
		lifecycles = append(lifecycles, s.lifecycle)
	}
	for _, l := range lifecycles {
		if l != nil {
			out = append(out, l.expressions()...)
		}
	}
	slices.SortStableFunc(out, func(a, b *expression) int { return a.Range().Start.Byte - b.Range().Start.Byte })
	return out
}
