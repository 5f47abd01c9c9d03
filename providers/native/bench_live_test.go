//go:build live

package native_test

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/schema"
)

// each runs fn for 0 to n-1, a few at a time, as the engine does.
func each(n, parallel int, fn func(i int)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			fn(i)
		})
	}
	group.Wait()
}

// kernelKB is the kernel's own memory: what namespaces cost.
func kernelKB(tb testing.TB) int {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		tb.Fatal(err)
	}
	total := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "Slab:", "KernelStack:", "PageTables:", "Percpu:":
			n, err := strconv.Atoi(fields[1])
			if err != nil {
				tb.Fatal(err)
			}
			total += n
		}
	}
	return total
}

// worked is the processor time of this process, the supervisor and its workers.
func (w *world) worked(tb testing.TB) time.Duration {
	client := supervise.NewClient(supervise.ClientOptions{Log: w.env.Log, Dirs: supervise.NewDirs(lineage, w.env.DataDir, w.env.RunDir)})
	defer client.Close()
	status, err := client.Status(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	pids := []int{os.Getpid(), status.PID}
	for _, worker := range status.Workers {
		pids = append(pids, worker.PID)
	}
	total := time.Duration(0)
	for _, pid := range pids {
		total += ticks(tb, pid)
	}
	return total
}

// ticks is the processor time of a process; none where it has not started.
func ticks(tb testing.TB, pid int) time.Duration {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	total := 0
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
	for _, field := range fields[11:13] { // utime and stime, proc(5)
		n, err := strconv.Atoi(field)
		if err != nil {
			tb.Fatal(err)
		}
		total += n
	}
	return time.Duration(total) * 10 * time.Millisecond
}

// BenchmarkApply makes, looks at and removes a fleet of deckies with three
// services each at the handlers' level: the goal for 500 is 2 s on 2 cores,
// everything included.
func BenchmarkApply(b *testing.B) {
	size := 500
	if text := os.Getenv("DECNET_BENCH_DECKIES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		size = n
	}
	w := newWorld(b)
	n := network(link.DriverMacvlan)
	n.Subnet = "10.77.0.0/16"
	for b.Loop() {
		w.fleet(b, n, size)
	}
}

func (w *world) fleet(b *testing.B, n schema.Network, size int) {
	ctx := context.Background()
	memory, work := kernelKB(b), w.worked(b)
	start := time.Now()
	deckies := make([]json.RawMessage, size)
	each(size, w.deckies.Spec().Parallel, func(i int) {
		d := deckyConfig(i, n)
		s, err := w.deckies.Create(ctx, owner("decky."+d.Name), encode(b, d))
		if err != nil {
			b.Error(err)
		}
		deckies[i] = s
	})
	made := time.Since(start)
	ports := []uint16{22, 80, 6379}
	served := make([]json.RawMessage, size*len(ports))
	each(len(served), w.services.Spec().Parallel, func(i int) {
		s := serviceConfig(deckyConfig(i/len(ports), n), "s"+strconv.Itoa(i%len(ports)), ports[i%len(ports)])
		done, err := w.services.Create(ctx, owner("decky."+s.Decky+"."+s.Name), encode(b, s))
		if err != nil {
			b.Error(err)
		}
		served[i] = done
	})
	applied := time.Since(start)
	memory, work = kernelKB(b)-memory, w.worked(b)-work
	looking := time.Now()
	for _, r := range []providers.Resource{w.deckies, w.services} {
		found, err := r.List(ctx, lineage)
		if err != nil || len(found) < size {
			b.Errorf("list: %d, %v", len(found), err)
		}
		for _, f := range found {
			if changes, err := r.Diff(f.Config, f.State); err != nil || len(changes) > 0 {
				b.Fatalf("%s differs: %+v %v", f.Owner.Address, changes, err)
			}
		}
	}
	looked := time.Since(looking)
	removing := time.Now()
	each(len(served), w.services.Spec().Parallel, func(i int) {
		if err := w.services.Delete(ctx, served[i]); err != nil {
			b.Error(err)
		}
	})
	stopped := time.Since(removing)
	each(size, w.deckies.Spec().Parallel, func(i int) {
		if err := w.deckies.Delete(ctx, deckies[i]); err != nil {
			b.Error(err)
		}
	})
	removed := time.Since(removing)
	verdict := "OK"
	if applied > 2*time.Second*time.Duration(size)/500 {
		verdict = "SHORT"
	}
	b.Logf("%d deckies x 3 services on %d cores: applied in %v (namespaces %v, processor time %v): %s; kernel %d KB a decky; looked at in %v; removed in %v (services %v)",
		size, runtime.NumCPU(), applied.Round(time.Millisecond), made.Round(time.Millisecond), work, verdict, memory/size,
		looked.Round(time.Millisecond), removed.Round(time.Millisecond), stopped.Round(time.Millisecond))
	b.ReportMetric(applied.Seconds(), "apply-s")
	b.ReportMetric(work.Seconds(), "apply-cpu-s")
	b.ReportMetric(looked.Seconds(), "list-s")
	b.ReportMetric(removed.Seconds(), "destroy-s")
}
