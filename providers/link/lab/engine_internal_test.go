package lab

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestForgetContainerd keeps the file of a containerd that lives, and no other.
func TestForgetContainerd(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "containerd") // what its process is called
	if err := os.Symlink(sleep, program); err != nil {
		t.Fatal(err)
	}
	start := func(path string, arg string) *exec.Cmd {
		cmd := exec.Command(path, arg)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd
	}
	lives, other, dead := start(program, "60"), start(sleep, "60"), start(program, "0")
	for deadline := time.Now().Add(10 * time.Second); !zombie(dead.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the process does not end")
		}
	}
	for name, c := range map[string]struct {
		content string
		stays   bool
	}{
		"alive":            {strconv.Itoa(lives.Process.Pid) + "\n", true},
		"a zombie":         {strconv.Itoa(dead.Process.Pid), false},
		"somebody else's":  {strconv.Itoa(other.Process.Pid), false},
		"of no process":    {"4194305", false},
		"no number":        {"x", false},
		"empty":            {"", false},
		"a negative group": {"-1", false},
	} {
		file := filepath.Join(t.TempDir(), "containerd.pid")
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := forgetContainerd(file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) == c.stays {
			t.Errorf("%s: %v, stays %v", name, err, c.stays)
		}
	}
	if err := forgetContainerd(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}
