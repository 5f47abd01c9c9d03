//go:build live

package netlink_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/providers/netlink"
	"github.com/decnet/decnet/providers/providertest"
	"github.com/decnet/decnet/schema"
)

// TestMain runs the tests on the operator's side of a lab of their own.
func TestMain(m *testing.M) {
	if os.Getenv("DECNET_LAB") != "" {
		os.Exit(m.Run())
	}
	l, err := lab.Up(context.Background(), "netlink"+strconv.Itoa(os.Getpid()), lab.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	cmd := l.Command(context.Background(), lab.Operator, os.Args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	runErr := cmd.Run()
	if err := l.Down(); err != nil || runErr != nil {
		fmt.Fprintln(os.Stderr, err, runErr)
		os.Exit(1)
	}
}

const lineage = "lin"

func provider(t *testing.T) (providers.Provider, providers.Resource, providers.Env) {
	t.Helper()
	env := providers.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, DataDir: t.TempDir(), RunDir: t.TempDir()}
	p := netlink.New(env)
	t.Cleanup(func() {
		if left, err := os.ReadDir(env.DataDir); err != nil || len(left) > 0 {
			t.Errorf("left over: %v, %v", left, err)
		}
		if names := linkNames(t); !slices.Equal(names, []string{"lo", lab.OperatorLink}) {
			t.Errorf("links left over: %v", names)
		}
	})
	return p, p.Resources()[0], env
}

func linkNames(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, l := range dump(t) {
		names = append(names, l.Name)
	}
	return names
}

func dump(t testing.TB) []link.Info {
	t.Helper()
	var all []link.Info
	onLinks(t, func(h *link.Handle) (err error) { all, err = h.Dump(); return err })
	return all
}

func onLinks(t testing.TB, fn func(*link.Handle) error) {
	t.Helper()
	h, err := link.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := fn(h); err != nil {
		t.Fatal(err)
	}
}

func macvlan() schema.Network {
	return schema.Network{Name: "t-office", Driver: link.DriverMacvlan, Parent: lab.OperatorLink, Subnet: lab.Subnet, Gateway: lab.AttackerIP, Pool: "10.77.0.100-10.77.0.109", HostIP: "10.77.0.250"}
}

func bridge() schema.Network {
	return schema.Network{Name: "t-lan", Driver: link.DriverBridge, Subnet: "10.78.0.0/24", Gateway: "10.78.0.1", Pool: "10.78.0.100-10.78.0.109"}
}

func encode(t testing.TB, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func owner(address string) providers.Owner {
	return providers.Owner{Lineage: lineage, Address: address, Digest: "digest"}
}

func TestNetworkKeepsTheContract(t *testing.T) {
	_, networks, _ := provider(t)
	smaller := macvlan()
	smaller.Pool, smaller.HostIP = "10.77.0.100-10.77.0.103", "10.77.0.251"
	hairpin := func(fn func(*link.Handle, string) error) func(testing.TB, json.RawMessage) {
		return func(t testing.TB, _ json.RawMessage) {
			onLinks(t, func(h *link.Handle) error { return fn(h, "decnet_macvlan0") })
		}
	}
	bridgeName := link.BridgeName(lineage, bridge().Name)
	bridged := func(fn func(*link.Handle) error) func(testing.TB, json.RawMessage) {
		return func(t testing.TB, _ json.RawMessage) { onLinks(t, fn) }
	}
	plain := macvlan()
	plain.HostIP = ""
	providertest.Run(t, providertest.Case{
		Name: "macvlan", Resource: networks, Owner: owner("network.office"), Config: encode(t, macvlan()), Changed: encode(t, smaller),
		Drift: map[string]func(testing.TB, json.RawMessage){
			"hairpin deleted": hairpin(func(h *link.Handle, name string) error { return h.Delete(name, lineage) }),
			"hairpin down":    hairpin((*link.Handle).Down),
			"address changed": hairpin(func(h *link.Handle, name string) error { return h.OnlyAddress(name, "10.77.0.66/32") }),
			"route added":     hairpin(func(h *link.Handle, name string) error { return h.SetRoute(name, "10.99.0.0/24") }),
		},
	}, providertest.Case{
		Name: "bridge", Resource: networks, Owner: owner("network.lan"), Config: encode(t, bridge()),
		Drift: map[string]func(testing.TB, json.RawMessage){
			"bridge deleted":  bridged(func(h *link.Handle) error { return h.Delete(bridgeName, lineage) }),
			"bridge down":     bridged(func(h *link.Handle) error { return h.Down(bridgeName) }),
			"address changed": bridged(func(h *link.Handle) error { return h.OnlyAddress(bridgeName, "10.78.0.9/24") }),
		},
	}, providertest.Case{
		Name: "macvlan without host access", Resource: networks, Owner: owner("network.plain"), Config: encode(t, plain), Changed: encode(t, macvlan()),
	})
}

// Without the hairpin a host cannot reach the children of its own parent.
func TestHairpinReachesADecky(t *testing.T) {
	_, networks, _ := provider(t)
	pin := filepath.Join(t.TempDir(), "decky")
	t.Cleanup(func() {
		if err := namespace.Delete(pin); err != nil {
			t.Error(err)
		}
	})
	host, err := link.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	var ln net.Listener
	if err := namespace.Create(pin, func() error {
		f, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			return err
		}
		defer f.Close()
		if err := host.CreateChild(link.Child{Driver: link.DriverMacvlan, Parent: lab.OperatorLink, Name: "eth0"}, int(f.Fd())); err != nil {
			return err
		}
		inside, err := link.Open()
		if err != nil {
			return err
		}
		defer inside.Close()
		if err := inside.Setup(link.Configure{Name: "eth0", Address: "10.77.0.105/24"}); err != nil {
			return err
		}
		ln, err = net.Listen("tcp4", "10.77.0.105:22")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dial := func() error {
		conn, err := net.DialTimeout("tcp4", "10.77.0.105:22", time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	if err := dial(); err == nil {
		t.Fatal("control: the host reaches the decky without a hairpin")
	}
	state, err := networks.Create(t.Context(), owner("network.office"), encode(t, macvlan()))
	if err != nil {
		t.Fatal(err)
	}
	if err := dial(); err != nil {
		t.Errorf("through the hairpin: %v", err)
	}
	if err := networks.Delete(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if err := namespace.Delete(pin); err != nil {
		t.Fatal(err)
	}
}

func TestHairpinTakesTheNextNumber(t *testing.T) {
	_, networks, _ := provider(t)
	onLinks(t, func(h *link.Handle) error {
		return h.CreateHostMacvlan("decnet_macvlan0", lab.OperatorLink, "decnet:other:network.office")
	})
	state, err := networks.Create(t.Context(), owner("network.office"), encode(t, macvlan()))
	if err != nil {
		t.Fatal(err)
	}
	if names := linkNames(t); !slices.Contains(names, "decnet_macvlan1") {
		t.Errorf("links %v", names)
	}
	if err := networks.Delete(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	if names := linkNames(t); !slices.Contains(names, "decnet_macvlan0") {
		t.Errorf("another lineage's hairpin went, too: %v", names)
	}
	onLinks(t, func(h *link.Handle) error { return h.Delete("decnet_macvlan0", "other") })
}

func TestForeignLinksAreNotTouched(t *testing.T) {
	_, networks, _ := provider(t)
	name := link.BridgeName(lineage, bridge().Name)
	onLinks(t, func(h *link.Handle) error { return h.CreateBridge(name, link.Alias("somebody", "else")) })
	state, err := networks.Create(t.Context(), owner("network.lan"), encode(t, bridge()))
	if !errors.Is(err, link.ErrForeign) {
		t.Errorf("create over a foreign bridge: %v", err)
	}
	if err := networks.Delete(t.Context(), state); err != nil {
		t.Error(err)
	}
	if !slices.Contains(linkNames(t), name) {
		t.Error("a foreign bridge was deleted")
	}
	onLinks(t, func(h *link.Handle) error {
		if err := h.Delete(name, lineage); !errors.Is(err, link.ErrForeign) {
			t.Errorf("delete of a foreign bridge: %v", err)
		}
		return h.Delete(name, "somebody")
	})
}

func TestWhatCannotBeMadeIsAClearError(t *testing.T) {
	_, networks, _ := provider(t)
	change := func(fn func(*schema.Network)) schema.Network { n := macvlan(); fn(&n); return n }
	for want, n := range map[string]schema.Network{
		"does not exist (set parent to one of: " + lab.OperatorLink: change(func(n *schema.Network) { n.Parent = "eth9" }),
		"cannot have macvlan children":                              change(func(n *schema.Network) { n.Parent = "lo" }),
		"want macvlan, ipvlan or bridge":                            change(func(n *schema.Network) { n.Driver = "vxlan" }),
		"cannot be a file's":                                        change(func(n *schema.Network) { n.Name = "../x" }),
		"pool":                                                      change(func(n *schema.Network) { n.Pool = "10.77.0.9-10.77.0.1" }),
		"subnet":                                                    change(func(n *schema.Network) { n.Subnet = "10.77.0.0" }),
		"no IPv4 address":                                           change(func(n *schema.Network) { n.HostIP = "::1" }),
	} {
		if _, err := networks.Create(t.Context(), owner("network.office"), encode(t, n)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("create: %v, want %q", err, want)
		}
	}
	ipvlan := change(func(n *schema.Network) { n.Driver, n.HostIP = link.DriverIPvlan, "" })
	state, err := networks.Create(t.Context(), owner("network.office"), encode(t, ipvlan))
	var unsupported *link.UnsupportedError
	if err != nil && !errors.As(err, &unsupported) {
		t.Errorf("ipvlan: %v", err)
	}
	if err == nil {
		if err := networks.Delete(t.Context(), state); err != nil {
			t.Error(err)
		}
	}
}

func TestParentDownIsDrift(t *testing.T) {
	_, networks, _ := provider(t)
	plain := macvlan()
	plain.HostIP = ""
	state, err := networks.Create(t.Context(), owner("network.office"), encode(t, plain))
	if err != nil {
		t.Fatal(err)
	}
	onLinks(t, func(h *link.Handle) error { return h.Down(lab.OperatorLink) })
	now, err := networks.Read(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := networks.Diff(encode(t, plain), now)
	if err != nil || len(changes) != 1 || changes[0].Path != "parent.state" || changes[0].Before != "down" {
		t.Errorf("changes %+v, %v", changes, err)
	}
	if _, err := networks.Update(t.Context(), owner("network.office"), encode(t, plain), now); err == nil || !strings.Contains(err.Error(), "ip link set") {
		t.Errorf("update with the parent down: %v, want the remedy", err)
	}
	onLinks(t, func(h *link.Handle) error {
		return errors.Join(h.Up(lab.OperatorLink), h.SetDefaultRoute(lab.OperatorLink, lab.AttackerIP))
	})
	if err := networks.Delete(t.Context(), now); err != nil {
		t.Error(err)
	}
}

func planned(t testing.TB, address string, n schema.Network) providers.Planned {
	return providers.Planned{Address: address, Type: providers.TypeNetwork, Runtime: providers.RuntimeNative, Action: "create", Config: encode(t, n)}
}

func TestPreflightForesees(t *testing.T) {
	p, networks, env := provider(t)
	preflight := p.(providers.Preflighter)
	if findings := preflight.Preflight(t.Context(), []providers.Planned{planned(t, "network.office", macvlan()), planned(t, "network.lan", bridge())}); len(findings) > 0 {
		t.Errorf("a good plan: %+v", findings)
	}
	missing, own, overlapping := macvlan(), macvlan(), macvlan()
	missing.Parent = "eth9"
	own.Pool = "10.77.0.1-10.77.0.9"
	overlapping.Name, overlapping.Pool = "u-other", "10.77.0.105-10.77.0.120"
	state, err := networks.Create(t.Context(), owner("network.office"), encode(t, macvlan()))
	if err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]schema.Network{"does not exist": missing, "this host's own": own, "overlaps": overlapping} {
		found := ""
		for _, f := range netlink.New(env).(providers.Preflighter).Preflight(t.Context(), []providers.Planned{planned(t, "network.x", n)}) {
			if f.Severity == providers.SeverityError && f.Remedy != "" {
				found += f.Summary
			}
		}
		if !strings.Contains(found, want) {
			t.Errorf("preflight says %q, want %q", found, want)
		}
	}
	for _, argv := range [][]string{
		{"neigh", "add", "10.77.0.105", "lladdr", "02:00:00:00:00:05", "dev", lab.OperatorLink, "nud", "stale"},
		{"address", "add", "10.77.0.250/24", "dev", lab.OperatorLink, "valid_lft", "3600", "preferred_lft", "3600"},
	} {
		if out, err := exec.Command("ip", argv...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v\n%s", argv, err, out)
		}
	}
	defer func() {
		for _, argv := range [][]string{{"neigh", "del", "10.77.0.105", "dev", lab.OperatorLink}, {"address", "del", "10.77.0.250/24", "dev", lab.OperatorLink}} {
			if out, err := exec.Command("ip", argv...).CombinedOutput(); err != nil {
				t.Errorf("ip %v: %v\n%s", argv, err, out)
			}
		}
	}()
	said := ""
	for _, f := range preflight.Preflight(t.Context(), []providers.Planned{planned(t, "network.office", macvlan())}) {
		if f.Severity == providers.SeverityWarning && f.Remedy != "" {
			said += f.Summary + "\n"
		}
	}
	if !strings.Contains(said, "10.77.0.105") || !strings.Contains(said, "02:00:00:00:00:05") || !strings.Contains(said, "DHCP") {
		t.Errorf("of a host that answers and a leased address preflight says %q", said)
	}
	if err := networks.Delete(t.Context(), state); err != nil {
		t.Error(err)
	}
	probe := p.(providers.Prober).Probe(t.Context())
	if len(probe) != 1 || probe[0].Severity != providers.SeverityOK || !strings.Contains(probe[0].Summary, lab.OperatorLink) {
		t.Errorf("probe %+v", probe)
	}
}
