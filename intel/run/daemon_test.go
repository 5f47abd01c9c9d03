package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/run"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/schema"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	good := run.Config{Database: "/x/intel.db", TokenFile: "/x/token", World: &world{}}
	tests := map[string]func(*run.Config){
		"no database": func(c *run.Config) { c.Database = "" }, "no world": func(c *run.Config) { c.World = nil }, "no token": func(c *run.Config) { c.TokenFile = "" },
		"every interface": func(c *run.Config) { c.Listen = ":8090" }, "wildcard": func(c *run.Config) { c.Listen = "0.0.0.0:1" },
		"another address": func(c *run.Config) { c.Listen = "192.0.2.1:80" }, "a name": func(c *run.Config) { c.Listen = "example:80" }, "no port": func(c *run.Config) { c.Listen = "127.0.0.1" },
	}
	for name, change := range tests {
		c := good
		change(&c)
		if _, err := run.New(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, listen := range []string{"", "127.0.0.1:0", "[::1]:0", "localhost:0", "-"} {
		c := good
		c.Listen = listen
		if _, err := run.New(c); err != nil {
			t.Errorf("%q: %v", listen, err)
		}
	}
}

func TestTokenIsMadeOnceAndGuarded(t *testing.T) {
	dir := t.TempDir()
	w := &world{root: filepath.Join(dir, "journal")}
	read := func() string {
		data, err := os.ReadFile(filepath.Join(dir, "token"))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	_, stop := start(t, dir, w)
	first := read()
	stop()
	if len(strings.TrimSpace(first)) != 64 {
		t.Errorf("token of %d characters, want 32 bytes in hex", len(strings.TrimSpace(first)))
	}
	_, stop = start(t, dir, w)
	stop()
	if read() != first {
		t.Error("the token changed at the second start")
	}
	broken := map[string]func(path string) error{
		"readable by others": func(p string) error { return os.Chmod(p, 0o640) },
		"too short":          func(p string) error { return os.WriteFile(p, []byte("short\n"), 0o600) },
		"empty":              func(p string) error { return os.Truncate(p, 0) },
		"a link":             func(p string) error { return errors.Join(os.Rename(p, p+".real"), os.Symlink(p+".real", p)) },
	}
	for name, change := range broken {
		dir := t.TempDir()
		path := filepath.Join(dir, "token")
		if err := errors.Join(os.WriteFile(path, []byte(first), 0o600), change(path)); err != nil {
			t.Fatal(err)
		}
		d, err := run.New(run.Config{Database: filepath.Join(dir, "intel.db"), TokenFile: path, Listen: "127.0.0.1:0", World: w})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("a token file that is %s: %v", name, err)
		}
	}
}

func TestTokenIsNeverLogged(t *testing.T) {
	dir := t.TempDir()
	var out safeBuffer
	ready := make(chan string, 1)
	d, err := run.New(run.Config{
		Database: filepath.Join(dir, "intel.db"), TokenFile: filepath.Join(dir, "token"), Listen: "127.0.0.1:0", World: &world{root: dir},
		Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), Ready: func(a string) { ready <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	ask(t, dir, <-ready, "/api/v1/health", nil)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil || strings.Contains(out.String(), strings.TrimSpace(string(token))) || out.String() == "" {
		t.Errorf("%v; the log:\n%s", err, out.String())
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestTheSecondDaemonIsRefused(t *testing.T) {
	dir := t.TempDir()
	w := &world{root: filepath.Join(dir, "journal")}
	start(t, dir, w)
	d, err := run.New(run.Config{Database: filepath.Join(dir, "intel.db"), Listen: "-", World: w})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context()); !errors.Is(err, sqlite.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("second daemon: %v, want ErrLocked with the holder", err)
	}
}

func TestAPortInUseEndsTheStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	c := run.Config{Database: filepath.Join(dir, "intel.db"), TokenFile: filepath.Join(dir, "token"), Listen: l.Addr().String(), World: &world{root: dir}}
	d, err := run.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context()); err == nil {
		t.Fatal("ran without its port")
	}
	// And it holds nothing any more.
	db, err := sqlite.Open(t.Context(), c.Database)
	if err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
}

func TestAnUnreadableStateStopsNoCollecting(t *testing.T) {
	dir := t.TempDir()
	w := &world{root: filepath.Join(dir, "journal"), err: errors.New("state is being restored")}
	j := writer(t, w.root, "a")
	address, _ := start(t, dir, w)
	if err := j.Append(attempt("decky.a", "s", "root", "x", false)); err != nil {
		t.Fatal(err)
	}
	var sessions items[intel.Session]
	eventually(t, "a session", func() bool {
		ask(t, dir, address, "/api/v1/sessions", &sessions)
		return len(sessions.Items) == 1
	})
	var tags items[intel.Tag]
	if ask(t, dir, address, "/api/v1/ttp/tags", &tags); len(tags.Items) != 0 {
		t.Errorf("tags %v without rules", tags.Items)
	}
	// Once the rules are known, what came before is judged as well.
	w.set(func() {
		w.err = nil
		w.rules = []schema.Rule{{Name: "r", Technique: "T1110", When: `event.kind == "auth.attempt"`}}
	})
	eventually(t, "the tag", func() bool {
		ask(t, dir, address, "/api/v1/ttp/tags", &tags)
		return len(tags.Items) == 1
	})
}

func TestRulesAndSinksFollowTheState(t *testing.T) {
	dir := t.TempDir()
	w := &world{root: filepath.Join(dir, "journal")}
	j := writer(t, w.root, "a")
	address, _ := start(t, dir, w)
	var tags items[intel.Tag]
	for i, name := range []string{"first", "second"} {
		w.set(func() {
			w.rules = []schema.Rule{{Name: name, Technique: "T1", When: `event.kind == "auth.attempt"`}}
			w.sinks = []schema.Sink{{Name: name, Type: "file", Path: filepath.Join(dir, name+".log")}}
		})
		eventually(t, "the sink "+name, func() bool {
			data, _ := os.ReadFile(filepath.Join(dir, name+".log"))
			return i == 0 || len(data) > 0
		})
		time.Sleep(250 * time.Millisecond) // two refreshes: the rules are in force
		if err := j.Append(attempt("decky.a", "s", "root", "x", false)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a tag of "+name, func() bool {
			ask(t, dir, address, "/api/v1/ttp/tags", &tags)
			return len(tags.Items) == i+1 && tags.Items[0].Rule == name
		})
	}
}

func TestABrokenRuleShowsInHealth(t *testing.T) {
	dir := t.TempDir()
	w := &world{root: filepath.Join(dir, "journal"), rules: []schema.Rule{{Name: "bad", When: "event.kind =="}}}
	address, _ := start(t, dir, w)
	var health struct {
		Status     string
		Components map[string]struct{ Status, Message string }
	}
	eventually(t, "a degraded rule", func() bool {
		status := ask(t, dir, address, "/api/v1/health", &health)
		return status == http.StatusOK && health.Status == "degraded" && health.Components["rules"].Status == "degraded"
	})
}

func TestStoppingLosesNothingThatWasWritten(t *testing.T) {
	dir := t.TempDir()
	w := daemonWorld(dir)
	j := writer(t, w.root, "a")
	total := 0
	for range 5 {
		_, stop := start(t, dir, w)
		for range 200 {
			if err := j.Append(attempt("decky.a", "s", "root", "x", false)); err != nil {
				t.Fatal(err)
			}
			total++
		}
		stop()
	}
	_, stop := start(t, dir, w)
	eventually(t, "every event", func() bool { return stored(t, dir) == int64(total) })
	stop()
	checkOnce(t, dir, total)
}

// TestItsOwnWritingIsNoNews has everything in one watched directory, as a small
// installation has.
func TestItsOwnWritingIsNoNews(t *testing.T) {
	dir := t.TempDir()
	w := &world{root: filepath.Join(dir, "journal")}
	j := writer(t, w.root, "a")
	ready := make(chan string, 1)
	d, err := run.New(run.Config{
		Database: filepath.Join(dir, "intel.db"), Listen: "-", World: w, Watch: []string{dir}, Refresh: time.Hour, Ready: func(a string) { ready <- a },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-ready
	time.Sleep(500 * time.Millisecond) // the first looks
	quiet := w.asked.Load()
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err := j.Append(attempt("decky.a", "s", "root", "x", false)); err != nil {
			t.Fatal(err)
		}
	}
	if asked := w.asked.Load() - quiet; asked > 0 {
		t.Errorf("the world was asked %d times because of the daemon's own files", asked)
	}
	// A burst of changes is one reason, or a few.
	for i := range 200 {
		if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte{byte(i)}, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	eventually(t, "the change noticed", func() bool { return w.asked.Load() > quiet })
	if asked := w.asked.Load() - quiet; asked > 12 {
		t.Errorf("the world was asked %d times within about a second", asked)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := stored(t, dir); n == 0 {
		t.Error("no event was stored meanwhile")
	}
}
