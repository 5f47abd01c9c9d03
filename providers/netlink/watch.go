package netlink

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/monitor"
)

var _ providers.Watcher = (*Provider)(nil)

// Watch hears of bridges and hairpins of the lineage, of their addresses and
// routes, of the parents of its networks, and of the records.
func (p *Provider) Watch(ctx context.Context, lineage string, tell func(providers.Notice)) error {
	if err := p.privileged(); err != nil {
		return err
	}
	m, err := monitor.Open()
	if err != nil {
		return fmt.Errorf("watch networks: %w", err)
	}
	defer m.Close()
	h := &networks{p}
	if err := m.Directory(h.dir(lineage)); err != nil {
		return fmt.Errorf("watch networks: %w", err)
	}
	parents := h.parents(lineage)
	tell(providers.Notice{})
	for {
		changes, err := m.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watch networks: %w", err)
		}
		for _, c := range changes {
			say := func(address string) {
				tell(providers.Notice{Address: address, What: c.What(), Time: p.env.Now()})
			}
			switch c.Kind {
			case monitor.Overrun:
				say("")
			case monitor.File:
				parents = h.parents(lineage)
				if filepath.Ext(c.Path) == suffix || c.Path == h.dir(lineage) {
					say("")
				}
			case monitor.Link, monitor.Address, monitor.Route:
				if owner, address, ok := link.ParseAlias(c.Alias); ok && owner == lineage {
					say(address)
				}
				if c.Kind == monitor.Link {
					for _, address := range parents[c.Link] {
						say(address)
					}
				}
			}
		}
	}
}

// parents are the addresses of a lineage's networks by the interface that they
// stand on.
func (h *networks) parents(lineage string) map[string][]string {
	all := map[string][]string{}
	names, err := h.names(lineage)
	if err != nil {
		h.p.env.Log.Warn("watch networks", "error", err)
	}
	for _, name := range names {
		if r, err := h.load(lineage, name); err == nil && r.Config.Driver != link.DriverBridge {
			all[r.Config.Parent] = append(all[r.Config.Parent], r.Owner.Address)
		}
	}
	return all
}
