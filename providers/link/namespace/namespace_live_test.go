//go:build live

package namespace_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/decnet/decnet/providers/link"
	"github.com/decnet/decnet/providers/link/namespace"
)

func pin(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root: run the live tests with sudo")
	}
	path := filepath.Join(t.TempDir(), "ns", "a")
	t.Cleanup(func() {
		if err := namespace.Delete(path); err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestLifeOfANamespace(t *testing.T) {
	path := pin(t)
	if _, err := namespace.Inode(path); !errors.Is(err, namespace.ErrNone) {
		t.Errorf("before: %v", err)
	}
	home, err := namespace.Current()
	if err != nil {
		t.Fatal(err)
	}
	var made uint64
	if err := namespace.Create(path, func() (err error) { made, err = namespace.Current(); return err }); err != nil {
		t.Fatal(err)
	}
	inode, err := namespace.Inode(path)
	if err != nil || inode != made || inode == home {
		t.Errorf("inode %d, %v; made %d, home %d", inode, err, made, home)
	}
	if err := namespace.Create(path, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("second create: %v", err)
	}
	for range 2 {
		if err := namespace.Delete(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := namespace.Do(path, func() error { return nil }); !errors.Is(err, namespace.ErrNone) {
		t.Errorf("enter what is gone: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := namespace.Do(path, func() error { return nil }); !errors.Is(err, namespace.ErrNone) {
		t.Errorf("enter a plain file: %v", err)
	}
}

// Whatever happens inside, nobody else ever runs in the wrong namespace.
func TestThreadsComeBack(t *testing.T) {
	path := pin(t)
	if err := namespace.Create(path, nil); err != nil {
		t.Fatal(err)
	}
	home, err := namespace.Current()
	if err != nil {
		t.Fatal(err)
	}
	inside, err := namespace.Inode(path)
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			err := namespace.Do(path, func() error {
				if here, err := namespace.Current(); err != nil || here != inside {
					t.Errorf("inside: %d, %v", here, err)
				}
				if i%2 == 0 {
					return boom
				}
				return nil
			})
			if (i%2 == 0) != errors.Is(err, boom) {
				t.Errorf("%d: %v", i, err)
			}
			if here, err := namespace.Current(); err != nil || here != home {
				t.Errorf("outside: %d, %v", here, err)
			}
		})
	}
	group.Wait()
}

func TestTemporaryEndsWithTheCall(t *testing.T) {
	pin(t)
	home, err := namespace.Current()
	if err != nil {
		t.Fatal(err)
	}
	err = namespace.Temporary(func() error {
		if here, err := namespace.Current(); err != nil || here == home {
			t.Errorf("inside: %d, %v", here, err)
		}
		h, err := link.Open()
		if err != nil {
			return err
		}
		defer h.Close()
		all, err := h.Dump()
		if err == nil && len(all) != 1 {
			t.Errorf("links %+v, want lo alone", all)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
