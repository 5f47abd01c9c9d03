//go:build live

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/reconciler/status"
)

// reconciled is a configuration of n deckies.
func reconciled(n int) string {
	return fmt.Sprintf(`decnet {
  name    = "kept"
  seed    = "calm"
  runtime = "native"
  state   = "/elsewhere/state.db"
}

network "lan" {
  parent  = "op0"
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
}

decky "web" {
  count   = %d
  network = network.lan
  service "ssh" {}
}
`, n)
}

// reconcile starts the daemon; stop interrupts it with a signal and waits.
func (s *stage) reconcile(args ...string) (stop func(syscall.Signal), log func() string) {
	s.t.Helper()
	cmd := s.command(context.WithoutCancel(s.t.Context()), lab.Operator, append([]string{filepath.Join(s.bin, "decnet"), "reconcile"}, args...)...)
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var once sync.Once
	stop = func(signal syscall.Signal) {
		once.Do(func() {
			_ = cmd.Process.Signal(signal)
			select {
			case err := <-ended:
				if signal == syscall.SIGTERM && err != nil {
					s.t.Errorf("the daemon ended with %v:\n%s", err, out.String())
				}
			case <-time.After(30 * time.Second):
				_ = cmd.Process.Kill()
				<-ended
				s.t.Errorf("the daemon did not end:\n%s", out.String())
			}
		})
	}
	s.t.Cleanup(func() {
		stop(syscall.SIGKILL)
		if s.t.Failed() {
			s.t.Logf("decnet reconcile:\n%s", out.String())
		}
	})
	return stop, out.String
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// within waits until something holds.
func within(t *testing.T, patience time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < patience {
		if holds() {
			return time.Since(began)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within %s: %s", patience, what)
	return 0
}

// gitRepository is a repository with one commit.
func gitRepository(t *testing.T, dir string) (commit func(content, title string) string) {
	t.Helper()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Operations", "-c", "user.email=ops@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("the judge git is missing: run make judges")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	git("init", "-q", "-b", "main")
	return func(content, title string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		git("add", ".")
		git("commit", "-q", "-m", title)
		return git("rev-parse", "HEAD")
	}
}

func (s *stage) sync(file, name string) status.Sync {
	s.t.Helper()
	var one status.Sync
	stdout, _, code := s.try("sync", "status", name, "--file", file, "--json")
	if code == 0 {
		if err := json.Unmarshal([]byte(stdout), &one); err != nil {
			s.t.Fatalf("%v\n%s", err, stdout)
		}
	}
	return one
}

// netns is the pinned namespace of a decky.
func (s *stage) netns(decky string) string {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.lab.Dir, "run", "*", "netns", decky))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("namespace of %s: %q %v", decky, found, err)
	}
	return found[0]
}

func (s *stage) hasLink(decky string) bool {
	out, err := exec.Command("nsenter", "--net="+s.netns(decky), "ip", "-br", "addr", "show", "eth0").CombinedOutput()
	return err == nil && strings.Contains(string(out), "10.77.0.")
}

