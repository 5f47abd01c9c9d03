//go:build live

package native_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestUnprivilegedIsUnavailable(t *testing.T) {
	dir, err := os.MkdirTemp("", "decnet")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "l"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestWithoutPrivilege$", "-test.v")
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "DECNET_TEST_AS_NOBODY="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestWithoutPrivilege") {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}
