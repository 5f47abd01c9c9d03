package score_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/decnet/decnet/cmd/internal/judge/compare"
	"github.com/decnet/decnet/cmd/internal/judge/score"
)

func verdict(contest, probe string, alike bool) score.Verdict {
	v := score.Verdict{Contest: contest, Probe: probe, Timing: compare.Timing{Same: true}}
	v.Difference.Bytes = !alike
	return v
}

func TestTally(t *testing.T) {
	slow := verdict("a", "4", true)
	slow.Timing.Same = false
	closes := verdict("a", "5", false)
	closes.Difference.Close, closes.Difference.Class = true, true
	got := score.Of([]score.Verdict{verdict("a", "1", true), verdict("a", "2", true), verdict("a", "3", false), slow, closes})
	if diff := cmp.Diff(score.Tally{Probes: 5, Alike: 3, SameClass: 4, SameClose: 4, InTime: 4}, got); diff != "" {
		t.Error(diff)
	}
	if got.Percent() != 60 || got.Timing() != 80 {
		t.Errorf("%s", got)
	}
	if p := (score.Tally{}).Percent(); p != 0 {
		t.Errorf("nothing scores %f", p)
	}
}

func TestBaseline(t *testing.T) {
	file := filepath.Join(t.TempDir(), "baseline.json")
	base, err := score.ReadBaseline(file)
	if err != nil || len(base) != 0 {
		t.Fatalf("%v %v", base, err)
	}
	first := []score.Verdict{verdict("a", "2", true), verdict("a", "1", true), verdict("a", "3", false), verdict("b", "1", true)}
	if err := score.WriteBaseline(file, base.Merge(first)); err != nil {
		t.Fatal(err)
	}
	base, err = score.ReadBaseline(file)
	if diff := cmp.Diff(score.Baseline{"a": {"1", "2"}, "b": {"1"}}, base); diff != "" || err != nil {
		t.Fatal(diff, err)
	}
	if lost := base.Lost(first); len(lost) != 0 {
		t.Errorf("%v", lost)
	}
	lost := base.Lost([]score.Verdict{verdict("b", "1", false), verdict("a", "3", false), verdict("a", "2", false), verdict("a", "1", true), verdict("c", "1", false)})
	if len(lost) != 2 || lost[0].Probe != "2" || lost[1].Contest != "b" {
		t.Errorf("%v", lost)
	}
	// Nothing that agreed once is forgotten, unless its probe is no more.
	merged := base.Merge([]score.Verdict{verdict("a", "1", false), verdict("a", "2", true), verdict("a", "0", true), verdict("d", "9", true), verdict("d", "8", true)})
	if diff := cmp.Diff(score.Baseline{"a": {"0", "1", "2"}, "b": {"1"}, "d": {"8", "9"}}, merged); diff != "" {
		t.Error(diff)
	}
	without := []score.Verdict{verdict("a", "2", true)}
	if diff := cmp.Diff(map[string][]string{"a": {"1"}}, base.Gone(without)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(score.Baseline{"a": {"2"}, "b": {"1"}}, base.Merge(without)); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := score.ReadBaseline(file); err == nil {
		t.Error("a broken baseline is taken for an empty one")
	}
}
