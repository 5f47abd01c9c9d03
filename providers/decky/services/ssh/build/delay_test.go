package build_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/build"
)

// The times of one user are its own delay times powers of two, as they were
// measured on Debian 12: 2.31 s mostly, and 4.62 s.
func TestFailureTimeIsScaled(t *testing.T) {
	a := build.Named("debian-12").Auth
	seen := map[time.Duration]int{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		d := a.FailureTime(42, "root", r.Float64)
		if d < time.Second || d > 6*time.Second {
			t.Fatalf("%s", d)
		}
		seen[d]++
	}
	if len(seen) < 2 || len(seen) > 3 {
		t.Errorf("times %v, want two or three", seen)
	}
	var last time.Duration
	for d := range seen {
		if last != 0 && d != 2*last && last != 2*d && d != 4*last && last != 4*d {
			t.Errorf("%s and %s are not doubles", d, last)
		}
		last = d
	}
	if a.FailureTime(42, "root", r.Float64)%a.FailureTime(42, "admin", r.Float64) == 0 {
		t.Error("two users have one delay")
	}
}

func TestFailureTimeOfOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, b := range build.All() {
		if b.Auth.Scaled {
			continue
		}
		distinct := map[time.Duration]bool{}
		for range 100 {
			d := b.Auth.FailureTime(1, "u", r.Float64)
			if d < b.Auth.FailureDelay[0] || d > b.Auth.FailureDelay[1] {
				t.Errorf("%s: %s", b.Name, d)
			}
			distinct[d] = true
		}
		if len(distinct) < 50 {
			t.Errorf("%s: only %d times", b.Name, len(distinct))
		}
	}
}
