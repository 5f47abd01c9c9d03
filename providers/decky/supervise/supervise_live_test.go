//go:build live

package supervise_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
)

// world is a lineage with namespaces of its own and a stand-in for the decky
// binary.
type world struct {
	t      *testing.T
	data   string
	run    string
	binary string
	image  string
	dirs   supervise.Dirs
	client *supervise.Client
}

const lineage = "lin"

func newWorld(t *testing.T) *world {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root: run the live tests with sudo")
	}
	dir := t.TempDir()
	w := &world{t: t, data: filepath.Join(dir, "data"), run: filepath.Join(dir, "run"), binary: filepath.Join(dir, "decky")}
	w.build("")
	w.dirs = supervise.NewDirs(lineage, w.data, w.run)
	w.connect()
	t.Cleanup(w.end)
	return w
}

// build makes the binary; another tag makes another image.
func (w *world) build(tag string) {
	w.t.Helper()
	build := exec.Command("go", "build", "-o", w.binary, "-ldflags", "-X main.tag="+tag, "./testdata/decky")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		w.t.Fatalf("build the stand-in: %v\n%s", err, out)
	}
	data, err := os.ReadFile(w.binary)
	if err != nil {
		w.t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	w.image = hex.EncodeToString(sum[:])
}

func (w *world) connect() {
	w.client = supervise.NewClient(supervise.ClientOptions{
		Log: slog.New(slog.DiscardHandler), Dirs: w.dirs, Image: w.image,
		Start: append([]string{w.binary, "supervise"}, supervise.Args(lineage, w.data, w.run)...),
	})
}

func (w *world) end() {
	if w.t.Failed() {
		log, err := os.ReadFile(w.dirs.Log())
		w.t.Logf("the supervisor's log (%v):\n%s", err, log)
	}
	if status, err := w.client.Status(context.Background()); err == nil && status.Running {
		w.kill(status.PID)
	}
	w.client.Close()
	pins, err := filepath.Glob(filepath.Join(w.run, "netns", "*"))
	if err != nil {
		w.t.Error(err)
	}
	for _, pin := range pins {
		if err := namespace.Delete(pin); err != nil {
			w.t.Error(err)
		}
	}
}

