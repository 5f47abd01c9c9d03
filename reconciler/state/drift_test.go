package state_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/addr"
)

func TestDriftsAreKept(t *testing.T) {
	path := state.DefaultPath(t.TempDir())
	s := open(t, path)
	at := time.Unix(1000, 7).UTC()
	whole := state.Drift{
		ID: "01B", Address: "decky.b", Type: "decky", Runtime: "native", Fingerprint: "f", Reason: state.DriftChanged, Changes: []string{"a: 1 -> 2"},
		Action: state.DriftHeal, Evidence: []state.Exhibit{{Name: "log", Media: "text/plain", SHA256: "ab", Size: 3, Truncated: true}}, Missing: "sockets", Seen: at,
	}
	bare := state.Drift{ID: "01A", Address: "decky.a", Type: "decky", Reason: state.DriftGone, Action: state.DriftReport, Seen: at}
	if err := s.AddDrifts(ctx, []state.Drift{bare, whole}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.AddDrifts(ctx, []state.Drift{{ID: "01A", Address: "decky.other"}}, nil); err != nil {
		t.Fatal(err)
	}
	check := func(what string, got []state.Drift, err error, want ...state.Drift) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
	}
	all, err := s.Drifts(ctx, 10)
	check("all", all, err, whole, bare)
	all, err = s.Drifts(ctx, 1)
	check("the newest", all, err, whole)
	if err := s.MarkTold(ctx, at, "01A", "01B"); err != nil {
		t.Fatal(err)
	}
	whole.Told, bare.Told = at, at
	if err := s.AddDrifts(ctx, nil, []state.Closing{{ID: "01B", At: at, Outcome: state.DriftHealed}}); err != nil {
		t.Fatal(err)
	}
	whole.Healed, whole.Outcome = at, state.DriftHealed
	if err := s.AddDrifts(ctx, nil, []state.Closing{{ID: "01B", At: at.Add(time.Hour), Outcome: state.DriftRemoved}}); err != nil {
		t.Fatal(err)
	}
	pending, err := s.PendingDrifts(ctx)
	check("open", pending, err, bare)
	s = open(t, path)
	one, err := s.Drift(ctx, "01b")
	check("by its id", []state.Drift{one}, err, whole)
	for _, prefix := range []string{"", "01", "02"} {
		if _, err := s.Drift(ctx, prefix); !errors.Is(err, state.ErrNoDrift) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	counts, err := s.DriftCounts(ctx)
	if want := (status.Drifts{Healed: 1, Reported: 1, Open: 1}); err != nil || counts != want {
		t.Errorf("%+v, %v", counts, err)
	}
}

// TestDriftsArePrunedAndStillCounted keeps what is open, whatever its age.
func TestDriftsArePrunedAndStillCounted(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	at := time.Unix(1000, 0).UTC()
	const n = 12_000
	var all []state.Drift
	for i := range n {
		d := state.Drift{ID: fmt.Sprintf("%05d", i), Address: "decky.a", Action: state.DriftNone, Seen: at, Told: at, Healed: at, Outcome: state.DriftByItself}
		if i == 0 {
			d.Healed, d.Outcome = time.Time{}, ""
		}
		if i%2 == 1 {
			d.Action, d.Outcome = state.DriftHeal, state.DriftHealed
		}
		all = append(all, d)
	}
	for _, part := range [][]state.Drift{all[:11_000], all[11_000:]} {
		if err := s.AddDrifts(ctx, part, nil); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := s.Drifts(ctx, 2*n)
	if err != nil || len(kept) != 10_001 || kept[len(kept)-1].ID != "00000" || kept[0].ID != "11999" {
		t.Errorf("%d are kept, %v", len(kept), err)
	}
	counts, err := s.DriftCounts(ctx)
	if want := (status.Drifts{Healed: n / 2, ByItself: n / 2, Open: 1}); err != nil || counts != want {
		t.Errorf("%+v, %v", counts, err)
	}
}

// TestWhatNobodyReadsIsBounded cannot tell for a long time.
func TestWhatNobodyReadsIsBounded(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	at := time.Unix(1000, 0).UTC()
	const n = 20_500
	all := make([]state.Drift, n)
	for i := range all {
		all[i] = state.Drift{ID: fmt.Sprintf("%05d", i), Address: "decky.a", Action: state.DriftHeal, Seen: at, Healed: at, Outcome: state.DriftHealed}
	}
	all[n-1].Healed, all[n-1].Outcome = time.Time{}, "" // still open
	if err := s.AddDrifts(ctx, all, nil); err != nil {
		t.Fatal(err)
	}
	kept, err := s.Drifts(ctx, 2*n)
	if err != nil || len(kept) != 20_001 || kept[len(kept)-1].ID != "00499" {
		t.Errorf("%d are kept, %v", len(kept), err)
	}
	pending, err := s.PendingDrifts(ctx)
	if err != nil || len(pending) != 1025 || pending[0].ID != "00499" || pending[1024].ID != all[n-1].ID {
		t.Errorf("%d are pending, %v", len(pending), err)
	}
	counts, err := s.DriftCounts(ctx)
	if want := (status.Drifts{Healed: n - 1, Open: 1}); err != nil || counts != want {
		t.Errorf("%+v, %v", counts, err)
	}
}

// TestRowsKeepTheAgeOfTheirObject writes over a row as steps and records do.
func TestRowsKeepTheAgeOfTheirObject(t *testing.T) {
	s := open(t, state.DefaultPath(t.TempDir()))
	at := time.Unix(1000, 0).UTC()
	quarantine := &state.Quarantine{Since: at.Add(time.Minute), Why: "decky.a changed"}
	conduct := state.Conduct{OnDrift: "quarantine", RecycleAfter: "24h", RecycleOn: []string{"login", "upload"}}
	base := state.Instance{Address: "decky.a", Type: "decky", Config: []byte("{}"), Digest: "d", Object: []byte("{}"), Updated: at, Conduct: conduct}
	for i, c := range []struct {
		edit    func(*state.Instance)
		created time.Time
		kept    *state.Quarantine
	}{
		{func(r *state.Instance) { r.Created = at }, at, nil},
		{func(*state.Instance) {}, at, nil},
		{func(r *state.Instance) { r.Quarantined = quarantine }, at, quarantine},
		{func(*state.Instance) {}, at, quarantine},
		{func(r *state.Instance) { r.Created = at.Add(time.Hour) }, at.Add(time.Hour), nil},
	} {
		row := base
		c.edit(&row)
		if _, _, err := s.BeginRun(ctx, state.Begin{Records: []state.Instance{row}}); err != nil {
			t.Fatal(err)
		}
		rows, err := s.Instances(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want := base
		want.Created, want.Quarantined = c.created, c.kept
		if diff := cmp.Diff([]state.Instance{want}, rows); diff != "" {
			t.Errorf("write %d: %s", i, diff)
		}
	}
	if err := s.AddDrifts(ctx, []state.Drift{{ID: "1", Address: "decky.a", Seen: at}, {ID: "2", Address: "decky.a", Seen: at, Healed: at}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.BeginRun(ctx, state.Begin{Moves: []state.Move{{From: "decky.a", To: "decky.z"}}}); err != nil {
		t.Fatal(err)
	}
	all, err := s.Drifts(ctx, 5)
	if err != nil || len(all) != 2 || all[1].Address != addr.Address("decky.z") || all[0].Address != addr.Address("decky.a") {
		t.Errorf("open drift moves with its instance: %+v, %v", all, err)
	}
}
