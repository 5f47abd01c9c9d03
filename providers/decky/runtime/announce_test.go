package runtime_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/runtime"
)

// process is one that serves a service of a decky, called name.
func process(t *testing.T, s decky.Spec, name string) (*runtime.Runtime, *client) {
	t.Helper()
	r := runtime.New(runtime.Options{
		Log: slog.New(slog.DiscardHandler), Catalogue: catalogue,
		OpenJournal: func(string, int64) (runtime.Journal, error) { return &memory{}, nil },
	})
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r, another(t, r, s, name)
}

func another(t *testing.T, r *runtime.Runtime, s decky.Spec, name string) *client {
	t.Helper()
	l := listen(t)
	service := wordsSpec
	service.Name = name
	if err := r.AddService(s, service, []net.Listener{l}); err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, addr: l.Addr().String()}
	return f.dial()
}

const port = "words[{1234 tcp}]"

func TestAServiceKnowsThoseBesideIt(t *testing.T) {
	s := spec(t, decky.Limits{})
	r, a := process(t, s, "a")
	b := another(t, r, s, "b")
	for _, c := range []*client{a, b} {
		c.say("services")
		c.hear("a" + port + " b" + port)
	}
	if err := r.RemoveService(context.Background(), s.Host.Address, "b"); err != nil {
		t.Fatal(err)
	}
	a.say("services")
	a.hear("a" + port)
	if _, err := os.Stat(filepath.Join(s.Store, runtime.AnnouncementFile("a"))); err == nil {
		t.Error("a decky of one process wrote about its services")
	}
}

func TestServicesOfSeveralProcessesKnowEachOther(t *testing.T) {
	one, two := spec(t, decky.Limits{}), spec(t, decky.Limits{})
	one.Shared = t.TempDir()
	two.Shared = one.Shared
	_, ssh := process(t, one, "ssh")
	_, telnet := process(t, two, "telnet")
	for _, c := range []*client{ssh, telnet} {
		c.say("services")
		c.hear("ssh" + port + " telnet" + port)
	}
	// Whoever ends a service for good takes the file away.
	if err := os.Remove(filepath.Join(one.Shared, runtime.AnnouncementFile("ssh"))); err != nil {
		t.Fatal(err)
	}
	// Something else stands there: nobody's services.
	for _, name := range []string{"x", "telnet2"} {
		if err := os.WriteFile(filepath.Join(one.Shared, runtime.AnnouncementFile(name)), []byte(`{"name":"`+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, third := process(t, two, "telnet")
	third.say("services")
	third.hear("telnet" + port)
}
