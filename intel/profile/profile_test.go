package profile_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/profile"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/schema/event"
)

var base = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(n int) time.Time { return base.Add(time.Duration(n) * time.Second) }

func make1(n int, source, session string, body event.Body) *intel.Event {
	e := &intel.Event{Seq: int64(n), Event: &event.Event{ID: fmt.Sprintf("%026d", n), Time: at(n), Decky: "decky.a", Service: "ssh", Session: session, Body: body}}
	if source != "" {
		e.Source = event.Endpoint{IP: netip.MustParseAddr(source), Port: 4000}
	}
	return e
}

func TestSessionOfOneAttacker(t *testing.T) {
	auth := func(user, secret event.Text, ok bool) *event.AuthAttempt {
		return &event.AuthAttempt{Username: user, Secret: secret, SecretKind: "plaintext", Success: ok}
	}
	events := []*intel.Event{
		make1(0, "192.0.2.1", "s", &event.ConnectionOpened{Transport: "tcp"}),
		make1(1, "192.0.2.1", "s", &event.AuthAttempt{Method: "none", Username: "root"}), // no secret: no credential
		make1(2, "192.0.2.1", "s", auth("root", "x", false)),
		make1(3, "192.0.2.1", "s", auth("root", "y", true)),
		make1(4, "192.0.2.1", "s", auth("root", "x", false)),
		make1(5, "192.0.2.1", "s", &event.Command{Line: "id"}),
		make1(6, "192.0.2.1", "s", &event.Request{}),
		make1(7, "192.0.2.1", "s", &event.Query{}),
		make1(8, "192.0.2.1", "s", &event.Transfer{}),
		make1(9, "192.0.2.1", "s", &event.ConnectionClosed{DurationMS: 9000, BytesIn: 10, BytesOut: -20, Reason: "client"}),
		make1(10, "", "", &event.System{Name: "started"}), // nobody's
	}
	use := func(count, successes int64, first, last int) []intel.Use {
		return []intel.Use{{Source: "192.0.2.1", Decky: "decky.a", Service: "ssh", Count: count, Successes: successes, FirstSeen: at(first), LastSeen: at(last)}}
	}
	want := intel.Changes{
		Sessions: []intel.Session{{Decky: "decky.a", ID: "s", Service: "ssh", Source: "192.0.2.1", SourcePort: 4000, Opened: at(0), Last: at(9), Closed: at(9),
			DurationMS: 9000, Events: 10, Auths: 4, Logins: 1, Commands: 1, Requests: 1, Queries: 1, Transfers: 1, BytesIn: 10, Reason: "client"}},
		Attackers: []intel.Attacker{{Source: "192.0.2.1", FirstSeen: at(0), LastSeen: at(9), Events: 10, Auths: 4, Logins: 1}},
		Contacts:  []intel.Contact{{Source: "192.0.2.1", Decky: "decky.a", Events: 10, FirstSeen: at(0), LastSeen: at(9)}},
		Credentials: []intel.Credential{
			{Principal: "root", SecretKind: "plaintext", SHA256: "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", Secret: "x", Count: 2, FirstSeen: at(2), LastSeen: at(4), Uses: use(2, 0, 2, 4)},
			{Principal: "root", SecretKind: "plaintext", SHA256: "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa", Secret: "y", Count: 1, Successes: 1, FirstSeen: at(3), LastSeen: at(3), Uses: use(1, 1, 3, 3)},
		},
	}
	got := profile.Fold(events)
	byPrincipal := cmpopts.SortSlices(func(a, b intel.Credential) bool { return a.Secret < b.Secret })
	if diff := cmp.Diff(want, got, byPrincipal); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestSessionsOfTwoDeckiesNeverMix(t *testing.T) {
	a, b := make1(1, "192.0.2.1", "s", &event.Command{}), make1(2, "192.0.2.2", "s", &event.Command{})
	b.Decky = "decky.b"
	if got := profile.Fold([]*intel.Event{a, b}).Sessions; len(got) != 2 || got[0].Source != "192.0.2.1" || got[1].Source != "192.0.2.2" {
		t.Errorf("sessions %+v", got)
	}
}

func TestHugeCredentialsAreClippedAndStillToldApart(t *testing.T) {
	huge := strings.Repeat("x", 60_000)
	got := profile.Fold([]*intel.Event{
		make1(1, "192.0.2.1", "", &event.AuthAttempt{Username: event.Text(huge), Secret: event.Text(huge + "a"), SecretKind: huge}),
		make1(2, "192.0.2.1", "", &event.AuthAttempt{Username: event.Text(huge), Secret: event.Text(huge + "b"), SecretKind: huge}),
	}).Credentials
	if len(got) != 2 || len(got[0].Secret) != 16<<10 || len(got[0].Principal) != 1<<10 || len(got[0].SecretKind) != 64 {
		t.Errorf("%d credentials", len(got))
	}
}

// answers is everything that a store knows after the stage.
type answers struct {
	Sessions    []intel.Session
	Attackers   []intel.Attacker
	Contacts    []intel.Contact
	Credentials []intel.Credential
}

func ask(t *testing.T, db *sqlite.DB) (a answers) {
	t.Helper()
	var errs [4]error
	a.Sessions, errs[0] = db.Sessions(t.Context(), intel.Filter{})
	a.Attackers, errs[1] = db.Attackers(t.Context(), intel.Filter{})
	a.Contacts, errs[2] = db.Contacts(t.Context(), intel.Filter{})
	a.Credentials, errs[3] = db.Credentials(t.Context(), intel.Filter{})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestHowTheLogIsCutDoesNotShow stores the same events in one run and in many.
func TestHowTheLogIsCutDoesNotShow(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		var events []*intel.Event
		for i := range rapid.IntRange(1, 30).Draw(rt, "events") {
			body := rapid.SampledFrom([]event.Body{
				&event.ConnectionOpened{}, &event.Command{}, &event.AuthAttempt{Username: "a", Secret: "b", SecretKind: "k"},
				&event.AuthAttempt{Username: "a", Secret: "c", SecretKind: "k", Success: true}, &event.ConnectionClosed{BytesIn: 5, Reason: "client"},
			}).Draw(rt, "body")
			e := make1(i, rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2"}).Draw(rt, "source"), rapid.SampledFrom([]string{"s", "t"}).Draw(rt, "session"), body)
			e.Time = at(rapid.IntRange(0, 50).Draw(rt, "time"))
			e.Decky = rapid.SampledFrom([]string{"decky.a", "decky.b"}).Draw(rt, "decky")
			events = append(events, e)
		}
		n++
		store := func(name string, runs ...[]*intel.Event) answers {
			db, err := sqlite.Open(t.Context(), filepath.Join(dir, fmt.Sprint(n, name)))
			if err != nil {
				rt.Fatal(err)
			}
			defer db.Close()
			for _, run := range runs {
				if err := db.Commit(t.Context(), []string{"profile"}, 1, profile.Fold(run)); err != nil {
					rt.Fatal(err)
				}
			}
			return ask(t, db)
		}
		cut := rapid.IntRange(0, len(events)).Draw(rt, "cut")
		second := rapid.IntRange(cut, len(events)).Draw(rt, "second cut")
		if diff := cmp.Diff(store("whole", events), store("cut", events[:cut], events[cut:second], events[second:])); diff != "" {
			rt.Fatalf("in one run and in three (-one +three):\n%s", diff)
		}
	})
}
