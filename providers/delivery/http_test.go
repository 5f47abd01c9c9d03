package delivery_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
)

const secretText = "s3cr3t-of-the-desk-0123456789"

func secretFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// seen is a request as a server had it.
type seen struct {
	method, path string
	header       http.Header
	body         string
}

// server answers with handler and remembers requests.
func server(t testing.TB, handler http.HandlerFunc) (*httptest.Server, *[]seen) {
	t.Helper()
	all := &[]seen{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		*all = append(*all, seen{method: r.Method, path: r.URL.EscapedPath(), header: r.Header.Clone(), body: string(body)})
		if handler != nil {
			handler(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, all
}

func open(t testing.TB, s schema.Sink, o delivery.Options) delivery.Target {
	t.Helper()
	if s.Name == "" {
		s.Name = "desk"
	}
	target, err := delivery.Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// deliver hands over and looks for secrets in what is said of it.
func deliver(t testing.TB, target delivery.Target, n notification.Notification, secrets ...string) (string, error) {
	t.Helper()
	answer, err := target.Deliver(t.Context(), n)
	var e *delivery.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("%v is a %T", err, err)
	}
	for _, secret := range secrets {
		if strings.Contains(answer, secret) || err != nil && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("a secret is told: %s, %v", answer, err)
		}
	}
	return answer, err
}

func TestWebhookIsSigned(t *testing.T) {
	s, got := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "thanks\x1b[2J") })
	now := time.Unix(1767322445, 0)
	n := notification.Sample(notification.Applied)
	target := open(t, schema.Sink{
		Type: "webhook", URL: s.URL + "/hook?a=b", SecretFile: secretFile(t, secretText), TokenFile: secretFile(t, "tok-"+secretText),
		Headers: map[string]string{"X-Team": "blue"},
	}, delivery.Options{Now: func() time.Time { return now }})
	answer, err := deliver(t, target, n, secretText)
	if err != nil || answer != "200 OK: thanks [2J" {
		t.Errorf("%q, %v", answer, err)
	}
	r := (*got)[0]
	m := hmac.New(sha256.New, []byte(secretText))
	fmt.Fprintf(m, "1767322445.%s", r.body)
	want := map[string]string{
		"X-Decnet-Signature": "t=1767322445,v1=" + hex.EncodeToString(m.Sum(nil)), "X-Decnet-Delivery": n.ID, "Content-Type": "application/json",
		"X-Team": "blue", "Authorization": "Bearer tok-" + secretText, "User-Agent": "decnet",
	}
	for name, value := range want {
		if r.header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, r.header.Get(name), value)
		}
	}
	var back notification.Notification
	if err := json.Unmarshal([]byte(r.body), &back); err != nil || r.method != http.MethodPost {
		t.Fatal(err, r.method)
	}
	if diff := cmp.Diff(n, back); diff != "" {
		t.Error(diff)
	}
}

func TestWebhookTemplate(t *testing.T) {
	s, got := server(t, nil)
	target := open(t, schema.Sink{Type: "webhook", URL: s.URL, Body: `{"text":{{ json .Title }},"t":{{ json .Fields.technique }},"at":{{ .Time.Unix }}}`}, delivery.Options{})
	n := notification.Sample(notification.Detection)
	n.Title = `"}, {"admin": true}` + "\n\u2028</script>"
	if _, err := deliver(t, target, n); err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte((*got)[0].body), &body); err != nil {
		t.Fatalf("%v: %s", err, (*got)[0].body)
	}
	if diff := cmp.Diff(map[string]any{"text": n.Title, "t": "T1110", "at": float64(n.Time.Unix())}, body); diff != "" {
		t.Error(diff)
	}
}

