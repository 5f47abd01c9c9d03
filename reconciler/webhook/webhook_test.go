package webhook_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/webhook"
)

const secret = "correct-horse-battery-staple"

var signingKey = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// world is a receiver with one hook of every kind.
type world struct {
	t       testing.TB
	r       *webhook.Receiver
	dir     string
	log     *bytes.Buffer
	mu      sync.Mutex
	pushes  []webhook.Push
	now     time.Time
	payload map[webhook.Kind][]byte
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, dir: t.TempDir(), log: &bytes.Buffer{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), payload: map[webhook.Kind][]byte{}}
	for _, kind := range []webhook.Kind{webhook.GitHub, webhook.GitLab, webhook.Gitea} {
		data, err := os.ReadFile(filepath.Join("testdata", string(kind)+"-push.json"))
		if err != nil {
			t.Fatal(err)
		}
		w.payload[kind] = data
	}
	w.payload[webhook.Generic] = []byte(`{"repository":"https://git.example.com/owner/fleet","ref":"refs/heads/main"}`)
	r, err := webhook.New(webhook.Config{
		Hooks: []webhook.Hook{
			{Name: "github", Kind: webhook.GitHub, SecretFile: w.secret("github", secret+"\n")},
			{Name: "gitlab", Kind: webhook.GitLab, SecretFile: w.secret("gitlab", secret)},
			{Name: "signed", Kind: webhook.GitLab, SecretFile: w.secret("signed", signingKey)},
			{Name: "gitea", Kind: webhook.Gitea, SecretFile: w.secret("gitea", secret), Path: "/elsewhere"},
			{Name: "generic", Kind: webhook.Generic, SecretFile: w.secret("generic", secret)},
		},
		Wake: func(p webhook.Push) { w.mu.Lock(); defer w.mu.Unlock(); w.pushes = append(w.pushes, p) },
		Now:  func() time.Time { return w.now },
		Log:  slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.r = r
	return w
}

func (w *world) secret(name, content string) string {
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func mac(key string, parts ...string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	for _, p := range parts {
		m.Write([]byte(p))
	}
	return m.Sum(nil)
}

// request is an authentic one of a hook.
func (w *world) request(hook string) (*http.Request, string) {
	kind, path := webhook.Kind(hook), "/hooks/"+hook
	switch hook {
	case "signed":
		kind = webhook.GitLab
	case "gitea":
		path = "/elsewhere"
	}
	body := string(w.payload[kind])
	q := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	q.RemoteAddr = "127.0.0.1:4242"
	q.Header.Set("Content-Type", "application/json; charset=utf-8")
	seconds := strconv.FormatInt(w.now.Unix(), 10)
	switch hook {
	case "github":
		q.Header.Set("X-GitHub-Event", "push")
		q.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
		q.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(secret, body)))
	case "gitea":
		q.Header.Set("X-Gitea-Event", "push")
		q.Header.Set("X-Gitea-Delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473")
		q.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac(secret, body)))
	case "gitlab":
		q.Header.Set("X-Gitlab-Event", "Push Hook")
		q.Header.Set("X-Gitlab-Token", secret)
		q.Header.Set("X-Gitlab-Event-UUID", "13792a34-cac6-4fda-95a8-c58e00a3954e")
	case "signed":
		q.Header.Set("X-Gitlab-Event", "Push Hook")
		q.Header.Set("Webhook-Id", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f")
		q.Header.Set("Webhook-Timestamp", seconds)
		q.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac("0123456789abcdef0123456789abcdef", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f."+seconds+"."+body)))
	case "generic":
		q.Header.Set("X-Timestamp", seconds)
		q.Header.Set("X-Signature-256", "sha256="+hex.EncodeToString(mac(secret, seconds+"."+body)))
	}
	return q, body
}

func (w *world) do(q *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	w.r.ServeHTTP(recorder, q)
	return recorder
}

var hooks = []string{"github", "gitlab", "signed", "gitea", "generic"}

