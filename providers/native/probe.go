package native

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// Probe tells what the native runtime lacks on this machine. The decky binary
// and root are errors only where a plan needs them; see Preflight.
func (p *Provider) Probe(_ context.Context) []providers.Finding {
	findings := p.machine(providers.SeverityWarning)
	if len(findings) == 0 {
		findings = append(findings, providers.Finding{Severity: providers.SeverityOK, Summary: "the native runtime can make deckies"})
	}
	return findings
}

// machine lists what stands in the way of any native decky.
func (p *Provider) machine(severity providers.Severity) []providers.Finding {
	var findings []providers.Finding
	add := func(summary, remedy string) {
		findings = append(findings, providers.Finding{Severity: severity, Summary: summary, Remedy: remedy})
	}
	if os.Geteuid() != 0 {
		add("the native runtime needs root: it makes network namespaces", "run decnet as root (sudo)")
	}
	if p.env.DeckyDigest == "" {
		add(fmt.Sprintf("the decky binary %s is missing", p.env.Decky), "build it beside decnet: make build")
	}
	if n, err := readNumber("/proc/sys/user/max_user_namespaces"); err == nil && n == 0 {
		add("user namespaces are forbidden: workers cannot be jailed", "set the sysctl user.max_user_namespaces to 1024 or more")
	}
	if n, err := readNumber("/proc/sys/user/max_net_namespaces"); err == nil && n == 0 {
		add("network namespaces are forbidden", "set the sysctl user.max_net_namespaces to 16384 or more")
	}
	if _, err := os.Stat("/proc/self/ns/net"); err != nil {
		add("this kernel has no network namespaces", "use a kernel with CONFIG_NET_NS")
	}
	if actions, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail"); err != nil || !strings.Contains(string(actions), "errno") {
		add("this kernel has no seccomp filters: workers cannot be jailed", "use a kernel with CONFIG_SECCOMP_FILTER")
	}
	return findings
}

// Preflight foresees what would make an apply of the planned deckies fail.
func (p *Provider) Preflight(_ context.Context, planned []providers.Planned) []providers.Finding {
	total, changing := 0, 0
	var findings []providers.Finding
	own := ownAddresses()
	for _, item := range planned {
		if item.Runtime != providers.RuntimeNative {
			continue
		}
		if item.Type == providers.TypeDecky {
			total++
		}
		if item.Action == "no-op" {
			continue
		}
		changing++
		switch item.Type {
		case providers.TypeService:
			findings = append(findings, unservable(item)...)
		case providers.TypeDecky:
			findings = append(findings, hostsOwn(item, own)...)
		}
	}
	if changing > 0 {
		findings = append(findings, p.machine(providers.SeverityError)...)
	}
	return append(findings, neighbours(total, "/proc/sys/net/ipv4/neigh/default")...)
}

// ownAddresses are the IPs of this host by the interface that has them.
func ownAddresses() map[string]string {
	own := map[string]string{}
	interfaces, err := net.Interfaces()
	if err != nil {
		return own
	}
	for _, i := range interfaces {
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				own[prefix.Addr().String()] = i.Name
			}
		}
	}
	return own
}

// hostsOwn finds a decky that would answer for this host.
func hostsOwn(item providers.Planned, own map[string]string) []providers.Finding {
	var d schema.Decky
	if err := json.Unmarshal(item.Config, &d); err != nil || own[d.Host.IP] == "" {
		return nil
	}
	return []providers.Finding{{
		Severity: providers.SeverityError, Address: item.Address,
		Summary: fmt.Sprintf("%s is this host's own address, on %s", d.Host.IP, own[d.Host.IP]),
		Remedy:  "give the decky another ip, or the network a pool without it",
	}}
}

// unservable finds ports that no native worker can serve.
func unservable(item providers.Planned) []providers.Finding {
	var s schema.Service
	if err := json.Unmarshal(item.Config, &s); err != nil {
		return []providers.Finding{{Severity: providers.SeverityError, Address: item.Address, Summary: "its configuration cannot be read: " + err.Error()}}
	}
	for _, port := range s.Ports {
		if port.Transport != "tcp" {
			return []providers.Finding{{
				Severity: providers.SeverityError, Address: item.Address,
				Summary: fmt.Sprintf("port %d/%s: the native runtime serves tcp only", port.Number, port.Transport),
				Remedy:  `set runtime = "docker" for this decky`,
			}}
		}
	}
	return nil
}

// neighbours warns of an ARP table that a fleet fills: it is one for all
// namespaces of the machine.
func neighbours(deckies int, dir string) []providers.Finding {
	limit, err := readNumber(dir + "/gc_thresh3")
	if err != nil || deckies*2 < limit { // unreadable in other namespaces than the first
		return nil
	}
	want := 1024
	for want < deckies*8 {
		want *= 2
	}
	return []providers.Finding{{
		Severity: providers.SeverityWarning,
		Summary:  fmt.Sprintf("the ARP table holds %d entries for all namespaces together, too few for %d deckies", limit, deckies),
		Remedy: fmt.Sprintf("sysctl -w net.ipv4.neigh.default.gc_thresh1=%d net.ipv4.neigh.default.gc_thresh2=%d net.ipv4.neigh.default.gc_thresh3=%d",
			want/4, want/2, want),
	}}
}

func readNumber(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}
