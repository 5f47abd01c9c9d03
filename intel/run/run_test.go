package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/ingest"
	"github.com/decnet/decnet/intel/run"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// world is a fake of the engine's state.
type world struct {
	root  string
	asked atomic.Int64

	mu    sync.Mutex
	rules []schema.Rule
	sinks []schema.Sink
	err   error
}

func (w *world) Journals(context.Context) ([]intel.Journal, error) {
	w.asked.Add(1)
	return ingest.Discover(w.root, func(name string) []string { return []string{"decky." + name} })
}

func (w *world) Rules(context.Context) ([]schema.Rule, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rules, w.err
}

func (w *world) Sinks(context.Context) ([]schema.Sink, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sinks, w.err
}

func (w *world) Deckies(context.Context) ([]intel.Decky, error) {
	return []intel.Decky{{Address: "decky.a", Hostname: "FILES01", IP: "192.0.2.10", Services: []string{"ssh"}}}, nil
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// start runs a daemon until the test ends or stop is called.
func start(t *testing.T, dir string, w *world) (address string, stop func()) {
	t.Helper()
	ready := make(chan string, 1)
	d, err := run.New(run.Config{
		Database: filepath.Join(dir, "intel.db"), TokenFile: filepath.Join(dir, "token"), Listen: "127.0.0.1:0", World: w,
		Watch: []string{w.root}, Refresh: 100 * time.Millisecond, Ready: func(a string) { ready <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case address = <-ready:
	case err := <-ended:
		t.Fatalf("Run: %v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("not ready after 10 s")
	}
	return address, stop
}

func mkdir(t testing.TB, root, name string) string {
	t.Helper()
	dir := filepath.Join(root, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func chunks(events []*event.Event) iter.Seq[[]*event.Event] { return slices.Chunk(events, 500) }

func writer(t *testing.T, root, name string) *journal.Writer {
	t.Helper()
	w, err := journal.Open(mkdir(t, root, name), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func attempt(decky, session, user, secret string, success bool) *event.Event {
	now := time.Now()
	return &event.Event{
		ID: event.NewID(now), Time: now, Decky: decky, Service: "ssh", Session: session,
		Source: event.EndpointOf(netip.MustParseAddrPort("198.51.100.7:4242")),
		Body:   &event.AuthAttempt{Method: "password", Username: event.Text(user), Secret: event.Text(secret), SecretKind: "plaintext", Success: success},
	}
}

func ask(t *testing.T, dir, address, path string, into any) int {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatalf("%s: %v\n%s", path, err, data)
		}
	}
	return response.StatusCode
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

type items[T any] struct {
	Items []T `json:"items"`
}

func TestFromJournalToAnswer(t *testing.T) {
	dir := t.TempDir()
	w := &world{
		root:  filepath.Join(dir, "journal"),
		rules: []schema.Rule{{Name: "guess", Technique: "T1110.001", When: `event.kind == "auth.attempt" && !event.success`, Threshold: 3, Within: "1m"}},
		sinks: []schema.Sink{{Name: "out", Type: "file", Path: filepath.Join(dir, "events.log")}},
	}
	address, stop := start(t, dir, w)
	// The journal appears after the daemon has started.
	j := writer(t, w.root, "a")
	for i := range 5 {
		if err := j.Append(attempt("decky.a", "s1", "root", fmt.Sprint("guess", i), i == 4)); err != nil {
			t.Fatal(err)
		}
	}
	var tags items[intel.Tag]
	eventually(t, "one tag", func() bool {
		ask(t, dir, address, "/api/v1/ttp/tags", &tags)
		return len(tags.Items) == 1
	})
	if got := tags.Items[0]; got.Technique != "T1110.001" || got.Rule != "guess" || got.Count != 3 || got.AttackVersion != "19.1" {
		t.Errorf("tag = %+v", got)
	}
	var attackers items[intel.Attacker]
	ask(t, dir, address, "/api/v1/attackers", &attackers)
	if len(attackers.Items) != 1 || attackers.Items[0].Credentials != 5 || attackers.Items[0].Logins != 1 || attackers.Items[0].Techniques[0] != "T1110.001" {
		t.Errorf("attackers = %+v", attackers.Items)
	}
	var logs items[intel.Event]
	ask(t, dir, address, "/api/v1/logs?search=guess4", &logs)
	if len(logs.Items) != 1 || logs.Items[0].Body.(*event.AuthAttempt).Secret != "guess4" {
		t.Errorf("logs = %+v", logs.Items)
	}
	var health struct {
		Status     string
		Components map[string]struct{ Status string }
	}
	if status := ask(t, dir, address, "/api/v1/health", &health); status != http.StatusOK || health.Status != "healthy" || len(health.Components) < 5 {
		t.Errorf("health %d = %+v", status, health)
	}
	stop()
	data, err := os.ReadFile(filepath.Join(dir, "events.log"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(data), "\n"); lines != 6 || !strings.Contains(string(data), " FILES01 ssh - ttp.tag [decnet@55555 ") {
		t.Errorf("sink holds %d lines:\n%s", lines, data)
	}
	for _, name := range []string{"intel.db", "token", "events.log"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", name, info, err)
		}
	}
	reader, err := sqlite.OpenQuery(t.Context(), filepath.Join(dir, "intel.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	sessions, err := reader.Sessions(t.Context(), intel.Filter{Source: "198.51.100.7"})
	if err != nil || len(sessions) != 1 || sessions[0].Auths != 5 || sessions[0].Logins != 1 {
		t.Errorf("sessions = %+v, %v", sessions, err)
	}
}
