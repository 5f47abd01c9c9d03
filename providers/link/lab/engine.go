package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	engineStart = 20 * time.Second // until the engine must answer
	engineStop  = 15 * time.Second // for stopping its containers
	enginePoll  = 20 * time.Millisecond
	cgroupRoot  = "/sys/fs/cgroup"
)

// engineDir holds all that the lab's Docker engine keeps, engineHost its
// address.
func (l *Lab) engineDir() string  { return filepath.Join(l.Dir, "engine") }
func (l *Lab) engineSock() string { return filepath.Join(l.engineDir(), "docker.sock") }
func (l *Lab) engineHost() string { return "unix://" + l.engineSock() }
func (l *Lab) enginePid() string  { return filepath.Join(l.engineDir(), "docker.pid") }
func (l *Lab) containerdPid() string {
	return filepath.Join(l.engineDir(), "exec", "containerd", "containerd.pid")
}
func (l *Lab) engineLog() string { return filepath.Join(l.engineDir(), "log") }

// engineCgroup is the cgroup below which its containers stand: how they are
// found when the engine cannot stop them any more.
func (l *Lab) engineCgroup() string { return "decnet-lab-" + l.Name }

// StartEngine starts a Docker engine of the lab's own inside the operator's
// network namespace and returns its address once it answers. It has no docker0,
// writes no packet filter rules and switches no forwarding on. An engine that
// runs already is left alone. Down stops it with all that it left; so does
// StopEngine, which keeps its data.
func (l *Lab) StartEngine(ctx context.Context) (string, error) {
	if l.engineAnswers(ctx) {
		return l.engineHost(), nil
	}
	program, err := findEngine()
	if err != nil {
		return "", err
	}
	// A socket's path has at most 104 bytes, and the engine's own are longer than
	// what we name.
	if longest := filepath.Join(l.engineDir(), "exec/containerd/containerd-debug.sock"); len(longest) > 104 {
		return "", fmt.Errorf("start the lab's engine: %s is too long for a socket: choose a shorter root for the lab", longest)
	}
	if err := os.MkdirAll(l.engineDir(), 0o711); err != nil {
		return "", fmt.Errorf("start the lab's engine: %w", err)
	}
	// A killed engine's pid file keeps the next one from starting once the
	// number belongs to another process.
	if err := os.Remove(l.enginePid()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("start the lab's engine: %w", err)
	}
	if err := forgetContainerd(l.containerdPid()); err != nil {
		return "", fmt.Errorf("start the lab's engine: %w", err)
	}
	log, err := os.OpenFile(l.engineLog(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", fmt.Errorf("start the lab's engine: %w", err)
	}
	defer log.Close()
	cmd := l.Command(context.WithoutCancel(ctx), Operator, program,
		"--host", l.engineHost(), "--data-root", filepath.Join(l.engineDir(), "data"),
		"--exec-root", filepath.Join(l.engineDir(), "exec"), "--pidfile", l.enginePid(),
		"--cgroup-parent", "/"+l.engineCgroup(), "--config-file", "",
		"--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--userland-proxy=false",
		"--log-level=warn")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	pid := cmd.Process.Pid
	if err := cmd.Process.Release(); err != nil {
		return "", fmt.Errorf("start the lab's engine: %w", err)
	}
	return l.engineHost(), l.awaitEngine(ctx, pid)
}

// forgetContainerd removes the file that names an engine's containerd if it is
// dead: where nobody reaps orphans, the next engine takes the one that died with
// a killed engine for alive, and waits for it in vain.
func forgetContainerd(file string) error {
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err == nil && pid > 0 && !zombie(pid) {
		if name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm"); err == nil && strings.TrimSpace(string(name)) == "containerd" {
			return nil
		}
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// findEngine finds dockerd, which stands in a directory that an ordinary
// user's PATH lacks.
func findEngine() (string, error) {
	for _, name := range []string{"dockerd", "/usr/sbin/dockerd", "/usr/local/sbin/dockerd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("start the lab's engine: dockerd is not installed: apt-get install docker.io (with a policy-rc.d that keeps it from starting)")
}

func (l *Lab) awaitEngine(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, engineStart)
	defer cancel()
	for !l.engineAnswers(ctx) {
		if zombie(pid) {
			return fmt.Errorf("start the lab's engine: it ended at once: %s", tail(l.engineLog()))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start the lab's engine: no answer: %w: %s", ctx.Err(), tail(l.engineLog()))
		case <-time.After(enginePoll):
		}
	}
	return nil
}

// engineAnswers asks the engine whether it lives.
func (l *Lab) engineAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", l.engineSock())
		},
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return false
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<10))
	return err == nil && resp.StatusCode == http.StatusOK
}

