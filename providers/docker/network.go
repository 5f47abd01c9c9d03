package docker

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// Drivers of a network.
const (
	driverBridge  = "bridge"
	driverMacvlan = "macvlan"
	driverIPvlan  = "ipvlan"
)

// NetworkState is what is known of a live network.
type NetworkState struct {
	ID      string         `json:"id,omitempty"`
	Lineage string         `json:"lineage"`
	Address string         `json:"address"`
	Driver  string         `json:"driver,omitempty"`
	Parent  string         `json:"parent,omitempty"`
	Subnet  string         `json:"subnet,omitempty"`
	Gateway string         `json:"gateway,omitempty"`
	HostIP  string         `json:"host_ip,omitempty"` // of the hairpin as it stands
	Config  schema.Network `json:"config"`
}

// networks handles the networks.
type networks struct{ *provider }

// Diff compares the live network. What only guides the choice of addresses
// (the pool) is nothing an engine's network has.
func (h *networks) Diff(want schema.Network, have NetworkState) []providers.Change {
	var changes []providers.Change
	add := func(path, before, after string, replace bool) {
		if before != after {
			changes = append(changes, providers.Change{Path: path, Before: quote(before), After: quote(after), Replace: replace})
		}
	}
	add("name", have.Config.Name, want.Name, true)
	add("driver", have.Driver, want.Driver, true)
	add("parent", have.Parent, want.Parent, true)
	add("subnet", have.Subnet, want.Subnet, true)
	if want.Gateway != "" || have.Config.Gateway != "" {
		add("gateway", have.Gateway, want.Gateway, true)
	}
	add("host_ip", have.HostIP, hairpinIP(want), false)
	return changes
}

// hairpinIP is the address that the host-side interface must have: none on a
// bridge, where the host is a neighbour anyway.
func hairpinIP(c schema.Network) string {
	if c.Driver == driverBridge {
		return ""
	}
	return c.HostIP
}

// Read looks at one network again.
func (h *networks) Read(ctx context.Context, have NetworkState) (NetworkState, error) {
	objects, err := h.list(ctx, labelLineage, have.Lineage, labelAddress, have.Address, labelType, providers.TypeNetwork)
	if err != nil {
		return NetworkState{}, err
	}
	if len(objects) == 0 {
		return NetworkState{}, providers.ErrGone
	}
	return objects[0].State, nil
}

// List finds the networks of a lineage with one call and one link dump.
func (h *networks) List(ctx context.Context, lineage string) ([]providers.Object[schema.Network, NetworkState], error) {
	return h.list(ctx, labelLineage, lineage, labelType, providers.TypeNetwork)
}

