//go:build live

package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/egress"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/monitor"
	"github.com/decnet/decnet/providers/link/namespace"
)

// world is a namespace of its own, as the host, with another that is followed.
type world struct {
	dir, host, inner string
	m                *monitor.Monitor

	mu    sync.Mutex
	heard []monitor.Change
}

func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root: run the live tests with sudo")
	}
	dir := t.TempDir()
	w := &world{dir: dir, host: filepath.Join(dir, "ns", "host"), inner: filepath.Join(dir, "ns", "inner")}
	for _, path := range []string{w.host, w.inner} {
		w.space(t, path)
	}
	w.do(t, w.host, func() (err error) {
		if w.m, err = monitor.Open(); err != nil {
			return err
		}
		return w.m.Follow("inner", w.inner)
	})
	ctx, cancel := context.WithCancel(context.Background())
	var listening sync.WaitGroup
	listening.Go(func() {
		for {
			changes, err := w.m.Next(ctx)
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				return
			}
			w.mu.Lock()
			w.heard = append(w.heard, changes...)
			w.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		cancel()
		listening.Wait()
		w.m.Close()
	})
	return w
}

func (w *world) space(t *testing.T, path string) {
	t.Helper()
	if err := namespace.Create(path, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespace.Delete(path); err != nil {
			t.Error(err)
		}
	})
}

func (w *world) do(t *testing.T, path string, fn func() error) {
	t.Helper()
	if err := namespace.Do(path, fn); err != nil {
		t.Fatal(err)
	}
}

func (w *world) onLinks(t *testing.T, path string, fn func(h *link.Handle) error) {
	t.Helper()
	w.do(t, path, func() error {
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		return fn(h)
	})
}

// hears does something and waits until it is heard.
func (w *world) hears(t *testing.T, what string, do func(), want func(monitor.Change) bool) {
	t.Helper()
	w.mu.Lock()
	w.heard = nil
	w.mu.Unlock()
	do()
	began := time.Now()
	for deadline := began.Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		all := slices.Clone(w.heard)
		w.mu.Unlock()
		if slices.ContainsFunc(all, want) {
			t.Logf("%s: heard after %s", what, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s: not heard; only %+v", what, all)
			return
		}
	}
}

func in(name string, kind monitor.Kind, gone bool) func(monitor.Change) bool {
	return func(c monitor.Change) bool { return c.Namespace == name && c.Kind == kind && c.Gone == gone }
}

func TestItHearsOfEveryNamespaceItFollows(t *testing.T) {
	w := newWorld(t)
	alias := link.Alias("lin", "network.a")
	w.onLinks(t, w.host, func(h *link.Handle) error { return h.Up("lo") })
	w.hears(t, "a bridge made", func() {
		w.onLinks(t, w.host, func(h *link.Handle) error { return h.CreateBridge("br0", alias) })
	}, func(c monitor.Change) bool { return c.Kind == monitor.Link && c.Alias == alias && c.Link == "br0" })
	w.hears(t, "its address", func() {
		w.onLinks(t, w.host, func(h *link.Handle) error { return h.OnlyAddress("br0", "10.9.0.1/24") })
	}, func(c monitor.Change) bool { return c.Kind == monitor.Address && c.Alias == alias })
	w.hears(t, "a veth into a decky", func() {
		w.onLinks(t, w.host, func(h *link.Handle) error {
			target, err := link.OpenNamespace(w.inner)
			if err != nil {
				return err
			}
			defer target.Close()
			return h.CreateChild(link.Child{Driver: link.DriverBridge, Parent: "br0", Name: "eth0", Host: "v0", Alias: alias}, int(target.Fd()))
		})
	}, in("inner", monitor.Link, false))
	for _, c := range []struct {
		what string
		do   func(*link.Handle) error
		want func(monitor.Change) bool
	}{
		{"link up", func(h *link.Handle) error { return h.Up("eth0") }, in("inner", monitor.Link, false)},
		{"address", func(h *link.Handle) error { return h.SetAddress("eth0", "10.9.0.2/24") }, in("inner", monitor.Address, false)},
		{"route", func(h *link.Handle) error { return h.SetDefaultRoute("eth0", "10.9.0.1") }, in("inner", monitor.Route, false)},
		{"link down", func(h *link.Handle) error { return h.Down("eth0") }, in("inner", monitor.Link, false)},
		{"egress rules", func(*link.Handle) error { return egress.Apply(egress.Rules{}) }, in("inner", monitor.Rules, false)},
		{"flush", func(*link.Handle) error {
			conn, err := nftables.New()
			if err != nil {
				return err
			}
			conn.FlushRuleset()
			return conn.Flush()
		}, in("inner", monitor.Rules, false)},
		{"link deleted", func(h *link.Handle) error { return h.Strip(w.inner) }, in("inner", monitor.Link, true)},
	} {
		w.hears(t, c.what, func() { w.onLinks(t, w.inner, c.do) }, c.want)
	}
	w.hears(t, "the bridge deleted", func() {
		w.onLinks(t, w.host, func(h *link.Handle) error { return h.Delete("br0", "lin") })
	}, func(c monitor.Change) bool { return c.Kind == monitor.Link && c.Alias == alias && c.Gone })
	w.hears(t, "the pin unmounted", func() {
		if err := namespace.Delete(w.inner); err != nil {
			t.Fatal(err)
		}
	}, func(c monitor.Change) bool { return c.Kind == monitor.Mounts })
}

