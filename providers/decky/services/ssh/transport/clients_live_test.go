//go:build live

package transport_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// judge is a program of a Debian package, or the end of the test.
func judge(t *testing.T, program, debian string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		for _, dir := range []string{"/usr/sbin", "/usr/lib/openssh"} {
			if _, err := os.Stat(filepath.Join(dir, program)); err == nil {
				return filepath.Join(dir, program)
			}
		}
		t.Fatalf("%s is missing: apt-get install %s", program, debian)
	}
	return path
}

// listen serves every connection until the test ends.
func listen(t *testing.T, config transport.Config) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); running.Wait() })
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			done := serve(t, conn, config)
			running.Go(func() { <-done })
		}
	})
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// through sends data through a client and wants it back.
func through(t *testing.T, program string, args ...string) {
	t.Helper()
	sent := bytes.Repeat([]byte("some words that compress, and a number: 0123456789\n"), 4000)
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = bytes.NewReader(sent)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	_ = cmd.Run() // the server sends no exit status
	if ctx.Err() != nil {
		t.Errorf("%s does not end\n%s", strings.Join(args, " "), complaints.String())
	}
	if !bytes.Equal(out.Bytes(), sent) {
		t.Errorf("%s: %d bytes of %d came back\n%s", strings.Join(args, " "), out.Len(), len(sent), complaints.String())
	}
}

// query is what Debian's client can do.
func query(t *testing.T, ssh, what string) []string {
	t.Helper()
	out, err := exec.Command(ssh, "-Q", what).Output()
	if err != nil {
		t.Fatalf("ssh -Q %s: %v", what, err)
	}
	return strings.Fields(string(out))
}

// Debian's client must get through with every algorithm that it shares with a
// build; the number that it does not know is told.
func TestOpenSSHClient(t *testing.T) {
	ssh := judge(t, "ssh", "openssh-client")
	known := map[string][]string{"KexAlgorithms": query(t, ssh, "kex"), "Ciphers": query(t, ssh, "cipher"), "MACs": query(t, ssh, "mac"), "HostKeyAlgorithms": query(t, ssh, "HostKeyAlgorithms")}
	for _, b := range build.All() {
		t.Run(b.Name, func(t *testing.T) {
			port := listen(t, config(b.Name))
			base := []string{
				"-F", "none", "-p", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
				"-o", "HostKeyAlgorithms=+ssh-rsa", "-o", "RequiredRSASize=1024",
			}
			run := func(options ...string) {
				args := slices.Clone(options)
				through(t, ssh, append(append(args, base...), "u@127.0.0.1", "x")...)
			}
			run()
			run("-C")
			run("-o", "RekeyLimit=20K")
			run("-C", "-o", "RekeyLimit=20K")
			unknown := 0
			for option, list := range map[string][]string{"KexAlgorithms": b.KEX, "Ciphers": b.Ciphers, "MACs": b.MACs, "HostKeyAlgorithms": b.HostKeys} {
				for _, name := range list {
					if !slices.Contains(known[option], name) {
						unknown++
						continue
					}
					args := []string{"-o", option + "=" + name}
					if option == "MACs" {
						args = append(args, "-o", "Ciphers="+b.Ciphers[slices.Index(b.Ciphers, "aes128-ctr")])
					}
					run(args...)
				}
			}
			t.Logf("%d names are marks or unknown to the client", unknown)
		})
	}
}

// The server asks for new keys itself.
func TestOpenSSHClientIsAskedToRekey(t *testing.T) {
	c := config("debian-12")
	c.RekeyBytes = 16 << 10
	port := listen(t, c)
	through(t, judge(t, "ssh", "openssh-client"), "-F", "none", "-p", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "u@127.0.0.1", "x")
}

// fingerprint is that of the host key with that index.
func fingerprint(t *testing.T, i int) string {
	t.Helper()
	signer, err := hostKeys()[i].Signer()
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return ssh.FingerprintSHA256(public)
}

