package record_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/record"
)

func paths(dir string) (log, mirror string) {
	return filepath.Join(dir, "data", "objects.log"), filepath.Join(dir, "run", "objects.log")
}

func content(t testing.TB, b *record.Book) map[string]string {
	t.Helper()
	all, err := b.All()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for key, value := range all {
		texts[key] = string(value)
	}
	return texts
}

func put(t testing.TB, b *record.Book, key string, v any) {
	t.Helper()
	if err := b.Put(key, v); err != nil {
		t.Fatal(err)
	}
}

func TestEveryBookSeesEveryRecord(t *testing.T) {
	log, mirror := paths(t.TempDir())
	a, b := record.Open(log, mirror), record.Open(log, mirror)
	put(t, a, "decky/1", 1)
	put(t, b, "decky/2", 2)
	put(t, a, "decky/1", 3)
	want := map[string]string{"decky/1": "3", "decky/2": "2"}
	for _, book := range []*record.Book{a, b, record.Open(log, mirror)} {
		if diff := cmp.Diff(want, content(t, book)); diff != "" {
			t.Error(diff)
		}
	}
	if _, ok, err := b.Get("decky/9"); ok || err != nil {
		t.Errorf("an unknown key: %v, %v", ok, err)
	}
	for _, key := range []string{"decky/1", "decky/2", "decky/9"} {
		if err := a.Drop(key); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(map[string]string{}, content(t, b)); diff != "" {
		t.Error(diff)
	}
	for _, path := range []string{log, mirror} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s stays after the last record: %v", path, err)
		}
	}
	put(t, b, "decky/3", 4)
	if diff := cmp.Diff(map[string]string{"decky/3": "4"}, content(t, a)); diff != "" {
		t.Error(diff)
	}
}

func TestTornLinesCostOnlyThemselves(t *testing.T) {
	log, mirror := paths(t.TempDir())
	put(t, record.Open(log, mirror), "a", 1)
	whole, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := os.WriteFile(log, append(append([]byte{}, whole...), whole[:n]...), 0o600); err != nil {
			t.Fatal(err)
		}
		b := record.Open(log, mirror)
		put(t, b, "b", 2)
		if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, content(t, b)); diff != "" {
			t.Errorf("after %d bytes: %s", n, diff)
		}
	}
}

func TestMirrorStandsIn(t *testing.T) {
	log, mirror := paths(t.TempDir())
	b := record.Open(log, mirror)
	put(t, b, "a", 1)
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "1"}, content(t, b)); diff != "" {
		t.Error(diff)
	}
	put(t, b, "b", 2)
	if err := os.Remove(mirror); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, content(t, b)); diff != "" {
		t.Error(diff)
	}
}

func TestAReplacedLogLosesNothing(t *testing.T) {
	log, mirror := paths(t.TempDir())
	big := strings.Repeat("x", 100<<10)
	var group sync.WaitGroup
	for writer := range 4 {
		group.Go(func() {
			b := record.Open(log, mirror)
			for i := range 40 {
				key := strconv.Itoa(writer) + "/" + strconv.Itoa(i)
				put(t, b, key, big)
				put(t, b, "kept/"+key, i)
				if err := b.Drop(key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	b := record.Open(log, mirror)
	if n := len(content(t, b)); n != 160 {
		t.Errorf("%d records, want 160", n)
	}
	if info, err := os.Stat(log); err != nil || info.Size() > 12<<20 {
		t.Errorf("16 MB of history were not compacted: %v, %v", info.Size(), err)
	}
}

// A book behaves as a map, whatever is done to it by whichever process.
func TestBookIsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "b")
		if err != nil {
			rt.Fatal(err)
		}
		log, mirror := paths(dir)
		books := []*record.Book{record.Open(log, mirror), record.Open(log, mirror)}
		want := map[string]string{}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			b := books[rapid.IntRange(0, 1).Draw(rt, "book")]
			key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
			switch rapid.IntRange(0, 3).Draw(rt, "act") {
			case 0, 1:
				value := rapid.String().Draw(rt, "value")
				if err := b.Put(key, value); err != nil {
					rt.Fatal(err)
				}
				data, err := json.Marshal(value)
				if err != nil {
					rt.Fatal(err)
				}
				want[key] = string(data)
			case 2:
				if err := b.Drop(key); err != nil {
					rt.Fatal(err)
				}
				delete(want, key)
			case 3:
				if err := os.Remove(log); err != nil && !errors.Is(err, fs.ErrNotExist) {
					rt.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, content(t, b)); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\n{\"key\":\"a\",\"value\":1}\n"))
	f.Add([]byte("{\"key\":\"a\"}\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		log, mirror := paths(t.TempDir())
		if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(log, data, 0o600); err != nil {
			t.Fatal(err)
		}
		b := record.Open(log, mirror)
		before := content(t, b)
		put(t, b, "mine", 1)
		after := content(t, b)
		before["mine"] = "1"
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
	})
}

// Whatever becomes of the log's bytes, the mirror still has what it lost, and
// what was dropped stays so.
func TestADamagedLogIsMadeUpFor(t *testing.T) {
	for name, damage := range map[string]func(whole []byte) []byte{
		"emptied":     func([]byte) []byte { return nil },
		"cut off":     func(whole []byte) []byte { return whole[:len(whole)-5] },
		"overwritten": func(whole []byte) []byte { return []byte(strings.Repeat("x", len(whole))) },
		"garbage":     func([]byte) []byte { return []byte("\x00\xff\n{\n[]\n\"a\"\n{\"key\":1}\n") },
	} {
		t.Run(name, func(t *testing.T) {
			log, mirror := paths(t.TempDir())
			b := record.Open(log, mirror)
			want := map[string]string{"a": "1", "b": "2"}
			put(t, b, "gone", 0)
			put(t, b, "a", 1)
			if err := b.Drop("gone"); err != nil {
				t.Fatal(err)
			}
			put(t, b, "b", 2)
			if diff := cmp.Diff(want, content(t, b)); diff != "" || b.Lost("a") {
				t.Fatalf("before: %s (lost %v)", diff, b.Lost("a"))
			}
			whole, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // the file's time must show it
			if err := os.WriteFile(log, damage(whole), 0o600); err != nil {
				t.Fatal(err)
			}
			for what, book := range map[string]*record.Book{"who had read it": b, "a new one": record.Open(log, mirror)} {
				if diff := cmp.Diff(want, content(t, book)); diff != "" || !book.Lost("b") {
					t.Errorf("%s: %s (lost %v)", what, diff, book.Lost("b"))
				}
			}
			put(t, b, "a", 1)
			put(t, b, "b", 2)
			if err := os.Remove(mirror); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, content(t, record.Open(log, mirror))); diff != "" || b.Lost("b") {
				t.Errorf("put right: %s", diff)
			}
		})
	}
}
