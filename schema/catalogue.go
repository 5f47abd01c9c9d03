package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
)

// archetype is a resolved archetype.
type archetype struct {
	block    *block
	frame    *evaluator
	extends  string // key
	os       string
	distros  []string // keys
	services []*serviceDraft
	linked   bool // extends is merged in
	linking  bool
}

// distro is a resolved distro.
type distro struct {
	block    *block
	slug     string
	title    string
	style    derive.Style
	kernel   string
	build    string
	machine  string
	packages map[string]string
}

// archetype resolves an archetype block; linkCatalogue merges what it extends.
func (e *evaluator) archetype(b *block, scope *hcl.EvalContext) {
	a := &archetype{block: b, frame: e}
	if x, given := b.arguments["extends"]; given {
		a.extends, _ = e.slug(x, scope, "archetype")
	}
	if os, given := e.text(b, "os", scope); given {
		if !slices.Contains(derive.Families(), os) {
			e.add(diag.Unknown(b.arguments["os"].Range(), "operating system family", os, derive.Families()))
		}
		a.os = os
	}
	if x := b.arguments["distros"]; x != nil {
		a.distros, _ = e.slugs(x, scope, "distro")
	}
	a.services = e.drafts(b, scope, nil, nil)
	e.archetypes[e.key("archetype", b.name)] = a
	if a.extends == "" || e.archetypes[a.extends] != nil {
		e.link(a)
	}
}

// object is what a reference to the archetype yields.
func (a *archetype) object() cty.Value {
	services := make([]cty.Value, 0, len(a.services))
	for _, s := range a.services {
		services = append(services, cty.StringVal(s.name()))
	}
	return cty.ObjectVal(map[string]cty.Value{
		"address": cty.StringVal(string(a.frame.address(a.block))), "slug": cty.StringVal(a.block.name), "os": cty.StringVal(a.os), "services": cty.TupleVal(services),
	})
}

// slug evaluates an argument that names a catalogue item: by slug or by
// reference. It returns the item's key.
func (e *evaluator) slug(x *expression, scope *hcl.EvalContext, kind string) (string, bool) {
	value, ok := e.value(x, scope)
	if !ok {
		return "", false
	}
	return e.slugOf(x, value, kind)
}

func (e *evaluator) slugOf(x *expression, value cty.Value, kind string) (string, bool) {
	if address, ok := referred(value, kind); ok {
		if slug, own := strings.CutPrefix(string(address), kind+"."); own && e.root.configuration.blocks[kind][slug] != nil {
			return slug, true
		}
		return string(address), true
	}
	if value.Type().IsObjectType() {
		e.add(diag.Error(x.Range(), fmt.Sprintf("%s names no %s", x.name, kind), "Write its slug in quotes or %s.NAME.", kind))
		return "", false
	}
	name, ok := e.plainText(x, value)
	if !ok {
		return "", false
	}
	if e.configuration.blocks[kind][name] == nil {
		e.add(diag.Unknown(x.Range(), kind, name, e.configuration.names(kind)))
		return "", false
	}
	return e.key(kind, name), true
}

// slugs evaluates a list of catalogue items.
func (e *evaluator) slugs(x *expression, scope *hcl.EvalContext, kind string) ([]string, bool) {
	value, ok := e.value(x, scope)
	if !ok || value.IsNull() {
		return nil, false
	}
	value, _ = value.Unmark()
	if !value.CanIterateElements() || value.Type().IsObjectType() || value.Type().IsMapType() {
		e.add(diag.Error(x.Range(), fmt.Sprintf("%s must be a list", x.name), "Write a list of slugs or references in brackets."))
		return nil, false
	}
	var out []string
	all := true
	for it := value.ElementIterator(); it.Next(); {
		_, element := it.Element()
		name, ok := e.slugOf(x, element, kind)
		all = all && ok
		out = append(out, name)
	}
	return out, all
}

