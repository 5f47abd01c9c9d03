//go:build live

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
)

// runtimes are what every live behaviour is shown on.
var runtimes = []string{providers.RuntimeNative, providers.RuntimeDocker}

// binaries are built once for all live tests.
var binaries = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "decnet-live-")
	if err != nil {
		return "", err
	}
	for _, b := range []struct{ name, cgo string }{{"decnet", "1"}, {"decky", "0"}} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, b.name), "./cmd/"+b.name)
		cmd.Dir = "../.."
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+b.cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", b.name, err, out)
		}
	}
	return dir, nil
})

// stage is a lab with a configuration in it and the binaries under test.
type stage struct {
	t       *testing.T
	lab     *lab.Lab
	runtime string
	bin     string
	dir     string // of the configuration
	docker  string // the engine's address
}

// newStage makes a lab. Whatever it holds is gone when the test ends, and the
// test fails if the host then has more than before.
func newStage(t *testing.T, runtime, configuration string) *stage {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("live tests make network namespaces: run them as root")
	}
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(t.Name()))
	l, err := lab.Up(t.Context(), fmt.Sprintf("t%d-%s", os.Getpid(), name[max(0, len(name)-10):]), lab.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, lab: l, runtime: runtime, bin: bin, dir: filepath.Join(l.Dir, "configuration")}
	t.Cleanup(func() {
		if t.Failed() {
			s.logs()
		}
		if err := l.Down(); err != nil {
			t.Errorf("lab down: %v", err)
		}
		if after := leftovers(t, l.Name); len(after) > 0 {
			t.Errorf("left behind on the host: %v", after)
		}
	})
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.configure(configuration)
	if runtime == providers.RuntimeDocker {
		if s.docker, err = l.StartEngine(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// logs shows the end of every log in the lab.
func (s *stage) logs() {
	s.t.Helper()
	err := filepath.WalkDir(s.lab.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "log") || strings.Contains(path, "/engine/") {
			return nil
		}
		if data, err := os.ReadFile(path); err == nil && !strings.HasSuffix(path, "objects.log") {
			s.t.Logf("%s:\n%s", path, data[max(0, len(data)-6000):])
		}
		return nil
	})
	if err != nil {
		s.t.Log(err)
	}
}

// leftovers are the namespaces of a lab, what is mounted in it, and the links
// of this host that bear our marks.
func leftovers(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"/run/netns/*" + name + "*", lab.DefaultRoot + "/" + name, "/sys/class/net/decnet*", "/sys/class/net/" + lab.OperatorLink} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, lab.DefaultRoot+"/"+name+"/") {
			all = append(all, line)
		}
	}
	return all
}

// configure replaces the configuration.
func (s *stage) configure(source string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "main.hcl"), []byte(source), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// command prepares a program on the operator's side.
func (s *stage) command(ctx context.Context, side lab.Side, argv ...string) *lab.Cmd {
	cmd := s.lab.Command(ctx, side, argv...)
	if cmd.Env == nil {
		cmd.Env = s.lab.Environ()
	}
	cmd.Env = append(cmd.Env, "DECNET_RUNTIME="+s.runtime, "DECNET_DECKY="+filepath.Join(s.bin, "decky"), "NO_COLOR=1")
	if s.docker != "" {
		cmd.Env = append(cmd.Env, "DOCKER_HOST="+s.docker)
	}
	return cmd
}

// decnet prepares decnet on the operator's side.
func (s *stage) decnet(ctx context.Context, args ...string) *lab.Cmd {
	return s.command(ctx, lab.Operator, append([]string{filepath.Join(s.bin, "decnet"), "-C", s.dir}, args...)...)
}

// try runs decnet and returns what it printed, and its exit code.
func (s *stage) try(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := s.decnet(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out.String(), errs.String(), 0
	case errors.As(err, &exit):
		return out.String(), errs.String(), exit.ExitCode()
	default:
		s.t.Fatalf("decnet %s: %v", strings.Join(args, " "), err)
		return "", "", 0
	}
}

// must runs decnet, which must succeed.
func (s *stage) must(args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.try(args...)
	if code != 0 {
		s.t.Fatalf("decnet %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// mustBeEmpty fails unless the plan is empty.
func (s *stage) mustBeEmpty(when string) {
	s.t.Helper()
	stdout, stderr, code := s.try("plan", "--detailed-exitcode")
	if code != 0 {
		s.t.Fatalf("%s the plan is not empty (exit code %d):\n%s%s", when, code, stdout, stderr)
	}
}

// attack runs a client on the attacker's side and returns all it printed.
func (s *stage) attack(argv ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := exec.LookPath(argv[0]); err != nil {
		s.t.Fatalf("the judge %s is missing: run make judges", argv[0])
	}
	out, _ := s.command(ctx, lab.Attacker, argv...).CombinedOutput()
	return string(out)
}

// output is the value of an output of the configuration.
func (s *stage) output(name string) string {
	s.t.Helper()
	return strings.TrimSpace(s.must("output", name))
}

// intel starts the daemon; stop ends it and waits.
func (s *stage) intel() (stop func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	cmd := s.decnet(ctx, "intel")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		cancel()
		s.t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			_ = cmd.Wait()
			if s.t.Failed() {
				s.t.Logf("decnet intel:\n%s", stderr.String())
			}
		})
	}
	s.t.Cleanup(stop)
	return stop
}

// ask runs a question with --json until its answer satisfies, for up to 20 s.
func ask20[T any](s *stage, satisfied func([]T) bool, args ...string) []T {
	s.t.Helper()
	var answers []T
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		stdout, _, code := s.try(append(args, "--json", "--limit", "1000")...)
		if code != 0 {
			continue
		}
		answers = nil
		if err := json.Unmarshal([]byte(stdout), &answers); err != nil {
			s.t.Fatalf("decnet %s: %v\n%s", strings.Join(args, " "), err, stdout)
		}
		if satisfied(answers) {
			return answers
		}
	}
	s.t.Fatalf("decnet %s: not satisfied after 20 s by %d answers", strings.Join(args, " "), len(answers))
	return nil
}

// ssh logs in with a password and runs a command.
func (s *stage) ssh(user, password, host, command string) string {
	s.t.Helper()
	askpass := filepath.Join(s.lab.Dir, "askpass")
	if err := os.WriteFile(askpass, []byte("#!/bin/sh\necho \"$TEST_PASSWORD\"\n"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return s.attack("env", "TEST_PASSWORD="+password, "SSH_ASKPASS="+askpass, "SSH_ASKPASS_REQUIRE=force", "ssh", "-F", "none",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1",
		"-o", "PubkeyAuthentication=no", "-o", "ConnectTimeout=10", user+"@"+host, command)
}
