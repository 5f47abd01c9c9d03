// Package link makes and inspects network links over rtnetlink: veth, bridge,
// macvlan, ipvlan, their addresses and routes, sysctls, and what a parent
// interface can carry. It never runs a program, never touches a link that it
// was not named, and refuses to delete one whose alias is not ours. It holds no
// resource: providers that make networks and deckies import it.
package link

import (
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/namespace"
)

// ErrForeign says that a link carries the name we wanted but is not ours.
var ErrForeign = errors.New("the link is not decnet's")

const aliasPrefix = "decnet:"

// Alias is what a host-side link of an instance carries as its alias.
func Alias(lineage, address string) string { return aliasPrefix + lineage + ":" + address }

// ParseAlias reads back what Alias wrote.
func ParseAlias(alias string) (lineage, address string, ok bool) {
	rest, ok := strings.CutPrefix(alias, aliasPrefix)
	if !ok {
		return "", "", false
	}
	lineage, address, ok = strings.Cut(rest, ":")
	return lineage, address, ok && lineage != "" && address != ""
}

// mark is the group number that a host-side link is created with. An alias can
// only be given afterwards, so between the two the mark tells whose it is.
func mark(alias string) uint32 { return crc32.ChecksumIEEE([]byte(alias)) | 1<<31 }

// Claim gives the alias to the links that were created for it by somebody who
// died before he could.
func (h *Handle) Claim(alias string) error {
	links, err := h.links()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		if a := l.Attrs(); a.Alias == "" && a.Group == mark(alias) {
			if err := h.nl.LinkSetAlias(l, alias); err != nil && !isNotFound(err) {
				return fmt.Errorf("mark link %s: %w", a.Name, err)
			}
		}
	}
	return nil
}

// Handle is a netlink socket bound to the namespace in which it was opened. It
// may be used from any goroutine. Close it.
type Handle struct{ nl *netlink.Handle }

// Open opens a handle on the calling thread's namespace.
func Open() (*Handle, error) {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	return &Handle{nl: nl}, nil
}

// Close releases the socket.
func (h *Handle) Close() { h.nl.Close() }

// Info is what a link dump tells of one link.
type Info struct {
	Name   string   `json:"name"`
	Index  int      `json:"index"`
	Kind   string   `json:"kind"` // "macvlan", "veth", "bridge", "device", ...
	MAC    string   `json:"mac,omitempty"`
	Alias  string   `json:"alias,omitempty"`
	Up     bool     `json:"up"`
	Parent int      `json:"parent,omitempty"` // index, in the namespace where the parent stands
	Master int      `json:"master,omitempty"` // index of the bridge that it is a port of
	Addrs  []string `json:"addrs,omitempty"`  // IPv4, CIDR
}

// Dump lists every link of the namespace with its IPv4 addresses: two requests,
// however many links there are.
func (h *Handle) Dump() ([]Info, error) {
	links, err := h.links()
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	addrs, err := h.addresses(nil)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	byIndex := map[int][]string{}
	for _, a := range addrs {
		byIndex[a.LinkIndex] = append(byIndex[a.LinkIndex], a.IPNet.String())
	}
	infos := make([]Info, len(links))
	for i, l := range links {
		infos[i] = infoOf(l)
		infos[i].Addrs = byIndex[infos[i].Index]
	}
	return infos, nil
}

// Find looks up one link without its addresses; ok is false where there is none.
func (h *Handle) Find(name string) (info Info, ok bool, err error) {
	l, err := h.nl.LinkByName(name)
	if isNotFound(err) {
		return Info{}, false, nil
	}
	if err != nil {
		return Info{}, false, fmt.Errorf("look up link %s: %w", name, err)
	}
	return infoOf(l), true, nil
}

func infoOf(l netlink.Link) Info {
	a := l.Attrs()
	info := Info{Name: a.Name, Index: a.Index, Kind: l.Type(), Alias: a.Alias, Up: a.Flags&net.FlagUp != 0, Parent: a.ParentIndex, Master: a.MasterIndex}
	if len(a.HardwareAddr) > 0 {
		info.MAC = a.HardwareAddr.String()
	}
	return info
}

func isNotFound(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing) || errors.Is(err, unix.ENODEV)
}

// Delete removes the link if its alias begins with our lineage; ErrForeign
// otherwise. Deleting what is missing succeeds.
func (h *Handle) Delete(name, lineage string) error {
	l, err := h.nl.LinkByName(name)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	if owner, _, ok := ParseAlias(l.Attrs().Alias); !ok || owner != lineage {
		return fmt.Errorf("delete link %s with alias %q: %w", name, l.Attrs().Alias, ErrForeign)
	}
	if err := h.nl.LinkDel(l); err != nil && !isNotFound(err) {
		return fmt.Errorf("delete link %s: %w", name, err)
	}
	return nil
}

