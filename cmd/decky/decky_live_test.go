//go:build live

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// space is a network namespace of the test's own with the link d0.
type space struct {
	t    *testing.T
	name string
}

func newSpace(t *testing.T) *space {
	t.Helper()
	for _, tool := range []string{"ip", "nsenter", "setpriv", "nft", "redis-cli"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: apt-get install iproute2 util-linux nftables redis-tools", tool)
		}
	}
	s := &space{t, fmt.Sprintf("decky-test-%d", os.Getpid())}
	s.ip("netns", "add", s.name)
	t.Cleanup(func() { s.ip("netns", "del", s.name) })
	s.ip("-n", s.name, "link", "set", "lo", "up")
	s.ip("-n", s.name, "link", "add", "d0", "type", "veth", "peer", "name", "d1")
	for _, link := range []string{"d0", "d1"} {
		s.ip("-n", s.name, "link", "set", link, "up")
	}
	return s
}

func (s *space) ip(args ...string) {
	s.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		s.t.Fatalf("ip %v: %v\n%s", args, err, out)
	}
}

func (s *space) inside(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + s.name}, args...)...)
}

// run starts args inside; ended gives its exit once it is over.
func (s *space) run(args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer, ended chan error) {
	s.t.Helper()
	cmd, stderr, ended = s.inside(args...), &bytes.Buffer{}, make(chan error, 1)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
	})
	return cmd, stderr, ended
}

func (s *space) answers() bool {
	out, err := s.inside("redis-cli", "-h", "192.0.2.7", "-p", "6379", "PING").Output()
	return err == nil && strings.TrimSpace(string(out)) == "PONG"
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(8 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 8 s", what)
		}
	}
}

func TestServeWaitsForItsAddressAndEndsWithIt(t *testing.T) {
	s := newSpace(t)
	dir := t.TempDir()
	spec := decky.Spec{Host: servicetest.Host(), Journal: dir + "/journal", Store: dir + "/store"}
	spec.Host.IP = "192.0.2.7"
	spec.Services = []decky.ServiceSpec{{Name: "redis", Slug: "redis", Ports: []decky.Port{{Number: 6379, Transport: "tcp"}}}}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, stderr, ended := s.run(binary, "serve", "--spec", file)
	time.Sleep(300 * time.Millisecond)
	if s.answers() {
		t.Fatal("it answers at an address that is not there")
	}
	s.ip("-n", s.name, "addr", "add", "192.0.2.7/24", "dev", "d0")
	eventually(t, "service after its address", s.answers)
	// It is as confined as its container lets it be.
	status := processStatus(t, cmd.Process.Pid)
	for name, want := range map[string]string{"CapEff": "0000000000000000", "CapBnd": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"} {
		if status[name] != want {
			t.Errorf("%s of the serving process is %s, want %s", name, status[name], want)
		}
	}
	// A parent without carrier is no reason to end.
	s.ip("-n", s.name, "link", "set", "d1", "down")
	select {
	case err := <-ended:
		t.Fatalf("it ended without carrier: %v\n%s", err, stderr)
	case <-time.After(2 * time.Second):
	}
	began := time.Now()
	s.ip("-n", s.name, "link", "del", "d0")
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(stderr.String(), "link is gone") {
			t.Errorf("it ended with %v\n%s", err, stderr)
		}
		t.Logf("ended %s after its link", time.Since(began))
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on without its link")
	}
}

// processStatus is /proc/PID/status as names and values.
func processStatus(t *testing.T, pid int) map[string]string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.Join(strings.Fields(value), " ")
	}
	return fields
}

func TestHoldClosesTheWayOutAndGivesUpEverything(t *testing.T) {
	s := newSpace(t)
	ruleset := func() string {
		out, err := s.inside("nft", "list", "ruleset").CombinedOutput()
		if err != nil {
			t.Fatalf("nft: %v\n%s", err, out)
		}
		return string(out)
	}
	if strings.Contains(ruleset(), "drop") {
		t.Fatal("the namespace has rules before anybody held it")
	}
	// What a container's engine leaves a holder.
	cmd, stderr, ended := s.run("setpriv", "--bounding-set", "-all,+net_admin,+setuid,+setgid,+setpcap", "--inh-caps", "-all", binary, "hold")
	eventually(t, "rules", func() bool { return strings.Contains(ruleset(), "drop") })
	eventually(t, "nobody", func() bool { return processStatus(t, cmd.Process.Pid)["Seccomp"] == "2" })
	status := processStatus(t, cmd.Process.Pid)
	for name, want := range map[string]string{
		"Uid": "65534 65534 65534 65534", "Gid": "65534 65534 65534 65534", "Groups": "", "CapInh": "0000000000000000", "CapPrm": "0000000000000000",
		"CapEff": "0000000000000000", "CapBnd": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1",
	} {
		if status[name] != want {
			t.Errorf("%s of the holder is %q, want %q", name, status[name], want)
		}
	}
	t.Logf("holder: VmRSS %s, %s threads", status["VmRSS"], status["Threads"])
	select {
	case err := <-ended:
		t.Fatalf("it does not hold: %v\n%s", err, stderr)
	case <-time.After(200 * time.Millisecond):
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v\n%s", err, stderr)
		}
	case <-time.After(3 * time.Second):
		t.Fatal("it does not end")
	}
}

// A holder that cannot set its rules must not hold.
func TestHoldRefusesWithoutRules(t *testing.T) {
	s := newSpace(t)
	out, err := s.inside("setpriv", "--bounding-set", "-all,+setuid,+setgid,+setpcap", "--inh-caps", "-all", binary, "hold").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "apply egress rules") {
		t.Errorf("%v: %s", err, out)
	}
}
