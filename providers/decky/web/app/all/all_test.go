package all_test

import (
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/providers/decky/web/app/all"
	"github.com/decnet/decnet/schema/event"
)

var now = time.Unix(1_700_000_000, 0)

func open(t testing.TB, name string) app.App {
	t.Helper()
	host := servicetest.Host()
	env := decky.Env{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Host: host, Name: "http", Derive: persona.Derive(host), Store: servicetest.NewStore(0)}
	a, err := all.Apps()[name](app.Env{Env: env, Users: map[string]string{"admin": "right"}, Sessions: app.NewSessions(env.Store)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// client keeps cookies as a browser does.
type client struct {
	t       testing.TB
	app     app.App
	cookies map[string]string
	notes   []event.Body
}

func (c *client) do(method, target, kind, body string, header ...string) *app.Reply {
	c.t.Helper()
	path, query, _ := strings.Cut(target, "?")
	v := &app.Visit{Method: method, Path: path, Query: query, Host: "www.example.com", Version: 1001, Secure: true, Source: netip.MustParseAddr("10.0.0.9"), Now: now, Body: []byte(body), Fields: map[string]string{"content-type": kind}}
	var jar []string
	for _, name := range slices.Sorted(maps.Keys(c.cookies)) {
		jar = append(jar, name+"="+c.cookies[name])
	}
	v.Fields["cookie"] = strings.Join(jar, "; ")
	for i := 0; i+1 < len(header); i += 2 {
		v.Fields[strings.ToLower(header[i])] = header[i+1]
	}
	r := c.app.Serve(v)
	c.notes = append(c.notes, v.Notes()...)
	if r == nil {
		return &app.Reply{Status: 404}
	}
	for _, cookie := range r.Cookies {
		name, rest, _ := strings.Cut(cookie, "=")
		value, _, _ := strings.Cut(rest, ";")
		c.cookies[name] = value
	}
	return r
}

func (c *client) form(target string, fields ...string) *app.Reply {
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return c.do("POST", target, "application/x-www-form-urlencoded", values.Encode())
}

func (c *client) attempts() (list []string) {
	for _, n := range c.notes {
		if a, ok := n.(*event.AuthAttempt); ok {
			outcome := "refused"
			if a.Success {
				outcome = "in"
			}
			list = append(list, string(a.Username)+":"+string(a.Secret)+" "+outcome)
		}
	}
	return list
}

func newClient(t testing.TB, name string) *client {
	return &client{t: t, app: open(t, name), cookies: map[string]string{}}
}

// between is what stands between two texts of a page.
func between(r *app.Reply, before, after string) string {
	_, rest, _ := strings.Cut(string(r.Body), before)
	text, _, _ := strings.Cut(rest, after)
	return text
}

// basic is the header of a login by Basic authentication.
func basic(secret string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+secret))}
}

