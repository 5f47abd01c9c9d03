package link

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/namespace"
)

// Drivers of a child link.
const (
	DriverMacvlan = "macvlan"
	DriverIPvlan  = "ipvlan"
	DriverBridge  = "bridge"
)

// Child is the link of a decky: its one interface as it stands in the decky's
// namespace.
type Child struct {
	Driver string // DriverMacvlan, DriverIPvlan, or DriverBridge: a veth whose host side joins Parent
	Parent string // the interface below, in the handle's namespace; the bridge for DriverBridge
	Name   string // final name inside: "eth0"
	MAC    string // "" leaves it to the kernel; ipvlan shares its parent's
	// Host names the host side of a veth, which carries Alias.
	Host  string
	Alias string
}

// CreateChild makes c in one step inside the namespace that target (an open
// descriptor) refers to; only a veth leaves a link on the host side.
func (h *Handle) CreateChild(c Child, target int) error {
	parent, err := h.nl.LinkByName(c.Parent)
	if err != nil {
		return fmt.Errorf("look up parent %s: %w", c.Parent, err)
	}
	return h.createChild(c, parent.Attrs().Index, target)
}

// CreateChildOn is CreateChild for a caller that knows the parent's index.
func (h *Handle) CreateChildOn(c Child, parent, target int) error {
	return h.createChild(c, parent, target)
}

func (h *Handle) createChild(c Child, parent, target int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.Namespace = c.Name, parent, netlink.NsFd(target)
	if c.MAC != "" && c.Driver != DriverIPvlan {
		mac, err := net.ParseMAC(c.MAC)
		if err != nil {
			return fmt.Errorf("link %s: %w", c.Name, err)
		}
		attrs.HardwareAddr = mac
	}
	var l netlink.Link
	switch c.Driver {
	case DriverMacvlan:
		l = &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	case DriverIPvlan:
		l = &netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2}
	case DriverBridge:
		return h.createVethChild(c, parent, target, attrs.HardwareAddr)
	default:
		return fmt.Errorf("link %s: unknown driver %q", c.Name, c.Driver)
	}
	if err := h.nl.LinkAdd(l); err != nil {
		return fmt.Errorf("create %s %s on %s: %w", c.Driver, c.Name, c.Parent, unsupported(c.Driver, err))
	}
	return nil
}

func (h *Handle) createVethChild(c Child, bridge, target int, mac net.HardwareAddr) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MasterIndex, attrs.Group = c.Host, bridge, mark(c.Alias)
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: c.Name, PeerHardwareAddr: mac, PeerNamespace: netlink.NsFd(target)}
	if err := h.nl.LinkAdd(veth); err != nil {
		return fmt.Errorf("create veth %s: %w", c.Host, unsupported("veth", err))
	}
	host, err := h.nl.LinkByName(c.Host)
	if err != nil {
		return fmt.Errorf("look up veth %s: %w", c.Host, err)
	}
	if err := h.nl.LinkSetAlias(host, c.Alias); err != nil {
		return fmt.Errorf("mark veth %s: %w", c.Host, err)
	}
	if err := h.nl.LinkSetUp(host); err != nil {
		return fmt.Errorf("bring up veth %s: %w", c.Host, err)
	}
	return nil
}

// CreateVethPair makes a veth whose ends stand in two namespaces, each an open
// descriptor.
func (h *Handle) CreateVethPair(a string, inA int, b string, inB int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Namespace = a, netlink.NsFd(inA)
	if err := h.nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: b, PeerNamespace: netlink.NsFd(inB)}); err != nil {
		return fmt.Errorf("create veth %s and %s: %w", a, b, unsupported("veth", err))
	}
	return nil
}

// CreateBridge makes a bridge of ours, or adopts the one that carries alias.
func (h *Handle) CreateBridge(name, alias string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return h.createHost(&netlink.Bridge{LinkAttrs: attrs}, alias)
}

