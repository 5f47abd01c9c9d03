package docker

import (
	"fmt"
	"net/netip"

	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/schema"
)

// lastOf is the highest address of an IPv4 prefix.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(a)
}

// gatewayFor is the gateway that the engine is told. It takes one itself where
// it is told none, and that could be a decky's address: then it gets one that
// no decky can have, if the subnet has any.
func gatewayFor(c schema.Network) string {
	if c.Gateway != "" {
		return c.Gateway
	}
	subnet, err := netip.ParsePrefix(c.Subnet)
	if err != nil {
		return ""
	}
	first, last, err := link.ParsePool(c.Pool)
	if err != nil {
		return ""
	}
	broadcast := lastOf(subnet)
	for a := subnet.Masked().Addr().Next(); a.Less(broadcast); a = a.Next() {
		if !a.Less(first) && !last.Less(a) {
			if a = last; !a.Less(broadcast) {
				return ""
			}
			continue
		}
		if a.String() != c.HostIP {
			return a.String()
		}
	}
	return ""
}

// withPrefix is an address of the network with the network's prefix length.
func withPrefix(ip, subnet string) string {
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		return ip
	}
	return fmt.Sprintf("%s/%d", ip, p.Bits())
}
