package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/function"
)

var checkGrammar = &grammar{labels: []string{"name"}, blocks: map[string]*grammar{"assert": conditionGrammar}}

// checkBlock is a check block: assertions about the whole that are no reason to
// stop.
type checkBlock struct {
	name     string
	declared hcl.Range
	asserts  []condition
}

// check takes in a check block.
func (l *loader) check(b *hcl.Block) {
	made := &checkBlock{name: b.Labels[0], declared: b.DefRange}
	got, diags := checkGrammar.read(b.Body, fmt.Sprintf("check %q", made.name), b.DefRange)
	l.add(diags...)
	for _, inner := range got.blocks {
		if c, ok := l.condition(owner{kind: "check"}, inner, false); ok {
			made.asserts = append(made.asserts, c)
		}
	}
	if len(got.blocks) == 0 && !diags.HasErrors() {
		l.add(diag.Error(b.DefRange, fmt.Sprintf("check %q asserts nothing", made.name), "Write assert { condition = ..., error_message = \"...\" } in it, each argument on a line of its own."))
	}
	for _, other := range l.configuration.checks {
		if other.name == made.name {
			l.add(diag.Error(b.DefRange, fmt.Sprintf("check %q is declared twice", made.name), "The first one stands at %s; rename one of them.", place(other.declared)))
			return
		}
	}
	l.configuration.checks = append(l.configuration.checks, made)
}

// references of both expressions.
func (c condition) references() []reference {
	return slices.Concat(c.condition.references, c.message.references)
}

