package remote_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
	"github.com/decnet/decnet/schema/event"
)

// The words are those of OpenSSH 9.2p1, netcat 1.10, inetutils 2.4, tnftp,
// busybox 1.35 and rsync as Debian 12 builds them.
func TestRemotePrograms(t *testing.T) {
	h := programtest.New(t, "root")
	for _, test := range []struct {
		line, out, err string
		status         int
	}{
		{"ssh -p 81 127.0.0.1 id", "", "ssh: connect to host 127.0.0.1 port 81: Connection refused\r\n", 255},
		{"ssh -q nonexist.invalid", "", "ssh: Could not resolve hostname nonexist.invalid: Name or service not known\r\n", 255},
		{"ssh -o ConnectTimeout=1 10.99.0.1 id", "", "ssh: connect to host 10.99.0.1 port 22: Connection timed out\r\n", 255},
		{"ssh x@127.0.0.1 id", "", "Host key verification failed.\r\n", 255},
		{"ssh -o StrictHostKeyChecking=no x@127.0.0.1 id", "", "Warning: Permanently added '127.0.0.1' (ED25519) to the list of known hosts.\r\nx@127.0.0.1: Permission denied (publickey,password).\r\n", 255},
		{"cut -c1-21 ~/.ssh/known_hosts; ssh x@127.0.0.1 id", "127.0.0.1 ssh-ed25519\n", "x@127.0.0.1: Permission denied (publickey,password).\r\n", 255},
		{"ssh -p x 127.0.0.1", "", "Bad port 'x'\n", 255},
		{"ssh -Z 2>&1 | head -2", "unknown option -- Z\r\nusage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]\n", "", 0},
		{"ssh -V", "", "OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.15 3 Sep 2024\n", 0},
		{"scp 2>&1 | head -1", "usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]\n", "", 0},
		{"scp -P 81 /etc/hostname y@127.0.0.1:", "", "ssh: connect to host 127.0.0.1 port 81: Connection refused\r\nscp: Connection closed\r\n", 255},
		{"sftp -P 81 127.0.0.1", "", "ssh: connect to host 127.0.0.1 port 81: Connection refused\r\nConnection closed\r\n", 255},
		{"ssh-add -l", "", "Could not open a connection to your authentication agent.\n", 2},
		{"ssh-agent -k", "", "SSH_AGENT_PID not set, cannot kill agent\n", 1},
		{"ssh-copy-id 127.0.0.1", "", "/usr/bin/ssh-copy-id: ERROR: No identities found\n", 1},
		{"ssh-keyscan -p 81 127.0.0.1", "", "", 1},
		{"nc 127.0.0.1 81", "", "(UNKNOWN) [127.0.0.1] 81 (?) : Connection refused\n", 1},
		{"nc -v 127.0.0.1 81", "", "localhost [127.0.0.1] 81 (?) : Connection refused\n", 1},
		{"nc -vz 127.0.0.1 22", "", "localhost [127.0.0.1] 22 (ssh) open\n", 0},
		{"nc -vn 127.0.0.1 81", "", "(UNKNOWN) [127.0.0.1] 81 (?) : Connection refused\n", 1},
		{"nc -w 1 10.99.0.1 80", "", "(UNKNOWN) [10.99.0.1] 80 (http) : Connection timed out\n", 1},
		{"nc -e", "", "nc: option requires an argument -- 'e'\nnc -h for help\n", 1},
		{"nc 127.0.0.1", "", "no port[s] to connect to\n", 1},
		{"nc -l -p 22", "", "Can't grab 0.0.0.0:22 with bind : Address already in use\n", 1},
		{"nc 127.0.0.1 22 | cut -c1-8", "SSH-2.0-\n", "", 0},
		{"busybox nc 127.0.0.1 81", "", "nc: can't connect to remote host (127.0.0.1): Connection refused\n", 1},
		{"busybox nc nonexist.invalid 81", "", "nc: bad address 'nonexist.invalid'\n", 1},
		{"busybox nc -w 1 10.99.0.1 80", "", "nc: timed out\n", 1},
		{"telnet 127.0.0.1 81", "Trying 127.0.0.1...\n", "telnet: Unable to connect to remote host: Connection refused\n", 1},
		{"telnet nonexist.invalid", "", "Server lookup failure:  nonexist.invalid:telnet, Name or service not known\n", 1},
		{"telnet -Z", "", "telnet: invalid option -- 'Z'\nTry 'telnet --help' or 'telnet --usage' for more information.\n", 64},
		{"busybox telnet 127.0.0.1 81", "", "telnet: can't connect to remote host (127.0.0.1): Connection refused\n", 1},
		{"rsync /etc/hostname 127.0.0.1::x", "", "rsync: [Receiver] failed to connect to 127.0.0.1 (127.0.0.1): Connection refused (111)\nrsync error: error in socket IO (code 10) at clientserver.c(139) [Receiver=3.2.7]\n", 10},
		{"rsync --bogus", "", "rsync: --bogus: unknown option\nrsync error: syntax or usage error (code 1) at main.c(1795) [client=3.2.7]\n", 1},
		{"ssh-keygen -t foo", "", "unknown key type foo\r\n", 255},
		{"ssh-keygen -b 10 -f /tmp/k", "", "Invalid RSA key length: minimum is 1024 bits\r\n", 255},
		{"ssh-keygen -l -f /nonexist", "", "ssh-keygen: /nonexist: No such file or directory\r\n", 255},
	} {
		out, err, status := h.Run(t, test.line, "")
		if diff := cmp.Diff([]any{test.out, test.err, test.status}, []any{out, err, status}); diff != "" {
			t.Errorf("%s\n%s", test.line, diff)
		}
	}
}

