package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/syncfile"
)

// Orphan is what a sync left that the daemon's file no longer has.
type Orphan struct {
	Name   string   `json:"name"`
	Dir    string   `json:"dir"`
	Remove []string `json:"remove"` // paths below Dir, in the order of their removal
	Keep   []string `json:"keep"`   // and what stays
	// Why something stays, in a sentence; empty where nothing does.
	Why string `json:"why,omitempty"`

	state string // path of the one that goes; empty: it stays
}

// What a sync has in its directory: what can be had or made again, and its
// state.
var (
	ownOfSync  = []string{"repository", "exports", "modules", "notifications", "sync.json.new", "sync.json"}
	ownOfState = []string{"state.db-shm", "state.db-wal", "state.db", "state.db.secrets", "secret", "state.db.lock"}
)

// Orphans are what syncs left that the file no longer has, sorted by name. A
// state goes with them only where it has nothing any more.
func Orphans(ctx context.Context, dataDir string, file *syncfile.File) ([]Orphan, error) {
	entries, err := os.ReadDir(filepath.Join(dataDir, "sync"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for orphans: %w", err)
	}
	followed, states := map[string]bool{}, map[string]bool{}
	for _, s := range file.Syncs {
		followed[s.Name], states[StatePath(dataDir, s)] = true, true
	}
	var all []Orphan
	for _, e := range entries {
		if !e.IsDir() || followed[e.Name()] {
			continue
		}
		o, err := orphan(ctx, SyncDir(dataDir, e.Name()), states)
		if err != nil {
			return nil, fmt.Errorf("look for orphans: %s: %w", e.Name(), err)
		}
		all = append(all, o)
	}
	return all, nil
}

func orphan(ctx context.Context, dir string, states map[string]bool) (Orphan, error) {
	o := Orphan{Name: filepath.Base(dir), Dir: dir, Remove: []string{}, Keep: []string{}}
	path := filepath.Join(dir, "state.db")
	live, err := livesIn(ctx, path)
	switch {
	case err != nil:
		o.Why = "Its state cannot be read: " + err.Error() + "."
	case live > 0:
		o.Why = fmt.Sprintf("Its state has %d live objects: decnet destroy --state %s takes them away.", live, path)
	case states[path]:
		o.Why = "Another sync has its state."
	default:
		o.state = path
	}
	goes := map[string]bool{}
	note := func(names []string) error {
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
				o.Remove, goes[name] = append(o.Remove, name), true
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	}
	err = note(ownOfSync)
	if err == nil && o.state != "" {
		err = note(ownOfState)
	}
	entries, failed := os.ReadDir(dir)
	if err = errors.Join(err, failed); err != nil {
		return o, err
	}
	for _, e := range entries {
		inside, err := os.ReadDir(filepath.Join(dir, e.Name()))
		switch empty := err == nil && len(inside) == 0; {
		case goes[e.Name()]:
		case empty:
			o.Remove = append(o.Remove, e.Name())
		default:
			o.Keep = append(o.Keep, e.Name())
		}
	}
	if o.Why == "" && len(o.Keep) > 0 {
		o.Why = "What an operator put there, or what attackers did, is nothing that can be made again."
	}
	return o, nil
}

// livesIn counts what a state remembers; one that is not there has nothing.
func livesIn(ctx context.Context, path string) (int, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	store, err := state.OpenReadOnly(path)
	if err != nil {
		return 0, err
	}
	snapshot, err := store.Snapshot(ctx)
	return len(snapshot.Instances) + len(snapshot.Interrupted), errors.Join(err, store.Close())
}

// Prune removes what an orphan can do without. It refuses while a daemon follows
// the repository, or another process has the state.
func (o Orphan) Prune(ctx context.Context, holder state.Holder) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("prune %s: %w", o.Name, err)
		}
	}()
	release, err := o.claim()
	if err != nil {
		return err
	}
	defer release()
	if o.state != "" {
		store, err := state.Open(o.state)
		if err != nil {
			return err
		}
		defer store.Close() //nolint:errcheck // it is gone, or was only read
		lock, err := store.Lock(ctx, holder, 0)
		if err != nil {
			return err
		}
		defer lock.Unlock() //nolint:errcheck // the lock ends with its file
		live, err := livesIn(ctx, o.state)
		if err != nil {
			return err
		}
		if live > 0 {
			return fmt.Errorf("its state has %d live objects by now", live)
		}
	}
	remove := o.Remove
	if o.state != "" {
		remove = append(slices.Clone(remove), ownOfState...) // looking at it made some
	}
	for _, name := range remove {
		if err := os.RemoveAll(filepath.Join(o.Dir, name)); err != nil {
			return err
		}
	}
	if len(o.Keep) == 0 {
		return os.Remove(o.Dir)
	}
	return nil
}

// claim makes sure that nobody follows the repository meanwhile.
func (o Orphan) claim() (release func(), err error) {
	file, err := os.OpenFile(filepath.Join(o.Dir, "repository", "lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("a daemon follows it, with another file or from before it was reloaded: %w", err)
	}
	return func() { _ = file.Close() }, nil
}
