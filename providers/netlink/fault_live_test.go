//go:build live

package netlink_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	nl "github.com/vishvananda/netlink"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/schema"
)

// ears hear what Watch tells.
type ears struct {
	mu    sync.Mutex
	heard []providers.Notice
}

func listen(t *testing.T, p providers.Provider) *ears {
	t.Helper()
	e := &ears{}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	first := sync.OnceFunc(func() { close(ready) })
	go func() {
		ended <- p.(providers.Watcher).Watch(ctx, lineage, func(n providers.Notice) {
			if n == (providers.Notice{}) {
				first()
				return
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			e.heard = append(e.heard, n)
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("watch: %v", err)
		}
	})
	select {
	case <-ready:
	case <-time.After(5 * time.Second):
		t.Fatal("it does not hear")
	}
	return e
}

// hears waits for a notice of the address, or of all, and forgets the others.
func (e *ears) hears(address string) (providers.Notice, bool) {
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		for _, n := range e.heard {
			if n.Address == address || n.Address == "" {
				e.mu.Unlock()
				return n, true
			}
		}
		e.mu.Unlock()
		if time.Now().After(deadline) {
			return providers.Notice{}, false
		}
	}
}

func (e *ears) forget() {
	time.Sleep(50 * time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = nil
}

// ours is the link on the host that carries a network's alias.
func ours(t testing.TB, address string) nl.Link {
	t.Helper()
	all, err := nl.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		if l.Attrs().Alias == link.Alias(lineage, address) {
			return l
		}
	}
	t.Fatalf("%s has no link", address)
	return nil
}

type fault struct {
	name string
	do   func(l nl.Link, env providers.Env, n schema.Network) error
}

var faults = []fault{
	{"link deleted", func(l nl.Link, _ providers.Env, _ schema.Network) error { return nl.LinkDel(l) }},
	{"link down", func(l nl.Link, _ providers.Env, _ schema.Network) error { return nl.LinkSetDown(l) }},
	{"address added", func(l nl.Link, _ providers.Env, _ schema.Network) error {
		a, err := nl.ParseAddr("192.0.2.9/32")
		if err != nil {
			return err
		}
		return nl.AddrAdd(l, a)
	}},
	{"addresses deleted", func(l nl.Link, _ providers.Env, _ schema.Network) error {
		all, err := nl.AddrList(l, nl.FAMILY_V4)
		for _, a := range all {
			err = nl.AddrDel(l, &a)
		}
		return err
	}},
	{"record overwritten", func(_ nl.Link, env providers.Env, n schema.Network) error {
		return os.WriteFile(filepath.Join(env.DataDir, lineage, "native", "networks", n.Name+".json"), []byte("{"), 0o600)
	}},
	{"record removed", func(_ nl.Link, env providers.Env, n schema.Network) error {
		return os.Remove(filepath.Join(env.DataDir, lineage, "native", "networks", n.Name+".json"))
	}},
	{"link renamed", func(l nl.Link, _ providers.Env, _ schema.Network) error {
		if err := nl.LinkSetDown(l); err != nil {
			return err
		}
		return nl.LinkSetName(l, "other0")
	}},
}

// Each fault of a network is heard, seen, and healed by one update: the deckies
// in it are not replaced for it.
func TestEveryFaultOfANetworkIsHeardSeenAndHealed(t *testing.T) {
	hairpin := macvlan()
	hairpin.HostIP = "10.77.0.200"
	for name, n := range map[string]schema.Network{"bridge": bridge(), "hairpin": hairpin} {
		t.Run(name, func(t *testing.T) {
			p, r, env := provider(t)
			address := "network." + name
			if _, err := r.Create(t.Context(), owner(address), encode(t, n)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				for _, o := range found(t, r) {
					if err := r.Delete(context.Background(), o.State); err != nil {
						t.Error(err)
					}
				}
			})
			e := listen(t, p)
			all := faults
			if name == "hairpin" {
				all = append(all[:len(all):len(all)], fault{"route deleted", func(l nl.Link, _ providers.Env, _ schema.Network) error {
					routes, err := nl.RouteList(l, nl.FAMILY_V4)
					if err != nil {
						return err
					}
					return nl.RouteDel(&routes[0])
				}}, fault{"parent down", func(nl.Link, providers.Env, schema.Network) error {
					parent, err := nl.LinkByName(lab.OperatorLink)
					if err != nil {
						return err
					}
					return nl.LinkSetDown(parent)
				}})
			}
			for _, x := range all {
				t.Run(x.name, func(t *testing.T) { suffer(t, e, r, address, n, x, env) })
			}
		})
	}
}

func found(t testing.TB, r providers.Resource) []providers.Found {
	t.Helper()
	all, err := r.List(context.Background(), lineage)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func suffer(t *testing.T, e *ears, r providers.Resource, address string, n schema.Network, x fault, env providers.Env) {
	e.forget()
	began := time.Now()
	if err := x.do(ours(t, address), env, n); err != nil {
		t.Fatal(err)
	}
	heard, ok := e.hears(address)
	if !ok {
		t.Error("not heard within a second")
	}
	told := time.Since(began)
	changes := networkDrift(t, r, n)
	if len(changes) == 0 {
		t.Error("no difference is seen")
	}
	for _, c := range changes {
		if c.Replace {
			t.Errorf("it is to be replaced, and its deckies with it: %+v", c)
		}
	}
	exhibits := map[string]string{}
	if err := providers.Examine(t.Context(), r, found(t, r)[0].State, func(x providers.Exhibit) error {
		exhibits[x.Name] = string(x.Data)
		return nil
	}); err != nil {
		t.Errorf("examine: %v", err)
	}
	says := "alias=\"" + link.Alias(lineage, address)
	if !strings.Contains(exhibits["links"], says) {
		says = "no link is called " + link.Alias(lineage, address)
	}
	if n.Driver != link.DriverBridge && !strings.Contains(exhibits["links"], " "+lab.OperatorLink+" ") || !strings.Contains(exhibits["links"], says) || exhibits["state"] == "" {
		t.Errorf("exhibits: %q", exhibits)
	}
	if x.name == "parent down" { // not decnet's to bring up
		onLinks(t, func(h *link.Handle) error { return h.Up(lab.OperatorLink) })
	}
	healing := time.Now()
	state, err := r.Update(t.Context(), owner(address), encode(t, n), found(t, r)[0].State)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(healing)
	if changes, err := r.Diff(encode(t, n), state); err != nil || len(changes) > 0 {
		t.Errorf("after the heal: %+v, %v", changes, err)
	}
	if left := networkDrift(t, r, n); len(left) > 0 {
		t.Errorf("after the heal: %+v", left)
	}
	t.Logf("heard after %s (%q), healed in %s: %.200v", told.Round(time.Millisecond), heard.What, took.Round(time.Millisecond), changes)
}

func networkDrift(t testing.TB, r providers.Resource, n schema.Network) []providers.Change {
	t.Helper()
	all := found(t, r)
	if len(all) != 1 {
		t.Fatalf("%d networks are listed", len(all))
	}
	changes, err := r.Diff(encode(t, n), all[0].State)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}
