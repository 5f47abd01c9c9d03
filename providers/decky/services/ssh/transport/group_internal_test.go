package transport

import (
	"math/big"
	"testing"
)

// The groups are safe primes of their size, of the form that the RFCs give,
// and 2 generates the large subgroup.
func TestGroupsAreSafePrimes(t *testing.T) {
	for size, group := range map[int]func() *dhGroup{1024: group1, 2048: group14, 3072: group15, 4096: group16, 6144: group17, 8192: group18} {
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

// Sizes as choose_dh of OpenSSH's dh.c takes them from a full moduli file, and
// what it falls back to without one.
func TestChooseGroup(t *testing.T) {
	full := []int{2048, 3072, 4096, 6144, 8192}
	for _, c := range []struct {
		sizes           []int
		low, want, high uint32
		bits            int
	}{
		{full, 2048, 2048, 8192, 2048}, {full, 2048, 2049, 8192, 3072}, {full, 2048, 5000, 8192, 6144}, {full, 2048, 5000, 5000, 4096}, {full, 2048, 8192, 8192, 8192},
		{full, 3000, 3000, 3050, 2048}, {nil, 2048, 2048, 2048, 2048}, {nil, 2048, 3072, 4096, 4096}, {nil, 2048, 3072, 8192, 8192},
	} {
		if g := chooseGroup(c.sizes, c.low, c.want, c.high); g.bits != c.bits {
			t.Errorf("%v: group of %d bits", c, g.bits)
		}
	}
}