// Up brings a link up.
func (h *Handle) Up(name string) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	if err := h.nl.LinkSetUp(l); err != nil {
		return fmt.Errorf("bring up link %s: %w", name, err)
	}
	return nil
}

// SetAddress gives a link an IPv4 address with its prefix ("10.0.0.1/24"), if
// it does not have it yet.
func (h *Handle) SetAddress(name, cidr string) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	return h.setAddress(l, cidr)
}

func (h *Handle) setAddress(l netlink.Link, cidr string) error {
	a, err := netlink.ParseAddr(cidr)
	if err != nil {
		return fmt.Errorf("address %q of link %s: %w", cidr, l.Attrs().Name, err)
	}
	if err := h.nl.AddrReplace(l, a); err != nil {
		return fmt.Errorf("set address %s of link %s: %w", cidr, l.Attrs().Name, err)
	}
	return nil
}

// SetDefaultRoute sends everything else through gateway on the named link.
func (h *Handle) SetDefaultRoute(name, gateway string) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	return h.setRoute(l, nil, net.ParseIP(gateway))
}

// SetRoute sends destination ("10.0.0.0/28") straight out of the named link.
func (h *Handle) SetRoute(name, destination string) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	_, dst, err := net.ParseCIDR(destination)
	if err != nil {
		return fmt.Errorf("route over link %s: %w", name, err)
	}
	return h.setRoute(l, dst, nil)
}

func (h *Handle) setRoute(l netlink.Link, dst *net.IPNet, gateway net.IP) error {
	route := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Gw: gateway}
	if gateway == nil {
		route.Scope = netlink.SCOPE_LINK
	}
	if err := h.nl.RouteReplace(route); err != nil {
		to := "default"
		if dst != nil {
			to = dst.String()
		}
		return fmt.Errorf("set route %s over link %s: %w", to, l.Attrs().Name, err)
	}
	return nil
}

// Routes lists the IPv4 routes of the named link: "default via 10.0.0.1",
// "10.0.0.0/24".
func (h *Handle) Routes(name string) ([]string, error) {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("look up link %s: %w", name, err)
	}
	routes, err := Whole(func() ([]netlink.Route, error) { return h.nl.RouteList(l, netlink.FAMILY_V4) })
	if err != nil {
		return nil, fmt.Errorf("list routes of link %s: %w", name, err)
	}
	texts := make([]string, 0, len(routes))
	for _, r := range routes {
		text := "default"
		if r.Dst != nil && maskBits(r.Dst.Mask) != 0 {
			text = r.Dst.String()
		}
		if r.Gw != nil {
			text += " via " + r.Gw.String()
		}
		texts = append(texts, text)
	}
	return texts, nil
}

func maskBits(m net.IPMask) int { ones, _ := m.Size(); return ones }

// Gateway is the gateway of the named link's default route, "" without one.
func (h *Handle) Gateway(name string) (string, error) {
	routes, err := h.Routes(name)
	if err != nil {
		return "", err
	}
	for _, r := range routes {
		if gateway, ok := strings.CutPrefix(r, "default via "); ok {
			return gateway, nil
		}
	}
	return "", nil
}

// Strip deletes every link but loopback ones from the namespace pinned at path.
// It refuses if the calling thread is not inside it: it is never for a host.
func (h *Handle) Strip(path string) error {
	here, err := namespace.Current()
	if err != nil {
		return err
	}
	pinned, err := namespace.Inode(path)
	if err != nil {
		return err
	}
	if here != pinned {
		return fmt.Errorf("strip another namespace than %s: %w", path, ErrForeign)
	}
	links, err := h.links()
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	for _, l := range links {
		if l.Attrs().Flags&net.FlagLoopback != 0 {
			continue
		}
		if err := h.nl.LinkDel(l); err != nil && !isNotFound(err) {
			return fmt.Errorf("delete link %s: %w", l.Attrs().Name, err)
		}
	}
	return nil
}

// Down takes a link down.
func (h *Handle) Down(name string) error {
	l, err := h.nl.LinkByName(name)
	if err != nil {
		return fmt.Errorf("look up link %s: %w", name, err)
	}
	if err := h.nl.LinkSetDown(l); err != nil {
		return fmt.Errorf("take down link %s: %w", name, err)
	}
	return nil
}
