package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// egressRules are those of every native decky.
var egressRules = egress.Rules{Only: true}

// hostSide is what stands on the host for the deckies of bridges, by the name of
// the link: one dump, and none where no bridge is.
func (p *Provider) hostSide(d supervise.Dirs, records []deckyRecord) (map[string]link.Info, error) {
	if !slices.ContainsFunc(records, func(r deckyRecord) bool { return r.Config.Network.Driver == link.DriverBridge }) {
		return nil, nil
	}
	host, err := p.hostLinks()
	if err != nil {
		return nil, err
	}
	side := map[string]link.Info{}
	if len(records) == 1 {
		for _, name := range []string{link.VethName(d.Lineage, records[0].Config.Name), link.BridgeName(d.Lineage, records[0].Config.Network.Name)} {
			l, ok, err := host.Find(name)
			if err != nil {
				return nil, err
			}
			if ok {
				side[name] = l
			}
		}
		return side, nil
	}
	all, err := host.Dump()
	for _, l := range all {
		side[l.Name] = l
	}
	return side, err
}

// hostEnd says how the host's end of a decky's veth is.
func hostEnd(r deckyRecord, side map[string]link.Info) string {
	veth, ok := side[link.VethName(r.Owner.Lineage, r.Config.Name)]
	bridge, bridged := side[link.BridgeName(r.Owner.Lineage, r.Config.Network.Name)]
	switch {
	case !ok:
		return "gone"
	case veth.Alias != link.Alias(r.Owner.Lineage, r.Owner.Address):
		return "another's"
	case !bridged || veth.Master != bridge.Index:
		return "not on the bridge"
	case !veth.Up:
		return "down"
	default:
		return attached
	}
}

// observe looks into a decky's namespace: one visit, one link dump.
func (p *Provider) observe(d supervise.Dirs, r deckyRecord, side map[string]link.Info) (deckyState, error) {
	s := deckyState{Lineage: d.Lineage, Name: r.Config.Name, Config: r.Config, Namespace: pin(d, r.Config.Name), Isolated: r.Isolated}
	s.Damaged = p.book(d.Lineage).Lost(deckyPrefix + r.Config.Name)
	inode, err := namespace.Inode(s.Namespace)
	if errors.Is(err, namespace.ErrNone) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.Inode = inode
	err = namespace.Do(s.Namespace, func() error {
		s.Sysctls = map[string]string{}
		for name := range sysctls(r.Config) {
			value, err := link.ReadSysctl(name)
			if err != nil {
				value = "unreadable"
			}
			s.Sysctls[name] = value
		}
		s.Egress = inPlace
		if err := egress.Verify(egressRules); err != nil {
			if !errors.Is(err, egress.ErrAltered) {
				return err
			}
			s.Egress = err.Error()
		}
		var err error
		s.Link, err = observeLink(wantLink(r.Config))
		return err
	})
	if r.Config.Network.Driver == link.DriverBridge {
		s.Link.Host = hostEnd(r, side)
	}
	return s, err
}

func observeLink(want linkState) (linkState, error) {
	links, err := link.Open()
	if err != nil {
		return linkState{}, err
	}
	defer links.Close()
	all, err := links.Dump()
	if err != nil {
		return linkState{}, err
	}
	var s linkState
	for _, l := range all {
		s.Connected = s.Connected || l.Up && l.Name != "lo"
		switch l.Name {
		case "lo":
			if !l.Up {
				s.Extra += "lo is down "
			}
		case linkName:
			s.Kind, s.MAC, s.Up = l.Kind, l.MAC, l.Up
			for i, a := range l.Addrs {
				if i == 0 {
					s.Address = a
				} else {
					s.Extra += a + " "
				}
			}
		default:
			s.Extra += l.Name + " "
		}
	}
	if s.Kind == "" {
		return s, nil
	}
	routes, err := links.AllRoutes()
	for _, route := range routes {
		switch {
		case route == subnetRoute(want):
			s.Subnet = want.Subnet
		case strings.HasPrefix(route, "default via ") && s.Gateway == "":
			gateway, on, _ := strings.Cut(strings.TrimPrefix(route, "default via "), " dev ")
			if s.Gateway = gateway; on != linkName {
				s.Gateway = route
			}
		default:
			s.Routes += route + "; "
		}
	}
	return s, err
}

