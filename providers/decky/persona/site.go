package persona

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
)

// domain is the one that the host stands in: its own argument, or the rest of a
// host name with dots.
func (p *Persona) domain() string {
	if p.host.Domain != "" {
		return p.host.Domain
	}
	if _, rest, ok := strings.Cut(p.host.Hostname, "."); ok {
		return rest
	}
	return ""
}

// ShortName is the host's name without a domain.
func (p *Persona) ShortName() string {
	name, _, _ := strings.Cut(p.Hostname(), ".")
	return name
}

// Hostname is what hostname(1) shows: as configured, "localhost" without one.
func (p *Persona) Hostname() string {
	if p.host.Hostname == "" {
		return "localhost"
	}
	return p.host.Hostname
}

// Domain is the domain that the host stands in, "" without one.
func (p *Persona) Domain() string { return p.domain() }

// FQDN is the host's whole name.
func (p *Persona) FQDN() string {
	if d := p.domain(); d != "" {
		return p.ShortName() + "." + d
	}
	return p.ShortName()
}

// site is 32 bytes for label that all hosts of the site share; a host that was
// told no site is one of its own.
func (p *Persona) site(label string) []byte {
	key := p.host.Site
	if len(key) == 0 {
		key = p.Derive("site")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(label))
	return mac.Sum(nil)
}

// SiteNumber is Number, but the same for every host of the site.
func (p *Persona) SiteNumber(label string, low, high int64) int64 {
	if high <= low {
		return low
	}
	return low + int64(binary.BigEndian.Uint64(p.site("number/"+label))%uint64(high-low+1))
}

// Prefix is the host's address with the length of its segment's prefix: /24
// where the segment is not known.
func (p *Persona) Prefix() netip.Prefix {
	ip, err := netip.ParseAddr(p.host.IP)
	if err != nil {
		ip = netip.AddrFrom4([4]byte{192, 168, 1, byte(p.Number("ip", 20, 250))})
	}
	if subnet, err := netip.ParsePrefix(p.host.Subnet); err == nil && subnet.Contains(ip) {
		return netip.PrefixFrom(ip, subnet.Bits())
	}
	return netip.PrefixFrom(ip, min(24, ip.BitLen()))
}

// Gateway is the segment's router: as configured, else the first address.
func (p *Persona) Gateway() netip.Addr {
	if gateway, err := netip.ParseAddr(p.host.Gateway); err == nil {
		return gateway
	}
	first := p.Prefix().Masked().Addr().Next()
	if first == p.Prefix().Addr() {
		return first.Next()
	}
	return first
}

// routers are prefixes of hardware addresses that makers of routers have in the
// IEEE's registry: Cisco, Fortinet, Juniper, MikroTik, Ubiquiti.
var routers = []string{"00:1b:0d", "90:6c:ac", "00:05:85", "48:8f:5a", "74:83:c2"}

// GatewayMAC is the router's hardware address, the same for all hosts of a
// segment.
func (p *Persona) GatewayMAC() string { return p.NeighbourMAC(p.Gateway()) }

// NeighbourMAC is the hardware address that every host of the site knows for ip.
func (p *Persona) NeighbourMAC(ip netip.Addr) string {
	d := p.site("mac/" + ip.String())
	oui := routers[p.SiteNumber("router", 0, int64(len(routers)-1))]
	return fmt.Sprintf("%s:%02x:%02x:%02x", oui, d[0], d[1], d[2])
}

// Resolvers are the name servers of the site: the router, or two hosts beside it.
func (p *Persona) Resolvers() []netip.Addr {
	gateway := p.Gateway()
	if p.SiteNumber("resolvers", 0, 2) == 0 || !gateway.Is4() || p.Prefix().Bits() > 26 {
		return []netip.Addr{gateway}
	}
	last := byte(p.SiteNumber("resolver", 5, 30))
	b := p.Prefix().Masked().Addr().As4()
	var out []netip.Addr
	for n := range byte(2) {
		b[3] = b[3]&0xc0 + last + n
		if a := netip.AddrFrom4(b); a != p.Prefix().Addr() && a != gateway {
			out = append(out, a)
		}
		b = p.Prefix().Masked().Addr().As4()
	}
	if len(out) == 0 {
		return []netip.Addr{gateway}
	}
	return out
}

// Complete gives a host, whose key, names and boot time are set, what it shares
// with its site: Host.Site and the certificate that the site's authority signed.
// derive makes 32 bytes of the installation's secret for a label; a process
// that serves deckies has no such function.
func Complete(host decky.Host, derive func(label string) ([]byte, error)) (decky.Host, error) {
	site, err := derive(SiteLabel)
	if err != nil {
		return host, fmt.Errorf("derive the site of %s: %w", host.Address, err)
	}
	secret, err := derive(AuthorityLabel)
	if err != nil {
		return host, fmt.Errorf("derive the authority of %s: %w", host.Address, err)
	}
	authority, err := NewAuthority(secret)
	if err != nil {
		return host, err
	}
	host.Site = site
	host.Certificates, err = authority.Issue(host)
	return host, err
}

// oldest bounds how long before it was made a decky claims to have started.
const oldest = 90 * 24 * time.Hour

// BootBefore draws when a decky that was made at created claims to have started:
// between an hour and 90 days before, by drawn, 8 bytes of its own. Hosts whose
// addresses differ in their last 16 bits never started in the same second,
// whatever is drawn.
func BootBefore(created time.Time, drawn []byte, ip string) time.Time {
	const turn = 1 << 16
	var unit, fraction uint64
	if len(drawn) >= 8 {
		unit = binary.BigEndian.Uint64(drawn)
		fraction = unit >> 7 % 1e6
	}
	// An odd factor permutes the residues.
	var residue int64
	if a, err := netip.ParseAddr(ip); err == nil {
		b := a.AsSlice()
		residue = int64(uint16(b[len(b)-2])<<8|uint16(b[len(b)-1])) * 40503 % turn
	}
	first, last := created.Add(-oldest).Unix()+1, created.Add(-time.Hour).Unix()-1
	first += ((residue-first)%turn + turn) % turn
	at := first + int64(unit%uint64((last-first)/turn+1))*turn
	return time.Unix(at, int64(fraction)*1000).UTC()
}