// tail is the end of a log, for an error's text.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	data = bytes.TrimSpace(data)
	if len(data) > 1000 {
		data = data[len(data)-1000:]
	}
	return string(data)
}

// StopEngine stops the lab's engine, and with it its containers, and keeps its
// data: as a restart of the host would. An engine that does not run is stopped
// already.
func (l *Lab) StopEngine() error {
	pid, ok := l.engineProcess()
	if ok {
		if err := unix.Kill(pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("stop the lab's engine: %w", err)
		}
		if !until(engineStop, func() bool { return zombie(pid) }) {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("stop the lab's engine: %w", err)
			}
			until(engineStop, func() bool { return zombie(pid) })
		}
	}
	return l.killContainers()
}

// engineProcess is the engine's process, if it is one that this lab started.
func (l *Lab) engineProcess() (int, bool) {
	data, err := os.ReadFile(l.enginePid())
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, false
	}
	remembered, err := l.remembered()
	if err != nil {
		return 0, false
	}
	tick, err := startTick(pid)
	if err != nil || zombie(pid) {
		return 0, false
	}
	return pid, slices.Contains(remembered, started{PID: pid, Start: tick})
}

// killContainers ends what runs in the engine's cgroup, which a killed engine
// leaves behind, and removes the cgroup of every hierarchy.
func (l *Lab) killContainers() error {
	groups := l.cgroups()
	gone := until(downPatience, func() bool {
		var living bool
		for _, dir := range groups {
			for _, pid := range processesOf(dir) {
				if zombie(pid) {
					continue
				}
				living = true
				// The error of a process that ended meanwhile needs no handling:
				// the loop looks again.
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		return !living
	})
	if !gone {
		return fmt.Errorf("stop the lab's engine: processes in %s do not end", l.engineCgroup())
	}
	removed := until(downPatience, func() bool {
		groups = l.cgroups()
		for _, dir := range slices.Backward(groups) {
			_ = os.Remove(dir) // busy until the kernel has let go: tried again
		}
		return len(l.cgroups()) == 0
	})
	if !removed {
		return fmt.Errorf("stop the lab's engine: cgroups %v cannot be removed", l.cgroups())
	}
	return nil
}

// cgroups lists the engine's cgroup directories, parents first, in the unified
// hierarchy and in every older one.
func (l *Lab) cgroups() []string {
	var found []string
	roots := []string{filepath.Join(cgroupRoot, l.engineCgroup())}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil
	}
	for _, e := range entries {
		roots = append(roots, filepath.Join(cgroupRoot, e.Name(), l.engineCgroup()))
	}
	for _, root := range roots {
		// A directory that goes away while it is walked is what we want.
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				found = append(found, path)
			}
			return nil
		})
	}
	return found
}

func processesOf(cgroup string) []int {
	data, err := os.ReadFile(filepath.Join(cgroup, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var pids []int
	for _, field := range strings.Fields(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// until repeats done until it is true or patience ends.
func until(patience time.Duration, done func() bool) bool {
	deadline := time.Now().Add(patience)
	for !done() {
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}