// CreateHostMacvlan makes a macvlan on parent in the handle's own namespace, or
// adopts the one that carries alias: the hairpin through which a host reaches
// the children of its own parent.
func (h *Handle) CreateHostMacvlan(name, parent, alias string) error {
	p, err := h.nl.LinkByName(parent)
	if err != nil {
		return fmt.Errorf("look up parent %s: %w", parent, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = name, p.Attrs().Index
	return h.createHost(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}, alias)
}

// CreateHostIPvlan is CreateHostMacvlan for ipvlan.
func (h *Handle) CreateHostIPvlan(name, parent, alias string) error {
	p, err := h.nl.LinkByName(parent)
	if err != nil {
		return fmt.Errorf("look up parent %s: %w", parent, err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = name, p.Attrs().Index
	return h.createHost(&netlink.IPVlan{LinkAttrs: attrs, Mode: netlink.IPVLAN_MODE_L2}, alias)
}

func (h *Handle) createHost(l netlink.Link, alias string) error {
	name := l.Attrs().Name
	l.Attrs().Group = mark(alias)
	if err := h.Claim(alias); err != nil {
		return err
	}
	err := h.nl.LinkAdd(l)
	switch {
	case errors.Is(err, unix.EEXIST):
		have, findErr := h.nl.LinkByName(name)
		if findErr != nil {
			return fmt.Errorf("look up link %s: %w", name, findErr)
		}
		if have.Type() != l.Type() || have.Attrs().Alias != alias {
			return fmt.Errorf("create %s %s: %w (alias %q)", l.Type(), name, ErrForeign, have.Attrs().Alias)
		}
		l = have
	case err != nil:
		return fmt.Errorf("create %s %s: %w", l.Type(), name, unsupported(l.Type(), err))
	default:
		if l, err = h.nl.LinkByName(name); err != nil {
			return fmt.Errorf("look up link %s: %w", name, err)
		}
		if err := h.nl.LinkSetAlias(l, alias); err != nil {
			err = fmt.Errorf("mark link %s: %w", name, err)
			return errors.Join(err, h.nl.LinkDel(l))
		}
	}
	if err := h.nl.LinkSetUp(l); err != nil {
		return fmt.Errorf("bring up link %s: %w", name, err)
	}
	return nil
}

// UnsupportedError says that this kernel cannot make a kind of link.
type UnsupportedError struct {
	Kind string
	Err  error
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("this kernel has no %s (%v): load the module with `modprobe %s`, or use a kernel that has it, or another driver", e.Kind, e.Err, e.Kind)
}

func (e *UnsupportedError) Unwrap() error { return e.Err }

func unsupported(kind string, err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT) {
		return &UnsupportedError{Kind: kind, Err: err}
	}
	return err
}

// Configure is what a namespace's one interface gets.
type Configure struct {
	Name    string // "eth0"
	Address string // with prefix: "10.0.0.5/24"
	Gateway string // "" for none
}

// Setup brings lo and the named link up and gives it its address and default
// route, in as few requests as possible. Repeating it changes nothing.
func (h *Handle) Setup(c Configure) error {
	lo, err := h.nl.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("look up lo: %w", err)
	}
	if err := h.nl.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bring up lo: %w", err)
	}
	l, err := h.nl.LinkByName(c.Name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", c.Name, err)
	}
	if err := h.setAddress(l, c.Address); err != nil {
		return err
	}
	if err := h.nl.LinkSetUp(l); err != nil {
		return fmt.Errorf("bring up link %s: %w", c.Name, err)
	}
	if c.Gateway == "" {
		return nil
	}
	return h.setRoute(l, nil, net.ParseIP(c.Gateway))
}

// OpenNamespace opens a pinned namespace for CreateChild. Close it.
func OpenNamespace(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open namespace: %w", err)
	}
	return f, nil
}

// Trial makes c on host in a namespace that ends with the call: it tells whether
// kernel and parent take such a child.
func Trial(host *Handle, c Child) error {
	return namespace.Temporary(func() error {
		inside, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return fmt.Errorf("open a namespace: %w", err)
		}
		defer inside.Close()
		return host.CreateChild(c, int(inside.Fd()))
	})
}
