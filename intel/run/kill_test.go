package run_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/run"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/event/journal"
)

// childEnv makes the test binary a daemon over the directory it names.
const childEnv = "DECNET_INTEL_TEST_DAEMON"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := daemon(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func daemonWorld(dir string) *world {
	return &world{
		root: filepath.Join(dir, "journal"),
		rules: []schema.Rule{
			{Name: "each", Technique: "T1110", When: `event.kind == "auth.attempt"`},
			{Name: "many", Technique: "T1110.001", When: `event.kind == "auth.attempt"`, Threshold: 10, Within: "200h"},
		},
		sinks: []schema.Sink{{Name: "out", Type: "file", Path: filepath.Join(dir, "sink.log")}},
	}
}

func daemon(dir string) error {
	w := daemonWorld(dir)
	d, err := run.New(run.Config{
		Database: filepath.Join(dir, "intel.db"), TokenFile: filepath.Join(dir, "token"), Listen: "127.0.0.1:0",
		World: w, Watch: []string{w.root}, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	return d.Run(context.Background())
}

// TestKilledAtAnyMomentEveryEventCountsOnce appends events to several journals
// while the daemon that collects them is killed again and again.
func TestKilledAtAnyMomentEveryEventCountsOnce(t *testing.T) {
	const kills, journals = 32, 3
	dir := t.TempDir()
	var stop atomic.Bool
	written := make(chan int, journals)
	for i := range journals {
		w := writer(t, filepath.Join(dir, "journal"), fmt.Sprint("d", i))
		go func() { written <- append1(t, w, fmt.Sprint("d", i), &stop) }()
	}
	busy := 0
	for kill := range kills {
		before := stored(t, dir)
		child := spawn(t, dir)
		if kill%4 != 0 { // the others may fall into the start
			eventually(t, "events stored", func() bool { return stored(t, dir) > before })
		}
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait() // killed
		if stored(t, dir) > before {
			busy++
		}
	}
	stop.Store(true)
	total := 0
	for range journals {
		total += <-written
	}
	t.Logf("%d kills, %d of them while events were being stored, %d events", kills, busy, total)
	if busy < kills/2 {
		t.Errorf("only %d of %d kills fell into work", busy, kills)
	}
	child := spawn(t, dir)
	eventually(t, "all events stored and judged", func() bool {
		db, err := sqlite.OpenQuery(t.Context(), filepath.Join(dir, "intel.db"))
		if err != nil {
			return false
		}
		defer db.Close()
		s, err := db.Status(t.Context())
		return err == nil && s.Events >= int64(total) && s.Cursors["profile"] == s.Head && s.Cursors["ttp"] == s.Head &&
			len(s.Deliveries) == 1 && s.Deliveries[0].Event == s.Head
	})
	if err := child.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	checkOnce(t, dir, total)
}

func append1(t *testing.T, w *journal.Writer, name string, stop *atomic.Bool) int {
	n := 0
	for ; !stop.Load(); n++ {
		e := attempt("decky."+name, fmt.Sprintf("%s-%d", name, n/7), fmt.Sprint("user", n%13), fmt.Sprint("secret", n%31), n%50 == 0)
		if err := w.Append(e); err != nil {
			t.Errorf("append: %v", err)
			return n
		}
		if n%3 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return n
}

func spawn(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childEnv+"="+dir)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child
}

func stored(t *testing.T, dir string) int64 {
	t.Helper()
	db, err := sqlite.OpenQuery(t.Context(), filepath.Join(dir, "intel.db"))
	if err != nil {
		return 0 // killed before it was made
	}
	defer db.Close()
	s, err := db.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Events
}

// checkOnce holds the database and the sink against what was written.
func checkOnce(t *testing.T, dir string, total int) {
	t.Helper()
	db, err := sqlite.OpenQuery(t.Context(), filepath.Join(dir, "intel.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	status, err := db.Status(t.Context())
	if err != nil || status.Events != int64(total) || status.Duplicates != 0 || status.Corrupt != 0 || status.Flagged != 0 {
		t.Errorf("status = %+v, %v; want %d events and no duplicate", status, err, total)
	}
	tagged := map[string]int{}
	pages(t, func(f intel.Filter) (int, error) {
		tags, err := db.Tags(t.Context(), f)
		for _, tag := range tags {
			tagged[tag.Rule+" "+tag.Event]++
		}
		return len(tags), err
	})
	ids := map[string]bool{}
	pages(t, func(f intel.Filter) (int, error) {
		events, err := db.Events(t.Context(), f)
		for _, e := range events {
			ids[e.ID] = true
		}
		return len(events), err
	})
	if len(ids) != total {
		t.Errorf("%d distinct events, want %d", len(ids), total)
	}
	each, many := 0, 0
	for key, n := range tagged {
		if n != 1 {
			t.Errorf("tag %s stands %d times", key, n)
		}
		if key[:4] == "each" {
			each++
		} else {
			many++
		}
	}
	if each != total || many != 1 {
		t.Errorf("%d tags of each event and %d of the window, want %d and 1", each, many, total)
	}
	var inSessions int64
	pages(t, func(f intel.Filter) (int, error) {
		sessions, err := db.Sessions(t.Context(), f)
		for _, s := range sessions {
			inSessions += s.Events
		}
		return len(sessions), err
	})
	attackers, err := db.Attackers(t.Context(), intel.Filter{})
	if err != nil || len(attackers) != 1 || attackers[0].Events != int64(total) || attackers[0].Auths != int64(total) || inSessions != int64(total) {
		t.Errorf("attackers = %+v, %d events in sessions, %v; want %d", attackers, inSessions, err, total)
	}
	var tried int64
	pages(t, func(f intel.Filter) (int, error) {
		credentials, err := db.Credentials(t.Context(), f)
		for _, c := range credentials {
			tried += c.Count
		}
		return len(credentials), err
	})
	if tried != int64(total) {
		t.Errorf("credentials were tried %d times, want %d", tried, total)
	}
	checkSink(t, filepath.Join(dir, "sink.log"), ids)
}

func pages(t *testing.T, read func(intel.Filter) (int, error)) {
	t.Helper()
	for f := (intel.Filter{Limit: intel.MaxLimit, Ascending: true}); ; f.Offset += intel.MaxLimit {
		n, err := read(f)
		if err != nil {
			t.Fatal(err)
		}
		if n < intel.MaxLimit {
			return
		}
	}
}

var idParam = regexp.MustCompile(` id="([^"]+)"`)

// checkSink wants every event at least once.
func checkSink(t *testing.T, path string, ids map[string]bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if m := idParam.FindStringSubmatch(lines.Text()); m != nil {
			seen[m[1]] = true
		}
	}
	for id := range ids {
		if !seen[id] {
			t.Errorf("event %s never reached the sink", id)
		}
	}
}
