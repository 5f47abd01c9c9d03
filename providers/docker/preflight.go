package docker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// Preflight foresees what the engine would refuse: no engine, no parent, names
// and subnets that others have.
func (p *provider) Preflight(ctx context.Context, planned []providers.Planned) []providers.Finding {
	var making []providers.Planned
	for _, instance := range planned {
		if instance.Runtime == providers.RuntimeDocker && instance.Action != "no-op" {
			making = append(making, instance)
		}
	}
	if len(making) == 0 {
		return nil
	}
	c, err := p.engine.client(ctx)
	if err != nil {
		return []providers.Finding{unavailable(err)}
	}
	nets, err := c.NetworkList(ctx, network.ListOptions{})
	if err != nil {
		return []providers.Finding{unavailable(p.engine.explain("list networks", err))}
	}
	list, err := c.ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		return []providers.Finding{unavailable(p.engine.explain("list containers", err))}
	}
	names := map[string]container.Summary{}
	for _, found := range list {
		names[nameOf(found)] = found
	}
	var findings []providers.Finding
	if p.env.DeckyDigest == "" {
		findings = append(findings, providers.Finding{
			Severity: providers.SeverityError, Summary: "the decky binary is missing: " + p.env.Decky,
			Remedy: "build it with make build, or install it beside decnet",
		})
	}
	for _, instance := range making {
		findings = append(findings, foresee(instance, nets, names)...)
	}
	return findings
}

// foresee looks at one instance.
func foresee(instance providers.Planned, nets []network.Summary, names map[string]container.Summary) []providers.Finding {
	var name string
	switch instance.Type {
	case providers.TypeNetwork:
		var n schema.Network
		if json.Unmarshal(instance.Config, &n) != nil {
			return nil
		}
		return foreseeNetwork(instance, n, nets)
	case providers.TypeDecky:
		var d schema.Decky
		if json.Unmarshal(instance.Config, &d) != nil {
			return nil
		}
		name = d.Name
	case providers.TypeService:
		var s schema.Service
		if json.Unmarshal(instance.Config, &s) != nil {
			return nil
		}
		name = containerName(s)
	}
	found, taken := names[name]
	if !taken || found.Labels[labelAddress] == cmp.Or(instance.Carries, instance.Address) {
		return nil
	}
	return []providers.Finding{{
		Severity: providers.SeverityError, Address: instance.Address,
		Summary: fmt.Sprintf("container %s exists and is not this instance's (%s)", name, short(found.ID)),
		Remedy:  "rename one of them, or remove it with docker rm -f " + name,
	}}
}

func foreseeNetwork(instance providers.Planned, want schema.Network, nets []network.Summary) []providers.Finding {
	var findings []providers.Finding
	add := func(severity providers.Severity, remedy, format string, args ...any) {
		findings = append(findings, providers.Finding{Severity: severity, Address: instance.Address, Summary: fmt.Sprintf(format, args...), Remedy: remedy})
	}
	if want.Driver != driverBridge {
		switch exists, up := parentExists(want.Parent); {
		case !exists:
			add(providers.SeverityError, "set the network's parent to an interface of this host (ip link)", "parent interface %q does not exist", want.Parent)
		case !up:
			add(providers.SeverityWarning, "bring it up: ip link set "+want.Parent+" up", "parent interface %s is down", want.Parent)
		}
	}
	if want.HostIP != "" && want.Driver == driverIPvlan {
		add(providers.SeverityError, "set host_access = false, or driver = \"macvlan\"", "host access over ipvlan is not supported")
	}
	subnet, err := netip.ParsePrefix(want.Subnet)
	if err != nil {
		return findings
	}
	for _, n := range nets {
		if n.Labels[labelAddress] == cmp.Or(instance.Carries, instance.Address) {
			continue
		}
		if n.Name == want.Name {
			add(providers.SeverityError, "rename one of them, or remove it with docker network rm "+n.Name, "network %s exists and is not this instance's", n.Name)
			continue
		}
		if want.Driver != driverBridge && n.Driver == want.Driver && n.Options["parent"] == want.Parent {
			add(providers.SeverityError, "use that network's parent for one network only, or remove it with docker network rm "+n.Name,
				"Docker network %s uses the parent %s already", n.Name, want.Parent)
		}
		for _, pool := range n.IPAM.Config {
			if other, err := netip.ParsePrefix(pool.Subnet); err == nil && other.Overlaps(subnet) {
				add(providers.SeverityError, "choose another subnet, or remove it with docker network rm "+n.Name,
					"subnet %s overlaps Docker network %s (%s)", want.Subnet, n.Name, pool.Subnet)
			}
		}
	}
	return findings
}
