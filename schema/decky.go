package schema

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/addr"
)

// MaxInstances is how many deckies one block may have.
const MaxInstances = 65536

// maxReports is how many errors one block's instances add before the rest is
// left unevaluated.
const maxReports = 20

// deckyBlock is a decky block with its instances.
type deckyBlock struct {
	block     *block
	frame     *evaluator
	scope     *hcl.EvalContext
	kind      addr.KeyKind
	instances []*decky
	failed    bool
	value     cty.Value // what a reference yields, made when it is asked for

	static   map[string]cty.Value // values of the arguments that every instance shares
	errors   map[string]bool      // arguments of those that failed
	ready    map[*serviceBlock]*serviceDraft
	expanded map[*serviceBlock][]*serviceDraft // of dynamic blocks
	shared   map[*archetype][]*service         // where no service differs by instance
	varied   bool                              // some service differs by instance

	choices map[*archetype]*distroChoices
}

// decky is one instance.
type decky struct {
	of        *deckyBlock
	key       addr.Key
	address   addr.Address
	scope     *hcl.EvalContext
	network   *network
	archetype *archetype
	distro    *distro
	os        string
	runtime   string
	domain    string
	zone      string // time zone; "" for the default
	persist   string // one of Persists; "" for the default
	services  []*service

	vendors []string
	// written are the values that the configuration says, well or badly.
	written struct{ ip, mac, hostname bool }

	name     string
	ip       netip.Addr
	mac      string
	hostname string
}

// wave resolves decky blocks that do not depend on each other.
func (r *run) wave(nodes []*node) {
	var instances []*decky
	for _, n := range nodes {
		r.evaluated[n.id] = true
		for _, e := range r.frames[n.tree] {
			instances = append(instances, e.decky(n.block)...)
		}
	}
	r.root.allot(instances)
	r.all = append(r.all, instances...)
}

// decky resolves a decky block but for what is allotted.
func (e *evaluator) decky(b *block) []*decky {
	d := &deckyBlock{
		block: b, frame: e, static: map[string]cty.Value{}, errors: map[string]bool{}, ready: map[*serviceBlock]*serviceDraft{},
		expanded: map[*serviceBlock][]*serviceDraft{}, shared: map[*archetype][]*service{},
	}
	e.deckies[b.name] = d
	before := len(e.diags)
	e.expand(d)
	for _, instance := range d.instances {
		if len(e.diags)-before > maxReports {
			break
		}
		e.host(instance)
	}
	d.failed = d.failed || len(e.diags) > before
	return d.instances
}

// references of a block, those of its services too.
func (b *block) references() []reference {
	var out []reference
	for _, arguments := range b.allArguments() {
		for _, x := range arguments {
			out = append(out, x.references...)
		}
	}
	return out
}

// expand makes the instances of a block.
func (e *evaluator) expand(d *deckyBlock) {
	d.scope = e.scope(d.block.references())
	for _, s := range d.block.services {
		if slices.ContainsFunc(slices.Collect(maps.Values(s.arguments)), func(x *expression) bool { return x.instance }) {
			d.varied = true
			continue
		}
		if s.dynamic != nil {
			d.expanded[s] = e.expandDynamic(s, d.scope)
			continue
		}
		d.ready[s] = e.draft(s, d.scope)
	}
	if x := d.block.arguments["services"]; x != nil && x.instance {
		d.varied = true
	}
	x := e.expansion(d.block, d.scope)
	d.kind, d.failed = x.kind, d.failed || x.failed
	d.instances = make([]*decky, 0, len(x.each))
	for _, i := range x.each {
		address := e.prefix + addr.Of(addr.Step{Type: "decky", Name: d.block.name, Key: i.key})
		d.instances = append(d.instances, &decky{of: d, key: i.key, address: address, scope: i.scope})
	}
}

// instanceValue evaluates an argument of an instance, once for all of them where it
// is the same.
func (e *evaluator) instanceValue(i *decky, name string) (*expression, cty.Value, bool) {
	d := i.of
	x, given := d.block.arguments[name]
	if !given || d.errors[name] {
		return x, cty.NilVal, false
	}
	if x.instance {
		value, ok := e.value(x, i.scope)
		return x, value, ok && !value.IsNull()
	}
	value, known := d.static[name]
	if !known {
		var ok bool
		if value, ok = e.value(x, d.scope); !ok {
			d.errors[name] = true
			return x, cty.NilVal, false
		}
		d.static[name] = value
	}
	return x, value, !value.IsNull()
}

func (e *evaluator) instanceText(i *decky, name string) (*expression, string, bool) {
	x, value, ok := e.instanceValue(i, name)
	if !ok {
		return x, "", false
	}
	s, ok := e.plainText(x, value)
	return x, s, ok
}

// object is what a reference to the block yields.
func (d *deckyBlock) object() cty.Value {
	if d.failed {
		return cty.DynamicVal
	}
	if d.value != cty.NilVal {
		return d.value
	}
	switch d.kind {
	case addr.KeyIndex:
		values := make([]cty.Value, 0, len(d.instances))
		for _, i := range d.instances {
			values = append(values, i.object())
		}
		d.value = cty.TupleVal(values)
	case addr.KeyName:
		values := make(map[string]cty.Value, len(d.instances))
		for _, i := range d.instances {
			values[i.key.Name] = i.object()
		}
		d.value = cty.ObjectVal(values)
	default:
		d.value = d.instances[0].object()
	}
	return d.value
}

func (i *decky) object() cty.Value {
	return textObject(map[string]string{
		"address": string(i.address), "name": i.name, "hostname": i.hostname, "domain": i.domain, "ip": i.ip.String(), "mac": i.mac,
		"os": i.os, "distro": i.distro.slug, "network": i.network.Name,
	})
}
