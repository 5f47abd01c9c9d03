package vfs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// shore is one of two file systems that meet in what they keep.
type shore struct {
	*vfs.FS
	at vfs.Version
}

func newShore() *shore { return &shore{FS: vfs.Of(modelImage, host{}, 1<<20, clock)} }

// pack keeps what changed and returns it.
func (s *shore) pack(t interface{ Fatal(...any) }) []byte {
	data, v, err := s.Changes()
	if err != nil {
		t.Fatal(err)
	}
	s.at = v
	return data
}

// take merges what the other kept.
func (s *shore) take(t interface{ Fatal(...any) }, data []byte) {
	if err := s.Merge(s.at, data); err != nil {
		t.Fatal(err)
	}
	v, err := vfs.VersionOf(data)
	if err != nil {
		t.Fatal(err)
	}
	s.at = v
}

// TestMergeTakesEverythingIn lets two file systems change by turns: whatever one
// did the other has after it merged.
func TestMergeTakesEverythingIn(t *testing.T) {
	names := []string{"usr", "bin", "ls", "share", "doc", "a", "copyright", "etc", "passwd", "tmp", "x"}
	rapid.Check(t, func(t *rapid.T) {
		one, two := newShore(), newShore()
		path := rapid.Custom(func(t *rapid.T) string {
			return "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(names), 1, 4).Draw(t, "names"), "/")
		})
		for range rapid.IntRange(1, 4).Draw(t, "turns") {
			v := one.As(0, 0)
			for range rapid.IntRange(1, 20).Draw(t, "steps") {
				a, b, data := path.Draw(t, "a"), path.Draw(t, "b"), rapid.StringN(0, 9, 20).Draw(t, "data")
				switch rapid.IntRange(0, 7).Draw(t, "operation") {
				case 0:
					_, _ = v.Mkdir(a, 0o755), v.Mkdir("/tmp"+b, 0o755)
				case 1:
					_, _ = v.WriteFile(a, []byte(data), 0o644), v.WriteFile("/tmp"+b, []byte(data), 0o644)
				case 2:
					_ = add(v, a, data)
				case 3:
					_ = v.Remove(a)
				case 4:
					_ = v.Symlink(data+"x", a)
				case 6:
					_ = v.Rename("/tmp"+a, "/tmp"+b)
				case 7:
					_ = v.Link("/tmp"+a, "/tmp"+b)
				case 5:
					_ = v.Chmod(b, uint32(len(data))<<6)
				}
			}
			two.take(t, one.pack(t))
			if diff := cmp.Diff(dump(one.As(0, 0), "/"), dump(two.As(0, 0), "/")); diff != "" {
				t.Fatal(diff)
			}
			if one.Used() != two.Used() {
				t.Fatalf("clients hold %d bytes here and %d there", one.Used(), two.Used())
			}
			one, two = two, one
		}
	})
}

func TestMergeKeepsWhatBothDid(t *testing.T) {
	one, two := newShore(), newShore()
	write := func(s *shore, path, data string) {
		t.Helper()
		if err := s.As(0, 0).WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(one, "/tmp.both", "first")
	write(one, "/tmp.theirs", "first")
	two.take(t, one.pack(t))

	write(one, "/tmp.one", "1")
	write(one, "/tmp.both", "one's")
	if err := one.As(0, 0).Remove("/tmp.theirs"); err != nil {
		t.Fatal(err)
	}
	write(two, "/tmp.two", "2")
	write(two, "/tmp.both", "two's")
	open, err := two.As(0, 0).Open("/tmp.theirs", vfs.Read, 0)
	if err != nil {
		t.Fatal(err)
	}
	two.take(t, one.pack(t))
	if !two.Dirty() {
		t.Error("what was changed here counts as kept")
	}
	one.take(t, two.pack(t))
	if one.Dirty() {
		t.Error("what came from there counts as changed here")
	}
	for name, s := range map[string]*shore{"one": one, "two": two} {
		for path, want := range map[string]string{"/tmp.one": "1", "/tmp.two": "2", "/tmp.both": "two's"} {
			if got, err := s.As(0, 0).ReadFile(path); string(got) != want || err != nil {
				t.Errorf("%s: %s is %q, %v; want %q", name, path, got, err, want)
			}
		}
		if _, err := s.As(0, 0).Stat("/tmp.theirs"); err == nil {
			t.Errorf("%s: a removed file is there", name)
		}
	}
	buffer := make([]byte, 9)
	if n, err := open.Read(buffer); string(buffer[:n]) != "first" {
		t.Errorf("a file that was open reads %q, %v", buffer[:n], err)
	}
}

func TestMergeRefusesWhatIsNoChanges(t *testing.T) {
	if err := newShore().Merge(nil, []byte("{")); err == nil {
		t.Error("half a value is merged")
	}
	if _, err := vfs.VersionOf([]byte("[")); err == nil {
		t.Error("half a value has a version")
	}
}