func (h *networks) list(ctx context.Context, pairs ...string) ([]providers.Object[schema.Network, NetworkState], error) {
	c, err := h.engine.client(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.NetworkList(ctx, network.ListOptions{Filters: byLabel(pairs...)})
	if err != nil {
		return nil, h.engine.explain("list networks", err)
	}
	objects := make([]providers.Object[schema.Network, NetworkState], 0, len(found))
	for _, n := range found {
		state := networkState(n)
		if hairpinIP(state.Config) != "" || state.Driver != driverBridge {
			if state.HostIP, err = h.world.hairpin(ownerOf(n.Labels)); err != nil {
				return nil, err
			}
		}
		objects = append(objects, providers.Object[schema.Network, NetworkState]{Owner: ownerOf(n.Labels), Config: state.Config, State: state})
	}
	return objects, nil
}

func networkState(n network.Inspect) NetworkState {
	owner := ownerOf(n.Labels)
	s := NetworkState{
		ID: n.ID, Lineage: owner.Lineage, Address: owner.Address, Driver: n.Driver, Parent: n.Options["parent"],
		Config: configOf[schema.Network](n.Labels),
	}
	s.Config.Name = n.Name
	for _, pool := range n.IPAM.Config {
		s.Subnet, s.Gateway = pool.Subnet, pool.Gateway
	}
	return s
}

// Create makes the network, or adopts the one that owner made before.
func (h *networks) Create(ctx context.Context, owner providers.Owner, want schema.Network) (NetworkState, error) {
	state := NetworkState{Lineage: owner.Lineage, Address: owner.Address, Config: want}
	c, err := h.engine.client(ctx)
	if err != nil {
		return state, err
	}
	options, err := networkOptions(owner, want)
	if err != nil {
		return state, err
	}
	created, err := c.NetworkCreate(ctx, want.Name, options)
	if errdefs.IsConflict(err) {
		return h.adopt(ctx, c, owner, want)
	}
	if err != nil {
		return state, h.engine.explain("create network "+want.Name, lacks(want.Driver, err))
	}
	state.ID, state.Driver, state.Parent, state.Subnet, state.Gateway = created.ID, want.Driver, want.Parent, want.Subnet, want.Gateway
	return h.complete(owner, want, state)
}

// lacks says what to do where the kernel has no such driver.
func lacks(driver string, err error) error {
	text := err.Error()
	if strings.Contains(text, "operation not supported") || strings.Contains(text, "not supported") && strings.Contains(text, driver) {
		return fmt.Errorf("%w: this kernel has no %s: load the module (modprobe %s) or set another driver", err, driver, driver)
	}
	return err
}

// networkOptions are the engine's parameters of a network.
func networkOptions(owner providers.Owner, want schema.Network) (network.CreateOptions, error) {
	if _, err := netip.ParsePrefix(want.Subnet); err != nil {
		return network.CreateOptions{}, fmt.Errorf("subnet of network %s: %w", want.Name, err)
	}
	l, err := labels(owner, providers.TypeNetwork, want)
	if err != nil {
		return network.CreateOptions{}, err
	}
	pool := network.IPAMConfig{Subnet: want.Subnet, Gateway: gatewayFor(want)}
	options := map[string]string{}
	switch want.Driver {
	case driverMacvlan:
		options["parent"], options["macvlan_mode"] = want.Parent, "bridge"
	case driverIPvlan:
		options["parent"], options["ipvlan_mode"] = want.Parent, "l2"
	case driverBridge:
		// Nothing leaves a decky, so nothing is translated.
		options["com.docker.network.bridge.enable_ip_masquerade"] = "false"
	default:
		return network.CreateOptions{}, fmt.Errorf("network %s: unknown driver %q", want.Name, want.Driver)
	}
	return network.CreateOptions{
		Driver: want.Driver, Options: options, Labels: l,
		IPAM: &network.IPAM{Driver: "default", Config: []network.IPAMConfig{pool}},
	}, nil
}

// adopt takes over a network of the same name if it is owner's.
func (h *networks) adopt(ctx context.Context, c *client.Client, owner providers.Owner, want schema.Network) (NetworkState, error) {
	state := NetworkState{Lineage: owner.Lineage, Address: owner.Address, Config: want}
	n, err := c.NetworkInspect(ctx, want.Name, network.InspectOptions{})
	if err != nil {
		return state, h.engine.explain("inspect network "+want.Name, err)
	}
	if !owned(n.Labels, providers.TypeNetwork, owner) {
		return state, fmt.Errorf("create network %s: the name is taken by a network that is not this instance's (%s): rename one of them, or remove it with docker network rm %s",
			want.Name, short(n.ID), want.Name)
	}
	state = networkState(n)
	for _, change := range h.Diff(want, state) {
		if !change.Replace {
			continue
		}
		if err := c.NetworkRemove(ctx, n.ID); err != nil {
			return state, h.engine.explain("remove the outdated network "+want.Name, err)
		}
		return h.Create(ctx, owner, want)
	}
	return h.complete(owner, want, state)
}

// complete makes the host's side.
func (h *networks) complete(owner providers.Owner, want schema.Network, state NetworkState) (NetworkState, error) {
	ip := hairpinIP(want)
	if ip == "" {
		return state, nil
	}
	if err := h.world.makeHairpin(owner, want); err != nil {
		return state, err
	}
	state.HostIP = ip
	return state, nil
}

// Update gives or takes the hairpin, the only part that changes in place.
func (h *networks) Update(_ context.Context, owner providers.Owner, want schema.Network, have NetworkState) (NetworkState, error) {
	if have.HostIP != hairpinIP(want) {
		if err := h.world.removeHairpin(owner); err != nil {
			return have, err
		}
		have.HostIP = ""
	}
	return h.complete(owner, want, have)
}

// Delete removes the network, its hairpin, and the images that nothing uses
// any more.
func (h *networks) Delete(ctx context.Context, have NetworkState) error {
	c, err := h.engine.client(ctx)
	if err != nil {
		return err
	}
	found, err := c.NetworkList(ctx, network.ListOptions{
		Filters: byLabel(labelLineage, have.Lineage, labelAddress, have.Address, labelType, providers.TypeNetwork),
	})
	if err != nil {
		return h.engine.explain("list networks", err)
	}
	other := func(n network.Summary) bool { return have.ID != "" && n.ID != have.ID }
	if !slices.ContainsFunc(found, other) {
		if err := h.world.removeHairpin(providers.Owner{Lineage: have.Lineage, Address: have.Address}); err != nil {
			return err
		}
	}
	for _, n := range slices.DeleteFunc(found, other) {
		if err := c.NetworkRemove(ctx, n.ID); err != nil && !errdefs.IsNotFound(err) {
			return h.engine.explain("remove network "+n.Name, err)
		}
	}
	return h.images.prune(ctx)
}
