package transport

import (
	"crypto/rand"
	"math/big"
	"testing"
)

// The groups are safe primes of their size, of the form that the RFCs give,
// and 2 generates the large subgroup.
func TestGroupsAreSafePrimes(t *testing.T) {
	for size, group := range map[int]func() *dhGroup{1024: group1, 2048: group14, 4096: group16, 8192: group18} {
		p := group().p
		q := new(big.Int).Rsh(p, 1)
		if p.BitLen() != size || group().bits != size {
			t.Errorf("%d bits instead of %d", p.BitLen(), size)
		}
		ones := new(big.Int).SetUint64(1<<64 - 1)
		if new(big.Int).And(p, ones).Cmp(ones) != 0 || new(big.Int).Rsh(p, uint(size-64)).Cmp(ones) != 0 {
			t.Errorf("%d bits: no ones at its ends", size)
		}
		// Fermat's test to the bases 2 and 3 does for numbers that nobody chose
		// to deceive.
		for _, base := range []int64{2, 3} {
			b := big.NewInt(base)
			if new(big.Int).Exp(b, q, p).Cmp(one) != 0 && base == 2 || new(big.Int).Exp(b, new(big.Int).Sub(q, one), q).Cmp(one) != 0 {
				t.Errorf("%d bits: no safe prime with generator 2", size)
			}
		}
	}
}

func TestGroupRefusesPublicValues(t *testing.T) {
	g := group14()
	for name, c := range map[string]struct {
		e  *big.Int
		ok bool
	}{
		"zero": {big.NewInt(0), false}, "one": {big.NewInt(1), false}, "three bits": {big.NewInt(7), false}, "four bits": {big.NewInt(15), true},
		"p-2": {new(big.Int).Sub(g.p, big.NewInt(2)), true}, "p-1": {new(big.Int).Sub(g.p, one), false}, "p": {g.p, false}, "more": {new(big.Int).Lsh(g.p, 3), false},
	} {
		if err := g.check(c.e); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a group exchange takes from the moduli file, and what it falls back to
// without one.
func TestChooseGroup(t *testing.T) {
	for _, c := range []struct {
		file            bool
		low, want, high uint32
		bits            int
		fallback        *dhGroup
	}{
		{true, 2048, 2049, 8192, 3072, nil}, {true, 2048, 7000, 8192, 7680, nil},
		{true, 3000, 3000, 3050, 2048, group14()}, {false, 2048, 2048, 2048, 2048, group14()}, {false, 2048, 3072, 4096, 4096, group16()}, {false, 2048, 3072, 8192, 8192, group18()},
	} {
		g, err := chooseGroup(c.file, c.low, c.want, c.high, rand.Reader)
		if err != nil || g.bits != c.bits || g.p.BitLen() != c.bits || c.fallback != nil && g != c.fallback {
			t.Errorf("%v: group of %d bits, %v", c, g.bits, err)
		}
	}
}
