//go:build live

package docker_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
)

// many is a fleet in which the engine's race between bases and services shows.
const many = 20

// killEngine ends the lab's engine as a crash does: its containers stay behind.
func (b *bench) killEngine() {
	b.t.Helper()
	dir := filepath.Join(b.lab.Dir, "engine")
	pid := pidIn(b, filepath.Join(dir, "docker.pid"))
	b.must(syscall.Kill(pid, syscall.SIGKILL))
	b.ended(pid)
	// The kernel kills the engine's containerd with it.
	b.ended(pidIn(b, filepath.Join(dir, "exec", "containerd", "containerd.pid")))
}

func pidIn(b *bench, file string) int {
	b.t.Helper()
	data, err := os.ReadFile(file)
	b.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	b.must(err)
	return pid
}

// ended waits until a process is no more.
func (b *bench) ended(pid int) {
	b.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("process %d lives", pid)
		}
	}
}

// pass is what a caller does after a look: everything that differs, four
// at once, deckies before services.
func (b *bench) pass(want []object) (healed map[string][]string) {
	b.t.Helper()
	healed = map[string][]string{}
	found := map[string]providers.Found{}
	for _, r := range []providers.Resource{b.network, b.decky, b.service} {
		all, err := r.List(b.t.Context(), b.lineage)
		b.must(err)
		for _, f := range all {
			found[f.Owner.Address] = f
		}
	}
	for _, r := range []providers.Resource{b.network, b.decky, b.service} {
		var work []object
		for _, o := range want {
			if o.resource != r {
				continue
			}
			f, ok := found[o.address]
			if !ok {
				b.t.Fatalf("%s is gone", o.address)
			}
			changes, err := r.Diff(o.config, f.State)
			b.must(err)
			if len(changes) > 0 {
				healed[o.address] = []string{changes[0].Path}
				work = append(work, o)
			}
		}
		b.must(each(len(work), func(i int) error {
			_, err := r.Update(b.t.Context(), b.owner(work[i].address), work[i].config, found[work[i].address].State)
			return err
		}))
	}
	return healed
}

// An engine that ends takes every container along, or leaves it behind without
// a master. Watch says that it has become deaf; afterwards every base and every
// service has another life, what the engine did not bring back is seen, and is
// healed by the first passes.
func TestEngineRestartWithManyDeckies(t *testing.T) {
	b := newBench(t)
	want := b.wanted(many)
	b.mustApply(want[:1])
	for _, kind := range [][]object{want[1 : many+1], want[many+1:]} {
		b.must(each(many, func(i int) error {
			_, err := kind[i].resource.Create(t.Context(), b.owner(kind[i].address), kind[i].config)
			return err
		}))
	}
	b.cost(want)
	for _, way := range []struct {
		name  string
		stop  func()
		alone bool // every base comes back by itself
	}{
		{"stopped", func() { b.must(b.lab.StopEngine()) }, true},
		{"killed", b.killEngine, false}, // the engine takes its own kill for somebody's wish
	} {
		before := b.lives(want)
		w := b.watch()
		way.stop()
		select {
		case err := <-w.ended:
			if err == nil {
				t.Errorf("%s: the watch ended without an error", way.name)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: the watch does not notice", way.name)
		}
		begun := time.Now()
		_, err := b.lab.StartEngine(t.Context())
		b.must(err)
		answered := time.Since(begun)
		begun = time.Now()
		total := map[string][]string{}
		passes := 0
		for quiet := 0; quiet < 2 && passes < 20; passes++ {
			healed := b.pass(want)
			for address, paths := range healed {
				total[address] = append(total[address], paths...)
			}
			if quiet++; len(healed) > 0 {
				quiet = 0
			}
		}
		took := time.Since(begun)
		silent := 0
		for n := range many {
			if text, err := b.greeting(n); err != nil || text == "" {
				silent++
			}
		}
		if silent > 0 {
			t.Errorf("%s: %d of %d deckies do not answer after it was healed", way.name, silent, many)
		}
		if plan := b.plan(want[:2]); len(plan) > 0 {
			t.Errorf("%s: %v", way.name, plan)
		}
		reborn := 0
		after := b.lives(want)
		for address, life := range before {
			if life != "" && after[address] != "" && after[address] != life {
				reborn++
			}
		}
		if reborn != 2*many {
			t.Errorf("%s: %d of %d containers have another life", way.name, reborn, 2*many)
		}
		t.Logf("%s: the engine answered after %v; %d of %d objects needed a heal, all was well after %v and %d passes",
			way.name, ms(answered), len(total), 2*many, ms(took), passes)
		for address, paths := range total {
			if way.alone && (!strings.HasSuffix(address, ".service.ssh") || paths[0] != "running") {
				t.Errorf("%s: %s differed in %v", way.name, address, paths)
			}
		}
	}
}

// cost measures what watching and looking take.
func (b *bench) cost(want []object) {
	b.t.Helper()
	w := b.watch()
	w.quiet()
	var used [2]syscall.Rusage
	b.must(syscall.Getrusage(syscall.RUSAGE_SELF, &used[0]))
	time.Sleep(4 * time.Second)
	b.must(syscall.Getrusage(syscall.RUSAGE_SELF, &used[1]))
	cpu := func(r syscall.Rusage) time.Duration { return time.Duration(r.Utime.Nano() + r.Stime.Nano()) }
	b.t.Logf("watching %d idle deckies: %.2f %% of a core", many, float64(cpu(used[1])-cpu(used[0]))/float64(4*time.Second)*100)
	for _, r := range []providers.Resource{b.decky, b.service} {
		begun := time.Now()
		_, err := r.List(b.t.Context(), b.lineage)
		b.must(err)
		first := time.Since(begun)
		begun = time.Now()
		_, err = r.List(b.t.Context(), b.lineage)
		b.must(err)
		b.t.Logf("listing %d of %s: %v, again %v", many, r.Spec().Type, first, time.Since(begun))
	}
	if err := w.stop(); err != nil {
		b.t.Errorf("watch: %v", err)
	}
	begun := time.Now()
	_, err := b.service.List(b.t.Context(), b.lineage)
	b.must(err)
	b.t.Logf("listing %d services while nobody watches: %v", many, time.Since(begun))
}
