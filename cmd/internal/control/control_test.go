package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
)

var when = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// followed is one sync, "prod", whose plan 12ab waits.
type followed struct {
	mu    sync.Mutex
	asked []string
	slow  chan struct{} // if set, Plan waits for it
}

func (f *followed) note(format string, args ...any) {
	f.mu.Lock()
	f.asked = append(f.asked, fmt.Sprintf(format, args...))
	f.mu.Unlock()
}

func (f *followed) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

func known(name string) error {
	switch name {
	case "prod":
		return nil
	case "broken":
		return errors.New("the disk is full")
	}
	return fmt.Errorf("%q: %w", name, control.ErrUnknown)
}

func prod() status.Sync {
	return status.Sync{
		Name: "prod", Repository: "https://git.example/decoys.git", Ref: "branch main", Policy: "manual",
		Conditions: status.Conditions{}.Set(status.Condition{Type: status.Ready, Status: status.True, Reason: "ApplySucceeded", Updated: when}),
		Pending:    &status.Pending{ID: "12ab", Summary: "1 to create", Since: when},
		Deckies:    []status.Decky{{Address: "decky.web", Sync: status.InSync, Health: status.HealthHealthy}},
	}
}

func (f *followed) List(context.Context) ([]status.Sync, error) {
	f.note("list")
	return []status.Sync{prod()}, nil
}

func (f *followed) Get(_ context.Context, name string) (status.Sync, error) {
	f.note("get %s", name)
	return prod(), known(name)
}

func (f *followed) History(_ context.Context, name string, limit int) ([]status.Entry, error) {
	f.note("history %s %d", name, limit)
	return []status.Entry{{ID: 2, Action: "apply", Outcome: "succeeded", Time: when}}, known(name)
}

func (f *followed) Events(_ context.Context, name string, limit int) ([]notification.Notification, error) {
	f.note("events %s %d", name, limit)
	return nil, known(name)
}

func (f *followed) Plan(ctx context.Context, name string) (control.Planned, error) {
	f.note("plan %s", name)
	if f.slow != nil {
		select {
		case <-f.slow:
		case <-ctx.Done():
			return control.Planned{}, ctx.Err()
		}
	}
	return control.Planned{Revision: status.Revision{Commit: "abc"}, Plan: &plan.Plan{Lineage: "lin"}}, known(name)
}

func (f *followed) Approve(_ context.Context, name, id, who string) error {
	f.note("approve %s %s by %s", name, id, who)
	if id != "12ab" {
		return fmt.Errorf("plan 12ab waits, not %s: %w", id, control.ErrConflict)
	}
	return known(name)
}

func (f *followed) Suspend(_ context.Context, name, reason, who string) error {
	f.note("suspend %s %q by %s", name, reason, who)
	return known(name)
}

func (f *followed) Resume(_ context.Context, name, who string) error {
	f.note("resume %s by %s", name, who)
	return known(name)
}

func (f *followed) Now(_ context.Context, name, who string) error {
	f.note("now %s by %s", name, who)
	return known(name)
}

// start serves f on a socket of its own until the test ends.
func start(t *testing.T, f *followed) (socket string, stop func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "run", "reconcile.sock")
	stop = serve(t, control.Server{Socket: socket, Reader: f, Operator: f, Log: slog.New(slog.DiscardHandler)})
	return socket, stop
}

