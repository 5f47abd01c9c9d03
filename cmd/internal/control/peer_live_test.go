//go:build live

package control_test

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
