package daemon_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/cmd/internal/daemon"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/syncfile"
)

// left is the data directory of a daemon that followed some syncs.
type left struct {
	t   *testing.T
	dir string
}

func (l left) write(names ...string) {
	l.t.Helper()
	for _, n := range names {
		path := filepath.Join(l.dir, "sync", n)
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil && !strings.HasSuffix(n, "/") {
			err = os.WriteFile(path, []byte(n), 0o600)
		} else if err == nil {
			err = os.MkdirAll(path, 0o700)
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l left) state(name string, live bool) {
	l.t.Helper()
	store, err := state.Open(filepath.Join(l.dir, "sync", name, "state.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Init(l.t.Context(), name, "seed", providers.RuntimeNative); err != nil {
		l.t.Fatal(err)
	}
	var rows []state.Instance
	if live {
		rows = []state.Instance{{Address: "decky.a", Type: providers.TypeDecky, Runtime: providers.RuntimeNative, Config: []byte("{}"), Object: []byte("{}")}}
	}
	if _, _, err := store.BeginRun(l.t.Context(), state.Begin{Command: "sync", Holder: "tester", Records: rows}); err != nil {
		l.t.Fatal(err)
	}
}

func (l left) orphans(file *syncfile.File) map[string]daemon.Orphan {
	l.t.Helper()
	all, err := daemon.Orphans(l.t.Context(), l.dir, file)
	if err != nil {
		l.t.Fatal(err)
	}
	named := map[string]daemon.Orphan{}
	for _, o := range all {
		named[o.Name] = o
	}
	return named
}

// files are those below a sync's directory.
func (l left) files(name string) []string {
	l.t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Join(l.dir, "sync", name), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, filepath.Base(path))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.t.Fatal(err)
	}
	return all
}

func TestPruneLeavesWhatLives(t *testing.T) {
	l := left{t, t.TempDir()}
	for _, name := range []string{"followed", "live", "ended", "never", "moved", "secret"} {
		l.write(name+"/sync.json", name+"/repository/lock", name+"/repository/pack", name+"/exports/abc/main.hcl", name+"/events/", name+"/notifications/spool")
	}
	l.state("followed", true)
	l.state("live", true)
	l.state("ended", false)
	l.state("moved", false)
	l.write("live/secret", "ended/secret", "secret/secrets/token", "stray")
	file := &syncfile.File{Syncs: []syncfile.Sync{{Name: "followed"}, {Name: "fresh", State: filepath.Join(l.dir, "sync", "moved", "state.db")}}}
	all := l.orphans(file)
	if len(all) != 5 || all["followed"].Name != "" {
		t.Fatalf("orphans %+v", all)
	}
	if why := all["live"].Why; !strings.Contains(why, "1 live objects") {
		t.Errorf("live: %q", why)
	}
	before := l.files("followed")
	for name, o := range all {
		if err := o.Prune(t.Context(), state.Holder{Command: "sync prune"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string][]string{
		"followed": before, "live": {"secret", "state.db"}, "ended": nil, "never": nil, "moved": {"state.db"}, "secret": {"token"},
	} {
		got := l.files(name)
		for i := len(got) - 1; i >= 0 && name != "followed"; i-- { // of a state that was looked at
			if strings.HasSuffix(got[i], "-shm") || strings.HasSuffix(got[i], "-wal") {
				got = append(got[:i], got[i+1:]...)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" && name != "followed" {
			t.Errorf("%s: %s", name, diff)
		} else if name == "followed" && len(got) < len(before) {
			t.Errorf("what is followed lost %v of %v", before, got)
		}
	}
	if left := l.orphans(file); left["ended"].Name != "" || left["never"].Name != "" {
		t.Errorf("left are %+v", left)
	}
}

func TestPruneRefusesWhatIsInUse(t *testing.T) {
	l := left{t, t.TempDir()}
	l.write("old/sync.json", "old/repository/lock")
	lock, err := os.Open(filepath.Join(l.dir, "sync", "old", "repository", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil { // as a daemon does
		t.Fatal(err)
	}
	o := l.orphans(&syncfile.File{})["old"]
	if err := o.Prune(t.Context(), state.Holder{}); err == nil || !strings.Contains(err.Error(), "a daemon follows it") {
		t.Errorf("%v", err)
	}
	lock.Close()
	l.state("old", true) // meanwhile
	if err := o.Prune(t.Context(), state.Holder{}); err == nil || !strings.Contains(err.Error(), "by now") {
		t.Errorf("%v", err)
	}
	if got := l.files("old"); len(got) < 3 {
		t.Errorf("left are %v", got)
	}
}
