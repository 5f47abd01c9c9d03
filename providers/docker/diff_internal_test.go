package docker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event/journal"
)

// good is the state of a base container that is as testDecky wants it.
func good() DeckyState {
	c := testDecky(driverMacvlan)
	return DeckyState{
		ID: "id", Running: true, Image: digestOf([]byte("binary")), Egress: true, Config: c,
		Links: []LinkState{wantedLink(c)}, Sysctls: sysctls(c), Networks: []string{c.Network.Name},
	}
}

func TestDeckyDiff(t *testing.T) {
	h := &deckies{newProvider(providers.Env{DeckyDigest: digestOf([]byte("binary"))}, nil)}
	for name, test := range map[string]struct {
		change func(want *schema.Decky, have *DeckyState)
		diff   []providers.Change
	}{
		"same": {func(*schema.Decky, *DeckyState) {}, nil},
		"pool": {func(w *schema.Decky, _ *DeckyState) { w.Network.Pool = "10.77.0.10-10.77.0.11" }, nil},
		"persona": {func(w *schema.Decky, _ *DeckyState) {
			w.Archetype, w.Host.Distro, w.Host.Kernel = "other", "debian-11", "5.10"
		}, nil},
		"image": {func(_ *schema.Decky, h *DeckyState) { h.Image = strings.Repeat("1", 64) }, []providers.Change{{Path: "image", Before: `"111111111111"`, After: quote(short(digestOf([]byte("binary")))), Replace: true, Cause: providers.CauseImage}}},
		"hostname": {func(w *schema.Decky, _ *DeckyState) { w.Host.Hostname = "SRV-2" },
			[]providers.Change{{Path: "host.hostname", Before: `"SRV-1"`, After: `"SRV-2"`, Replace: true}}},
		"stopped":  {func(_ *schema.Decky, h *DeckyState) { h.Running, h.Links, h.Sysctls = false, nil, nil }, []providers.Change{{Path: "running", Before: "false", After: "true"}}},
		"no link":  {func(_ *schema.Decky, h *DeckyState) { h.Links = nil }, []providers.Change{{Path: "link.eth0", After: `"macvlan"`}}},
		"new link": {func(_ *schema.Decky, h *DeckyState) { h.Links = append(h.Links, LinkState{Name: "x", Kind: "veth"}) }, []providers.Change{{Path: "link.x", Before: `"veth"`}}},
		"address":  {func(_ *schema.Decky, h *DeckyState) { h.Links[0].IP = "10.77.0.9/24" }, []providers.Change{{Path: "link.eth0.ip", Before: `"10.77.0.9/24"`, After: `"10.77.0.10/24"`}}},
		"sysctl":   {func(_ *schema.Decky, h *DeckyState) { h.Sysctls["net.ipv4.ip_default_ttl"] = "1" }, []providers.Change{{Path: "sysctl.net.ipv4.ip_default_ttl", Before: "1", After: "64", Gentle: true}}},
		"egress":   {func(_ *schema.Decky, h *DeckyState) { h.Egress = false }, []providers.Change{{Path: "egress", Before: `"open"`, After: `"denied"`, Gentle: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			want, have := testDecky(driverMacvlan), good()
			test.change(&want, &have)
			if diff := cmp.Diff(test.diff, h.Diff(want, have)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestServiceDiff(t *testing.T) {
	h := &services{newProvider(providers.Env{DeckyDigest: "d1"}, nil)}
	have := ServiceState{Image: "d1", Running: true, Joined: true, Base: "b", Decky: "b", Config: testService()}
	for name, test := range map[string]struct {
		change func(*schema.Service, *ServiceState)
		path   string
	}{
		"same":      {func(*schema.Service, *ServiceState) {}, ""},
		"image":     {func(_ *schema.Service, h *ServiceState) { h.Image = "d0" }, "image"},
		"stopped":   {func(_ *schema.Service, h *ServiceState) { h.Running = false }, "running"},
		"base":      {func(_ *schema.Service, h *ServiceState) { h.Decky = "c" }, "base"},
		"namespace": {func(_ *schema.Service, h *ServiceState) { h.Joined = false }, "namespace"},
		"files":     {func(_ *schema.Service, h *ServiceState) { h.Files = "the spec is gone" }, "files"},
		"arguments": {func(w *schema.Service, _ *ServiceState) { w.Arguments = json.RawMessage(`{"a":1}`) }, "arguments.a"},
		"port":      {func(w *schema.Service, _ *ServiceState) { w.Ports = []schema.Port{{Number: 23, Transport: "tcp"}} }, "ports[0].number"},
	} {
		t.Run(name, func(t *testing.T) {
			want, have := testService(), have
			test.change(&want, &have)
			changes := h.Diff(want, have)
			if test.path == "" {
				if len(changes) > 0 {
					t.Errorf("%v", changes)
				}
				return
			}
			if len(changes) != 1 || changes[0].Path != test.path || changes[0].Replace != (test.path == "image") {
				t.Errorf("%+v, want %s", changes, test.path)
			}
		})
	}
}

func TestNetworkDiffAndHostAccess(t *testing.T) {
	f := newFakeEngine(t)
	p := fakeProvider(testEnv(t, f.url), f)
	steps := story(t, driverMacvlan)[:1]
	if err := converge(p, steps); err != nil {
		t.Fatal(err)
	}
	n := testNetwork(driverMacvlan)
	n.HostIP, n.Pool = "10.77.0.5", "10.77.0.20-10.77.0.30"
	data, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	r := resourceOf(p, providers.TypeNetwork)
	found, err := r.List(t.Context(), lineage)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := r.Diff(data, found[0].State)
	if err != nil || len(changes) != 1 || changes[0].Path != "host_ip" || changes[0].Replace {
		t.Fatalf("diff: %+v, %v", changes, err)
	}
	state, err := r.Update(t.Context(), steps[0].owner(), data, found[0].State)
	if err != nil || f.hairpins[lineage+"network.office"] != "10.77.0.5" {
		t.Fatalf("update: %v, %v", f.hairpins, err)
	}
	for path, change := range map[string]func(*schema.Network){
		"subnet": func(n *schema.Network) { n.Subnet = "10.78.0.0/24" },
		"parent": func(n *schema.Network) { n.Parent = "op1" },
		"driver": func(n *schema.Network) { n.Driver = driverIPvlan },
		"name":   func(n *schema.Network) { n.Name = "other" },
	} {
		other := n
		change(&other)
		data, err := json.Marshal(other)
		if err != nil {
			t.Fatal(err)
		}
		if changes, err := r.Diff(data, state); err != nil || len(changes) != 1 || changes[0].Path != path || !changes[0].Replace {
			t.Errorf("%s: %+v, %v", path, changes, err)
		}
	}
	if err := r.Delete(t.Context(), state); err != nil || len(f.hairpins)+len(f.networks)+len(f.images) != 0 {
		t.Errorf("delete left %v %v %v: %v", f.hairpins, f.networks, f.images, err)
	}
}

func TestTheEnginesGatewayIsNoDeckys(t *testing.T) {
	for _, test := range []struct{ pool, gateway, host, want string }{
		{"10.0.0.1-10.0.0.9", "10.0.0.3", "", "10.0.0.3"},
		{"10.0.0.1-10.0.0.9", "", "", "10.0.0.10"},
		{"10.0.0.2-10.0.0.9", "", "", "10.0.0.1"},
		{"10.0.0.2-10.0.0.9", "", "10.0.0.1", "10.0.0.10"},
		{"10.0.0.1-10.0.0.14", "", "", ""},
		{"broken", "", "", ""},
	} {
		n := schema.Network{Subnet: "10.0.0.0/28", Pool: test.pool, Gateway: test.gateway, HostIP: test.host}
		if got := gatewayFor(n); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func FuzzContainerOf(f *testing.F) {
	id := strings.Repeat("0a", 32)
	for _, seed := range []string{
		"9:name=systemd:/docker/" + id, "0::/system.slice/docker-" + id + ".scope", "1:cpu:/decnet-lab-x/" + id + "\n0::/",
		"0::/user.slice", "/" + id + "x", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := containerOf(data)
		if got != "" && (len(got) != 64 || !strings.Contains(string(data), got)) {
			t.Errorf("%q of %q", got, data)
		}
	})
}

func TestContainerOf(t *testing.T) {
	id := strings.Repeat("0a", 32)
	for text, want := range map[string]string{
		"9:name=systemd:/docker/" + id + "\n1:x:/":         id,
		"0::/system.slice/docker-" + id + ".scope\n":       id,
		"0::/system.slice/docker-" + id + ".scope/nested":  "",
		"0::/user.slice/user-0.slice/session-1.scope\n0::": "",
	} {
		if got := containerOf([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// newFiles makes the files of one service below a fresh directory.
func newFiles(t *testing.T) (files, string) {
	t.Helper()
	env := testEnv(t, "")
	f := fakeProvider(env, nil).files(lineage, "quickstart-web-0-ssh", "quickstart-web-0")
	digest, err := f.write(env.Derive, testService(), origin{created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), network: schema.Network{Subnet: "10.77.0.0/24", Gateway: "10.77.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return f, digest
}

func TestSpecTellsTheServiceWhoItIs(t *testing.T) {
	f, digest := newFiles(t)
	data, err := os.ReadFile(f.spec())
	if err != nil {
		t.Fatal(err)
	}
	var spec decky.Spec
	if err := json.Unmarshal(data, &spec); err != nil {
		t.Fatal(err)
	}
	if ago := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Sub(spec.Host.Boot); ago < time.Hour || ago > 90*24*time.Hour || len(spec.Host.Certificates) != 2 {
		t.Errorf("booted %v before it was made, with %d certificates", ago, len(spec.Host.Certificates))
	}
	spec.Host.Boot, spec.Host.Certificates = time.Time{}, nil
	want := decky.Spec{
		Host: decky.Host{
			Address: "decky.web[0]", Hostname: "SRV-1", IP: "10.77.0.10", MAC: "00:50:56:AA:BB:CC", Subnet: "10.77.0.0/24", Gateway: "10.77.0.1",
			Key: make([]byte, 32), Site: make([]byte, 32),
		},
		Services: []decky.ServiceSpec{{Name: "ssh.second_one", Slug: "ssh", Ports: []decky.Port{{Number: 22, Transport: "tcp"}}}},
		Journal:  "/journal", Store: "/store", Shared: "/shared",
	}
	if diff := cmp.Diff(want, spec); diff != "" {
		t.Error(diff)
	}
	for path, mode := range map[string]os.FileMode{f.spec(): 0o400, f.dir: 0o700 | os.ModeDir, f.journal: 0o700 | os.ModeDir, f.store: 0o700 | os.ModeDir, f.shared: 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("mode of %s: %v, %v", path, info.Mode(), err)
		}
	}
	if wrong := f.check(digest); wrong != "" {
		t.Errorf("check: %s", wrong)
	}
	if wrong := f.check("other"); wrong != "the spec was changed" {
		t.Errorf("check of another digest: %q", wrong)
	}
	if containerName(testService()) != "quickstart-web-0-ssh-second-one" {
		t.Errorf("container name %q", containerName(testService()))
	}
}

func TestRemoveKeepsAnUnreadJournal(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(t *testing.T, dir string)
		kept    bool
	}{
		"empty": {func(*testing.T, string) {}, false},
		"unread": {func(t *testing.T, dir string) {
			put(t, dir, "000000000001.ndjson", "{}\n")
		}, true},
		"acknowledged": {func(t *testing.T, dir string) {
			put(t, dir, "000000000001.ndjson", "{}\n")
			if err := journal.Acknowledge(dir, journal.Position{Segment: 1, Offset: 3}); err != nil {
				t.Fatal(err)
			}
		}, false},
		"fifo for an acknowledgement": {func(t *testing.T, dir string) {
			if err := syscall.Mkfifo(filepath.Join(dir, "ack"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, false},
		"broken acknowledgement": {func(t *testing.T, dir string) { put(t, dir, "ack", "{") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := newFiles(t)
			test.prepare(t, f.journal)
			put(t, f.store, "kept", "x")
			put(t, f.shared, runtime.AnnouncementFile("ssh"), "{}")
			put(t, f.shared, runtime.AnnouncementFile("telnet"), "{}")
			if err := f.remove("ssh"); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(f.journal); (err == nil) != test.kept {
				t.Errorf("journal: %v, kept should be %v", err, test.kept)
			}
			for _, dir := range []string{f.dir, f.store} {
				if _, err := os.Stat(dir); err == nil {
					t.Errorf("%s is left", dir)
				}
			}
			for service, want := range map[string]bool{"ssh": false, "telnet": true} {
				if _, err := os.Stat(filepath.Join(f.shared, runtime.AnnouncementFile(service))); (err == nil) != want {
					t.Errorf("the announcement of %s: %v", service, err)
				}
			}
			for range 2 {
				if err := removeShared(f.shared); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(filepath.Dir(filepath.Dir(f.dir))); (err == nil) != test.kept {
				t.Errorf("the lineage's directory: %v", err)
			}
			if err := f.remove("ssh"); err != nil {
				t.Errorf("again: %v", err)
			}
		})
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
