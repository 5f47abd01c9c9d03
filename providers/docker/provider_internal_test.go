package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

const lineage = "amber-otter"

func testEnv(t testing.TB, host string) providers.Env {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "decky")
	if err := os.WriteFile(binary, []byte("binary"), 0o755); err != nil {
		t.Fatal(err)
	}
	return providers.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, DataDir: t.TempDir(), RunDir: t.TempDir(),
		Decky: binary, DeckyDigest: digestOf([]byte("binary")), DockerHost: host,
		Derive: func(string) ([]byte, error) { return make([]byte, 32), nil },
	}
}

// fakeProvider gives files to whoever runs the test, so that it needs no root.
func fakeProvider(env providers.Env, f *fakeEngine) *provider {
	p := newProvider(env, f)
	p.user = os.Getuid()
	return p
}

func testNetwork(driver string) schema.Network {
	n := schema.Network{Name: "quickstart-office", Driver: driver, Parent: "op0", Subnet: "10.77.0.0/24", Gateway: "10.77.0.254", Pool: "10.77.0.10-10.77.0.99"}
	if driver == driverBridge {
		n.Parent = ""
	}
	return n
}

func testDecky(driver string) schema.Decky {
	return schema.Decky{
		Name: "quickstart-web-0", Network: testNetwork(driver), Personality: "linux",
		Host: schema.Host{Address: "decky.web[0]", Hostname: "SRV-1", IP: "10.77.0.10", MAC: "00:50:56:AA:BB:CC"},
	}
}

func testService() schema.Service {
	return schema.Service{Name: "ssh.second_one", Slug: "ssh", Decky: "quickstart-web-0", Ports: []schema.Port{{Number: 22, Transport: "tcp"}}, Host: testDecky(driverMacvlan).Host}
}

// step is one object of a story.
type step struct {
	kind    string
	address string
	config  json.RawMessage
}

func story(t testing.TB, driver string) []step {
	t.Helper()
	encode := func(v any) json.RawMessage {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	return []step{
		{providers.TypeNetwork, "network.office", encode(testNetwork(driver))},
		{providers.TypeDecky, "decky.web[0]", encode(testDecky(driver))},
		{providers.TypeService, "decky.web[0].service.ssh", encode(testService())},
	}
}

func resourceOf(p providers.Provider, kind string) providers.Resource {
	for _, r := range p.Resources() {
		if r.Spec().Type == kind {
			return r
		}
	}
	return nil
}

func (s step) owner() providers.Owner {
	return providers.Owner{Lineage: lineage, Address: s.address, Digest: digestOf(s.config)}
}

// converge makes what is missing and heals what differs; it fails as an apply
// would, at the first error.
func converge(p providers.Provider, steps []step) error {
	ctx := context.Background()
	for _, s := range steps {
		r := resourceOf(p, s.kind)
		found, err := r.List(ctx, lineage)
		if err != nil {
			return err
		}
		switch len(found) {
		case 0:
			_, err = r.Create(ctx, s.owner(), s.config)
		case 1:
			var changes []providers.Change
			if changes, err = r.Diff(s.config, found[0].State); err != nil || len(changes) == 0 {
				break
			}
			if slices.ContainsFunc(changes, func(c providers.Change) bool { return c.Replace }) {
				return fmt.Errorf("%s needs a replacement: %v", s.address, changes)
			}
			_, err = r.Update(ctx, s.owner(), s.config, found[0].State)
		default:
			return fmt.Errorf("%d objects of %s", len(found), s.address)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settled fails unless every step's object exists once and agrees.
func settled(t *testing.T, p providers.Provider, steps []step) {
	t.Helper()
	for _, s := range steps {
		r := resourceOf(p, s.kind)
		found, err := r.List(context.Background(), lineage)
		if err != nil || len(found) != 1 {
			t.Fatalf("list of %s: %d objects, %v", s.kind, len(found), err)
		}
		if found[0].Owner != s.owner() {
			t.Errorf("owner %+v, want %+v", found[0].Owner, s.owner())
		}
		if changes, err := r.Diff(s.config, found[0].State); err != nil || len(changes) > 0 {
			t.Errorf("%s differs: %v, %v", s.address, changes, err)
		}
	}
}

// An apply that dies at any request to the engine, before or after it took
// effect, is completed by the next one.
func TestApplyConvergesAfterDyingAtEveryStep(t *testing.T) {
	steps := story(t, driverMacvlan)
	measure := newFakeEngine(t)
	whole := fakeProvider(testEnv(t, measure.url), measure)
	if err := converge(whole, steps); err != nil {
		t.Fatal(err)
	}
	total := len(measure.calls)
	if total < 10 {
		t.Fatalf("an apply takes only %d requests: %v", total, measure.calls)
	}
	for at := 1; at <= total; at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %s after=%v", at, measure.calls[at-1], after), func(t *testing.T) {
				f := newFakeEngine(t)
				env := testEnv(t, f.url)
				f.fail = func(n int, _ string) (bool, bool) { return n >= at && !after, n >= at && after }
				if err := converge(fakeProvider(env, f), steps); err == nil {
					t.Fatal("the apply did not die")
				}
				f.mu.Lock()
				f.fail = nil
				f.mu.Unlock()
				p := fakeProvider(env, f)
				if err := converge(p, steps); err != nil {
					t.Fatal(err)
				}
				settled(t, p, steps)
				if len(f.containers) != 2 || len(f.networks) != 1 {
					t.Errorf("%d containers and %d networks, want 2 and 1", len(f.containers), len(f.networks))
				}
			})
		}
	}
}

