package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
)

// drivers of a network.
var drivers = []string{"macvlan", "ipvlan", "bridge"}

// maxInterfaceName is Linux' IFNAMSIZ less the NUL.
const maxInterfaceName = 15

// network is a resolved network with what allocation needs.
type network struct {
	Network
	block   *block
	frame   *evaluator
	address addr.Address
	subnet  netip.Prefix
	gateway netip.Addr
	pool    derive.Range
	host    []netip.Addr // the host's own addresses in the subnet
	ips     *derive.IPs
	at      hcl.Range // of the pool, or of the block
	runtime string    // that of its deckies, "" without any
	users   *decky    // the first of them
	encoded []byte    // JSON
}

// network resolves a network block.
func (e *evaluator) network(b *block, scope *hcl.EvalContext) {
	n := &network{block: b, frame: e, address: e.address(b), at: b.declared}
	n.Driver = "macvlan"
	before := len(e.diags)
	if driver, given := e.text(b, "driver", scope); given {
		if !slices.Contains(drivers, driver) {
			e.add(diag.Unknown(b.arguments["driver"].Range(), "driver", driver, drivers))
		}
		n.Driver = driver
	}
	via := e.parent(n, scope)
	e.subnet(n, via, scope)
	if len(e.diags) > before || !n.subnet.IsValid() {
		e.objects[b.id()] = cty.DynamicVal
		return
	}
	n.Name = e.names.Derive("network/"+string(e.prefix)+b.name, e.prior(n.address).Name, e.nameParts(b)...)
	n.ips = e.segment(n)
	e.gatewayOf(n, via, scope)
	n.host = e.hostAddresses(n, scope)
	if x, given := b.arguments["pool"]; given {
		n.at = x.Range()
	}
	e.pool(n, via, scope)
	e.hostAccess(n, scope)
	if encoded, err := json.Marshal(n.Network); err == nil {
		n.encoded = encoded
	}
	e.networks[n.address] = n
	if len(e.diags) > before {
		e.objects[b.id()] = cty.DynamicVal
		return
	}
	e.objects[b.id()] = textObject(map[string]string{
		"address": string(n.address), "name": n.Name, "driver": n.Driver, "parent": n.Parent, "subnet": n.Subnet, "gateway": n.Gateway,
		"pool": n.Pool, "host_ip": n.HostIP,
	})
}

// textObject is an object of texts; an empty one is null.
func textObject(fields map[string]string) cty.Value {
	values := make(map[string]cty.Value, len(fields))
	for name, s := range fields {
		values[name] = cty.StringVal(s)
		if s == "" {
			values[name] = cty.NullVal(cty.String)
		}
	}
	return cty.ObjectVal(values)
}

// parent decides which interface a network hangs on, and returns what is known
// of it.
func (e *evaluator) parent(n *network, scope *hcl.EvalContext) *Interface {
	b := n.block
	x, written := b.arguments["parent"]
	name, given := e.text(b, "parent", scope)
	switch {
	case n.Driver == "bridge":
		if given {
			e.add(diag.Error(x.Range(), "A bridge has no parent", "The bridge is made by decnet and joins its deckies only. Leave parent out, or use macvlan."))
		}
		return nil
	case given:
		if name == "" || len(name) > maxInterfaceName || strings.ContainsAny(name, "/: \t\n") || name == "." || name == ".." {
			e.add(diag.Error(x.Range(), "This is no name of an interface", "A name has 1 to %d characters, no space, slash or colon.", maxInterfaceName))
		}
		n.Parent = name
	case written && e.failed(x, scope):
		return nil
	default:
		for i, candidate := range e.options.Interfaces {
			if candidate.Default {
				n.Parent = candidate.Name
				return &e.options.Interfaces[i]
			}
		}
		e.add(diag.Error(b.declared, fmt.Sprintf("network %q needs a parent", b.name),
			"It is the host's interface that the deckies appear on, such as parent = \"eth0\". No default route tells which one is meant."))
	}
	for i, candidate := range e.options.Interfaces {
		if candidate.Name == n.Parent {
			return &e.options.Interfaces[i]
		}
	}
	return nil
}

// failed tells whether evaluating an argument fails, without reporting it
// again.
func (e *evaluator) failed(x *expression, scope *hcl.EvalContext) bool {
	value, diags := x.Value(scope)
	return diags.HasErrors() || !value.IsWhollyKnown()
}

