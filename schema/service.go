package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/decnet/decnet/schema/diag"
)

// serviceDraft is a service as a block says it, evaluated and not yet checked.
type serviceDraft struct {
	slug, label string
	at          hcl.Range
	builtin     bool // stands in the catalogue
	removed     bool // enabled = false
	arguments   map[string]draftArgument
	resolved    *service
	lifecycle   *lifecycleBlock
	after       *expression          // depends_on
	iteration   map[string]cty.Value // what a dynamic block's iterator is
}

type draftArgument struct {
	*expression
	value cty.Value
}

// name is the service's name within its decky.
func (s *serviceDraft) name() string {
	if s.label == "" {
		return s.slug
	}
	return s.slug + "." + s.label
}

// service is a checked service, shared by every decky that has it alike.
type service struct {
	draft     *serviceDraft
	name      string
	ports     []Port
	arguments json.RawMessage // nil: defaults
	sensitive []string        // paths within Service
	portsJSON []byte
}

// drafts evaluates the services of a decky or an archetype: the list first,
// then the blocks. ready gives the draft of a block that is the same for every
// instance; nil: all are evaluated.
func (e *evaluator) drafts(b *block, scope *hcl.EvalContext, ready map[*serviceBlock]*serviceDraft, expanded map[*serviceBlock][]*serviceDraft) []*serviceDraft {
	var out []*serviceDraft
	if x := b.arguments["services"]; x != nil {
		names, _ := e.list(x, scope)
		for _, name := range names {
			if slices.ContainsFunc(out, func(s *serviceDraft) bool { return s.slug == name }) {
				e.add(diag.Error(x.Range(), fmt.Sprintf("services names %q twice", name), "A second one of a slug is a block with a label: service %q \"other\" { ... }", name))
				continue
			}
			if b.catalogue || e.known(name, x.Range()) {
				out = append(out, &serviceDraft{slug: name, at: x.Range(), builtin: b.catalogue})
			}
		}
	}
	written := map[string]hcl.Range{}
	take := func(s *serviceDraft) {
		if first, twice := written[s.name()]; twice { // of dynamic blocks; others were compared when loaded
			e.add(diag.Error(s.at, fmt.Sprintf("service %q stands twice in %s %q", s.name(), b.kind, b.name), "The first one stands at %s. A second one of a slug needs a label of its own.", place(first)))
			return
		}
		written[s.name()] = s.at
		if i := slices.IndexFunc(out, func(o *serviceDraft) bool { return o.name() == s.name() }); i >= 0 {
			out[i] = s
		} else if b.catalogue || e.known(s.slug, s.at) {
			out = append(out, s)
		}
	}
	for _, inner := range b.services {
		if inner.dynamic != nil {
			drafts, done := expanded[inner]
			if !done {
				drafts = e.expandDynamic(inner, scope)
			}
			for _, s := range drafts {
				s.builtin = b.catalogue
				take(s)
			}
			continue
		}
		s := ready[inner]
		if s == nil {
			s = e.draft(inner, scope)
			s.builtin = b.catalogue
		}
		take(s)
	}
	return out
}

// known reports a slug that is no service.
func (e *evaluator) known(slug string, at hcl.Range) bool {
	if _, ok := e.options.Services[slug]; ok {
		return true
	}
	e.add(diag.Unknown(at, "service", slug, slices.Collect(maps.Keys(e.options.Services))))
	return false
}

// draft evaluates one service block.
func (e *evaluator) draft(inner *serviceBlock, scope *hcl.EvalContext) *serviceDraft {
	s := &serviceDraft{
		slug: inner.slug, label: inner.label, at: inner.slugRange, arguments: map[string]draftArgument{},
		lifecycle: inner.lifecycle, after: inner.arguments["depends_on"],
	}
	for _, name := range slices.Sorted(maps.Keys(inner.arguments)) {
		x := inner.arguments[name]
		if name == "depends_on" || isOwn(name) {
			continue
		}
		value, ok := e.value(x, scope)
		if !ok {
			continue
		}
		if name != "enabled" {
			s.arguments[name] = draftArgument{expression: x, value: value}
			continue
		}
		if enabled, ok := e.public(x, value, cty.Bool, "true or false"); ok {
			s.removed = enabled.False()
		}
	}
	return s
}

