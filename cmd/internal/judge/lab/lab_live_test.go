//go:build live

package lab_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/decnet/decnet/cmd/internal/judge/lab"
)

// outside is what a run must leave as it was.
func outside() string {
	var b bytes.Buffer
	for _, file := range []string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/hosts", "/etc/hostname", "/proc/sys/kernel/hostname", "/proc/self/mounts"} {
		data, err := os.ReadFile(file)
		fmt.Fprintf(&b, "%s %v\n%s", file, err, data)
	}
	links, err := net.Interfaces()
	for _, l := range links {
		addresses, _ := l.Addrs()
		fmt.Fprintln(&b, l.Name, addresses)
	}
	fmt.Fprintln(&b, err)
	return b.String()
}

// The tests run in a lab: this binary again, in namespaces of its own.
func TestMain(m *testing.M) {
	if lab.Inside() {
		os.Exit(m.Run())
	}
	before := outside()
	code, err := lab.Run(context.Background(), os.Args[1:], nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if after := outside(); after != before {
		fmt.Fprintf(os.Stderr, "the lab changed the machine:\n%s\nwas\n%s", after, before)
		code = 1
	}
	os.Exit(code)
}

func TestLab(t *testing.T) {
	l, err := lab.Enter(t.Context(), "srv-lab", "a password", "ssh-ed25519 AAAA judge")
	if err != nil {
		t.Fatal(err)
	}
	if name, err := os.Hostname(); err != nil || name != "srv-lab" {
		t.Errorf("hostname %s, %v", name, err)
	}
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if link.Flags&net.FlagUp != 0 && link.Flags&net.FlagLoopback == 0 {
			t.Errorf("link %s is up in the lab", link.Name)
		}
	}
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil || strings.Count(string(passwd), "\n"+lab.Account+":x:1000:") != 1 {
		t.Errorf("%v, accounts:\n%s", err, passwd)
	}
	if keys, err := os.ReadFile("/home/" + lab.Account + "/.ssh/authorized_keys"); err != nil || string(keys) != "ssh-ed25519 AAAA judge\n" {
		t.Errorf("%s %v", keys, err)
	}
	first, err := l.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Address(t.Context())
	if err != nil || first == second || len(first.String()) != len(second.String()) {
		t.Errorf("%s %s %v", first, second, err)
	}
	if _, err := l.Start(t.Context(), first.String()+":1", "/bin/false"); err == nil || !strings.Contains(err.Error(), "ended at once") {
		t.Errorf("a server that ends: %v", err)
	}
	// Nothing leads out.
	if _, err := net.Dial("udp", "192.0.2.1:53"); err == nil {
		t.Error("the lab has a route")
	}
}
