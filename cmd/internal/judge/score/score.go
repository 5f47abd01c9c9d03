// Package score turns comparisons into figures: per service how many probes were
// answered alike, how many in the same time, what differs, and what used to
// agree. It plays no probe.
package score

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/decnet/decnet/cmd/internal/judge/compare"
)

// Verdict is one probe's.
type Verdict struct {
	Contest, Probe string
	Difference     compare.Difference
	Timing         compare.Timing
	// Attempts is how often the probe was played until both sides agreed, or
	// until it was given up.
	Attempts int
}

// Tally counts verdicts.
type Tally struct{ Probes, Alike, SameClass, SameClose, InTime int }

// Add counts a verdict.
func (t *Tally) Add(v Verdict) {
	t.Probes++
	if v.Difference.None() {
		t.Alike++
	}
	if !v.Difference.Class {
		t.SameClass++
	}
	if !v.Difference.Close {
		t.SameClose++
	}
	if v.Timing.Same {
		t.InTime++
	}
}

// Percent is the share of probes answered alike, in class, bytes and close mode.
func (t Tally) Percent() float64 { return percent(t.Alike, t.Probes) }

// Timing is the share of probes answered in the reference's time.
func (t Tally) Timing() float64 { return percent(t.InTime, t.Probes) }

// String is the tally on one line.
func (t Tally) String() string {
	return fmt.Sprintf("%5.1f %% alike (%d of %d; class %.1f %%, close mode %.1f %%), timing %.1f %%",
		t.Percent(), t.Alike, t.Probes, percent(t.SameClass, t.Probes), percent(t.SameClose, t.Probes), t.Timing())
}

func percent(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}

// Of counts the verdicts.
func Of(verdicts []Verdict) Tally {
	var t Tally
	for _, v := range verdicts {
		t.Add(v)
	}
	return t
}

// Baseline is the names of the probes that agreed, sorted, by contest.
type Baseline map[string][]string

// ReadBaseline reads a file that WriteBaseline wrote; a missing one is empty.
func ReadBaseline(file string) (Baseline, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Baseline{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	b := Baseline{}
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("read baseline %s: %w", file, err)
	}
	return b, nil
}

// WriteBaseline replaces file.
func WriteBaseline(file string, b Baseline) error {
	data, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write baseline: %w", err)
	}
	return nil
}

// Merge is b with the probes of verdicts that agree added. One that agreed once
// stays, whatever it did now: giving it up is an edit by hand. In the contests
// of verdicts only probes that are no more leave.
func (b Baseline) Merge(verdicts []Verdict) Baseline {
	merged := maps.Clone(b)
	gone := b.Gone(verdicts)
	for contest, names := range gone {
		merged[contest] = slices.DeleteFunc(slices.Clone(b[contest]), func(name string) bool { return slices.Contains(names, name) })
	}
	for _, v := range verdicts {
		names := merged[v.Contest]
		if at, was := slices.BinarySearch(names, v.Probe); v.Difference.None() && !was {
			merged[v.Contest] = slices.Insert(slices.Clone(names), at, v.Probe)
		}
	}
	return merged
}

// Gone is the probes of the baseline that the contests in verdicts have not any
// more, by contest.
func (b Baseline) Gone(verdicts []Verdict) map[string][]string {
	played := map[string][]string{}
	for _, v := range verdicts {
		played[v.Contest] = append(played[v.Contest], v.Probe)
	}
	gone := map[string][]string{}
	for contest, names := range played {
		for _, was := range b[contest] {
			if !slices.Contains(names, was) {
				gone[contest] = append(gone[contest], was)
			}
		}
	}
	return gone
}

// Lost is the verdicts on probes that the baseline has as agreeing and that
// agree no more, by contest and probe.
func (b Baseline) Lost(verdicts []Verdict) []Verdict {
	var lost []Verdict
	for _, v := range verdicts {
		if _, was := slices.BinarySearch(b[v.Contest], v.Probe); was && !v.Difference.None() {
			lost = append(lost, v)
		}
	}
	slices.SortFunc(lost, func(x, y Verdict) int {
		return cmp.Or(cmp.Compare(x.Contest, y.Contest), cmp.Compare(x.Probe, y.Probe))
	})
	return lost
}
