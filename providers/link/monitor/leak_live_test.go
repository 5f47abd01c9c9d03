//go:build live

package monitor_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/namespace"
)

// held is what a process and the kernel keep for a monitor.
type held struct {
	files, goroutines int
	numbers           int // of namespaces that the own one gave
	heap              uint64
}

func (w *world) held(t *testing.T) held {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h := held{files: len(files), goroutines: runtime.NumGoroutine(), heap: memory.HeapAlloc}
	w.do(t, w.host, func() error {
		request := nl.NewNetlinkRequest(unix.RTM_GETNSID, unix.NLM_F_DUMP)
		request.AddData(&nl.RtGenMsg{})
		answers, err := request.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNSID)
		h.numbers = len(answers)
		return err
	})
	return h
}

// TestNothingIsKeptOfNamespacesThatWent makes, follows and deletes 500, half of
// them without being told.
func TestNothingIsKeptOfNamespacesThatWent(t *testing.T) {
	w := newWorld(t)
	cycle := func(from, to int) {
		for i := from; i < to; i++ {
			path := filepath.Join(w.dir, "ns", fmt.Sprint("n", i))
			if err := namespace.Create(path, nil); err != nil {
				t.Fatal(err)
			}
			w.do(t, w.host, func() error { return w.m.Follow(fmt.Sprint("n", i), path) })
			if i%2 == 0 {
				w.m.Unfollow(fmt.Sprint("n", i))
			}
			if err := namespace.Delete(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle := func() held {
		var h held
		for range 100 { // the kernel takes namespaces apart later
			if h = w.held(t); h.numbers <= 1 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		w.mu.Lock()
		w.heard = nil
		w.mu.Unlock()
		return h
	}
	cycle(0, 50)
	before := settle()
	began := time.Now()
	cycle(50, 550)
	took := time.Since(began)
	settle()
	after := settle()
	t.Logf("500 namespaces came and went in %s: before %+v, after %+v", took.Round(time.Millisecond), before, after)
	if before.numbers != 1 || after.numbers != before.numbers {
		t.Errorf("%d numbers are held, before %d, want the one of what still stands", after.numbers, before.numbers)
	}
	if after.files > before.files+2 || after.goroutines > before.goroutines+2 {
		t.Errorf("%d files and %d goroutines, before %d and %d", after.files, after.goroutines, before.files, before.goroutines)
	}
	if after.heap > before.heap+1<<20 {
		t.Errorf("the heap grew by %d bytes", after.heap-before.heap)
	}
}
