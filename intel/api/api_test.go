package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/api"
	"github.com/decnet/decnet/intel/profile"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/schema/event"
)

const token = "0123456789abcdef0123456789abcdef"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fill makes a store with 20 events of two sources at two deckies.
func fill(t testing.TB) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "intel.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var events []*intel.Event
	for n := range 20 {
		at := noon.Add(time.Duration(n) * time.Second)
		e := &intel.Event{Received: at, Journal: "j", Event: &event.Event{
			ID: event.NewID(at), Time: at, Decky: []string{"decky.a", "decky.b[0]"}[n%2], Service: "ssh", Session: "s",
			Source: event.Endpoint{IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(n % 2)}), Port: 1}, Body: &event.Command{Line: "id; echo %_' OR 1=1"},
		}}
		if n == 7 {
			e.Body = &event.AuthAttempt{Username: "root", Secret: "x\xff", SecretKind: "plaintext"}
		}
		events = append(events, e)
	}
	if _, err := db.Append(t.Context(), intel.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
	changes := profile.Fold(events)
	changes.Tags = []intel.Tag{{Event: events[7].ID, Seq: 8, Technique: "T1110.001", Rule: "guess", AttackVersion: "19.1", Time: events[7].Time, Decky: "decky.b[0]", Source: "192.0.2.1"}}
	if err := db.Commit(t.Context(), []string{"profile"}, 20, changes); err != nil {
		t.Fatal(err)
	}
	return db
}

func handler(q intel.Query) http.Handler {
	return api.New(api.Config{
		Query: q, Token: token, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon.Add(time.Minute) },
		Deckies: func() []intel.Decky {
			return []intel.Decky{{Address: "decky.b[0]", Hostname: "B"}, {Address: "decky.a", Hostname: "A", Services: []string{"ssh"}}, {Address: "decky.quiet"}}
		},
		Health: func(context.Context) api.Health {
			c := map[string]api.Component{"database": {Status: api.Healthy}, "sinks": {Status: api.Degraded, Message: "x stands still"}}
			return api.Health{Status: api.Worst(c), Components: c}
		},
	})
}

func get(t testing.TB, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if len(header) == 0 {
		header = []string{"Bearer " + token}
	}
	for _, v := range header {
		if v != "" {
			r.Header.Add("Authorization", v)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var paths = []string{"/api/v1/health", "/api/v1/deckies", "/api/v1/attackers", "/api/v1/sessions", "/api/v1/logs", "/api/v1/ttp/tags"}

func TestNothingWithoutTheToken(t *testing.T) {
	h := handler(fill(t))
	tests := map[string][]string{
		"none": {""}, "empty": {"Bearer "}, "wrong": {"Bearer " + strings.Repeat("0", 32)}, "prefix": {"Bearer " + token[:31]}, "longer": {"Bearer " + token + "0"},
		"basic": {"Basic " + token}, "bare": {token}, "two": {"Bearer " + token, "Bearer " + token}, "case": {"Bearer " + strings.ToUpper(token)}, "space": {"Bearer  " + token},
	}
	for name, header := range tests {
		for _, path := range append(paths, "/", "/api/v1/none", "/api/v1/logs?limit=x") {
			for _, method := range []string{"GET", "POST"} {
				w := get(t, h, method, path, header...)
				if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" || strings.Contains(w.Body.String(), "items") {
					t.Errorf("%s: %s %s answered %d %s", name, method, path, w.Code, w.Body)
				}
			}
		}
	}
	for _, path := range paths {
		for _, scheme := range []string{"Bearer ", "bearer "} {
			if w := get(t, h, "GET", path, scheme+token); w.Code != http.StatusOK {
				t.Errorf("%s with the token answered %d", path, w.Code)
			}
		}
	}
	if w := get(t, h, "GET", "/api/v1/logs?access_token="+token, ""); w.Code != http.StatusUnauthorized {
		t.Errorf("a token in the address was taken: %d", w.Code)
	}
}

func TestEveryAnswerIsJSONWithSecurityHeaders(t *testing.T) {
	h := handler(fill(t))
	for _, target := range append(paths, "/", "/api/v1/logs?limit=0", "/api/v1/logs/..%2f") {
		for _, header := range []string{"", "Bearer " + token} {
			w := get(t, h, "GET", target, header)
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s: %q is no JSON", target, w.Body)
			}
			want := map[string]string{"Content-Type": "application/json; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
			for name, value := range want {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s: %s = %q, want %q", target, name, got, value)
				}
			}
		}
	}
}

func TestOnlyGet(t *testing.T) {
	h := handler(fill(t))
	for _, path := range paths[1:] {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			if w := get(t, h, method, path); w.Code != http.StatusMethodNotAllowed || !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %s answered %d %s", method, path, w.Code, w.Body)
			}
		}
	}
	if w := get(t, h, "GET", "/api/v1/none"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown path answered %d", w.Code)
	}
}

