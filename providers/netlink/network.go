// Package netlink makes the networks that native deckies stand in: it checks a
// parent interface, makes a bridge, and the host's own way in (the hairpin). It
// changes no interface that is not decnet's, not even to bring a parent up, and
// makes no decky.
package netlink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/schema"
)

const name = "netlink"

// Provider makes networks of the native runtime.
type Provider struct{ env providers.Env }

// New is the provider for env.
func New(env providers.Env) providers.Provider { return &Provider{env: env} }

var (
	_ providers.Prober      = (*Provider)(nil)
	_ providers.Preflighter = (*Provider)(nil)
)

// Name is "netlink".
func (p *Provider) Name() string { return name }

// Close has nothing to release.
func (p *Provider) Close() error { return nil }

// Resources is the network.
func (p *Provider) Resources() []providers.Resource {
	return []providers.Resource{providers.NewResource(providers.Spec{Type: providers.TypeNetwork, Runtime: providers.RuntimeNative}, &networks{p})}
}

// networkState is what is known of a live network.
type networkState struct {
	Lineage string         `json:"lineage"`
	Address string         `json:"address"` // of the instance: its links carry it
	Config  schema.Network `json:"config"`  // that made it
	// Parent is "up", "down" or "missing"; empty for a bridge.
	Parent string `json:"parent,omitempty"`
	// Link is ours on the host's side: the bridge, or the hairpin.
	Link *hostLink `json:"link,omitempty"`
	// Damaged says that its record is, though another copy stands.
	Damaged bool `json:"damaged,omitempty"`
}

// hostLink is an interface of ours on the host.
type hostLink struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Up     bool     `json:"up"`
	Addrs  []string `json:"addrs,omitempty"`
	Routes []string `json:"routes,omitempty"` // of a hairpin
}

type networks struct{ p *Provider }

// replaced tells which parts of a configuration cannot change in place.
func replaced(path string) bool { return path != "pool" && path != "host_ip" }

func (h *networks) Diff(want schema.Network, have networkState) []providers.Change {
	changes := providers.Compare(have.Config, want, replaced)
	if have.Damaged {
		changes = append(changes, providers.Change{Path: "record", Before: "damaged", After: "kept"})
	}
	if want.Driver != link.DriverBridge && have.Parent != "up" {
		changes = append(changes, providers.Change{Path: "parent.state", Before: have.Parent, After: "up"})
	}
	expected := wantHostLink(want, have)
	switch {
	case expected == nil && have.Link == nil:
	case expected == nil:
		changes = append(changes, providers.Change{Path: "link", Before: have.Link.Name, After: "none"})
	case have.Link == nil:
		changes = append(changes, providers.Change{Path: "link", Before: "gone", After: expected.Kind})
	default:
		for _, c := range providers.Compare(*have.Link, *expected, nil) {
			c.Path = "link." + c.Path
			changes = append(changes, c)
		}
	}
	return changes
}

// wantHostLink is the interface that a network needs on the host; a hairpin
// keeps the name that it was given.
func wantHostLink(c schema.Network, have networkState) *hostLink {
	switch {
	case c.Driver == link.DriverBridge:
		l := &hostLink{Name: link.BridgeName(have.Lineage, c.Name), Kind: "bridge", Up: true}
		if c.Gateway != "" {
			l.Addrs = []string{gatewayAddress(c)}
		}
		return l
	case c.HostIP != "":
		l := &hostLink{Kind: c.Driver, Up: true, Addrs: []string{c.HostIP + "/32"}}
		if have.Link != nil {
			l.Name = have.Link.Name
			if !link.IsHairpin(l.Name) { // it was renamed
				l.Name = "a hairpin's name"
			}
		}
		l.Routes, _ = link.CIDRs(c.Pool) // checked by Create
		slices.Sort(l.Routes)
		return l
	default:
		return nil
	}
}

func gatewayAddress(c schema.Network) string {
	prefix, err := netip.ParsePrefix(c.Subnet)
	if err != nil {
		return c.Gateway
	}
	return fmt.Sprintf("%s/%d", c.Gateway, prefix.Bits())
}

func (h *networks) Read(_ context.Context, have networkState) (networkState, error) {
	if err := h.p.privileged(); err != nil {
		return have, err
	}
	r, err := h.load(have.Lineage, have.Config.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return have, providers.ErrGone
	}
	if err != nil {
		return have, err
	}
	links, err := link.Open()
	if err != nil {
		return have, err
	}
	defer links.Close()
	all, err := links.Dump()
	if err != nil {
		return have, err
	}
	return observe(links, all, r)
}