func serve(t *testing.T, s control.Server) (stop func()) {
	t.Helper()
	up := make(chan struct{})
	daemon, err := run.New(run.Config{Notify: func(string) error { return nil }, Watchdog: -1, Hangup: make(chan os.Signal)}, s.Part(),
		run.Part{Name: "up", Run: func(ctx context.Context, self *run.Self) error { self.Ready(); close(up); <-ctx.Done(); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Run(ctx) }()
	select {
	case <-up:
	case err := <-ended:
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func raw(t *testing.T, socket, method, path, body string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", socket)
	}}}
	request, err := http.NewRequest(method, "http://x"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(data))
}

func TestClientAndServer(t *testing.T) {
	var f followed
	socket, _ := start(t, &f)
	c, ctx := control.NewClient(socket), t.Context()
	o := c.Operator()
	all, err := c.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]status.Sync{prod()}, all); diff != "" {
		t.Error(diff)
	}
	one, err := c.Get(ctx, "prod")
	if diff := cmp.Diff(prod(), one); err != nil || diff != "" {
		t.Error(err, diff)
	}
	entries, err := c.History(ctx, "prod", 7)
	if err != nil || len(entries) != 1 || entries[0].ID != 2 {
		t.Errorf("%v %v", entries, err)
	}
	if news, err := c.Events(ctx, "prod", 3); err != nil || len(news) != 0 {
		t.Errorf("%v %v", news, err)
	}
	planned, err := o.Plan(ctx, "prod")
	if err != nil || planned.Revision.Commit != "abc" || planned.Plan == nil || planned.Plan.Lineage != "lin" {
		t.Errorf("%+v %v", planned, err)
	}
	for _, err := range []error{
		o.Approve(ctx, "prod", "12ab", ""), o.Suspend(ctx, "prod", "a fair is on", "somebody else"), o.Resume(ctx, "prod", ""), o.Now(ctx, "prod", ""),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := "list, get prod, history prod 7, events prod 3, plan prod, approve prod 12ab by ME, suspend prod \"a fair is on\" by ME, resume prod by ME, now prod by ME"
	if got := strings.ReplaceAll(strings.Join(f.taken(), ", "), "by "+me(t), "by ME"); got != want {
		t.Errorf("asked:\n%s\nwant\n%s", got, want)
	}
	if err := o.Approve(ctx, "prod", "99", ""); !errors.Is(err, control.ErrConflict) || !strings.Contains(err.Error(), "12ab waits, not 99") {
		t.Errorf("another plan: %v", err)
	}
	if _, err := c.Get(ctx, "nobody/../prod"); !errors.Is(err, control.ErrUnknown) || !strings.Contains(err.Error(), `"nobody/../prod"`) {
		t.Errorf("unknown: %v", err)
	}
	var refused *control.RefusedError
	if err := o.Now(ctx, "broken", ""); !errors.As(err, &refused) || refused.Code != "failed" || err.Error() != "the disk is full" {
		t.Errorf("failed: %v", err)
	}
}

func me(t *testing.T) string {
	t.Helper()
	if os.Getuid() == 0 {
		return "root"
	}
	return os.Getenv("USER")
}

func TestRequestsThatAreNotAnswered(t *testing.T) {
	var f followed
	socket, _ := start(t, &f)
	for _, tt := range []struct {
		method, path, body string
		code               int
		word               string
	}{
		{"POST", "/api/v1/sync", "", 405, "method_not_allowed"},
		{"DELETE", "/api/v1/sync/prod", "", 405, "method_not_allowed"},
		{"GET", "/api/v1/sync/prod/approve", "", 405, "method_not_allowed"},
		{"POST", "/api/v1/sync/prod/history", "", 405, "method_not_allowed"},
		{"GET", "/api/v1/sync/prod/secrets", "", 404, "not_found"},
		{"GET", "/api/v1/sync/prod/history/1", "", 404, "not_found"},
		{"GET", "/", "", 404, "not_found"},
		{"GET", "/api/v1/sync?limit=1", "", 400, "bad_parameter"},
		{"GET", "/api/v1/sync/prod/history?limit=0", "", 400, "bad_parameter"},
		{"GET", "/api/v1/sync/prod/history?limit=1001", "", 400, "bad_parameter"},
		{"GET", "/api/v1/sync/prod/history?limit=1&limit=2", "", 400, "bad_parameter"},
		{"GET", "/api/v1/sync/prod/history?offset=1", "", 400, "bad_parameter"},
		{"GET", "/api/v1/sync/prod/history?limit=%zz", "", 400, "bad_parameter"},
		{"GET", "/api/v1/sync/prod/history?" + strings.Repeat("x", 2000), "", 400, "bad_parameter"},
		{"POST", "/api/v1/sync/prod/approve", "", 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/approve", `{"plan":"12ab","reason":"x"}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/approve", `{"plan":"12ab"} {}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/approve", `{"id":"12ab"}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/approve", `{"plan":"` + strings.Repeat("a", 20000) + `"}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/approve?plan=12ab", `{"plan":"12ab"}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/suspend", `{"reason":"` + strings.Repeat("a", 501) + `"}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/now", `{"plan":"12ab"}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/plan", `{"plan":"12ab"}`, 400, "bad_request"},
		{"POST", "/api/v1/sync/prod/now", `now`, 400, "bad_request"},
		{"POST", "/api/v1/sync/nobody/now", "", 404, "unknown_sync"},
		{"GET", "/api/v1/sync/nobody", "", 404, "unknown_sync"},
	} {
		f.taken()
		code, body := raw(t, socket, tt.method, tt.path, tt.body)
		var problem struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal([]byte(body), &problem); err != nil || code != tt.code || problem.Error.Code != tt.word || problem.Error.Message == "" {
			t.Errorf("%s %.60s %.40s: %d %s, want %d %s", tt.method, tt.path, tt.body, code, body, tt.code, tt.word)
		}
		if asked := f.taken(); code != 404 && len(asked) > 0 {
			t.Errorf("%s %.60s reached the daemon: %q", tt.method, tt.path, asked)
		}
	}
	if code, body := raw(t, socket, "GET", "/api/v1/sync/prod/events", ""); code != 200 || body != `{"items":[]}` {
		t.Errorf("an empty list: %d %s", code, body)
	}
}