func TestOtherClients(t *testing.T) {
	dbclient, plink := judge(t, "dbclient", "dropbear-bin"), judge(t, "plink", "putty-tools")
	for _, b := range build.All() {
		t.Run(b.Name, func(t *testing.T) {
			port := listen(t, config(b.Name))
			t.Setenv("HOME", t.TempDir())
			through(t, dbclient, "-y", "-y", "-p", port, "u@127.0.0.1", "x")
			through(t, dbclient, "-y", "-y", "-p", port, "-c", "aes256-ctr", "-m", "hmac-sha2-256", "u@127.0.0.1", "x")
			key := fingerprint(t, 2)
			for _, more := range [][]string{nil, {"-C"}} {
				through(t, plink, append(more, "-batch", "-ssh", "-P", port, "-hostkey", key, "u@127.0.0.1", "x")...)
			}
		})
	}
}

// Every line of Debian's own server stands in its row.
func TestDebianRowIsTheRealServer(t *testing.T) {
	conn, err := net.Dial("tcp", sshd(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	real := newRaw(t, conn)
	real.identify(rawIdentification)
	lists, _ := real.kexInit(rawLists())
	b := build.Named("debian-12")
	if diff := cmp.Diff(lists, b.KexInit()); diff != "" {
		t.Errorf("the real server's lists and the row's (-real +row):\n%s", diff)
	}
	if real.server != b.Identification {
		t.Errorf("the real server is %q, the row %q", real.server, b.Identification)
	}
	real.exchange()
	var extensions []build.Extension
	for _, e := range real.extensions() {
		extensions = append(extensions, build.Extension{Name: e[0], Value: e[1]})
	}
	if diff := cmp.Diff(extensions, b.Extensions); diff != "" {
		t.Errorf("extensions (-real +row):\n%s", diff)
	}
}

// Only PuTTY still has Blowfish; it chooses ciphers in a stored session.
func TestBlowfish(t *testing.T) {
	plink := judge(t, "plink", "putty-tools")
	port := listen(t, config("centos-7"))
	home := t.TempDir()
	t.Setenv("HOME", home)
	sessions := filepath.Join(home, ".putty", "sessions")
	if err := os.MkdirAll(sessions, 0o700); err != nil {
		t.Fatal(err)
	}
	stored := "Protocol=ssh\nHostName=127.0.0.1\nPortNumber=" + port + "\nCipher=blowfish,aes,3des,chacha20,WARN\nSSH2DES=0\n"
	if err := os.WriteFile(filepath.Join(sessions, "blowfish"), []byte(stored), 0o600); err != nil {
		t.Fatal(err)
	}
	through(t, plink, "-batch", "-load", "blowfish", "-hostkey", fingerprint(t, 2), "-l", "u", "-v", "x")
}

// paramiko is how many minimal clients behave.
const paramiko = `
import sys, paramiko
t = paramiko.Transport(("127.0.0.1", int(sys.argv[1])))
o = t.get_security_options()
if sys.argv[2]: o.ciphers = (sys.argv[2],)
t.start_client(timeout=20)
t.auth_none("u")
c = t.open_session()
c.exec_command("x")
sent = b"0123456789abcdef" * 2000
c.sendall(sent)
c.shutdown_write()
got = b""
while True:
    b = c.recv(65536)
    if not b: break
    got += b
t.close()
sys.exit(0 if got == sent else 3)
`

func TestParamiko(t *testing.T) {
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import paramiko").Run(); err != nil {
		t.Fatal("paramiko is missing: apt-get install python3-paramiko")
	}
	for name, ciphers := range map[string][]string{
		"debian-12": {""}, "kali": {""}, "rocky-9": {""}, "dropbear-2022.83": {""}, "centos-7": {"", "3des-cbc", "aes128-cbc", "aes256-cbc"},
	} {
		port := listen(t, config(name))
		for _, cipher := range ciphers {
			if out, err := exec.Command(python, "-W", "ignore", "-c", paramiko, port, cipher).CombinedOutput(); err != nil {
				t.Errorf("%s %s: %v\n%s", name, cipher, err, out)
			}
		}
	}
}
