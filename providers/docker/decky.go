package docker

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/personality"
	"github.com/decnet/decnet/schema"
)

const (
	baseMemory = 64 << 20
	basePids   = 64
)

// DeckyState is what is known of a live base container.
type DeckyState struct {
	ID      string `json:"id,omitempty"`
	Lineage string `json:"lineage"`
	Address string `json:"address"`
	Image   string `json:"image,omitempty"` // digest of its decky binary
	Running bool   `json:"running"`
	Paused  bool   `json:"paused,omitempty"`
	// Incarnation names its present life; no difference of it is one of Diff's.
	Incarnation string   `json:"incarnation,omitempty"`
	Settings    Settings `json:"settings"`
	// Networks are the engine's networks it is attached to.
	Networks []string          `json:"networks,omitempty"`
	Links    []LinkState       `json:"links,omitempty"`
	Sysctls  map[string]string `json:"sysctls,omitempty"`
	Egress   bool              `json:"egress"` // the rules that keep it from speaking first
	// Cut tells that it was quarantined, and that no packet passes.
	Cut    bool         `json:"cut,omitempty"`
	Config schema.Decky `json:"config"`
}

// deckies handles the base containers.
type deckies struct{ *provider }

// sysctls are what the decky's namespace must have.
func sysctls(c schema.Decky) map[string]string { return personality.Sysctls(c.Personality) }

// Diff compares the live base container. Its configuration cannot change in
// place; everything else can be put right.
func (h *deckies) Diff(want schema.Decky, have DeckyState) []providers.Change {
	changes := providers.Compare(providers.Bare(have.Config), providers.Bare(want), func(string) bool { return true })
	if h.env.DeckyDigest != "" && have.Image != h.env.DeckyDigest {
		changes = append(changes, providers.Change{
			Path: "image", Before: quote(short(have.Image)), After: quote(short(h.env.DeckyDigest)), Replace: true, Cause: providers.CauseImage,
		})
	}
	changes = append(changes, have.Settings.diff(wantedSettings(providers.TypeDecky), true)...)
	if !have.Running {
		return append(changes, providers.Change{Path: "running", Before: "false", After: "true"})
	}
	if have.Paused {
		changes = append(changes, providers.Change{Path: "paused", Before: "true", After: "false", Gentle: true})
	}
	changes = append(changes, diffLinks(want, have)...)
	values := sysctls(want)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if before := have.Sysctls[name]; before != values[name] {
			changes = append(changes, providers.Change{Path: "sysctl." + name, Before: before, After: values[name], Gentle: true})
		}
	}
	if !have.Egress {
		changes = append(changes, providers.Change{Path: "egress", Before: quote("open"), After: quote("denied"), Gentle: true})
	}
	return changes
}

// Incarnation names the present life of the base container.
func (h *deckies) Incarnation(have DeckyState) string { return have.Incarnation }

// diffLinks compares the one interface that a decky must have.
func diffLinks(want schema.Decky, have DeckyState) []providers.Change {
	var changes []providers.Change
	wanted := wantedLink(want)
	var found *LinkState
	for i, l := range have.Links {
		if l.Name == wanted.Name {
			found = &have.Links[i]
			continue
		}
		changes = append(changes, providers.Change{Path: "link." + l.Name, Before: quote(l.Kind)})
	}
	if found == nil {
		return append(changes, providers.Change{Path: "link." + wanted.Name, After: quote(wanted.Kind)})
	}
	add := func(path, before, after string) {
		if before != after {
			changes = append(changes, providers.Change{Path: "link." + wanted.Name + "." + path, Before: before, After: after, Gentle: gentle[path]})
		}
	}
	add("kind", quote(found.Kind), quote(wanted.Kind))
	if want.Network.Driver != driverIPvlan { // shares its parent's
		add("mac", quote(found.MAC), quote(wanted.MAC))
	}
	add("ip", quote(found.IP), quote(wanted.IP))
	if wanted.Gateway != "" {
		add("gateway", quote(found.Gateway), quote(wanted.Gateway))
	}
	if found.Up { // a link that is down has none
		add("routes", quote(strings.Join(found.Routes, ",")), quote(strings.Join(wanted.Routes, ",")))
	}
	add("up", strconv.FormatBool(found.Up), strconv.FormatBool(wanted.Up))
	return changes
}