func TestAuthenticPushesWake(t *testing.T) {
	w := newWorld(t)
	for _, hook := range hooks {
		q, _ := w.request(hook)
		if got := w.do(q); got.Code != http.StatusAccepted {
			t.Errorf("%s: answered %d", hook, got.Code)
		}
	}
	if len(w.pushes) != len(hooks) {
		t.Fatalf("woken %d times", len(w.pushes))
	}
	repositories := map[string][]string{
		"github": {"https://github.com/example/fleet", "git@github.com:example/fleet.git", "ssh://git@github.com/Example/Fleet.git/"},
		"gitlab": {"https://gitlab.example.com/group/fleet.git", "git@gitlab.example.com:group/fleet"},
		"signed": {"https://gitlab.example.com/group/fleet.git"},
		"gitea":  {"ssh://git@git.example.com:2222/owner/fleet.git", "https://git.example.com/owner/fleet"},
		"generic": {
			"https://user:password@git.example.com:8443/owner/fleet.git",
		},
	}
	for i, p := range w.pushes {
		if p.Hook != hooks[i] || p.Ref != "refs/heads/main" {
			t.Errorf("push %+v", p)
		}
		for _, repository := range repositories[p.Hook] {
			if !p.Concerns(repository) {
				t.Errorf("%s: %v does not concern %s", p.Hook, p.Repositories, repository)
			}
		}
		for _, other := range []string{"https://git.example.com/owner/other", "https://evil.example.com/example/fleet", "", "owner/fleet", "/srv/git/fleet.git"} {
			if p.Concerns(other) {
				t.Errorf("%s: %v concerns %q", p.Hook, p.Repositories, other)
			}
		}
	}
	for _, s := range w.r.Stats() {
		if s.Accepted != 1 || s.Refused != 0 || s.Last.IsZero() {
			t.Errorf("stats %+v", s)
		}
	}
}

// TestForgedRequestsAreAllAnsweredAlike changes one thing each of a request that
// is authentic.
func TestForgedRequestsAreAllAnsweredAlike(t *testing.T) {
	late := strconv.FormatInt(time.Date(2026, 3, 1, 11, 54, 0, 0, time.UTC).Unix(), 10)
	early := strconv.FormatInt(time.Date(2026, 3, 1, 12, 6, 0, 0, time.UTC).Unix(), 10)
	sign := func(seconds string) func(q *http.Request, body string) {
		return func(q *http.Request, body string) {
			q.Header.Set("X-Timestamp", seconds)
			q.Header.Set("X-Signature-256", "sha256="+hex.EncodeToString(mac(secret, seconds+"."+body)))
		}
	}
	header := func(name, value string) func(*http.Request, string) {
		return func(q *http.Request, _ string) { q.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		hook   string
		change func(q *http.Request, body string)
	}{
		"no signature":         {"github", func(q *http.Request, _ string) { q.Header.Del("X-Hub-Signature-256") }},
		"empty signature":      {"github", header("X-Hub-Signature-256", "sha256=")},
		"signature of nothing": {"github", header("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(secret)))},
		"wrong key": {"github", func(q *http.Request, b string) {
			q.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac("wrong", b)))
		}},
		"cut signature": {"github", func(q *http.Request, b string) {
			q.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(secret, b))[:62])
		}},
		"SHA-1 only": {"github", func(q *http.Request, _ string) {
			q.Header.Del("X-Hub-Signature-256")
			q.Header.Set("X-Hub-Signature", "sha1=00")
		}},
		"two signatures": {"github", func(q *http.Request, _ string) { q.Header.Add("X-Hub-Signature-256", "sha256=00") }},
		"another body":   {"github", func(q *http.Request, _ string) { q.Body = http.NoBody }},
		"other kind's signature": {"gitea", func(q *http.Request, b string) {
			q.Header.Del("X-Gitea-Signature")
			q.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(secret, b)))
		}},
		"wrong token":     {"gitlab", header("X-Gitlab-Token", "wrong")},
		"token with more": {"gitlab", header("X-Gitlab-Token", secret+"x")},
		"signature for a token": {"gitlab", func(q *http.Request, _ string) {
			q.Header.Set("Webhook-Signature", secret)
			q.Header.Set("Webhook-Id", "x")
			q.Header.Set("Webhook-Timestamp", "0")
		}},
		"token for a signature": {"signed", func(q *http.Request, _ string) {
			q.Header.Del("Webhook-Signature")
			q.Header.Set("X-Gitlab-Token", signingKey)
		}},
		"another id":   {"signed", header("Webhook-Id", "another")},
		"another time": {"signed", header("Webhook-Timestamp", "1767322445")},
		"unknown version": {"signed", func(q *http.Request, _ string) {
			q.Header.Set("Webhook-Signature", "v2"+q.Header.Get("Webhook-Signature")[2:])
		}},
		"too late":               {"generic", sign(late)},
		"too early":              {"generic", sign(early)},
		"no time":                {"generic", func(q *http.Request, _ string) { q.Header.Del("X-Timestamp") }},
		"time outside of it":     {"generic", header("X-Timestamp", strconv.FormatInt(1, 10))},
		"time that is no number": {"generic", sign("now")},
		"time that is too large": {"generic", sign("99999999999999999999")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			q, body := w.request(c.hook)
			c.change(q, body)
			got := w.do(q)
			if got.Code != http.StatusUnauthorized || got.Body.String() != "Unauthorized\n" {
				t.Errorf("answered %d %q", got.Code, got.Body)
			}
			if len(w.pushes) > 0 {
				t.Error("it woke somebody")
			}
			if strings.Contains(w.log.String(), secret) || strings.Contains(w.log.String(), signingKey) {
				t.Errorf("the log has a secret: %s", w.log)
			}
			if s := w.r.Stats(); cmp.Equal(s[0].Refused+s[1].Refused+s[2].Refused+s[3].Refused+s[4].Refused, int64(0)) {
				t.Error("it was not counted")
			}
		})
	}
}

