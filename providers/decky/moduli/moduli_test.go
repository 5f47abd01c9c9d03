package moduli_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"io"
	"math/big"
	"math/rand"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/decnet/decnet/providers/decky/moduli"
)

// The file is Debian's, byte for byte: its length and MD5 are those of the
// package openssh-server 1:9.2p1-2+deb12u10 (dpkg's md5sums of conffiles).
func TestFileIsDebians(t *testing.T) {
	f := moduli.File{}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()+100))
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(text)
	if got := hex.EncodeToString(sum[:]); len(text) != 573928 || f.Size() != 573928 || got != "1f68f6ab5e45958e61ff32297ea1c3ec" {
		t.Errorf("%d bytes, MD5 %s", len(text), got)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(text)+10).Draw(t, "at")
		b := make([]byte, rapid.IntRange(0, 9000).Draw(t, "size"))
		n, err := f.ReadAt(b, int64(at))
		want := text[min(at, len(text)):min(at+len(b), len(text))]
		if !bytes.Equal(b[:n], want) || (err == io.EOF) != (n < len(b)) {
			t.Fatalf("%d bytes of %d, %v", n, len(want), err)
		}
	})
}

// Every modulus has its size and a generator that fits it: p = 11 mod 24 for 2,
// p = 3 or 7 mod 10 for 5 (what ssh-keygen -M screen chooses by), and one of
// each size and start is a safe prime.
func TestModuliAreSafePrimes(t *testing.T) {
	const perSize = 2
	tested := map[int]int{}
	mod := func(p *big.Int, n int64) int64 { return new(big.Int).Mod(p, big.NewInt(n)).Int64() }
	for _, m := range moduli.All() {
		p := m.Prime()
		if p.BitLen() != m.Bits {
			t.Errorf("%d bits instead of %d", p.BitLen(), m.Bits)
		}
		if two := mod(p, 24) == 11; two != (m.Generator == 2) || !two && mod(p, 10) != 3 && mod(p, 10) != 7 {
			t.Errorf("generator %d of a number that is %d mod 24 and %d mod 10", m.Generator, mod(p, 24), mod(p, 10))
		}
		if tested[m.Bits]++; tested[m.Bits] > perSize || testing.Short() && m.Bits > 4096 {
			continue
		}
		if q := new(big.Int).Rsh(p, 1); !p.ProbablyPrime(0) || !q.ProbablyPrime(0) {
			t.Errorf("%d bits: no safe prime", m.Bits)
		}
	}
	if len(tested) != 6 || len(moduli.All()) != 423 {
		t.Errorf("%d moduli of %d sizes", len(moduli.All()), len(tested))
	}
}

// Sizes as choose_dh of OpenSSH's dh.c takes them.
func TestChoose(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, c := range []struct {
		low, want, high uint32
		bits            int
	}{
		{2048, 2048, 8192, 2048}, {2048, 2049, 8192, 3072}, {2048, 5000, 8192, 6144}, {2048, 5000, 5000, 4096}, {2048, 8192, 8192, 8192}, {2048, 7000, 8192, 7680}, {3000, 3000, 3050, 0},
	} {
		m, ok, err := moduli.Choose(c.low, c.want, c.high, random)
		if m.Bits != c.bits || ok != (c.bits != 0) || err != nil {
			t.Errorf("%v: %d bits, %t, %v", c, m.Bits, ok, err)
		}
	}
	seen := map[string]bool{}
	for range 2000 {
		m, _, err := moduli.Choose(2048, 2048, 2048, random)
		if err != nil {
			t.Fatal(err)
		}
		seen[m.Prime().String()] = true
	}
	if len(seen) != 60 {
		t.Errorf("%d of the 60 moduli of 2048 bits are ever chosen", len(seen))
	}
	if _, _, err := moduli.Choose(2048, 2048, 2048, strings.NewReader("")); err == nil {
		t.Error("chosen without chance")
	}
}
