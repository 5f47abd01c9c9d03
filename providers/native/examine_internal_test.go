package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/decky/supervise"
)

// kept runs fn over an examination and returns what it kept.
func kept(ctx context.Context, fn func(*examination)) (all []providers.Exhibit, err error) {
	e := &examination{ctx: ctx, keep: func(x providers.Exhibit) error { all = append(all, x); return nil }}
	fn(e)
	return all, e.end()
}

func names(all []providers.Exhibit) []string {
	var out []string
	for _, x := range all {
		out = append(out, x.Name)
	}
	return out
}

func write(t testing.TB, path string, data []byte, age time.Duration) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(-age)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

// The store is an attacker's: nothing that it leads to is read, nothing in it
// blocks, and what is too much is left out.
func TestAHostileStoreIsListedAndNothingElse(t *testing.T) {
	dirs := supervise.NewDirs("lin", t.TempDir(), t.TempDir())
	store := filepath.Join(dirs.Store(), "d1")
	write(t, filepath.Join(store, "old"), []byte("old"), time.Hour)
	write(t, filepath.Join(store, "sub", "new"), []byte("new"), time.Minute)
	write(t, filepath.Join(store, "big"), bytes.Repeat([]byte("b"), maxFile+1), 0)
	secret := filepath.Join(t.TempDir(), "secret")
	write(t, secret, []byte("not theirs"), 0)
	for name, target := range map[string]string{"link": secret, "up": "../..", "inner": "old"} {
		if err := os.Symlink(target, filepath.Join(store, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(store, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := kept(t.Context(), func(e *examination) { e.store(dirs, "d1") })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"store", "files/sub/new", "files/old"}, names(all)); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{`"big"`, `"pipe"`, `"link"`, `"sub/new"`} {
		if !strings.Contains(string(all[0].Data), want) {
			t.Errorf("the listing lacks %s:\n%s", want, all[0].Data)
		}
	}
	for _, x := range all {
		if bytes.Contains(x.Data, []byte("not theirs")) {
			t.Errorf("%s leads out of the store", x.Name)
		}
	}
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(secret), store); err != nil {
		t.Fatal(err)
	}
	if all, err := kept(t.Context(), func(e *examination) { e.store(dirs, "d1") }); err == nil || len(all) > 0 {
		t.Errorf("a store that is a link: %v, %v", names(all), err)
	}
}

func TestAnExaminationIsBounded(t *testing.T) {
	all, err := kept(t.Context(), func(e *examination) {
		for i := range 100 {
			e.add(providers.Exhibit{Name: fmt.Sprint(i), Data: make([]byte, providers.MaxExhibit+1)})
		}
	})
	total := 0
	for _, x := range all {
		total += len(x.Data)
		if len(x.Data) > providers.MaxExhibit || !x.Truncated {
			t.Errorf("%s: %d bytes, cut %v", x.Name, len(x.Data), x.Truncated)
		}
	}
	if err != nil || total != providers.MaxExamination {
		t.Errorf("%d bytes, %v", total, err)
	}
	all, _ = kept(t.Context(), func(e *examination) {
		for range 1000 {
			e.add(providers.Exhibit{Data: []byte("x")})
		}
	})
	if len(all) != providers.MaxExhibits {
		t.Errorf("%d exhibits", len(all))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if all, err := kept(gone, func(e *examination) { e.add(providers.Exhibit{Data: []byte("x")}) }); !errors.Is(err, context.Canceled) || len(all) > 0 {
		t.Errorf("after the end: %d, %v", len(all), err)
	}
	full := errors.New("full")
	e := &examination{ctx: t.Context(), keep: func(providers.Exhibit) error { return full }}
	e.json("a", 1)
	e.json("b", 2)
	if err := e.end(); !errors.Is(err, full) || e.kept != 0 {
		t.Errorf("keep failed: %v after %d", err, e.kept)
	}
}

func TestTheEndOfAJournalIsWholeLines(t *testing.T) {
	dirs := supervise.NewDirs("lin", t.TempDir(), t.TempDir())
	dir := filepath.Join(dirs.Journal(), "d1")
	var want, all []string
	for n := range 4000 {
		line := fmt.Sprintf(`{"id":"%d","service":"%s","pad":"%s"}`, n, []string{"ssh", "smtp"}[n%2], strings.Repeat("x", 100))
		all = append(all, line)
	}
	write(t, filepath.Join(dir, "000000000001.ndjson"), []byte(strings.Join(all[:3000], "\n")+"\n"), 0)
	write(t, filepath.Join(dir, "000000000002.ndjson"), []byte(strings.Join(all[3000:], "\n")+"\n"), 0)
	write(t, filepath.Join(dir, "ack"), []byte("x"), 0)
	data, cut, err := journal(dirs, "d1", nil)()
	if err != nil || !cut || len(data) > journalTail {
		t.Fatalf("%d bytes, cut %v, %v", len(data), cut, err)
	}
	got := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if !slices.Equal(got, all[len(all)-len(got):]) || len(got) < 1500 {
		t.Errorf("%d lines, from %.60s to %.60s", len(got), got[0], got[len(got)-1])
	}
	data, _, err = journal(dirs, "d1", func(line []byte) bool { return bytes.Contains(line, []byte(`"service":"ssh"`)) })()
	for _, line := range got {
		if strings.Contains(line, `"ssh"`) {
			want = append(want, line)
		}
	}
	if err != nil || strings.TrimSuffix(string(data), "\n") != strings.Join(want, "\n") {
		t.Errorf("of one service: %.200s, %v", data, err)
	}
}

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1
   1: 65014D0A:0016 02004D0A:C350 01 00000005:00000000 00:00000000 00000000     0        0 12346 1
   2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12347 1
`

func TestSocketsAreListed(t *testing.T) {
	var text strings.Builder
	if err := listSockets(&text, "tcp", strings.NewReader(tcpTable), map[uint16]bool{22: true}); err != nil {
		t.Fatal(err)
	}
	want := "tcp listening 0.0.0.0:22 0.0.0.0:0 queues 00000000:00000000\n" +
		"tcp established 10.77.1.101:22 10.77.0.2:50000 queues 00000005:00000000\n"
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	text.Reset()
	six := "head\n 0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 0:0\n"
	if err := listSockets(&text, "tcp6", strings.NewReader(six), nil); err != nil || !strings.HasPrefix(text.String(), "tcp6 listening [::1]:22 ") {
		t.Errorf("%q, %v", text.String(), err)
	}
}

func FuzzListSockets(f *testing.F) {
	f.Add(tcpTable)
	f.Add("head\n0: zz:16 0:0 01 0:0\n")
	f.Add("head\n0: 0100:16 :: 01 0\n")
	f.Fuzz(func(t *testing.T, table string) {
		var text strings.Builder
		_ = listSockets(&text, "tcp", strings.NewReader(table), nil) // it may refuse
		if strings.Count(text.String(), "\n") > strings.Count(table, "\n") {
			t.Errorf("%d sockets of %q", strings.Count(text.String(), "\n"), table)
		}
	})
}

func TestOnlyStrangeSysctlsAreNamed(t *testing.T) {
	if got := strange(map[string]string{"kernel.ostype": "Linux"}); got != "" {
		t.Errorf("what is as it should be: %q", got)
	}
	if got := strange(map[string]string{"kernel.ostype": "Other", "no.such": "1"}); !strings.Contains(got, "kernel.ostype = Linux (should be Other)") || !strings.Contains(got, "no.such: ") {
		t.Errorf("%q", got)
	}
}
