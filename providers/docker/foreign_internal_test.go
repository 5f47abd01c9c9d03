package docker

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/decnet/decnet/providers"
)

// A name that somebody else has is an error that names it, and what has it
// stays as it is.
func TestForeignNamesAreRefused(t *testing.T) {
	steps := story(t, driverMacvlan)
	for i, name := range []string{"quickstart-office", "quickstart-web-0", "quickstart-web-0-ssh-second-one"} {
		t.Run(name, func(t *testing.T) {
			f := newFakeEngine(t)
			p := fakeProvider(testEnv(t, f.url), f)
			other := steps[i]
			if err := converge(p, steps[:i]); err != nil {
				t.Fatal(err)
			}
			r := resourceOf(p, other.kind)
			if _, err := r.Create(t.Context(), providers.Owner{Lineage: "other", Address: other.address}, other.config); err != nil {
				t.Fatal(err)
			}
			before := len(f.calls)
			_, err := r.Create(t.Context(), other.owner(), other.config)
			if err == nil || !strings.Contains(err.Error(), "taken") || !strings.Contains(err.Error(), name) {
				t.Errorf("create: %v", err)
			}
			if slices.ContainsFunc(f.calls[before:], func(c string) bool { return strings.HasPrefix(c, "DELETE") || strings.HasSuffix(c, "/start") }) {
				t.Errorf("requests: %v", f.calls[before:])
			}
			findings := p.Preflight(t.Context(), []providers.Planned{{Address: other.address + "x", Type: other.kind, Runtime: "docker", Action: "create", Config: other.config}})
			if !slices.ContainsFunc(findings, func(x providers.Finding) bool {
				return x.Severity == providers.SeverityError && strings.Contains(x.Summary, name) && x.Remedy != ""
			}) {
				t.Errorf("preflight: %+v", findings)
			}
		})
	}
}

// An outdated leftover of our own is made anew.
func TestAnOutdatedLeftoverGoes(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	old := f.named("quickstart-web-0").id
	d := testDecky(driverMacvlan)
	d.Host.Hostname = "SRV-2"
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	steps[1].config = data
	for _, s := range steps[1:] {
		if _, err := resourceOf(p, s.kind).Create(t.Context(), s.owner(), s.config); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, p, steps)
	if base := f.named("quickstart-web-0"); base.id == old || base.Config.Hostname != "SRV-2" || len(f.containers) != 2 {
		t.Errorf("base %s (was %s) %s, %d containers", base.id, old, base.Config.Hostname, len(f.containers))
	}
	member := f.named("quickstart-web-0-ssh-second-one")
	if member.HostConfig.NetworkMode != container.NetworkMode("container:"+f.named("quickstart-web-0").id) {
		t.Errorf("the service shares %s", member.HostConfig.NetworkMode)
	}
}

// An image that was removed behind our back is made again.
func TestARemovedImageIsMadeAgain(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps[:2]); err != nil {
		t.Fatal(err)
	}
	clear(f.images)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	settled(t, p, steps)
}

func TestAnImageOfAnotherIsRefused(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	f.images[p.images.reference()] = "somebody else's"
	if err := converge(p, story(t, driverMacvlan)); err == nil || !strings.Contains(err.Error(), "is not decnet's") {
		t.Errorf("create: %v", err)
	}
}

// What a container is allowed, as the engine is told.
func TestContainersAreConfined(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	if err := converge(p, story(t, driverMacvlan)); err != nil {
		t.Fatal(err)
	}
	base, member := f.named("quickstart-web-0"), f.named("quickstart-web-0-ssh-second-one")
	for _, c := range []*fakeContainer{base, member} {
		h := c.HostConfig
		if !slices.Equal(h.CapDrop, []string{"ALL"}) || !h.ReadonlyRootfs || h.Privileged || !slices.Equal(h.SecurityOpt, []string{"no-new-privileges"}) ||
			h.PidsLimit == nil || *h.PidsLimit <= 0 || h.Memory <= 0 || h.MemorySwap != h.Memory || len(h.Devices)+len(h.Binds) > 0 ||
			h.RestartPolicy.Name != "unless-stopped" || h.LogConfig.Config["max-size"] == "" || len(c.Config.Env) > 0 {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
	if len(member.HostConfig.CapAdd) > 0 || member.Config.User == "" || strings.HasPrefix(member.Config.User, "0") && p.user != 0 {
		t.Errorf("the service runs as %q with %v", member.Config.User, member.HostConfig.CapAdd)
	}
	for _, m := range member.HostConfig.Mounts {
		if m.ReadOnly != (m.Target == inSpec) || !strings.HasPrefix(m.Source, p.env.DataDir) {
			t.Errorf("mount %+v", m)
		}
	}
	if base.HostConfig.Sysctls["net.ipv4.ip_default_ttl"] != "64" || base.HostConfig.Sysctls["net.ipv4.ip_unprivileged_port_start"] != "0" {
		t.Errorf("sysctls %v", base.HostConfig.Sysctls)
	}
	if serviceUser < 1<<16 {
		t.Error("the service's user may be one of the host's")
	}
}

func TestPreflightOfNetworks(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	if err := converge(p, story(t, driverMacvlan)[:1]); err != nil {
		t.Fatal(err)
	}
	n := testNetwork(driverMacvlan)
	n.Name, n.Parent = "another", "lo"
	for name, test := range map[string]struct {
		change func()
		want   string
	}{
		"overlap": {func() {}, "overlaps"},
		"parent":  {func() { n.Parent = "nosuchlink0" }, "does not exist"},
		"ipvlan":  {func() { n.Driver, n.HostIP = driverIPvlan, "10.77.0.5" }, "host access over ipvlan"},
	} {
		test.change()
		data, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		planned := []providers.Planned{{Address: "network.b", Type: providers.TypeNetwork, Runtime: "docker", Action: "create", Config: data}}
		findings := p.Preflight(t.Context(), planned)
		if !slices.ContainsFunc(findings, func(x providers.Finding) bool { return strings.Contains(x.Summary, test.want) && x.Remedy != "" }) {
			t.Errorf("%s: %+v", name, findings)
		}
	}
	planned := []providers.Planned{{Address: "network.office", Type: providers.TypeNetwork, Runtime: "docker", Action: "no-op"}}
	if findings := p.Preflight(t.Context(), planned); len(findings) > 0 {
		t.Errorf("an empty plan: %+v", findings)
	}
}