func (h *networks) List(_ context.Context, lineage string) ([]providers.Object[schema.Network, networkState], error) {
	names, err := h.names(lineage)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(h.p.env.DataDir, lineage)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := h.p.privileged(); err != nil {
		return nil, err
	}
	links, err := link.Open()
	if err != nil {
		return nil, err
	}
	defer links.Close()
	all, err := links.Dump()
	if err != nil {
		return nil, err
	}
	var objects []providers.Object[schema.Network, networkState]
	for _, name := range names {
		r, err := h.load(lineage, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := observe(links, all, r)
		if err != nil {
			return nil, err
		}
		objects = append(objects, providers.Object[schema.Network, networkState]{Owner: r.Owner, Config: r.Config, State: s})
	}
	return objects, nil
}

// observe finds a network's parent and its own link in one dump.
func observe(links *link.Handle, all []link.Info, r record) (networkState, error) {
	s := networkState{Lineage: r.Owner.Lineage, Address: r.Owner.Address, Config: r.Config, Damaged: r.damaged}
	if r.Config.Driver != link.DriverBridge {
		s.Parent = "missing"
	}
	alias := link.Alias(r.Owner.Lineage, r.Owner.Address)
	for _, l := range all {
		if l.Name == r.Config.Parent && r.Config.Driver != link.DriverBridge {
			s.Parent = "down"
			if l.Up {
				s.Parent = "up"
			}
		}
		if l.Alias != alias {
			continue
		}
		s.Link = &hostLink{Name: l.Name, Kind: l.Kind, Up: l.Up, Addrs: l.Addrs}
		if l.Kind != "bridge" {
			routes, err := links.Routes(l.Name)
			if err != nil {
				return s, err
			}
			slices.Sort(routes)
			s.Link.Routes = routes
		}
	}
	return s, nil
}

func (h *networks) Create(_ context.Context, owner providers.Owner, want schema.Network) (networkState, error) {
	s := networkState{Lineage: owner.Lineage, Address: owner.Address, Config: want}
	if err := h.p.privileged(); err != nil {
		return s, err
	}
	if err := check(want); err != nil {
		return s, fmt.Errorf("create network %s: %w", want.Name, err)
	}
	links, err := link.Open()
	if err != nil {
		return s, err
	}
	defer links.Close()
	if want.Driver != link.DriverBridge {
		problems, err := links.CheckParent(want.Parent, want.Driver)
		if err != nil {
			return s, err
		}
		for _, p := range problems {
			if p.Fatal {
				return s, fmt.Errorf("create network %s: %s (%s)", want.Name, p.What, p.Remedy)
			}
		}
		if err := supported(want); err != nil {
			return s, fmt.Errorf("create network %s: %w", want.Name, err)
		}
	}
	if old, err := h.load(owner.Lineage, want.Name); err == nil && old.Owner.Address != owner.Address {
		return s, fmt.Errorf("create network %s: the name is taken by %s", want.Name, old.Owner.Address)
	}
	r := record{Owner: owner, Config: want}
	if err := h.save(r); err != nil {
		return s, err
	}
	if err := h.furnish(links, r); err != nil {
		return s, fmt.Errorf("create network %s: %w", want.Name, err)
	}
	all, err := links.Dump()
	if err != nil {
		return s, err
	}
	return observe(links, all, r)
}

// furnish makes the host's side as the record says.
func (h *networks) furnish(links *link.Handle, r record) error {
	alias := link.Alias(r.Owner.Lineage, r.Owner.Address)
	switch {
	case r.Config.Driver == link.DriverBridge:
		bridge := link.BridgeName(r.Owner.Lineage, r.Config.Name)
		if err := deleteOurs(links, r.Owner.Lineage, alias, bridge); err != nil { // it was renamed
			return err
		}
		if err := links.CreateBridge(bridge, alias); err != nil {
			return err
		}
		if r.Config.Gateway == "" {
			return nil
		}
		return links.OnlyAddress(bridge, gatewayAddress(r.Config))
	case r.Config.HostIP != "":
		mine, err := links.FindHairpin(alias)
		if err != nil {
			return err
		}
		name := ""
		if mine != nil {
			name = mine.Name
		}
		if err := deleteOurs(links, r.Owner.Lineage, alias, name); err != nil { // it was renamed
			return err
		}
		_, err = links.EnsureHairpin(link.Hairpin{
			Driver: r.Config.Driver, Parent: r.Config.Parent, Alias: alias, IP: r.Config.HostIP, Pool: r.Config.Pool,
		})
		return err
	default:
		return deleteOurs(links, r.Owner.Lineage, alias, "")
	}
}

// deleteOurs deletes the links that carry the alias, but one of that name.
func deleteOurs(links *link.Handle, lineage, alias, but string) error {
	if err := links.Claim(alias); err != nil {
		return err
	}
	all, err := links.Dump()
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.Alias == alias && l.Name != but {
			if err := links.Delete(l.Name, lineage); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *networks) Update(ctx context.Context, owner providers.Owner, want schema.Network, _ networkState) (networkState, error) {
	return h.Create(ctx, owner, want)
}

func (h *networks) Delete(_ context.Context, have networkState) error {
	if err := h.p.privileged(); err != nil {
		return err
	}
	links, err := link.Open()
	if err != nil {
		return err
	}
	defer links.Close()
	if err := deleteOurs(links, have.Lineage, link.Alias(have.Lineage, have.Address), ""); err != nil {
		return fmt.Errorf("delete network %s: %w", have.Config.Name, err)
	}
	if err := h.forget(have.Lineage, have.Config.Name); err != nil {
		return fmt.Errorf("delete network %s: %w", have.Config.Name, err)
	}
	return nil
}
