package state_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/reconciler/state"
)

func holder() state.Holder {
	return state.Holder{Who: "root", Host: "here", PID: 42, Command: "apply", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func TestOneLockAtATime(t *testing.T) {
	path := state.DefaultPath(t.TempDir())
	one, two := open(t, path), open(t, path)
	lock, err := one.Lock(ctx, holder(), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = two.Lock(ctx, state.Holder{}, 0)
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Holder != holder() {
		t.Fatalf("the second lock: %v", err)
	}
	if want := "the state is locked by root@here, process 42, decnet apply since 2026-01-02T03:04:05Z"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if _, err := two.Meta(ctx); err != nil {
		t.Errorf("a locked state cannot be read: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		second, err := two.Lock(ctx, holder(), 10*time.Second)
		if err == nil {
			err = second.Unlock()
		}
		done <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("who waited did not get it: %v", err)
	}
}

func TestWaitingForALockEnds(t *testing.T) {
	path := state.DefaultPath(t.TempDir())
	lock, err := open(t, path).Lock(ctx, holder(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	begin := time.Now()
	var locked *state.LockedError
	if _, err := open(t, path).Lock(ctx, holder(), 80*time.Millisecond); !errors.As(err, &locked) || time.Since(begin) < 80*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := open(t, path).Lock(cancelled, holder(), time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestALockOfNoStateLeavesNothing takes away what was made for the lock alone.
func TestALockOfNoStateLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		before, meanwhile, want []string // files
	}{
		"nothing":            {},
		"others' files":      {before: []string{"main.hcl"}, want: []string{"main.hcl"}},
		"the directory":      {before: []string{".decnet/modules/x"}, want: []string{".decnet/.gitignore", ".decnet/modules/x"}},
		"something in it":    {meanwhile: []string{".decnet/secret"}, want: []string{".decnet/.gitignore", ".decnet/secret"}},
		"a state came to be": {meanwhile: []string{".decnet/state.db"}, want: []string{".decnet/.gitignore", ".decnet/state.db", ".decnet/state.db.lock"}},
	} {
		dir := t.TempDir()
		write := func(names []string) {
			for _, n := range names {
				path := filepath.Join(dir, n)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(n), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(c.before)
		store := open(t, filepath.Join(dir, ".decnet", "state.db"))
		lock, err := store.Lock(ctx, holder(), 0)
		if err != nil {
			t.Fatal(err)
		}
		write(c.meanwhile)
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		var left []string
		if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && (!d.IsDir() || strings.HasSuffix(path, ".decnet") && len(c.want) == 0) {
				path, err = filepath.Rel(dir, path)
				left = append(left, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, left); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestOneLockAtATimeWhileFilesComeAndGo has many take and give back a lock whose
// file goes each time.
func TestOneLockAtATimeWhileFilesComeAndGo(t *testing.T) {
	path := state.DefaultPath(t.TempDir())
	var held atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		store := open(t, path)
		group.Go(func() {
			for range 40 {
				lock, err := store.Lock(ctx, holder(), time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				if n := held.Add(1); n != 1 {
					t.Errorf("%d hold it at once", n)
				}
				runtime.Gosched()
				held.Add(-1)
				if err := lock.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if _, err := os.Lstat(path + ".lock"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock file stays: %v", err)
	}
}

func TestTheSecretIsMadeOnce(t *testing.T) {
	path := state.SecretPath(state.DefaultPath(t.TempDir()))
	keys := make([][]byte, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			key, err := state.NewSecret(path).Derive("decky/decky.web[0]")
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	group.Wait()
	for _, k := range keys {
		if len(k) != 32 || !bytes.Equal(k, keys[0]) {
			t.Errorf("keys differ: %x, %x", k, keys[0])
		}
	}
	other, err := state.NewSecret(path).Derive("decky/decky.web[1]")
	if err != nil || bytes.Equal(other, keys[0]) {
		t.Errorf("another label gives %x (%v)", other, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 || info.Size() != state.SecretSize {
		t.Errorf("file: %v (%v)", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 { // and .gitignore
		t.Errorf("left beside it: %v (%v)", entries, err)
	}
}

func TestABadSecretIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"wide mode": {func(path string) error { return os.WriteFile(path, make([]byte, 32), 0o640) }, "its mode is 0640"},
		"short":     {func(path string) error { return os.WriteFile(path, make([]byte, 31), 0o600) }, "31 bytes"},
		"directory": {func(path string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
		"link":      {func(path string) error { return os.Symlink("/dev/zero", path) }, "not a regular file"},
	} {
		path := filepath.Join(t.TempDir(), "secret")
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		if key, err := state.NewSecret(path).Derive("x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %x, %v", name, key, err)
		}
	}
}