// gentle are the differences of a link that its services do not notice: they
// watch the IP alone.
var gentle = map[string]bool{"gateway": true, "routes": true, "up": true}

// deckyLink is the name of the one interface of a decky.
const deckyLink = "eth0"

// routesOf are the routes of a decky besides the default one: the one to its
// neighbours.
func routesOf(c schema.Network) []string {
	p, err := netip.ParsePrefix(c.Subnet)
	if err != nil {
		return nil
	}
	return []string{p.Masked().String()}
}

// wantedLink is the interface as the engine makes it.
func wantedLink(c schema.Decky) LinkState {
	kind := c.Network.Driver
	if kind == driverBridge {
		kind = "veth"
	}
	return LinkState{
		Name: deckyLink, Kind: kind, MAC: strings.ToLower(c.Host.MAC), IP: withPrefix(c.Host.IP, c.Network.Subnet),
		Gateway: c.Network.Gateway, Routes: routesOf(c.Network), Up: true,
	}
}

// Read looks at one base container again.
func (h *deckies) Read(ctx context.Context, have DeckyState) (DeckyState, error) {
	objects, err := h.list(ctx, labelLineage, have.Lineage, labelAddress, have.Address, labelType, providers.TypeDecky)
	if err != nil {
		return DeckyState{}, err
	}
	if len(objects) == 0 {
		return DeckyState{}, providers.ErrGone
	}
	return objects[0].State, nil
}

// List finds the base containers of a lineage: one call, one pass over the
// processes, one link dump per namespace.
func (h *deckies) List(ctx context.Context, lineage string) ([]providers.Object[schema.Decky, DeckyState], error) {
	return h.list(ctx, labelLineage, lineage, labelType, providers.TypeDecky)
}

