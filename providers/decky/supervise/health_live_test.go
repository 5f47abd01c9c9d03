//go:build live

package supervise_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/supervise"
	"github.com/decnet/decnet/providers/link/namespace"
)

// unitStatus is that of the only unit.
func (w *world) unitStatus() supervise.UnitStatus {
	w.t.Helper()
	status := w.status()
	if len(status.Units) != 1 {
		w.t.Fatalf("units: %+v", status.Units)
	}
	return status.Units[0]
}

func (w *world) eventually(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not within 5 s: %s", what)
		}
	}
}

// worker is the process that serves the units.
func (w *world) worker() int {
	for _, worker := range w.status().Workers {
		if worker.Units > 0 && worker.PID > 1 {
			return worker.PID
		}
	}
	return 0
}

func TestAStoppedWorkerIsReplaced(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "echo", 22)
	w.serve(u)
	life := w.unitStatus().Life
	if life == "" {
		t.Fatal("it has no life")
	}
	began := time.Now()
	w.signal(w.worker(), syscall.SIGSTOP)
	w.eventually("another life serves it", func() bool {
		s := w.unitStatus()
		return s.Served && s.Life != "" && s.Life != life
	})
	t.Logf("replaced after %s", time.Since(began).Round(time.Millisecond))
	w.hears(u, 22, "decky.a echo")
}

func (w *world) signal(pid int, s syscall.Signal) {
	w.t.Helper()
	if pid <= 1 {
		w.t.Fatal("no process to signal")
	}
	if err := syscall.Kill(pid, s); err != nil {
		w.t.Fatal(err)
	}
}

// A supervisor that was stopped serves nothing new and says nothing; the next
// order lets it go on, and no session ends.
func TestAStoppedSupervisorGoesOn(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "echo", 22)
	w.serve(u)
	var session net.Conn
	if err := namespace.Do(u.Namespace, func() (err error) {
		session, err = net.Dial("tcp", "127.0.0.1:22")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	was := w.status()
	w.signal(was.PID, syscall.SIGSTOP)
	w.eventually("every thread of it is stopped", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", was.PID))
		return err == nil && strings.Contains(string(stat), ") T ")
	})
	began := time.Now()
	if status := w.status(); status.Running {
		t.Errorf("stopped, it says %+v", status)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s to see that", took)
	}
	if life, err := w.client.Serve(t.Context(), u); err != nil || life != was.Units[0].Life {
		t.Errorf("served by %q (%v), want the same worker", life, err)
	}
	if now := w.status(); now.PID != was.PID {
		t.Errorf("it was replaced: %d, before %d", now.PID, was.PID)
	}
	fmt.Fprintln(session, "hello")
	if answer, err := bufio.NewReader(session).ReadString('\n'); err != nil || !strings.HasPrefix(answer, "decky.a echo") {
		t.Errorf("the session says %q, %v", answer, err)
	}
}

func TestADeafSocketIsSeenAndOpenedAgain(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "echo", 22)
	w.serve(u)
	if err := namespace.Do(u.Namespace, func() error {
		out, err := exec.Command("ss", "--kill", "--listening", "--tcp", "--no-header", "--numeric").CombinedOutput()
		if err != nil {
			return fmt.Errorf("ss (apt-get install iproute2): %w: %s", err, out)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if s := w.unitStatus(); s.Listening {
		t.Errorf("a destroyed socket listens: %+v", s)
	}
	w.serve(u)
	if s := w.unitStatus(); !s.Listening || !s.Served {
		t.Errorf("served again: %+v", s)
	}
	w.hears(u, 22, "decky.a echo")
}

func TestWatchTellsOfDeaths(t *testing.T) {
	w := newWorld(t)
	if err := supervise.Watch(t.Context(), w.dirs, func(string) {}); !errors.Is(err, supervise.ErrAbsent) {
		t.Errorf("without a supervisor: %v", err)
	}
	w.serve(w.unit("a", "echo", 22))
	var mu sync.Mutex
	var heard []string
	ended := make(chan error, 1)
	go func() {
		ended <- supervise.Watch(context.WithoutCancel(t.Context()), w.dirs, func(what string) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, what)
		})
	}()
	hears := func(what string) {
		t.Helper()
		w.eventually(what, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.ContainsFunc(heard, func(s string) bool { return strings.Contains(s, what) })
		})
	}
	hears("listening")
	w.signal(w.worker(), syscall.SIGKILL)
	hears("died")
	hears("runs")
	w.signal(w.status().PID, syscall.SIGSTOP)
	hears("supervisor stopped")
	w.signal(w.supervisorPID(), syscall.SIGCONT)
	hears("goes on")
	w.kill(w.status().PID)
	if err := <-ended; err == nil {
		t.Error("the supervisor's end is no error")
	}
}

// supervisorPID is found though it says nothing: it holds the lock.
func (w *world) supervisorPID() int {
	w.t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, exe := range found {
		path, err := os.Readlink(exe)
		if err != nil || path != w.binary {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(exe, "/proc/%d/exe", &pid); err != nil {
			w.t.Fatal(err)
		}
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && strings.Contains(string(args), "\x00supervise\x00") {
			return pid
		}
	}
	return 0
}

// systemd's side of a supervisor: it says that it is ready, that it lives, and
// that it ends.
func TestItSpeaksWithAServiceManager(t *testing.T) {
	w := newWorld(t)
	u := w.unit("a", "echo", 22)
	w.record(u)
	address := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	cmd := exec.Command(w.binary, append([]string{"supervise"}, supervise.Args(lineage, w.data, w.run)...)...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+address, "WATCHDOG_USEC=300000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}()
	says := func(want string) {
		t.Helper()
		buffer := make([]byte, 256)
		if err := manager.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		for {
			n, err := manager.Read(buffer)
			if err != nil {
				t.Fatalf("it never says %s: %v", want, err)
			}
			if string(buffer[:n]) == want {
				return
			}
		}
	}
	says("READY=1")
	w.hears(u, 22, "decky.a echo")
	for range 3 {
		says("WATCHDOG=1")
	}
	if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", w.worker())); err != nil || strings.Contains(string(env), "NOTIFY_SOCKET") {
		t.Errorf("a worker may speak with the manager, too: %q, %v", env, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	says("STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
