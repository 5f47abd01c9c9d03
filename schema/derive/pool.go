package derive

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// Range is a run of IPv4 addresses, both ends included.
type Range struct{ First, Last netip.Addr }

// ParseRange reads "first-last" or a CIDR; either way every address counts.
func ParseRange(s string) (Range, error) {
	if p, err := netip.ParsePrefix(strings.TrimSpace(s)); err == nil {
		if !p.Addr().Is4() {
			return Range{}, fmt.Errorf("%q is not IPv4", s)
		}
		return Range{First: p.Masked().Addr(), Last: lastOf(p)}, nil
	}
	first, last, found := strings.Cut(s, "-")
	a, errA := netip.ParseAddr(strings.TrimSpace(first))
	b, errB := netip.ParseAddr(strings.TrimSpace(last))
	if !found || errA != nil || errB != nil || !a.Is4() || !b.Is4() {
		return Range{}, fmt.Errorf("%q is no range of IPv4 addresses such as 192.168.1.110-192.168.1.199 or 192.168.1.128/26", s)
	}
	if b.Less(a) {
		return Range{}, fmt.Errorf("the last address of %q is before its first", s)
	}
	return Range{First: a, Last: b}, nil
}

// Usable is the subnet without its network and broadcast addresses.
func Usable(subnet netip.Prefix) Range {
	first, last := subnet.Masked().Addr(), lastOf(subnet)
	if subnet.Bits() < 31 {
		first, last = first.Next(), last.Prev()
	}
	return Range{First: first, Last: last}
}

// Broadcast is the last address of an IPv4 subnet.
func Broadcast(subnet netip.Prefix) netip.Addr { return lastOf(subnet) }

func lastOf(p netip.Prefix) netip.Addr {
	return fromUint(toUint(p.Masked().Addr()) | uint32(1<<(32-p.Bits())-1))
}

// String is "first-last".
func (r Range) String() string { return r.First.String() + "-" + r.Last.String() }

// Contains tells whether ip is in the range.
func (r Range) Contains(ip netip.Addr) bool { return !ip.Less(r.First) && !r.Last.Less(ip) }

// Overlaps tells whether two ranges share an address.
func (r Range) Overlaps(o Range) bool { return !r.Last.Less(o.First) && !o.Last.Less(r.First) }

// Size is the number of addresses.
func (r Range) Size() int { return int(toUint(r.Last)-toUint(r.First)) + 1 }

func toUint(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func fromUint(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// IPs hands out the addresses of one segment, each once. Networks on the same
// parent share one.
type IPs struct{ owner map[netip.Addr]string }

// NewIPs is a segment with nothing handed out.
func NewIPs() *IPs { return &IPs{owner: map[netip.Addr]string{}} }

// Claim takes ip for an address and returns the address that has it already,
// or "".
func (p *IPs) Claim(ip netip.Addr, address string) string {
	if owner, taken := p.owner[ip]; taken {
		return owner
	}
	p.owner[ip] = address
	return ""
}

// Derive takes a free address of a pool for address: the hashed one or the
// next free after it, none that refused says is not to be had. False: the pool
// is exhausted.
func (p *IPs) Derive(d Draw, pool Range, address string, refused func(netip.Addr) bool) (netip.Addr, bool) {
	size := uint64(pool.Size())
	first := toUint(pool.First)
	start := d.at(forIP, 0) % size
	for n := range size {
		ip := fromUint(first + uint32((start+n)%size))
		if _, taken := p.owner[ip]; taken || refused(ip) {
			continue
		}
		p.owner[ip] = address
		return ip, true
	}
	return netip.Addr{}, false
}
