//go:build live

package native_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
	"github.com/decnet/decnet/schema"
)

// A restart of the host leaves the data directory and nothing else: one apply
// brings every decky back with its key, its claimed boot and what clients wrote.
func TestARestartOfTheHostIsHealedByOneApply(t *testing.T) {
	w := newWorld(t)
	n := network(link.DriverMacvlan)
	const size = 5
	type pair struct {
		d schema.Decky
		s schema.Service
	}
	var all []pair
	for i := range size {
		d := deckyConfig(i, n)
		all = append(all, pair{d, serviceConfig(d, "ssh", 22)})
		create(t, w.deckies, d.Host.Address, d)
		create(t, w.services, d.Host.Address+".service.ssh", all[i].s)
		if _, err := w.say(d.Host.IP, 22, "write"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Join(w.env.DataDir, lineage, "journal")) })
	before := w.units(t)
	w.hostRestarts(t, n, size)
	w.open(t)
	began := time.Now()
	for _, r := range []providers.Resource{w.deckies, w.services} {
		found, err := r.List(context.Background(), lineage)
		if err != nil || len(found) != size {
			t.Fatalf("after the restart %d objects are known (%v)", len(found), err)
		}
		for _, o := range found {
			changes, err := r.Diff(o.Config, o.State)
			if err != nil || len(changes) == 0 {
				t.Errorf("%s: no difference is seen (%v)", o.Owner.Address, err)
			}
			for _, c := range changes {
				if c.Replace {
					t.Errorf("%s is to be replaced: %+v", o.Owner.Address, c)
				}
			}
			state, err := r.Update(context.Background(), o.Owner, o.Config, o.State)
			if err != nil {
				t.Fatalf("%s: %v", o.Owner.Address, err)
			}
			if changes, err := r.Diff(o.Config, state); err != nil || len(changes) > 0 {
				t.Errorf("%s after one update: %+v, %v", o.Owner.Address, changes, err)
			}
		}
	}
	t.Logf("%d deckies are back after %s", size, time.Since(began).Round(time.Millisecond))
	for _, one := range all {
		if answer, err := w.say(one.d.Host.IP, 22, "hello"); err != nil || answer != one.d.Host.Address+` ssh {"a":1}` {
			t.Errorf("%s says %q, %v", one.d.Name, answer, err)
		}
		if _, err := os.Stat(filepath.Join(w.env.DataDir, lineage, "store", one.d.Name, "written")); err != nil {
			t.Errorf("what a client wrote: %v", err)
		}
	}
	if diff := cmp.Diff(before, w.units(t)); diff != "" {
		t.Errorf("they are not the same any more: %s", diff)
	}
}

// units are the recorded units, with keys and boot times.
func (w *world) units(t *testing.T) map[string]string {
	t.Helper()
	book := w.book()
	defer book.Close()
	all, err := book.All()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for key, value := range all {
		texts[key] = string(value)
	}
	return texts
}

