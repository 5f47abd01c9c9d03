package link

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Neighbour is a host that answered on a segment a while ago.
type Neighbour struct {
	IP  netip.Addr
	MAC string
}

// Leased tells whether an IPv4 address of the link is not permanent: a DHCP
// server gave it (IFA_F_PERMANENT, rtnetlink(7)).
func (h *Handle) Leased(name string) (bool, error) {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return false, fmt.Errorf("look up link %s: %w", name, err)
	}
	addresses, err := h.addresses(l)
	if err != nil {
		return false, fmt.Errorf("list addresses of link %s: %w", name, err)
	}
	for _, a := range addresses {
		if a.Flags&unix.IFA_F_PERMANENT == 0 {
			return true, nil
		}
	}
	return false, nil
}

// Neighbours lists the hosts that this host's ARP table knows on a link. It
// sends nothing.
func (h *Handle) Neighbours(name string) ([]Neighbour, error) {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("look up link %s: %w", name, err)
	}
	entries, err := Whole(func() ([]netlink.Neigh, error) { return h.nl.NeighList(l.Attrs().Index, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list neighbours on %s: %w", name, err)
	}
	const answered = netlink.NUD_REACHABLE | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE | netlink.NUD_PERMANENT
	var all []Neighbour
	for _, e := range entries {
		ip, ok := netip.AddrFromSlice(e.IP)
		if ok && e.State&answered != 0 && len(e.HardwareAddr) == 6 {
			all = append(all, Neighbour{IP: ip.Unmap(), MAC: e.HardwareAddr.String()})
		}
	}
	return all, nil
}
