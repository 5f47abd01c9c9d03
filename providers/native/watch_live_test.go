//go:build live

package native_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/providers/native"
)

// ears hear what a provider's Watch tells.
type ears struct {
	mu    sync.Mutex
	heard []providers.Notice
}

func (w *world) listen(t testing.TB) *ears {
	t.Helper()
	p := native.New(w.env)
	ctx, cancel := context.WithCancel(context.Background())
	e := &ears{}
	ready := make(chan struct{})
	first := sync.OnceFunc(func() { close(ready) })
	ended := make(chan error, 1)
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
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case <-time.After(5 * time.Second):
		t.Fatal("it does not hear")
	}
	return e
}

// quiet waits until what was done is heard out, and forgets it.
func (e *ears) quiet() {
	for was := -1; ; time.Sleep(50 * time.Millisecond) {
		e.mu.Lock()
		if len(e.heard) == was {
			e.heard = nil
			e.mu.Unlock()
			return
		}
		was = len(e.heard)
		e.mu.Unlock()
	}
}

// within waits for a notice of the address, or of all.
func (e *ears) within(limit time.Duration, address string) (providers.Notice, bool) {
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		i := slices.IndexFunc(e.heard, func(n providers.Notice) bool { return n.Address == address || n.Address == "" })
		if i >= 0 {
			defer e.mu.Unlock()
			return e.heard[i], true
		}
		e.mu.Unlock()
		if time.Now().After(deadline) {
			return providers.Notice{}, false
		}
	}
}

func (w *world) status(t testing.TB) supervise.Status {
	t.Helper()
	client := supervise.NewClient(supervise.ClientOptions{Log: w.env.Log, Dirs: supervise.NewDirs(lineage, w.env.DataDir, w.env.RunDir)})
	defer client.Close()
	status, err := client.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// Namespaces and supervisors that come after Watch began are heard, too.
func TestWatchHearsOfWhatIsMadeLater(t *testing.T) {
	w := newWorld(t)
	e := w.listen(t)
	d := deckyConfig(1, network(link.DriverMacvlan))
	create(t, w.deckies, "decky.d1", d)
	create(t, w.services, "decky.d1.service.ssh", serviceConfig(d, "ssh", 22))
	e.quiet()
	for _, fault := range []struct {
		what string
		do   func()
	}{
		{"link down", func() { w.onLinks(d.Name, func(h *link.Handle) error { return h.Down("eth0") })(t, nil) }},
		{"worker killed", func() { kill(t, busy(w.status(t)), syscall.SIGKILL) }},
		{"supervisor killed", func() { kill(t, w.status(t).PID, syscall.SIGKILL) }},
		{"namespace unpinned", func() {
			if err := namespace.Delete(w.netns(d.Name)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		fault.do()
		began := time.Now()
		n, ok := e.within(time.Second, "decky.d1")
		if !ok {
			t.Errorf("%s: not heard within a second", fault.what)
			continue
		}
		t.Logf("%s: %q of %q after %s", fault.what, n.What, n.Address, time.Since(began).Round(time.Millisecond))
		e.quiet()
	}
}

// busy is a worker that runs.
func busy(status supervise.Status) int {
	for _, worker := range status.Workers {
		if worker.PID > 1 {
			return worker.PID
		}
	}
	return 0
}

func kill(t testing.TB, pid int, signal syscall.Signal) {
	t.Helper()
	if pid <= 1 {
		t.Fatal("no process to signal")
	}
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatal(err)
	}
}

// Idle costs nothing: the watch of a hundred deckies, and their supervisor.
func TestWatchingAHundredDeckiesIsFree(t *testing.T) {
	w := newWorld(t)
	n := network(link.DriverMacvlan)
	n.Subnet = "10.77.0.0/16"
	states := make([]json.RawMessage, 100)
	each(len(states), 8, func(i int) {
		state, err := w.deckies.Create(context.Background(), owner("decky.d"), encode(t, deckyConfig(i, n)))
		if err != nil {
			t.Error(err)
		}
		states[i] = state
	})
	t.Cleanup(func() {
		each(len(states), 8, func(i int) {
			if err := w.deckies.Delete(context.Background(), states[i]); err != nil {
				t.Error(err)
			}
		})
	})
	d := deckyConfig(0, n)
	create(t, w.services, "decky.d0.service.ssh", serviceConfig(d, "ssh", 22))
	e := w.listen(t)
	e.quiet()
	time.Sleep(300 * time.Millisecond)
	own, others := cpu(t), w.worked(t)-w.ownTicks(t)
	time.Sleep(3 * time.Second)
	own, others = cpu(t)-own, w.worked(t)-w.ownTicks(t)-others
	t.Logf("in 3 s: this process %s, supervisor and workers %s", own, others)
	if own > 30*time.Millisecond || others > 60*time.Millisecond {
		t.Error("more than 1 % of a core")
	}
}

func cpu(t testing.TB) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// ownTicks is this process's share of worked.
func (w *world) ownTicks(t testing.TB) time.Duration { return ticks(t, os.Getpid()) }
