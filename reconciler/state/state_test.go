package state_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
)

var ctx = context.Background()

const childPath = "DECNET_TEST_STATE"

// TestMain lets this program read a state as somebody with less privilege.
func TestMain(m *testing.M) {
	path := os.Getenv(childPath)
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := state.OpenReadOnly(path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer s.Close()
	all, err := s.Instances(ctx)
	fmt.Println(os.Geteuid() != 0, len(all), err)
}

func open(t *testing.T, path string) *state.Store {
	t.Helper()
	s, err := state.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func instance(address string) state.Instance {
	return state.Instance{
		Address: addr.Address(address), Type: "decky", Runtime: "native", Config: []byte(`{"a":"b"}`), Digest: "d", Object: []byte(`{"id":1}`),
		Parents: []addr.Address{"network.lan", `decky.x["a\nb"]`}, After: []addr.Address{"rule.r"}, Source: "main.hcl:1,1-2", Updated: time.Unix(5, 7).UTC(),
	}
}

func begin(t *testing.T, s *state.Store, records ...state.Instance) (int64, state.Meta) {
	t.Helper()
	id, meta, err := s.BeginRun(ctx, state.Begin{Command: "apply", Holder: "tester", Records: records})
	if err != nil {
		t.Fatal(err)
	}
	return id, meta
}

func TestAMissingStateReadsAsEmptyAndLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	s := open(t, state.DefaultPath(dir))
	snap, err := s.Snapshot(ctx)
	if err != nil || snap.Meta != (state.Meta{}) || len(snap.Instances)+len(snap.Interrupted) > 0 {
		t.Errorf("snapshot: %+v (%v)", snap, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("reading made %v (%v)", entries, err)
	}
	if _, err := state.OpenReadOnly(state.DefaultPath(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open for reading: %v", err)
	}
}

func TestMetaIsMadeOnceAndKept(t *testing.T) {
	path := state.DefaultPath(t.TempDir())
	s := open(t, path)
	first, err := s.Init(ctx, "fleet", "seed", "native")
	if err != nil || len(first.Lineage) != 12 || first.Serial != 0 || first.Seed != "seed" || first.Runtime != "native" || first.Name != "fleet" {
		t.Fatalf("init: %+v (%v)", first, err)
	}
	again, err := s.Init(ctx, "other", "", "docker")
	if err != nil || again.Lineage != first.Lineage || again.Runtime != "native" || again.Seed != "seed" || again.Name != "other" {
		t.Errorf("the second init: %+v (%v)", again, err)
	}
	if _, m := begin(t, s); m.Serial != 1 {
		t.Errorf("serial: %d", m.Serial)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := open(t, path).Meta(ctx)
	again.Serial = 1
	if err != nil || m != again {
		t.Errorf("after reopening: %+v, want %+v (%v)", m, again, err)
	}
	if ignore, err := os.ReadFile(filepath.Join(filepath.Dir(path), ".gitignore")); err != nil || string(ignore) != "*\n" {
		t.Errorf(".gitignore: %q (%v)", ignore, err)
	}
}

func TestRowsComeBackAsTheyWere(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	bare := state.Instance{Address: "rule.r", Type: "rule", Config: []byte(`{}`), Tainted: true, Updated: time.Unix(1, 0).UTC()}
	begin(t, s, instance("decky.b"), instance("decky.a"), bare)
	got, err := s.Instances(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]state.Instance{instance("decky.a"), instance("decky.b"), bare}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Edit(ctx, state.Edit{Taint: []addr.Address{"decky.a"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Edit(ctx, state.Edit{Begin: state.Begin{Forget: []addr.Address{"decky.b", "decky.nope"}}}); err == nil || !strings.Contains(err.Error(), "not in the state: decky.nope") {
		t.Errorf("forget: %v", err)
	}
	if _, err := s.Edit(ctx, state.Edit{Begin: state.Begin{Forget: []addr.Address{"rule.r"}}}); err != nil {
		t.Fatal(err)
	}
	got, err = s.Instances(ctx)
	if err != nil || len(got) != 2 || !got[0].Tainted || got[1].Tainted {
		t.Errorf("rows: %+v (%v)", got, err)
	}
	if m, err := s.Meta(ctx); err != nil || m.Serial != 3 {
		t.Errorf("serial %d (%v)", m.Serial, err)
	}
}

func TestJournal(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	run, _ := begin(t, s)
	at := time.Unix(9, 0).UTC()
	intent := func(seq int, address addr.Address, action string, reserve *state.Instance) state.Entry {
		e := state.Entry{Run: run, Seq: seq, Address: address, Action: action, Phase: state.PhaseIntent, Started: at}
		if err := s.Intent(ctx, e, state.Reserve{Row: reserve}); err != nil {
			t.Fatal(err)
		}
		return e
	}
	finish := func(e state.Entry, phase string, outcome state.Outcome) {
		e.Phase, e.Finished = phase, at
		if phase == state.PhaseFailed {
			e.Error = "why"
		}
		if err := s.Result(ctx, e, outcome); err != nil {
			t.Fatal(err)
		}
	}
	pending := instance("decky.a")
	pending.Object = nil
	a := intent(0, "decky.a", "create", &pending)
	b := intent(1, "decky.b", "delete", nil)
	c := intent(2, "decky.c", "update", nil)
	want := map[addr.Address]string{"decky.a": "create", "decky.b": "delete", "decky.c": "update"}
	snap, err := s.Snapshot(ctx)
	if err != nil || cmp.Diff(want, snap.Interrupted) != "" || len(snap.Instances) != 1 || snap.Instances[0].Object != nil {
		t.Errorf("after the intents: %+v (%v)", snap, err)
	}
	whole := instance("decky.a")
	finish(a, state.PhaseDone, state.Outcome{Keep: &whole})
	finish(b, state.PhaseDone, state.Outcome{Drop: true})
	snap, err = s.Snapshot(ctx)
	if err != nil || len(snap.Interrupted) != 1 || snap.Interrupted["decky.c"] != "update" {
		t.Errorf("interrupted: %+v (%v)", snap.Interrupted, err)
	}
	if diff := cmp.Diff([]state.Instance{whole}, snap.Instances); diff != "" {
		t.Error(diff)
	}
	// Whoever deals with the address later closes the matter.
	run, _ = begin(t, s)
	finish(intent(0, "decky.c", "update", nil), state.PhaseFailed, state.Outcome{Taint: true})
	finish(intent(1, "decky.a", "delete", nil), state.PhaseFailed, state.Outcome{Taint: true})
	if snap, err = s.Snapshot(ctx); err != nil || len(snap.Interrupted) > 0 || !snap.Instances[0].Tainted {
		t.Errorf("at the end: %+v (%v)", snap, err)
	}
	if err := s.FinishRun(ctx, run, "failed", state.Counts{}); err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs(ctx, 5)
	if err != nil || len(runs) != 2 || runs[0].Outcome != "failed" || runs[0].Finished.IsZero() || runs[1].Outcome != "running" || !runs[1].Finished.IsZero() {
		t.Errorf("runs: %+v (%v)", runs, err)
	}
	entries, err := s.Journal(ctx, c.Run)
	if err != nil || len(entries) != 3 || entries[0].Phase != state.PhaseDone || entries[2].Phase != state.PhaseIntent || !entries[2].Finished.IsZero() {
		t.Errorf("journal: %+v (%v)", entries, err)
	}
}

// TestARefusedWriteHarmsNoOther writes one entry twice among many.
func TestARefusedWriteHarmsNoOther(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	run, _ := begin(t, s)
	var group sync.WaitGroup
	errs := make([]error, 200)
	for i := range errs {
		group.Go(func() {
			errs[i] = s.Intent(ctx, state.Entry{Run: run, Seq: i / 2, Address: "decky.a", Action: "create"}, state.Reserve{})
		})
	}
	group.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			refused++
		}
	}
	entries, err := s.Journal(ctx, run)
	if refused != 100 || len(entries) != 100 || err != nil {
		t.Errorf("%d refused, %d written (%v)", refused, len(entries), err)
	}
}

// TestAReaderFollowsAWriter reads with less privilege while rows are written,
// and after the writer has left.
func TestAReaderFollowsAWriter(t *testing.T) {
	dir, err := os.MkdirTemp("", "state") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "state.db")
	s := open(t, path)
	begin(t, s, instance("decky.a"))
	const nobody = 65534
	credential := &syscall.Credential{Uid: nobody, Gid: nobody}
	if os.Geteuid() == 0 {
		for _, p := range []string{dir, path, path + "-wal", path + "-shm"} {
			if err := os.Chown(p, 0, nobody); err != nil {
				t.Fatal(err)
			}
		}
	} else {
		credential = nil
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "reader")
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, data, 0o755); err != nil {
		t.Fatal(err)
	}
	read := func(when string, rows int) {
		command := exec.Command(binary)
		command.Dir, command.Env = "/", append(os.Environ(), childPath+"="+path)
		command.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		output, err := command.Output()
		if want := fmt.Sprintf("true %d <nil>\n", rows); err != nil || string(output) != want {
			t.Errorf("%s: %q (%v), want %q", when, output, err, want)
		}
	}
	read("while it is open", 1)
	begin(t, s, instance("decky.b"))
	read("after a write", 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	read("after the writer left", 2)
}

func TestReadingOnlyRefusesToWrite(t *testing.T) {
	path := state.DefaultPath(t.TempDir())
	begin(t, open(t, path), instance("decky.a"))
	s, err := state.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Edit(ctx, state.Edit{Begin: state.Begin{Forget: []addr.Address{"decky.a"}}}); !errors.Is(err, state.ErrReadOnly) {
		t.Errorf("forget: %v", err)
	}
	if _, err := s.Lock(ctx, state.Holder{}, 0); !errors.Is(err, state.ErrReadOnly) {
		t.Errorf("lock: %v", err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	path := state.DefaultPath(t.TempDir())
	s := open(t, path)
	begin(t, s)
	s.Close()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", state.Format()+1)); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for name, open := range map[string]func(string) (*state.Store, error){"write": state.Open, "read": state.OpenReadOnly} {
		if _, err := open(path); err == nil || !strings.Contains(err.Error(), "use a newer decnet") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(path, []byte("no database, and long enough to be looked at as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("garbage: %v", err)
	}
}

func TestRebuildReplacesRowsAndKeepsHistory(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	run, _ := begin(t, s, instance("decky.old"))
	if err := s.Intent(ctx, state.Entry{Run: run, Address: "decky.old", Action: "create"}, state.Reserve{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Rebuild(ctx, state.Meta{Lineage: "found", Seed: "s", Runtime: "native", Name: "n"}, []state.Instance{instance("decky.new")}); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(ctx)
	if err != nil || snap.Meta != (state.Meta{Lineage: "found", Serial: 2, Seed: "s", Runtime: "native", Name: "n"}) || len(snap.Interrupted) > 0 {
		t.Errorf("snapshot: %+v (%v)", snap, err)
	}
	if len(snap.Instances) != 1 || snap.Instances[0].Address != "decky.new" {
		t.Errorf("rows: %+v", snap.Instances)
	}
	if runs, err := s.Runs(ctx, 5); err != nil || len(runs) != 1 {
		t.Errorf("history: %+v (%v)", runs, err)
	}
}

// TestAStateThatIsJustBeingMade is an empty file still.
func TestAStateThatIsJustBeingMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	s, err := state.OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if snap, err := s.Snapshot(ctx); err != nil || snap.Meta != (state.Meta{}) || len(snap.Instances) > 0 {
		t.Errorf("snapshot: %+v (%v)", snap, err)
	}
	if _, m := begin(t, open(t, path)); m.Serial != 1 {
		t.Errorf("serial %d", m.Serial)
	}
}

// TestAClosedStoreSaysSo uses one after its end.
func TestAClosedStoreSaysSo(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	begin(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Meta(ctx); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("read: %v", err)
	}
	if err := s.FinishRun(ctx, 1, "done", state.Counts{}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("write: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("the second close: %v", err)
	}
}

// TestTheJournalOfLongAgoIsDropped keeps the history of runs, not their steps.
func TestTheJournalOfLongAgoIsDropped(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	const runs = 60
	for range runs {
		run, _ := begin(t, s)
		if err := s.Intent(ctx, state.Entry{Run: run, Address: "decky.a", Action: "create"}, state.Reserve{}); err != nil {
			t.Fatal(err)
		}
		if err := s.FinishRun(ctx, run, "done", state.Counts{}); err != nil {
			t.Fatal(err)
		}
	}
	for run, want := range map[int64]int{1: 0, 10: 0, 11: 1, runs: 1} {
		if entries, err := s.Journal(ctx, run); err != nil || len(entries) != want {
			t.Errorf("run %d: %d entries, want %d (%v)", run, len(entries), want, err)
		}
	}
	if all, err := s.Runs(ctx, 100); err != nil || len(all) != runs {
		t.Errorf("%d runs (%v)", len(all), err)
	}
}

func TestLineagesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		m, err := open(t, state.DefaultPath(t.TempDir())).Init(ctx, "n", "", "")
		if err != nil || seen[m.Lineage] {
			t.Fatalf("lineage %q again (%v)", m.Lineage, err)
		}
		seen[m.Lineage], seen[state.NewSeed()] = true, true
	}
	if len(seen) != 100 {
		t.Errorf("%d words", len(seen))
	}
}