// A fleet costs three requests a container beyond what one process does once:
// the third tells which life it began with.
func TestCreateTakesThreeRequests(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps[:2]); err != nil {
		t.Fatal(err)
	}
	second := testDecky(driverMacvlan)
	second.Name, second.Host.Address, second.Host.IP = "quickstart-web-1", "decky.web[1]", "10.77.0.11"
	config, err := json.Marshal(second)
	if err != nil {
		t.Fatal(err)
	}
	before := len(f.calls)
	if _, err := resourceOf(p, providers.TypeDecky).Create(t.Context(), providers.Owner{Lineage: lineage, Address: "decky.web[1]"}, config); err != nil {
		t.Fatal(err)
	}
	calls := f.calls[before:]
	if len(calls) != 3 || calls[0] != "POST /containers/create" || !strings.HasSuffix(calls[1], "/start") || !strings.HasPrefix(calls[2], "GET ") {
		t.Errorf("requests of one more decky: %v", calls)
	}
}

func TestDriversAndWhereAnEngineWantsTheMAC(t *testing.T) {
	for _, test := range []struct {
		driver, version, containerMAC, endpointMAC string
		options                                    map[string]string
	}{
		{driverMacvlan, "1.41", "00:50:56:AA:BB:CC", "", map[string]string{"parent": "op0", "macvlan_mode": "bridge"}},
		{driverMacvlan, "1.44", "", "00:50:56:AA:BB:CC", map[string]string{"parent": "op0", "macvlan_mode": "bridge"}},
		{driverIPvlan, "1.41", "", "", map[string]string{"parent": "op0", "ipvlan_mode": "l2"}},
		{driverBridge, "1.41", "00:50:56:AA:BB:CC", "", map[string]string{"com.docker.network.bridge.enable_ip_masquerade": "false"}},
	} {
		t.Run(test.driver+" "+test.version, func(t *testing.T) {
			f := newFakeEngine(t)
			f.version = test.version
			p := fakeProvider(testEnv(t, f.url), f)
			steps := story(t, test.driver)
			if err := converge(p, steps); err != nil {
				t.Fatal(err)
			}
			settled(t, p, steps)
			for _, n := range f.networks {
				if diff := cmp.Diff(test.options, n.Options); diff != "" {
					t.Error(diff)
				}
			}
			base := f.named("quickstart-web-0")
			//lint:ignore SA1019 that is what is tested
			if mac := base.Config.MacAddress; mac != test.containerMAC {
				t.Errorf("MAC of the container %q, want %q", mac, test.containerMAC)
			}
			endpoint := base.NetworkingConfig.EndpointsConfig["quickstart-office"]
			if endpoint.MacAddress != test.endpointMAC || endpoint.IPAMConfig.IPv4Address != "10.77.0.10" {
				t.Errorf("endpoint %+v", endpoint)
			}
		})
	}
}

func TestAKernelWithoutTheDriverIsSaid(t *testing.T) {
	f := newFakeEngine(t)
	f.unsupported = driverIPvlan
	err := converge(fakeProvider(testEnv(t, f.url), f), story(t, driverIPvlan)[:1])
	if err == nil || !strings.Contains(err.Error(), "this kernel has no ipvlan") || len(f.networks) != 0 {
		t.Errorf("create: %v", err)
	}
}