// distro resolves a distro block.
func (e *evaluator) distro(b *block, scope *hcl.EvalContext) {
	d := &distro{block: b, slug: b.name, machine: "x86_64"}
	d.title, _ = e.text(b, "title", scope)
	d.kernel, _ = e.text(b, "kernel", scope)
	d.build, _ = e.text(b, "build", scope)
	if machine, given := e.text(b, "machine", scope); given {
		d.machine = machine
	}
	style, _ := e.text(b, "hostname_style", scope)
	d.style = derive.Style(style)
	if style != "" && !slices.Contains(derive.Styles, d.style) {
		var choices []string
		for _, s := range derive.Styles {
			choices = append(choices, string(s))
		}
		e.add(diag.Unknown(b.arguments["hostname_style"].Range(), "hostname style", style, choices))
	}
	d.packages = e.packages(b, scope)
	e.distros[e.key("distro", b.name)] = d
	e.objects[b.id()] = textObject(map[string]string{
		"address": string(e.address(b)), "slug": d.slug, "title": d.title, "kernel": d.kernel, "build": d.build, "machine": d.machine, "hostname_style": style,
	})
}

func (e *evaluator) packages(b *block, scope *hcl.EvalContext) map[string]string {
	x, given := b.arguments["packages"]
	if !given {
		return nil
	}
	value, ok := e.value(x, scope)
	if !ok {
		return nil
	}
	converted, ok := e.public(x, value, cty.Map(cty.String), "a map of texts")
	if !ok {
		return nil
	}
	out := map[string]string{}
	for name, v := range converted.AsValueMap() {
		if v.IsNull() {
			e.add(diag.Error(x.Range(), fmt.Sprintf("The version of %s is null", name), "Every package has a version as its banner shows it."))
			continue
		}
		out[name] = v.AsString()
	}
	return out
}

// shared is the JSON of the fields of Host from OS on, without the opening
// brace.
func (d *distro) shared(os string) []byte {
	encoded, err := json.Marshal(struct {
		OS       string            `json:"os"`
		Distro   string            `json:"distro"`
		Title    string            `json:"title"`
		Kernel   string            `json:"kernel"`
		Build    string            `json:"build"`
		Machine  string            `json:"machine"`
		Packages map[string]string `json:"packages,omitempty"`
	}{os, d.slug, d.title, d.kernel, d.build, d.machine, d.packages})
	if err != nil { // texts and a map of texts always encode
		return []byte("}")
	}
	return encoded[1:]
}

// linkCatalogue merges into each archetype what it extends.
func (e *evaluator) linkCatalogue() {
	for _, name := range slices.Sorted(maps.Keys(e.archetypes)) {
		e.link(e.archetypes[name])
	}
}

// checkArchetypes checks the services of archetypes that no decky uses, too.
func (e *evaluator) checkArchetypes() {
	for _, name := range slices.Sorted(maps.Keys(e.archetypes)) {
		if a := e.archetypes[name]; !a.block.catalogue {
			a.frame.resolve(a.services, a.block)
		}
	}
}

// extendsItself reports a chain of extends that leads back to an archetype, as
// only computed ones can: others are circles of references.
func (e *evaluator) extendsItself(a *archetype) *hcl.Diagnostic {
	var steps []string
	related := diag.Related{}
	at := a
	for {
		x := at.block.arguments["extends"]
		related = append(related, x.Range())
		at = e.archetypes[at.extends]
		steps = append(steps, fmt.Sprintf("%s (%s)", at.block.id(), place(x.Range())))
		if at == a {
			break
		}
	}
	d := diag.Error(related[len(related)-1], fmt.Sprintf("%s extends itself", a.block.id()),
		"%s leads to %s. Break the circle at one of these places.", a.block.id(), strings.Join(steps, ", which leads to "))
	d.Extra = related
	return d
}

func (e *evaluator) link(a *archetype) {
	if a.linked {
		return
	}
	if a.linking {
		e.add(e.extendsItself(a))
		a.linked = true
		return
	}
	a.linking = true
	if base := e.archetypes[a.extends]; base != nil {
		e.link(base)
		if a.os == "" {
			a.os = base.os
		}
		if len(a.distros) == 0 {
			a.distros = base.distros
		}
		a.services = e.merge(base.services, a.services)
	}
	if a.os == "" {
		a.os = "linux"
	}
	a.linking, a.linked = false, true
	a.frame.objects[a.block.id()] = a.object()
}
