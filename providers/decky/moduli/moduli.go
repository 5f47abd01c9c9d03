// Package moduli is the file /etc/ssh/moduli that OpenSSH ships: the safe primes
// that a server offers in a group exchange (RFC 4419), and the file itself as a
// shell on the same machine shows it. It holds numbers that everybody has, from
// Debian 12's openssh-server 1:9.2p1-2+deb12u10, and chooses as sshd does; it
// exchanges no key.
package moduli

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// data is the file without what its lines have in common: numbers were searched
// upward from a few random starts, so that only their last digits differ. A line
// "start SIZE DIGITS" stands before lines "TIME GENERATOR LAST".
//
//go:embed moduli.txt
var data string

// Modulus is one line of the file.
type Modulus struct {
	Bits      int // of the prime; the file says one less
	Generator int64

	time, start, last string
}

// Prime is the modulus, a new number at each call.
func (m Modulus) Prime() *big.Int {
	p, _ := new(big.Int).SetString(m.start+m.last, 16) // the tests have read each
	return p
}

// line is the modulus as moduli(5) writes it: type 2 (safe), tests 6 (sieve and
// Miller-Rabin), 100 tries.
func (m Modulus) line() string {
	return fmt.Sprintf("%s 2 6 100 %d %d %s%s\n", m.time, m.Bits-1, m.Generator, m.start, m.last)
}

const header = "# Time Type Tests Tries Size Generator Modulus\n"

type table struct {
	all []Modulus
	// ends is where each line ends in the file.
	ends []int64
}

// shared is parsed at the first use and the same for everybody.
var shared = sync.OnceValue(func() *table {
	t := &table{}
	bits, start := 0, ""
	at := int64(len(header))
	for line := range strings.Lines(data) {
		f := strings.Fields(line)
		if f[0] == "start" {
			size, _ := strconv.Atoi(f[1]) // the tests have read each
			bits, start = size+1, f[2]
			continue
		}
		generator, _ := strconv.ParseInt(f[1], 10, 64)
		m := Modulus{Bits: bits, Generator: generator, time: f[0], start: start, last: f[2]}
		at += int64(len(m.time) + len(m.start) + len(m.last) + len(f[1]) + len(strconv.Itoa(bits-1)) + len(" 2 6 100   \n"))
		t.all, t.ends = append(t.all, m), append(t.ends, at)
	}
	return t
})

// All is every modulus in the file's order. Do not change it.
func All() []Modulus { return shared().all }

// Choose takes the smallest size not below what is wanted, or else the largest,
// within the bounds, and one of that size by chance, as sshd's choose_dh does;
// ok is false where no size fits. random is read where there is a choice.
func Choose(low, want, high uint32, random io.Reader) (m Modulus, ok bool, err error) {
	best := uint32(0)
	for _, m := range All() {
		size := uint32(m.Bits)
		if size < low || size > high {
			continue
		}
		if size > want && size < best || size > best && best < want {
			best = size
		}
	}
	if best == 0 {
		return Modulus{}, false, nil
	}
	from := slices.IndexFunc(All(), func(m Modulus) bool { return uint32(m.Bits) == best })
	n := 0
	for _, m := range All()[from:] {
		if uint32(m.Bits) == best {
			n++
		}
	}
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return Modulus{}, false, fmt.Errorf("choose a modulus: %w", err)
	}
	return All()[from+int(binary.BigEndian.Uint64(b[:])%uint64(n))], true, nil
}

// File is /etc/ssh/moduli, written as it is read.
type File struct{}

// Size is the file's length in bytes.
func (File) Size() int64 { ends := shared().ends; return ends[len(ends)-1] }

// ReadAt implements io.ReaderAt.
func (f File) ReadAt(b []byte, at int64) (int, error) {
	t, n := shared(), 0
	if at < int64(len(header)) {
		n = copy(b, header[at:])
	}
	for n < len(b) && at+int64(n) < f.Size() {
		i := sort.Search(len(t.ends), func(i int) bool { return t.ends[i] > at+int64(n) })
		line := t.all[i].line()
		n += copy(b[n:], line[int64(len(line))-(t.ends[i]-at-int64(n)):])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