func (h *deckies) list(ctx context.Context, pairs ...string) ([]providers.Object[schema.Decky, DeckyState], error) {
	found, err := h.containers(ctx, pairs...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	pids, err := h.world.processes()
	if err != nil {
		return nil, err
	}
	settings, err := h.settingsFor(ctx, found)
	if err != nil {
		return nil, err
	}
	objects := make([]providers.Object[schema.Decky, DeckyState], 0, len(found))
	for _, c := range found {
		state, err := h.observe(ctx, c, pids)
		if err != nil {
			return nil, err
		}
		state.Settings = settings[c.ID]
		if h.marked(state.Lineage, state.Config.Name) && state.Settings.Restart == string(container.RestartPolicyDisabled) {
			state.Settings.Restart = wantedSettings(providers.TypeDecky).Restart // Quarantine took it
		}
		objects = append(objects, providers.Object[schema.Decky, DeckyState]{Owner: ownerOf(c.Labels), Config: state.Config, State: state})
	}
	return objects, nil
}

// observe joins what the engine and the kernel tell of one base container.
func (h *deckies) observe(ctx context.Context, c container.Summary, pids map[string]int) (DeckyState, error) {
	owner := ownerOf(c.Labels)
	s := DeckyState{
		ID: c.ID, Lineage: owner.Lineage, Address: owner.Address, Image: c.Labels[labelImage],
		Config: configOf[schema.Decky](c.Labels),
	}
	s.Config.Name = nameOf(c)
	if c.NetworkSettings != nil {
		s.Networks = slices.Sorted(maps.Keys(c.NetworkSettings.Networks))
	}
	s.Cut = h.marked(s.Lineage, s.Config.Name)
	if !running(c) {
		return s, nil
	}
	pid, err := h.processOf(ctx, c.ID, pids)
	if err != nil || pid == 0 {
		return s, err
	}
	seen, err := h.world.look(pid, slices.Sorted(maps.Keys(sysctls(s.Config))))
	if err != nil || seen == nil {
		return s, err
	}
	if s.Cut {
		if s.Cut, err = h.world.severed(pid); err != nil {
			return s, err
		}
	}
	s.Paused, s.Incarnation = paused(c), incarnation(c.ID, h.world.life(pid))
	s.Running, s.Links, s.Sysctls, s.Egress = true, seen.links, seen.sysctls, seen.egress
	return s, nil
}

// Create makes the base container; a leftover of the same owner goes first.
func (h *deckies) Create(ctx context.Context, owner providers.Owner, want schema.Decky) (DeckyState, error) {
	state := DeckyState{Lineage: owner.Lineage, Address: owner.Address, Config: want}
	b, err := h.blueprint(ctx, owner, want)
	if err != nil {
		return state, err
	}
	if err := h.unmark(owner.Lineage, want.Name); err != nil {
		return state, err
	}
	if state.ID, err = h.run(ctx, owner, b); err != nil {
		return state, err
	}
	state.Image, state.Running, state.Egress = h.env.DeckyDigest, true, true
	state.Networks, state.Links, state.Sysctls = []string{want.Network.Name}, []LinkState{wantedLink(want)}, sysctls(want)
	state.Settings = wantedSettings(providers.TypeDecky)
	state.Incarnation, err = h.lifeOf(ctx, state.ID)
	return state, err
}

// blueprint spells out the base container. NET_ADMIN is for its first moment:
// hold sets the egress rules, then becomes nobody and drops everything.
func (h *deckies) blueprint(ctx context.Context, owner providers.Owner, want schema.Decky) (blueprint, error) {
	values := sysctls(want)
	if values == nil {
		return blueprint{}, fmt.Errorf("decky %s: unknown personality %q: want one of %s", want.Name, want.Personality, strings.Join(personality.Families(), ", "))
	}
	image, err := h.images.ensure(ctx)
	if err != nil {
		return blueprint{}, err
	}
	c, err := h.engine.client(ctx)
	if err != nil {
		return blueprint{}, err
	}
	l, err := labels(owner, providers.TypeDecky, want)
	if err != nil {
		return blueprint{}, err
	}
	stop := 1
	config := &container.Config{
		Image: image, Cmd: []string{"hold"}, User: "0:0", WorkingDir: "/",
		Hostname: want.Host.Hostname, Domainname: want.Host.Domain, Labels: l, StopTimeout: &stop,
	}
	endpoint := &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: want.Host.IP}}
	if want.Network.Driver != driverIPvlan {
		if endpointMAC(c) {
			endpoint.MacAddress = want.Host.MAC
		} else {
			//lint:ignore SA1019 engines before API 1.44 know no other place
			config.MacAddress = want.Host.MAC
		}
	}
	host := confined(baseMemory, basePids)
	host.CapAdd = []string{"NET_ADMIN", "SETUID", "SETGID", "SETPCAP"}
	host.NetworkMode = container.NetworkMode(want.Network.Name)
	host.Sysctls = values
	// The engine's resolver inside the namespace forwards to this address, as
	// seen from inside: nowhere. Left unset it would ask the host's own.
	host.DNS = []string{"127.0.0.1"}
	host.DNSSearch = []string{"."}
	return blueprint{
		name: want.Name, config: config, host: host,
		nets: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{want.Network.Name: endpoint}},
	}, nil
}

// Delete removes the base container, and what its services had in common.
func (h *deckies) Delete(ctx context.Context, have DeckyState) error {
	last, err := h.removeOwned(ctx, have.ID, providers.TypeDecky, have.Lineage, have.Address)
	if err != nil || !last || have.Config.Name == "" {
		return err
	}
	if err := removeShared(h.shared(have.Lineage, have.Config.Name)); err != nil {
		return err
	}
	return h.unmark(have.Lineage, have.Config.Name)
}

func quote(s string) string {
	if s == "" {
		return ""
	}
	return strconv.Quote(s)
}
