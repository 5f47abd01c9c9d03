//go:build live

package docker_test

import (
	"slices"
	"testing"

	"github.com/decnet/decnet/schema"
)

// On a bridge the engine alone knows the other end of a decky's link: one that
// is gone takes a new life to make, everything else is mended in place.
func TestADeckyOnABridgeIsMended(t *testing.T) {
	b := newBench(t)
	n := b.net()
	n.Driver, n.Parent, n.Subnet, n.Gateway, n.Pool = "bridge", "", "10.97.0.0/24", "", "10.97.0.10-10.97.0.99"
	d := b.host(0)
	d.Network, d.Host.IP = n, "10.97.0.10"
	s := schema.Service{Name: "ssh", Slug: "ssh", Decky: d.Name, Ports: []schema.Port{{Number: 22, Transport: "tcp"}}, Host: d.Host}
	want := []object{{b.network, "network.office", b.encode(n)}, {b.decky, web, b.encode(d)}, {b.service, ssh, b.encode(s)}}
	b.mustApply(want)
	for _, f := range []struct {
		name  string
		argv  []string
		path  string
		lives bool
	}{
		{"link down", []string{"ip", "link", "set", "eth0", "down"}, "link.eth0.up", true},
		{"gateway changed", []string{"ip", "route", "replace", "default", "via", "10.97.0.77"}, "", true},
		{"neighbours' route deleted", []string{"ip", "route", "del", "10.97.0.0/24"}, "link.eth0.routes", true},
		{"link deleted", []string{"ip", "link", "del", "eth0"}, "link.eth0", false},
	} {
		before := b.lives(want)
		b.inside(d.Name, f.argv...)
		if plan := b.plan(want); f.path != "" && !slices.Contains(plan[web], f.path) {
			t.Errorf("%s: plan %v, want %s", f.name, plan, f.path)
		}
		b.mustApply(want)
		after := b.lives(want)
		if lives := before[web] == after[web]; lives != f.lives {
			t.Errorf("%s: the base lives on is %v, want %v", f.name, lives, f.lives)
		}
		if plan := b.plan(want); len(plan) > 0 {
			t.Errorf("%s: after the heal: %v", f.name, plan)
		}
	}
}
