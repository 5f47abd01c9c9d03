//go:build live

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/link/lab"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/state"
)

// besieged is a fleet of ten deckies with two services each.
const besieged = `
decnet {
  name = "besieged"
  seed = "calm"
}

network "lab" {
  parent      = "op0"
  subnet      = "10.77.0.0/24"
  gateway     = "10.77.0.1"
  pool        = "10.77.0.100-10.77.0.199"
  host_access = true
}

decky "host" {
  count    = 10
  network  = network.lab
  hostname = "host-${count.index}"

  service "http" {}
  service "redis" {}
}

output "ips" {
  value = decky.host[*].ip
}
`

// faultCount is how many faults each runtime suffers.
const faultCount = 100

// promptly is how soon a killed service and a deleted link or namespace must be
// back, from the fault to the answer of the service.
const promptly = time.Second

// patience is how long any fault may take; an engine needs most of it to start
// again.
const patience = 60 * time.Second

// TestLiveFaults lets a hundred faults loose on ten deckies under the daemon.
// Each heals, with its evidence on record and told to intel once, and nothing
// is healed that was whole.
func TestLiveFaults(t *testing.T) {
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) {
			s := newStage(t, runtime, besieged)
			s.must("apply", "--auto-approve")
			f := newSiege(s)
			stop, _ := s.reconcile(s.dir, "--interval", "5s")
			f.settle("before the first fault", 0)
			for n := range faultCount {
				f.suffer(n, f.draw())
			}
			f.summary()
			stop(syscall.SIGTERM)
			s.mustBeEmpty("after all faults")
			f.told()
			s.must("destroy", "--auto-approve")
		})
	}
}

// siege is a fleet under faults.
type siege struct {
	*stage
	random  *rand.Rand
	faults  []fault
	names   []string // engine-side names of the deckies, by index
	ips     []string
	took    map[string][]time.Duration // by fault
	seen    map[string]bool            // ids of drifts
	drawn   int
	lineage string
	hit     map[int]time.Time // when a decky suffered last
	streak  map[int]int       // how often in a row with less than steady between
}

// steady is longer than a heal has to last for its decky not to be called
// flapping (loop.Config.Heals), which is left alone for a while, as it should be.
const steady = 3500 * time.Millisecond

// victim picks a decky that has not suffered too often in a row.
func (f *siege) victim() int {
	for {
		n := f.random.IntN(len(f.ips))
		if time.Since(f.hit[n]) > steady {
			f.streak[n] = 0
		}
		if f.streak[n] < loop.DefaultHeals-1 {
			f.streak[n]++
			f.hit[n] = time.Now()
			return n
		}
		time.Sleep(10 * time.Millisecond) // all may have had their share
	}
}

// fault is one thing that goes wrong.
type fault struct {
	name   string
	prompt bool // within a second
	// weight is how often it is drawn, compared with the others.
	weight int
	// do lets it happen to decky n and tells which addresses may drift for it;
	// the first must.
	do func(f *siege, n int) []string
}

func newSiege(s *stage) *siege {
	s.t.Helper()
	f := &siege{
		stage: s, random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2)), faults: nativeFaults,
		took: map[string][]time.Duration{}, seen: map[string]bool{}, hit: map[int]time.Time{}, streak: map[int]int{},
	}
	if s.runtime == providers.RuntimeDocker {
		f.faults = dockerFaults
	}
	// An attacker that asked in vain who has an address asks again after a second
	// (arp(7), retrans_time_ms): it would be that second that is measured.
	if out, err := s.command(s.t.Context(), lab.Attacker, "sysctl", "-qw", "net.ipv4.neigh."+lab.AttackerLink+".retrans_time_ms=50").CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	if only := os.Getenv("DECNET_FAULTS"); only != "" { // to look into one kind
		f.faults = slices.DeleteFunc(slices.Clone(f.faults), func(k fault) bool { return k.name != only })
	}
	if err := json.Unmarshal([]byte(s.must("output", "ips", "--json")), &f.ips); err != nil {
		s.t.Fatal(err)
	}
	var snapshot struct {
		Lineage   string `json:"lineage"`
		Instances []struct {
			Address string                `json:"address"`
			Config  struct{ Name string } `json:"config"`
		} `json:"instances"`
	}
	if err := json.Unmarshal([]byte(s.must("state", "pull")), &snapshot); err != nil {
		s.t.Fatal(err)
	}
	f.lineage = snapshot.Lineage
	for n := range f.ips {
		for _, i := range snapshot.Instances {
			if i.Address == fmt.Sprintf("decky.host[%d]", n) {
				f.names = append(f.names, i.Config.Name)
			}
		}
	}
	if len(f.names) != 10 {
		s.t.Fatalf("%d deckies, want 10", len(f.names))
	}
	return f
}

