//go:build live

package shell_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "record what this machine's programs answer to the cases")

// nobody is who the real programs run as.
const nobody = 65534

// theirs is what the machine's bash answers to one of our own cases: as
// nobody, in an empty directory, with nothing of the environment.
func theirs(t *testing.T, setup, script string) answer {
	t.Helper()
	above, err := os.MkdirTemp("", "cases")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(above) }()
	dir := filepath.Join(above, filepath.Base(caseDir))
	if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(above, 0o755), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal("the real programs run as nobody, so this test needs root: ", err)
	}
	bash := func(script string) answer {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		command := exec.CommandContext(ctx, "/bin/bash", "-c", script)
		command.Args[0], command.Dir = "bash", dir
		command.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/games", "LANG=C.UTF-8", "TZ=UTC", "HOME=" + dir}
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Setpgid: true}
		command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
		command.WaitDelay = time.Second
		var out, said bytes.Buffer
		command.Stdout, command.Stderr = &out, &said
		_ = command.Run()
		if command.ProcessState == nil || ctx.Err() != nil {
			t.Fatalf("%s: bash did not end (apt-get install bash)", script)
		}
		name := func(b *bytes.Buffer) string { return strings.ReplaceAll(b.String(), dir, "/scratch") }
		return answer{name(&out), name(&said), command.ProcessState.ExitCode()}
	}
	if setup != "" {
		if a := bash(setup); a.status != 0 || a.stderr != "" {
			t.Fatalf("setup: %d %s", a.status, a.stderr)
		}
	}
	return bash(script)
}

// TestCasesAreWhatTheMachineAnswers runs every case through Debian's own
// programs: what is recorded is what they say. TestCases holds us to it.
func TestCasesAreWhatTheMachineAnswers(t *testing.T) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil || !strings.Contains(string(release), "bookworm") {
		t.Fatal("the cases are Debian 12's: run this on Debian 12")
	}
	for _, name := range []string{"mawk", "sed", "grep", "find", "xargs", "rev", "od", "xxd"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("no %s on this machine: apt-get install mawk sed grep findutils bsdextrautils coreutils xxd", name)
		}
	}
	for _, path := range caseFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			f := readCases(t, path)
			for i, c := range f.cases {
				want := theirs(t, f.setup, c.script)
				if *update {
					f.cases[i].answer = want
					switch alike := ours(t, f.setup, c.script) == want; {
					case alike:
						f.cases[i].gap = ""
					case c.gap == "":
						f.cases[i].gap = "unexplained"
					}
				} else if want != c.answer {
					t.Errorf("%s\n the machine says %d %q %q\n  recorded are   %d %q %q", c.script, want.status, want.stdout, want.stderr, c.answer.status, c.answer.stdout, c.answer.stderr)
				}
			}
			if *update {
				if err := os.WriteFile(path, []byte(f.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
