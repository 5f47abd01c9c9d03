// Package storetest is the contract of intel's store: whatever implements Log,
// Stages, Deliveries and Query passes Run.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// Store is everything that a store does.
type Store interface {
	intel.Log
	intel.Stages
	intel.Query
	Delivery(ctx context.Context, sink string) (intel.Delivery, error)
	SetDelivery(ctx context.Context, d intel.Delivery) error
	TagsAfter(ctx context.Context, id int64, limit int) ([]intel.Tag, error)
	Close() error
}

// Run holds a store against its contract. open opens the same store again and
// again within one test, and a fresh one in each.
func Run(t *testing.T, open func(t *testing.T) Store) {
	tests := []struct {
		name string
		test func(*testing.T, func(*testing.T) Store)
	}{
		{"log", testLog}, {"every body", testBodies}, {"duplicates", testDuplicates}, {"offsets", testOffsets}, {"replay", testReplay},
		{"stages", testStages}, {"tags", testTags}, {"deliveries", testDeliveries}, {"filters", testFilters}, {"pages", testPages},
		{"search is literal", testSearch}, {"attackers", testAttackers}, {"cancelled", testCancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open) })
	}
}

var (
	base = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ips  = cmpopts.EquateComparable(netip.Addr{})
)

// Event makes the n-th event of a log.
func Event(n int, body event.Body) *intel.Event {
	at := base.Add(time.Duration(n) * time.Second)
	return &intel.Event{Received: at.Add(time.Millisecond), Journal: "j", Event: &event.Event{
		ID: fmt.Sprintf("%026d", n), Time: at, Decky: fmt.Sprintf("decky.d[%d]", n%3), Service: "ssh", Session: fmt.Sprint("s", n%5),
		Source:      event.EndpointOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n % 2)}), 4000)),
		Destination: event.EndpointOf(netip.MustParseAddrPort("198.51.100.1:22")), Body: body,
	}}
}

func command(n int) *intel.Event {
	return Event(n, &event.Command{Line: event.Text(fmt.Sprint("command ", n)), Known: true})
}

func commands(from, to int) []*intel.Event {
	var out []*intel.Event
	for n := from; n < to; n++ {
		out = append(out, command(n))
	}
	return out
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func add(t *testing.T, s Store, events ...*intel.Event) intel.Appended {
	t.Helper()
	return must[intel.Appended](t)(s.Append(t.Context(), intel.Batch{Events: events}))
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, ips, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func reopen(t *testing.T, s Store, open func(*testing.T) Store) Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t)
}

func testLog(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	if seq, latest, err := s.Head(t.Context()); seq != 0 || !latest.IsZero() || err != nil {
		t.Errorf("head of an empty log: %d, %v, %v", seq, latest, err)
	}
	all := commands(0, 300)
	add(t, s, all[:1]...)
	add(t, s, all[1:290]...)
	add(t, s)
	check := func(s Store) {
		t.Helper()
		got := must[[]*intel.Event](t)(s.After(t.Context(), 0, 1000))
		same(t, "log", all[:len(got)], got)
		for i := 1; i < len(got); i++ {
			if got[i].Seq <= got[i-1].Seq {
				t.Fatalf("event %d has seq %d after %d", i, got[i].Seq, got[i-1].Seq)
			}
		}
		same(t, "part of the log", got[100:110], must[[]*intel.Event](t)(s.After(t.Context(), got[99].Seq, 10)))
		if rest := must[[]*intel.Event](t)(s.After(t.Context(), got[len(got)-1].Seq, 10)); len(rest) != 0 {
			t.Errorf("%d events behind the head", len(rest))
		}
		seq, latest, err := s.Head(t.Context())
		if seq != got[len(got)-1].Seq || !latest.Equal(got[len(got)-1].Time) || err != nil {
			t.Errorf("head %d, %v, %v", seq, latest, err)
		}
	}
	check(s)
	s = reopen(t, s, open)
	check(s)
	add(t, s, all[290:]...)
	check(s)
}