// draw picks a fault by weight; the first of each kind come in turn.
func (f *siege) draw() fault {
	f.drawn++
	if f.drawn <= len(f.faults) {
		return f.faults[f.drawn-1]
	}
	total := 0
	for _, k := range f.faults {
		total += k.weight
	}
	at := f.random.IntN(total)
	for _, k := range f.faults {
		if at -= k.weight; at < 0 {
			return k
		}
	}
	return f.faults[0]
}

// suffer lets one fault happen and waits until all is well again.
func (f *siege) suffer(n int, k fault) {
	f.t.Helper()
	victim := f.victim()
	began := time.Now()
	addresses := k.do(f, victim)
	hit := time.Now()
	for !f.answers(victim) {
		if time.Since(hit) > patience {
			f.t.Fatalf("fault %d, %s of decky %d: no answer after %s", n, k.name, victim, patience)
		}
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(hit)
	fresh := f.settle(fmt.Sprintf("after fault %d, %s of decky %d", n, k.name, victim), 1)
	for _, d := range fresh {
		took = max(took, d.Healed.Sub(hit))
	}
	f.took[k.name] = append(f.took[k.name], took)
	f.t.Logf("fault %3d %-26s decky %d: back after %4d ms, %d drifts", n, k.name, victim, took.Milliseconds(), len(fresh))
	f.judge(k, victim, began, addresses, fresh)
}

// judge compares what is on record with what was done.
func (f *siege) judge(k fault, victim int, began time.Time, addresses []string, fresh []state.Drift) {
	f.t.Helper()
	counted := map[string]int{}
	for _, d := range fresh {
		counted[string(d.Address)]++
		if d.Seen.Before(began.Add(-time.Second)) {
			f.t.Errorf("%s: the drift of %s was seen at %s, before the fault", k.name, d.Address, d.Seen)
		}
		if !slices.ContainsFunc(addresses, func(a string) bool { return a == "*" || a == string(d.Address) }) {
			f.t.Errorf("%s of decky %d: %s drifted, too: %s %v", k.name, victim, d.Address, d.Reason, d.Changes)
		}
		if len(d.Evidence) == 0 {
			f.t.Errorf("%s of decky %d: no evidence of the drift of %s", k.name, victim, d.Address)
		}
	}
	if addresses[0] != "*" && counted[addresses[0]] == 0 {
		f.t.Errorf("%s of decky %d: nothing on record of %s", k.name, victim, addresses[0])
	}
	for address, count := range counted {
		if count > 1 {
			f.t.Errorf("%s of decky %d: %s drifted %d times", k.name, victim, address, count)
			for _, d := range fresh {
				f.t.Logf("  %s %s %s %v %s", d.ID, d.Address, d.Reason, d.Changes, d.Action)
			}
		}
	}
}

// settle waits until the plan is empty, without drift, and every drift on record
// is closed, at least least of them new ones, which it returns.
func (f *siege) settle(when string, least int) []state.Drift {
	f.t.Helper()
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		drifts := f.drifts()
		fresh := slices.DeleteFunc(slices.Clone(drifts), func(d state.Drift) bool { return f.seen[d.ID] })
		if slices.ContainsFunc(drifts, func(d state.Drift) bool { return d.Healed.IsZero() }) || len(fresh) < least {
			last = fmt.Sprintf("%d new drifts: %+v", len(fresh), fresh)
			continue
		}
		stdout, stderr, code := f.try("plan", "--json", "--detailed-exitcode")
		var p struct {
			Drift []json.RawMessage `json:"resource_drift"`
		}
		if err := json.Unmarshal([]byte(stdout), &p); err != nil || code != 0 || len(p.Drift) > 0 {
			last = stdout + stderr
			continue
		}
		for _, d := range fresh {
			f.seen[d.ID] = true
		}
		return fresh
	}
	f.t.Fatalf("%s: not settled after %s:\n%s", when, patience, last)
	return nil
}

