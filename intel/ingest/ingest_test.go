package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/ingest"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// memory is a Log that can be made to fail.
type memory struct {
	mu      sync.Mutex
	events  []*intel.Event
	ids     map[string]bool
	offsets map[string]journal.Position
	corrupt int64
	flagged int64
	fail    int // so many times
}

func newMemory() *memory {
	return &memory{ids: map[string]bool{}, offsets: map[string]journal.Position{}}
}

func (m *memory) Append(_ context.Context, b intel.Batch) (intel.Appended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail > 0 {
		m.fail--
		return intel.Appended{}, errors.New("disk full")
	}
	var out intel.Appended
	for _, e := range b.Events {
		if m.ids[e.ID] {
			out.Duplicates++
			continue
		}
		m.ids[e.ID] = true
		m.events = append(m.events, e)
		out.Stored = append(out.Stored, e)
	}
	for _, o := range b.Offsets {
		m.offsets[o.Journal] = o.Position
		m.corrupt += o.Corrupt
		m.flagged += o.Flagged
	}
	return out, nil
}

func (m *memory) Offsets(context.Context) (map[string]journal.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]journal.Position{}
	maps.Copy(out, m.offsets)
	return out, nil
}

func (m *memory) After(context.Context, int64, int) ([]*intel.Event, error) { return nil, nil }

func (m *memory) Replay(context.Context, time.Time, int64, func(*intel.Event) error) error {
	return nil
}

func (m *memory) Head(context.Context) (int64, time.Time, error) { return 0, time.Time{}, nil }

func (m *memory) all() []*intel.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

func (m *memory) lines() []string {
	var out []string
	for _, e := range m.all() {
		if c, ok := e.Body.(*event.Command); ok {
			out = append(out, string(c.Line))
		}
	}
	return out
}

// run ingests into m until the test ends or stop is called.
func run(t *testing.T, m *memory, journals ...intel.Journal) (in *ingest.Ingester, stop func()) {
	t.Helper()
	in = ingest.New(ingest.Config{Log: m, AckEvery: 20 * time.Millisecond, Poll: 200 * time.Millisecond})
	in.Follow(journals)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return in, stop
}

func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func owned(dir string) intel.Journal {
	return intel.Journal{Name: filepath.Base(dir), Dir: dir, Deckies: []string{"decky.a"}}
}

func command(line string, at time.Time) *event.Event {
	return &event.Event{ID: event.NewID(at), Time: at, Decky: "decky.a", Service: "ssh", Session: "s", Body: &event.Command{Line: event.Text(line)}}
}

