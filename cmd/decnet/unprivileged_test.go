package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestJudgingNeedsNoPrivilege runs validate, lint and plan as nobody, in a
// directory that nobody may write, as the pipeline of a fork does.
func TestJudgingNeedsNoPrivilege(t *testing.T) {
	dir, err := os.MkdirTemp("", "unprivileged") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	configuration := "network \"lab\" {\n  driver  = \"bridge\"\n  subnet  = \"10.77.0.0/24\"\n  gateway = \"10.77.0.1\"\n}\n"
	for name, file := range map[string]struct {
		data []byte
		mode os.FileMode
	}{"decnet": {program, 0o755}, "main.hcl": {[]byte(configuration), 0o644}} {
		if err := os.WriteFile(filepath.Join(dir, name), file.data, file.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"validate --format sarif", "plan --format markdown", "plan --json", "lint --format junit --fail-on never"} {
		cmd := exec.Command(filepath.Join(dir, "decnet"), strings.Fields(args)...) // named decnet, the test binary is the command
		cmd.Dir = dir
		cmd.Env = []string{"DECNET_DATA_DIR=" + dir + "/data", "DECNET_RUN_DIR=" + dir + "/run", "DECNET_RUNTIME=native", "DOCKER_HOST=unix://" + dir + "/none.sock"}
		if os.Getuid() == 0 {
			const nobody = 65534
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil || stdout.Len() == 0 {
			t.Errorf("%s: %v\n%s%s", args, err, stdout.String(), stderr.String())
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("something was left behind: %v, %v", entries, err)
	}
}

// TestARefusedApplyLeavesNothing applies as nobody, in a directory that nobody
// may write.
func TestARefusedApplyLeavesNothing(t *testing.T) {
	dir, err := os.MkdirTemp("", "unprivileged") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(dir, "here")
	configuration := "network \"lab\" {\n  driver  = \"bridge\"\n  subnet  = \"10.77.0.0/24\"\n  gateway = \"10.77.0.1\"\n}\n"
	if err := errors.Join(
		os.Chmod(dir, 0o755), os.WriteFile(filepath.Join(dir, "decnet"), program, 0o755),
		os.Mkdir(place, 0o755), os.WriteFile(filepath.Join(place, "main.hcl"), []byte(configuration), 0o644), os.Chmod(place, 0o777),
	); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"apply --auto-approve", "destroy --auto-approve"} {
		cmd := exec.Command(filepath.Join(dir, "decnet"), strings.Fields(args)...)
		cmd.Dir = place
		cmd.Env = []string{"DECNET_DATA_DIR=" + dir + "/data", "DECNET_RUN_DIR=" + dir + "/run", "DECNET_RUNTIME=native", "DOCKER_HOST=unix://" + dir + "/none.sock"}
		if os.Getuid() == 0 {
			const nobody = 65534
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		out, err := cmd.CombinedOutput()
		if refused := err != nil; refused != strings.HasPrefix(args, "apply") {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
		entries, err := os.ReadDir(place)
		if err != nil || len(entries) != 1 {
			t.Errorf("%s: something was left behind: %v, %v", args, entries, err)
		}
	}
}