func (e *evaluator) subnet(n *network, via *Interface, scope *hcl.EvalContext) {
	b := n.block
	x, written := b.arguments["subnet"]
	s, given := e.text(b, "subnet", scope)
	if !given {
		if written && e.failed(x, scope) {
			return
		}
		if via != nil {
			for _, p := range via.Addresses {
				if p.Addr().Is4() {
					n.subnet, n.Subnet = p.Masked(), p.Masked().String()
					return
				}
			}
		}
		if n.Parent != "" || n.Driver == "bridge" {
			e.add(diag.Error(b.declared, fmt.Sprintf("network %q needs a subnet", b.name), "Write one such as subnet = \"192.168.1.0/24\"."))
		}
		return
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		e.add(diag.Error(x.Range(), "This is no subnet", "%q is no CIDR such as 192.168.1.0/24.", s))
	case !p.Addr().Is4():
		e.add(diag.Error(x.Range(), "Only IPv4 subnets are known", "Deckies have no IPv6 yet."))
	case p != p.Masked():
		e.add(diag.Error(x.Range(), "The subnet has host bits", "Did you mean %q?", p.Masked().String()))
	case p.Bits() < 8 || p.Bits() > 30:
		e.add(diag.Error(x.Range(), "The subnet has no useful size", "Prefixes of 8 to 30 bits are accepted, this one has %d.", p.Bits()))
	default:
		n.subnet, n.Subnet = p, p.String()
	}
}

// segment is the allocation that networks of one parent share.
func (e *evaluator) segment(n *network) *derive.IPs {
	key := "parent " + n.Parent
	if n.Parent == "" {
		key = "network " + string(n.address)
	}
	if e.segments[key] == nil {
		e.segments[key] = derive.NewIPs()
	}
	return e.segments[key]
}

func (e *evaluator) gatewayOf(n *network, via *Interface, scope *hcl.EvalContext) {
	s, given := e.text(n.block, "gateway", scope)
	switch {
	case given:
		ip, err := e.hostAddress(n, s)
		if err != nil {
			e.add(diag.Error(n.block.arguments["gateway"].Range(), "This is no gateway", "%s.", sentence(err.Error())))
			return
		}
		n.gateway = ip
	case n.Driver == "bridge":
		n.gateway = derive.Usable(n.subnet).First
	case via != nil && via.Gateway.IsValid() && n.subnet.Contains(via.Gateway):
		n.gateway = via.Gateway
	default:
		return
	}
	n.Gateway = n.gateway.String()
}

// hostAddresses are the addresses in a network's subnet that this host has, on
// whichever interface, but for that of the network's own host-side interface.
func (e *evaluator) hostAddresses(n *network, scope *hcl.EvalContext) []netip.Addr {
	own := e.prior(n.address).HostIP
	if x := n.block.arguments["host_ip"]; x != nil && own != "" && !e.failed(x, scope) {
		own, _ = e.text(n.block, "host_ip", scope)
	}
	var out []netip.Addr
	for _, i := range e.options.Interfaces {
		for _, p := range i.Addresses {
			if ip := p.Addr(); n.subnet.Contains(ip) && (ip.String() != own || i.Name == n.Parent) {
				out = append(out, ip)
			}
		}
	}
	return out
}

// hostAddress reads an IP that a host in the subnet can have.
func (e *evaluator) hostAddress(n *network, s string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	switch {
	case err != nil || !ip.Is4():
		return ip, fmt.Errorf("%q is no IPv4 address", s)
	case !n.subnet.Contains(ip):
		return ip, fmt.Errorf("%s is outside %s", s, n.subnet)
	case ip == n.subnet.Addr():
		return ip, fmt.Errorf("%s is the address of the subnet itself", s)
	case ip == derive.Broadcast(n.subnet):
		return ip, fmt.Errorf("%s is the broadcast address of %s", s, n.subnet)
	}
	return ip, nil
}