func TestAnswersDecideWhetherToTryAgain(t *testing.T) {
	reset := time.Now().Add(10 * time.Minute).Unix()
	for name, c := range map[string]struct {
		status    int
		header    map[string]string
		permanent bool
		after     time.Duration
	}{
		"500":              {status: 500},
		"503 with seconds": {status: 503, header: map[string]string{"Retry-After": "7"}, after: 7 * time.Second},
		"429 for ever":     {status: 429, header: map[string]string{"Retry-After": "2000000000"}, after: time.Hour},
		"429 with rubbish": {status: 429, header: map[string]string{"Retry-After": "-1 apples"}},
		"408":              {status: 408},
		"400":              {status: 400, permanent: true},
		"401":              {status: 401, permanent: true},
		"404":              {status: 404, permanent: true},
		"403":              {status: 403, permanent: true},
		"403 of a limit":   {status: 403, header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(reset)}, after: 10 * time.Minute},
		"301":              {status: 301, permanent: true},
		"304":              {status: 304, permanent: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(c.status)
			})
			_, err := deliver(t, open(t, schema.Sink{Type: "webhook", URL: s.URL}, delivery.Options{}), news("1"))
			var e *delivery.Error
			if !errors.As(err, &e) || e.Permanent != c.permanent || (e.After-c.after).Abs() > 5*time.Second || !strings.Contains(err.Error(), fmt.Sprint(c.status)) {
				t.Errorf("%v, %+v", err, e)
			}
		})
	}
}

// TestRedirectsCarryNothingAway wants the second host never to be asked.
func TestRedirectsCarryNothingAway(t *testing.T) {
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s, _ := server(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, status) })
		for _, sink := range []schema.Sink{
			{Type: "webhook", URL: s.URL, TokenFile: secretFile(t, secretText), SecretFile: secretFile(t, secretText)},
			{Type: "slack", URLFile: secretFile(t, s.URL+"/services/"+secretText)},
			{Type: "commit_status", Provider: "gitea", APIURL: s.URL, Repository: "owner/fleet", TokenFile: secretFile(t, secretText)},
		} {
			if _, err := deliver(t, open(t, sink, delivery.Options{}), notification.Sample(notification.Applied), secretText); !delivery.IsPermanent(err) {
				t.Errorf("%s: %v", sink.Type, err)
			}
		}
	}
	if asked.Load() > 0 {
		t.Errorf("the other host was asked %d times", asked.Load())
	}
}

// TestProxyOfTheEnvironmentIsNotUsed looks at the transport: a proxy is never
// used for loopback, which is all that a test may ask.
func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	if delivery.Transport().Proxy != nil {
		t.Error("requests go through a proxy")
	}
}

