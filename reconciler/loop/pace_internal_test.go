package loop

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/schema/addr"
)

// TestPaceIsBounded asks for passes at arbitrary moments.
func TestPaceIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		p := pace{every: passEvery, most: passBurst, left: passBurst, at: now}
		var began []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "passes") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "pause")) * time.Millisecond)
			wait := p.take(now)
			if wait < 0 || wait > passMost {
				t.Fatalf("waits %v", wait)
			}
			now = now.Add(wait)
			began = append(began, now)
		}
		for i := range began {
			if k := i + passBurst + 4; k < len(began) && began[k].Sub(began[i]) < 3*passEvery {
				t.Fatalf("%d passes within %v", k-i+1, began[k].Sub(began[i]))
			}
		}
	})
}

func TestPaceFollowsTheCostOfAPass(t *testing.T) {
	p := pace{}
	for _, c := range []struct{ took, every time.Duration }{
		{0, passEvery}, {10 * time.Millisecond, passEvery}, {100 * time.Millisecond, 400 * time.Millisecond}, {time.Minute, passMost},
	} {
		if p.took(c.took); p.every != c.every {
			t.Errorf("after a pass of %v one in %v, want %v", c.took, p.every, c.every)
		}
	}
}

// TestBackoffDoublesWithinItsBounds tries every number of failures and chance.
func TestBackoffDoublesWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Backoff{First: time.Second, Most: 5 * time.Minute}
		failures, random := rapid.IntRange(1, 1<<20).Draw(t, "failures"), rapid.Float64Range(0, 0.999).Draw(t, "random")
		got := b.wait(failures, random)
		want := b.Most
		if failures < 10 {
			want = b.First << (failures - 1)
		}
		if got < want*9/10-time.Nanosecond || got > want*11/10 || got > b.Most {
			t.Fatalf("after %d failures %v, want %v give or take a tenth", failures, got, want)
		}
	})
}

// TestTroublesEnd lets anything happen to addresses, and then nothing more: none
// may be remembered for ever, and no time that is over may be waited for.
func TestTroublesEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts, now, b := troubles{}, time.Unix(1000, 0), Backoff{First: time.Second, Most: 5 * time.Minute}
		addresses := []addr.Address{"decky.a", "decky.b", "rule.c"}
		for range rapid.IntRange(0, 100).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 120_000).Draw(t, "pause")) * time.Millisecond)
			ts.begin(now)
			if next := ts.next(); !next.IsZero() && !next.After(now) {
				t.Fatalf("%v is waited for at %v", next, now)
			}
			a := rapid.SampledFrom(addresses).Draw(t, "address")
			if ts.waits(a) {
				continue
			}
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				ts.failed(a, errors.New("no"), now, b, 0.5)
			case 1:
				ts.healed(a, now, 5, b, 0.5)
			default:
				ts.well(a, now)
			}
		}
		for range 3 {
			now = now.Add(b.Most + window)
			ts.begin(now)
			for a := range ts {
				ts.well(a, now)
			}
		}
		if len(ts) > 0 || !ts.next().IsZero() {
			t.Fatalf("left: %+v", ts)
		}
	})
}