func TestNoEngine(t *testing.T) {
	p := New(testEnv(t, "unix:///nonexistent/docker.sock")) // touches nothing, so it needs no root
	for _, s := range story(t, driverMacvlan) {
		r := resourceOf(p, s.kind)
		_, listErr := r.List(t.Context(), lineage)
		_, readErr := r.Read(t.Context(), json.RawMessage(`{}`))
		_, createErr := r.Create(t.Context(), s.owner(), s.config)
		deleteErr := r.Delete(t.Context(), json.RawMessage(`{"name":"x"}`))
		for what, err := range map[string]error{"list": listErr, "read": readErr, "create": createErr, "delete": deleteErr} {
			var u *providers.UnavailableError
			if !errors.As(err, &u) || u.Remedy == "" || u.Provider != "docker" {
				t.Errorf("%s %s without an engine: %v", what, s.kind, err)
			}
		}
	}
	findings := p.(providers.Prober).Probe(t.Context())
	if len(findings) != 1 || findings[0].Severity != providers.SeverityError || findings[0].Remedy == "" {
		t.Errorf("probe: %+v", findings)
	}
	planned := []providers.Planned{{Address: "decky.web", Type: providers.TypeDecky, Runtime: providers.RuntimeDocker, Action: "create"}}
	if findings := p.(providers.Preflighter).Preflight(t.Context(), planned); len(findings) != 1 || findings[0].Severity != providers.SeverityError {
		t.Errorf("preflight: %+v", findings)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// An engine that goes away later is unavailable, too, and its objects are not
// gone.
func TestAnEngineThatStopsAnswering(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.fail = func(int, string) (bool, bool) { return true, false }
	f.mu.Unlock()
	for _, s := range steps {
		_, err := resourceOf(p, s.kind).List(t.Context(), lineage)
		var u *providers.UnavailableError
		if !errors.As(err, &u) {
			t.Errorf("list %s: %v", s.kind, err)
		}
	}
}

func TestProbeNamesTheEngine(t *testing.T) {
	f := newFakeEngine(t)
	env := testEnv(t, f.url)
	env.DeckyDigest = ""
	findings := fakeProvider(env, f).Probe(t.Context())
	if len(findings) != 2 || findings[0].Severity != providers.SeverityOK || !strings.Contains(findings[0].Summary, "20.10.24") ||
		findings[1].Severity != providers.SeverityError || findings[1].Remedy == "" {
		t.Errorf("probe: %+v", findings)
	}
}

// What runs on another host is unknown, not stopped.
func TestAnEngineOfAnotherHost(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.remote = true
	f.mu.Unlock()
	for _, s := range steps[1:] {
		_, err := resourceOf(p, s.kind).List(t.Context(), lineage)
		var u *providers.UnavailableError
		if !errors.As(err, &u) || u.Remedy == "" {
			t.Errorf("list %s: %v", s.kind, err)
		}
	}
}

// What a killed decnet asked for goes on in the engine: a start in flight is
// waited for, so that the plan does not go stale at once.
func TestAStartInFlightIsWaitedFor(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	base := f.named("quickstart-web-0")
	f.mu.Lock()
	base.running, base.starting = false, true
	f.mu.Unlock()
	settled(t, p, steps)
}

// A container whose processes were killed a moment ago still runs for the
// engine: that is a stopped container seen early, not an engine elsewhere.
func TestAnEndTheEngineNoticesLate(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	if err := converge(p, story(t, driverMacvlan)); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	f.remote = true
	f.mu.Unlock()
	noticed := time.AfterFunc(300*time.Millisecond, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, c := range f.containers {
			c.running = false
		}
		f.remote = false
	})
	defer noticed.Stop()
	objects, err := resourceOf(p, providers.TypeDecky).List(t.Context(), lineage)
	if err != nil || len(objects) == 0 {
		t.Fatalf("list: %v, %d objects", err, len(objects))
	}
}

// A killed decnet may have asked for a container that the engine is still
// making: its name is taken, and nobody can look at it yet.
func TestANameIsTakenByWhatIsStillBeingMade(t *testing.T) {
	f := newFakeEngine(t)
	f.reserved = map[string]int{"quickstart-web-0": 4}
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	settled(t, p, steps)
}

// What a killed decnet asked the engine to remove may go between the plan and
// the update of it: it is made again.
func TestAServiceThatGoesUnderItsUpdateIsMade(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	service := steps[2]
	r := resourceOf(p, service.kind)
	found, err := r.List(t.Context(), lineage)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d objects, %v", len(found), err)
	}
	f.mu.Lock()
	for id, c := range f.containers {
		if c.name != "quickstart-web-0" {
			delete(f.containers, id)
		}
	}
	f.mu.Unlock()
	if _, err := r.Update(t.Context(), service.owner(), service.config, found[0].State); err != nil {
		t.Fatal(err)
	}
	settled(t, p, steps)
}
