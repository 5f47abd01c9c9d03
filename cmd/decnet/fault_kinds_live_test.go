//go:build live

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers"
	"golang.org/x/sys/unix"
)

func hostOf(n int) string            { return fmt.Sprintf("decky.host[%d]", n) }
func service(n int, s string) string { return hostOf(n) + ".service." + s }

// whole is a decky with its services: what may drift when the decky does.
func whole(n int) []string { return []string{hostOf(n), service(n, "http"), service(n, "redis")} }

// of is a service that must drift, and its decky's others that may.
func of(n int, s string) []string { return []string{service(n, s)} }

// everything may drift, first the named.
func everything(first string) []string { return []string{first, "*"} }

// namespace is the path of a decky's network namespace.
func (f *siege) namespace(n int) string {
	f.t.Helper()
	if f.runtime == providers.RuntimeDocker {
		return fmt.Sprintf("/proc/%d/ns/net", f.pid(f.names[n]))
	}
	return filepath.Join(f.lab.RunDir(), f.lineage, "netns", f.names[n])
}

// pid is the process of a container.
func (f *siege) pid(container string) int {
	f.t.Helper()
	pid, err := strconv.Atoi(f.operator("docker", "inspect", "-f", "{{.State.Pid}}", container))
	if err != nil || pid <= 1 {
		f.t.Fatalf("container %s has no process: %d, %v", container, pid, err)
	}
	return pid
}

func (f *siege) either() string {
	if f.random.IntN(2) == 0 {
		return "http"
	}
	return "redis"
}

// inDecky are faults of a decky's network, alike on both runtimes.
var inDecky = []fault{
	{name: "link deleted", prompt: true, weight: 6, do: func(f *siege, n int) []string {
		f.inside(n, "ip", "link", "del", "eth0")
		return whole(n)
	}},
	{name: "link down", prompt: true, weight: 3, do: func(f *siege, n int) []string {
		f.inside(n, "ip", "link", "set", "eth0", "down")
		return whole(n)
	}},
	{name: "address added", weight: 3, do: func(f *siege, n int) []string {
		f.inside(n, "ip", "addr", "add", "10.77.0.250/24", "dev", "eth0")
		return whole(n)
	}},
	{name: "address deleted", prompt: true, weight: 3, do: func(f *siege, n int) []string {
		f.inside(n, "ip", "addr", "flush", "dev", "eth0")
		return whole(n)
	}},
	{name: "route deleted", weight: 3, do: func(f *siege, n int) []string {
		f.inside(n, "ip", "route", "del", "default")
		return whole(n)
	}},
	{name: "sysctl changed", weight: 4, do: func(f *siege, n int) []string {
		f.inside(n, "sysctl", "-qw", "net.ipv4.ip_default_ttl=77")
		return whole(n)
	}},
	{name: "egress opened", weight: 3, do: func(f *siege, n int) []string {
		f.inside(n, "nft", "flush", "ruleset")
		return whole(n)
	}},
}

var nativeFaults = append([]fault{
	{name: "namespace deleted", prompt: true, weight: 6, do: func(f *siege, n int) []string {
		path := f.namespace(n)
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			f.t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			f.t.Fatal(err)
		}
		return whole(n)
	}},
	{name: "worker killed", prompt: true, weight: 4, do: func(f *siege, _ int) []string {
		workers := f.workers(f.namespaces())
		f.kill(workers[f.random.IntN(len(workers))])
		return []string{"*"}
	}},
	{name: "supervisor killed", weight: 2, do: func(f *siege, n int) []string {
		f.kill(f.supervisor())
		return everything(service(n, "http"))
	}},
	{name: "hairpin deleted", weight: 2, do: func(f *siege, _ int) []string {
		f.operator("ip", "link", "del", "decnet_macvlan0")
		return []string{"network.lab"}
	}},
}, inDecky...)

var dockerFaults = append([]fault{
	{name: "service killed", prompt: true, weight: 8, do: func(f *siege, n int) []string {
		s := f.either()
		f.operator("docker", "kill", f.names[n]+"-"+s)
		return of(n, s)
	}},
	{name: "service removed", prompt: true, weight: 6, do: func(f *siege, n int) []string {
		s := f.either()
		f.operator("docker", "rm", "-f", f.names[n]+"-"+s)
		return of(n, s)
	}},
	{name: "service paused", prompt: true, weight: 4, do: func(f *siege, n int) []string {
		s := f.either()
		f.operator("docker", "pause", f.names[n]+"-"+s)
		return of(n, s)
	}},
	{name: "service process killed", weight: 6, do: func(f *siege, n int) []string {
		s := f.either()
		f.kill(f.pid(f.names[n] + "-" + s))
		return of(n, s)
	}},
	{name: "decky killed", weight: 6, do: func(f *siege, n int) []string {
		f.operator("docker", "kill", f.names[n])
		return whole(n)
	}},
	{name: "decky removed", weight: 4, do: func(f *siege, n int) []string {
		f.operator("docker", "rm", "-f", f.names[n])
		return whole(n)
	}},
	{name: "decky paused", weight: 2, do: func(f *siege, n int) []string {
		f.operator("docker", "pause", f.names[n])
		return whole(n)
	}},
	{name: "network disconnected", weight: 3, do: func(f *siege, n int) []string {
		f.operator("docker", "network", "disconnect", "-f", "besieged-lab", f.names[n])
		return whole(n)
	}},
	{name: "engine restarted", weight: 1, do: func(f *siege, n int) []string {
		if err := f.lab.StopEngine(); err != nil {
			f.t.Fatal(err)
		}
		if _, err := f.lab.StartEngine(f.t.Context()); err != nil {
			f.t.Fatal(err)
		}
		return everything(hostOf(n))
	}},
}, inDecky...)

// supervisor is the pid of the lab's native supervisor.
func (f *siege) supervisor() int {
	f.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		names, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			f.t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			argv := strings.Split(string(data), "\x00")
			if err != nil || len(argv) < 2 || argv[1] != "supervise" || !strings.Contains(string(data), f.lineage) {
				continue
			}
			pid, err := strconv.Atoi(strings.Split(name, "/")[2])
			if err != nil {
				f.t.Fatal(err)
			}
			return pid
		}
	}
	f.t.Fatal("no supervisor runs")
	return 0
}