// TestReconcileFollowsARepository is the life of the daemon: it applies a commit,
// heals, applies the next, leaves the deckies alone when it ends, and picks up
// where it was.
func TestReconcileFollowsARepository(t *testing.T) {
	s := newStage(t, providers.RuntimeNative, reconciled(1))
	repository := filepath.Join(s.lab.Dir, "repository")
	commit := gitRepository(t, repository)
	first := commit(reconciled(2), "Two deckies")
	file := filepath.Join(s.lab.Dir, "sync.hcl")
	write := func(extra string) {
		t.Helper()
		text := fmt.Sprintf("sync \"prod\" {\n  repository = %q\n  branch = \"main\"\n  interval = \"1h\"\n  verify {\n    mode = \"none\"\n  }\n%s}\nmetrics {\n  listen = \"127.0.0.1:9144\"\n}\n", "file://"+repository, extra)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	stop, log := s.reconcile("--file", file)
	live := func(revision string, deckies int) func() bool {
		return func() bool {
			one := s.sync(file, "prod")
			well := 0
			for _, d := range one.Deckies {
				if d.Sync == status.InSync && d.Health == status.HealthHealthy {
					well++
				}
			}
			return one.Applied != nil && one.Applied.Commit == revision && well == deckies && len(one.Deckies) == deckies && one.Conditions.Get(status.Ready).Status == status.True
		}
	}
	within(t, 30*time.Second, "the first commit is live", live(first, 2))
	if _, err := os.Stat("/elsewhere"); err == nil {
		t.Error("a commit decided where the state stands")
	}
	if !strings.Contains(log(), "passed over") {
		t.Errorf("nobody was told that the commit's state is passed over:\n%s", log())
	}
	// A second one does not start, whatever it is given.
	if _, stderr, code := s.try("reconcile", "--file", file); code != 1 || !strings.Contains(stderr, "another decnet reconcile") {
		t.Errorf("a second daemon: %d %s", code, stderr)
	}
	if _, stderr, code := s.try("reconcile", "--file", file, "--socket", filepath.Join(s.lab.Dir, "other.sock"), "--metrics", "127.0.0.1:9145"); code != 1 || !strings.Contains(stderr, "keeps this state live") {
		t.Errorf("a second daemon at another socket: %d %s", code, stderr)
	}
	// What is taken away is back.
	if out, err := exec.Command("nsenter", "--net="+s.netns("kept-web-0"), "ip", "link", "del", "eth0").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	took := within(t, 5*time.Second, "the link is back", func() bool { return s.hasLink("kept-web-0") })
	t.Logf("the link was back after %s", took)
	if took > time.Second {
		t.Errorf("healing took %s, want a second at most", took)
	}
	// The next commit is taken as soon as somebody asks.
	second := commit(reconciled(3), "Three deckies\x07")
	s.must("sync", "now", "prod", "--file", file)
	within(t, 30*time.Second, "the second commit is live", live(second, 3))
	if out := s.must("sync", "status", "prod", "--file", file); strings.ContainsRune(out, 7) || !strings.Contains(out, "Three deckies") {
		t.Errorf("the title of the commit: %q", out)
	}
	metrics := s.attackOperator("curl", "-sf", "http://127.0.0.1:9144/metrics")
	for _, want := range []string{`decnet_drifts_total{action="healed",sync="prod"} 1`, `decnet_sync_applied_revision_info{commit="` + second + `",sync="prod"} 1`, `decnet_condition{sync="prod",type="Ready"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics:\n%s", want, metrics)
		}
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if out := s.attackOperator("curl", "-s", "http://127.0.0.1:9144"+path); out != "ok\n" {
			t.Errorf("%s: %q", path, out)
		}
	}
	// The deckies stay when it ends, and it goes on from there.
	stop(syscall.SIGTERM)
	if !s.hasLink("kept-web-2") {
		t.Error("the end of the daemon took a decky's link")
	}
	if stdout, stderr, code := s.try("sync", "status", "--file", file); code != 0 || !strings.Contains(stderr, "wrote down last") || !strings.Contains(stdout, "main@"+second[:12]) {
		t.Errorf("without a daemon: %d\n%s%s", code, stdout, stderr)
	}
	if out, err := exec.Command("nsenter", "--net="+s.netns("kept-web-1"), "ip", "link", "del", "eth0").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	write("  policy = \"manual\"\n")
	stop, _ = s.reconcile("--file", file)
	within(t, 30*time.Second, "what changed while no daemon ran is healed", func() bool { return s.hasLink("kept-web-1") })
	within(t, 30*time.Second, "all is well again", live(second, 3))
	s.approves(file, commit, live)
	stop(syscall.SIGTERM)
	s.clear(file)
}

// approves shows that a manual sync waits for the plan that is approved.
func (s *stage) approves(file string, commit func(string, string) string, live func(string, int) func() bool) {
	t := s.t
	t.Helper()
	third := commit(reconciled(1), "One decky")
	var planned control.Planned
	if err := json.Unmarshal([]byte(s.must("sync", "plan", "prod", "--file", file, "--json")), &planned); err != nil {
		t.Fatal(err)
	}
	s.must("sync", "now", "prod", "--file", file)
	within(t, 20*time.Second, "the plan waits", func() bool { return s.sync(file, "prod").Pending != nil })
	pending := s.sync(file, "prod").Pending
	if pending.Revision.Commit != third || planned.Revision.Commit != third {
		t.Errorf("%+v waits, planned was %+v", pending, planned.Revision)
	}
	if _, stderr, code := s.try("sync", "approve", "prod", "0000", "--file", file); code != 1 || !strings.Contains(stderr, "prod") {
		t.Errorf("another plan: %d %s", code, stderr)
	}
	s.must("sync", "approve", "prod", pending.ID, "--file", file)
	within(t, 30*time.Second, "the approved commit is live", live(third, 1))
	if out := s.must("sync", "history", "prod", "--file", file); !strings.Contains(out, "approve") {
		t.Errorf("history:\n%s", out)
	}
}

// clear takes away what a sync left.
func (s *stage) clear(string) {
	s.t.Helper()
	state := filepath.Join(s.lab.Dir, "data", "sync", "prod", "state.db")
	s.configure(strings.Replace(reconciled(1), `  state   = "/elsewhere/state.db"`, "", 1))
	s.must("destroy", "--auto-approve", "--state", state)
}

// attackOperator runs a client on the operator's side and returns its output.
func (s *stage) attackOperator(argv ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	if _, err := exec.LookPath(argv[0]); err != nil {
		s.t.Fatalf("the judge %s is missing: run make judges", argv[0])
	}
	out, _ := s.command(ctx, lab.Operator, argv...).CombinedOutput()
	return string(out)
}

// TestReconcileKeepsADirectory heals what was applied, and with --auto-approve
// applies the files when they change.
func TestReconcileKeepsADirectory(t *testing.T) {
	local := func(n int) string { return strings.Replace(reconciled(n), `  state   = "/elsewhere/state.db"`, "", 1) }
	s := newStage(t, providers.RuntimeNative, local(1))
	s.must("apply", "--auto-approve")
	stop, log := s.reconcile(s.dir)
	within(t, 20*time.Second, "it keeps the directory", func() bool { return strings.Contains(log(), "keeping what was applied") })
	s.configure(local(2))
	within(t, 10*time.Second, "a change of the files is told", func() bool { return strings.Contains(log(), "the files are not what was applied") })
	if found, _ := filepath.Glob(filepath.Join(s.lab.Dir, "run", "*", "netns", "kept-web-1")); len(found) > 0 {
		t.Error("files were applied that nobody approved")
	}
	if out, err := exec.Command("nsenter", "--net="+s.netns("kept-web-0"), "ip", "link", "del", "eth0").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	within(t, 5*time.Second, "the link is back", func() bool { return s.hasLink("kept-web-0") })
	stop(syscall.SIGTERM)

	stop, log = s.reconcile("--auto-approve", s.dir)
	there := func(name string) func() bool {
		return func() bool {
			found, _ := filepath.Glob(filepath.Join(s.lab.Dir, "run", "*", "netns", name))
			return len(found) == 1
		}
	}
	within(t, 20*time.Second, "the files are applied at the start", there("kept-web-1"))
	s.configure("decky \"broken\" {\n")
	within(t, 10*time.Second, "broken files are told", func() bool { return strings.Contains(log(), "what was applied last is kept") })
	s.configure(local(3))
	within(t, 20*time.Second, "mended files are applied", there("kept-web-2"))
	within(t, 20*time.Second, "and that is told", func() bool { return strings.Count(log(), "the files are applied") == 2 })
	stop(syscall.SIGTERM)
	s.mustBeEmpty("after the daemon")
	s.must("destroy", "--auto-approve")
}
