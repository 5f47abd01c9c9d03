//go:build live

package lab_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/link/lab"
)

// TestHereTakesNoNamespaceThatIsInUse would put the wire on the host.
func TestHereTakesNoNamespaceThatIsInUse(t *testing.T) {
	root := filepath.Join(t.TempDir(), "labs")
	links, err := net.Interfaces()
	if err != nil || len(links) < 2 {
		t.Fatalf("the test needs a namespace with more than lo: %v %v", links, err)
	}
	_, err = lab.Up(t.Context(), "here", lab.Options{Root: root, Here: true})
	if err == nil || !strings.Contains(err.Error(), "no new one") {
		t.Fatalf("a lab on the host: %v", err)
	}
	if after, err := net.Interfaces(); err != nil || len(after) != len(links) {
		t.Errorf("the host has other links: %v, %v", after, err)
	}
	if _, err := os.Stat(filepath.Join(root, "here")); err == nil {
		t.Error("half a lab is left")
	}
}

// TestAttachMakesOneMoreWire reaches the operator's side over it.
func TestAttachMakesOneMoreWire(t *testing.T) {
	l, _ := up(t)
	wire := lab.Wire{Parent: "eth9", Operator: "192.0.2.1/24", Attacker: "192.0.2.2/24"}
	for range 2 { // the second changes nothing
		if err := l.Attach(wire); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Detach(lab.OperatorLink); err != nil {
		t.Fatal(err)
	}
	reaches := func(address string) error {
		return l.Do(lab.Attacker, func() error {
			conn, err := net.DialTimeout("tcp4", address, 200*time.Millisecond)
			if err != nil {
				return err
			}
			return conn.Close()
		})
	}
	if err := reaches("192.0.2.1:9"); err == nil || strings.Contains(err.Error(), "refused") {
		t.Errorf("a detached wire carries packets: %v", err)
	}
	if err := reaches(lab.OperatorIP + ":9"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("the wire that is left does not: %v", err)
	}
	if err := l.Attach(wire); err != nil {
		t.Fatal(err)
	}
	if err := l.Attach(lab.Wire{Parent: lab.OperatorLink, Attacker: "198.51.100.2/24"}); err != nil {
		t.Fatal(err)
	}
	var ln net.Listener
	if err := l.Do(lab.Operator, func() (err error) { ln, err = net.Listen("tcp4", "192.0.2.1:7"); return err }); err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := l.Do(lab.Attacker, func() error {
		conn, err := net.DialTimeout("tcp4", "192.0.2.1:7", 2*time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}); err != nil {
		t.Error(err)
	}
	if err := l.Do(lab.Attacker, func() error {
		for _, ip := range []string{"198.51.100.2", lab.AttackerIP} {
			var lc net.ListenConfig
			own, err := lc.Listen(context.Background(), "tcp4", ip+":0")
			if err != nil {
				return err
			}
			own.Close()
		}
		return nil
	}); err != nil {
		t.Errorf("an address beside the lab's own: %v", err)
	}
}