func count(t *testing.T, w *httptest.ResponseRecorder) int {
	t.Helper()
	var p struct{ Items []json.RawMessage }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return len(p.Items)
}

func TestFilters(t *testing.T) {
	h := handler(fill(t))
	tests := map[string]int{
		"logs": 20, "logs?limit=1": 1, "logs?limit=1000": 20, "logs?offset=15": 5, "logs?decky=decky.a": 10, "logs?source=192.0.2.1": 10,
		"logs?source=%3A%3Affff%3A192.0.2.1": 10, "logs?kind=auth.attempt": 1, "logs?kind=command": 19, "logs?service=http": 0, "logs?session=s": 20,
		"logs?since=2026-03-01T12:00:18Z": 2, "logs?since=42s": 2, "logs?until=2026-03-01T12:00:02Z": 2, "logs?until=58s": 2,
		"logs?search=root": 1, "logs?search=%25_%27+OR": 19, "logs?search=%27+OR+1%3D1+--": 0, "logs?search=%25%25": 0, "logs?search=ID%3B": 19, "logs?search=%00": 0,
		"logs?decky=decky.a%27+OR+%271%27%3D%271": 0, "sessions": 2, "sessions?decky=decky.a": 1, "sessions?source=192.0.2.9": 0, "attackers": 2, "attackers?decky=decky.a": 1,
		"attackers?technique=T1110": 1, "ttp/tags": 1, "ttp/tags?technique=T1110.001&rule=guess": 1, "ttp/tags?rule=other": 0, "ttp/tags?since=1s": 0,
		"deckies": 3, "deckies?decky=decky.a": 1, "deckies?limit=2": 2, "deckies?limit=2&offset=2": 1, "deckies?offset=10": 0,
	}
	for target, want := range tests {
		if got := count(t, get(t, h, "GET", "/api/v1/"+target)); got != want {
			t.Errorf("%s gave %d items, want %d", target, got, want)
		}
	}
}

