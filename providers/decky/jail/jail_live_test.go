//go:build live

package jail_test

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/jail"
)

const uid = jail.FirstUID + jail.UIDs - 1

func probe(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root: run the live tests with sudo")
	}
	path := filepath.Join(t.TempDir(), "probe")
	build := exec.Command("go", "build", "-o", path, "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the probe: %v\n%s", err, out)
	}
	return path
}

// world prepares what the probe tries to reach.
func world(t *testing.T) (outside, inside string, options jail.Options) {
	t.Helper()
	dir := t.TempDir() // its parent is closed to others, as /var/lib/decnet may be
	make := func(name string, mode os.FileMode, owner int) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, owner, owner); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	journal := make("journal", 0o711, 0)
	make("journal/mine", 0o700, uid)
	make("journal/theirs", 0o700, uid-1)
	scratch := make("scratch", 0o777, 0)
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sleeper.Process.Kill(); sleeper.Wait() })
	serve := func(network, address string) string {
		ln, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		return ln.Addr().String()
	}
	in := map[string]any{
		"Secret": secret, "Scratch": scratch, "Sleeper": sleeper.Process.Pid,
		"Listener": serve("tcp4", "127.0.0.1:0"), "Unix": serve("unix", filepath.Join(dir, "sock")),
		"Mine": journal + "/mine", "Theirs": journal + "/theirs",
	}
	encode := func() string {
		data, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	outside = encode()
	in["Mine"], in["Theirs"] = "/journal/mine", "/journal/theirs"
	return outside, encode(), jail.Options{UID: uid, Dirs: map[string]string{"journal": journal}}
}

// running is a probe that has reported and waits.
type running struct {
	cmd    *exec.Cmd
	result map[string]string
}

func start(t *testing.T, cmd *exec.Cmd) running {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	runtime.LockOSThread() // it dies with this thread
	t.Cleanup(runtime.UnlockOSThread)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); cmd.Wait() })
	r := running{cmd: cmd}
	if err := json.NewDecoder(out).Decode(&r.result); err != nil {
		stdin.Close()
		t.Fatalf("the probe reports nothing: %v, %v\n%s", err, cmd.Wait(), stderr.String())
	}
	return r
}

func TestNothingIsPossibleInside(t *testing.T) {
	path := probe(t)
	outside, inside, options := world(t)
	control := start(t, exec.Command(path, "outside", outside))
	cmd := exec.Command("/proc/self/fd/3", "inside", inside)
	binary, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	cmd.ExtraFiles = []*os.File{binary}
	if err := jail.Confine(cmd, options); err != nil {
		t.Fatal(err)
	}
	jailed := start(t, cmd)
	permitted := map[string]bool{"own directory": true}
	if len(jailed.result) < 40 {
		t.Errorf("only %d acts were tried", len(jailed.result))
	}
	for act, failure := range jailed.result {
		if control.result[act] != "" {
			t.Errorf("control: %s fails outside, too: %s", act, control.result[act])
		}
		if (failure == "") != permitted[act] {
			t.Errorf("%s inside: %q, permitted is %v", act, failure, permitted[act])
		}
		t.Logf("%-18s %s", act, failure)
	}
	checkThreads(t, jailed.cmd.Process.Pid, uid)
	for _, kind := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		ours, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		if theirs, err := os.Readlink("/proc/" + strconv.Itoa(jailed.cmd.Process.Pid) + "/ns/" + kind); err != nil || theirs == ours {
			t.Errorf("%s namespace: %s, %v; ours is %s", kind, theirs, err, ours)
		}
	}
	mounts, err := os.ReadFile("/proc/" + strconv.Itoa(jailed.cmd.Process.Pid) + "/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(mounts), "\n"); n != 2 {
		t.Errorf("%d mounts, want the empty root and the journal:\n%s", n, mounts)
	}
}

// checkThreads looks at every thread of a process from outside.
func checkThreads(t *testing.T, pid int, id int) {
	t.Helper()
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(threads) < 2 {
		t.Fatalf("%d threads: the test says nothing about the others", len(threads))
	}
	text := strconv.Itoa(id)
	ids := strings.Join([]string{text, text, text, text}, "\t")
	none := "0000000000000000"
	want := map[string]string{
		"Uid": ids, "Gid": ids, "Groups": "", "CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none,
		"NoNewPrivs": "1", "Seccomp": "2",
	}
	for _, thread := range threads {
		f, err := os.Open(filepath.Join(dir, thread.Name(), "status"))
		if err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(f)
		for scanner.Scan() {
			key, value, _ := strings.Cut(scanner.Text(), ":")
			if expected, ok := want[key]; ok && strings.TrimSpace(value) != expected {
				t.Errorf("thread %s: %s is %q, want %q", thread.Name(), key, strings.TrimSpace(value), expected)
			}
		}
		f.Close()
	}
}

func TestHardenClosesAContainersProcess(t *testing.T) {
	path := probe(t)
	outside, _, _ := world(t)
	hardened := start(t, exec.Command(path, "harden", outside))
	for _, act := range []string{
		"connect", "connect to unix", "tcp socket", "raw socket", "netlink socket", "listen", "exec", "fork", "signal", "ptrace",
		"become root", "take capabilities", "new namespace", "mount", "chroot", "bpf", "keys", "io_uring", "setns", "memfd",
	} {
		if failure, tried := hardened.result[act]; !tried || failure == "" {
			t.Errorf("%s is possible (tried: %v)", act, tried)
		}
	}
	if failure := hardened.result["own directory"]; failure != "" && !strings.Contains(failure, "permission denied") {
		t.Errorf("own directory: %s", failure)
	}
}

func TestAWorkerDiesWithItsSupervisor(t *testing.T) {
	cmd := exec.Command(probe(t), "parent", strconv.Itoa(uid))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Process.Kill()
		t.Fatalf("no pid: %v %v\n%s", err, cmd.Wait(), stderr.String())
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Fatalf("control: the worker does not run: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			unix.Kill(pid, unix.SIGKILL)
			t.Fatal("the worker outlives its supervisor")
		}
	}
}
