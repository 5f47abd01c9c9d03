package link

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// hairpinPrefix and a number name the hairpin interfaces of a host.
const hairpinPrefix = "decnet_macvlan"

// IsHairpin tells whether a name is one that EnsureHairpin gives.
func IsHairpin(name string) bool { return strings.HasPrefix(name, hairpinPrefix) }

// Hairpin is the interface through which a host reaches the children of its own
// parent interface: the kernel does not let it do so directly.
type Hairpin struct {
	Driver string // DriverMacvlan or DriverIPvlan
	Parent string
	Alias  string // whose it is; what carries it is adopted
	IP     string // the host's address on it
	Pool   string // what is reached through it: "first-last"
}

// EnsureHairpin makes the hairpin, or what lacks of it, and returns the name of
// its interface: decnet_macvlan0, or the next number that is free.
func (h *Handle) EnsureHairpin(want Hairpin) (name string, err error) {
	routes, err := CIDRs(want.Pool)
	if err != nil {
		return "", err
	}
	name, err = h.hairpinLink(want)
	if err != nil {
		return "", err
	}
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return name, fmt.Errorf("look up hairpin %s: %w", name, err)
	}
	if err := h.onlyAddress(l, want.IP+"/32"); err != nil {
		return name, err
	}
	if err := h.nl.LinkSetUp(l); err != nil {
		return name, fmt.Errorf("bring up hairpin %s: %w", name, err)
	}
	have, err := h.Routes(name)
	if err != nil {
		return name, err
	}
	for _, r := range routes {
		if !slices.Contains(have, r) {
			if err := h.SetRoute(name, r); err != nil {
				return name, err
			}
		}
	}
	for _, r := range have {
		if !slices.Contains(routes, r) {
			if err := h.deleteRoute(l, r); err != nil {
				return name, err
			}
		}
	}
	return name, nil
}

func (h *Handle) hairpinLink(want Hairpin) (string, error) {
	if err := h.Claim(want.Alias); err != nil {
		return "", err
	}
	mine, taken, err := h.findHairpin(want.Alias)
	if err != nil {
		return "", err
	}
	if mine != nil {
		return mine.Name, nil
	}
	for n := 0; ; n++ {
		name := hairpinPrefix + strconv.Itoa(n)
		if taken[name] {
			continue
		}
		err := h.createHairpin(name, want)
		if errors.Is(err, ErrForeign) || errors.Is(err, unix.EEXIST) {
			taken[name] = true // somebody was quicker
			continue
		}
		return name, err
	}
}

// FindHairpin is the hairpin that carries the alias, nil where there is none.
func (h *Handle) FindHairpin(alias string) (*Info, error) {
	mine, _, err := h.findHairpin(alias)
	return mine, err
}

func (h *Handle) findHairpin(alias string) (mine *Info, taken map[string]bool, err error) {
	links, err := h.Dump()
	if err != nil {
		return nil, nil, err
	}
	taken = map[string]bool{}
	for i, l := range links {
		if l.Alias == alias && IsHairpin(l.Name) {
			mine = &links[i]
		}
		taken[l.Name] = true
	}
	return mine, taken, nil
}

func (h *Handle) createHairpin(name string, want Hairpin) error {
	if want.Driver == DriverIPvlan {
		return h.CreateHostIPvlan(name, want.Parent, want.Alias)
	}
	return h.CreateHostMacvlan(name, want.Parent, want.Alias)
}

// OnlyAddress gives the named link one IPv4 address and takes others away.
func (h *Handle) OnlyAddress(name, cidr string) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	return h.onlyAddress(l, cidr)
}

// onlyAddress gives a link one IPv4 address and takes others away.
func (h *Handle) onlyAddress(l netlink.Link, cidr string) error {
	have, err := h.addresses(l)
	if err != nil {
		return fmt.Errorf("list addresses of link %s: %w", l.Attrs().Name, err)
	}
	for _, a := range have {
		if a.IPNet.String() != cidr {
			if err := h.nl.AddrDel(l, &a); err != nil {
				return fmt.Errorf("take address %s from link %s: %w", a.IPNet, l.Attrs().Name, err)
			}
		}
	}
	return h.setAddress(l, cidr)
}

func (h *Handle) deleteRoute(l netlink.Link, destination string) error {
	dst, err := netlink.ParseIPNet(destination)
	if err != nil {
		return nil // not one that EnsureHairpin made
	}
	err = h.nl.RouteDel(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Scope: netlink.SCOPE_LINK})
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("delete route %s over link %s: %w", destination, l.Attrs().Name, err)
	}
	return nil
}

// ParsePool reads an IPv4 range "first-last".
func ParsePool(pool string) (first, last netip.Addr, err error) {
	a, b, ok := strings.Cut(pool, "-")
	if !ok {
		return first, last, fmt.Errorf("pool %q: want first-last", pool)
	}
	if first, err = netip.ParseAddr(strings.TrimSpace(a)); err == nil {
		last, err = netip.ParseAddr(strings.TrimSpace(b))
	}
	if err != nil {
		return first, last, fmt.Errorf("pool %q: %w", pool, err)
	}
	if !first.Is4() || !last.Is4() || last.Less(first) {
		return first, last, fmt.Errorf("pool %q: want two IPv4 addresses, the lower first", pool)
	}
	return first, last, nil
}

// CIDRs covers an IPv4 range "first-last" exactly, with as few networks as
// there can be.
func CIDRs(pool string) ([]string, error) {
	first, last, err := ParsePool(pool)
	if err != nil {
		return nil, err
	}
	from, to := number(first), number(last)
	var all []string
	for {
		// The largest block that begins at from and does not pass to.
		size := 32
		if from != 0 {
			size = bits.TrailingZeros32(from)
		}
		for size > 0 && (size == 32 && to != ^uint32(0) || size < 32 && uint64(from)+uint64(1)<<size-1 > uint64(to)) {
			size--
		}
		all = append(all, netip.PrefixFrom(address(from), 32-size).String())
		next := uint64(from) + uint64(1)<<size
		if next > uint64(to) {
			return all, nil
		}
		from = uint32(next)
	}
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
