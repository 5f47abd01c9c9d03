//go:build live

package ssh_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/services/ssh"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/schema/event"
)

func TestOtherClientsRunCommands(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	host, port, _ := net.SplitHostPort(s.Addr())
	paramiko := filepath.Join(t.TempDir(), "p.py")
	if err := os.WriteFile(paramiko, []byte(paramikoScript), 0o600); err != nil {
		t.Fatal(err)
	}
	scan := filepath.Join(t.TempDir(), "known")
	keys, _ := run(t, "", "openssh-client", "ssh-keyscan", "-t", "ed25519", "-p", port, host)
	if err := os.WriteFile(scan, []byte(keys), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		remedy string
		stdin  string
		words  []string
	}{
		"sshpass":  {"sshpass", "", append(append([]string{"sshpass", "-p", "toor1234", "ssh"}, quiet...), "-p", port, "root@"+host, "id; uname -n")},
		"plink":    {"putty-tools", "y\n", []string{"plink", "-ssh", "-P", port, "-pw", "toor1234", "root@" + host, "id; uname -n"}},
		"dbclient": {"dropbear-bin", "", []string{"sshpass", "-p", "toor1234", "dbclient", "-y", "-y", "-p", port, "root@" + host, "id; uname -n"}},
		"paramiko": {"python3-paramiko", "", []string{"/usr/bin/python3", paramiko, host, port}},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := run(t, c.stdin, c.remedy, c.words...)
			if code != 0 || !strings.Contains(out, "uid=0(root) gid=0(root) groups=0(root)\n") || !strings.Contains(out, "srv-atlas-17\n") {
				t.Errorf("%d %s", code, out)
			}
		})
	}
}

// paramikoScript runs a command, copies a file both ways and asks for a
// forwarding.
const paramikoScript = `
import sys, io, paramiko
c = paramiko.SSHClient()
c.set_missing_host_key_policy(paramiko.AutoAddPolicy())
c.connect(sys.argv[1], int(sys.argv[2]), "root", "toor1234", look_for_keys=False, allow_agent=False)
i, o, e = c.exec_command("id; uname -n")
print(o.read().decode(), end="")
assert o.channel.recv_exit_status() == 0
f = c.open_sftp()
f.putfo(io.BytesIO(b"x" * 300000), "/tmp/p")
b = io.BytesIO()
f.getfo("/tmp/p", b)
assert b.getvalue() == b"x" * 300000
assert "p" in f.listdir("/tmp")
t = c.get_transport().open_channel("direct-tcpip", ("www.elsewhere.org", 80), ("127.0.0.1", 1))
t.sendall(b"GET / HTTP/1.1\r\nHost: www.elsewhere.org\r\nConnection: close\r\n\r\n")
assert t.recv(20).startswith(b"HTTP/1.1 301"), "no answer"
s = c.invoke_shell()
s.send("exit\n")
assert s.recv_exit_status() == 0
c.close()
`

// TestBruteForcersFindTheLogin: both know a login when they meet one, and only
// then.
func TestBruteForcersFindTheLogin(t *testing.T) {
	s := servicetest.Start(t, ssh.New(), servicetest.Options{Arguments: live})
	host, port, _ := net.SplitHostPort(s.Addr())
	words := filepath.Join(t.TempDir(), "words")
	if err := os.WriteFile(words, []byte("123456\npassword\ntoor1234\nletmein\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := run(t, "", "hydra", "hydra", "-I", "-t", "4", "-l", "root", "-P", words, "-s", port, "ssh://"+host)
	if !strings.Contains(out, "login: root   password: toor1234") || strings.Count(out, "password: ") != 1 {
		t.Errorf("hydra: %s", out)
	}
	out, _ = run(t, "", "ncrack", "ncrack", "--user", "root", "-P", words, "-T4", "ssh://"+host+":"+port)
	if !strings.Contains(out, "'root' 'toor1234'") || strings.Count(out, "'root' '") != 1 {
		t.Errorf("ncrack: %s", out)
	}
	found := map[string]bool{}
	for _, a := range servicetest.Of[*event.AuthAttempt](s) {
		if a.Method == "password" {
			found[string(a.Secret)] = a.Success
			if len(a.HASSH) != 32 {
				t.Errorf("no HASSH: %+v", a)
			}
		}
	}
	if !found["toor1234"] || found["123456"] || found["password"] || len(found) < 3 {
		t.Errorf("on record: %v", found)
	}
}
