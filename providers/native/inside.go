package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// observe looks into a decky's namespace: one visit, one link dump.
func observe(d supervise.Dirs, r deckyRecord) (deckyState, error) {
	s := deckyState{Lineage: d.Lineage, Name: r.Config.Name, Config: r.Config, Namespace: pin(d, r.Config.Name)}
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
		if err := egress.Verify(egress.Rules{}); err != nil {
			if !errors.Is(err, egress.ErrAltered) {
				return err
			}
			s.Egress = err.Error()
		}
		var err error
		s.Link, err = observeLink()
		return err
	})
	return s, err
}

func observeLink() (linkState, error) {
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
	s.Gateway, err = links.Gateway(linkName)
	return s, err
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
		if err := egress.Apply(egress.Rules{}); err != nil {
			return err
		}
	}
	inside, err := link.Open()
	if err != nil {
		return err
	}
	defer inside.Close()
	expected := wantLink(want)
	if have.Extra != "" || have.Kind != "" && (have.Kind != expected.Kind || expected.MAC != "" && have.MAC != expected.MAC || have.Address != expected.Address) {
		if err := inside.Strip(j.pinned); err != nil {
			return err
		}
		have.Kind = ""
	}
	if have.Kind == "" {
		if err := connect(j.host, j.owner, want); err != nil {
			return err
		}
	}
	return setUp(ctx, inside, link.Configure{Name: linkName, Address: expected.Address, Gateway: expected.Gateway})
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