// merge lays services over those of an archetype: arguments of the same service
// win, a removed one goes.
func (e *evaluator) merge(base, over []*serviceDraft) []*serviceDraft {
	out := slices.Clone(base)
	for _, s := range over {
		i := slices.IndexFunc(out, func(b *serviceDraft) bool { return b.name() == s.name() })
		switch {
		case i < 0 && s.removed:
			e.add(diag.Error(s.at, fmt.Sprintf("There is no service %q to remove", s.name()), "enabled = false takes away a service of the archetype; this one is not there. Leave the block out."))
		case i < 0:
			out = append(out, s)
		case s.removed:
			out = slices.Delete(out, i, i+1)
		case len(s.arguments) > 0 || s.lifecycle != nil || s.after != nil:
			merged := *s
			merged.resolved = nil
			merged.arguments = maps.Clone(out[i].arguments)
			if merged.arguments == nil {
				merged.arguments = map[string]draftArgument{}
			}
			maps.Copy(merged.arguments, s.arguments)
			out[i] = &merged
		}
	}
	return out
}

// resolve checks the services of a decky block and gives them their ports.
func (e *evaluator) resolve(drafts []*serviceDraft, owner *block) []*service {
	out := make([]*service, 0, len(drafts))
	taken := map[Port]*serviceDraft{}
	for _, d := range drafts {
		if d.removed {
			continue
		}
		if d.resolved == nil {
			d.resolved = e.check(d, owner)
		}
		if d.resolved == nil {
			continue
		}
		for _, port := range d.resolved.ports {
			if other := taken[port]; other != nil {
				e.portClash(owner, d, other, port)
				continue
			}
			taken[port] = d
		}
		out = append(out, d.resolved)
	}
	slices.SortFunc(out, func(a, b *service) int { return strings.Compare(a.name, b.name) })
	return out
}

func (e *evaluator) portClash(owner *block, d, other *serviceDraft, port Port) {
	at := d.at
	if at.Filename != owner.declared.Filename {
		at = owner.declared
	}
	if x, ok := d.arguments["ports"]; ok && x.Range().Filename == owner.declared.Filename {
		at = x.Range()
	}
	e.add(diag.Error(at, fmt.Sprintf("Two services listen on port %d/%s", port.Number, port.Transport),
		"%s and %s of %s %q. Give one of them other ports = [...].", other.name(), d.name(), owner.kind, owner.name))
}

// check checks one service by its type.
func (e *evaluator) check(d *serviceDraft, owner *block) *service {
	ty, ok := e.options.Services[d.slug]
	if !ok {
		at := d.at
		if at.Filename != owner.declared.Filename {
			at = owner.declared
		}
		e.known(d.slug, at)
		return nil
	}
	s := &service{draft: d, name: d.name(), ports: ty.Ports}
	given := map[string]json.RawMessage{}
	good := true
	for _, name := range slices.Sorted(maps.Keys(d.arguments)) {
		x := d.arguments[name]
		if name == "ports" {
			s.ports, ok = e.ports(x, ty)
			good = good && ok
			continue
		}
		i := slices.IndexFunc(ty.Arguments, func(a Argument) bool { return a.Name == name })
		if i < 0 {
			good = false
			e.unknownArgument(x, ty)
			continue
		}
		encoded, ok := e.argument(x, ty.Arguments[i])
		good = good && ok
		if encoded != nil {
			given[name] = encoded
			if ty.Arguments[i].Sensitive || x.value.ContainsMarked() {
				s.sensitive = append(s.sensitive, "arguments."+name)
			}
		}
	}
	if !good {
		return nil
	}
	if len(given) > 0 {
		s.arguments, _ = json.Marshal(given) // raw JSON always encodes
	}
	if !e.accepted(s, ty) {
		return nil
	}
	s.portsJSON, _ = json.Marshal(s.ports)
	return s
}

func (e *evaluator) unknownArgument(x draftArgument, ty ServiceType) {
	choices := []string{"enabled", "ports"}
	for _, a := range ty.Arguments {
		choices = append(choices, a.Name)
	}
	d := diag.Unknown(x.nameRange, "argument", x.name, choices)
	d.Summary = fmt.Sprintf("There is no argument %q in service %q", x.name, ty.Slug)
	e.add(d)
}