func TestTheSocketIsPrivateAndCleanedUp(t *testing.T) {
	var f followed
	socket, stop := start(t, &f)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket %v %v", info.Mode(), err)
	}
	if !control.Taken(socket) {
		t.Error("a running daemon is not seen")
	}
	stop()
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if control.Taken(socket) {
		t.Error("a socket that is gone is taken")
	}
	if _, err := control.NewClient(socket).List(t.Context()); !errors.Is(err, control.ErrAbsent) {
		t.Errorf("without a daemon: %v", err)
	}
	// What a killed daemon left is no daemon, and not in the way.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	if control.Taken(socket) {
		t.Error("a dead socket is taken")
	}
	if _, err := control.NewClient(socket).List(t.Context()); !errors.Is(err, control.ErrAbsent) {
		t.Errorf("with a dead socket: %v", err)
	}
	serve(t, control.Server{Socket: socket, Reader: &f, Operator: &f, Log: slog.New(slog.DiscardHandler)})
	if _, err := control.NewClient(socket).List(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsLetInWithoutAKnownPeer(t *testing.T) {
	var f followed
	w := httptest.NewRecorder()
	control.Server{Reader: &f, Operator: &f, Log: slog.New(slog.DiscardHandler)}.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/sync", nil))
	if w.Code != 403 || len(f.taken()) > 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestARequestThatItsCallerLeavesEnds(t *testing.T) {
	f := followed{slow: make(chan struct{})}
	socket, stop := start(t, &f)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := control.NewClient(socket).Operator().Plan(ctx, "prod"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	began := time.Now()
	stop()
	if took := time.Since(began); took > time.Second {
		t.Errorf("the end took %s", took)
	}
}

func TestForward(t *testing.T) {
	var f followed
	socket, stop := start(t, &f)
	front := httptest.NewServer(control.Forward(socket))
	defer front.Close()
	ask := func(method, path, body string) (int, string) {
		request, err := http.NewRequest(method, front.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer secret")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(data)
	}
	if code, body := ask("GET", "/api/v1/sync/prod/history?limit=5", ""); code != 200 || !strings.Contains(body, `"action":"apply"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := ask("POST", "/api/v1/sync/prod/approve", `{"plan":"12ab"}`); code != 200 || !strings.Contains(body, `"accepted":"approve"`) {
		t.Errorf("%d %s", code, body)
	}
	if diff := cmp.Diff([]string{"history prod 5", "approve prod 12ab by " + me(t)}, f.taken()); diff != "" {
		t.Error(diff)
	}
	stop()
	if code, body := ask("GET", "/api/v1/sync", ""); code != 503 || !strings.Contains(body, "no_reconciler") {
		t.Errorf("%d %s", code, body)
	}
}
