package evidence_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/reconciler/evidence"
)

func open(t testing.TB, dir string, options evidence.Options) *evidence.Store {
	t.Helper()
	s, err := evidence.Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *evidence.Store, data string) string {
	t.Helper()
	digest, err := s.Put([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func path(dir, digest string) string { return filepath.Join(dir, digest[:2], digest) }

func TestWhatIsPutIsForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "evidence")
	s := open(t, dir, evidence.Options{})
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening left a trace: %v", err)
	}
	digest := put(t, s, "abc")
	if digest != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("digest %s", digest)
	}
	put(t, s, "abc")
	if n, files := s.Size(); n != 3 || files != 1 {
		t.Errorf("%d bytes in %d files", n, files)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]os.FileMode{dir: 0o700 | os.ModeDir, filepath.Dir(path(dir, digest)): 0o700 | os.ModeDir, path(dir, digest): 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	if data, err := open(t, dir, evidence.Options{}).Get(digest); err != nil || string(data) != "abc" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestGetRefusesWhatIsNoDigest(t *testing.T) {
	s := open(t, t.TempDir(), evidence.Options{})
	for _, name := range []string{"", "ab", "../../../../etc/passwd", string(bytes.Repeat([]byte("A"), 64)), string(bytes.Repeat([]byte("/"), 64))} {
		if _, err := s.Get(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := s.Get(string(bytes.Repeat([]byte("a"), 64))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was never kept: %v", err)
	}
}

func TestWhatIsBrokenIsFoundAndMended(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, evidence.Options{})
	whole, torn := put(t, s, "whole"), put(t, s, "torn")
	if err := os.WriteFile(path(dir, torn), []byte("\x00\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(torn); !errors.Is(err, evidence.ErrBroken) {
		t.Errorf("get: %v", err)
	}
	if broken, err := s.Verify(); err != nil || len(broken) != 1 || broken[0] != torn {
		t.Errorf("broken: %v, %v", broken, err)
	}
	s = open(t, dir, evidence.Options{})
	put(t, s, "torn")
	if broken, err := s.Verify(); err != nil || len(broken) > 0 {
		t.Errorf("after it was put again: %v, %v", broken, err)
	}
	if n, files := s.Size(); n != 9 || files != 2 {
		t.Errorf("%d bytes in %d files", n, files)
	}
	if _, err := s.Get(whole); err != nil {
		t.Error(err)
	}
}

// TestAKilledWriterLeavesNothing has the file of one behind, and files of others.
func TestAKilledWriterLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	digest := put(t, open(t, dir, evidence.Options{}), "abc")
	half, other := filepath.Join(dir, digest[:2], ".new-123"), filepath.Join(dir, "README")
	for _, p := range []string{half, other} {
		if err := os.WriteFile(p, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir, evidence.Options{})
	if _, files := s.Size(); files != 1 {
		t.Errorf("%d files", files)
	}
	put(t, s, "def")
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half written file: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a foreign file: %v", err)
	}
}

func TestTheOldestGoesFirst(t *testing.T) {
	dir := t.TempDir()
	var digests []string
	for i := range 5 {
		digest := put(t, open(t, dir, evidence.Options{}), fmt.Sprintf("%010d", i))
		at := time.Unix(int64(1000+i), 0)
		if err := os.Chtimes(path(dir, digest), at, at); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	s := open(t, dir, evidence.Options{Quota: 50, Keep: func(d string) bool { return d == digests[0] }})
	put(t, s, "fresh fresh fresh") // 17 bytes: two go
	for i, want := range []bool{true, false, false, true, true} {
		if _, err := s.Get(digests[i]); (err == nil) != want {
			t.Errorf("%d is kept: %v, want %v", i, err == nil, want)
		}
	}
	if _, err := s.Put(bytes.Repeat([]byte("x"), 24)); !errors.Is(err, evidence.ErrFull) {
		t.Errorf("over all that may be dropped: %v", err)
	}
	if _, err := s.Get(digests[3]); err != nil {
		t.Errorf("what was dropped for nothing: %v", err)
	}
	put(t, s, "0123456789")
	if n, _ := s.Size(); n > 50 {
		t.Errorf("%d bytes", n)
	}
}

// TestTheQuotaHolds puts anything, in any order, over several openings.
func TestTheQuotaHolds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		const quota = 100
		for range rapid.IntRange(1, 4).Draw(r, "openings") {
			s := open(t, dir, evidence.Options{Quota: quota})
			mine := map[string][]byte{}
			for range rapid.IntRange(0, 8).Draw(r, "puts") {
				data := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(r, "data")
				digest, err := s.Put(data)
				if err == nil {
					mine[digest] = data
				} else if !errors.Is(err, evidence.ErrFull) {
					r.Fatal(err)
				}
				if n, _ := s.Size(); n > quota {
					r.Fatalf("%d bytes", n)
				}
			}
			for digest, data := range mine {
				if got, err := s.Get(digest); err != nil || !bytes.Equal(got, data) {
					r.Fatalf("what was put is gone: %v", err)
				}
			}
			n, files := s.Size()
			if m, again := open(t, dir, evidence.Options{}).Size(); m != n || again != files {
				r.Fatalf("%d bytes in %d files, and %d in %d when opened again", n, files, m, again)
			}
		}
	})
}
