//go:build live

package ssh_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startSSHD runs the machine's sshd in the foreground on loopback, all its
// paths in a folder of the test.
func startSSHD(t testing.TB) string {
	t.Helper()
	const binary = "/usr/sbin/sshd"
	if _, err := os.Stat(binary); err != nil {
		t.Fatal("no sshd on this machine: apt-get install openssh-server")
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, fmt.Appendf(nil, "ListenAddress 127.0.0.1:%d\nHostKey %s\nPidFile %s/pid\nKbdInteractiveAuthentication no\nUsePAM no\n", addr.Port, key, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "-D", "-e", "-f", config)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", addr.String()); err == nil {
			_ = c.Close()
			return addr.String()
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("sshd does not listen")
	return ""
}

// firstAnswer sends data and returns what came after the identification, cut
// to its first packet's kind where it is binary, and how the connection ended.
func firstAnswer(t *testing.T, addr, data string) (string, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, data); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	end := "open"
	for buffer := make([]byte, 32<<10); ; {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		n, err := conn.Read(buffer)
		b.Write(buffer[:n])
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			end = "fin"
		} else if errors.Is(err, syscall.ECONNRESET) {
			end = "rst"
		}
		break
	}
	_, rest, _ := strings.Cut(b.String(), "\r\n")
	if len(rest) > 6 && rest[5] == 20 {
		rest = "KEXINIT"
	}
	return rest, end
}

func TestIdentificationAgreesWithSSHD(t *testing.T) {
	real := startSSHD(t)
	ours := start(t).Addr()
	for name, data := range map[string]string{
		"SSH-1337": "SSH-1337-x\r\n", "SSH-1.5": "SSH-1.5-x\r\n", "SSH-9.9": "SSH-9.9-x\r\n", "breaks": "\n\n\n\n\n\n\n\n", "http": "GET / HTTP/1.0\r\n\r\n", "nul": strings.Repeat("\x00", 32), "tls": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("Z", 64),
		"good": "SSH-2.0-x\r\n", "1.99": "SSH-1.99-x\r\n", "no software": "SSH-2.0-\r\n", "long": strings.Repeat("A", 9000), "carriage": "SSH-2.0-x\rfoo\r\n", "bare": "SSH-2.0-x\n", "words": "SSH-2.0-x with words\r\n", "good then garbage": "SSH-2.0-x\r\n" + strings.Repeat("garbage!", 40), "empty": "\r\n", "lower": "ssh-2.0-x\r\n",
	} {
		wantText, wantEnd := firstAnswer(t, real, data)
		gotText, gotEnd := firstAnswer(t, ours, data)
		if wantText != gotText || wantEnd != gotEnd {
			t.Errorf("%s: sshd %q %s, ours %q %s", name, wantText, wantEnd, gotText, gotEnd)
		}
	}
}
