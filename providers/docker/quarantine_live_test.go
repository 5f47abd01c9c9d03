//go:build live

package docker_test

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
)

// quarantined tells whether decky 0 is cut off, as a fresh look has it.
func (b *bench) quarantined(o object) (bool, json.RawMessage) {
	b.t.Helper()
	have, err := b.find(o)
	b.must(err)
	cut, err := providers.Quarantined(o.resource, have)
	b.must(err)
	return cut, have
}

// reached tells whether the attacker gets an answer of any kind from decky 0: a
// TCP connection, or one refused, on a port that is served and one that is not.
func (b *bench) reached() bool {
	for _, port := range []string{"22", "23"} {
		reached := false
		_ = b.lab.Do(lab.Attacker, func() error {
			conn, err := net.DialTimeout("tcp4", net.JoinHostPort(b.host(0).Host.IP, port), 300*time.Millisecond)
			if err == nil {
				reached = true
				return conn.Close()
			}
			reached = errors.Is(err, syscall.ECONNREFUSED)
			return nil
		})
		if reached {
			return true
		}
	}
	_, err := b.greeting(0)
	return err == nil
}

// answersARP forgets the MAC of decky 0 on the attacker's side and tells whether
// an attempt to reach it brings it back.
func (b *bench) answersARP() bool {
	b.t.Helper()
	var out []byte
	b.must(b.lab.Do(lab.Attacker, func() (err error) {
		b.program("ip", "neigh", "flush", "all")
		if conn, err := net.DialTimeout("tcp4", net.JoinHostPort(b.host(0).Host.IP, "22"), 300*time.Millisecond); err == nil {
			_ = conn.Close()
		}
		out, err = exec.Command("ip", "neigh", "show", b.host(0).Host.IP).CombinedOutput()
		return err
	}))
	return strings.Contains(string(out), "lladdr")
}

func TestAQuarantinedDeckyIsUnreachableAndLivesOn(t *testing.T) {
	b := newBench(t)
	want := b.wanted(2)
	b.mustApply(want)
	b.answers(0)
	decky := want[1]
	cut, have := b.quarantined(decky)
	if cut || !b.reached() || !b.answersARP() {
		t.Fatalf("control: quarantined is %v, reached %v before", cut, b.reached())
	}
	before := b.lives(want)
	for range 2 { // repeating it succeeds
		state, err := providers.Quarantine(t.Context(), decky.resource, b.owner(decky.address), have)
		b.must(err)
		if cut, err := providers.Quarantined(decky.resource, state); err != nil || !cut {
			t.Fatalf("after quarantine: %v, %v", cut, err)
		}
	}
	if b.reached() {
		t.Error("a quarantined decky answers")
	}
	if b.answersARP() {
		t.Error("a quarantined decky answers ARP")
	}
	b.inside(b.host(0).Name, "nft", "list", "ruleset")
	if plan := b.drifts(want, before); len(plan) > 0 {
		t.Errorf("quarantine ended or changed something: %v", plan)
	}
	b.answers(1)
	if cut, _ := b.quarantined(want[2]); cut {
		t.Error("a bystander is quarantined")
	}

	// The engine does not bring it back by itself, with its network.
	b.must(syscall.Kill(b.pid(b.host(0).Name), syscall.SIGKILL))
	b.stopped(b.host(0).Name)
	time.Sleep(500 * time.Millisecond)
	if cut, _ := b.quarantined(decky); !cut || b.reached() {
		t.Errorf("after its process ended: quarantined %v, reached %v", cut, b.reached())
	}

	// A new life has its network again, which shows; the same call cuts it.
	now := 0
	b.must(b.api.ContainerRestart(t.Context(), b.host(0).Name, container.StopOptions{Timeout: &now}))
	cut, have = b.quarantined(decky)
	if cut {
		t.Fatal("a decky that was started again is taken for cut off")
	}
	_, err := providers.Quarantine(t.Context(), decky.resource, b.owner(decky.address), have)
	b.must(err)
	if cut, _ = b.quarantined(decky); !cut {
		t.Error("it is not cut off again")
	}
	if b.reached() {
		t.Error("a decky that was cut off again answers")
	}
	b.must(b.api.ContainerKill(t.Context(), b.host(0).Name, "KILL"))
	if cut, have = b.quarantined(decky); !cut {
		t.Error("a quarantined decky that does not run is no longer quarantined")
	}

	// Only a replacement ends it.
	b.must(decky.resource.Delete(t.Context(), have))
	b.mustApply(want)
	b.answers(0)
	if cut, _ = b.quarantined(decky); cut {
		t.Error("the replacement is quarantined")
	}
}
