//go:build live

package telnet_test

import (
	"bytes"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/telnet"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

func need(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("no %s on this machine: apt-get install %s", name, pkg)
	}
	return path
}

// TestTelnetClients logs in with Debian's telnet and with busybox'.
func TestTelnetClients(t *testing.T) {
	for name, command := range map[string][]string{
		"inetutils": {need(t, "telnet", "inetutils-telnet")},
		"busybox":   {need(t, "busybox", "busybox-static"), "telnet"},
	} {
		for _, face := range []string{"inetutils", "netkit", "busybox"} {
			t.Run(name+" to "+face, func(t *testing.T) {
				s := servicetest.Start(t, telnet.New(), servicetest.Options{Arguments: `{"server":"` + face + `","users":{"root":"r"}}`})
				host, port, _ := net.SplitHostPort(s.Addr())
				cmd := exec.CommandContext(t.Context(), command[0], append(command[1:], host, port)...)
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				for _, line := range []string{"root\n", "r\n", "echo it''works\n", "exit\n"} {
					time.Sleep(700 * time.Millisecond)
					if _, err := in.Write([]byte(line)); err != nil {
						t.Fatalf("%v: %q", err, out.String())
					}
				}
				s.WaitClosed(t)
				in.Close()
				_ = cmd.Wait() // it says with 1 that the other side closed
				if !strings.Contains(out.String(), "itworks") {
					t.Errorf("the client saw %q", out.String())
				}
			})
		}
	}
}

// TestNmapNamesTheService asks nmap for the version.
func TestNmapNamesTheService(t *testing.T) {
	nmap := need(t, "nmap", "nmap")
	for face, want := range map[string]string{"inetutils": "telnet", "netkit": "Linux telnetd", "busybox": "telnet"} {
		s := servicetest.Start(t, telnet.New(), servicetest.Options{Arguments: `{"server":"` + face + `"}`})
		host, port, _ := net.SplitHostPort(s.Addr())
		out, err := exec.CommandContext(t.Context(), nmap, "-n", "-Pn", "-sV", "--script", "telnet-encryption", "-p", port, host).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", face, err, out)
		}
		t.Logf("%s: %s", face, out)
	}
}