func (e *evaluator) pool(n *network, via *Interface, scope *hcl.EvalContext) {
	n.pool = derive.Usable(n.subnet)
	// Only what stays where it is shortens the pool: a network does not change
	// because the host was given an address.
	fixed := func(ip netip.Addr) bool {
		return ip == n.gateway || via != nil && slices.ContainsFunc(via.Addresses, func(p netip.Prefix) bool { return p.Addr() == ip })
	}
	for n.pool.First != n.pool.Last && fixed(n.pool.First) {
		n.pool.First = n.pool.First.Next()
	}
	for n.pool.First != n.pool.Last && fixed(n.pool.Last) {
		n.pool.Last = n.pool.Last.Prev()
	}
	if s, given := e.text(n.block, "pool", scope); given {
		r, err := derive.ParseRange(s)
		if err != nil {
			e.add(diag.Error(n.at, "This is no pool", "%s.", sentence(err.Error())))
			return
		}
		if !n.subnet.Contains(r.First) || !n.subnet.Contains(r.Last) {
			e.add(diag.Error(n.at, "The pool leaves the subnet", "%s is not inside %s.", r, n.subnet))
			return
		}
		n.pool = r
	}
	n.Pool = n.pool.String()
}

// occupied tells whether an IP is the gateway's or the host's own.
func (n *network) occupied(ip netip.Addr) bool { return ip == n.gateway || slices.Contains(n.host, ip) }

// refused tells whether an IP of a network may never be given to a decky.
func (e *evaluator) refused(n *network) func(netip.Addr) bool {
	broadcast := derive.Broadcast(n.subnet)
	return func(ip netip.Addr) bool {
		return ip == n.subnet.Addr() || ip == broadcast || n.occupied(ip) || e.options.Reserved(ip)
	}
}

// hostAccess gives the host-side interface its address.
func (e *evaluator) hostAccess(n *network, scope *hcl.EvalContext) {
	wanted := e.flag(n.block, "host_access", scope)
	s, given := e.text(n.block, "host_ip", scope)
	if given && !wanted {
		e.add(diag.Error(n.block.arguments["host_ip"].Range(), "host_ip needs host_access", "Write host_access = true beside it."))
	}
	if !wanted || !n.pool.First.IsValid() {
		return
	}
	owner := string(n.address)
	refused := e.refused(n)
	if given {
		ip, err := e.hostAddress(n, s)
		if err == nil && refused(ip) {
			err = fmt.Errorf("%s is the gateway's, the host's or another configuration's", s)
		}
		if err != nil {
			e.add(diag.Error(n.block.arguments["host_ip"].Range(), "This IP cannot be the host's", "%s.", sentence(err.Error())))
			return
		}
		n.ips.Claim(ip, owner)
		n.HostIP = s
		return
	}
	if ip, err := netip.ParseAddr(e.prior(n.address).HostIP); err == nil && n.pool.Contains(ip) && !refused(ip) && n.ips.Claim(ip, owner) == "" {
		n.HostIP = ip.String()
		return
	}
	ip, ok := n.ips.Derive(derive.Of(e.seed, owner), n.pool, owner, func(ip netip.Addr) bool { return refused(ip) || e.awaited(ip) })
	if !ok {
		e.exhausted(n, owner)
		return
	}
	n.HostIP = ip.String()
}

func (e *evaluator) exhausted(n *network, owner string) {
	if e.reported["pool "+string(n.address)] {
		return
	}
	e.reported["pool "+string(n.address)] = true
	e.add(diag.Error(n.at, fmt.Sprintf("The pool of %s is exhausted", n.title()),
		"It has %d addresses, %s is the first that gets none. Widen pool, or move deckies to another network.", n.pool.Size(), owner))
}

// checkPools looks for networks of one parent whose pools overlap.
func (r *run) checkPools() {
	names := r.sortedNetworks()
	for i, a := range names {
		for _, b := range names[:i] {
			x, y := r.networks[a], r.networks[b]
			if x.ips != y.ips || !x.pool.First.IsValid() || !y.pool.First.IsValid() || !x.pool.Overlaps(y.pool) {
				continue
			}
			r.add(diag.Error(x.at, fmt.Sprintf("The pools of %s and %s overlap", y.title(), x.title()),
				"Both hang on %s: %s at %s, and %s here. Give each a part of its own.", x.Parent, y.pool, place(y.at), x.pool))
		}
	}
}

// sortedNetworks are the addresses of all networks.
func (r *run) sortedNetworks() []addr.Address {
	return slices.SortedFunc(maps.Keys(r.networks), addr.Compare)
}

// title names the network for people.
func (n *network) title() string {
	if n.address == addr.Address(n.block.id()) {
		return fmt.Sprintf("network %q", n.block.name)
	}
	return string(n.address)
}
