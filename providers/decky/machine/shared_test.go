package machine_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// process is one of several that serve a decky: its services share values, and
// all processes share the store.
func process(store decky.Store) decky.Env { return processOf(store, "", "one") }

var processes int

// processOf is one whose host keeps files as persist says.
func processOf(store decky.Store, persist, name string) decky.Env {
	processes++
	host := servicetest.Host()
	host.Persist = persist
	values := map[string]any{}
	return decky.Env{
		Host: host, Now: time.Now, Derive: persona.Derive(host), SharedStore: store, Process: fmt.Sprint(name, processes),
		Shared: func(key string, make func() any) any {
			if values[key] == nil {
				values[key] = make()
			}
			return values[key]
		},
	}
}

func write(t *testing.T, s *machine.Shared, path, text string) {
	t.Helper()
	if err := s.Machine([]string{"root"}).FS.As(0, 0).WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(s *machine.Shared, path string) string {
	data, err := s.Machine([]string{"root"}).FS.As(0, 0).ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestServicesOfAProcessShowOneMachine(t *testing.T) {
	env := process(servicetest.NewStore(0))
	ssh, telnet := machine.Share(env), machine.Share(env)
	write(t, ssh, "/tmp/x", "here")
	if got := read(telnet, "/tmp/x"); got != "here" {
		t.Errorf("telnet reads %q", got)
	}
}

func TestProcessesOfADeckyMeetInItsStore(t *testing.T) {
	store := servicetest.NewStore(0)
	ssh, telnet := machine.Share(process(store)), machine.Share(process(store))
	read(telnet, "/tmp/x")
	write(t, ssh, "/tmp/x", "here")
	if err := ssh.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := read(telnet, "/tmp/x"); got != "here" {
		t.Errorf("after ssh kept its files telnet reads %q", got)
	}
	write(t, telnet, "/tmp/y", "there")
	if err := telnet.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := read(machine.Share(process(store)), "/tmp/x") + read(ssh, "/tmp/y"); got != "herethere" {
		t.Errorf("a new process and the first read %q", got)
	}
}

func TestASessionKeepsItsMachine(t *testing.T) {
	store := servicetest.NewStore(0)
	ssh, telnet := machine.Share(process(store)), machine.Share(process(store))
	m := telnet.Machine(nil)
	_, leave := m.Enter("root", netip.MustParseAddr("192.0.2.1"))
	write(t, ssh, "/tmp/x", "here")
	if err := ssh.Flush(); err != nil {
		t.Fatal(err)
	}
	if telnet.Machine(nil) != m {
		t.Error("a machine with a session on it was replaced")
	}
	leave()
	if telnet.Machine(nil) == m {
		t.Error("the machine was not read again after its last session")
	}
}

func TestAccountsOfEveryServiceAreOnTheMachine(t *testing.T) {
	env := process(servicetest.NewStore(0))
	machine.Share(env).Machine([]string{"root", "anna"})
	m := machine.Share(env).Machine([]string{"root", "berta"})
	if a := m.Account("berta"); a.Name != "berta" || a.UID < 1000 || a.UID == m.Account("anna").UID {
		t.Errorf("berta = %+v", a)
	}
	before := read(machine.Share(env), "/etc/passwd")
	machine.Share(env).Machine([]string{"berta"})
	if after := read(machine.Share(env), "/etc/passwd"); after != before || strings.Count(after, "berta:x:") != 1 {
		t.Errorf("added again:\n%s", after)
	}
}

func TestLastLoginIsOfAnyService(t *testing.T) {
	store := servicetest.NewStore(0)
	from := netip.MustParseAddr("192.0.2.9")
	ssh, telnet := machine.Share(process(store)), machine.Share(process(store))
	if first, ok := ssh.LoggedIn("root", from, "pts/3"); ok {
		t.Errorf("the login before the first is %+v", first)
	}
	m := ssh.Machine(nil)
	visits := m.Visits()
	admin := visits[len(visits)-1]
	if before, ok := ssh.LoggedIn(admin.User, from, "pts/3"); !ok || !before.At.Equal(admin.In) || before.From != admin.From {
		t.Errorf("before the administrator's first login there is %+v, want %+v", before, admin)
	}
	if got, ok := telnet.LoggedIn("root", from, "pts/0"); !ok || got.From != from || got.TTY != "pts/3" || time.Since(got.At) > time.Minute {
		t.Errorf("telnet shows %+v", got)
	}
}
