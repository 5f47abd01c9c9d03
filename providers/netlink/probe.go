package netlink

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/derive"
)

func (p *Provider) privileged() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return &providers.UnavailableError{Provider: name, What: "network links need root", Remedy: "run decnet as root (sudo)"}
}

// check refuses a configuration that no kernel could make.
func check(c schema.Network) error {
	switch {
	case c.Name == "" || len(c.Name) > 200 || c.Name[0] == '.' || strings.ContainsAny(c.Name, "/\x00"):
		return fmt.Errorf("name %q cannot be a file's", c.Name)
	case c.Driver != link.DriverMacvlan && c.Driver != link.DriverIPvlan && c.Driver != link.DriverBridge:
		return fmt.Errorf("driver %q: want macvlan, ipvlan or bridge", c.Driver)
	case c.Driver != link.DriverBridge && c.Parent == "":
		return errors.New("no parent interface")
	}
	if _, err := netip.ParsePrefix(c.Subnet); err != nil {
		return fmt.Errorf("subnet: %w", err)
	}
	if _, _, err := link.ParsePool(c.Pool); err != nil {
		return err
	}
	if c.HostIP != "" {
		if ip, err := netip.ParseAddr(c.HostIP); err != nil || !ip.Is4() {
			return fmt.Errorf("host address %q is no IPv4 address", c.HostIP)
		}
	}
	return nil
}

// supported makes a child that is gone at once, to learn early whether the
// kernel and the parent take the driver. It stands in a namespace that ends with
// the call.
func supported(c schema.Network) error {
	links, err := link.Open()
	if err != nil {
		return err
	}
	defer links.Close()
	return link.Trial(links, link.Child{Driver: c.Driver, Parent: c.Parent, Name: "eth0"})
}

// Probe tells what networks need of this machine.
func (p *Provider) Probe(_ context.Context) []providers.Finding {
	links, err := link.Open()
	if err != nil {
		return []providers.Finding{{Severity: providers.SeverityWarning, Summary: "rtnetlink cannot be opened: " + err.Error(), Remedy: "run on a Linux host, not in a restricted container"}}
	}
	defer links.Close()
	parent, err := links.DefaultParent()
	if err != nil || parent == "" {
		return []providers.Finding{{Severity: providers.SeverityWarning, Summary: "no interface has the default route", Remedy: "name the parent of each network"}}
	}
	findings := problems(links, "", parent, link.DriverMacvlan, providers.SeverityWarning)
	if len(findings) == 0 {
		findings = append(findings, providers.Finding{Severity: providers.SeverityOK, Summary: fmt.Sprintf("interface %s can be the parent of macvlan networks", parent)})
	}
	return findings
}

func problems(links *link.Handle, address, parent, driver string, fatal providers.Severity) []providers.Finding {
	found, err := links.CheckParent(parent, driver)
	if err != nil {
		return []providers.Finding{{Severity: fatal, Address: address, Summary: err.Error()}}
	}
	var findings []providers.Finding
	for _, f := range found {
		severity := providers.SeverityWarning
		if f.Fatal {
			severity = fatal
		}
		findings = append(findings, providers.Finding{Severity: severity, Address: address, Summary: f.What, Remedy: f.Remedy})
	}
	return findings
}

// Preflight foresees what would make the planned networks fail. It sends
// nothing.
func (p *Provider) Preflight(_ context.Context, planned []providers.Planned) []providers.Finding {
	var findings []providers.Finding
	links, err := link.Open()
	if err != nil {
		return nil
	}
	defer links.Close()
	all, err := links.Dump()
	if err != nil {
		return nil
	}
	mine := map[string]schema.Network{}
	for _, item := range planned {
		if item.Type != providers.TypeNetwork || item.Runtime != providers.RuntimeNative {
			continue
		}
		var c schema.Network
		if err := json.Unmarshal(item.Config, &c); err != nil {
			findings = append(findings, providers.Finding{Severity: providers.SeverityError, Address: item.Address, Summary: "its configuration cannot be read: " + err.Error()})
			continue
		}
		if err := check(c); err != nil {
			findings = append(findings, providers.Finding{Severity: providers.SeverityError, Address: item.Address, Summary: err.Error()})
			continue
		}
		if item.Action != "no-op" && os.Geteuid() != 0 {
			findings = append(findings, providers.Finding{Severity: providers.SeverityError, Address: item.Address, Summary: "network links need root", Remedy: "run decnet as root (sudo)"})
		}
		if c.Driver != link.DriverBridge {
			findings = append(findings, problems(links, item.Address, c.Parent, c.Driver, providers.SeverityError)...)
		}
		findings = append(findings, overlapsHost(item.Address, c, all)...)
		mine[c.Name] = c
	}
	findings = append(findings, segment(links, planned)...)
	return append(findings, p.overlapsOthers(planned, mine)...)
}