func write(t *testing.T, dir string, events ...*event.Event) {
	t.Helper()
	w, err := journal.Open(dir, journal.Options{SegmentBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Append(events...), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// segment appends raw bytes as a process that was taken over would.
func segment(t *testing.T, dir string, n int, data string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("%012d.ndjson", n)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestJournalsAreMergedByTime(t *testing.T) {
	m, base := newMemory(), time.Now().Add(-time.Hour)
	a, b := t.TempDir(), t.TempDir()
	var want []string
	for i := range 900 {
		line := fmt.Sprint(i)
		want = append(want, line)
		dir := a
		if i%3 == 0 || i > 800 {
			dir = b
		}
		write(t, dir, command(line, base.Add(time.Duration(i)*time.Second)))
	}
	run(t, m, owned(a), intel.Journal{Name: "b", Dir: b, Trusted: true})
	eventually(t, "all events", func() bool { return len(m.all()) == len(want) })
	if got := m.lines(); !slices.Equal(got, want) {
		t.Errorf("order %v", got)
	}
}

func TestEveryOperationOnTheLogMayFail(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	m.fail = 3
	in, _ := run(t, m, owned(dir))
	for i := range 50 {
		write(t, dir, command(fmt.Sprint(i), time.Now()))
	}
	eventually(t, "all events after the disk has room", func() bool { return len(m.all()) == 50 })
	if got := in.Stats().Errors; got != 3 {
		t.Errorf("%d errors counted, want 3", got)
	}
}

func TestStoppedWhileTheLogFailsNothingIsPassedOver(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	m.fail = 1 << 30
	for i := range 20 {
		write(t, dir, command(fmt.Sprint(i), time.Now()))
	}
	in, stop := run(t, m, owned(dir))
	eventually(t, "a failure", func() bool { return in.Stats().Errors > 0 })
	// A second round waits behind the first, and the disk has room again just
	// after the last attempt at the first.
	write(t, dir, command("20", time.Now()))
	eventually(t, "pauses between attempts", func() bool { return in.Stats().Errors > 3 })
	m.mu.Lock()
	m.fail = 1
	m.mu.Unlock()
	stop()
	if len(m.offsets) != 0 {
		t.Fatalf("offsets %v without any event stored", m.offsets)
	}
	run(t, m, owned(dir))
	eventually(t, "all events", func() bool { return len(m.all()) == 21 })
}

func TestAcknowledgedSegmentsMayGo(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	w, err := journal.Open(dir, journal.Options{SegmentBytes: 4096, SyncInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, stop := run(t, m, owned(dir))
	n := 0
	count := func() int {
		names, _ := filepath.Glob(filepath.Join(dir, "*.ndjson"))
		return len(names)
	}
	eventually(t, "segments that were deleted", func() bool {
		for range 50 {
			if err := w.Append(command(fmt.Sprint(n), time.Now())); err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n > 300 && count() < n/50
	})
	stop()
	p, err := journal.Acknowledged(dir)
	if err != nil || p.Segment == 0 {
		t.Fatalf("acknowledged %v, %v", p, err)
	}
	if len(m.all()) != n {
		run(t, m, owned(dir))
		eventually(t, "the rest", func() bool { return len(m.all()) == n })
	}
}

func TestRestartGoesOnWhereItStopped(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	for round := range 5 {
		write(t, dir, command(fmt.Sprint(round), time.Now()))
		_, stop := run(t, m, owned(dir))
		eventually(t, "the event", func() bool { return len(m.all()) == round+1 })
		stop()
	}
	if got := m.lines(); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("lines %v", got)
	}
}

func TestDirectoriesComeAndGo(t *testing.T) {
	m, root := newMemory(), t.TempDir()
	discover := func() []intel.Journal {
		found, err := ingest.Discover(filepath.Join(root, "journal"), func(string) []string { return []string{"decky.a"} })
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if found := discover(); found != nil {
		t.Fatalf("journals %v below a directory that does not exist", found)
	}
	in, _ := run(t, m)
	dir := filepath.Join(root, "journal", "x")
	for i := range 3 {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		in.Follow(discover())
		// Always the same segment and offset: another journal each time.
		write(t, dir, command(fmt.Sprint(i), time.Now()))
		eventually(t, "the event of the new directory", func() bool { return len(m.all()) == i+1 })
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if i == 1 { // once it is seen to be gone, the other times not
			in.Follow(discover())
			eventually(t, "no journal", func() bool { return in.Stats().Journals == 0 })
		}
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	m, root, elsewhere := newMemory(), t.TempDir(), t.TempDir()
	write(t, elsewhere, command("stolen", time.Now()))
	if err := os.Symlink(elsewhere, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(root, "good")
	if err := os.Mkdir(good, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "000000000001.ndjson"), filepath.Join(good, "000000000001.ndjson")); err != nil {
		t.Fatal(err)
	}
	write(t, good, command("honest", time.Now()))
	found, err := ingest.Discover(root, func(string) []string { return nil })
	if err != nil || len(found) != 1 || found[0].Name != "good" {
		t.Fatalf("found %v, %v; want the directory alone", found, err)
	}
	// Even one that is named outright.
	in, _ := run(t, m, append(found, owned(filepath.Join(root, "link")))...)
	eventually(t, "the honest event", func() bool { return len(m.all()) == 1 })
	time.Sleep(300 * time.Millisecond)
	if got := m.lines(); !slices.Equal(got, []string{"honest"}) || in.Stats().Errors == 0 {
		t.Errorf("lines %v, stats %+v", got, in.Stats())
	}
}

func TestGarbageCostsACounterAndItsOwnJournalOnly(t *testing.T) {
	m, bad, good := newMemory(), t.TempDir(), t.TempDir()
	segment(t, bad, 1, strings.Repeat("x", 3<<20)+"\n")
	segment(t, bad, 2, "not json\n[]\n{\"kind\":\"teleport\",\"body\":{}}\n\x00\xff\xfe\n")
	segment(t, bad, 3, string(bytes.Repeat([]byte{0}, 1<<20))) // no line feed at all
	for i := 4; i < 40; i++ {
		f, err := os.Create(filepath.Join(bad, fmt.Sprintf("%012d.ndjson", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(1<<40), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	in, _ := run(t, m, intel.Journal{Name: "bad", Dir: bad, Deckies: []string{"decky.b"}}, owned(good))
	eventually(t, "five corrupt records", func() bool { return in.Stats().Corrupt == 5 })
	began := time.Now()
	write(t, good, command("honest", time.Now()))
	eventually(t, "the honest event", func() bool { return len(m.all()) == 1 })
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("garbage in one journal delayed another by %v", took)
	}
	if m.corrupt != 5 {
		t.Errorf("%d corrupt records stored, want 5", m.corrupt)
	}
}

func TestTornTailIsReadWhenItIsWhole(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	run(t, m, owned(dir))
	line, err := command("whole", time.Now()).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	segment(t, dir, 1, string(line[:30]))
	time.Sleep(50 * time.Millisecond)
	segment(t, dir, 1, string(line[30:])+"\n{\"id\":\"torn")
	eventually(t, "the whole event", func() bool { return len(m.all()) == 1 })
	write(t, dir, command("after", time.Now())) // a new writer starts a new segment
	eventually(t, "the next event", func() bool { return len(m.all()) == 2 })
	if m.corrupt != 0 {
		t.Errorf("%d corrupt records, want the torn line cut in silence", m.corrupt)
	}
}

func TestLiesAreStoredCorrectedAndFlagged(t *testing.T) {
	now := time.Now()
	future, ancient, nameless, shouting := command("future", now.Add(24*time.Hour)), command("ancient", now), command("id", now), command("names", now)
	ancient.Time = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	nameless.ID = "x'; DROP TABLE events; --"
	shouting.Service, shouting.Session = strings.Repeat("s", 4000), "a\x00b\nc"
	foreign := command("foreign", now)
	foreign.Decky = "decky.other"
	zoned := command("zone", now)
	zoned.Source = event.Endpoint{IP: netip.MustParseAddr("::ffff:192.0.2.1")}
	tests := []struct {
		name    string
		event   *event.Event
		journal intel.Journal
		flags   intel.Flags
		check   func(*intel.Event) bool
	}{
		{"honest", command("honest", now), intel.Journal{Deckies: []string{"decky.z", "decky.a"}}, 0, func(e *intel.Event) bool { return e.Decky == "decky.a" }},
		{"another's decky", foreign, intel.Journal{Deckies: []string{"decky.a"}}, intel.FlagForeign, func(e *intel.Event) bool { return e.Decky == "decky.a" }},
		{"the engine may", foreign, intel.Journal{Trusted: true}, 0, func(e *intel.Event) bool { return e.Decky == "decky.other" }},
		{"no owner known", foreign, intel.Journal{}, intel.FlagUnowned, func(e *intel.Event) bool { return e.Decky == "decky.other" }},
		{"future", future, intel.Journal{Trusted: true}, intel.FlagTime, func(e *intel.Event) bool { return !e.Time.After(time.Now()) }},
		{"ancient", ancient, intel.Journal{Trusted: true}, intel.FlagTime, func(e *intel.Event) bool { return time.Since(e.Time) < time.Minute }},
		{"id", nameless, intel.Journal{Trusted: true}, intel.FlagID, func(e *intel.Event) bool { return len(e.ID) == 26 && !strings.Contains(e.ID, "'") }},
		{"names", shouting, intel.Journal{Trusted: true}, intel.FlagField, func(e *intel.Event) bool { return len(e.Service) == 128 && e.Session == "abc" }},
		{"mapped address", zoned, intel.Journal{Trusted: true}, 0, func(e *intel.Event) bool { return e.SourceText() == "192.0.2.1" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, dir := newMemory(), t.TempDir()
			write(t, dir, tt.event)
			tt.journal.Dir, tt.journal.Name = dir, "j"
			_, stop := run(t, m, tt.journal)
			eventually(t, "the event", func() bool { return len(m.all()) == 1 })
			stop()
			e := m.all()[0]
			if e.Flags != tt.flags || !tt.check(e) || e.Journal != "j" {
				t.Errorf("event %+v %+v", e, e.Event)
			}
			if flagged := int64(0); tt.flags != 0 && m.flagged != 1 || tt.flags == 0 && m.flagged != flagged {
				t.Errorf("%d flagged", m.flagged)
			}
		})
	}
}

func TestReplacedIDIsTheSameWhenReadAgain(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	e, f := command("a", time.Now()), command("b", time.Now())
	e.ID, f.ID = "", ""
	write(t, dir, e, f)
	_, stop := run(t, m, owned(dir))
	eventually(t, "the events", func() bool { return len(m.all()) == 2 })
	stop()
	clear(m.offsets) // as if the offset had been lost, and not the events
	in, _ := run(t, m, owned(dir))
	eventually(t, "the duplicates", func() bool { return in.Stats().Duplicates == 2 })
	if len(m.all()) != 2 {
		t.Errorf("%d events", len(m.all()))
	}
}

func TestThousandsOfJournalsAreFollowed(t *testing.T) {
	m, root := newMemory(), t.TempDir()
	const n = 1000
	for i := range n {
		if err := os.Mkdir(filepath.Join(root, fmt.Sprint(i)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	found, err := ingest.Discover(root, func(string) []string { return []string{"decky.a"} })
	if err != nil || len(found) != n {
		t.Fatal(len(found), err)
	}
	in, _ := run(t, m, found...)
	eventually(t, "all followed", func() bool { return in.Stats().Journals == n && in.Stats().Waiting == 0 })
	for i := 0; i < n; i += 10 {
		write(t, filepath.Join(root, fmt.Sprint(i)), command(fmt.Sprint(i), time.Now()))
	}
	eventually(t, "an event of every tenth", func() bool { return len(m.all()) == n/10 })
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil || len(fds) > 200 {
		t.Errorf("%d open files for %d journals, %v", len(fds), n, err)
	}
}