// checks evaluates the check blocks of all modules.
func (r *run) checks() []CheckResult {
	var out []CheckResult
	for _, e := range r.everyFrame() {
		out = append(out, e.runChecks()...)
	}
	slices.SortStableFunc(out, func(a, b CheckResult) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// runChecks evaluates the check blocks of one module. What fails is a warning,
// an error in an assertion too, as long as nothing else is wrong.
func (e *evaluator) runChecks() []CheckResult {
	var out []CheckResult
	for _, block := range e.configuration.checks {
		for _, c := range block.asserts {
			passed, message, found := e.holds(c, e.scope(c.references()))
			r := CheckResult{Name: string(e.prefix) + block.name, Passed: passed, Source: c.condition.Range().String()}
			for _, d := range found {
				d.Severity = hcl.DiagWarning
				e.add(d)
				message = d.Summary
			}
			if !passed {
				r.Message, _, _ = strings.Cut(message, "\n\n")
				if len(found) == 0 {
					e.add(diag.Concerning(diag.Warning(c.condition.Range(), fmt.Sprintf("check %q failed", block.name), "%s", message), "check."+block.name))
				}
			}
			out = append(out, r)
		}
	}
	return out
}

// holds evaluates a condition. Where it is false, the message says so and shows
// what it refers to. found is what kept it from being evaluated; a condition
// about something that failed itself holds.
func (e *evaluator) holds(c condition, scope *hcl.EvalContext) (passed bool, message string, found hcl.Diagnostics) {
	before := len(e.diags)
	value, ok := e.value(c.condition, scope)
	found = slices.Clone(e.diags[before:])
	e.diags = e.diags[:before]
	if !ok {
		return len(found) == 0, "", found
	}
	value, _ = value.Unmark()
	result, err := convert.Convert(value, cty.Bool)
	if err == nil && result.IsNull() {
		return false, "", hcl.Diagnostics{diag.Error(c.condition.Range(), "A condition is true or false", "This one is null.")}
	}
	if err != nil {
		return false, "", hcl.Diagnostics{diag.Error(c.condition.Range(), "A condition is true or false", "This one is %s.", describe(value.Type()))}
	}
	if result.True() {
		return true, "", nil
	}
	return false, e.complaint(c, scope), nil
}

// complaint is the error message of a condition that is false, and the values
// that it refers to.
func (e *evaluator) complaint(c condition, scope *hcl.EvalContext) string {
	out := "The condition is false."
	saved := len(e.diags)
	if message, ok := e.value(c.message, scope); ok {
		if message.ContainsMarked() {
			out = "The message is sensitive, so it is not shown."
		} else if s, err := convert.Convert(message, cty.String); err == nil && !s.IsNull() && s.AsString() != "" {
			out = closed(s.AsString())
		}
	}
	e.diags = e.diags[:saved] // what is wrong with the message is not the point
	var values []string
	for _, traversal := range c.condition.Variables() {
		if line := shown(traversal, scope); line != "" && !slices.Contains(values, line) {
			values = append(values, line)
		}
	}
	if len(values) > 0 {
		slices.Sort(values)
		out += "\n\n" + strings.Join(values, "\n")
	}
	return out
}

// closed is s with a full stop, where it has none of its own.
func closed(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// maxShown is how many bytes of a value a diagnostic shows.
const maxShown = 120

// shown says what a reference leads to: `var.limit is 4`.
func shown(traversal hcl.Traversal, scope *hcl.EvalContext) string {
	name := traversalText(traversal)
	value, diags := traversal.TraverseAbs(scope)
	switch {
	case diags.HasErrors() || !value.IsWhollyKnown():
		return ""
	case value.HasMark(function.Sensitive):
		return name + " is sensitive"
	case value.ContainsMarked():
		return name + " holds sensitive values"
	case value.IsNull():
		return name + " is null"
	}
	encoded, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return ""
	}
	if len(encoded) > maxShown {
		if ty := value.Type(); ty == cty.String {
			return fmt.Sprintf("%s is a text of %d bytes", name, len(value.AsString()))
		} else if value.CanIterateElements() {
			return fmt.Sprintf("%s is %s of %d", name, describe(ty), value.LengthInt())
		}
	}
	return fmt.Sprintf("%s is %s", name, encoded)
}

// traversalText is a traversal as one writes it.
func traversalText(traversal hcl.Traversal) string {
	var b strings.Builder
	for _, step := range traversal {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(s.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			key, ok := keyOf(s.Key)
			if !ok {
				b.WriteString("[...]")
				continue
			}
			b.WriteString(key.String())
		}
	}
	return b.String()
}

// self is what self means for a decky.
func (i *decky) self() cty.Value {
	if i.network == nil || i.distro == nil {
		return cty.DynamicVal
	}
	return i.object()
}

// serviceSelf is what self means for a service; what is sensitive stays so.
func (i *decky) serviceSelf(address addr.Address, s *service) cty.Value {
	ports := make([]cty.Value, 0, len(s.ports))
	for _, p := range s.ports {
		ports = append(ports, cty.ObjectVal(map[string]cty.Value{"number": cty.NumberIntVal(int64(p.Number)), "transport": cty.StringVal(p.Transport)}))
	}
	arguments := map[string]cty.Value{}
	for name, x := range s.draft.arguments {
		value := x.value
		if slices.Contains(s.sensitive, "arguments."+name) {
			value = value.Mark(function.Sensitive)
		}
		if name != "ports" {
			arguments[name] = value
		}
	}
	label := cty.NullVal(cty.String)
	if s.draft.label != "" {
		label = cty.StringVal(s.draft.label)
	}
	return cty.ObjectVal(map[string]cty.Value{
		"address": cty.StringVal(string(address)), "name": cty.StringVal(s.name), "slug": cty.StringVal(s.draft.slug), "label": label,
		"ports": cty.TupleVal(ports), "arguments": cty.ObjectVal(arguments), "decky": i.self(),
	})
}

// selfOf is what self means for a block that is one instance.
func (e *evaluator) selfOf(b *block) cty.Value {
	if b.kind == "network" {
		return e.lookup(reference{kind: b.kind, name: b.name})
	}
	for _, i := range e.others {
		if i.Address != e.address(b) {
			continue
		}
		ty, err := ctyjson.ImpliedType(i.Config)
		if err != nil {
			return cty.DynamicVal
		}
		value, err := ctyjson.Unmarshal(i.Config, ty)
		if err != nil {
			return cty.DynamicVal
		}
		fields := value.AsValueMap()
		for _, name := range selfFields[b.kind] {
			if _, given := fields[name]; !given {
				fields[name] = cty.NullVal(cty.String)
			}
		}
		return cty.ObjectVal(fields)
	}
	return cty.DynamicVal
}