func TestHostileAnswersAreBounded(t *testing.T) {
	released := make(chan struct{})
	defer close(released)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"hang": {func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-released:
			}
		}, "no answer within"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		}, "answered 500"},
		"huge header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", strings.Repeat("x", 1<<20))
			w.WriteHeader(http.StatusOK)
		}, "header"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
		}, "EOF"},
		"terminal": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, "\x1b]0;x\x07\r\nforged\u202e"+strings.Repeat("y", 10_000))
		}, "answered 400"},
		"echo": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, r.Header.Get("Authorization"))
		}, "not shown"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := server(t, c.handler)
			target := open(t, schema.Sink{Type: "webhook", URL: s.URL, TokenFile: secretFile(t, secretText)}, delivery.Options{Timeout: 500 * time.Millisecond})
			start := time.Now()
			_, err := deliver(t, target, news("1"), secretText, secretText[:12])
			if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x1b\x07\r\n\u202e") {
				t.Errorf("%v", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	var asked atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	target := open(t, schema.Sink{Type: "webhook", URL: s.URL}, delivery.Options{})
	if _, err := deliver(t, target, news("1")); err == nil || !strings.Contains(err.Error(), "certificate") || delivery.IsPermanent(err) || asked.Load() > 0 {
		t.Errorf("an unknown authority: %v", err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := deliver(t, open(t, schema.Sink{Type: "webhook", URL: s.URL, CAFile: ca}, delivery.Options{}), news("1")); err != nil {
		t.Error(err)
	}
}

func TestSecretFiles(t *testing.T) {
	s, got := server(t, nil)
	dir := t.TempDir()
	outside := secretFile(t, secretText)
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(dir, "inner")
	if err := os.Symlink("good", inner); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		want string // "" is accepted
	}{
		"good":             {write("good", secretText+"\r\n", 0o600), ""},
		"read only":        {write("ro", secretText, 0o400), ""},
		"readable":         {write("group", secretText, 0o640), "chmod 600"},
		"empty":            {write("empty", "\n", 0o600), "no line of text"},
		"two lines":        {write("two", secretText+"\nX-Injected: y", 0o600), "or several"},
		"short":            {write("short", "hunter2", 0o600), "fewer than 16"},
		"huge":             {write("huge", strings.Repeat("x", 1<<20), 0o600), "more than"},
		"gone":             {filepath.Join(dir, "gone"), "no such file"},
		"directory":        {dir, "does not stand in"},
		"device":           {"/dev/zero", "does not stand in"},
		"outside":          {outside, "does not stand in"},
		"link outside":     {link, "does not stand in"},
		"link inside":      {inner, ""},
		"the way up":       {dir + "/../" + filepath.Base(filepath.Dir(outside)) + "/secret", "does not stand in"},
		"relative to dir":  {"good", ""},
		"relative and out": {"../../etc/passwd", "stand in"},
	} {
		t.Run(name, func(t *testing.T) {
			*got = nil
			target := open(t, schema.Sink{Type: "webhook", URL: s.URL, SecretFile: c.path}, delivery.Options{Dir: dir, SecretDir: dir})
			_, err := deliver(t, target, news("1"), secretText, "hunter2", "X-Injected")
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) && !strings.Contains(err.Error(), "no such file") {
				t.Errorf("%v", err)
			}
			if sent := len(*got) > 0; sent != (c.want == "") {
				t.Errorf("sent: %v", *got)
			}
		})
	}
}

func TestSlackTextCannotLeaveItsPlace(t *testing.T) {
	s, got := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	target := open(t, schema.Sink{Type: "slack", URLFile: secretFile(t, s.URL+"/services/T0/B0/"+secretText)}, delivery.Options{})
	n := notification.Sample(notification.Drifted)
	n.Title = "`<!channel> <https://evil.example.com|click> & *bold*\n@here"
	n.Body = "```\n<@U1> out of it\n\x1b[31m"
	if answer, err := deliver(t, target, n, secretText); err != nil || answer != "200 OK: ok" {
		t.Fatal(answer, err)
	}
	if (*got)[0].path != "/services/T0/B0/"+secretText {
		t.Errorf("path %s", (*got)[0].path)
	}
	var body struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal([]byte((*got)[0].body), &body); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(body.Text, "<>\x1b") || strings.Count(body.Text, "`") != 4+6 || !strings.Contains(body.Text, "&lt;!channel&gt;") || !strings.Contains(body.Text, "decky.web[0]") {
		t.Errorf("%s", body.Text)
	}
	// The URL is the secret: no failure tells it.
	s.Close()
	if _, err := deliver(t, target, n, secretText, "/services/"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
	plain := open(t, schema.Sink{Type: "slack", URLFile: secretFile(t, "http://chat.example.com/services/"+secretText)}, delivery.Options{})
	if _, err := deliver(t, plain, n, secretText); !delivery.IsPermanent(err) || !strings.Contains(err.Error(), "https") {
		t.Errorf("plain http to another host: %v", err)
	}
}

func TestCommitStatuses(t *testing.T) {
	sha := strings.Repeat("ab", 20)
	long := strings.Repeat("é", 400)
	for name, c := range map[string]struct {
		provider, repository string
		kind                 notification.Kind
		path, auth           string
		state, name          string
		descriptionAtMost    int
	}{
		"github applied": {"github", "owner/fleet", notification.Applied, "/repos/owner/fleet/statuses/" + sha, "Bearer " + secretText, "success", "context", 140},
		"github failed":  {"github", "owner/fleet", notification.Failed, "/repos/owner/fleet/statuses/" + sha, "Bearer " + secretText, "failure", "context", 140},
		"gitlab waiting": {"gitlab", "group/sub/fleet", notification.Waiting, "/projects/group%2Fsub%2Ffleet/statuses/" + sha, "Bearer " + secretText, "pending", "name", 255},
		"gitlab refused": {"gitlab", "42", notification.Refused, "/projects/42/statuses/" + sha, "Bearer " + secretText, "failed", "name", 255},
		"gitea rollback": {"gitea", "owner/fleet", notification.RolledBack, "/repos/owner/fleet/statuses/" + sha, "token " + secretText, "failure", "context", 255},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
			sink := schema.Sink{Type: "commit_status", Provider: c.provider, APIURL: s.URL + "/", Repository: c.repository, TokenFile: secretFile(t, secretText)}
			n := notification.Notification{ID: "1", Kind: c.kind, Sync: "prod", Revision: sha, Repository: "https://git.example.com/" + c.repository + ".git", Title: long}
			if !delivery.Takes(sink, n) {
				t.Fatal("not taken")
			}
			if answer, err := deliver(t, open(t, sink, delivery.Options{}), n, secretText); err != nil || answer != "201 Created" {
				t.Fatal(answer, err)
			}
			r := (*got)[0]
			var body map[string]string
			if err := json.Unmarshal([]byte(r.body), &body); err != nil {
				t.Fatal(err)
			}
			if r.path != c.path || r.header.Get("Authorization") != c.auth || body["state"] != c.state || body[c.name] != "decnet/prod" {
				t.Errorf("%s %s %v", r.path, r.header.Get("Authorization"), body)
			}
			if d := body["description"]; len(d) > c.descriptionAtMost || len(d) < 100 || !strings.HasSuffix(d, "...") {
				t.Errorf("a description of %d bytes", len(d))
			}
		})
	}
}