// unit makes a decky's namespace, if need be, and a unit for it.
func (w *world) unit(name, service string, ports ...uint16) supervise.Unit {
	w.t.Helper()
	pin := filepath.Join(w.run, "netns", name)
	if _, err := namespace.Inode(pin); err != nil {
		if err := namespace.Create(pin, func() error {
			h, err := link.Open()
			if err != nil {
				return err
			}
			defer h.Close()
			return h.Up("lo")
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	u := supervise.Unit{Decky: name, Namespace: pin, Host: decky.Host{Address: "decky." + name, Key: []byte("key")}, Service: decky.ServiceSpec{Name: service, Slug: "echo"}}
	for _, p := range ports {
		u.Service.Ports = append(u.Service.Ports, decky.Port{Number: p, Transport: "tcp"})
	}
	return u
}

func (w *world) record(u supervise.Unit) {
	w.t.Helper()
	book := w.dirs.Book()
	if err := errors.Join(book.Put(supervise.RecordKey(u.Key()), map[string]any{"unit": u}), book.Close()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) serve(units ...supervise.Unit) {
	w.t.Helper()
	for _, u := range units {
		if _, err := w.client.Serve(w.t.Context(), u); err != nil {
			w.t.Fatal(err)
		}
	}
}

// status waits until every worker has started: an idle one may be late.
func (w *world) status() supervise.Status {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		status, err := w.client.Status(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		late := slices.ContainsFunc(status.Workers, func(worker supervise.Worker) bool { return worker.PID == 0 })
		if !late {
			return status
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("a worker does not start: %+v", status.Workers)
		}
	}
}

// kill ends one process, and never more.
func (w *world) kill(pid int) {
	w.t.Helper()
	if pid <= 1 {
		w.t.Fatalf("pid %d is no process of ours", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		w.t.Fatal(err)
	}
}

// say connects inside a decky's namespace and exchanges one line.
func say(u supervise.Unit, port uint16, line string) (string, error) {
	var conn net.Conn
	err := namespace.Do(u.Namespace, func() (err error) {
		conn, err = net.DialTimeout("tcp4", "127.0.0.1:"+strconv.Itoa(int(port)), 5*time.Second)
		return err
	})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}

func (w *world) hears(u supervise.Unit, port uint16, want string) {
	w.t.Helper()
	got, err := say(u, port, "hello")
	if err != nil || got != want {
		w.t.Fatalf("port %d of %s says %q, %v; want %q", port, u.Decky, got, err, want)
	}
}

func alive(pid int) bool {
	state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(state), ") Z ")
}

func TestServiceIsServedInItsNamespaceUntilTheLastGoes(t *testing.T) {
	w := newWorld(t)
	a, b := w.unit("a", "ssh", 22, 2222), w.unit("b", "ssh", 22)
	w.serve(a, b)
	w.hears(a, 22, "decky.a ssh")
	w.hears(a, 2222, "decky.a ssh")
	w.hears(b, 22, "decky.b ssh")
	if _, err := say(b, 2222, "hello"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a port of another decky: %v, want a refusal", err)
	}
	status := w.status()
	if len(status.Units) != 2 || !status.Units[0].Served || status.Image != w.image || len(status.Workers) != supervise.DefaultShards {
		t.Errorf("status %+v", status)
	}
	before := status.Units[0]
	w.serve(a) // again: nothing changes
	if after := w.status().Units[0]; after != before {
		t.Errorf("serving again changed %+v to %+v", before, after)
	}
	a.Service.Arguments = json.RawMessage(`"changed"`)
	w.serve(a)
	w.hears(a, 22, `decky.a ssh "changed"`)
	if err := w.client.Stop(t.Context(), a.Key()); err != nil {
		t.Fatal(err)
	}
	if _, err := say(a, 22, "hello"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("after Stop: %v, want a refusal", err)
	}
	w.hears(b, 22, "decky.b ssh")
	if err := w.client.Stop(t.Context(), b.Key()); err != nil {
		t.Fatal(err)
	}
	if alive(status.PID) {
		t.Error("the supervisor outlives its last unit")
	}
	for _, worker := range status.Workers {
		if alive(worker.PID) {
			t.Errorf("worker %+v outlives its supervisor", worker)
		}
	}
	left, err := os.ReadDir(w.dirs.Run)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if e.Name() != "netns" {
			t.Errorf("%s is left over", e.Name())
		}
	}
	if err := w.client.Stop(t.Context(), b.Key()); err != nil {
		t.Errorf("Stop without a supervisor: %v", err)
	}
}

func TestNoConnectionIsRefusedWhileAWorkerIsKilled(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "ssh", 22)
	w.serve(u)
	before := w.status()
	var mine supervise.Worker
	for _, worker := range before.Workers { // the one that serves it: the only busy one is unknown, so kill all in turn
		mine = worker
		var clients sync.WaitGroup
		refused := make(chan error, 64)
		stop := make(chan struct{})
		for range 4 {
			clients.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := say(u, 22, "hello"); errors.Is(err, unix.ECONNREFUSED) {
						refused <- err
						return
					}
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		w.kill(mine.PID)
		time.Sleep(200 * time.Millisecond)
		close(stop)
		clients.Wait()
		if len(refused) > 0 {
			t.Errorf("killing worker %d: %v", mine.Shard, <-refused)
		}
	}
	w.hears(u, 22, "decky.a ssh")
	after := w.status()
	if after.PID != before.PID {
		t.Error("the supervisor was replaced")
	}
	for i, worker := range after.Workers {
		if worker.Restarts != 1 || worker.PID == before.Workers[i].PID {
			t.Errorf("worker %+v was %+v: want one restart", worker, before.Workers[i])
		}
	}
}

func TestAPanicIsAWorkersRestart(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "ssh", 22)
	w.serve(u)
	if answer, err := say(u, 22, "panic"); err == nil {
		t.Fatalf("the worker did not die but says %q", answer)
	}
	for { // what the dying worker still accepts is reset, never refused
		answer, err := say(u, 22, "hello")
		if err == nil && answer == "decky.a ssh" {
			break
		}
		if !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, io.EOF) {
			t.Fatalf("after the panic: %q, %v", answer, err)
		}
	}
	w.eventually("the log says why", func() bool {
		log, err := os.ReadFile(w.dirs.Log())
		return err == nil && strings.Contains(string(log), "as asked")
	})
}

func TestSupervisorTakesUpItsRecords(t *testing.T) {
	w := newWorld(t)
	a, b := w.unit("a", "ssh", 22), w.unit("b", "http", 80)
	w.record(a)
	w.record(b)
	w.serve(a)
	w.hears(b, 80, "decky.b http")
	old := w.status()
	w.kill(old.PID)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := say(a, 22, "hello"); errors.Is(err, unix.ECONNREFUSED) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("workers outlive a killed supervisor")
		}
	}
	if status := w.status(); status.Running {
		t.Fatalf("status of a dead supervisor: %+v", status)
	}
	w.serve(b)
	w.hears(a, 22, "decky.a ssh")
	w.hears(b, 80, "decky.b http")
	if now := w.status(); now.PID == old.PID || len(now.Units) != 2 {
		t.Errorf("status %+v", now)
	}
}