func testBodies(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	bodies := []event.Body{
		&event.ConnectionOpened{Transport: "tcp"}, &event.ConnectionClosed{DurationMS: 12, Reason: event.CloseClient},
		&event.AuthAttempt{Username: "root", Secret: "a\xff\x00b", Success: true}, &event.Command{Line: "'; DROP TABLE events; --", Known: true},
		&event.Request{Method: "GET", Target: "/\xfe", Headers: []event.Header{{Name: "A", Value: "b"}}},
		&event.Query{Verb: "SET", Args: []event.Text{"a", "\x80"}}, &event.Transfer{Name: "x", Size: 1}, &event.Fingerprint{Method: "hassh"},
		&event.Scan{Technique: "connect"}, &event.Canary{Token: "t"}, &event.Drift{Address: "decky.a"}, &event.System{Name: "overflow", Count: 3},
	}
	var want []*intel.Event
	for n, body := range bodies {
		e := Event(n, body)
		if n%2 == 0 {
			e.Source, e.Destination, e.Session, e.Service = event.Endpoint{}, event.Endpoint{}, "", ""
			e.Flags = intel.FlagForeign | intel.FlagTime
		}
		want = append(want, e)
	}
	add(t, s, want...)
	s = reopen(t, s, open)
	same(t, "log", want, must[[]*intel.Event](t)(s.After(t.Context(), 0, 100)))
	if _, err := s.Append(t.Context(), intel.Batch{Events: []*intel.Event{Event(99, nil)}}); err == nil {
		t.Error("an event without a body was stored")
	}
}

func testDuplicates(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	add(t, s, commands(0, 10)...)
	out := add(t, s, commands(5, 15)...)
	if out.Duplicates != 5 || len(out.Stored) != 5 || out.Stored[0].ID != command(10).ID {
		t.Errorf("appended %+v, want 5 duplicates and 5 new", out)
	}
	if out := add(t, s, command(20), command(20)); out.Duplicates != 1 || len(out.Stored) != 1 {
		t.Errorf("within a batch: %+v", out)
	}
	add(t, s, command(21))
	for range 2 {
		got := must[[]*intel.Event](t)(s.After(t.Context(), 0, 100))
		var ids []string
		for _, e := range got {
			ids = append(ids, e.ID)
		}
		if len(ids) != 17 || !slices.IsSorted(ids) {
			t.Errorf("log holds %v", ids)
		}
		if status := must[intel.Status](t)(s.Status(t.Context())); status.Events != 17 || status.Duplicates != 6 {
			t.Errorf("status %+v", status)
		}
		s = reopen(t, s, open)
	}
}

func testOffsets(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	set := func(events []*intel.Event, offsets ...intel.Offset) error {
		_, err := s.Append(t.Context(), intel.Batch{Events: events, Offsets: offsets})
		return err
	}
	at := func(segment uint64, offset int64) journal.Position {
		return journal.Position{Segment: segment, Offset: offset}
	}
	if err := set(commands(0, 1), intel.Offset{Journal: "a", Name: "n", Position: at(1, 10), Corrupt: 1}, intel.Offset{Journal: "b", Position: at(2, 20)}); err != nil {
		t.Fatal(err)
	}
	if err := set(nil, intel.Offset{Journal: "a", Name: "n", Position: at(3, 5), Corrupt: 2, Flagged: 4}); err != nil {
		t.Fatal(err)
	}
	// A batch that is refused moves nothing.
	if err := set([]*intel.Event{Event(1, nil)}, intel.Offset{Journal: "b", Position: at(9, 9)}); err == nil {
		t.Fatal("an event without a body was stored")
	}
	s = reopen(t, s, open)
	same(t, "offsets", map[string]journal.Position{"a": at(3, 5), "b": at(2, 20)}, must[map[string]journal.Position](t)(s.Offsets(t.Context())))
	if status := must[intel.Status](t)(s.Status(t.Context())); status.Journals != 2 || status.Corrupt != 3 || status.Flagged != 4 {
		t.Errorf("status %+v", status)
	}
}

