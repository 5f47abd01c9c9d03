//go:build live

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decnet/decnet/providers"
)

// TestLiveImport loses state and configuration and gets both back from what is
// alive: nothing of it is made anew, and no password is printed.
func TestLiveImport(t *testing.T) {
	const password = "Kestrel-4471"
	const name = `
decnet {
  name = "found"
  seed = "calm"
}
`
	const source = name + `
network "lan" {
  parent  = "op0"
  subnet  = "10.77.0.0/24"
  gateway = "10.77.0.1"
  pool    = "10.77.0.100-10.77.0.199"
}

decky "web" {
  network = network.lan

  service "ssh" {
    users = { root = "` + password + `" }
  }

  service "http" {
    ports = [8080]
  }
}

rule "spray" {
  technique = "T1110.003"
  when      = event.kind == "auth.attempt" && !event.success
  threshold = 8
  within    = "10m"
}

sink "log" {
  type = "file"
  path = "events.jsonl"
}

output "ip" { value = decky.web.ip }
`
	const imports = name + `
import {
  to = network.lan
  id = "found-lan"
}

import {
  to = decky.web
  id = "found-web"
}

import {
  to = rule.spray
  id = "spray"
}

import {
  to = sink.log
  id = "log"
}
`
	s := newStage(t, providers.RuntimeNative, source)
	s.must("apply", "--auto-approve")
	ip := s.output("ip")
	keys := s.attack("ssh-keyscan", "-t", "ed25519", ip)
	for _, address := range []string{"decky.web", "rule.spray", "sink.log", "network.lan"} {
		s.must("state", "rm", address)
	}
	s.configure(imports)
	quiet := func(args ...string) string {
		out, errs, code := s.try(args...)
		if code != 0 || strings.Contains(out+errs, password) {
			t.Errorf("decnet %s: exit code %d, and the password may not be in it:\n%s%s", strings.Join(args, " "), code, out, errs)
		}
		return out
	}
	if out := quiet("plan", "--generate-config-out", filepath.Join(s.dir, "generated.hcl")); !strings.Contains(out, "6 to import, 0 to add, 0 to change, 0 to destroy") {
		t.Errorf("the plan:\n%s", out)
	}
	generated, err := os.ReadFile(filepath.Join(s.dir, "generated.hcl"))
	if err != nil || strings.Contains(string(generated), password) || !strings.Contains(string(generated), "sensitive   = true") {
		t.Errorf("the password should stand in a variable's value (%v):\n%s", err, generated)
	}
	quiet("fmt", "-check")
	quiet("apply", "--auto-approve")
	s.mustBeEmpty("after the import")
	for _, args := range [][]string{{"plan", "--json"}, {"state", "list"}, {"state", "show", "decky.web.service.ssh"}, {"plan", "--destroy"}} {
		quiet(args...)
	}
	if now := s.attack("ssh-keyscan", "-t", "ed25519", ip); !sameKey(keys, now) {
		t.Errorf("the host key was\n%s\nand is\n%s", keys, now)
	}
	if out := s.ssh("root", password, ip, "id"); !strings.Contains(out, "uid=0(root)") {
		t.Errorf("id: %q", out)
	}
	s.must("destroy", "--auto-approve")
	s.mustBeGone()
}
