package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
)

// priorValues is what is kept of an instance's prior configuration.
type priorValues struct {
	Name   string `json:"name"`
	HostIP string `json:"host_ip"` // of a network
	Host   struct {
		IP       string `json:"ip"`
		MAC      string `json:"mac"`
		Hostname string `json:"hostname"`
		Distro   string `json:"distro"`
	} `json:"host"` // of a decky
	Distro string `json:"-"`
}

// prior is what an instance had before; zero where there is nothing.
func (e *evaluator) prior(address addr.Address) priorValues {
	if p, known := e.priors[address]; known {
		return p
	}
	var p priorValues
	if raw, ok := e.options.Prior[address]; ok && json.Unmarshal(raw, &p) == nil {
		p.Distro = p.Host.Distro
	}
	e.priors[address] = p
	return p
}

// priorIPs are the prior IPs of deckies whose blocks are yet to be evaluated:
// nobody else may take them.
func (e *evaluator) priorIPs() map[netip.Addr]string {
	if e.waiting != nil {
		return e.waiting
	}
	e.waiting = map[netip.Addr]string{}
	for address := range e.options.Prior {
		s := string(address)
		if !strings.HasPrefix(s, "decky.") && !strings.HasPrefix(s, "module.") || strings.Contains(s, ".service.") {
			continue
		}
		id, ok := blockID(s)
		if !ok || e.nodes[id] == nil || e.nodes[id].block == nil || e.nodes[id].block.kind != "decky" {
			continue
		}
		if ip, err := netip.ParseAddr(e.prior(address).Host.IP); err == nil {
			e.waiting[ip] = id
		}
	}
	return e.waiting
}

// blockID is the id of the block that an address is an instance of.
func blockID(address string) (string, bool) {
	steps, err := addr.Parse(address)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	for i, s := range steps {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.Type)
		b.WriteByte('.')
		b.WriteString(s.Name)
	}
	return b.String(), true
}

// awaited tells whether ip is kept for a decky that is yet to be evaluated.
func (e *evaluator) awaited(ip netip.Addr) bool {
	block, kept := e.priorIPs()[ip]
	return kept && !e.evaluated[block]
}

// allot gives instances their names, IPs, MACs and hostnames: what is written
// first, then what was there before, then what is derived, in the order of
// addresses.
func (e *evaluator) allot(instances []*decky) {
	slices.SortFunc(instances, func(a, b *decky) int { return addr.Compare(a.address, b.address) })
	draws := make([]derive.Draw, len(instances))
	for n, i := range instances {
		draws[n] = derive.Of(e.seed, string(i.address))
	}
	e.nameAll(instances)
	e.writtenValues(instances)
	e.keepPrior(instances)
	refused := map[*network]func(netip.Addr) bool{}
	for n, i := range instances {
		address := string(i.address)
		if i.mac == "" && !i.written.mac {
			i.mac = e.macs.Derive(draws[n], i.vendors, address)
		}
		if i.hostname == "" && !i.written.hostname && i.distro != nil {
			i.hostname = e.hostnames.Derive(draws[n], i.distro.style, address)
		}
		if i.ip.IsValid() || i.written.ip || i.network == nil || !i.network.pool.First.IsValid() {
			continue
		}
		if refused[i.network] == nil {
			of := e.refused(i.network)
			refused[i.network] = func(ip netip.Addr) bool { return of(ip) || e.awaited(ip) }
		}
		if e.reported["pool "+string(i.network.address)] {
			continue
		}
		ip, ok := i.network.ips.Derive(draws[n], i.network.pool, address, refused[i.network])
		if !ok {
			e.exhausted(i.network, address)
			i.of.failed = true
			continue
		}
		i.ip = ip
	}
	for _, i := range instances {
		if !i.ip.IsValid() || i.distro == nil || i.network == nil || i.mac == "" || i.hostname == "" {
			i.of.failed = true
		}
	}
}

// nameAll names instances: first those that keep a name, then the others. A name
// that something has which is no longer wanted is not free before that is gone,
// which may be after the new one is made.
func (e *evaluator) nameAll(instances []*decky) {
	wanted := make(map[addr.Address]bool, len(instances))
	for _, i := range instances {
		wanted[i.address] = true
	}
	name := func(kept bool) {
		for _, i := range instances {
			prior := e.prior(i.address).Name
			if (prior != "") != kept {
				continue
			}
			parts := i.of.frame.nameParts(i.of.block)
			if i.key.Kind != addr.KeyNone {
				parts = append(parts, keyPart(i.key))
			}
			i.name = e.names.Derive("decky/"+string(i.address), prior, parts...)
		}
	}
	name(true)
	for _, address := range slices.Sorted(maps.Keys(e.options.Prior)) {
		if wanted[address] || strings.Contains(string(address), ".service.") {
			continue
		}
		if prior := e.prior(address); prior.Name != "" && prior.Host.IP != "" {
			e.names.Keep("decky/"+string(address), prior.Name)
		}
	}
	name(false)
}

