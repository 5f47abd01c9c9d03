package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
)

// wiresFor are the wires that let an attacker stand in every network of a
// configuration, whatever its parent and subnet. A bridge's Parent is the
// network's name: the bridge itself comes with the apply.
func wiresFor(d *schema.Desired) ([]lab.Wire, error) {
	taken := map[netip.Addr]bool{}
	var networks []schema.Network
	for _, i := range d.Instances {
		switch i.Type {
		case providers.TypeNetwork:
			var n schema.Network
			if err := json.Unmarshal(i.Config, &n); err != nil {
				return nil, fmt.Errorf("read %s: %w", i.Address, err)
			}
			networks = append(networks, n)
		case providers.TypeDecky:
			var c schema.Decky
			if err := json.Unmarshal(i.Config, &c); err != nil {
				return nil, fmt.Errorf("read %s: %w", i.Address, err)
			}
			mark(taken, c.Host.IP)
		}
	}
	var wires []lab.Wire
	for _, n := range networks {
		w, err := wireFor(n, taken)
		if err != nil {
			return nil, fmt.Errorf("network %s: %w", n.Name, err)
		}
		wires = append(wires, w)
	}
	return wires, nil
}

// mark notes an address, which may have a prefix or be none.
func mark(taken map[netip.Addr]bool, text string) {
	text, _, _ = strings.Cut(text, "/")
	if ip, err := netip.ParseAddr(text); err == nil {
		taken[ip] = true
	}
}

func wireFor(n schema.Network, taken map[netip.Addr]bool) (lab.Wire, error) {
	subnet, err := netip.ParsePrefix(n.Subnet)
	if err != nil {
		return lab.Wire{}, err
	}
	mark(taken, n.HostIP)
	mark(taken, n.Gateway)
	w := lab.Wire{Parent: n.Parent, Bridge: n.Driver == link.DriverBridge}
	if w.Bridge {
		w.Parent = n.Name
	} else if ip, err := netip.ParseAddr(n.Gateway); err == nil {
		w.Operator = netip.PrefixFrom(ip, subnet.Bits()).String()
	}
	attacker, err := attackerIn(subnet, n.Pool, taken)
	if err != nil {
		return lab.Wire{}, err
	}
	taken[attacker] = true
	w.Attacker = netip.PrefixFrom(attacker, subnet.Bits()).String()
	return w, nil
}

// attackerIn is a free address for the attacker: outside of the pool if there
// is one. The lab's own comes first.
func attackerIn(subnet netip.Prefix, pool string, taken map[netip.Addr]bool) (netip.Addr, error) {
	first, last, _ := strings.Cut(pool, "-")
	from, fromErr := netip.ParseAddr(first)
	to, toErr := netip.ParseAddr(last)
	pooled := func(ip netip.Addr) bool {
		return fromErr == nil && toErr == nil && from.Compare(ip) <= 0 && ip.Compare(to) <= 0
	}
	if own := netip.MustParseAddr(lab.AttackerIP); subnet.Contains(own) && !taken[own] && !pooled(own) {
		return own, nil
	}
	var spare netip.Addr
	network := subnet.Masked().Addr()
	for ip := network.Next(); subnet.Contains(ip); ip = ip.Next() {
		if taken[ip] || !subnet.Contains(ip.Next()) { // the last is the broadcast address
			continue
		}
		if !pooled(ip) {
			return ip, nil
		}
		spare = ip // the highest: pools are used from below
	}
	if !spare.IsValid() {
		return spare, fmt.Errorf("%s has no address left for the attacker", subnet)
	}
	return spare, nil
}
