package compare

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/decnet/decnet/cmd/internal/judge/probe"
	"github.com/decnet/decnet/cmd/internal/judge/transcript"
)

// What two medians may be apart: a floor, for the scheduler of a busy machine,
// and a share of the reference's up to timingMost. A spread (the distance of the quartiles) may
// be apart by spreadFactor more.
const (
	timingFloor  = 60 * time.Millisecond
	timingShare  = 0.25
	timingMost   = time.Second
	spreadFactor = 2
)

// Timing is how the runs of one probe took, at the answer where both servers are
// farthest apart.
type Timing struct {
	Want, Got             time.Duration // medians
	WantSpread, GotSpread time.Duration
	Same                  bool
}

// String is the timing on one line.
func (t Timing) String() string {
	r := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	return fmt.Sprintf("real %s (spread %s), ours %s (spread %s)", r(t.Want), r(t.WantSpread), r(t.Got), r(t.GotSpread))
}

// CompareTiming compares the runs of a probe by median and, where there are several,
// by spread. Only answers that both servers gave are compared, and only ends
// that both made.
func CompareTiming(p probe.Probe, want, got []*transcript.Transcript) Timing {
	worst := Timing{Same: true}
	w, g := columns(want), columns(got)
	for i := range min(len(w), len(g)) {
		t := Timing{Want: median(w[i]), Got: median(g[i]), WantSpread: spread(w[i]), GotSpread: spread(g[i])}
		may := min(timingMost, max(timingFloor, time.Duration(timingShare*float64(t.Want))))
		t.Same = near(p.Time, t, may) && (len(w[i]) < 5 || (t.GotSpread-t.WantSpread).Abs() <= spreadFactor*may)
		if !t.Same && worst.Same || t.Same == worst.Same && (t.Got-t.Want).Abs() >= (worst.Got-worst.Want).Abs() {
			worst = t
		}
	}
	return worst
}

// near tells whether two medians are as near as they must: within what the
// probe declares, or within may of each other.
func near(declared *probe.Time, t Timing, may time.Duration) bool {
	if declared == nil {
		return (t.Got - t.Want).Abs() <= may
	}
	low, high := declared.Min.Or(0), declared.Max.Or(0)
	return t.Want >= low && t.Want <= high && t.Got >= low && t.Got <= high
}

// columns turns runs into one list of durations per answer, and one for the end
// where every run had one.
func columns(runs []*transcript.Transcript) [][]time.Duration {
	var out [][]time.Duration
	if len(runs) == 0 {
		return nil
	}
	shortest := len(runs[0].Heard())
	for _, r := range runs {
		shortest = min(shortest, len(r.Heard()))
	}
	for i := range shortest {
		var column []time.Duration
		for _, r := range runs {
			column = append(column, r.Heard()[i].After)
		}
		out = append(out, column)
	}
	var ends []time.Duration
	for _, r := range runs {
		if r.End == transcript.FIN || r.End == transcript.RST {
			ends = append(ends, r.EndAfter)
		}
	}
	if len(ends) == len(runs) {
		out = append(out, ends)
	}
	return out
}

func median(d []time.Duration) time.Duration { return quantile(d, 2) }

func spread(d []time.Duration) time.Duration { return quantile(d, 3) - quantile(d, 1) }

func quantile(d []time.Duration, quarter int) time.Duration {
	sorted := slices.SortedFunc(slices.Values(d), cmp.Compare[time.Duration])
	return sorted[(len(sorted)-1)*quarter/4]
}
