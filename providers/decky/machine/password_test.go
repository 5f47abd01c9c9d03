package machine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/crypt"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

// put replaces, or with no old appends, a line of a file of accounts.
func put(t *testing.T, m *machine.Machine, path, start, line string) {
	t.Helper()
	view := m.FS.As(0, 0)
	data, err := view.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		if start == "" || !strings.HasPrefix(l, start+":") {
			out = append(out, l)
		}
	}
	if line != "" {
		out = append(out, line)
	}
	if err := view.WriteFile(path, []byte(strings.Join(out, "\n")+"\n"), 0o640); err != nil {
		t.Fatal(err)
	}
}

// The machine decides of the accounts that were changed, of no other.
func TestPassword(t *testing.T) {
	for _, distro := range persona.Distros() {
		host := servicetest.Host()
		host.Distro, host.Kernel, host.Build, host.Title = distro, "", "", ""
		m := machine.New(host, []string{"admin"}, time.Now)
		check := func(what, user, password string, decided, ok bool) {
			t.Helper()
			if d, k := m.Password(user, password); d != decided || k != ok {
				t.Errorf("%s: %s: %s:%s is %v %v, want %v %v", distro, what, user, password, d, k, decided, ok)
			}
		}
		check("untouched", "admin", "x", false, false)
		check("untouched", "root", "", false, false)
		check("nobody", "eve", "x", false, false)

		first := m.Hash("s3cret")
		put(t, m, "/etc/shadow", "admin", "admin:"+first+":20000:0:99999:7:::")
		check("set", "admin", "s3cret", true, true)
		check("set", "admin", "other", true, false)
		check("set", "admin", "", true, false)
		if again := m.Hash("s3cret"); again == first {
			t.Errorf("%s: the same password twice is the same hash", distro)
		} else if method := strings.Split(m.Persona.ShadowHash("root"), "$")[1]; strings.Split(again, "$")[1] != method || len(again) != len(m.Persona.ShadowHash("root")) {
			t.Errorf("%s: %s is not as the distribution hashes", distro, again)
		}
		put(t, m, "/etc/shadow", "admin", "admin:!"+first+":20000:0:99999:7:::")
		check("locked", "admin", "s3cret", true, false)
		put(t, m, "/etc/shadow", "admin", "admin:"+crypt.MD5("old", "salt")+":20000:0:99999:7:::")
		check("of md5", "admin", "old", true, true)

		put(t, m, "/etc/passwd", "", "eve:x:0:0::/root:/bin/sh")
		check("without a shadow", "eve", "x", false, false)
		put(t, m, "/etc/shadow", "", "eve:"+crypt.SHA512("pw", "salt", 0)+":20000:0:99999:7:::")
		check("added by hand", "eve", "pw", true, true)
		put(t, m, "/etc/passwd", "", "mallory:"+crypt.SHA256("pw", "salt", 0)+":0:0::/root:/bin/sh")
		check("without shadow", "mallory", "pw", true, true)
		check("without shadow", "mallory", "no", true, false)

		put(t, m, "/etc/passwd", "admin", "")
		check("removed", "admin", "old", true, false)
		for user, want := range map[string][2]bool{"admin": {true, false}, "eve": {true, true}, "root": {false, true}, "nobody-here": {false, false}} {
			if d, ok := m.Known(user); [2]bool{d, ok} != want {
				t.Errorf("%s: %s is known: %v %v, want %v", distro, user, d, ok, want)
			}
		}
	}
}

// What one service's client set another service's login sees.
func TestSharedPassword(t *testing.T) {
	store := servicetest.NewStore(0)
	env := func() decky.Env {
		return decky.Env{Host: servicetest.Host(), Now: time.Now, SharedStore: store}
	}
	users := []string{"admin"}
	ssh, telnet := machine.Share(env()), machine.Share(env())
	if decided, _ := ssh.Password(users, "admin", "x"); decided {
		t.Error("an untouched machine decides")
	}
	m := ssh.Machine(users)
	put(t, m, "/etc/shadow", "admin", "admin:"+m.Hash("changed")+":20000:0:99999:7:::")
	if err := ssh.Flush(); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*machine.Shared{"ssh": ssh, "telnet": telnet, "after a restart": machine.Share(env())} {
		if decided, ok := s.Password(users, "admin", "changed"); !decided || !ok {
			t.Errorf("%s: the new password: %v %v", name, decided, ok)
		}
		if decided, ok := s.Password(users, "admin", "before"); !decided || ok {
			t.Errorf("%s: another password: %v %v", name, decided, ok)
		}
	}
}

// Secret falls back to who runs the logins, and that only.
func TestSecret(t *testing.T) {
	m := machine.New(servicetest.Host(), []string{"admin"}, time.Now)
	check := func(password string, wantOK, wantKnown bool) {
		t.Helper()
		if ok, known := m.Secret("admin", password); ok != wantOK || known != wantKnown {
			t.Errorf("%q: %v %v, want %v %v", password, ok, known, wantOK, wantKnown)
		}
	}
	check("x", false, false)
	m.SetPolicy(func(user, password string) bool { return user == "admin" && password == "right" })
	check("x", false, true)
	check("right", true, true)
	put(t, m, "/etc/shadow", "admin", "admin:"+m.Hash("new")+":20000:0:99999:7:::")
	check("right", false, true)
	check("new", true, true)
}
