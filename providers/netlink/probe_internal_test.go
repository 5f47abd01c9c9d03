package netlink

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/schema"
)

// TestHostAddressInAPool: a pool that somebody wrote must not hold this host's
// addresses; what is left of the whole subnet may, nobody is given them.
func TestHostAddressInAPool(t *testing.T) {
	links := []link.Info{
		{Name: "op0", Addrs: []string{"10.77.0.1/24", "10.77.0.40/24"}}, {Name: "br9", Addrs: []string{"10.77.0.254/24"}},
		{Name: "decnet_macvlan0", Alias: "decnet:x", Addrs: []string{"10.77.0.120/32"}},
	}
	for pool, want := range map[string]string{
		"10.77.0.3-10.77.0.254":   "",            // the default one: .1 is the host's, .2 the gateway's
		"10.77.0.3-10.77.0.253":   "",            // and .254 trimmed
		"10.77.0.4-10.77.0.254":   "10.77.0.40",  // .3 is left out for no reason
		"10.77.0.1-10.77.0.9":     "10.77.0.1",   // written
		"10.77.0.250-10.77.0.254": "10.77.0.254", // written
		"10.77.0.100-10.77.0.199": "",            // holds our own only
	} {
		c := schema.Network{Name: "x", Driver: link.DriverMacvlan, Parent: "op0", Subnet: "10.77.0.0/24", Gateway: "10.77.0.2", Pool: pool}
		found := ""
		for _, f := range overlapsHost("network.x", c, links) {
			found += f.Summary + " "
		}
		if want == "" && found != "" || !strings.Contains(found, want) {
			t.Errorf("%s: %q, want %q", pool, found, want)
		}
	}
}
