package main

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/schema"
)

// hostInterfaces describes this host's interfaces, for what a network block
// leaves out.
func hostInterfaces() ([]schema.Interface, error) {
	links, err := link.Whole(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	routes, err := link.Whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	gateways := map[int]netip.Addr{}
	for _, r := range routes {
		if r.Gw == nil || r.Dst != nil && r.Dst.IP != nil && !r.Dst.IP.IsUnspecified() {
			continue
		}
		if gateway, ok := netip.AddrFromSlice(r.Gw); ok {
			if _, taken := gateways[r.LinkIndex]; !taken {
				gateways[r.LinkIndex] = gateway.Unmap()
			}
		}
	}
	var interfaces []schema.Interface
	for _, l := range links {
		attrs := l.Attrs()
		if attrs.Flags&net.FlagLoopback != 0 {
			continue
		}
		addresses, err := link.Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(l, netlink.FAMILY_V4) })
		if err != nil {
			return nil, fmt.Errorf("list addresses of %s: %w", attrs.Name, err)
		}
		i := schema.Interface{Name: attrs.Name}
		for _, address := range addresses {
			ones, _ := address.Mask.Size()
			if ip, ok := netip.AddrFromSlice(address.IP); ok {
				i.Addresses = append(i.Addresses, netip.PrefixFrom(ip.Unmap(), ones))
			}
		}
		i.Gateway, i.Default = gateways[attrs.Index], gateways[attrs.Index].IsValid()
		interfaces = append(interfaces, i)
	}
	return interfaces, nil
}