// subnetRoute is the route to a decky's own segment, in the words of
// link.AllRoutes.
func subnetRoute(want linkState) string { return want.Subnet + " dev " + linkName }

// keepRoute tells whether a decky should have a route.
func keepRoute(want linkState) func(string) bool {
	return func(route string) bool {
		return route == subnetRoute(want) || want.Gateway != "" && route == "default via "+want.Gateway+" dev "+linkName
	}
}

// job is what there is to do inside a namespace.
type job struct {
	host    *link.Handle
	owner   providers.Owner
	want    schema.Decky
	pinned  string            // path of the namespace
	link    linkState         // that is there
	sysctls map[string]string // as they are
	rules   bool              // egress rules must be applied
	fresh   bool              // the namespace was just made
}

// furnish makes everything inside the calling thread's namespace as it should
// be.
func (j job) furnish(ctx context.Context) error {
	want, have := j.want, j.link
	for name, value := range sysctls(want) {
		if j.sysctls[name] == value {
			continue
		}
		if err := link.WriteSysctl(name, value); err != nil {
			return err
		}
	}
	if j.rules {
		if err := egress.Apply(egressRules); err != nil {
			return err
		}
	}
	inside, err := link.Open()
	if err != nil {
		return err
	}
	defer inside.Close()
	expected := wantLink(want)
	if !j.fresh {
		if err := inside.KeepRoutes(keepRoute(expected)); err != nil {
			return err
		}
	}
	if j.spoiled(expected) {
		if err := inside.Strip(j.pinned); err != nil {
			return err
		}
		have.Kind = ""
	}
	switch {
	case have.Kind == "":
		if err := connect(j.host, j.owner, want); err != nil {
			return err
		}
	case expected.Host != "" && have.Host != attached:
		if err := j.host.Attach(link.VethName(j.owner.Lineage, want.Name), link.BridgeName(j.owner.Lineage, want.Network.Name), link.Alias(j.owner.Lineage, j.owner.Address)); err != nil {
			return err
		}
	}
	if have.Kind != "" && have.Up && have.Subnet != expected.Subnet { // the kernel makes it only with the address
		if err := inside.SetRoute(linkName, expected.Subnet); err != nil {
			return err
		}
	}
	return setUp(ctx, inside, link.Configure{Name: linkName, Address: expected.Address, Gateway: expected.Gateway})
}

// spoiled tells whether the link must be made anew.
func (j job) spoiled(expected linkState) bool {
	have := j.link
	return have.Extra != "" || have.Host == "gone" ||
		have.Kind != "" && (have.Kind != expected.Kind || expected.MAC != "" && have.MAC != expected.MAC || have.Address != expected.Address)
}

// setUp waits for a predecessor with the same MAC: the kernel removes a deleted
// namespace's links in the background.
func setUp(ctx context.Context, inside *link.Handle, c link.Configure) error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := inside.Setup(c)
		if !errors.Is(err, unix.EADDRINUSE) && !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// connect makes the decky's link from the host's side, straight into the
// calling thread's namespace.
func connect(host *link.Handle, owner providers.Owner, want schema.Decky) error {
	inside, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("open the own namespace: %w", err)
	}
	defer inside.Close()
	child := link.Child{Driver: want.Network.Driver, Parent: want.Network.Parent, Name: linkName, MAC: want.Host.MAC}
	if child.Driver == link.DriverBridge {
		child.Parent = link.BridgeName(owner.Lineage, want.Network.Name)
		child.Host = link.VethName(owner.Lineage, want.Name)
		child.Alias = link.Alias(owner.Lineage, owner.Address)
		if err := host.Delete(child.Host, owner.Lineage); err != nil { // of a namespace that is going
			return err
		}
	}
	return host.CreateChild(child, int(inside.Fd()))
}
