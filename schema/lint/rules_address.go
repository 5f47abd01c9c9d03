package lint

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/decnet/decnet/schema/derive"
)

func addressRules() []Rule {
	return []Rule{
		{
			ID: "DN1070", Name: "consecutive-ips", Severity: Warning, Summary: "The deckies of a network stand on consecutive IPs.", Check: consecutiveIPs,
			Doc: Doc{
				Why: "A sweep shows a solid block of hosts where the rest of the segment has gaps. Addresses that people and DHCP gave out over years are scattered.",
				Fix: "Leave ip out: addresses are then drawn over the whole pool. A larger pool scatters them further.",
			},
		},
		{
			ID: "DN1071", Name: "edge-address", Severity: Note, Summary: "A decky stands on the first or last address of its subnet.", Check: edgeAddress,
			Doc: Doc{
				Why: ".1 and .254 are where everybody looks for the gateway; a Linux server with a web page there is odd.",
				Fix: "Leave ip out, or keep the edges out of the pool.",
			},
		},
		{
			ID: "DN1072", Name: "crowded-subnet", Severity: Warning, Summary: "Deckies take more than half of a subnet's addresses.", Check: crowdedSubnet,
			Doc: Doc{
				Why: "In a /24 of 30 machines, 150 more that answer are the majority. An address picked at random is then a decoy more often than not, and all alike.",
				Fix: "Use fewer deckies, or a larger subnet.",
			},
		},
		{
			ID: "DN1073", Name: "host-access", Severity: Note, Summary: "The operator's host has an address on the deckies' segment.", Check: hostAccess,
			Doc: Doc{
				Why: "host_access puts an interface of the host itself beside the deckies: its ports and its MAC can be scanned from there, and it answers as what it is.",
				Fix: "Take host_access away on networks that attackers reach, or filter what the host answers there.",
			},
		},
		{
			ID: "DN1074", Name: "no-gateway", Severity: Note, Summary: "A network has no gateway.", Check: noGateway,
			Doc: Doc{
				Why: "Hosts without a default route answer their own segment only: scanners from elsewhere see nothing, and ip route inside shows an island.",
				Fix: "Set gateway to the segment's router.",
			},
		},
		{
			ID: "DN1075", Name: "counted-ips", Severity: Note, Summary: "Addresses of several deckies rise by the same step.", Check: countedIPs,
			Doc: Doc{
				Why: ".10, .20, .30, .40 for hosts of different kinds is a plan on paper; a LAN that grew has none.",
				Fix: "Leave ip out: addresses are then drawn from the pool.",
			},
		},
	}
}

// inOrder are a network's deckies by address.
func inOrder(n *Network) []*Decky {
	sorted := slices.DeleteFunc(slices.Clone(n.Deckies), func(d *Decky) bool { return !d.IP.Is4() })
	slices.SortFunc(sorted, func(a, b *Decky) int { return a.IP.Compare(b.IP) })
	return sorted
}

func number(ip netip.Addr) int {
	b := ip.As4()
	return int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
}

// steady tells whether addresses rise by one step, and by which.
func steady(deckies []*Decky) (int, bool) {
	if len(deckies) < few {
		return 0, false
	}
	step := number(deckies[1].IP) - number(deckies[0].IP)
	for i := 2; i < len(deckies); i++ {
		if number(deckies[i].IP)-number(deckies[i-1].IP) != step {
			return 0, false
		}
	}
	return step, true
}

func consecutiveIPs(f *Fleet) []Finding {
	var out []Finding
	for _, n := range f.Networks {
		deckies := inOrder(n)
		if step, ok := steady(deckies); ok && step == 1 {
			out = append(out, among(fmt.Sprintf("%d deckies stand in a row from %s to %s.", len(deckies), deckies[0].IP, deckies[len(deckies)-1].IP), deckySubjects(deckies, "ip")))
		}
	}
	return out
}

func countedIPs(f *Fleet) []Finding {
	var out []Finding
	for _, n := range f.Networks {
		deckies := inOrder(n)
		if step, ok := steady(deckies); ok && step > 1 {
			out = append(out, among(fmt.Sprintf("%d deckies stand %d addresses apart, from %s to %s.", len(deckies), step, deckies[0].IP, deckies[len(deckies)-1].IP), deckySubjects(deckies, "ip")))
		}
	}
	return out
}

func edgeAddress(f *Fleet) []Finding {
	return each(f, "ip", func(d *Decky) string {
		subnet := d.Network.Prefix
		if !subnet.IsValid() || subnet.Bits() > 28 {
			return ""
		}
		if usable := derive.Usable(subnet); d.IP == usable.First || d.IP == usable.Last {
			return fmt.Sprintf("%s is the edge of %s.", d.IP, subnet)
		}
		return ""
	})
}

func crowdedSubnet(f *Fleet) []Finding {
	var out []Finding
	for _, n := range f.Networks {
		if !n.Prefix.IsValid() || n.Prefix.Bits() > 28 {
			continue
		}
		if size := derive.Usable(n.Prefix).Size(); len(n.Deckies)*2 > size {
			out = append(out, about(fmt.Sprintf("%d of the %d addresses of %s are deckies.", len(n.Deckies), size, n.Prefix), n.at("subnet")))
		}
	}
	return out
}

func hostAccess(f *Fleet) []Finding {
	var out []Finding
	for _, n := range f.Networks {
		if n.HostIP != "" {
			out = append(out, about(fmt.Sprintf("The host answers on %s, among the deckies.", n.HostIP), n.at("host_access")))
		}
	}
	return out
}

func noGateway(f *Fleet) []Finding {
	var out []Finding
	for _, n := range f.Networks {
		if n.Gateway == "" && len(n.Deckies) > 0 {
			out = append(out, about("The network has no gateway.", n.at("")))
		}
	}
	return out
}