// hostRestarts kills every process and takes every namespace and all of the run
// directory away.
func (w *world) hostRestarts(t *testing.T, _ schema.Network, size int) {
	t.Helper()
	w.killSupervisor(t)
	for i := range size {
		if err := namespace.Delete(w.netns(fmt.Sprint("t-d", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(w.env.RunDir); err != nil {
		t.Fatal(err)
	}
}

// Quarantine cuts a decky off and keeps it: its sessions, its workers, what was
// written. It outlives worker and supervisor, and only a replacement ends it.
func TestAQuarantinedDeckyIsCutOffAndKept(t *testing.T) {
	f := newFleet(t, network(link.DriverMacvlan))
	var session net.Conn
	if err := f.lab.Do("attacker", func() (err error) {
		session, err = net.DialTimeout("tcp4", f.d.Host.IP+":22", 3*time.Second)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	inode := f.lives["decky.d1"]
	have := f.state(t)
	if is, err := providers.Quarantined(f.deckies, have); err != nil || is {
		t.Fatalf("before: %v, %v", is, err)
	}
	for range 2 { // repeating it succeeds
		state, err := providers.Quarantine(t.Context(), f.deckies, owner("decky.d1"), have)
		if err != nil {
			t.Fatal(err)
		}
		have = state
		f.cutOff(t)
	}
	if evidence := f.examine(t); !strings.Contains(evidence, "established") {
		t.Errorf("its session is gone: %s", evidence)
	}
	for _, s := range []func(testing.TB, *fleet){signal(serving, syscall.SIGKILL), signal(supervisor, syscall.SIGKILL)} {
		s(t, f)
		time.Sleep(200 * time.Millisecond)
		if state, err := f.services.Update(t.Context(), owner("decky.d1.service.ssh"), encode(t, f.s), f.stateOf(t, f.services)); err != nil {
			t.Errorf("its service: %v %s", err, state)
		}
		f.cutOff(t)
	}
	if life, err := providers.Incarnation(f.deckies, f.state(t)); err != nil || life != inode {
		t.Errorf("its namespace was %s, now %s (%v)", inode, life, err)
	}
	if _, err := os.Stat(f.written()); err != nil {
		t.Error(err)
	}
	changes, err := f.deckies.Diff(encode(t, f.d), f.state(t))
	if err != nil || len(changes) != 1 || !changes[0].Replace || changes[0].Path != "quarantined" {
		t.Errorf("it differs by %+v (%v), want its replacement", changes, err)
	}
	if err := f.deckies.Delete(t.Context(), f.state(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.deckies.Create(t.Context(), owner("decky.d1"), encode(t, f.d)); err != nil {
		t.Fatal(err)
	}
	if is, err := providers.Quarantined(f.deckies, f.state(t)); err != nil || is {
		t.Errorf("replaced, it is still quarantined (%v)", err)
	}
	f.heal(t)
	if answer, err := f.ask("hello"); err != nil || answer != `decky.d1 ssh {"a":1}` {
		t.Errorf("replaced, it says %q, %v", answer, err)
	}
}

func (f *fleet) state(t testing.TB) json.RawMessage { return f.stateOf(t, f.deckies) }

func (f *fleet) stateOf(t testing.TB, r providers.Resource) json.RawMessage {
	t.Helper()
	for _, o := range f.objects() {
		if o.r == r {
			state, _, _ := f.look(t, o)
			if state != nil {
				return state
			}
		}
	}
	t.Fatal("it is not listed")
	return nil
}

// cutOff fails where the decky is not quarantined, or answers anything.
func (f *fleet) cutOff(t *testing.T) {
	t.Helper()
	if is, err := providers.Quarantined(f.deckies, f.state(t)); err != nil || !is {
		t.Errorf("it is not quarantined (%v)", err)
	}
	err := f.lab.Do("attacker", func() error {
		conn, err := net.DialTimeout("tcp4", f.d.Host.IP+":22", 300*time.Millisecond)
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err == nil {
		t.Error("it answers")
	}
	f.inside(t, f.d.Name, func() error {
		if conn, err := net.DialTimeout("tcp4", "10.77.0.2:9", 200*time.Millisecond); err == nil {
			conn.Close()
			t.Error("it reaches others")
		}
		return nil
	})
}

// What decnet itself replaces is no drift: a new binary takes over, and services
// that were not touched keep their lives.
func TestAnOwnUpgradeIsNoRestart(t *testing.T) {
	f := newFleet(t, network(link.DriverMacvlan))
	second := serviceConfig(f.d, "smtp", 25)
	create(t, f.services, "decky.d1.service.smtp", second)
	upgraded := filepath.Join(f.env.DataDir, "..", "decky.new")
	data, err := os.ReadFile(f.env.Decky)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(upgraded, append(data, "another build"...), 0o700); err != nil {
		t.Fatal(err)
	}
	old := f.status(t)
	f.env.Decky, f.env.DeckyDigest = upgraded, digestOf(t, upgraded)
	f.open(t)
	if _, err := f.services.Update(t.Context(), owner("decky.d1.service.smtp"), encode(t, second), encode(t, map[string]any{})); err != nil {
		t.Fatal(err)
	}
	now := f.status(t)
	if now.PID == old.PID || now.Image == old.Image {
		t.Fatalf("nothing was upgraded: %+v", now)
	}
	time.Sleep(100 * time.Millisecond)
	if drift := f.drift(t); len(drift) > 0 {
		t.Errorf("an own upgrade looks like %q", drift)
	}
	kill(t, serving(f.status(t)), syscall.SIGKILL)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		drift := f.drift(t)
		if len(drift) == 1 && drift[0] == "decky.d1.service.ssh: restarted" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a worker that was killed and is back looks like %q", drift)
		}
	}
}
