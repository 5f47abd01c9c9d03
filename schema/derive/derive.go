// Package derive makes what a decky shows from the public seed and the
// decky's address: IP, MAC, hostname, engine-side name, and picks from lists.
// The same seed and address give the same values everywhere; what was given
// before is kept, so that one decky more or less moves no other. It holds no
// secret and refuses to make one: keys come from the secret, elsewhere.
package derive

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
)

// Draw is the randomness of one address: each purpose has a word of its own,
// so that they do not depend on each other.
type Draw struct{ words [4]uint64 }

// purposes, an index into Draw.words.
const (
	forIP = iota
	forMAC
	forHostname
	forPick
)

// Of is the draw of an address under a seed.
func Of(seed, address string) Draw {
	buf := make([]byte, 0, 128)
	buf = append(buf, seed...)
	buf = append(buf, 0)
	buf = append(buf, address...)
	sum := sha256.Sum256(buf)
	var d Draw
	for i := range d.words {
		d.words[i] = binary.BigEndian.Uint64(sum[8*i:])
	}
	return d
}

// at is the n-th word of a purpose.
func (d Draw) at(purpose, n int) uint64 {
	return mix(d.words[purpose] + uint64(n)*0x9e3779b97f4a7c15)
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Pick chooses one of choices, and moves as seldom as it can when the list
// changes: another choice is taken only where the chosen one left the list or
// the new one wins (rendezvous hashing). An empty list gives "".
func (d Draw) Pick(label string, choices []string) string {
	best, bestWeight := "", uint64(0)
	for _, c := range choices {
		h := fnv.New64a()
		h.Write([]byte(label + "\x00" + c))
		if w := mix(d.words[forPick] ^ h.Sum64()); best == "" || w > bestWeight {
			best, bestWeight = c, w
		}
	}
	return best
}