// logins tell of each application how one logs in, and what is seen only then.
var logins = map[string]struct {
	login  func(c *client, secret string) *app.Reply
	inside func(c *client) *app.Reply
	seen   string
}{
	"wordpress": {func(c *client, s string) *app.Reply {
		c.do("GET", "/wp-login.php", "", "")
		return c.form("/wp-login.php", "log", "admin", "pwd", s)
	}, func(c *client) *app.Reply { return c.do("GET", "/wp-admin/", "", "") }, "Howdy, admin"},
	"phpmyadmin": {func(c *client, s string) *app.Reply {
		c.do("GET", "/phpmyadmin/", "", "")
		return c.form("/phpmyadmin/index.php?route=/", "pma_username", "admin", "pma_password", s)
	}, func(c *client) *app.Reply { return c.do("GET", "/phpmyadmin/index.php", "", "") }, "information_schema"},
	"tomcat": {func(c *client, s string) *app.Reply { return c.do("GET", "/manager/html", "", "", basic(s)...) },
		func(c *client) *app.Reply { return c.do("GET", "/manager/text/list", "", "", basic("right")...) }, "OK - Listed"},
	"jenkins": {func(c *client, s string) *app.Reply {
		return c.form("/j_spring_security_check", "j_username", "admin", "j_password", s)
	}, func(c *client) *app.Reply { return c.do("GET", "/script", "", "") }, "Groovy"},
	"gitlab": {func(c *client, s string) *app.Reply {
		page := c.do("GET", "/users/sign_in", "", "")
		return c.form("/users/sign_in", "authenticity_token", between(page, `csrf-token" content="`, `"`), "user[login]", "admin", "user[password]", s)
	}, func(c *client) *app.Reply { return c.do("GET", "/", "", "") }, "Projects"},
	"grafana": {func(c *client, s string) *app.Reply {
		return c.do("POST", "/login", "application/json", `{"user":"admin","password":"`+s+`"}`)
	}, func(c *client) *app.Reply { return c.do("GET", "/api/user", "", "") }, `"login":"admin"`},
	"router": {func(c *client, s string) *app.Reply { return c.do("GET", "/", "", "", basic(s)...) }, func(c *client) *app.Reply { return c.do("GET", "/", "", "", basic("right")...) }, "Serial number"},
	"printer": {func(c *client, s string) *app.Reply {
		return c.do("GET", "/set_config_firmware.html", "", "", basic(s)...)
	}, func(c *client) *app.Reply { return c.do("GET", "/set_config_firmware.html", "", "", basic("right")...) }, "firmware"},
	"nas": {func(c *client, s string) *app.Reply {
		return c.do("GET", "/webapi/auth.cgi?api=SYNO.API.Auth&version=3&method=login&account=admin&passwd="+s, "", "")
	}, func(c *client) *app.Reply {
		return c.do("GET", "/webapi/entry.cgi?api=SYNO.FileStation.List&version=2&method=list_share", "", "")
	}, `"homes"`},
	"exchange-owa": {func(c *client, s string) *app.Reply {
		return c.form("/owa/auth.owa", "username", `CORP\admin`, "password", s, "destination", "https://www.example.com/owa/")
	}, func(c *client) *app.Reply { return c.do("GET", "/owa/", "", "") }, "Outlook</p>"},
}

func TestALoginIsRecordedAndOnlyTheRightOneGetsIn(t *testing.T) {
	for name := range all.Apps() {
		l, ok := logins[name]
		if !ok {
			t.Errorf("%s has no login in this test", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			c := newClient(t, name)
			c.do("GET", "/", "", "")
			if name != "router" && name != "printer" && name != "tomcat" && strings.Contains(string(l.inside(c).Body), l.seen) {
				t.Error("the inside is seen without a login")
			}
			c.notes = nil
			wrong := l.login(c, "wrong")
			if strings.Contains(string(wrong.Body), l.seen) {
				t.Error("a wrong password gets in")
			}
			if got := c.attempts(); len(got) != 1 || !strings.HasSuffix(got[0], "admin:wrong refused") {
				t.Errorf("on record: %q", got)
			}
			c.notes = nil
			l.login(c, "right")
			if got := c.attempts(); len(got) != 1 || !strings.HasSuffix(got[0], "admin:right in") {
				t.Errorf("on record: %q", got)
			}
			if page := l.inside(c); !strings.Contains(string(page.Body), l.seen) {
				t.Errorf("after the login: %d %.300q", page.Status, page.Body)
			}
		})
	}
}

func TestUnknownPathsAreNotAllAnsweredAlike(t *testing.T) {
	for name := range all.Apps() {
		c := newClient(t, name)
		front, other := c.do("GET", "/", "", ""), c.do("GET", "/../../etc/passwd%00.jpg/nowhere/at/all", "", "")
		if front.Status == other.Status && string(front.Body) == string(other.Body) && len(front.Body) > 0 && name != "router" && name != "grafana" { // both ask for a login everywhere
			t.Errorf("%s answers / and a path that is not there alike: %d", name, front.Status)
		}
		if strings.Contains(string(other.Body), "root:") {
			t.Errorf("%s shows a password file", name)
		}
	}
}

func TestTwoHostsShowDifferentIdentities(t *testing.T) {
	for _, name := range []string{"router", "printer", "jenkins", "wordpress"} {
		pages := map[string]bool{}
		for i := range 2 {
			host := servicetest.Host()
			host.Key = []byte(strings.Repeat(string(rune('a'+i)), 32))
			env := decky.Env{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Host: host, Derive: persona.Derive(host), Store: servicetest.NewStore(0)}
			a, err := all.Apps()[name](app.Env{Env: env, Users: map[string]string{"admin": "right"}, Sessions: app.NewSessions(env.Store)})
			if err != nil {
				t.Fatal(err)
			}
			c := &client{t: t, app: a, cookies: map[string]string{}}
			text := ""
			for _, path := range []string{"/", "/login", "/info_configuration.html"} {
				r := c.do("GET", path, "", "", basic("right")...)
				for _, h := range r.Header {
					if h.Name == "X-Jenkins-Session" {
						text += h.Value
					}
				}
				text += string(r.Body)
			}
			pages[text] = true
		}
		if len(pages) != 2 {
			t.Errorf("%s of two hosts is the same", name)
		}
	}
}

