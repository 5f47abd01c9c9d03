//go:build live

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tester is an ordinary user that nothing else on the machine runs as.
const tester = 59_113

// trial is a configuration with tests, and who runs them.
type trial struct {
	t   *testing.T
	dir string
	bin string
	uid uint32
}

// newTrial copies the quickstart where the user can read it, with more files.
func newTrial(t *testing.T, uid uint32, files map[string]string) *trial {
	t.Helper()
	return newTrialIn(t, "", uid, files)
}

// newTrialIn is newTrial below a directory; "" is that of temporary files.
func newTrialIn(t *testing.T, base string, uid uint32, files map[string]string) *trial {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test becomes another user: run it as root")
	}
	built, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(base, "decnet-trial-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	write := func(name string, data []byte, mode os.FileMode) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, int(uid), int(uid)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"decnet", "decky"} {
		data, err := os.ReadFile(filepath.Join(built, name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, data, 0o755)
	}
	for _, name := range []string{"main.hcl", "quickstart.test.hcl"} {
		data, err := os.ReadFile(filepath.Join("../../examples/quickstart", name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, data, 0o600)
	}
	for name, text := range files {
		write(name, []byte(text), 0o600)
	}
	if err := os.Chown(dir, int(uid), int(uid)); err != nil {
		t.Fatal(err)
	}
	before := machine(t, dir)
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for {
			after := machine(t, dir)
			if after == before {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("the machine is another one after the test:\nbefore %s\nafter  %s", before, after)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return &trial{t: t, dir: dir, bin: filepath.Join(dir, "decnet"), uid: uid}
}

// machine is what a test could leave on the host: processes of its binaries,
// mounts, named namespaces, links.
func machine(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	processes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if target, err := os.Readlink(p); err == nil && strings.HasPrefix(target, dir) {
			b.WriteString("process " + target + " ")
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, dir) || strings.Contains(line, "decnet-lab-test") {
			b.WriteString("mount " + line)
		}
	}
	for _, pattern := range []string{"/run/netns/decnet-lab-test-*", "/run/decnet-lab/test", "/sys/class/net/op0", "/sys/class/net/att0"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.Join(found, " "))
	}
	return b.String()
}

func (r *trial) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.bin, append([]string{"test", "--no-color"}, args...)...)
	cmd.Dir = r.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if r.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: r.uid, Gid: r.uid}
	}
	return cmd
}

