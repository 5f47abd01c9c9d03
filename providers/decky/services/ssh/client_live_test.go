//go:build live

package ssh_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

const live = `{"users":{"root":"toor1234","admin":"s3cret"},"failure_delay":50}`

// openssh runs OpenSSH's client with a password typed for it.
func openssh(t *testing.T, addr, password, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Fatal("no ssh on this machine: apt-get install openssh-client")
	}
	dir := t.TempDir()
	ask := filepath.Join(dir, "ask")
	if err := os.WriteFile(ask, []byte("#!/bin/sh\necho '"+password+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	full := append([]string{"-F", "none", "-p", port, "-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile=" + filepath.Join(dir, "known"), "-o", "IdentityAgent=none", "-o", "LogLevel=INFO"}, args...)
	for i, a := range full {
		full[i] = strings.ReplaceAll(a, "HOST", host)
	}
	command := exec.CommandContext(ctx, "ssh", full...)
	command.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:0")
	command.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	_ = command.Run()
	return out.String(), errs.String(), command.ProcessState.ExitCode()
}

func TestOpenSSHRunsCommands(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	for line, want := range map[string]string{
		"id": "uid=0(root) gid=0(root) groups=0(root)\n", "echo $((73*41)) {1..3}": "2993 1 2 3\n", "uname -n": "srv-atlas-17\n", "cat /etc/hostname": "srv-atlas-17\n", "whoami": "root\n", "pwd": "/root\n",
	} {
		out, errs, code := openssh(t, s.Addr(), "toor1234", "", "root@HOST", line)
		if out != want || code != 0 {
			t.Errorf("%s: %d %q, want %q\n%s", line, code, out, want, errs)
		}
	}
	if _, errs, code := openssh(t, s.Addr(), "toor1234", "", "root@HOST", "nosuchcommand"); code != 127 || !strings.Contains(errs, "bash: line 1: nosuchcommand: command not found") {
		t.Errorf("%d %s", code, errs)
	}
	if _, _, code := openssh(t, s.Addr(), "toor1234", "", "root@HOST", "exit 7"); code != 7 {
		t.Errorf("exit status %d, want 7", code)
	}
}

func TestOpenSSHIsRefused(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	_, errs, code := openssh(t, s.Addr(), "wrong", "", "-o", "NumberOfPasswordPrompts=10", "root@HOST", "id")
	if code != 255 || !strings.Contains(strings.ToLower(errs), "too many authentication failures") {
		t.Errorf("%d %s", code, errs)
	}
	attempts := servicetest.Of[*event.AuthAttempt](s)
	if len(attempts) != 6 {
		t.Fatalf("%d attempts on record, want 6", len(attempts))
	}
	for _, a := range attempts {
		if a.Success || a.Username != "root" || a.Secret != "wrong" || !strings.HasPrefix(string(a.Client), "SSH-2.0-OpenSSH_") {
			t.Errorf("%+v", a)
		}
	}
}

func TestOpenSSHTerminal(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	out, errs, code := openssh(t, s.Addr(), "toor1234", "echo one\nfoo\ncd /tmp\necho kept > f\nexit 3\n", "-tt", "root@HOST")
	for _, want := range []string{"Linux srv-atlas-17 6.1.0-28-amd64", "ABSOLUTELY NO WARRANTY", "root@srv-atlas-17:~# ", "one\r\n", "-bash: foo: command not found", "root@srv-atlas-17:/tmp# ", "logout"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s\n%s", want, out, errs)
		}
	}
	if code != 3 {
		t.Errorf("exit status %d, want 3", code)
	}
	s.Restart()
	if out, _, _ := openssh(t, s.Addr(), "toor1234", "", "root@HOST", "cat /tmp/f"); out != "kept\n" {
		t.Errorf("after a restart the file holds %q", out)
	}
	if n := len(servicetest.Of[*event.Command](s)); n != 6 {
		t.Errorf("%d commands on record, want 6", n)
	}
}

func TestOpenSSHUploadsAndForwards(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	if _, errs, code := openssh(t, s.Addr(), "toor1234", "payload\n", "root@HOST", "cat > /tmp/x; cat /tmp/x | wc -c"); code != 0 {
		t.Errorf("%d %s", code, errs)
	}
	if out, _, _ := openssh(t, s.Addr(), "toor1234", "", "root@HOST", "cat /tmp/x"); out != "payload\n" {
		t.Errorf("upload reads back %q", out)
	}
	_, errs, _ := openssh(t, s.Addr(), "toor1234", "", "-W", "127.0.0.1:25", "root@HOST")
	if !strings.Contains(errs, "open failed: connect failed: Connection refused") {
		t.Errorf("forwarding: %s", errs)
	}
	s.WaitFor(t, func(e *event.Event) bool {
		r, ok := e.Body.(*event.Request)
		return ok && r.Method == "direct-tcpip" && r.Target == "127.0.0.1:25"
	})
	s.WaitFor(t, func(e *event.Event) bool {
		f, ok := e.Body.(*event.Fingerprint)
		return ok && f.Method == "hassh" && len(f.Value) == 32
	})
}

func TestOpenSSHKeys(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "id")).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen (apt-get install openssh-client): %v %s", err, out)
	}
	public, err := os.ReadFile(filepath.Join(dir, "id.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: fmt.Sprintf(`{"users":{"admin":"x"},"authorized_keys":[%q],"failure_delay":50}`, strings.TrimSpace(string(public)))})
	out, errs, code := openssh(t, s.Addr(), "no", "", "-i", filepath.Join(dir, "id"), "-o", "IdentitiesOnly=yes", "admin@HOST", "id -un")
	if out != "admin\n" || code != 0 {
		t.Errorf("%d %q %s", code, out, errs)
	}
	host, port, _ := net.SplitHostPort(s.Addr())
	scan := func() string {
		out, err := exec.Command("ssh-keyscan", "-p", port, "-t", "rsa,ecdsa,ed25519", host).Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(lines) != 3 {
			t.Errorf("keys: %s", out)
		}
		return string(out)
	}
	first := scan()
	s.Restart()
	if len(scan()) != len(first) {
		t.Error("other host keys after a restart")
	}
}

func TestNmapNamesOpenSSH(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	if _, err := exec.LookPath("nmap"); err != nil {
		t.Fatal("no nmap on this machine: apt-get install nmap")
	}
	_, port, _ := net.SplitHostPort(s.Addr())
	out, err := exec.Command("nmap", "-sV", "-Pn", "-n", "-p", port, "127.0.0.1").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "OpenSSH 9.2p1 Debian 2+deb12u7 (protocol 2.0)") {
		t.Errorf("%v\n%s", err, out)
	}
}