func TestAnotherBinaryTakesOver(t *testing.T) {
	w := newWorld(t)
	a, b := w.unit("a", "ssh", 22), w.unit("b", "http", 80)
	w.record(a)
	w.record(b)
	w.serve(a, b)
	old := w.status()
	w.client.Close()
	if err := os.Remove(w.binary); err != nil { // as a new build does
		t.Fatal(err)
	}
	w.build("new")
	w.connect()
	if got := w.status(); got.Image == w.image || got.Image != old.Image {
		t.Errorf("looking replaced the supervisor: %+v", got)
	}
	w.serve(b)
	if now := w.status(); now.Image != w.image || now.PID == old.PID || len(now.Units) != 2 {
		t.Errorf("status %+v, want image %s", now, w.image)
	}
	w.hears(a, 22, "decky.a ssh")
	if alive(old.PID) {
		t.Error("the old supervisor is still there")
	}
}

func TestWorkersWriteOnlyTheirOwn(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "ssh", 22)
	w.serve(u)
	if got, err := say(u, 22, "write"); err != nil || got != "decky.a ssh" {
		t.Fatalf("write: %q, %v", got, err)
	}
	owners := map[uint32]bool{}
	for shard := range supervise.DefaultShards {
		owners[supervise.UID(lineage, shard)] = true
	}
	for _, parent := range []string{w.dirs.Journal(), w.dirs.Store()} {
		for path, mode := range map[string]os.FileMode{parent: 0o711, filepath.Join(parent, "a"): 0o700, filepath.Join(parent, "a", "written"): 0o600} {
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != mode {
				t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), mode)
			}
			if uid := info.Sys().(*syscall.Stat_t).Uid; path != parent && !owners[uid] {
				t.Errorf("%s belongs to %d", path, uid)
			}
		}
	}
	for _, worker := range w.status().Workers {
		uid := strconv.Itoa(int(worker.UID))
		want := "Uid:\t" + strings.Join([]string{uid, uid, uid, uid}, "\t")
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) { // an idle one may still be on its way in
			status, err := os.ReadFile("/proc/" + strconv.Itoa(worker.PID) + "/status")
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(status), want) && owners[worker.UID] {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("worker %+v runs as something else:\n%s", worker, status)
			}
		}
	}
}

