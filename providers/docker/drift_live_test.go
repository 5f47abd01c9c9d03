//go:build live

package docker_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/link/namespace"
)

// pid is a process of a container.
func (b *bench) pid(name string) int {
	b.t.Helper()
	found, err := b.api.ContainerInspect(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	return found.State.Pid
}

// inside runs a program in a container's network namespace.
func (b *bench) inside(name string, argv ...string) {
	b.t.Helper()
	path := "/proc/" + strconv.Itoa(b.pid(name)) + "/ns/net"
	err := namespace.Do(path, func() error {
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if err != nil {
			b.t.Errorf("%v: %s", argv, out)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// damage is one way in which a decky changes behind our back, and what the plan
// must then say.
type damage struct {
	name string
	do   func(b *bench)
	want map[string][]string
}

const (
	web = "decky.web[0]"
	ssh = "decky.web[0].service.ssh"
)

func damages() []damage {
	kill := func(name func(b *bench) string) func(b *bench) {
		return func(b *bench) {
			b.must(b.api.ContainerKill(b.t.Context(), name(b), "KILL"))
		}
	}
	remove := func(name func(b *bench) string) func(b *bench) {
		return func(b *bench) {
			b.must(b.api.ContainerRemove(b.t.Context(), name(b), container.RemoveOptions{Force: true}))
		}
	}
	base := func(b *bench) string { return b.host(0).Name }
	service := func(b *bench) string { return b.host(0).Name + "-ssh" }
	network0 := func(b *bench) string { return b.net().Name }
	return []damage{
		{"service killed", kill(service), map[string][]string{ssh: {"running"}}},
		{"service removed", remove(service), map[string][]string{ssh: {""}}},
		{"service paused", func(b *bench) { b.must(b.api.ContainerPause(b.t.Context(), service(b))) }, map[string][]string{ssh: {"paused"}}},
		{"base removed", func(b *bench) {
			remove(base)(b)
			b.stopped(service(b))
		}, map[string][]string{web: {""}, ssh: {"running"}}},
		{"base killed", func(b *bench) {
			kill(base)(b)
			b.stopped(service(b))
		}, map[string][]string{web: {"running"}, ssh: {"running"}}},
		{"all removed", func(b *bench) { remove(service)(b); remove(base)(b) }, map[string][]string{web: {""}, ssh: {""}}},
		{"link deleted", func(b *bench) {
			b.inside(base(b), "ip", "link", "del", "eth0")
			b.unstable(service(b))
		}, map[string][]string{web: {"link.eth0"}, ssh: {"running"}}},
		{"link down", func(b *bench) { b.inside(base(b), "ip", "link", "set", "eth0", "down") }, map[string][]string{web: {"link.eth0.gateway", "link.eth0.up"}}},
		{"address changed", func(b *bench) {
			b.inside(base(b), "ip", "addr", "flush", "dev", "eth0")
			b.inside(base(b), "ip", "addr", "add", "10.77.0.66/24", "dev", "eth0")
		}, map[string][]string{web: {"link.eth0.ip", "link.eth0.gateway"}}},
		{"address added", func(b *bench) { b.inside(base(b), "ip", "addr", "add", "10.77.0.66/24", "dev", "eth0") }, map[string][]string{web: {"link.eth0.ip"}}},
		{"mac changed", func(b *bench) {
			b.inside(base(b), "ip", "link", "set", "eth0", "address", "02:00:00:00:00:01")
		}, map[string][]string{web: {"link.eth0.mac"}}},
		{"link added", func(b *bench) { b.inside(base(b), "ip", "link", "add", "x0", "type", "bridge") }, map[string][]string{web: {"link.x0"}}},
		{"sysctl changed", func(b *bench) { b.inside(base(b), "sysctl", "-w", "net.ipv4.ip_default_ttl=64") },
			map[string][]string{web: {"sysctl.net.ipv4.ip_default_ttl"}}},
		{"egress opened", func(b *bench) { b.inside(base(b), "nft", "flush", "ruleset") }, map[string][]string{web: {"egress"}}},
		{"detached", func(b *bench) {
			b.must(b.api.NetworkDisconnect(b.t.Context(), network0(b), base(b), true))
			b.unstable(service(b))
		}, map[string][]string{web: {"link.eth0"}, ssh: {"running"}}},
		{"attached elsewhere", func(b *bench) {
			made, err := b.api.NetworkCreate(b.t.Context(), b.lineage+"-other", network.CreateOptions{
				Driver: "bridge", IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: "10.98.0.0/24"}}},
			})
			b.must(err)
			b.t.Cleanup(func() { b.must(b.api.NetworkRemove(context.Background(), made.ID)) })
			b.must(b.api.NetworkConnect(b.t.Context(), made.ID, base(b), nil))
		}, map[string][]string{web: {"link.eth1"}}},
		{"spec changed", func(b *bench) {
			path := filepath.Join(b.env.DataDir, b.lineage, "docker", service(b), "spec.json")
			b.must(os.WriteFile(path, []byte("{}"), 0o400))
		}, map[string][]string{ssh: {"files"}}},
		{"journal directory removed", func(b *bench) {
			b.must(os.RemoveAll(filepath.Join(b.env.DataDir, b.lineage, "journal", service(b))))
		}, map[string][]string{ssh: {"files"}}},
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// stopped waits until the engine has given a container up.
func (b *bench) stopped(name string) { b.await(name, container.StateExited) }

// unstable waits until a container's process has noticed that its link is gone
// and ends again and again.
func (b *bench) unstable(name string) { b.await(name, container.StateRestarting) }

func (b *bench) await(name string, states ...string) {
	b.t.Helper()
	var last string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		found, err := b.api.ContainerInspect(b.t.Context(), name)
		b.must(err)
		if last = found.State.Status; slices.Contains(states, last) {
			return
		}
	}
	b.t.Fatalf("container %s is %s, want %v", name, last, states)
}

func TestDriftIsSeenWithItsReasonAndHealedByOneApply(t *testing.T) {
	whole := newBench(t)
	want := whole.wanted(2)
	whole.mustApply(want)
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			b := *whole
			b.t = t
			b.answers(0)
			bystander, err := b.find(want[2])
			b.must(err)
			d.do(&b)
			b.open()
			plan := b.plan(want)
			if diff := cmp.Diff(d.want, plan); diff != "" {
				t.Errorf("plan: %s", diff)
			}
			b.mustApply(want)
			b.answers(0)
			b.answers(1)
			if after, err := b.find(want[2]); err != nil || string(after) != string(bystander) {
				t.Errorf("a bystander changed: %s\n%s %v", bystander, after, err)
			}
		})
	}
}

func TestSelfHealingWithoutDecnet(t *testing.T) {
	b := newBench(t)
	want := b.wanted(1)
	b.mustApply(want)
	b.answers(0)
	process, err := os.FindProcess(b.pid(b.host(0).Name))
	b.must(err)
	b.must(process.Kill()) // it dies by itself, as the engine sees it
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if text, err := b.greeting(0); err == nil && text != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the decky does not answer again by itself")
		}
	}
}
