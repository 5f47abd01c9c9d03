package runtime_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/runtime"
)

func openStore(t testing.TB, dir string, quota int64) *runtime.Store {
	t.Helper()
	s, err := runtime.OpenStore(dir, quota)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStoreKeepsValuesOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "store")
	first := openStore(t, dir, 100)
	if got, err := first.Of("redis").Load("dump"); got != nil || err != nil {
		t.Errorf("empty store: %q, %v", got, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("reading made the directory")
	}
	for _, name := range []string{"dump", "../../escape", "", strings.Repeat("long", 100), "a\x00b"} {
		if err := first.Of("redis").Save(name, []byte("v"+name[:min(3, len(name))])); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
	}
	if err := first.Of("redis.b").Save("dump", []byte("other")); err != nil {
		t.Fatal(err)
	}
	second := openStore(t, dir, 100)
	for _, name := range []string{"dump", "../../escape", "", strings.Repeat("long", 100), "a\x00b"} {
		if got, err := second.Of("redis").Load(name); err != nil || string(got) != "v"+name[:min(3, len(name))] {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if got, _ := second.Of("redis.b").Load("dump"); string(got) != "other" {
		t.Errorf("services share a value: %q", got)
	}
	for _, where := range []string{dir + "/../escape", dir + "/../../escape"} {
		if _, err := os.Stat(where); err == nil {
			t.Errorf("%s was written", where)
		}
	}
}

func TestStoreCleansWhatAnInterruptedSaveLeft(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "redis@dump~"), make([]byte, 90), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := openStore(t, dir, 100).Of("redis").Save("dump", make([]byte, 90)); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("directory holds %v, %v", entries, err)
	}
}

func TestStoreKeepsWithinItsQuota(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		s := openStore(t, dir, 100)
		want := map[string]string{}
		for i := range rapid.IntRange(1, 12).Draw(rt, "saves") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name")
			value := strings.Repeat(fmt.Sprint(i%10), rapid.IntRange(0, 70).Draw(rt, "size"))
			used := len(value)
			for other, v := range want {
				if other != name {
					used += len(v)
				}
			}
			err := s.Of("x").Save(name, []byte(value))
			if fits := used <= 100; fits != (err == nil) || !fits && !errors.Is(err, decky.ErrQuota) {
				rt.Fatalf("%d bytes used: %v", used, err)
			}
			if err == nil {
				want[name] = value
			}
		}
		again := openStore(t, dir, 100)
		for name, value := range want {
			if got, err := again.Of("x").Load(name); err != nil || string(got) != value {
				rt.Fatalf("%s = %q, %v; want %q", name, got, err, value)
			}
		}
	})
}

func TestStoreBoundsTheNumberOfValues(t *testing.T) {
	dir := t.TempDir()
	for i := range 4096 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("x@", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openStore(t, dir, 100)
	if err := s.Of("x").Save("one-more", nil); !errors.Is(err, decky.ErrQuota) {
		t.Errorf("4097th value: %v", err)
	}
	if err := s.Of("x").Save("7", []byte("x")); err != nil {
		t.Errorf("an old value cannot be replaced: %v", err)
	}
}

func TestReadersNeverSeeHalfAValue(t *testing.T) {
	s := openStore(t, t.TempDir(), 1<<20).Of("x")
	var done sync.WaitGroup
	for i := range 4 {
		done.Go(func() {
			for range 20 {
				if err := s.Save("v", []byte(strings.Repeat(fmt.Sprint(i), 1000*(i+1)))); err != nil {
					t.Error(err)
				}
				got, err := s.Load("v")
				if err != nil || len(got)%1000 != 0 || strings.Trim(string(got), string(got[:1])) != "" {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			}
		})
	}
	done.Wait()
}

func TestTwoProcessesShareADirectory(t *testing.T) {
	dir := t.TempDir()
	ssh, telnet := openStore(t, dir, 100), openStore(t, dir, 100)
	if err := ssh.Of("_").Save("files", make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	if got, err := telnet.Of("_").Load("files"); err != nil || len(got) != 60 {
		t.Errorf("the other process reads %d bytes, %v", len(got), err)
	}
	if err := telnet.Of("_").Save("more", make([]byte, 60)); !errors.Is(err, decky.ErrQuota) {
		t.Errorf("60 and 60 bytes fit into 100: %v", err)
	}
	if err := telnet.Of("_").Save("files", make([]byte, 100)); err != nil {
		t.Errorf("replace what the other wrote: %v", err)
	}
	if err := ssh.Of("_").Save("more", []byte("x")); !errors.Is(err, decky.ErrQuota) {
		t.Errorf("one byte more than the quota: %v", err)
	}
}

func TestUpdatesOfSeveralProcessesAreAllKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	var all sync.WaitGroup
	for range 4 {
		p := openStore(t, dir, 1<<20).Of("ssh")
		all.Go(func() {
			for range 25 {
				if err := p.Update("n", func(old []byte) ([]byte, error) { return append(old, '.'), nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	p := openStore(t, dir, 1<<20).Of("ssh")
	if got, err := p.Load("n"); len(got) != 100 || err != nil {
		t.Errorf("%d of 100 updates were kept, %v", len(got), err)
	}
	told := errors.New("told")
	if err := p.Update("n", func([]byte) ([]byte, error) { return nil, told }); !errors.Is(err, told) {
		t.Errorf("update returned %v", err)
	}
	if got, _ := p.Load("n"); len(got) != 100 {
		t.Error("an update that failed changed the value")
	}
	if err := p.Update("n", func([]byte) ([]byte, error) { return make([]byte, 2<<20), nil }); !errors.Is(err, decky.ErrQuota) {
		t.Errorf("an update beyond the quota returned %v", err)
	}
	for range 2 {
		if err := p.Update("n", func([]byte) ([]byte, error) { return nil, nil }); err != nil {
			t.Error(err)
		}
		if got, _ := p.Load("n"); got != nil {
			t.Errorf("a removed value is %q", got)
		}
	}
}
