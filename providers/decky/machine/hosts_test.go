package machine_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("192.0.2.2")
)

// visit is what a source does on the machine that it meets.
func visit(t *testing.T, h *machine.Hosts, from netip.Addr, do func(s *machine.Shared)) {
	t.Helper()
	s := h.For(from)
	do(s)
	if err := s.Leave(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreTheDeckysOrTheSources(t *testing.T) {
	for _, c := range []struct{ persist, there string }{{"", "x"}, {decky.PersistDecky, "x"}, {decky.PersistSource, "no such file or directory"}} {
		store := servicetest.NewStore(0)
		first := machine.Of(processOf(store, c.persist, "ssh"))
		visit(t, first, here, func(s *machine.Shared) { write(t, s, "/tmp/x", "x") })
		for name, h := range map[string]*machine.Hosts{"same process": first, "after a restart": machine.Of(processOf(store, c.persist, "ssh")), "by another service": machine.Of(processOf(store, c.persist, "telnet"))} {
			visit(t, h, here, func(s *machine.Shared) {
				if got := read(s, "/tmp/x"); got != "x" {
					t.Errorf("%q, %s: whoever wrote reads %q", c.persist, name, got)
				}
			})
			visit(t, h, there, func(s *machine.Shared) {
				if got := read(s, "/tmp/x"); got != c.there {
					t.Errorf("%q, %s: another source reads %q", c.persist, name, got)
				}
			})
			if err := h.Flush(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTheStoreKeepsTheSourcesThatCameLast(t *testing.T) {
	store := servicetest.NewStore(1 << 20)
	clock := time.Now()
	env := processOf(store, decky.PersistSource, "ssh")
	env.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	h := machine.Of(env)
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	for i := range 300 {
		visit(t, h, addr(i), func(s *machine.Shared) { write(t, s, "/tmp/x", fmt.Sprint(i)) })
	}
	again := machine.Of(processOf(store, decky.PersistSource, "ssh"))
	for i, want := range map[int]string{0: "no such file or directory", 20: "no such file or directory", 50: "50", 299: "299"} {
		visit(t, again, addr(i), func(s *machine.Shared) {
			if got := read(s, "/tmp/x"); got != want {
				t.Errorf("source %d reads %q, want %q", i, got, want)
			}
		})
	}
	// One that needs room drives out who was away for long.
	visit(t, again, there, func(s *machine.Shared) { write(t, s, "/tmp/big", strings.Repeat("x", 600<<10)) })
	last := machine.Of(processOf(store, decky.PersistSource, "ssh"))
	visit(t, last, there, func(s *machine.Shared) {
		if n := len(read(s, "/tmp/big")); n != 600<<10 {
			t.Errorf("a file that needed room has %d bytes", n)
		}
	})
}

func TestConcurrentProcessesLoseNothing(t *testing.T) {
	store := servicetest.NewStore(0)
	ssh, telnet := machine.Of(processOf(store, "", "ssh")), machine.Of(processOf(store, "", "telnet"))
	var all sync.WaitGroup
	for name, h := range map[string]*machine.Hosts{"ssh": ssh, "telnet": telnet} {
		all.Go(func() {
			for i := range 20 {
				visit(t, h, here, func(s *machine.Shared) { write(t, s, fmt.Sprintf("/tmp/%s%d", name, i), name) })
			}
		})
	}
	all.Wait()
	visit(t, machine.Of(processOf(store, "", "third")), here, func(s *machine.Shared) {
		for i := range 20 {
			for _, name := range []string{"ssh", "telnet"} {
				if got := read(s, fmt.Sprintf("/tmp/%s%d", name, i)); got != name {
					t.Errorf("%s%d is %q", name, i, got)
				}
			}
		}
	})
}

// TestSessionsOfOtherProcessesAreSeen: while two sessions last, each sees within
// moments what the other does.
func TestSessionsOfOtherProcessesAreSeen(t *testing.T) {
	store := servicetest.NewStore(0)
	one, two := machine.Of(processOf(store, "", "ssh")), machine.Of(processOf(store, "", "telnet"))
	a, b := one.For(here), two.For(there)
	ma, mb := a.Machine([]string{"root"}), b.Machine([]string{"root"})
	login, leave := ma.Enter("root", here)
	pid, end := ma.Run(machine.Process{PPID: login.PID, User: "root", Name: "sleep", Args: "sleep 99"})
	write(t, a, "/tmp/x", "here")
	patient := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the other never %s", what)
			}
		}
	}
	patient("read the file", func() bool { return read(b, "/tmp/x") == "here" })
	patient("saw the session", func() bool { l := mb.Logins(); return len(l) == 1 && l[0].TTY == "pts/0" && l[0].From == here })
	patient("saw the process", func() bool { p, ok := mb.Process(pid); return ok && p.Args == "sleep 99" })
	other, leaveOther := mb.EnterBy("telnet", "root", there)
	if other.TTY != "pts/1" || other.PID <= pid {
		t.Errorf("the second session is on %s with process %d, after %d", other.TTY, other.PID, pid)
	}
	end()
	leave()
	leaveOther()
	patient("saw it end", func() bool { return len(mb.Logins()) == 0 })
	for _, s := range []*machine.Shared{a, b} {
		if err := s.Leave(); err != nil {
			t.Error(err)
		}
	}
	for _, h := range []*machine.Hosts{one, two} {
		if err := h.Flush(); err != nil {
			t.Error(err)
		}
	}
}
