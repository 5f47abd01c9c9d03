package transport

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/bits"
	"sync"
)

// dhGroup is a safe prime with a generator.
type dhGroup struct {
	p, g *big.Int
	bits int
}

// The groups of RFC 2409 and RFC 3526. Their primes are a formula over the
// binary digits of pi: 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + k).
var (
	group1  = newGroup(1024, 129093)
	group14 = newGroup(2048, 124476)
	group16 = newGroup(4096, 240904)
	group18 = newGroup(8192, 4743158)
)

func newGroup(size int, k int64) func() *dhGroup {
	return sync.OnceValue(func() *dhGroup { return makeGroup(size, k) })
}

func makeGroup(size int, k int64) *dhGroup {
	pow := func(n int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(n)) }
	middle := new(big.Int).Rsh(pi(), uint(piBits-(size-130)))
	middle.Add(middle, big.NewInt(k)).Lsh(middle, 64)
	p := pow(size)
	p.Sub(p, pow(size-64)).Sub(p, big.NewInt(1)).Add(p, middle)
	return &dhGroup{p: p, g: two, bits: size}
}

// pi is floor(2^piBits * pi), by Machin's formula.
const piBits = 8192

var pi = sync.OnceValue(func() *big.Int {
	const guard = 64
	arctan := func(n int64) *big.Int {
		term := new(big.Int).Div(new(big.Int).Lsh(big.NewInt(1), piBits+guard), big.NewInt(n))
		sum, square := new(big.Int).Set(term), big.NewInt(n*n)
		for i := int64(3); term.Sign() != 0; i += 2 {
			term.Div(term, square)
			part := new(big.Int).Div(term, big.NewInt(i))
			if i%4 == 3 {
				part.Neg(part)
			}
			sum.Add(sum, part)
		}
		return sum
	}
	p := new(big.Int).Mul(arctan(5), big.NewInt(16))
	p.Sub(p, new(big.Int).Mul(arctan(239), big.NewInt(4)))
	return p.Rsh(p, guard)
})

var (
	one         = big.NewInt(1)
	two         = big.NewInt(2)
	errDHPublic = errors.New("client's public value is no good one")
)

// check refuses what sshd refuses: values outside 2..p-2, and with fewer than
// four bits set.
func (g *dhGroup) check(e *big.Int) error {
	if e.Cmp(one) <= 0 || e.Cmp(new(big.Int).Sub(g.p, one)) >= 0 {
		return errDHPublic
	}
	set := 0
	for _, w := range e.Bits() {
		set += bits.OnesCount(uint(w))
	}
	if set < 4 {
		return errDHPublic
	}
	return nil
}

// exponentBits is the size of secret exponents: twice the strength of the best
// cipher, as sshd chooses.
const exponentBits = 512

func (g *dhGroup) generate(random io.Reader) (exponent, public *big.Int, err error) {
	b := make([]byte, min(exponentBits, g.bits-8)/8)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	b[0] |= 0x80
	exponent = new(big.Int).SetBytes(b)
	return exponent, new(big.Int).Exp(g.g, exponent, g.p), nil
}
