//go:build live

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
)

// TestLiveHostRestart ends everything at once that a restart of the host ends:
// daemon, supervisor and workers or engine and containers, namespaces, links,
// mounts and the run directory. Engine and daemon start again over the disk that
// is left, and everything is back: the same keys, MACs and what clients wrote,
// with one drift for each object at most.
func TestLiveHostRestart(t *testing.T) {
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			o := newOrdeal(t, runtime, lineup{name: "host", deckies: 4, title: "a", ssh: true})
			ips := o.ips()
			for _, ip := range ips {
				if out := o.attack("redis-cli", "-h", ip, "SET", "kept", "by "+ip); !strings.Contains(out, "OK") {
					t.Fatalf("redis at %s: %q", ip, out)
				}
			}
			before := o.faces(ips)
			for round := range 2 {
				o.hostEnds()
				began := time.Now()
				if runtime == providers.RuntimeDocker {
					if _, err := o.lab.StartEngine(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				engine := time.Since(began)
				o.settle("after the restart of the host")
				t.Logf("restart %d: the engine answered after %s, all was well after %s", round, engine.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
				for n, ip := range ips {
					if after := o.faces(ips[n : n+1])[0]; after != before[n] {
						t.Errorf("%s is another:\n%s\nwas\n%s", ip, after, before[n])
					}
				}
				o.objects()
				o.history()
				counted := map[string]int{}
				for _, d := range o.fresh() {
					counted[string(d.Address)]++
					if counted[string(d.Address)] > 1 {
						t.Errorf("%s drifted again: %s %v", d.Address, d.Reason, d.Changes)
					}
				}
				for n := range o.fleet.deckies {
					if counted[o.address(n)] == 0 {
						t.Errorf("nothing on record of %s: %v", o.address(n), counted)
					}
				}
				t.Logf("restart %d: %d objects drifted", round, len(counted))
			}
			o.told()
			o.die()
			o.must("destroy", "--auto-approve")
			o.mustBeGone()
		})
	}
}

// ips are those of the fleet, in the order of its deckies.
func (o *ordeal) ips() []string {
	o.t.Helper()
	var all []string
	for n := range o.fleet.deckies {
		all = append(all, o.attribute(o.address(n), "host.ip"))
	}
	return all
}

// faces is what an attacker knows of each IP: MAC, key, and what was written.
func (o *ordeal) faces(ips []string) []string {
	o.t.Helper()
	var all []string
	for _, ip := range ips {
		o.attack("ip", "neigh", "flush", "all")
		written := o.attack("redis-cli", "-h", ip, "GET", "kept")
		keys := strings.Split(strings.TrimSpace(o.attack("sh", "-c", "ssh-keyscan -T 5 "+ip+" 2>/dev/null")), "\n")
		slices.Sort(keys)
		_, mac, _ := strings.Cut(o.attack("ip", "neigh", "show", ip), "lladdr ")
		mac, _, _ = strings.Cut(mac, " ")
		if len(keys) < 2 || mac == "" || !strings.Contains(written, "by "+ip) {
			o.t.Errorf("%s: MAC %q, keys %q, written %q", ip, mac, keys, written)
		}
		all = append(all, mac+"\n"+written+strings.Join(keys, "\n"))
	}
	return all
}

// hostEnds ends what a restart of the host ends, and keeps what is on its disk.
func (o *ordeal) hostEnds() {
	o.t.Helper()
	o.die()
	var pids []int
	for _, verb := range []string{"supervise", "serve"} {
		for pid := range o.processes(verb) {
			pids = append(pids, pid)
		}
	}
	engine := filepath.Join(o.lab.Dir, "engine")
	if o.runtime == providers.RuntimeDocker {
		pids = append(o.below(engine), pids...)
	}
	for _, pid := range pids {
		if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
			o.t.Fatal(err)
		}
	}
	if err := o.lab.StopEngine(); err != nil { // the containers, which nobody watches any more
		o.t.Fatal(err)
	}
	o.unmount()
	for _, dir := range []string{o.lab.RunDir(), filepath.Join(engine, "exec")} {
		if err := os.RemoveAll(dir); err != nil {
			o.t.Fatal(err)
		}
	}
	if err := os.MkdirAll(o.lab.RunDir(), 0o755); err != nil {
		o.t.Fatal(err)
	}
	for _, name := range o.links() {
		if name == "lo" || name == lab.OperatorLink {
			continue
		}
		if err := o.act("ip", "link", "del", name); err != nil && slices.Contains(o.links(), name) {
			o.t.Fatal(err)
		}
	}
}

// below are the processes whose command line names a directory: an engine, its
// containerd and its shims.
func (o *ordeal) below(dir string) []int {
	o.t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		o.t.Fatal(err)
	}
	var pids []int
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(data), dir+"/") {
			continue
		}
		program, _, _ := strings.Cut(string(data), "\x00")
		if base := filepath.Base(program); base != "dockerd" && !strings.HasPrefix(base, "containerd") {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(name, "/")[2])
		if err != nil {
			o.t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) == 0 {
		o.t.Fatal("no engine runs")
	}
	return pids
}

// unmount takes away every mount in the lab, the deepest first.
func (o *ordeal) unmount() {
	o.t.Helper()
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		o.t.Fatal(err)
	}
	var mounts []string
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], o.lab.Dir+"/") {
			mounts = append(mounts, fields[1])
		}
	}
	slices.SortFunc(mounts, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, m := range mounts {
		if err := unix.Unmount(m, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, fs.ErrNotExist) {
			o.t.Fatal(fmt.Errorf("unmount %s: %w", m, err))
		}
	}
}