func TestRequestsThatAreNoWebhooks(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("{}"))
	_ = z.Close()
	body := func(text string) func(q *http.Request) {
		return func(q *http.Request) {
			signed := httptest.NewRequest(http.MethodPost, "/hooks/github", strings.NewReader(text))
			q.Body, q.ContentLength = signed.Body, signed.ContentLength
			q.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(secret, text)))
		}
	}
	for name, c := range map[string]struct {
		change func(q *http.Request)
		want   int
	}{
		"another path":     {func(q *http.Request) { q.URL.Path = "/hooks/none" }, http.StatusNotFound},
		"path with more":   {func(q *http.Request) { q.URL.Path += "/" }, http.StatusNotFound},
		"query":            {func(q *http.Request) { q.URL.RawQuery = "x=1" }, http.StatusNotFound},
		"GET":              {func(q *http.Request) { q.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"form":             {func(q *http.Request) { q.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, http.StatusUnsupportedMediaType},
		"no content type":  {func(q *http.Request) { q.Header.Del("Content-Type") }, http.StatusUnsupportedMediaType},
		"compressed":       {func(q *http.Request) { q.Header.Set("Content-Encoding", "gzip"); body(zipped.String())(q) }, http.StatusUnsupportedMediaType},
		"length says much": {func(q *http.Request) { q.ContentLength = webhook.MaxBody + 1 }, http.StatusRequestEntityTooLarge},
		"much without":     {func(q *http.Request) { body(strings.Repeat(" ", webhook.MaxBody+1))(q); q.ContentLength = -1 }, http.StatusRequestEntityTooLarge},
		"no JSON":          {body("ref=main"), http.StatusBadRequest},
		"an array":         {body("[]"), http.StatusBadRequest},
		"two documents":    {body("{}{}"), http.StatusBadRequest},
		"cut off":          {body(`{"ref":"x"`), http.StatusBadRequest},
		"too deep":         {body(deep), http.StatusBadRequest},
		"ping":             {func(q *http.Request) { q.Header.Set("X-GitHub-Event", "ping") }, http.StatusOK},
		"an empty object":  {body("{}"), http.StatusAccepted},
		"odd types":        {body(`{"ref":[1],"repository":{"clone_url":{"a":null},"url":"\ud800"},"project":7}`), http.StatusAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			q, _ := w.request("github")
			c.change(q)
			got := w.do(q)
			if got.Code != c.want {
				t.Errorf("answered %d, want %d", got.Code, c.want)
			}
			if woken := len(w.pushes) > 0; woken != (c.want == http.StatusAccepted) {
				t.Errorf("woken: %v", w.pushes)
			}
			if got.Body.String() != http.StatusText(c.want)+"\n" {
				t.Errorf("said %q", got.Body)
			}
		})
	}
}

func TestReplaysAreRefused(t *testing.T) {
	for _, hook := range hooks {
		t.Run(hook, func(t *testing.T) {
			w := newWorld(t)
			q, _ := w.request(hook)
			if got := w.do(q); got.Code != http.StatusAccepted {
				t.Fatal(got.Code)
			}
			again, _ := w.request(hook)
			if got := w.do(again); got.Code != http.StatusConflict {
				t.Errorf("the same again: answered %d", got.Code)
			}
			// Whoever recorded it may change what is not signed.
			if hook == "github" || hook == "gitea" {
				again, _ = w.request(hook)
				again.Header.Set("X-GitHub-Delivery", "another")
				again.Header.Set("X-Gitea-Delivery", "another")
				if got := w.do(again); got.Code != http.StatusConflict {
					t.Errorf("with another id: answered %d", got.Code)
				}
			}
			w.now = w.now.Add(6 * time.Minute)
			again.Header = q.Header.Clone()
			again.Body = http.NoBody
			recorded, _ := w.request(hook)
			recorded.Header = q.Header.Clone()
			if got := w.do(recorded); got.Code != http.StatusConflict && got.Code != http.StatusUnauthorized {
				t.Errorf("later: answered %d", got.Code)
			}
			if len(w.pushes) != 1 {
				t.Errorf("woken %d times", len(w.pushes))
			}
		})
	}
}

// TestForgeriesTakeNoMemory sends more than is remembered: what is not authentic
// pushes nothing out.
func TestForgeriesTakeNoMemory(t *testing.T) {
	w := newWorld(t)
	q, _ := w.request("github")
	w.do(q)
	for i := range 20_000 {
		w.now = w.now.Add(time.Second)
		q, _ := w.request("github")
		q.Header.Set("X-Hub-Signature-256", fmt.Sprintf("sha256=%064x", i))
		if got := w.do(q); got.Code != http.StatusUnauthorized {
			t.Fatal(got.Code)
		}
	}
	again, _ := w.request("github")
	if got := w.do(again); got.Code != http.StatusConflict {
		t.Errorf("the replay is answered %d", got.Code)
	}
}

func TestRates(t *testing.T) {
	w := newWorld(t)
	from := func(source string, n int) (refused int) {
		for range n {
			q := httptest.NewRequest(http.MethodPost, "/hooks/none", http.NoBody)
			q.RemoteAddr = source
			if w.do(q).Code == http.StatusTooManyRequests {
				refused++
			}
		}
		return refused
	}
	if n := from("192.0.2.1:1", 30); n != 10 {
		t.Errorf("of 30 requests of one source %d were refused, want 10", n)
	}
	if n := from("192.0.2.2:1", 20); n != 0 {
		t.Errorf("another source is refused %d times", n)
	}
	if n := from("[2001:db8::1]:1", 10) + from("[2001:db8::2]:1", 20); n != 10 {
		t.Errorf("one network of IPv6 is refused %d times, want 10", n)
	}
	if n := from("192.0.2.3:1", 5); n != 5 {
		t.Errorf("beyond what all may, %d of 5 are refused", n)
	}
	w.now = w.now.Add(time.Minute)
	if n := from("192.0.2.1:1", 5); n != 0 {
		t.Errorf("a minute later %d are refused", n)
	}
}

func TestSecretsArePrivateFiles(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"readable by others": func(p string) error { return os.Chmod(p, 0o640) },
		"gone":               os.Remove,
		"empty":              func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"short":              func(p string) error { return os.WriteFile(p, []byte("hunter2"), 0o600) },
		"two lines":          func(p string) error { return os.WriteFile(p, []byte(secret+"\n"+secret), 0o600) },
		"directory":          func(p string) error { _ = os.Remove(p); return os.Mkdir(p, 0o700) },
		"huge":               func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("x"), 1<<20), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := prepare(filepath.Join(w.dir, "github")); err != nil {
				t.Fatal(err)
			}
			q, _ := w.request("github")
			if got := w.do(q); got.Code != http.StatusServiceUnavailable || strings.Contains(got.Body.String(), w.dir) {
				t.Errorf("answered %d %q", got.Code, got.Body)
			}
			if !strings.Contains(w.log.String(), filepath.Join(w.dir, "github")) || strings.Contains(w.log.String(), secret) || strings.Contains(w.log.String(), "hunter2") {
				t.Errorf("log: %s", w.log)
			}
		})
	}
}

