//go:build live

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers"
)

// TestLiveMove gives a live decky another name in the configuration: nothing
// of it is made anew, and clients that know its host key go on knowing it.
func TestLiveMove(t *testing.T) {
	const source = `
decnet {
  name = "moving"
  seed = "calm"
}

network %[1]q {
  parent  = "op0"
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
  pool    = "10.77.0.100-10.77.0.199"
}

decky %[2]q {
  network = network.%[1]s

  service "ssh" {
    users = { root = "toor" }
  }
}

output "ip" { value = decky.%[2]s.ip }
`
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			s := newStage(t, runtime, fmt.Sprintf(source, "lab", "old"))
			s.must("apply", "--auto-approve")
			ip := s.output("ip")
			keys := s.attack("ssh-keyscan", "-t", "ed25519", ip)
			if !strings.Contains(keys, "ssh-ed25519") {
				t.Fatalf("no host key: %s", keys)
			}
			before, err := os.Readlink(s.namespace("decky.old"))
			if err != nil && runtime == providers.RuntimeDocker {
				t.Fatal(err)
			}
			s.configure(fmt.Sprintf(source, "lan", "new") + "\nmoved {\n  from = network.lab\n  to   = network.lan\n}\nmoved {\n  from = decky.old\n  to   = decky.new\n}\n")
			plan := s.must("plan")
			if !strings.Contains(plan, "0 to add") || !strings.Contains(plan, "0 to destroy") {
				t.Errorf("a move makes or destroys:\n%s", plan)
			}
			s.must("apply", "--auto-approve")
			s.mustBeEmpty("after the move")
			if now := s.output("ip"); now != ip {
				t.Errorf("the IP was %s and is %s", ip, now)
			}
			after, err := os.Readlink(s.namespace("decky.new"))
			if err != nil && runtime == providers.RuntimeDocker {
				t.Fatal(err)
			}
			if before != after {
				t.Errorf("its namespace was %s and is %s", before, after)
			}
			if now := s.attack("ssh-keyscan", "-t", "ed25519", ip); !strings.Contains(now, "ssh-ed25519") || !sameKey(keys, now) {
				t.Errorf("the host key was\n%s\nand is\n%s", keys, now)
			}
			s.must("state", "mv", "decky.new", "decky.newer")
			s.configure(fmt.Sprintf(source, "lan", "newer"))
			s.must("apply", "--auto-approve")
			s.mustBeEmpty("after state mv")
			// Another decky of the first address, while the one that kept its name goes.
			s.configure(fmt.Sprintf(source, "lan", "old"))
			s.must("apply", "--auto-approve")
			s.mustBeEmpty("after its old name came back")
			s.must("destroy", "--auto-approve")
			s.mustBeGone()
		})
	}
}

// sameKey compares the keys in two outputs of ssh-keyscan.
func sameKey(a, b string) bool {
	key := func(out string) string {
		_, after, _ := strings.Cut(out, "ssh-ed25519 ")
		fields := strings.Fields(after)
		if len(fields) == 0 {
			return ""
		}
		return fields[0]
	}
	return key(a) == key(b) && key(a) != ""
}
