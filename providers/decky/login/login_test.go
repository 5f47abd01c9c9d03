package login_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/login"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
)

func env(key string, store decky.Store) decky.Env {
	host := servicetest.Host()
	host.Key = []byte(key)
	return decky.Env{Host: host, Derive: persona.Derive(host), SharedStore: store}
}

func open(t *testing.T, e decky.Env, config login.Config) *login.Policy {
	t.Helper()
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	p, err := login.Open(e, config)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("192.0.2.2")
)

func TestUsersLetsInItsAccountsOnly(t *testing.T) {
	p := open(t, env("a", nil), login.Config{Users: map[string]string{"root": "changeme", "op": ""}})
	for _, c := range []struct {
		user, password string
		want           bool
	}{{"root", "changeme", true}, {"root", "changeme ", false}, {"root", "", false}, {"op", "", true}, {"op", "x", false}, {"nobody", "changeme", false}} {
		for range 12 {
			if got := p.Password(here, c.user, c.password); got != c.want {
				t.Fatalf("%s:%s = %v", c.user, c.password, got)
			}
		}
	}
	if !p.Known("op") || p.Known("nobody") {
		t.Errorf("accounts %v", p.Accounts())
	}
}

func TestWeakLetsInOneDefaultThatIsTheDeckysOwn(t *testing.T) {
	winners := map[string]bool{}
	for i := range 40 {
		p := open(t, env(fmt.Sprint("key", i), nil), login.Config{Policy: login.Weak})
		won := ""
		for _, user := range []string{"root", "admin", "ubnt", "support", "user", "guest", "pi", "oracle", "postgres", "test"} {
			for _, password := range []string{"root", "admin", "123456", "password", "toor", "1234", "12345", "default", "xc3511", "vizxv", "888888", "xmhdipc", "admin123", "ubnt", "support", "user", "guest", "raspberry", "oracle", "postgres", "test"} {
				if p.Password(here, user, password) {
					if won != "" {
						t.Fatalf("both %s and %s:%s", won, user, password)
					}
					won = user + ":" + password
					if !p.Known(user) {
						t.Errorf("%s is let in but is no account of the machine", user)
					}
				}
			}
		}
		winners[won] = true
	}
	if len(winners) < 10 || winners[""] {
		t.Errorf("40 deckies have %d logins: %v", len(winners), winners)
	}
}

func TestPatientIsStickyAndSurvivesARestart(t *testing.T) {
	store := servicetest.NewStore(0)
	config := login.Config{Policy: login.Patient, Users: map[string]string{"root": "own"}}
	p := open(t, env("k", store), config)
	won := ""
	for i := range 20 {
		guess := fmt.Sprint("guess", i)
		if p.Password(here, "root", guess) {
			won = guess
			break
		}
		if p.Password(here, "root", guess) {
			t.Fatalf("%s was refused and then let in", guess)
		}
	}
	if won == "" || won < "guess4" {
		t.Fatalf("let in with %q", won)
	}
	for _, q := range []*login.Policy{p, open(t, env("k", store), config)} {
		switch {
		case !q.Password(here, "root", won), q.Password(here, "root", "other"), q.Password(here, "admin", won), q.Password(there, "root", won):
			t.Error("the decision does not stick to the source and its login")
		case !q.Password(here, "root", "own"):
			t.Error("the configured password is refused")
		}
	}
}

func TestPatientNeedsDistinctGuessesAtAnAccountThatExists(t *testing.T) {
	p := open(t, env("k", nil), login.Config{Policy: login.Patient})
	for i := range 200 {
		if p.Password(here, "root", "same") || p.Password(here, "nobody", fmt.Sprint(i)) || p.Password(here, "root", "") {
			t.Fatal("let in")
		}
	}
}

func TestServicesOfADeckyShareOnePolicy(t *testing.T) {
	e := env("k", nil)
	shared := map[string]any{}
	e.Shared = func(key string, make func() any) any {
		if shared[key] == nil {
			shared[key] = make()
		}
		return shared[key]
	}
	config := login.Config{Policy: login.Patient, Users: map[string]string{"root": "own"}}
	ssh, telnet := open(t, e, config), open(t, e, config)
	config.Users = map[string]string{"root": "else"}
	if other := open(t, e, config); ssh != telnet || other == ssh {
		t.Errorf("shared: %v, and with other accounts: %v", ssh == telnet, other == ssh)
	}
	if _, err := login.Open(e, login.Config{}); err != nil {
		t.Error(err)
	}
}

func TestWrongConfigurationsAreRefused(t *testing.T) {
	for _, c := range []login.Config{{Policy: "random"}, {Attempts: -1}, {Attempts: 1000}, {Users: map[string]string{"": "x"}}} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
