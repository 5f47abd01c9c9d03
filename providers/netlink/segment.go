package netlink

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/schema"
)

// segment warns of what a planned network's segment says of its pool, on either
// runtime: leases that a DHCP server gives out, and hosts that answered.
func segment(links *link.Handle, planned []providers.Planned) []providers.Finding {
	own := map[string]bool{} // the MAC addresses of deckies
	for _, item := range planned {
		var d schema.Decky
		if item.Type == providers.TypeDecky && json.Unmarshal(item.Config, &d) == nil {
			own[strings.ToLower(d.Host.MAC)] = true
		}
	}
	var findings []providers.Finding
	for _, item := range planned {
		var c schema.Network
		if item.Type != providers.TypeNetwork || json.Unmarshal(item.Config, &c) != nil || c.Driver == link.DriverBridge || c.Parent == "" {
			continue
		}
		if leased, err := links.Leased(c.Parent); err == nil && leased && item.Action == "create" {
			findings = append(findings, providers.Finding{
				Severity: providers.SeverityWarning, Address: item.Address,
				Summary: fmt.Sprintf("a DHCP server gives out addresses on %s: it may give one of the pool %s to somebody else", c.Parent, c.Pool),
				Remedy:  "exclude the pool from the server's range, or set the network's pool outside of it",
			})
		}
		neighbours, err := links.Neighbours(c.Parent)
		if err != nil {
			continue // the parent's own finding says why
		}
		for _, n := range neighbours {
			if within(c.Pool, n.IP) && n.IP.String() != c.Gateway && !own[n.MAC] {
				findings = append(findings, providers.Finding{
					Severity: providers.SeverityWarning, Address: item.Address,
					Summary: fmt.Sprintf("%s of pool %s answers on %s as %s", n.IP, c.Pool, c.Parent, n.MAC),
					Remedy:  "set the network's pool to a range without it",
				})
			}
		}
	}
	return findings
}