func TestBadParametersAreErrorsThatSaySo(t *testing.T) {
	h := handler(fill(t))
	tests := map[string]string{
		"logs?limit=0": "limit", "logs?limit=1001": "limit", "logs?limit=-1": "limit", "logs?limit=1e3": "limit", "logs?limit=": "limit", "logs?limit=99999999999999999999": "limit",
		"logs?offset=-1": "offset", "logs?offset=x": "offset", "logs?source=host": "source", "logs?source=192.0.2.0/24": "source", "logs?kind=teleport": "kind",
		"logs?since=yesterday": "since", "logs?since=-5m": "since", "logs?until=1": "until", "logs?lmit=1": "unknown", "logs?limit=1&limit=2": "2 times", "logs?rule=x": "unknown",
		"logs?search=" + strings.Repeat("a", 257): "search", "logs?decky=" + strings.Repeat("a", 600): "decky", "logs?a;b": "query", "logs?%zz": "query", "health?x=1": "no parameters",
		"deckies?search=x": "unknown", "attackers?kind=command": "unknown", "logs?decky=" + strings.Repeat("a", 5000): "too long",
	}
	for target, want := range tests {
		w := get(t, h, "GET", "/api/v1/"+target)
		var p struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusBadRequest || p.Error.Code != "bad_parameter" || !strings.Contains(p.Error.Message, want) {
			t.Errorf("%.60s answered %d %s, want 400 about %q", target, w.Code, w.Body, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	h := handler(fill(t))
	tests := map[string]string{
		"attackers?source=192.0.2.1": `{"items":[{"ip":"192.0.2.1","first_seen":"2026-03-01T12:00:01Z","last_seen":"2026-03-01T12:00:19Z","events":10,"auths":1,"logins":0,"sessions":1,"deckies":["decky.b[0]"],"credentials":1,"techniques":["T1110.001"]}],"limit":100,"offset":0}`,
		"attackers?source=192.0.2.8": `{"items":[],"limit":100,"offset":0}`,
		"deckies?limit=1":            `{"items":[{"address":"decky.a","hostname":"A","ip":"","mac":"","services":["ssh"],"events":10,"attackers":1,"last_seen":"2026-03-01T12:00:18Z"}],"limit":1,"offset":0}`,
		"health":                     `{"status":"degraded","components":{"database":{"status":"healthy"},"sinks":{"status":"degraded","message":"x stands still"}}}`,
	}
	for target, want := range tests {
		if diff := cmp.Diff(want+"\n", get(t, h, "GET", "/api/v1/"+target).Body.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
	var logs struct{ Items []intel.Event }
	if err := json.Unmarshal(get(t, h, "GET", "/api/v1/logs?kind=auth.attempt").Body.Bytes(), &logs); err != nil {
		t.Fatal(err)
	}
	if len(logs.Items) != 1 || logs.Items[0].Body.(*event.AuthAttempt).Secret != "x\xff" || logs.Items[0].Seq != 8 {
		t.Errorf("logs %+v", logs.Items)
	}
}

// broken is a store that does not work.
type broken struct {
	intel.Query
	err error
}

func (b broken) Events(context.Context, intel.Filter) ([]intel.Event, error) { return nil, b.err }

func TestWhatFailsInsideStaysInside(t *testing.T) {
	tests := map[error]int{
		errors.New("open /var/lib/secret: denied"): http.StatusInternalServerError, context.DeadlineExceeded: http.StatusServiceUnavailable,
	}
	for err, want := range tests {
		w := get(t, handler(broken{Query: fill(t), err: err}), "GET", "/api/v1/logs")
		if w.Code != want || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
}

func FuzzParameters(f *testing.F) {
	for _, seed := range []string{"limit=1", "search=%27", "since=1h&until=2026-03-01T12:00:00Z", "source=::1", "decky=a%00b", "a=b;c=d", "limit=%31&offset=9999999", "technique=T1%25"} {
		f.Add(seed)
	}
	db := fill(f)
	known := []string{"decky", "source", "kind", "service", "session", "technique", "rule", "since", "until", "search", "limit", "offset"}
	f.Fuzz(func(t *testing.T, query string) {
		filter, err := api.ParseFilter(query, known, noon)
		if err != nil {
			return
		}
		if _, err := url.ParseQuery(query); err != nil {
			t.Fatalf("accepted %q: %v", query, err)
		}
		if limit, offset := filter.Page(); limit < 1 || limit > intel.MaxLimit || offset < 0 || offset > intel.MaxOffset {
			t.Fatalf("%q gave limit %d and offset %d", query, limit, offset)
		}
		_, a := db.Events(t.Context(), filter)
		_, b := db.Sessions(t.Context(), filter)
		_, c := db.Attackers(t.Context(), filter)
		_, d := db.Credentials(t.Context(), filter)
		_, e := db.Tags(t.Context(), filter)
		if err := errors.Join(a, b, c, d, e); err != nil {
			t.Fatalf("%q: %v", query, err)
		}
	})
}

func TestSyncIsPassedOnBehindTheToken(t *testing.T) {
	var asked []string
	sync := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
	})
	config := api.Config{Query: struct{ intel.Query }{}, Token: "secret", Sync: sync}
	ask := func(token, method, path string) int {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.New(config).ServeHTTP(w, r)
		return w.Code
	}
	for _, path := range []string{"/api/v1/sync", "/api/v1/sync/prod/approve"} {
		if code := ask("wrong", "POST", path); code != http.StatusUnauthorized || len(asked) > 0 {
			t.Errorf("%s without the token: %d, asked %q", path, code, asked)
		}
	}
	if code := ask("secret", "POST", "/api/v1/sync/prod/approve"); code != http.StatusTeapot || len(asked) != 1 {
		t.Errorf("passed on: %d %q", code, asked)
	}
	config.Sync = nil
	if code := ask("secret", "GET", "/api/v1/sync"); code != http.StatusNotFound {
		t.Errorf("nobody to pass it on to: %d", code)
	}
}
