package link

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AllRoutes lists the IPv4 routes of the namespace's main table, in the words of
// ip(8): "default via 10.0.0.1 dev eth0", "10.0.0.0/24 dev eth0",
// "blackhole 10.0.0.0/8".
func (h *Handle) AllRoutes() ([]string, error) {
	routes, err := h.routes()
	if err != nil {
		return nil, err
	}
	names, err := h.names()
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(routes))
	for i, r := range routes {
		texts[i] = routeText(r, names)
	}
	return texts, nil
}

// KeepRoutes deletes every IPv4 route of the main table that keep does not want,
// by the words of AllRoutes.
func (h *Handle) KeepRoutes(keep func(route string) bool) error {
	routes, err := h.routes()
	if err != nil {
		return err
	}
	names, err := h.names()
	if err != nil {
		return err
	}
	for _, r := range routes {
		text := routeText(r, names)
		if keep(text) {
			continue
		}
		if err := h.nl.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("delete route %s: %w", text, err)
		}
	}
	return nil
}

func (h *Handle) routes() ([]netlink.Route, error) {
	routes, err := Whole(func() ([]netlink.Route, error) { return h.nl.RouteList(nil, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	return routes, nil
}

func (h *Handle) names() (map[int]string, error) {
	links, err := h.links()
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	return names, nil
}

func routeText(r netlink.Route, names map[int]string) string {
	text := "default"
	if r.Dst != nil && maskBits(r.Dst.Mask) != 0 {
		text = r.Dst.String()
	}
	switch r.Type {
	case unix.RTN_BLACKHOLE:
		text = "blackhole " + text
	case unix.RTN_UNREACHABLE:
		text = "unreachable " + text
	case unix.RTN_PROHIBIT:
		text = "prohibit " + text
	}
	if r.Gw != nil {
		text += " via " + r.Gw.String()
	}
	if name := names[r.LinkIndex]; name != "" {
		text += " dev " + name
	}
	return text
}

// Attach makes an existing link ours again: a port of the bridge, up, and with
// its alias.
func (h *Handle) Attach(name, bridge, alias string) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	master, err := h.nl.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("look up bridge %s: %w", bridge, err)
	}
	if l.Attrs().Alias != alias {
		if err := h.nl.LinkSetAlias(l, alias); err != nil {
			return fmt.Errorf("mark link %s: %w", name, err)
		}
	}
	if l.Attrs().MasterIndex != master.Attrs().Index {
		if err := h.nl.LinkSetMaster(l, master); err != nil {
			return fmt.Errorf("attach link %s to %s: %w", name, bridge, err)
		}
	}
	if err := h.nl.LinkSetUp(l); err != nil {
		return fmt.Errorf("bring up link %s: %w", name, err)
	}
	return nil
}

// Isolate takes every link but loopback ones down: no packet leaves the namespace
// or reaches it.
func (h *Handle) Isolate() error {
	links, err := h.links()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		if l.Attrs().Flags&unix.IFF_LOOPBACK != 0 {
			continue
		}
		if err := h.nl.LinkSetDown(l); err != nil && !isNotFound(err) {
			return fmt.Errorf("take down link %s: %w", l.Attrs().Name, err)
		}
	}
	return nil
}
