package main

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
)

func TestTheAttackerStandsInEveryNetwork(t *testing.T) {
	for _, c := range []struct {
		network schema.Network
		taken   []string
		want    lab.Wire
	}{
		{
			schema.Network{Driver: "macvlan", Parent: "op0", Subnet: "10.77.0.0/24", Gateway: "10.77.0.1", Pool: "10.77.0.100-10.77.0.199"}, nil,
			lab.Wire{Parent: "op0", Operator: "10.77.0.1/24", Attacker: "10.77.0.2/24"},
		},
		{
			schema.Network{Driver: "macvlan", Parent: "eth0", Subnet: "192.0.2.0/24", Gateway: "192.0.2.1", Pool: "192.0.2.3-192.0.2.254", HostIP: "192.0.2.2"}, []string{"192.0.2.254", "192.0.2.9"},
			lab.Wire{Parent: "eth0", Operator: "192.0.2.1/24", Attacker: "192.0.2.253/24"},
		},
		{
			schema.Network{Name: "t-lan", Driver: "bridge", Subnet: "198.51.100.0/29", Pool: "198.51.100.2-198.51.100.6"}, []string{"198.51.100.2"},
			lab.Wire{Parent: "t-lan", Bridge: true, Attacker: "198.51.100.1/29"},
		},
	} {
		taken := map[netip.Addr]bool{}
		for _, ip := range c.taken {
			mark(taken, ip)
		}
		got, err := wireFor(c.network, taken)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", c.network.Subnet, err, diff)
		}
	}
	full := map[netip.Addr]bool{netip.MustParseAddr("192.0.2.1"): true, netip.MustParseAddr("192.0.2.2"): true}
	if w, err := wireFor(schema.Network{Driver: "macvlan", Subnet: "192.0.2.0/30", Pool: "192.0.2.1-192.0.2.2"}, full); err == nil {
		t.Errorf("a full subnet: %+v", w)
	}
}