// run runs decnet test and returns what it said and its exit code.
func (r *trial) run(args ...string) (stdout, stderr string, code int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := r.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestTheQuickstartPassesItsTestsWithoutRoot(t *testing.T) {
	r := newTrial(t, tester, nil)
	began := time.Now()
	out, errs, code := r.run("--junit-xml", "report.xml")
	t.Logf("%s in %s", out, time.Since(began))
	if code != 0 || errs != "" {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	for _, want := range []string{`run "plans_five"... pass`, `run "takes_the_weak_password_and_tells"... pass`, "Success! 3 passed, 0 failed", "One layer of the workers' jail is off"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	data, err := os.ReadFile(filepath.Join(r.dir, "report.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var junit struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal(data, &junit); err != nil || junit.Tests != 3 || junit.Failures != 0 {
		t.Errorf("%+v, %v\n%s", junit, err, data)
	}
}

func TestRootTestsWithEveryLayer(t *testing.T) {
	r := newTrial(t, 0, nil)
	out, errs, code := r.run()
	if code != 0 || errs != "" || strings.Contains(out, "layer") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
}

const failing = `
run "wrong" {
  probe "ssh" {
    target   = decky.ssh[0]
    user     = "admin"
    password = "letmein"
    assert {
      condition     = probe.login
      error_message = "It should have let me in."
    }
  }
  assert {
    condition     = output.web_ip == "10.77.0.100"
    error_message = "The web server has another IP."
  }
}
run "impossible" {
  variables { parent = "longer-than-any-interface" }
}
run "after" {
  command = plan
}
`

func TestFailuresShowTheirValuesAndEndWithOne(t *testing.T) {
	r := newTrial(t, tester, map[string]string{"bad.test.hcl": failing})
	out, errs, code := r.run("--json", "--filter", "bad.test.hcl")
	if code != 1 || errs != "" {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	var report struct {
		Files []struct {
			Runs []struct {
				Run, Status string
				Diagnostics []struct{ Detail string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	runs := report.Files[0].Runs
	if runs[0].Status != "fail" || runs[1].Status != "error" || runs[2].Status != "skip" {
		t.Errorf("%s", out)
	}
	for _, want := range []string{"It should have let me in.", "probe.login is false", "The web server has another IP.", `output.web_ip is \"10.77.0.`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

const endless = `
run "waits" {
  probe "tcp" {
    target = decky.linux
    port   = 22
    assert {
      condition     = length(events) == 99
      error_message = "never"
    }
  }
}
`

// TestNothingIsLeftOfAnInterruptedTest interrupts in the middle of a run, once
// kindly and once by killing the outer process.
func TestNothingIsLeftOfAnInterruptedTest(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			r := newTrial(t, tester, map[string]string{"endless.test.hcl": endless})
			cmd := r.command(t.Context(), "--filter", "endless.test.hcl", "--patience", "50s")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(20 * time.Second); !strings.Contains(machine(t, r.dir), "decky"); time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("no decky came up: %v\n%s", cmd.Process.Kill(), out.String())
				}
			}
			began := time.Now()
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			err := cmd.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s to end\n%s", took, out.String())
			}
			if signal == syscall.SIGINT && !strings.Contains(out.String(), "interrupted") {
				t.Errorf("exit %d\n%s", exit.ExitCode(), out.String())
			}
		})
	}
}

// TestForbiddenNamespacesAreExplained runs where the kernel forbids them.
func TestForbiddenNamespacesAreExplained(t *testing.T) {
	r := newTrial(t, tester, nil)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec ./decnet test")
	cmd.Dir = r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: tester, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: tester, Size: 1}},
		Credential:  &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "sysctl -w user.max_user_namespaces=") {
		t.Errorf("%v, %s", err, strconv.Quote(string(out)))
	}
}

const elsewhere = `
decnet {
  name = "elsewhere"
  seed = "brass-kettle"
}
network "dmz" {
  parent  = "eth7"
  subnet  = "192.0.2.0/24"
  gateway = "192.0.2.1"
  pool    = "192.0.2.10-192.0.2.20"
}
network "inner" {
  driver = "bridge"
  subnet = "198.51.100.0/28"
}
decky "cache" {
  network   = network.dmz
  archetype = "database-server"
  runtime   = "docker"
}
decky "site" {
  network   = network.inner
  archetype = "web-server"
}
`

const elsewhereTest = `
run "both_networks_are_reached" {
  probe "tcp" {
    target        = decky.cache
    port          = 6379
    send          = "PING\r\n"
    expect_banner = "^.PONG"
  }
  probe "http" {
    target = decky.site
    assert {
      condition     = probe.status == 200
      error_message = "no page"
    }
    assert {
      condition     = [for e in events : e.path if e.kind == "request"] == ["/"]
      error_message = "no request on record"
    }
  }
}
run "nothing_changes" {
  command = plan
}
`

// TestConfigurationsForRealNetworksAreTestedAsTheyAre has parents and subnets
// that the machine does not have.
func TestConfigurationsForRealNetworksAreTestedAsTheyAre(t *testing.T) {
	r := newTrial(t, tester, map[string]string{"main.hcl": elsewhere, "quickstart.test.hcl": elsewhereTest})
	out, errs, code := r.run("-v")
	if code != 0 || !strings.Contains(out, "2 passed") || !strings.Contains(out, "plan: 0 to add, 0 to change, 0 to destroy") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
}

// TestIDsThatRootGaveKeepWorkersApart runs as a user with subordinate ids.
func TestIDsThatRootGaveKeepWorkersApart(t *testing.T) {
	if _, err := exec.LookPath("newuidmap"); err != nil {
		t.Fatal("newuidmap is missing: apt-get install uidmap")
	}
	const nobody = 65534 // newuidmap(1) wants a user with a name
	r := newTrial(t, nobody, map[string]string{"ids": "nobody:3000000000:65536\n"})
	// The machine's own files stay as they are: these are seen in a mount
	// namespace of the test's.
	script := "mount --bind ids /etc/subuid && mount --bind ids /etc/subgid && exec setpriv --reuid=nobody --regid=nogroup --clear-groups ./decnet test --no-color"
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "/bin/sh", "-c", script)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "3 passed, 0 failed") || strings.Contains(string(out), "layer") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestFilesBelowRunAreSeen covers what the sandbox covers with its own: a
// session's files are often there.
func TestFilesBelowRunAreSeen(t *testing.T) {
	const source = `
run "values" {
  command = plan
  assert {
    condition     = var.parent == "eth5" && decky.web.name == "quickstart-web"
    error_message = "The value file was not read."
  }
}
run "apply" {
  variables { parent = "eth6" }
  probe "tcp" {
    target = decky.web
    port   = 80
    timeout = "2s"
  }
}
`
	r := newTrialIn(t, "/run", tester, map[string]string{"quickstart.test.hcl": source, "more.vars.hcl": `parent = "eth5"`})
	out, errs, code := r.run("--var", "parent=eth4", "--var-file", filepath.Join(r.dir, "more.vars.hcl"))
	if code != 0 || !strings.Contains(out, "2 passed") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
}
