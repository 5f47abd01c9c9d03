//go:build live

package supervise_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers/decky/supervise"
)

// TestWorkersShareAUidOnlyWhereThatIsAskedFor starts a supervisor in a user
// namespace without the workers' uids: it refuses, and serves only if told.
func TestWorkersShareAUidOnlyWhereThatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	const nobody = 65534
	for dir := filepath.Dir(w.binary); dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{w.data, w.run} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	start := func(ctx context.Context, more ...string) (string, error) {
		args := append(append([]string{"supervise"}, supervise.Args(lineage, w.data, w.run)...), more...)
		cmd := exec.CommandContext(ctx, w.binary, args...)
		one := []syscall.SysProcIDMap{{ContainerID: 0, HostID: nobody, Size: 1}}
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER, UidMappings: one, GidMappings: one, Pdeathsig: unix.SIGKILL,
			Credential: &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := start(t.Context()); err == nil || !strings.Contains(out, "is not in this user namespace") {
		t.Fatalf("without the flag: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if out, err := start(ctx, supervise.Rootless); ctx.Err() == nil || strings.Contains(out, "not in this user namespace") {
		t.Fatalf("with the flag: %v\n%s", err, out)
	}
}
