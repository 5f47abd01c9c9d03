package schema

import (
	"fmt"
	"maps"
	"slices"
	"time"
	_ "time/tzdata" // the names are the same on every machine

	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
)

// host resolves what an instance says about itself; allot adds what is derived.
func (e *evaluator) host(i *decky) {
	e.place(i)
	i.os, i.runtime = "linux", e.options.DefaultRuntime
	if x, value, ok := e.instanceValue(i, "archetype"); ok {
		if slug, ok := e.slugOf(x, value, "archetype"); ok {
			if i.archetype = e.archetypes[slug]; i.archetype != nil {
				i.os = i.archetype.os
			} else {
				e.early(i, x, "archetype", slug)
			}
		}
	}
	if x, os, ok := e.instanceText(i, "os"); ok {
		if i.os = os; !slices.Contains(derive.Families(), os) {
			e.add(diag.Unknown(x.Range(), "operating system family", os, derive.Families()))
		}
	}
	if x, runtime, ok := e.instanceText(i, "runtime"); ok {
		if i.runtime = runtime; !slices.Contains(Runtimes, runtime) {
			e.add(diag.Unknown(x.Range(), "runtime", runtime, Runtimes))
		}
	}
	if x, domain, ok := e.instanceText(i, "domain"); ok {
		if err := derive.CheckHostname(domain); err != nil {
			e.add(diag.Error(x.Range(), "This is no domain", "%s.", sentence(err.Error())))
		}
		i.domain = domain
	}
	if x, zone, ok := e.instanceText(i, "timezone"); ok {
		if !knownZone(zone) {
			e.add(diag.Error(x.Range(), fmt.Sprintf("There is no time zone %q", zone), "Write a name of the tz database: \"Europe/Berlin\", \"America/New_York\", \"Etc/UTC\"."))
		}
		i.zone = zone
	}
	if x, persist, ok := e.instanceText(i, "persist"); ok {
		if i.persist = persist; !slices.Contains(Persists, persist) {
			e.add(diag.Unknown(x.Range(), "keeping", persist, Persists))
		}
	}
	e.distroOf(i)
	e.vendorsOf(i)
	e.servicesOf(i)
	e.runtimeOf(i)
}

// Persists says whose what clients wrote may be: everybody's who comes to the
// decky, or the source's alone that wrote it.
var Persists = []string{"decky", "source"}

// knownZone tells a name of the tz database, whatever the machine has
// installed.
func knownZone(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// place finds the network of an instance.
func (e *evaluator) place(i *decky) {
	x, value, ok := e.instanceValue(i, "network")
	if !ok {
		return
	}
	address, isNetwork := referred(value, "network")
	if !isNetwork {
		d := diag.Error(x.Range(), "network must be a network", "Write network = network.NAME.")
		if value.Type() == cty.String && !value.IsMarked() {
			names := e.configuration.names("network")
			d.Detail = fmt.Sprintf("A network is referred to, not named by a text: write network = network.NAME. %s", diag.Advice("network", value.AsString(), names))
		}
		e.add(d)
		i.of.errors["network"] = true
		return
	}
	i.network = e.networks[address]
	if i.network == nil {
		i.of.failed = true // the network's own errors say why
	}
}

// early reports a catalogue item that is not there yet: what it says depends on
// a decky of the same wave, or its own errors say why.
func (e *evaluator) early(i *decky, x *expression, kind, slug string) {
	i.of.failed = true
	if !e.diags.HasErrors() {
		e.add(diag.Error(x.Range(), fmt.Sprintf("%s %q is not known yet", kind, slug), "What it says depends on a decky. Refer to it without quotes, as %s.NAME.", kind))
	}
}

func (e *evaluator) distroOf(i *decky) {
	if x, value, ok := e.instanceValue(i, "distro"); ok {
		if slug, ok := e.slugOf(x, value, "distro"); ok {
			if i.distro = e.distros[slug]; i.distro == nil {
				e.early(i, x, "distro", slug)
			}
		}
		return
	}
	if _, given := i.of.block.arguments["distro"]; given && i.of.errors["distro"] {
		return
	}
	choices := e.choices(i)
	slug := e.prior(i.address).Distro
	if choices.distros[slug] == nil {
		slug = derive.Of(e.seed, string(i.address)).Pick("distro", choices.slugs)
	}
	if i.distro = choices.distros[slug]; i.distro == nil {
		if e.configuration.blocks["distro"][slug] == nil {
			e.add(diag.Error(i.of.block.declared, fmt.Sprintf("decky %q needs a distro", i.of.block.name), "%s", diag.Advice("distro", "", e.configuration.names("distro"))))
		}
	}
}

// distroChoices are the distros that an archetype's deckies may have.
type distroChoices struct {
	slugs   []string
	distros map[string]*distro
}

// choices are the distros of an instance's archetype.
func (e *evaluator) choices(i *decky) *distroChoices {
	if c := i.of.choices[i.archetype]; c != nil {
		return c
	}
	c := &distroChoices{distros: map[string]*distro{}}
	if i.archetype != nil {
		for _, key := range i.archetype.distros {
			if d := e.distros[key]; d != nil {
				c.distros[d.slug] = d
			}
		}
	}
	if len(c.distros) == 0 {
		c.distros["debian"] = e.distros["debian"]
	}
	c.slugs = slices.Sorted(maps.Keys(c.distros))
	if i.of.choices == nil {
		i.of.choices = map[*archetype]*distroChoices{}
	}
	i.of.choices[i.archetype] = c
	return c
}

func (e *evaluator) vendorsOf(i *decky) {
	i.vendors = derive.Makers(i.os)
	x, vendor, ok := e.instanceText(i, "vendor")
	if !ok {
		return
	}
	if !slices.Contains(derive.Vendors(), vendor) {
		e.add(diag.Unknown(x.Range(), "vendor", vendor, derive.Vendors()))
		return
	}
	if _, both := i.of.block.arguments["mac"]; both {
		e.add(diag.Error(x.nameRange, "vendor and mac exclude each other", "mac says the whole address; leave one of them out."))
	}
	i.vendors = []string{vendor}
}

// servicesOf resolves the services of an instance, once for all instances of
// an archetype where they are the same.
func (e *evaluator) servicesOf(i *decky) {
	d := i.of
	if services, done := d.shared[i.archetype]; done {
		i.services = services
		return
	}
	drafts := e.drafts(d.block, i.scope, d.ready, d.expanded)
	var base []*serviceDraft
	if i.archetype != nil {
		base = i.archetype.services
	}
	i.services = e.resolve(e.merge(base, drafts), d.block)
	if !d.varied {
		d.shared[i.archetype] = i.services
	}
}

// runtimeOf keeps the deckies of a network on one runtime: the network's
// object belongs to it.
func (e *evaluator) runtimeOf(i *decky) {
	n := i.network
	if n == nil {
		return
	}
	if n.users == nil {
		n.users, n.runtime = i, i.runtime
		return
	}
	if n.runtime == i.runtime || e.reported["runtime "+string(i.of.frame.address(i.of.block))] {
		return
	}
	e.reported["runtime "+string(i.of.frame.address(i.of.block))] = true
	at := i.of.block.declared
	if x := i.of.block.arguments["runtime"]; x != nil {
		at = x.Range()
	}
	e.add(diag.Error(at, fmt.Sprintf("%s has deckies of two runtimes", n.title()),
		"%s is %s, %s is %s. Give each runtime a network of its own, with a pool of its own.", n.users.address, n.runtime, i.address, i.runtime))
}
