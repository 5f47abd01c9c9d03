//go:build live

package native_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

// Idle costs nothing: the watch of a hundred deckies with three services each,
// and their supervisor.
func TestWatchingAHundredDeckiesIsFree(t *testing.T) {
	w := newWorld(t)
	n := network(link.DriverMacvlan)
	n.Subnet = "10.77.0.0/16"
	const size, ports = 100, 3
	remove := make([]func() error, size*(1+ports))
	make1 := func(i int, r providers.Resource, address string, config any) {
		state, err := r.Create(context.Background(), owner(address), encode(t, config))
		if err != nil {
			t.Error(err)
		}
		remove[i] = func() error { return r.Delete(context.Background(), state) }
	}
	t.Cleanup(func() {
		for _, part := range [][]func() error{remove[size:], remove[:size]} { // services first
			each(len(part), 64, func(i int) {
				if err := part[i](); err != nil {
					t.Error(err)
				}
			})
		}
	})
	each(size, 8, func(i int) { make1(i, w.deckies, fmt.Sprint("decky.d", i), deckyConfig(i, n)) })
	each(size*ports, 64, func(i int) {
		s := serviceConfig(deckyConfig(i/ports, n), fmt.Sprint("s", i%ports), uint16(1000+i%ports))
		make1(size+i, w.services, fmt.Sprintf("decky.d%d.service.s%d", i/ports, i%ports), s)
	})
	e := w.listen(t)
	e.quiet()
	time.Sleep(300 * time.Millisecond)
	status := w.status(t)
	pids := []int{status.PID}
	for _, worker := range status.Workers {
		pids = append(pids, worker.PID)
	}
	own, others := cpu(t), onCPU(t, pids)
	time.Sleep(4 * time.Second)
	own, others = cpu(t)-own, onCPU(t, pids)-others
	t.Logf("in 4 s: this process %s, supervisor and workers %s", own, others)
	if own+others > 160*time.Millisecond { // a machine that is busy otherwise makes all dearer
		t.Error("far more than 1 % of a core")
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

// onCPU is how long the threads of processes ran so far.
func onCPU(t testing.TB, pids []int) time.Duration {
	t.Helper()
	total := time.Duration(0)
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(tasks) == 0 {
			t.Fatalf("process %d has no threads (%v)", pid, err)
		}
		for _, task := range tasks {
			var ran int64
			data, err := os.ReadFile(task)
			if err != nil {
				continue // the thread ended
			}
			if _, err := fmt.Sscan(string(data), &ran); err != nil {
				t.Fatal(err)
			}
			total += time.Duration(ran)
		}
	}
	return total
}
