//go:build live

package main_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/supervise"
)

// TestJailedWorkerServesRealServices runs every service of this binary in a
// jailed worker: what its confinement forbids a service shows here.
func TestJailedWorkerServesRealServices(t *testing.T) {
	s := newSpace(t)
	s.ip("-n", s.name, "addr", "add", "192.0.2.7/24", "dev", "d0")
	dir := t.TempDir()
	// Workers reach their own directories below.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(image)
	dirs := supervise.NewDirs("lin", dir+"/data", dir+"/run")
	client := supervise.NewClient(supervise.ClientOptions{
		Log: slog.New(slog.DiscardHandler), Dirs: dirs, Image: hex.EncodeToString(sum[:]),
		Start: append([]string{binary, "supervise"}, supervise.Args("lin", dir+"/data", dir+"/run")...),
	})
	t.Cleanup(func() {
		if log, err := os.ReadFile(dirs.Log()); err == nil && t.Failed() {
			t.Logf("the supervisor says:\n%s", log)
		}
		if status, err := client.Status(context.Background()); err == nil && status.Running {
			_ = syscall.Kill(status.PID, syscall.SIGTERM)
		}
		client.Close()
	})
	host := servicetest.Host()
	host.IP = "192.0.2.7"
	for slug, port := range map[string]uint16{"redis": 6379, "http": 80, "ssh": 22} {
		unit := supervise.Unit{Decky: "web-0", Namespace: "/run/netns/" + s.name, Host: host, Service: decky.ServiceSpec{Name: slug, Slug: slug, Ports: []decky.Port{{Number: port, Transport: "tcp"}}}}
		if _, err := client.Serve(t.Context(), unit); err != nil {
			t.Fatalf("serve %s: %v", slug, err)
		}
	}
	try := func(want string, args ...string) {
		t.Helper()
		out, err := s.inside(args...).CombinedOutput()
		if !strings.Contains(string(out), want) {
			t.Fatalf("%v: %v, %s; want %q", args, err, out, want)
		}
	}
	try("OK", "redis-cli", "-h", "192.0.2.7", "SET", "k", "kept")
	try("kept", "redis-cli", "-h", "192.0.2.7", "GET", "k")
	try("nginx", "curl", "-si", "--max-time", "5", "http://192.0.2.7/")
	try("ssh-ed25519", "ssh-keyscan", "-T", "5", "-t", "ed25519", "192.0.2.7")
	eventually(t, "keys in the store", func() bool {
		_, err := os.Stat(filepath.Join(dirs.Store(), "web-0", "redis@keys"))
		return err == nil
	})
	workers := children(t, client)
	for _, pid := range workers {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	try("kept", "redis-cli", "-h", "192.0.2.7", "GET", "k")
	counts, kinds := statements(t, filepath.Join(dirs.Journal(), "web-0"))
	if counts["SET k kept"] != 1 || counts["GET k"] != 2 {
		t.Errorf("on record: %v", counts)
	}
	for _, kind := range []string{"request", "connection.opened", "system"} {
		if !strings.Contains(strings.Join(kinds, " "), kind) {
			t.Errorf("no %s on record: %v", kind, kinds)
		}
	}
}

// children are the supervisor's workers.
func children(t *testing.T, client *supervise.Client) []int {
	t.Helper()
	status, err := client.Status(t.Context())
	if err != nil || !status.Running {
		t.Fatalf("status %+v, %v", status, err)
	}
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", fmt.Sprint(status.PID)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, field := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) == 0 {
		t.Fatal("the supervisor has no workers")
	}
	return pids
}