// accepted asks the service itself.
func (e *evaluator) accepted(s *service, ty ServiceType) bool {
	if ty.Check == nil {
		return true
	}
	key := ty.Slug + "\x00" + string(s.arguments)
	err, known := e.checked[key]
	if !known {
		err = ty.Check(s.arguments)
		e.checked[key] = err
	}
	if err == nil {
		return true
	}
	at, message := s.draft.at, strings.TrimSuffix(err.Error(), ".")
	for _, name := range slices.Sorted(maps.Keys(s.draft.arguments)) {
		if strings.Contains(err.Error(), name) {
			at = s.draft.arguments[name].Range()
			break
		}
	}
	if len(s.sensitive) > 0 {
		message = "An argument is sensitive, so the reason is not shown"
	}
	e.add(diag.Error(at, fmt.Sprintf("service %q does not accept this", ty.Slug), "%s.", message))
	return false
}

var argumentTypes = map[string]struct {
	ty   cty.Type
	what string
}{
	"string": {cty.String, "a text"}, "number": {cty.Number, "a number"}, "bool": {cty.Bool, "true or false"},
	"list(string)": {cty.List(cty.String), "a list of texts"}, "map(string)": {cty.Map(cty.String), "a map of texts"},
}

// argument encodes the value of one argument; nil for null.
func (e *evaluator) argument(x draftArgument, a Argument) (json.RawMessage, bool) {
	expected, ok := argumentTypes[a.Type]
	if !ok {
		e.add(diag.Error(x.nameRange, fmt.Sprintf("%s cannot be given", a.Name), "Its type %s is not known to this language.", a.Type))
		return nil, false
	}
	plain, _ := x.value.UnmarkDeep()
	if plain.IsNull() {
		return nil, true
	}
	value, err := convert.Convert(plain, expected.ty)
	if err != nil {
		e.add(diag.Error(x.Range(), fmt.Sprintf("%s must be %s", a.Name, expected.what), "This is %s. %s", describe(plain.Type()), a.Doc))
		return nil, false
	}
	encoded, err := encode(value)
	if err != nil {
		e.add(diag.Error(x.Range(), fmt.Sprintf("%s is not accepted", a.Name), "%s. %s", sentence(err.Error()), a.Doc))
		return nil, false
	}
	if value.Type() == cty.String && len(a.OneOf) > 0 && !slices.Contains(a.OneOf, value.AsString()) {
		d := diag.Unknown(x.Range(), a.Name, value.AsString(), a.OneOf)
		if x.value.ContainsMarked() {
			d = diag.Error(x.Range(), fmt.Sprintf("%s is not accepted", a.Name), "It must be one of %s.", strings.Join(a.OneOf, ", "))
		}
		e.add(d)
		return nil, false
	}
	return encoded, true
}

// encode is the JSON of a value of one of argumentTypes.
func encode(value cty.Value) (json.RawMessage, error) {
	switch ty := value.Type(); {
	case ty == cty.String:
		return json.Marshal(value.AsString())
	case ty == cty.Bool:
		return json.Marshal(value.True())
	case ty == cty.Number:
		n, err := whole(value)
		return json.RawMessage(strconv.Itoa(n)), err
	case ty.IsListType():
		out := make([]string, 0, value.LengthInt())
		for _, v := range value.AsValueSlice() {
			if v.IsNull() {
				return nil, errors.New("an element is null")
			}
			out = append(out, v.AsString())
		}
		return json.Marshal(out)
	default:
		out := make(map[string]string, value.LengthInt())
		for k, v := range value.AsValueMap() {
			if v.IsNull() {
				return nil, fmt.Errorf("the value of %q is null", k)
			}
			out[k] = v.AsString()
		}
		return json.Marshal(out)
	}
}

// ports reads ports = [22, "161/udp"].
func (e *evaluator) ports(x draftArgument, ty ServiceType) ([]Port, bool) {
	names, ok := e.listOf(x.expression, x.value)
	if !ok {
		return nil, false
	}
	transport := "tcp"
	if len(ty.Ports) > 0 {
		transport = ty.Ports[0].Transport
	}
	var out []Port
	for _, name := range names {
		number, written, found := strings.Cut(name, "/")
		if !found {
			written = transport
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 || written != "tcp" && written != "udp" {
			e.add(diag.Error(x.Range(), fmt.Sprintf("%q is no port", name), "A port is a number from 1 to 65535, or such as \"161/udp\"."))
			return nil, false
		}
		out = append(out, Port{Number: uint16(n), Transport: written})
	}
	if len(out) == 0 {
		e.add(diag.Error(x.Range(), "A service listens on at least one port", "enabled = false takes a service away."))
		return nil, false
	}
	return out, true
}
