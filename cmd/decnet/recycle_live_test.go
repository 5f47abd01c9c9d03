//go:build live

package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
)

const recycled = `decnet {
  name = "trap"
  seed = "calm"
}

network "lan" {
  parent  = "op0"
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
}

decky "web" {
  network = network.lan

  service "ssh" {
    users = { root = "toor" }
  }

  lifecycle {
    recycle_on = ["login"]
  }
}

output "ip" { value = decky.web.ip }
`

// TestLiveRecycle has an attacker log in and leave a file, on both runtimes: the
// daemon makes the decky anew, with its name, address, MAC and host key and
// without the file.
func TestLiveRecycle(t *testing.T) {
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			s := newStage(t, runtime, recycled)
			s.must("apply", "--auto-approve")
			ip := s.output("ip")
			key, mac := s.attack("ssh-keyscan", "-t", "ed25519", ip), s.attack("ip", "neigh", "show", ip)
			if !strings.Contains(key, "ssh-ed25519") || !strings.Contains(mac, "lladdr") {
				t.Fatalf("control: host key %q, MAC %q", key, mac)
			}
			// Without intel nobody knows who got in, and that is said.
			stop, log := s.reconcile("--interval", "1s", s.dir)
			within(t, 20*time.Second, "a recycle_on that cannot fire is told", func() bool { return strings.Contains(log(), "no database of decnet intel") })
			stop(syscall.SIGTERM)

			defer s.intel()()
			s.ssh("root", "toor", ip, "echo c0ffee-loot > /root/loot")
			if out := s.ssh("root", "toor", ip, "cat /root/loot"); !strings.Contains(out, "c0ffee-loot") {
				t.Fatalf("control: what was written is not there: %q", out)
			}
			ask20(s, func(all []intel.Event) bool { return len(all) > 0 }, "events", "--kind", "auth.attempt")
			stop, log = s.reconcile("--interval", "1s", s.dir)
			within(t, 30*time.Second, "the decky is recycled", func() bool { return strings.Contains(log(), "healed") })
			stop(syscall.SIGTERM)
			s.mustBeEmpty("after the recycle")
			if again := s.attack("ssh-keyscan", "-t", "ed25519", ip); !sameKey(key, again) {
				t.Errorf("the host key is another: %q, was %q", again, key)
			}
			if again := s.attack("ip", "neigh", "show", ip); macIn(again) != macIn(mac) {
				t.Errorf("the MAC is another: %q, was %q", again, mac)
			}
			if out := s.ssh("root", "toor", ip, "hostname; cat /root/loot"); strings.Contains(out, "c0ffee-loot") || strings.Contains(out, "denied") {
				t.Errorf("after the recycle: %q", out)
			}
			if stdout, _, _ := s.try("drift"); strings.Contains(stdout, "decky.web") {
				t.Errorf("a recycle is told as drift:\n%s", stdout)
			}
			s.must("destroy", "--auto-approve")
		})
	}
}

// macIn is the MAC address in a line of ip neigh.
func macIn(line string) string {
	_, after, _ := strings.Cut(line, "lladdr ")
	mac, _, _ := strings.Cut(after, " ")
	return mac
}