func TestNewRefusesWhatCannotBe(t *testing.T) {
	good := webhook.Hook{Name: "a", Kind: webhook.GitHub, SecretFile: "/x"}
	change := func(f func(h *webhook.Hook)) []webhook.Hook { h := good; f(&h); return []webhook.Hook{h} }
	for name, c := range map[string]webhook.Config{
		"not on loopback": {Listen: "192.0.2.1:80"},
		"any address":     {Listen: ":8092"},
		"no port":         {Listen: "127.0.0.1"},
		"no name":         {Hooks: change(func(h *webhook.Hook) { h.Name = "" })},
		"no kind":         {Hooks: change(func(h *webhook.Hook) { h.Kind = "svn" })},
		"no secret":       {Hooks: change(func(h *webhook.Hook) { h.SecretFile = "" })},
		"odd path":        {Hooks: change(func(h *webhook.Hook) { h.Path = "/a/../b" })},
		"one path twice":  {Hooks: []webhook.Hook{good, good}},
	} {
		c.Wake = func(webhook.Push) {}
		if _, err := webhook.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := webhook.New(webhook.Config{Hooks: []webhook.Hook{good}}); err == nil {
		t.Error("nobody to wake: accepted")
	}
	if _, err := webhook.New(webhook.Config{Hooks: []webhook.Hook{good}, Wake: func(webhook.Push) {}, Listen: "[::1]:0"}); err != nil {
		t.Error(err)
	}
}