func testReplay(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	all := commands(0, 20)
	all[3].Time, all[15].Time = base.Add(time.Hour), base.Add(-time.Hour)
	add(t, s, all...)
	replay := func(since time.Time, seq int64) (out []*intel.Event) {
		t.Helper()
		if err := s.Replay(t.Context(), since, seq, func(e *intel.Event) error { out = append(out, e); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := append(slices.Clone(all[3:4]), all[10:15]...)
	same(t, "replay", want, replay(all[10].Time, all[15].Seq))
	stop := errors.New("enough")
	if err := s.Replay(t.Context(), base, all[19].Seq, func(*intel.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("replay ended with %v, want the error of yield", err)
	}
}

func testStages(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	if seq := must[int64](t)(s.Cursor(t.Context(), "profile")); seq != 0 {
		t.Errorf("cursor %d of a stage that never ran", seq)
	}
	at := func(n int) time.Time { return base.Add(time.Duration(n) * time.Second) }
	use := func(source string, count int64, first, last int) intel.Use {
		return intel.Use{Source: source, Decky: "decky.a", Service: "ssh", Count: count, Successes: 1, FirstSeen: at(first), LastSeen: at(last)}
	}
	credential := intel.Credential{Principal: "r\xffoot", SecretKind: "plaintext", SHA256: intel.SecretDigest("x\x00"), Secret: "x\x00", Count: 2, Successes: 1,
		FirstSeen: at(5), LastSeen: at(9), Uses: []intel.Use{use("192.0.2.1", 2, 5, 9)}}
	first := intel.Changes{
		Sessions:  []intel.Session{{Decky: "decky.a", ID: "s", Service: "ssh", Source: "192.0.2.1", SourcePort: 4000, Opened: at(5), Last: at(9), Events: 3, Auths: 2, Commands: 1}},
		Attackers: []intel.Attacker{{Source: "192.0.2.1", FirstSeen: at(5), LastSeen: at(9), Events: 3, Auths: 2}},
		Contacts:  []intel.Contact{{Source: "192.0.2.1", Decky: "decky.a", Events: 3, FirstSeen: at(5), LastSeen: at(9)}}, Credentials: []intel.Credential{credential},
	}
	if err := s.Commit(t.Context(), []string{"profile", "ttp"}, 3, first); err != nil {
		t.Fatal(err)
	}
	again := credential
	again.Count, again.Successes, again.FirstSeen, again.LastSeen = 1, 0, at(1), at(1)
	again.Uses = []intel.Use{use("192.0.2.2", 1, 1, 1)}
	second := intel.Changes{
		Sessions:  []intel.Session{{Decky: "decky.a", ID: "s", Opened: at(1), Last: at(12), Closed: at(12), DurationMS: 7000, Events: 2, Logins: 1, BytesIn: 10, BytesOut: 20, Reason: "client"}},
		Attackers: []intel.Attacker{{Source: "192.0.2.1", FirstSeen: at(1), LastSeen: at(12), Events: 2, Logins: 1}},
		Contacts:  []intel.Contact{{Source: "192.0.2.1", Decky: "decky.b", Events: 2, FirstSeen: at(1), LastSeen: at(12)}}, Credentials: []intel.Credential{again},
	}
	if err := s.Commit(t.Context(), []string{"profile"}, 5, second); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, open)
	if profile, ttp := must[int64](t)(s.Cursor(t.Context(), "profile")), must[int64](t)(s.Cursor(t.Context(), "ttp")); profile != 5 || ttp != 3 {
		t.Errorf("cursors %d and %d, want 5 and 3", profile, ttp)
	}
	same(t, "sessions", []intel.Session{{Decky: "decky.a", ID: "s", Service: "ssh", Source: "192.0.2.1", SourcePort: 4000, Opened: at(1), Last: at(12), Closed: at(12),
		DurationMS: 7000, Events: 5, Auths: 2, Logins: 1, Commands: 1, BytesIn: 10, BytesOut: 20, Reason: "client"}}, must[[]intel.Session](t)(s.Sessions(t.Context(), intel.Filter{})))
	same(t, "attackers", []intel.Attacker{{Source: "192.0.2.1", FirstSeen: at(1), LastSeen: at(12), Events: 5, Auths: 2, Logins: 1, Sessions: 1,
		Deckies: []string{"decky.a", "decky.b"}, Credentials: 1}}, must[[]intel.Attacker](t)(s.Attackers(t.Context(), intel.Filter{})))
	credential.Count, credential.FirstSeen = 3, at(1)
	credential.Uses = append(credential.Uses, use("192.0.2.2", 1, 1, 1))
	same(t, "credentials", []intel.Credential{credential}, must[[]intel.Credential](t)(s.Credentials(t.Context(), intel.Filter{})))
}

func tag(n int, rule, technique string) intel.Tag {
	return intel.Tag{Event: command(n).ID, Seq: int64(n), Technique: technique, Tactics: []string{"execution"}, Rule: rule, AttackVersion: intel.AttackVersion, Key: "k\x00l",
		Count: 3, Time: base.Add(time.Duration(n) * time.Second), Decky: "decky.a", Service: "ssh", Session: "s", Source: "192.0.2.1"}
}

func testTags(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	commit := func(tags ...intel.Tag) {
		t.Helper()
		if err := s.Commit(t.Context(), []string{"ttp"}, 1, intel.Changes{Tags: tags}); err != nil {
			t.Fatal(err)
		}
	}
	commit(tag(1, "a", "T1"), tag(2, "a", "T1"), tag(2, "b", "T1.002"))
	repeated := tag(1, "a", "T1")
	repeated.Count = 99
	commit(repeated, tag(3, "a", "T1"))
	all := must[[]intel.Tag](t)(s.TagsAfter(t.Context(), 0, 100))
	ignored := cmpopts.IgnoreFields(intel.Tag{}, "ID")
	if diff := cmp.Diff([]intel.Tag{tag(1, "a", "T1"), tag(2, "a", "T1"), tag(2, "b", "T1.002"), tag(3, "a", "T1")}, all, ignored); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	same(t, "tags behind the second", all[2:3], must[[]intel.Tag](t)(s.TagsAfter(t.Context(), all[1].ID, 1)))
	same(t, "tags of a rule since", []intel.Tag{all[1], all[3]}, must[[]intel.Tag](t)(s.TagsSince(t.Context(), "a", tag(2, "", "").Time)))
	same(t, "technique with its sub-techniques", 4, len(must[[]intel.Tag](t)(s.Tags(t.Context(), intel.Filter{Technique: "T1"}))))
	same(t, "sub-technique", []intel.Tag{all[2]}, must[[]intel.Tag](t)(s.Tags(t.Context(), intel.Filter{Technique: "T1.002"})))
	same(t, "rule, newest first", []intel.Tag{all[3], all[1], all[0]}, must[[]intel.Tag](t)(s.Tags(t.Context(), intel.Filter{Rule: "a"})))
}

func testDeliveries(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	same(t, "new sink", intel.Delivery{Sink: "x"}, must[intel.Delivery](t)(s.Delivery(t.Context(), "x")))
	for _, d := range []intel.Delivery{{Sink: "x", Event: 3, Tag: 1}, {Sink: "y", Event: 9}, {Sink: "x", Event: 5, Tag: 2}} {
		if err := s.SetDelivery(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	s = reopen(t, s, open)
	same(t, "sink", intel.Delivery{Sink: "x", Event: 5, Tag: 2}, must[intel.Delivery](t)(s.Delivery(t.Context(), "x")))
}

func ids(events []intel.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.ID[24:])
	}
	return out
}

func testFilters(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	all := commands(0, 10)
	all[7].Body = &event.AuthAttempt{Username: "root"}
	all[8].Service = "http"
	add(t, s, all...)
	tests := []struct {
		filter intel.Filter
		want   []string
	}{
		{intel.Filter{}, []string{"09", "08", "07", "06", "05", "04", "03", "02", "01", "00"}},
		{intel.Filter{Ascending: true, Limit: 3}, []string{"00", "01", "02"}},
		{intel.Filter{Decky: "decky.d[1]"}, []string{"07", "04", "01"}},
		{intel.Filter{Source: "192.0.2.1"}, []string{"09", "07", "05", "03", "01"}},
		{intel.Filter{Kind: "auth.attempt"}, []string{"07"}},
		{intel.Filter{Service: "http"}, []string{"08"}},
		{intel.Filter{Session: "s2"}, []string{"07", "02"}},
		{intel.Filter{Since: all[8].Time}, []string{"09", "08"}},
		{intel.Filter{Until: all[2].Time}, []string{"01", "00"}},
		{intel.Filter{Since: all[2].Time, Until: all[4].Time, Decky: "decky.d[0]"}, []string{"03"}},
		{intel.Filter{Search: "COMMAND 3"}, []string{"03"}},
		{intel.Filter{Search: "root"}, []string{"07"}},
		{intel.Filter{Decky: "decky.none"}, nil},
	}
	for _, tt := range tests {
		same(t, fmt.Sprintf("%+v", tt.filter), tt.want, ids(must[[]intel.Event](t)(s.Events(t.Context(), tt.filter))))
	}
}

func testPages(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	add(t, s, commands(0, 1200)...)
	sizes := map[int]int{0: intel.DefaultLimit, -5: intel.DefaultLimit, 7: 7, 5000: intel.MaxLimit}
	for limit, want := range sizes {
		if got := len(must[[]intel.Event](t)(s.Events(t.Context(), intel.Filter{Limit: limit}))); got != want {
			t.Errorf("limit %d gave %d events, want %d", limit, got, want)
		}
	}
	if got := must[[]intel.Event](t)(s.Events(t.Context(), intel.Filter{Limit: 1000, Offset: 1000})); len(got) != 200 || got[199].ID != command(0).ID {
		t.Errorf("second page holds %d events", len(got))
	}
	if got := must[[]intel.Event](t)(s.Events(t.Context(), intel.Filter{Offset: -1, Limit: 1})); len(got) != 1 {
		t.Errorf("negative offset gave %d events", len(got))
	}
}

func testSearch(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	lines := []event.Text{`100%`, `1000`, `a_b`, `axb`, `back\slash`, `say "hi"`, `<tag>`, `new` + "\n" + `line`, `it's`, `Ünïcode`}
	for n, line := range lines {
		add(t, s, Event(n, &event.Command{Line: line}))
	}
	tests := map[string][]string{
		"100%": {"00"}, "a_b": {"02"}, `back\slash`: {"04"}, `say "hi"`: {"05"}, "<tag>": {"06"}, "new\nline": {"07"}, "it's": {"08"}, "Ünï": {"09"},
		"%": {"00"}, "_": {"02"}, `\`: {"04"}, "' OR 1=1 --": nil, `") OR ("1"="1`: nil, "decky.d[2]": {"08", "05", "02"}, "AXB": {"03"}, "\x00": nil,
	}
	for text, want := range tests {
		same(t, fmt.Sprintf("search %q", text), want, ids(must[[]intel.Event](t)(s.Events(t.Context(), intel.Filter{Search: text}))))
		for _, ask := range []func(context.Context, intel.Filter) error{
			func(ctx context.Context, f intel.Filter) error { _, err := s.Sessions(ctx, f); return err },
			func(ctx context.Context, f intel.Filter) error { _, err := s.Attackers(ctx, f); return err },
			func(ctx context.Context, f intel.Filter) error { _, err := s.Credentials(ctx, f); return err },
			func(ctx context.Context, f intel.Filter) error { _, err := s.Tags(ctx, f); return err },
		} {
			hostile := intel.Filter{Search: text, Decky: text, Source: text, Service: text, Session: text, Technique: text, Rule: text}
			if err := ask(t.Context(), hostile); err != nil {
				t.Errorf("filter of %q: %v", text, err)
			}
		}
	}
	if got := must[[]intel.Event](t)(s.Events(t.Context(), intel.Filter{})); len(got) != len(lines) {
		t.Errorf("%d events after all that", len(got))
	}
}

func testAttackers(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	changes := intel.Changes{Tags: []intel.Tag{tag(1, "a", "T1"), tag(2, "a", "T1"), tag(3, "b", "T2.001")}}
	for n := range 4 {
		source := fmt.Sprint("192.0.2.", n)
		at := base.Add(time.Duration(n) * time.Minute)
		changes.Attackers = append(changes.Attackers, intel.Attacker{Source: source, FirstSeen: base, LastSeen: at, Events: 1})
		changes.Contacts = append(changes.Contacts, intel.Contact{Source: source, Decky: fmt.Sprint("decky.", n%2), Events: 1, FirstSeen: base, LastSeen: at})
	}
	if err := s.Commit(t.Context(), []string{"x"}, 1, changes); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		filter intel.Filter
		want   []string
	}{
		{intel.Filter{}, []string{"192.0.2.3", "192.0.2.2", "192.0.2.1", "192.0.2.0"}},
		{intel.Filter{Decky: "decky.1"}, []string{"192.0.2.3", "192.0.2.1"}},
		{intel.Filter{Technique: "T2"}, []string{"192.0.2.1"}},
		{intel.Filter{Technique: "T"}, nil},
		{intel.Filter{Source: "192.0.2.2"}, []string{"192.0.2.2"}},
		{intel.Filter{Search: ".2.3"}, []string{"192.0.2.3"}},
		{intel.Filter{Since: base.Add(2 * time.Minute)}, []string{"192.0.2.3", "192.0.2.2"}},
		{intel.Filter{Limit: 1, Offset: 1}, []string{"192.0.2.2"}},
	}
	for _, tt := range tests {
		var got []string
		for _, a := range must[[]intel.Attacker](t)(s.Attackers(t.Context(), tt.filter)) {
			got = append(got, a.Source)
			if a.Source == "192.0.2.1" {
				same(t, "techniques", []string{"T1", "T2.001"}, a.Techniques)
			}
		}
		same(t, fmt.Sprintf("%+v", tt.filter), tt.want, got)
	}
	same(t, "contacts", 2, len(must[[]intel.Contact](t)(s.Contacts(t.Context(), intel.Filter{Decky: "decky.0"}))))
}

func testCancelled(t *testing.T, open func(*testing.T) Store) {
	s := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, intel.Batch{Events: commands(0, 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("append after cancel: %v", err)
	}
	if _, err := s.Events(ctx, intel.Filter{}); !errors.Is(err, context.Canceled) {
		t.Errorf("query after cancel: %v", err)
	}
	add(t, s, commands(0, 1)...)
}