// writtenValues takes ip, mac and hostname where the configuration says them.
func (e *evaluator) writtenValues(instances []*decky) {
	for _, i := range instances {
		address := string(i.address)
		if x, s, ok := e.writtenText(i, "ip", &i.written.ip); ok && i.network != nil {
			e.writtenIP(i, x, s)
		}
		if x, s, ok := e.writtenText(i, "mac", &i.written.mac); ok {
			mac, err := derive.ParseMAC(s)
			if err == nil {
				if owner := e.macs.Claim(mac, address); owner != "" {
					err = fmt.Errorf("%s has this MAC already", owner)
				}
			}
			if err != nil {
				e.add(diag.Error(x.Range(), fmt.Sprintf("The MAC of %s is not accepted", address), "%s.", sentence(err.Error())))
			}
			i.mac = mac
		}
		if x, s, ok := e.writtenText(i, "hostname", &i.written.hostname); ok {
			err := derive.CheckHostname(s)
			if err == nil {
				if owner := e.hostnames.Claim(s, address); owner != "" {
					err = fmt.Errorf("%s has the hostname %q already; format(\"web-%%02d\", count.index) makes one each", owner, s)
				}
			}
			if err != nil {
				e.add(diag.Error(x.Range(), fmt.Sprintf("The hostname of %s is not accepted", address), "%s.", sentence(err.Error())))
			}
			i.hostname = s
		}
	}
}

// writtenText is instanceText that notes whether the argument says anything:
// null says nothing, an error does.
func (e *evaluator) writtenText(i *decky, name string, written *bool) (*expression, string, bool) {
	if i.of.block.arguments[name] == nil {
		return nil, "", false
	}
	before := len(e.diags)
	x, s, ok := e.instanceText(i, name)
	*written = ok || i.of.errors[name] || x.bad || len(e.diags) > before
	return x, s, ok
}

func (e *evaluator) writtenIP(i *decky, x *expression, s string) {
	n := i.network
	ip, err := e.hostAddress(n, s)
	switch {
	case err != nil:
	case ip == n.gateway:
		err = fmt.Errorf("%s is the gateway of network %q", s, n.block.name)
	case slices.Contains(n.host, ip):
		err = fmt.Errorf("%s is this host's own address", s)
	case e.options.Reserved(ip):
		err = fmt.Errorf("%s belongs to another configuration on this host", s)
	default:
		if owner := n.ips.Claim(ip, string(i.address)); owner != "" {
			err = fmt.Errorf("%s has %s already", e.ownerPlace(owner), s)
		}
	}
	if err != nil {
		e.add(diag.Error(x.Range(), fmt.Sprintf("The IP of %s is not accepted", i.address), "%s.", sentence(err.Error())))
		return
	}
	i.ip = ip
}

// ownerPlace is the owner of an IP and where it stands.
func (e *evaluator) ownerPlace(owner string) string {
	id, _ := blockID(owner)
	n := e.nodes[id]
	if n == nil || n.block == nil {
		return owner
	}
	b := n.block
	at := b.declared
	if x := b.arguments["ip"]; x != nil {
		at = x.Range()
	}
	return fmt.Sprintf("%s (%s)", owner, place(at))
}

// keepPrior keeps what instances had, where it still fits.
func (e *evaluator) keepPrior(instances []*decky) {
	for _, i := range instances {
		prior := e.prior(i.address)
		if prior.Name == "" {
			continue
		}
		address := string(i.address)
		if !i.written.mac && derive.MadeBy(prior.Host.MAC, i.vendors) && e.macs.Claim(prior.Host.MAC, address) == "" {
			i.mac = prior.Host.MAC
		}
		if !i.written.hostname && i.distro != nil && i.distro.style.Fits(prior.Host.Hostname) && e.hostnames.Claim(prior.Host.Hostname, address) == "" {
			i.hostname = prior.Host.Hostname
		}
		if i.written.ip || i.network == nil {
			continue
		}
		ip, err := netip.ParseAddr(prior.Host.IP)
		if err != nil || !i.network.pool.First.IsValid() || !i.network.pool.Contains(ip) || e.refused(i.network)(ip) {
			continue
		}
		if i.network.ips.Claim(ip, address) == "" {
			i.ip = ip
		}
	}
}
