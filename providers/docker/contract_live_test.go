//go:build live

package docker_test

import (
	"encoding/json"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/providers/providertest"
)

// killed makes an object and then cuts it back to what an apply that died at
// that moment leaves.
func (b *bench) killed(r providers.Resource, cut func(id string)) func(testing.TB, providers.Owner, json.RawMessage) {
	return func(t testing.TB, owner providers.Owner, config json.RawMessage) {
		t.Helper()
		data, err := r.Create(t.Context(), owner, config)
		if err != nil {
			t.Fatal(err)
		}
		var state struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(data, &state); err != nil {
			t.Fatal(err)
		}
		cut(state.ID)
	}
}

// unstarted makes a container's copy that was created and never started.
func (b *bench) unstarted(id string) {
	ctx := b.t.Context()
	found, err := b.api.ContainerInspect(ctx, id)
	b.must(err)
	b.must(b.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true}))
	if found.HostConfig.NetworkMode.IsContainer() {
		found.Config.Hostname, found.Config.Domainname = "", ""
	}
	_, err = b.api.ContainerCreate(ctx, found.Config, found.HostConfig, endpointsOf(found), nil, found.Name)
	b.must(err)
}

func TestContract(t *testing.T) {
	b := newBench(t)
	network := b.wanted(1)[0]
	providertest.Run(t, providertest.Case{Resource: b.network, Owner: b.owner(network.address), Config: network.config})
	bridge := b.net()
	bridge.Driver, bridge.Parent, bridge.Subnet, bridge.Gateway, bridge.Pool = "bridge", "", "10.97.0.0/24", "", "10.97.0.1-10.97.0.9"
	providertest.Run(t, providertest.Case{Name: "docker bridge", Resource: b.network, Owner: b.owner("network.bridge"), Config: b.encode(bridge)})
	hairpin := b.net()
	hairpin.HostIP = "10.77.0.5"
	providertest.Run(t, providertest.Case{
		Name: "docker network with host access", Resource: b.network, Owner: b.owner(network.address), Config: b.encode(hairpin),
		Drift: map[string]func(testing.TB, json.RawMessage){
			"host link deleted": func(t testing.TB, _ json.RawMessage) { b.program("ip", "link", "del", "decnet_macvlan0") },
			"host address gone": func(t testing.TB, _ json.RawMessage) {
				b.program("ip", "addr", "flush", "dev", "decnet_macvlan0")
			},
		},
		HalfMake: map[string]func(testing.TB, providers.Owner, json.RawMessage){
			"no host link": b.killed(b.network, func(string) { b.program("ip", "link", "del", "decnet_macvlan0") }),
		},
	})

	want := b.wanted(1)
	b.mustApply(want[:1])
	providertest.Run(t, providertest.Case{
		Resource: b.decky, Owner: b.owner(want[1].address), Config: want[1].config,
		Drift: map[string]func(testing.TB, json.RawMessage){
			"killed": func(testing.TB, json.RawMessage) {
				b.must(b.api.ContainerKill(t.Context(), b.host(0).Name, "KILL"))
			},
			"removed": func(testing.TB, json.RawMessage) {
				b.must(b.api.ContainerRemove(t.Context(), b.host(0).Name, container.RemoveOptions{Force: true}))
			},
			"link deleted": func(testing.TB, json.RawMessage) { b.inside(b.host(0).Name, "ip", "link", "del", "eth0") },
		},
		HalfMake: map[string]func(testing.TB, providers.Owner, json.RawMessage){
			"created and not started": b.killed(b.decky, b.unstarted),
		},
	})
	b.mustApply(want[:2])
	changed := b.svc(0)
	changed.Arguments = json.RawMessage(`{"banner":"other"}`)
	providertest.Run(t, providertest.Case{
		Resource: b.service, Owner: b.owner(want[2].address), Config: want[2].config, Changed: b.encode(changed),
		Drift: map[string]func(testing.TB, json.RawMessage){
			"killed": func(testing.TB, json.RawMessage) {
				b.must(b.api.ContainerKill(t.Context(), b.host(0).Name+"-ssh", "KILL"))
			},
			"removed": func(testing.TB, json.RawMessage) {
				b.must(b.api.ContainerRemove(t.Context(), b.host(0).Name+"-ssh", container.RemoveOptions{Force: true}))
			},
		},
		HalfMake: map[string]func(testing.TB, providers.Owner, json.RawMessage){
			"created and not started": b.killed(b.service, b.unstarted),
		},
	})
}

// The host reaches a decky through the hairpin, and not without it.
func TestHostAccess(t *testing.T) {
	b := newBench(t)
	want := b.wanted(1)
	b.mustApply(want)
	b.answers(0)
	if _, err := b.greetingFrom(lab.Operator, 0); err == nil {
		t.Fatal("control: the host reaches a decky without a hairpin")
	}
	n := b.net()
	n.HostIP = "10.77.0.5"
	want[0].config = b.encode(n)
	b.mustApply(want[:1])
	if plan := b.plan(want); len(plan) > 0 {
		t.Errorf("host access is no reason to touch anything else: %v", plan)
	}
	text, err := b.greetingFrom(lab.Operator, 0)
	if err != nil || text == "" {
		t.Errorf("the host does not reach the decky: %q, %v", text, err)
	}
}
