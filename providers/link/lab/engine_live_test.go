//go:build live

package lab_test

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/link/lab"
)

// host is what an engine could spoil of the host's own namespace.
func host(t *testing.T) map[string]string {
	t.Helper()
	forward, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	if err != nil {
		t.Fatalf("nft (apt-get install nftables): %v: %s", err, rules)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(links))
	for i, l := range links {
		names[i] = l.Name
	}
	return map[string]string{"ip_forward": string(forward), "rules": string(rules), "links": strings.Join(names, " ")}
}

// upShort is up in a directory whose name leaves room for sockets.
func upShort(t *testing.T) *lab.Lab {
	t.Helper()
	root, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Up(t.Context(), "e"+strconv.Itoa(os.Getpid()), lab.Options{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	return l
}

func engineClient(t *testing.T, address string) *client.Client {
	t.Helper()
	c, err := client.NewClientWithOpts(client.WithHost(address), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// runSleeper starts a container and returns its process.
func runSleeper(t *testing.T, c *client.Client) int {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sleeper")
	build := exec.Command("go", "build", "-o", binary, "./testdata/sleeper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: "sleeper", Mode: 0o755, Size: int64(len(data))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	body, err := c.ImageImport(ctx, image.ImportSource{Source: &layer, SourceName: "-"}, "sleeper", image.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Fatal(err)
	}
	body.Close()
	made, err := c.ContainerCreate(ctx, &container.Config{Image: "sleeper", Cmd: []string{"/sleeper"}}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "sleeper")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	found, err := c.ContainerInspect(ctx, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	return found.State.Pid
}

func alive(pid int) bool { return unix.Kill(pid, 0) == nil }

func mountsWith(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, dir) {
			found = append(found, line)
		}
	}
	return found
}

func TestEngineLivesInTheLabAndTouchesNothingElse(t *testing.T) {
	before := host(t)
	l := upShort(t)
	address, err := l.StartEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := l.StartEngine(t.Context()); err != nil || again != address {
		t.Fatalf("a second start: %q, %v", again, err)
	}
	pid := runSleeper(t, engineClient(t, address))
	if !alive(pid) {
		t.Fatal("the container does not run")
	}
	if diff := cmp.Diff(before, host(t)); diff != "" {
		t.Errorf("the host changed: %s", diff)
	}
	if err := l.StopEngine(); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Error("the engine's container outlived it")
	}
	if _, err := engineClient(t, address).Ping(t.Context()); err == nil {
		t.Error("a stopped engine answers")
	}
	if _, err := l.StartEngine(t.Context()); err != nil {
		t.Fatalf("start it again: %v", err)
	}
	if list, err := engineClient(t, address).ContainerList(t.Context(), container.ListOptions{All: true}); err != nil || len(list) != 1 {
		t.Errorf("its data did not survive: %v, %v", list, err)
	}
}

func TestDownAfterTheEngineWasKilledLeavesNothing(t *testing.T) {
	l := upShort(t)
	address, err := l.StartEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pid := runSleeper(t, engineClient(t, address))
	data, err := os.ReadFile(filepath.Join(l.Dir, "engine", "docker.pid"))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(engine, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if !alive(pid) {
		t.Fatal("the container died with the engine: this test shows nothing")
	}
	if len(mountsWith(t, l.Dir)) == 0 {
		t.Fatal("no mount is left: this test shows nothing")
	}
	if err := l.Down(); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Error("a container's process is left")
	}
	if left := mountsWith(t, l.Dir); len(left) > 0 {
		t.Errorf("mounts are left: %v", left)
	}
	if left, _ := filepath.Glob("/sys/fs/cgroup/*/decnet-lab-" + l.Name); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
	if _, err := os.Stat(l.Dir); err == nil {
		t.Error("the directory is left")
	}
}

func TestStartEngineSaysWhyItEnded(t *testing.T) {
	l := upShort(t)
	if err := os.MkdirAll(filepath.Join(l.Dir, "engine"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.Dir, "engine", "data"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := l.StartEngine(context.Background())
	if err == nil || !strings.Contains(err.Error(), "data") {
		t.Fatalf("StartEngine with a broken data root: %v, want the engine's own words", err)
	}
}

func TestStartEngineRefusesAPathTooLongForItsSockets(t *testing.T) {
	l, err := lab.Up(t.Context(), "long"+strconv.Itoa(os.Getpid()), lab.Options{Root: filepath.Join(t.TempDir(), strings.Repeat("d", 60))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(); err != nil {
			t.Error(err)
		}
	})
	if _, err := l.StartEngine(t.Context()); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Fatalf("StartEngine: %v, want advice to choose a shorter root", err)
	}
}
