package native

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

func provider(t *testing.T) *Provider {
	t.Helper()
	return New(providers.Env{
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(1_700_000_000, 0) }, DataDir: t.TempDir(), RunDir: t.TempDir(),
		Decky: "/opt/decky", DeckyDigest: "new", Derive: func(label string) ([]byte, error) { sum := sha256.Sum256([]byte(label)); return sum[:], nil },
	}).(*Provider)
}

func whole() (schema.Decky, deckyState) {
	c := schema.Decky{
		Name: "t-a", Personality: "linux", Archetype: "web-server",
		Network: schema.Network{Name: "t-n", Driver: "macvlan", Parent: "eth0", Subnet: "10.0.0.0/24", Gateway: "10.0.0.1", Pool: "10.0.0.10-10.0.0.20"},
		Host:    schema.Host{Address: "decky.a", IP: "10.0.0.10", MAC: "02:00:00:00:00:AA", OS: "linux"},
	}
	return c, deckyState{Lineage: "l", Name: c.Name, Config: c, Namespace: "/run/x", Inode: 7, Link: wantLink(c), Sysctls: sysctls(c), Egress: inPlace}
}

func TestDeckyDiff(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*schema.Decky, *deckyState)
		want   []providers.Change
	}{
		"agree": {func(*schema.Decky, *deckyState) {}, nil},
		"ip":    {func(c *schema.Decky, s *deckyState) { s.Config.Host.IP = "10.0.0.11" }, []providers.Change{{Path: "host.ip", Before: `"10.0.0.11"`, After: `"10.0.0.10"`, Replace: true}}},
		"persona": {func(c *schema.Decky, _ *deckyState) {
			c.Archetype, c.Host.Distro, c.Host.Packages = "other", "debian-11", map[string]string{"nginx": "1.18"}
		}, nil},
		"pool":        {func(c *schema.Decky, _ *deckyState) { c.Network.Pool = "10.0.0.10-10.0.0.30" }, nil},
		"namespace":   {func(_ *schema.Decky, s *deckyState) { s.Inode = 0 }, []providers.Change{{Path: "namespace", Before: "gone", After: "/run/x"}}},
		"record":      {func(_ *schema.Decky, s *deckyState) { s.Damaged = true }, []providers.Change{{Path: "record", Before: "damaged", After: "kept"}}},
		"host's end":  {func(_ *schema.Decky, s *deckyState) { s.Link.Host = "down" }, []providers.Change{{Path: "link.host", Before: `"down"`}}},
		"no subnet":   {func(_ *schema.Decky, s *deckyState) { s.Link.Subnet = "" }, []providers.Change{{Path: "link.subnet", After: `"10.0.0.0/24"`}}},
		"other route": {func(_ *schema.Decky, s *deckyState) { s.Link.Routes = "blackhole 1.0.0.0/8; " }, []providers.Change{{Path: "link.routes", Before: `"blackhole 1.0.0.0/8; "`}}},
		"quarantined": {func(_ *schema.Decky, s *deckyState) { s.Isolated, s.Inode, s.Link = true, 0, linkState{} },
			[]providers.Change{{Path: "quarantined", Before: "true", After: "false", Replace: true}}},
		"link gone":    {func(_ *schema.Decky, s *deckyState) { s.Link = linkState{} }, []providers.Change{{Path: "link", Before: "gone", After: "macvlan"}}},
		"link down":    {func(_ *schema.Decky, s *deckyState) { s.Link.Up = false }, []providers.Change{{Path: "link.up", Before: "false", After: "true"}}},
		"link strange": {func(_ *schema.Decky, s *deckyState) { s.Link.Extra = "tun0 " }, []providers.Change{{Path: "link.extra", Before: `"tun0 "`}}},
		"gateway":      {func(_ *schema.Decky, s *deckyState) { s.Link.Gateway = "" }, []providers.Change{{Path: "link.gateway", After: `"10.0.0.1"`}}},
		"sysctl": {func(_ *schema.Decky, s *deckyState) { s.Sysctls["net.ipv4.ip_default_ttl"] = "1" },
			[]providers.Change{{Path: "sysctl.net.ipv4.ip_default_ttl", Before: `"1"`, After: `"64"`}}},
		"egress": {func(_ *schema.Decky, s *deckyState) { s.Egress = "no chain" }, []providers.Change{{Path: "egress", Before: "no chain", After: inPlace}}},
	} {
		t.Run(name, func(t *testing.T) {
			config, state := whole()
			c.change(&config, &state)
			if diff := cmp.Diff(c.want, (&deckies{provider(t)}).Diff(config, state)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestServiceDiff(t *testing.T) {
	config := schema.Service{Name: "ssh", Slug: "ssh", Decky: "t-a", Ports: []schema.Port{{Number: 22, Transport: "tcp"}}, Arguments: json.RawMessage(`{"a":1}`)}
	served := serviceState{Config: config, Listening: true, Served: true, Image: "new"}
	for name, c := range map[string]struct {
		change func(*schema.Service, *serviceState)
		want   []providers.Change
	}{
		"agree":        {func(*schema.Service, *serviceState) {}, nil},
		"arguments":    {func(c *schema.Service, _ *serviceState) { c.Arguments = json.RawMessage(`{"a":2}`) }, []providers.Change{{Path: "arguments.a", Before: "1", After: "2"}}},
		"decky":        {func(c *schema.Service, _ *serviceState) { c.Decky = "t-b" }, []providers.Change{{Path: "decky", Before: `"t-a"`, After: `"t-b"`, Replace: true}}},
		"image":        {func(_ *schema.Service, s *serviceState) { s.Image = "old" }, []providers.Change{{Path: "image", Before: "old", After: "new", Replace: true, Cause: providers.CauseImage}}},
		"record":       {func(_ *schema.Service, s *serviceState) { s.Damaged = true }, []providers.Change{{Path: "record", Before: "damaged", After: "kept"}}},
		"another life": {func(_ *schema.Service, s *serviceState) { s.Life = "b" }, nil},
		"nobody serves": {func(_ *schema.Service, s *serviceState) { s.Listening, s.Served, s.Image = false, false, "" },
			[]providers.Change{{Path: "listening", Before: "false", After: "true"}, {Path: "served", Before: "false", After: "true"}}},
	} {
		t.Run(name, func(t *testing.T) {
			want, have := config, served
			c.change(&want, &have)
			if diff := cmp.Diff(c.want, (&services{provider(t)}).Diff(want, have)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPersonalityFallsBackToItsFamily(t *testing.T) {
	c, _ := whole()
	c.Personality, c.Host.OS = "windows-10-22h2", "windows"
	if got := sysctls(c)["net.ipv4.ip_default_ttl"]; got != "128" {
		t.Errorf("TTL %q", got)
	}
	c.Host.OS = "plan9"
	if s := sysctls(c); s != nil {
		t.Errorf("an unknown family has %v", s)
	}
}

func TestBootIsItsOwnAndInThePast(t *testing.T) {
	p := provider(t)
	c, _ := whole()
	first := p.boot(c)
	c.Name = "t-b"
	second := p.boot(c)
	now := p.env.Now()
	for _, b := range []time.Time{first, second} {
		if ago := now.Sub(b); ago < time.Hour || ago > 90*24*time.Hour {
			t.Errorf("booted %v ago", ago)
		}
	}
	if first.Equal(second) {
		t.Error("two deckies booted at once")
	}
}

func TestNeighbours(t *testing.T) {
	dir := t.TempDir()
	limit := func(n int) {
		if err := os.WriteFile(filepath.Join(dir, "gc_thresh3"), []byte(strconv.Itoa(n)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if f := neighbours(5000, dir); f != nil {
		t.Errorf("an unreadable limit: %+v", f)
	}
	limit(1024)
	if f := neighbours(500, dir); f != nil {
		t.Errorf("500 of 1024: %+v", f)
	}
	f := neighbours(1000, dir)
	if len(f) != 1 || f[0].Severity != providers.SeverityWarning || !strings.Contains(f[0].Remedy, "gc_thresh3=8192") {
		t.Errorf("1000 of 1024: %+v", f)
	}
}

func TestPreflight(t *testing.T) {
	p := provider(t)
	p.env.DeckyDigest = ""
	config, err := json.Marshal(schema.Service{Name: "snmp", Ports: []schema.Port{{Number: 161, Transport: "udp"}}})
	if err != nil {
		t.Fatal(err)
	}
	service := providers.Planned{Address: "decky.a.service.snmp", Type: providers.TypeService, Runtime: providers.RuntimeNative, Action: "create", Config: config}
	texts := ""
	for _, f := range p.Preflight(t.Context(), []providers.Planned{service}) {
		if f.Severity != providers.SeverityError || f.Remedy == "" {
			t.Errorf("finding %+v", f)
		}
		texts += f.Summary + "; "
	}
	for _, want := range []string{"161/udp", "/opt/decky is missing"} {
		if !strings.Contains(texts, want) {
			t.Errorf("findings %q lack %q", texts, want)
		}
	}
	service.Action = "no-op"
	if f := p.Preflight(t.Context(), []providers.Planned{service}); len(f) > 0 {
		t.Errorf("nothing changes, yet %+v", f)
	}
	service.Action, service.Runtime = "create", providers.RuntimeDocker
	if f := p.Preflight(t.Context(), []providers.Planned{service}); len(f) > 0 {
		t.Errorf("another runtime's: %+v", f)
	}
}

func TestALineageWithoutObjectsNeedsNoPrivilege(t *testing.T) {
	p := provider(t)
	for _, r := range p.Resources() {
		if found, err := r.List(context.Background(), "nothing"); err != nil || len(found) > 0 {
			t.Errorf("%s: %v, %v", r.Spec().Type, found, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{"t-web-1": true, "": false, ".": false, "..": false, "a/b": false, "a\x00": false, strings.Repeat("a", 201): false} {
		if err := checkName(name); (err == nil) != good {
			t.Errorf("checkName(%q) = %v", name, err)
		}
	}
}

// asNobody makes the test binary look at a lineage without privilege.
const asNobody = "DECNET_TEST_AS_NOBODY"

func TestWithoutPrivilege(t *testing.T) {
	dir := os.Getenv(asNobody)
	if dir == "" {
		t.Skip("run by TestUnprivilegedIsUnavailable")
	}
	p := provider(t)
	p.env.DataDir, p.env.RunDir = dir, dir
	for _, r := range p.Resources() {
		_, err := r.List(context.Background(), "l")
		var unavailable *providers.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.Remedy == "" {
			t.Errorf("%s: %v, want an UnavailableError with its remedy", r.Spec().Type, err)
		}
		if _, err := r.Create(context.Background(), providers.Owner{Lineage: "l"}, json.RawMessage(`{}`)); !errors.As(err, &unavailable) {
			t.Errorf("%s: create: %v", r.Spec().Type, err)
		}
	}
}

func TestIncarnationsAreOfWhatLives(t *testing.T) {
	_, d := whole()
	if got := (&deckies{}).Incarnation(d); got != "7" {
		t.Errorf("of inode 7: %q", got)
	}
	d.Inode = 0
	if got := (&deckies{}).Incarnation(d); got != "" {
		t.Errorf("of a decky that is gone: %q", got)
	}
	s := serviceState{Life: "a", Served: true}
	if got := (&services{}).Incarnation(s); got != "a" {
		t.Errorf("of a service: %q", got)
	}
	s.Served = false
	if got := (&services{}).Incarnation(s); got != "" {
		t.Errorf("of a service that nobody serves: %q", got)
	}
}

func TestQuarantinedIsWhatCannotBeReached(t *testing.T) {
	h := &deckies{}
	for name, c := range map[string]struct {
		recorded, connected, want bool
	}{
		"neither": {false, true, false}, "its link is down": {false, false, false}, "cut off": {true, false, true}, "connected again": {true, true, false},
	} {
		if got := h.Quarantined(deckyState{Isolated: c.recorded, Link: linkState{Connected: c.connected}}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