// overlapsHost finds addresses of this host in a pool that somebody wrote. No
// decky is given such an address of a pool that is all the subnet leaves.
func overlapsHost(address string, c schema.Network, all []link.Info) []providers.Finding {
	if wholeSubnet(c, all) {
		return nil
	}
	var findings []providers.Finding
	for _, l := range all {
		if l.Alias != "" {
			continue // a hairpin's address may be anywhere
		}
		for _, cidr := range l.Addrs {
			prefix, err := netip.ParsePrefix(cidr)
			if err == nil && within(c.Pool, prefix.Addr()) {
				findings = append(findings, providers.Finding{
					Severity: providers.SeverityError, Address: address,
					Summary: fmt.Sprintf("pool %s holds %s, which is this host's own on %s", c.Pool, prefix.Addr(), l.Name),
					Remedy:  "set the network's pool to a range without it",
				})
			}
		}
	}
	return findings
}

// wholeSubnet tells whether a pool is the one of a network that says none: what
// the gateway and this host leave of the subnet at its ends.
func wholeSubnet(c schema.Network, all []link.Info) bool {
	subnet, err := netip.ParsePrefix(c.Subnet)
	if err != nil {
		return false
	}
	pool, err := derive.ParseRange(c.Pool)
	if err != nil {
		return false
	}
	taken := map[string]bool{c.Gateway: true}
	for _, l := range all {
		for _, cidr := range l.Addrs {
			if prefix, err := netip.ParsePrefix(cidr); err == nil {
				taken[prefix.Addr().String()] = true
			}
		}
	}
	usable := derive.Usable(subnet)
	for usable.First.Less(pool.First) && taken[usable.First.String()] {
		usable.First = usable.First.Next()
	}
	for pool.Last.Less(usable.Last) && taken[usable.Last.String()] {
		usable.Last = usable.Last.Prev()
	}
	return usable == pool
}

func within(pool string, ip netip.Addr) bool {
	first, last, err := link.ParsePool(pool)
	return err == nil && !ip.Less(first) && !last.Less(ip)
}

// overlapsOthers compares the planned pools with those of every other
// configuration on this host that shares the parent.
func (p *Provider) overlapsOthers(planned []providers.Planned, mine map[string]schema.Network) []providers.Finding {
	addresses := map[string]bool{}
	for _, item := range planned {
		addresses[cmp.Or(item.Carries, item.Address)] = true
	}
	files, err := filepath.Glob(filepath.Join(p.env.DataDir, "*", "native", "networks", "*.json"))
	if err != nil {
		return nil
	}
	var findings []providers.Finding
	for _, file := range files {
		r, err := read(file)
		if err != nil {
			continue // unreadable without privilege
		}
		for _, c := range mine {
			if c.Name == r.Config.Name && addresses[r.Owner.Address] || c.Parent != r.Config.Parent || c.Driver == link.DriverBridge {
				continue
			}
			if overlap(c.Pool, r.Config.Pool) {
				findings = append(findings, providers.Finding{
					Severity: providers.SeverityError,
					Summary:  fmt.Sprintf("pool %s of network %s overlaps %s of network %s (lineage %s) on %s", c.Pool, c.Name, r.Config.Pool, r.Config.Name, r.Owner.Lineage, c.Parent),
					Remedy:   "give the two networks pools of their own",
				})
			}
		}
	}
	return findings
}

func overlap(a, b string) bool {
	first, last, err := link.ParsePool(a)
	if err != nil {
		return false
	}
	from, to, err := link.ParsePool(b)
	return err == nil && !last.Less(from) && !to.Less(first)
}