func TestCommitStatusKeepsToItsRepository(t *testing.T) {
	sink := schema.Sink{Type: "commit_status", Provider: "github", Repository: "owner/fleet"}
	n := notification.Notification{Kind: notification.Applied, Revision: strings.Repeat("a", 40)}
	for repository, want := range map[string]bool{
		"https://github.com/owner/fleet": true, "git@github.com:Owner/fleet.git": true, "ssh://git@github.com:22/owner/fleet.git": true,
		"https://github.com/owner/other": false, "https://github.com/another-owner/fleet": false, "": false,
	} {
		n.Repository = repository
		if delivery.Takes(sink, n) != want {
			t.Errorf("%s: %v", repository, !want)
		}
	}
	n.Repository = "https://github.com/owner/fleet"
	for _, revision := range []string{"", "main", "../../x", strings.Repeat("A", 40)} {
		n.Revision = revision
		if delivery.Takes(sink, n) {
			t.Errorf("the revision %q is taken", revision)
		}
	}
}

func TestGitLabsOwnStateIsNoFailure(t *testing.T) {
	s, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"message":"Cannot transition status via :enqueue from :pending"}`)
	})
	sink := schema.Sink{Type: "commit_status", Provider: "gitlab", APIURL: s.URL, Repository: "a/b", TokenFile: secretFile(t, secretText)}
	if _, err := deliver(t, open(t, sink, delivery.Options{}), notification.Sample(notification.Waiting)); err != nil {
		t.Error(err)
	}
}

func TestATestOfACommitStatusMarksNothing(t *testing.T) {
	s, got := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"private":"details"}`) })
	sink := schema.Sink{Type: "commit_status", Provider: "gitea", APIURL: s.URL, Repository: "a/b", TokenFile: secretFile(t, secretText)}
	answer, err := deliver(t, open(t, sink, delivery.Options{}), notification.Notification{Kind: notification.Test})
	if err != nil || answer != "200 OK" || (*got)[0].method != http.MethodGet || (*got)[0].path != "/repos/a/b" {
		t.Errorf("%q %v %+v", answer, err, *got)
	}
}

func TestInterruptedDeliveryEnds(t *testing.T) {
	s, _ := server(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := open(t, schema.Sink{Type: "webhook", URL: s.URL}, delivery.Options{}).Deliver(ctx, news("1")); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}
