package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

func numbered(i int) *event.Event {
	return &event.Event{ID: fmt.Sprintf("%026d", i), Time: time.Unix(int64(i), 0), Decky: "decky.a", Service: "redis", Body: &event.Query{Verb: "SET", Statement: event.Text(fmt.Sprint("SET k ", i))}}
}

func open(t testing.TB, dir string, o journal.Options) *journal.Writer {
	t.Helper()
	w, err := journal.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func appendN(t testing.TB, w *journal.Writer, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := w.Append(numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func readAll(t testing.TB, r *journal.Reader) (ids []string, corrupt int) {
	t.Helper()
	for {
		before := r.Position()
		records, err := r.Next(7)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 && r.Position() == before {
			return ids, corrupt
		}
		for _, record := range records {
			if record.Err != nil {
				corrupt++
				continue
			}
			ids = append(ids, record.Event.ID)
		}
	}
}

func wantIDs(t testing.TB, got []string, from, to int) {
	t.Helper()
	if len(got) != to-from {
		t.Fatalf("read %d events, want %d", len(got), to-from)
	}
	for i, id := range got {
		if want := fmt.Sprintf("%026d", from+i); id != want {
			t.Fatalf("event %d is %s, want %s", i, id, want)
		}
	}
}

func segmentFiles(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestReaderSeesWhatWasAppendedAsItIsAppended(t *testing.T) {
	dir := t.TempDir()
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	w := open(t, dir, journal.Options{SegmentBytes: 4096})
	for i := range 200 {
		appendN(t, w, i, i+1)
		ids, _ := readAll(t, r)
		wantIDs(t, ids, i, i+1)
	}
	if n := len(segmentFiles(t, dir)); n < 3 {
		t.Fatalf("%d segments; the test is meant to cross several", n)
	}
}

func TestReaderResumesAnywhereWithoutLossOrRepeat(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, journal.Options{SegmentBytes: 4096})
	appendN(t, w, 0, 100)
	rapid.Check(t, func(rt *rapid.T) {
		var pos journal.Position
		var ids []string
		for len(ids) < 100 {
			r := journal.NewReader(dir, pos)
			records, err := r.Next(rapid.IntRange(1, 40).Draw(rt, "limit"))
			if err != nil || len(records) == 0 {
				rt.Fatalf("stopped after %d: %v", len(ids), err)
			}
			for _, record := range records {
				ids = append(ids, record.Event.ID)
			}
			pos = records[len(records)-1].Pos
			_ = r.Close()
		}
		wantIDs(t, ids, 0, 100)
	})
}

func TestTornTailIsCut(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, journal.Options{})
	appendN(t, w, 0, 3)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(segmentFiles(t, dir)[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"torn","kind":"quer`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	ids, _ := readAll(t, r)
	wantIDs(t, ids, 0, 3)
	again := open(t, dir, journal.Options{})
	appendN(t, again, 3, 6)
	ids, corrupt := readAll(t, r)
	wantIDs(t, ids, 3, 6)
	if corrupt != 0 {
		t.Errorf("%d corrupt records, want the torn line skipped in silence", corrupt)
	}
}

func TestAcknowledgedSegmentsAreDeletedByTheWriterOnly(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, journal.Options{SegmentBytes: 4096})
	appendN(t, w, 0, 100)
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	readAll(t, r)
	before := len(segmentFiles(t, dir))
	if err := journal.Acknowledge(dir, r.Position()); err != nil {
		t.Fatal(err)
	}
	if len(segmentFiles(t, dir)) != before {
		t.Fatal("acknowledging deleted segments")
	}
	appendN(t, w, 100, 140)
	if after := len(segmentFiles(t, dir)); after >= before {
		t.Fatalf("%d segments before, %d after", before, after)
	}
	ids, _ := readAll(t, r)
	wantIDs(t, ids, 100, 140)
}

func TestOverflowIsBoundedAndSaid(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, journal.Options{MaxBytes: 64 << 10, SegmentBytes: 16 << 10})
	dropped := 0
	for i := range 1000 {
		switch err := w.Append(numbered(i)); {
		case errors.Is(err, journal.ErrFull):
			dropped++
		case err != nil:
			t.Fatal(err)
		}
	}
	var size int64
	for _, name := range segmentFiles(t, dir) {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if dropped == 0 || size > 65<<10 || w.Dropped() != int64(dropped) {
		t.Fatalf("%d bytes kept, %d dropped, Dropped() = %d", size, dropped, w.Dropped())
	}
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	if last := lastEvent(t, r); !isOverflow(last, 0) {
		t.Fatalf("last event is %+v, want the overflow's beginning", last.Body)
	}
	if err := journal.Acknowledge(dir, r.Position()); err != nil {
		t.Fatal(err)
	}
	appendN(t, w, 1000, 1001)
	records, err := r.Next(10)
	if err != nil || len(records) != 2 || !isOverflow(records[0].Event, int64(dropped)) {
		t.Fatalf("after the overflow: %d records, %v; want its count, then the event", len(records), err)
	}
}

func lastEvent(t *testing.T, r *journal.Reader) *event.Event {
	t.Helper()
	var last *event.Event
	for {
		records, err := r.Next(100)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return last
		}
		last = records[len(records)-1].Event
	}
}

func isOverflow(e *event.Event, count int64) bool {
	s, ok := e.Body.(*event.System)
	return ok && s.Name == "overflow" && s.Count == count
}

func TestHostileDirectoryIsNeitherFollowedNorFatal(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("{\"id\":\"stolen\",\"kind\":\"system\",\"body\":{}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Symlink(secret, filepath.Join(dir, "000000000001.ndjson")))
	must(syscall.Mkfifo(filepath.Join(dir, "000000000002.ndjson"), 0o600))
	must(os.Mkdir(filepath.Join(dir, "000000000003.ndjson"), 0o700))
	must(os.WriteFile(filepath.Join(dir, "000000000004.ndjson"), append(bytes.Repeat([]byte("x"), 3<<20), '\n'), 0o600))
	sparse, err := os.Create(filepath.Join(dir, "000000000005.ndjson"))
	must(err)
	must(sparse.Truncate(1 << 40))
	must(sparse.Close())
	must(os.WriteFile(filepath.Join(dir, "000000000006.ndjson"), []byte("not json\n[]\n{\"kind\":\"teleport\"}\n\n"), 0o600))
	must(os.WriteFile(filepath.Join(dir, "99.ndjson"), []byte("x"), 0o600))
	must(os.Symlink(secret, filepath.Join(dir, "ack.new")))
	w := open(t, dir, journal.Options{MaxBytes: 1 << 50})
	appendN(t, w, 0, 2)
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	ids, corrupt := readAll(t, r)
	wantIDs(t, ids, 0, 2)
	if corrupt != 5 {
		t.Errorf("%d corrupt records, want 5", corrupt)
	}
	must(journal.Acknowledge(dir, r.Position()))
	for _, hostile := range []func(string) error{
		func(name string) error { return os.Symlink(secret, name) },
		func(name string) error { return syscall.Mkfifo(name, 0o600) },
	} {
		ack := filepath.Join(dir, "ack")
		must(os.Remove(ack))
		must(hostile(ack))
		if p, err := journal.Acknowledged(dir); err == nil {
			t.Errorf("a hostile acknowledgement was read: %v", p)
		}
		must(journal.Acknowledge(dir, r.Position()))
	}
	if data, err := os.ReadFile(secret); err != nil || !strings.Contains(string(data), "stolen") {
		t.Errorf("the file behind the link was changed: %q, %v", data, err)
	}
}

func TestEndlessGarbageIsReadInPieces(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%012d.ndjson", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(1<<40), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	records, err := r.Next(100)
	if err != nil || len(records) != 0 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if p := r.Position(); p.Segment != 1 || p.Offset == 0 || p.Offset > 8<<20 {
		t.Fatalf("position %+v, want one within the first 8 MiB", p)
	}
}

func TestAppendIsSafeForConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, journal.Options{SegmentBytes: 16 << 10})
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() { appendN(t, w, g*100, g*100+100) })
	}
	group.Wait()
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	ids, corrupt := readAll(t, r)
	if len(ids) != 800 || corrupt != 0 {
		t.Fatalf("%d events, %d corrupt", len(ids), corrupt)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("{\"id\":\"a\",\"kind\":\"system\",\"body\":{}}\n{"), []byte("\n\n"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		dir := t.TempDir()
		for i, data := range [][]byte{first, second} {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%012d.ndjson", i+1)), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := journal.NewReader(dir, journal.Position{})
		defer r.Close()
		ids, corrupt := readAll(t, r)
		if lines := bytes.Count(first, []byte("\n")) + bytes.Count(second, []byte("\n")); len(ids)+corrupt != lines {
			t.Fatalf("%d events and %d corrupt of %d lines", len(ids), corrupt, lines)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	w := open(b, b.TempDir(), journal.Options{MaxBytes: 1 << 40})
	e := numbered(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Append(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	dir := b.TempDir()
	w := open(b, dir, journal.Options{MaxBytes: 1 << 40})
	for i := range b.N {
		if err := w.Append(numbered(i)); err != nil {
			b.Fatal(err)
		}
	}
	r := journal.NewReader(dir, journal.Position{})
	defer r.Close()
	b.ResetTimer()
	for n := 0; n < b.N; {
		records, err := r.Next(500)
		if err != nil || len(records) == 0 {
			b.Fatal(n, err)
		}
		n += len(records)
	}
}
