package loop

import (
	"errors"
	"slices"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

const (
	// window is how long an address must be well to be forgotten, and brief how
	// soon after a heal the next one says that it did not last: an address that
	// somebody breaks now and then is healed at once, again and again.
	window = time.Minute
	brief  = 3 * time.Second
	// Of an address broken at longer intervals, heals within the long window are
	// counted, as often.
	longWindow = 10 * time.Minute
	longer     = 8 // times as many
	// updates is how often in a row an object is tried to be put right before it
	// is made anew.
	updates = 3
)

// trouble is an address that cannot be healed, or not for long.
type trouble struct {
	failures int // in a row
	updates  int // of them, of putting right what is there
	flaps    int // in a row it was healed too often
	until    time.Time
	err      string
	away     bool        // its provider was not there
	heals    []time.Time // within the long window, oldest first
}

// troubles are all such addresses, and those that were healed lately.
type troubles map[addr.Address]*trouble

func (ts troubles) at(a addr.Address) *trouble {
	t := ts[a]
	if t == nil {
		t = &trouble{}
		ts[a] = t
	}
	return t
}

// failed notes that healing failed.
func (ts troubles) failed(a addr.Address, err error, now time.Time, b Backoff, random float64) {
	t := ts.at(a)
	var away *providers.UnavailableError
	t.failures++
	errors.As(err, &away)
	var step *reconciler.StepError
	if errors.As(err, &step) && step.Op == plan.OpUpdate && away == nil {
		t.updates++
	}
	t.err, t.away = clip(err.Error(), maxMessage), away != nil
	t.until = now.Add(b.wait(t.failures, random))
}

// healed notes that healing succeeded, and tells whether it had failed before
// and whether it now flaps.
func (ts troubles) healed(a addr.Address, now time.Time, most int, b Backoff, random float64) (recovered, flaps bool) {
	t := ts.at(a)
	recovered = t.failures > 0
	t.failures, t.updates, t.err, t.away = 0, 0, "", false
	t.heals = append(slices.DeleteFunc(t.heals, func(h time.Time) bool { return now.Sub(h) >= longWindow }), now)
	if inARow(t.heals) > most || len(t.heals) > longer*most || t.flaps > 0 {
		t.flaps++
		t.heals = t.heals[max(0, len(t.heals)-longer*most-1):]
		t.until = now.Add(b.wait(t.flaps, random))
		return recovered, true
	}
	t.until = time.Time{}
	return recovered, false
}

// inARow counts the last heals of which none lasted.
func inARow(heals []time.Time) int {
	n := 1
	for n < len(heals) && heals[len(heals)-n].Sub(heals[len(heals)-n-1]) < brief {
		n++
	}
	return n
}

// well notes that an address needs nothing, and tells whether it had failed.
func (ts troubles) well(a addr.Address, now time.Time) (recovered bool) {
	t := ts[a]
	if t == nil {
		return false
	}
	recovered = t.failures > 0
	t.failures, t.updates, t.err, t.away = 0, 0, "", false
	if t.flaps == 0 {
		t.until = time.Time{}
	}
	if t.until.IsZero() && (len(t.heals) == 0 || now.Sub(t.heals[len(t.heals)-1]) >= window) {
		delete(ts, a)
	}
	return recovered
}

// stubborn tells that an object could not be put right so often that it is made
// anew.
func (ts troubles) stubborn(a addr.Address) bool {
	t := ts[a]
	return t != nil && t.updates >= updates
}

// retry lets what failed for want of its provider be tried at once.
func (ts troubles) retry() {
	for _, t := range ts {
		if t.away {
			t.until = time.Time{}
		}
	}
}

// begin lets those whose time has come be tried.
func (ts troubles) begin(now time.Time) {
	for _, t := range ts {
		if !t.until.After(now) {
			t.until = time.Time{}
		}
	}
}

// waits tells that the address is left alone.
func (ts troubles) waits(a addr.Address) bool {
	t := ts[a]
	return t != nil && !t.until.IsZero()
}

// next is when the first of those that wait is tried again; zero: none waits.
func (ts troubles) next() time.Time {
	var first time.Time
	for _, t := range ts {
		if !t.until.IsZero() && (first.IsZero() || t.until.Before(first)) {
			first = t.until
		}
	}
	return first
}

// sorted are the addresses that fail or flap.
func (ts troubles) sorted() []addr.Address {
	var all []addr.Address
	for a, t := range ts {
		if t.failures > 0 || t.flaps > 0 {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, addr.Compare)
	return all
}
