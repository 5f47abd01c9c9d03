//go:build live

package ssh_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// run runs a client with the password for OpenSSH's askpass and a bound.
func run(t *testing.T, stdin, remedy string, words ...string) (string, int) {
	t.Helper()
	if _, err := exec.LookPath(words[0]); err != nil {
		t.Fatalf("no %s on this machine: apt-get install %s", words[0], remedy)
	}
	dir := t.TempDir()
	ask := filepath.Join(dir, "ask")
	if err := os.WriteFile(ask, []byte("#!/bin/sh\necho toor1234\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	command.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:0", "HOME="+dir)
	command.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	_ = command.Run()
	return out.String(), command.ProcessState.ExitCode()
}

var quiet = []string{"-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR"}

func with(words []string, more ...string) []string {
	return append(append([]string{}, words...), more...)
}

// TestCopies sends a file and fetches it again by every way that OpenSSH's
// clients know.
func TestCopies(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	host, port, _ := net.SplitHostPort(s.Addr())
	dir := t.TempDir()
	data := bytes.Repeat([]byte("all work and no play\n"), 60_000) // 1.2 MB
	local := filepath.Join(dir, "local")
	if err := os.WriteFile(local, data, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "tree", "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tree/a", "tree/below/b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, flags := range map[string][]string{"old": {"-O"}, "sftp": {}} {
		t.Run(name, func(t *testing.T) {
			scp := with(with([]string{"scp"}, quiet...), append(flags, "-P", port)...)
			far := "root@" + host + ":"
			if out, code := run(t, "", "openssh-client", with(scp, "-p", local, far+"/tmp/"+name)...); code != 0 {
				t.Fatalf("send: %d %s", code, out)
			}
			back := filepath.Join(dir, "back-"+name)
			if out, code := run(t, "", "openssh-client", with(scp, "-p", far+"/tmp/"+name, back)...); code != 0 {
				t.Fatalf("fetch: %d %s", code, out)
			}
			if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes come back: %v", len(got), err)
			}
			if info, err := os.Stat(back); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode %v %v", info, err)
			}
			if out, code := run(t, "", "openssh-client", with(scp, "-r", filepath.Join(dir, "tree"), far+"/root/"+name)...); code != 0 {
				t.Fatalf("send a tree: %d %s", code, out)
			}
			if out, code := run(t, "", "openssh-client", with(scp, "-r", far+name, filepath.Join(dir, "tree-"+name))...); code != 0 {
				t.Fatalf("fetch a tree: %d %s", code, out)
			}
			if got, err := os.ReadFile(filepath.Join(dir, "tree-"+name, "below", "b")); string(got) != "tree/below/b" {
				t.Errorf("%q %v", got, err)
			}
			if out, code := run(t, "", "openssh-client", with(scp, far+"/nosuch", back)...); code != 1 || !strings.Contains(out, "/nosuch: No such file or directory") {
				t.Errorf("fetch nothing: %d %s", code, out)
			}
		})
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	ways := map[string]int{}
	for _, transfer := range servicetest.Of[*event.Transfer](s) {
		if transfer.SHA256 == digest {
			ways[fmt.Sprintf("%s %s %d %v", transfer.Direction, transfer.Name, transfer.Size, transfer.Stored)]++
		}
	}
	for _, want := range []string{"upload /tmp/old 1260000 true", "upload /tmp/sftp 1260000 true", "download /tmp/old 1260000 false", "download /tmp/sftp 1260000 false"} {
		if ways[want] != 1 {
			t.Errorf("%q is on record %d times: %v", want, ways[want], ways)
		}
	}
	if kept, err := s.Store().Load("artifact-" + digest); err != nil || !bytes.Equal(kept, data) {
		t.Errorf("%d bytes are kept: %v", len(kept), err)
	}
}

// TestSFTPBatch is a session of OpenSSH's sftp with every command that it has.
func TestSFTPBatch(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	host, port, _ := net.SplitHostPort(s.Addr())
	dir := t.TempDir()
	local := filepath.Join(dir, "local")
	if err := os.WriteFile(local, []byte("content\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	batch := strings.Join([]string{
		"pwd", "mkdir d", "cd d", "put " + local + " f", "chmod 600 f", "rename f g", "ln g h", "ln -s g s", "ls -l", "ls -la /root", "get g " + dir + "/got", "cp g copy", "df", "chown 1 g", "rm h", "rm s", "rm copy", "rm g", "cd ..", "rmdir d",
		"-ls /nosuch", "-rm /nosuch", "-get /etc/shadow2", "ls -l /etc/passwd", "ls -la /proc", "put " + local + " /tmp/append", "reput " + local + " /tmp/append", "bye",
	}, "\n") + "\n"
	out, code := run(t, batch, "openssh-client", with(with([]string{"sftp"}, quiet...), "-P", port, "-b", "-", "root@"+host)...)
	// OpenSSH refuses passwords in batch mode, so the commands come as if typed.
	if code != 0 {
		out, code = run(t, batch, "openssh-client", with(with([]string{"sftp"}, quiet...), "-P", port, "root@"+host)...)
	}
	if code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	for _, want := range []string{"Remote working directory: /root", "-rw-------    ? root     root            8 ", "lrwxrwxrwx", `Can't ls: "/nosuch" not found`, "/etc/passwd"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "got")); err != nil || string(got) != "content\n" {
		t.Errorf("%q %v", got, err)
	}
	if left, _ := run(t, "", "openssh-client", with(with([]string{"ssh"}, quiet...), "-p", port, "root@"+host, "ls -d /root/d; cat /tmp/append")...); !strings.Contains(left, "content\n") || !strings.Contains(left, "cannot access '/root/d'") {
		t.Errorf("left: %s", left)
	}
}
