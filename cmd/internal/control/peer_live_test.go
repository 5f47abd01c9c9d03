//go:build live

package control_test

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/cmd/internal/control"
)

// Users of the test, whom this machine gives nothing.
const (
	stranger = 64001
	reader   = 64002
)

// TestTheKernelSaysWhoAsks lets processes of other users ask, even where the
// mode of the socket would let them in.
func TestTheKernelSaysWhoAsks(t *testing.T) {
	if socket := os.Getenv("DECNET_TEST_SOCKET"); socket != "" {
		if os.Getenv("DECNET_TEST_GREEDY") != "" {
			greedy(t, socket)
			return
		}
		c := control.NewClient(socket)
		_, err := c.List(t.Context())
		t.Logf("read: %v", err)
		t.Logf("operate: %v", c.Operator().Now(t.Context(), "prod", "root"))
		return
	}
	if os.Getuid() != 0 {
		t.Fatal("live tests speak as other users: run them as root")
	}
	var f followed
	dir, err := os.MkdirTemp("", "decnet-peer-") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "test")
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, data, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "reconcile.sock")
	serve(t, control.Server{Socket: socket, Reader: &f, Operator: &f, Readers: reader, Log: slog.New(slog.DiscardHandler)})
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o660 || info.Sys().(*syscall.Stat_t).Gid != reader {
		t.Fatalf("socket %v %v", info, err)
	}
	as := func(uid, gid uint32) string {
		t.Helper()
		cmd := exec.Command(binary, "-test.run", "^TestTheKernelSaysWhoAsks$", "-test.v")
		cmd.Dir, cmd.Env = "/", []string{"DECNET_TEST_SOCKET=" + socket}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("as %d: %v\n%s", uid, err, out)
		}
		return string(out)
	}
	check := func(who string, uid, gid uint32, read, operate string) {
		t.Helper()
		out := as(uid, gid)
		if !strings.Contains(out, "read: "+read) || !strings.Contains(out, "operate: "+operate) {
			t.Errorf("%s: want read: %s, operate: %s\n%s", who, read, operate, out)
		}
	}
	check("the owner", 0, 0, "<nil>", "<nil>")
	check("a reader", stranger, reader, "<nil>", "this user may only read")
	hog := exec.Command(binary, "-test.run", "^TestTheKernelSaysWhoAsks$")
	hog.Dir, hog.Env = "/", []string{"DECNET_TEST_SOCKET=" + socket, "DECNET_TEST_GREEDY=1"}
	hog.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: reader}}
	in, err := hog.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := hog.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hog.Start(); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 64)
	n, err := said.Read(answer)
	left, parsed := strconv.Atoi(strings.TrimSpace(string(answer[:n])))
	if err != nil || parsed != nil || left > 20 {
		t.Errorf("a reader holds %q of 200 connections: %v", answer[:n], err)
	}
	check("the owner, while a reader takes all that he gets", 0, 0, "<nil>", "<nil>")
	if err := errors.Join(in.Close(), hog.Wait()); err != nil {
		t.Error(err)
	}
	check("a stranger", stranger, stranger, "ask the daemon: Get", "ask the daemon: Post") // the socket's mode
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	f.taken()
	check("a stranger whom the mode lets in", stranger, stranger, "only root and the user", "only root and the user")
	if asked := f.taken(); len(asked) > 0 {
		t.Errorf("a stranger reached the daemon: %q", asked)
	}
}

// greedy opens connections, asks on each for more than a socket's buffer holds,
// reads nothing, and prints how many the daemon left open. It stays until its
// input ends.
func greedy(t *testing.T, socket string) {
	conns := make([]net.Conn, 200)
	for i := range conns {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
		if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(strings.Repeat("GET /api/v1/sync HTTP/1.1\r\nHost: x\r\n\r\n", 3000))) // it may be closed already
	}
	time.Sleep(time.Second)
	open := 0
	for _, conn := range conns {
		if err := conn.SetDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(open) + "\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}