// A key that ssh-keygen makes is one that SSH reads, and its two halves belong
// together.
func TestKeygenMakesRealKeys(t *testing.T) {
	h := programtest.New(t, "root")
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		out, errs, status := h.Run(t, "ssh-keygen -t "+kind+" -b 2048 -N '' -C me@here -f /tmp/k."+kind, "")
		if status != 0 || errs != "" || !strings.Contains(out, "\n+----[SHA256]-----+\n") || strings.Count(out, "|\n") != 9 {
			t.Errorf("%s: %d %s %s", kind, status, out, errs)
		}
		private, err := h.Machine.FS.As(0, 0).ReadFile("/tmp/k." + kind)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.ParsePrivateKey(private)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		public, err := h.Machine.FS.As(0, 0).ReadFile("/tmp/k." + kind + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		key, comment, _, _, err := ssh.ParseAuthorizedKey(public)
		if err != nil || comment != "me@here" || !bytes.Equal(key.Marshal(), signer.PublicKey().Marshal()) {
			t.Errorf("%s: %v %s", kind, err, public)
		}
		if shown, _, _ := h.Run(t, "ssh-keygen -lf /tmp/k."+kind, ""); !strings.Contains(shown, " "+ssh.FingerprintSHA256(key)+" ") || !strings.Contains(out, ssh.FingerprintSHA256(key)+" me@here\n") {
			t.Errorf("%s: the fingerprint is %s", kind, shown)
		}
		if shown, _, _ := h.Run(t, "ssh-keygen -yf /tmp/k."+kind, ""); !strings.HasPrefix(string(public), strings.TrimSpace(shown)) {
			t.Errorf("%s: the public half is %s", kind, shown)
		}
		if mode, _, _ := h.Run(t, "stat -c %a /tmp/k."+kind, ""); mode != "600\n" {
			t.Errorf("%s: the key's mode is %s", kind, mode)
		}
	}
}

// On a terminal ssh asks for a password, refuses it and keeps what was typed.
func TestSshKeepsPasswords(t *testing.T) {
	var events []event.Body
	s := shell.New(shell.Options{
		Machine: machine.New(servicetest.Host(), nil, time.Now), User: "root", TTY: "/dev/pts/0", Limits: shell.Limits{Time: 30 * time.Second},
		Record: func(b event.Body) error { events = append(events, b); return nil },
	})
	var out, errs bytes.Buffer
	status, err := s.Run(context.Background(), "ssh me@127.0.0.1", shell.ModeExec, strings.NewReader("yes\none\ntwo\nthree\n"), &out, &errs)
	if err != nil || status != 255 {
		t.Errorf("%d, %v", status, err)
	}
	all := out.String() + errs.String()
	for _, want := range []string{"The authenticity of host '127.0.0.1 (127.0.0.1)' can't be established.\nED25519 key fingerprint is SHA256:", "me@127.0.0.1's password: ", "Permission denied, please try again.\n", "me@127.0.0.1: Permission denied (publickey,password).\n"} {
		if !strings.Contains(strings.ReplaceAll(all, "\r\n", "\n"), want) {
			t.Errorf("no %q in %q", want, all)
		}
	}
	var secrets []string
	for _, e := range events {
		if a, ok := e.(*event.AuthAttempt); ok && a.Method == "ssh" && a.Username == "me" {
			secrets = append(secrets, string(a.Secret))
		}
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, secrets); diff != "" {
		t.Error(diff)
	}
}