func TestBruteForceOverXMLRPCIsRecorded(t *testing.T) {
	c := newClient(t, "wordpress")
	call := "<methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>admin</value></param><param><value><string>guess</string></value></param></params></methodCall>"
	if r := c.do("POST", "/xmlrpc.php", "text/xml", call); !strings.Contains(string(r.Body), "<int>403</int>") {
		t.Errorf("%s", r.Body)
	}
	if got := c.attempts(); len(got) != 1 || got[0] != "admin:guess refused" {
		t.Errorf("on record: %q", got)
	}
	if r := c.do("GET", "/xmlrpc.php", "", ""); r.Status != 405 {
		t.Errorf("GET is answered %d", r.Status)
	}
}

// type3 is an AUTHENTICATE_MESSAGE of user with an NTLMv2 response.
func type3(user string, nt []byte) string {
	message := append([]byte("NTLMSSP\x00"), 3, 0, 0, 0)
	name := []byte{}
	for _, c := range user {
		name = append(name, byte(c), 0)
	}
	const header = 64
	field := func(n, offset int) {
		message = append(message, byte(n), byte(n>>8), byte(n), byte(n>>8), byte(offset), byte(offset>>8), 0, 0)
	}
	field(0, header)
	field(len(nt), header)
	field(0, header)
	field(len(name), header+len(nt))
	field(0, header)
	field(0, header)
	message = append(message, 0, 0, 0, 0)
	return base64.StdEncoding.EncodeToString(append(append(message, nt...), name...))
}

func TestWindowsAuthenticationLeavesACrackableHash(t *testing.T) {
	c := newClient(t, "exchange-owa")
	first := c.do("POST", "/ews/exchange.asmx", "text/xml", "")
	if first.Status != 401 || len(first.Header) < 2 {
		t.Fatalf("%d %v", first.Status, first.Header)
	}
	hello := base64.StdEncoding.EncodeToString(append([]byte("NTLMSSP\x00"), 1, 0, 0, 0, 7, 0x82, 8, 0xa2))
	second := c.do("POST", "/ews/exchange.asmx", "text/xml", "", "Authorization", "NTLM "+hello)
	var challenge []byte
	for _, h := range second.Header {
		if rest, ok := strings.CutPrefix(h.Value, "NTLM "); ok && h.Name == "WWW-Authenticate" {
			challenge, _ = base64.StdEncoding.DecodeString(rest)
		}
	}
	if len(challenge) < 56 || challenge[8] != 2 {
		t.Fatalf("no challenge: %v", second.Header)
	}
	proof := []byte(strings.Repeat("P", 16) + "blob of the client and more")
	c.do("POST", "/ews/exchange.asmx", "text/xml", "", "Authorization", "NTLM "+type3("alice", proof))
	want := "alice:::" + hex.EncodeToString(challenge[24:32]) + ":" + hex.EncodeToString(proof[:16]) + ":" + hex.EncodeToString(proof[16:])
	if len(c.notes) != 1 || string(c.notes[0].(*event.AuthAttempt).Secret) != want {
		t.Errorf("on record: %+v, want %s", c.notes, want)
	}
}

func FuzzApps(f *testing.F) {
	f.Add("GET", "/wp-json/wp/v2/users", "", "", "")
	f.Add("POST", "/xmlrpc.php", "text/xml", "<methodName>system.multicall</methodName><value>wp.x</value><value>a</value><value>b</value>", "")
	f.Add("POST", "/ews/", "", "", "NTLM "+type3("u", make([]byte, 40)))
	f.Add("POST", "/login", "application/json", `{"user":1}`, "Basic !")
	f.Fuzz(func(t *testing.T, method, target, kind, body, authorization string) {
		for name := range all.Apps() {
			c := newClient(t, name)
			r := c.do(method, target, kind, body, "Authorization", authorization)
			for _, h := range r.Header {
				if strings.ContainsAny(h.Value, "\r\n") {
					t.Errorf("%s: a line break in %s", name, h.Name)
				}
			}
		}
	})
}