func TestItHearsOfTheEndOfANamespace(t *testing.T) {
	w := newWorld(t)
	w.hears(t, "the end", func() {
		if err := namespace.Delete(w.inner); err != nil {
			t.Fatal(err)
		}
	}, in("inner", monitor.Namespace, true))
	w.space(t, w.inner)
	w.do(t, w.host, func() error { return w.m.Follow("inner", w.inner) })
	w.hears(t, "a link of its successor", func() {
		w.onLinks(t, w.inner, func(h *link.Handle) error { return h.Up("lo") })
	}, in("inner", monitor.Link, false))
	w.m.Unfollow("inner")
	w.mu.Lock()
	w.heard = nil
	w.mu.Unlock()
	w.onLinks(t, w.inner, func(h *link.Handle) error { return h.Down("lo") })
	time.Sleep(50 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.ContainsFunc(w.heard, in("inner", monitor.Link, false)) {
		t.Errorf("what is not followed is heard: %+v", w.heard)
	}
}

func TestItHearsOfDirectoriesThatComeAndGo(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(w.dir, "a", "b", "c")
	if err := w.m.Directory(dir); err != nil {
		t.Fatal(err)
	}
	at := func(path string, gone bool) func(monitor.Change) bool {
		return func(c monitor.Change) bool { return c.Kind == monitor.File && c.Path == path && c.Gone == gone }
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		file := filepath.Join(dir, fmt.Sprint("f", round))
		w.hears(t, "it comes to be", func() { must(os.MkdirAll(dir, 0o700)) }, at(dir, false))
		w.hears(t, "a file", func() { must(os.WriteFile(file, []byte("x"), 0o600)) }, at(file, false))
		w.hears(t, "written", func() { must(os.WriteFile(file, []byte("y"), 0o600)) }, at(file, false))
		w.hears(t, "removed", func() { must(os.Remove(file)) }, at(file, true))
		w.hears(t, "it goes", func() { must(os.RemoveAll(filepath.Join(w.dir, "a"))) }, at(dir, true))
	}
}

// A hundred followed namespaces cost nothing while they are quiet.
func TestQuietNamespacesCostNothing(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		path := filepath.Join(w.dir, "ns", fmt.Sprint("n", i))
		w.space(t, path)
		w.do(t, w.host, func() error { return w.m.Follow(fmt.Sprint("n", i), path) })
	}
	time.Sleep(200 * time.Millisecond) // what made them is heard
	w.mu.Lock()
	w.heard = nil
	w.mu.Unlock()
	before := worked(t)
	time.Sleep(time.Second)
	cost := worked(t) - before
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.heard {
		if c.Namespace != "" {
			t.Errorf("heard in silence: %+v", c)
		}
	}
	t.Logf("100 quiet namespaces cost %s of processor time in a second", cost)
	if cost > 10*time.Millisecond {
		t.Errorf("more than 1 %% of a core")
	}
}

// worked is the processor time of this process.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
