//go:build live

package native_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/providers/providertest"
)

// in changes something inside a decky behind the provider's back.
func (w *world) in(name string, fn func() error) func(testing.TB, json.RawMessage) {
	return func(t testing.TB, _ json.RawMessage) {
		t.Helper()
		w.inside(t, name, fn)
	}
}

func (w *world) onLinks(name string, fn func(*link.Handle) error) func(testing.TB, json.RawMessage) {
	return w.in(name, func() error {
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		return fn(h)
	})
}

func TestDeckyKeepsTheContract(t *testing.T) {
	w := newWorld(t)
	d := deckyConfig(1, network(link.DriverMacvlan))
	log := filepath.Join(w.env.DataDir, lineage, "native", "objects.log")
	providertest.Run(t, providertest.Case{
		Resource: w.deckies, Owner: providers.Owner{Lineage: lineage, Address: "decky.d1"}, Config: encode(t, d),
		Drift: map[string]func(testing.TB, json.RawMessage){
			"link deleted": w.onLinks(d.Name, func(h *link.Handle) error { return h.Strip(w.netns(d.Name)) }),
			"link down":    w.onLinks(d.Name, func(h *link.Handle) error { return h.Down("eth0") }),
			"address changed": w.onLinks(d.Name, func(h *link.Handle) error {
				return h.OnlyAddress("eth0", "10.77.0.66/24")
			}),
			"address added": w.onLinks(d.Name, func(h *link.Handle) error { return h.SetAddress("eth0", "10.77.0.66/24") }),
			"sysctl changed": w.in(d.Name, func() error {
				return link.WriteSysctl("net.ipv4.ip_default_ttl", "77")
			}),
			"egress opened": w.in(d.Name, func() error {
				conn, err := nftables.New()
				if err != nil {
					return err
				}
				conn.FlushRuleset()
				return conn.Flush()
			}),
			"namespace gone": func(t testing.TB, _ json.RawMessage) {
				if err := namespace.Delete(w.netns(d.Name)); err != nil {
					t.Fatal(err)
				}
			},
			"record lost": func(t testing.TB, _ json.RawMessage) {
				if err := os.Remove(log); err != nil {
					t.Fatal(err)
				}
				w.inside(t, d.Name, func() error { return link.WriteSysctl("net.ipv4.tcp_sack", "0") })
			},
		},
		HalfMake: map[string]func(testing.TB, providers.Owner, json.RawMessage){
			"record only": func(t testing.TB, o providers.Owner, config json.RawMessage) {
				w.half(t, o, config)
			},
			"empty namespace": func(t testing.TB, o providers.Owner, config json.RawMessage) {
				w.half(t, o, config)
				if err := namespace.Create(w.netns(d.Name), nil); err != nil {
					t.Fatal(err)
				}
			},
			"file without namespace": func(t testing.TB, o providers.Owner, config json.RawMessage) {
				w.half(t, o, config)
				if err := os.MkdirAll(filepath.Dir(w.netns(d.Name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(w.netns(d.Name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			},
		},
	})
}

// half writes what a Create killed right after its first step left.
func (w *world) half(t testing.TB, o providers.Owner, config json.RawMessage) {
	t.Helper()
	var named struct{ Name string }
	if err := json.Unmarshal(config, &named); err != nil {
		t.Fatal(err)
	}
	book := supervise.NewDirs(lineage, w.env.DataDir, w.env.RunDir).Book()
	if err := errors.Join(book.Put("decky/"+named.Name, map[string]any{"owner": o, "config": config}), book.Close()); err != nil {
		t.Fatal(err)
	}
}

// killSupervisor ends it as a crash does.
func (w *world) killSupervisor(t testing.TB) {
	t.Helper()
	client := supervise.NewClient(supervise.ClientOptions{Log: w.env.Log, Dirs: supervise.NewDirs(lineage, w.env.DataDir, w.env.RunDir)})
	defer client.Close()
	status, err := client.Status(context.Background())
	if err != nil || !status.Running || status.PID <= 1 {
		t.Fatalf("no supervisor to kill: %v", err)
	}
	if err := syscall.Kill(status.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, worker := range status.Workers { // the kernel ends them with it
		for alive(worker.PID) {
		}
	}
}

func alive(pid int) bool { return pid != 0 && syscall.Kill(pid, 0) == nil }

func TestServiceKeepsTheContract(t *testing.T) {
	w := newWorld(t)
	d := deckyConfig(1, network(link.DriverMacvlan))
	create(t, w.deckies, "decky.d1", d)
	s := serviceConfig(d, "ssh", 22)
	changed := s
	changed.Arguments = json.RawMessage(`{"a":2}`)
	key := supervise.Key{Decky: d.Name, Service: "ssh"}
	providertest.Run(t, providertest.Case{
		Resource: w.services, Owner: providers.Owner{Lineage: lineage, Address: "decky.d1.service.ssh"}, Config: encode(t, s), Changed: encode(t, changed),
		Drift: map[string]func(testing.TB, json.RawMessage){
			"supervisor killed": func(t testing.TB, _ json.RawMessage) { w.killSupervisor(t) },
			"stopped by hand": func(t testing.TB, _ json.RawMessage) {
				client := supervise.NewClient(supervise.ClientOptions{Log: w.env.Log, Dirs: supervise.NewDirs(lineage, w.env.DataDir, w.env.RunDir)})
				defer client.Close()
				if err := client.Stop(context.Background(), key); err != nil {
					t.Fatal(err)
				}
			},
			"record changed": func(t testing.TB, _ json.RawMessage) {
				book := supervise.NewDirs(lineage, w.env.DataDir, w.env.RunDir).Book()
				defer book.Close()
				data, ok, err := book.Get(supervise.RecordKey(key))
				if err != nil || !ok {
					t.Fatalf("record: %v, %v", ok, err)
				}
				altered := strings.Replace(string(data), `"slug":"echo","ports":[{"number":22`, `"slug":"echo","ports":[{"number":2222`, -1)
				if altered == string(data) {
					t.Fatalf("nothing was altered in %s", data)
				}
				if err := book.Put(supervise.RecordKey(key), json.RawMessage(altered)); err != nil {
					t.Fatal(err)
				}
			},
		},
	})
}

func TestANewBinaryIsAReplacement(t *testing.T) {
	w := newWorld(t)
	d := deckyConfig(1, network(link.DriverMacvlan))
	create(t, w.deckies, "decky.d1", d)
	s := serviceConfig(d, "ssh", 22)
	state := create(t, w.services, "decky.d1.service.ssh", s)
	w.env.DeckyDigest = strings.Repeat("0", 64)
	w.open(t)
	changes := diff(t, w.services, s, state)
	if len(changes) != 1 || changes[0].Cause != providers.CauseImage || !changes[0].Replace || changes[0].Path != "image" {
		t.Errorf("a new binary: %+v", changes)
	}
}

func TestSocketsOfALostNamespaceDoNotCount(t *testing.T) {
	w := newWorld(t)
	d := deckyConfig(1, network(link.DriverMacvlan))
	create(t, w.deckies, "decky.d1", d)
	s := serviceConfig(d, "ssh", 22)
	state := create(t, w.services, "decky.d1.service.ssh", s)
	if err := namespace.Delete(w.netns(d.Name)); err != nil {
		t.Fatal(err)
	}
	if err := namespace.Create(w.netns(d.Name), nil); err != nil {
		t.Fatal(err)
	}
	paths := ""
	for _, c := range diff(t, w.services, s, state) {
		paths += c.Path + " "
	}
	if paths != "listening served " {
		t.Errorf("changes %q", paths)
	}
}