func (f *siege) drifts() []state.Drift {
	f.t.Helper()
	store, err := state.OpenReadOnly(filepath.Join(f.dir, ".decnet", "state.db"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	drifts, err := store.Drifts(f.t.Context(), 10_000)
	if err != nil {
		f.t.Fatal(err)
	}
	return drifts
}

// answers tells whether both services of a decky answer a client.
func (f *siege) answers(n int) bool {
	ok := true
	err := f.lab.Do(lab.Attacker, func() error {
		ok = asks(f.ips[n]+":80", "GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200") && asks(f.ips[n]+":6379", "PING\r\n", "+PONG")
		return nil
	})
	return err == nil && ok
}

func asks(address, question, answer string) bool {
	dialer := net.Dialer{Timeout: 100 * time.Millisecond}
	conn, err := dialer.Dial("tcp4", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(250 * time.Millisecond))
	if _, err := conn.Write([]byte(question)); err != nil {
		return false
	}
	got := make([]byte, len(answer))
	n, _ := conn.Read(got)
	return string(got[:n]) == answer
}

// summary prints how long each fault took and fails where one was too slow.
func (f *siege) summary() {
	f.t.Helper()
	for _, k := range f.faults {
		took := f.took[k.name]
		if len(took) == 0 {
			continue
		}
		slices.Sort(took)
		worst := took[len(took)-1]
		f.t.Logf("%-26s %3d times, median %5d ms, worst %5d ms", k.name, len(took), took[len(took)/2].Milliseconds(), worst.Milliseconds())
		late := len(took) - len(slices.DeleteFunc(slices.Clone(took), func(d time.Duration) bool { return d > promptly }))
		if k.prompt && (late > len(took)/5 || worst > 3*promptly) { // a busy machine may delay a few
			f.t.Errorf("%s: %d of %d took longer than %s, the worst %s", k.name, late, len(took), promptly, worst)
		}
	}
}

// told starts intel and fails unless it has each drift exactly once.
func (f *siege) told() {
	f.t.Helper()
	want := f.drifts()
	stop := f.intel()
	defer stop()
	type told struct {
		ID string `json:"id"`
	}
	got := ask20(f.stage, func(all []told) bool { return len(all) >= len(want) }, "events", "--kind", "drift")
	count := map[string]int{}
	for _, e := range got {
		count[e.ID]++
	}
	for _, d := range want {
		if count[d.ID] != 1 {
			f.t.Errorf("intel has the drift %s of %s %d times", d.ID, d.Address, count[d.ID])
		}
		delete(count, d.ID)
	}
	for id := range maps.Keys(count) {
		f.t.Errorf("intel has a drift %s that is not on record", id)
	}
	f.t.Logf("%d drifts on record, each told once", len(want))
}

// inside runs a program in a decky's network namespace.
func (f *siege) inside(n int, argv ...string) {
	f.t.Helper()
	f.operator(append([]string{"nsenter", "--net=" + f.namespace(n)}, argv...)...)
}

// operator runs a program on the operator's side, which must succeed.
func (f *siege) operator(argv ...string) string {
	f.t.Helper()
	out, err := f.command(f.t.Context(), lab.Operator, argv...).CombinedOutput()
	if err != nil {
		f.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// kill ends a process of this lab.
func (f *siege) kill(pid int) {
	f.t.Helper()
	if pid <= 1 || pid == os.Getpid() {
		f.t.Fatalf("pid %d is no victim", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		f.t.Fatal(err)
	}
}