func TestWhatCannotBeServedIsRefusedAlone(t *testing.T) {
	w := newWorld(t)
	good := w.unit("a", "ssh", 22)
	w.serve(good)
	taken := w.unit("a", "other", 22)
	unknown := w.unit("b", "x", 1)
	unknown.Service.Slug = "refused"
	nowhere := w.unit("c", "ssh", 22)
	nowhere.Namespace += "-missing"
	datagram := w.unit("d", "snmp", 161)
	datagram.Service.Ports[0].Transport = "udp"
	escape := w.unit("e", "ssh", 22)
	escape.Decky = "../../etc"
	big := w.unit("f", "ssh", 22)
	big.Service.Arguments = json.RawMessage(strconv.Quote(strings.Repeat("x", 2<<20)))
	for want, u := range map[string]supervise.Unit{
		"address already in use": taken, "no such service": unknown, "no network namespace": nowhere,
		"tcp only": datagram, "cannot be a file's": escape, "configuration of": big,
	} {
		if _, err := w.client.Serve(t.Context(), u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Serve(%s) = %v, want %q", u.Decky, err, want)
		}
	}
	w.hears(good, 22, "decky.a ssh")
	if n := len(w.status().Units); n != 1 {
		t.Errorf("%d units, want the good one", n)
	}
	if _, err := say(unknown, 1, "hello"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a refused unit's port: %v", err)
	}
}

func TestOnlyItsOwnUserGivesOrders(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "ssh", 22)
	w.serve(u)
	socket := filepath.Join(w.dirs.Run, "supervise.sock")
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	// As if the mode had not held: the supervisor asks the kernel who it is.
	for _, path := range []string{w.dirs.Run, filepath.Dir(w.dirs.Run), filepath.Dir(filepath.Dir(w.dirs.Run)), filepath.Dir(filepath.Dir(filepath.Dir(w.dirs.Run)))} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(socket, 0o777); err != nil {
		t.Fatal(err)
	}
	ask := func(uid uint32) string {
		cmd := exec.Command("curl", "-s", "--max-time", "2", "--unix-socket", socket, "http://x/")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		_ = cmd.Run()
		log, err := os.ReadFile(w.dirs.Log())
		if err != nil {
			t.Fatal(err)
		}
		return string(log)
	}
	if log := ask(0); strings.Contains(log, "may not give orders") || !strings.Contains(log, "is over") {
		t.Fatalf("control: root is not listened to:\n%s", log)
	}
	if log := ask(65534); !strings.Contains(log, "uid 65534 may not give orders") {
		t.Errorf("a stranger is not refused:\n%s", log)
	}
	w.hears(u, 22, "decky.a ssh")
}

func TestTwoSupervisorsNeverServeOneLineage(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "ssh", 22)
	w.serve(u)
	second := exec.Command(w.binary, append([]string{"supervise"}, supervise.Args(lineage, w.data, w.run)...)...)
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "another supervisor") {
		t.Errorf("the second one: %v\n%s", err, out)
	}
	w.hears(u, 22, "decky.a ssh")
}

// What a running supervisor's workers stand in is not tidied away under them;
// a worker that dies afterwards comes back.
func TestNobodyIsAloneBesideASupervisor(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "ssh", 22)
	w.serve(u)
	if w.dirs.Alone(func() { t.Error("tidied under a running supervisor") }) {
		t.Error("alone beside a running supervisor")
	}
	if err := w.client.Stop(t.Context(), u.Key()); err != nil {
		t.Fatal(err)
	}
	tidied := false
	if !w.dirs.Alone(func() { tidied = os.RemoveAll(w.data) == nil }) || !tidied {
		t.Error("not alone after the last unit")
	}
	w.serve(u)
	w.hears(u, 22, "decky.a ssh")
}
