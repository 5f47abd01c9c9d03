package docker

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// errUnmendable says that what is wrong in a namespace can only be put right by
// a new one.
var errUnmendable = errors.New("the link cannot be made again inside the running container")

// mend puts right what stands in the namespace of a process, without ending
// anything that runs there: rules first, so that nothing leaves meanwhile.
func (kernel) mend(pid int, want schema.Decky) error {
	host, err := link.Open()
	if err != nil {
		return err
	}
	defer host.Close()
	inside, err := os.Open(netnsPath(pid))
	if err != nil {
		return fmt.Errorf("open the namespace of %s: %w", want.Name, err)
	}
	defer inside.Close()
	return needsRoot(namespace.Do(netnsPath(pid), func() error {
		if err := mendRules(sysctls(want)); err != nil {
			return err
		}
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return fmt.Errorf("open rtnetlink: %w", err)
		}
		defer h.Close()
		wanted := wantedLink(want)
		found, err := strip(h, wanted)
		if err != nil {
			return err
		}
		if !found {
			if want.Network.Driver == driverBridge {
				return errUnmendable // the engine alone knows the other end
			}
			child := link.Child{Driver: want.Network.Driver, Parent: want.Network.Parent, Name: wanted.Name, MAC: wanted.MAC}
			if err := host.CreateChild(child, int(inside.Fd())); err != nil {
				return fmt.Errorf("%w: %w", errUnmendable, err)
			}
		}
		return mendLink(h, want, wanted)
	}))
}

// mendRules sets sysctls and egress rules in the calling thread's namespace.
func mendRules(values map[string]string) error {
	if err := egress.Verify(egress.Rules{}); errors.Is(err, egress.ErrAltered) {
		if err := egress.Apply(egress.Rules{}); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		have, err := link.ReadSysctl(name)
		if err == nil && have == values[name] {
			continue
		}
		if err := link.WriteSysctl(name, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// strip removes every interface that is not the one that a decky must have, and
// tells whether that is there.
func strip(h *netlink.Handle, wanted LinkState) (found bool, err error) {
	links, err := link.Whole(h.LinkList)
	if err != nil {
		return false, fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		a := l.Attrs()
		switch {
		case a.Flags&net.FlagLoopback != 0:
			if err := h.LinkSetUp(l); err != nil {
				return found, fmt.Errorf("bring up link %s: %w", a.Name, err)
			}
			continue
		case fallback(a.Name) && a.Flags&net.FlagUp == 0:
			continue
		case a.Name == wanted.Name && l.Type() == wanted.Kind:
			found = true
			continue
		}
		err := h.LinkDel(l)
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM) {
			err = h.LinkSetDown(l) // the kernel's own, or a piece of hardware
		}
		var missing netlink.LinkNotFoundError
		if err != nil && !errors.As(err, &missing) && !errors.Is(err, unix.ENODEV) {
			return found, fmt.Errorf("delete link %s: %w", a.Name, err)
		}
	}
	return found, nil
}

// fallback tells whether the kernel itself puts an interface of that name into
// every namespace, once the module of its kind is loaded.
func fallback(name string) bool {
	switch name {
	case "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0":
		return true
	}
	return false
}

// mendLink gives the one interface its MAC, its address and its routes.
func mendLink(h *netlink.Handle, want schema.Decky, wanted LinkState) error {
	l, err := h.LinkByName(wanted.Name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", wanted.Name, err)
	}
	if mac, err := net.ParseMAC(wanted.MAC); err == nil && want.Network.Driver != driverIPvlan && l.Attrs().HardwareAddr.String() != wanted.MAC {
		if err := h.LinkSetHardwareAddr(l, mac); err != nil {
			return fmt.Errorf("set the MAC of link %s: %w", wanted.Name, err)
		}
	}
	mine, err := link.Open()
	if err != nil {
		return err
	}
	defer mine.Close()
	if err := mine.OnlyAddress(wanted.Name, wanted.IP); err != nil {
		return err
	}
	if err := mine.Up(wanted.Name); err != nil {
		return err
	}
	return mendRoutes(h, mine, l, gatewayFor(want.Network), wanted)
}

// mendRoutes gives the interface the routes to its neighbours and to its
// gateway, and takes every other away.
func mendRoutes(h *netlink.Handle, mine *link.Handle, l netlink.Link, gateway string, wanted LinkState) error {
	for _, r := range wanted.Routes {
		if err := mine.SetRoute(wanted.Name, r); err != nil {
			return err
		}
	}
	routes, err := link.Whole(func() ([]netlink.Route, error) { return h.RouteList(l, netlink.FAMILY_V4) })
	if err != nil {
		return fmt.Errorf("list routes of link %s: %w", wanted.Name, err)
	}
	for _, r := range routes {
		toAll := r.Dst == nil || r.Dst.IP.IsUnspecified()
		switch {
		case toAll && (gateway == "" || r.Gw.String() == gateway),
			!toAll && r.Gw == nil && slices.Contains(wanted.Routes, r.Dst.String()):
			continue
		}
		if err := h.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("delete route %s of link %s: %w", r, wanted.Name, err)
		}
	}
	if gateway == "" {
		return nil
	}
	return mine.SetDefaultRoute(wanted.Name, gateway)
}
