// Package sntrup is the encapsulating half of Streamlined NTRU Prime sntrup761
// (draft-josefsson-ntruprime-streamlined), which is all that an SSH server
// needs. It makes no keys and opens no ciphertexts.
package sntrup

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Sizes in bytes.
const (
	PublicKeySize  = 1158
	CiphertextSize = roundedSize + hashSize
	SharedKeySize  = hashSize

	roundedSize = 1007
	hashSize    = 32
)

const (
	p      = 761
	q      = 4591
	weight = 286 // of a short polynomial
	half   = (q - 1) / 2
	small  = (p + 3) / 4 // bytes of an encoded short polynomial
)

// Encapsulate makes a shared key and its ciphertext for a public key. Its time
// does not depend on the secret.
func Encapsulate(random io.Reader, public []byte) (ciphertext, shared []byte, err error) {
	if len(public) != PublicKeySize {
		return nil, nil, errors.New("sntrup: public key has a wrong size")
	}
	r, err := short(random)
	if err != nil {
		return nil, nil, err
	}
	ciphertext, shared = encapsulate(r, public)
	return ciphertext, shared, nil
}

// encapsulate is deterministic once the short polynomial is drawn.
func encapsulate(r *[p]int8, public []byte) (ciphertext, shared []byte) {
	var moduli, values [p]uint16
	for i := range moduli {
		moduli[i] = q
	}
	decode(values[:], public, moduli[:])
	var h [p]int16
	for i, v := range values {
		h[i] = int16(v) - half
	}
	c := multiply(&h, r)
	for i, v := range c { // to the nearest multiple of three, without its factor
		values[i] = uint16((int32(v) + half + 1) / 3)
		moduli[i] = (q + 2) / 3
	}
	ciphertext = encode(make([]byte, 0, CiphertextSize), values[:], moduli[:])
	inner := hash(3, encodeShort(r))
	ciphertext = append(ciphertext, hash(2, inner, hash(4, public))...)
	return ciphertext, hash(1, inner, ciphertext)
}

// hash is SHA-512, cut, of a prefix and the parts.
func hash(prefix byte, parts ...[]byte) []byte {
	h := sha512.New()
	h.Write([]byte{prefix})
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)[:hashSize]
}

// short draws a polynomial with exactly weight coefficients of 1 or -1: marked
// random numbers are sorted, and the marks read off.
func short(random io.Reader) (*[p]int8, error) {
	var b [4 * p]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("sntrup: draw a polynomial: %w", err)
	}
	var list [p]uint32
	for i := range list {
		list[i] = binary.LittleEndian.Uint32(b[4*i:])
		if i < weight {
			list[i] &^= 1 // 0 or 2: a coefficient of -1 or 1
		} else {
			list[i] = list[i]&^3 | 1
		}
	}
	sort(list[:])
	r := new([p]int8)
	for i, v := range list {
		r[i] = int8(v&3) - 1
	}
	return r, nil
}

// sort is Batcher's merge exchange: which elements are compared does not
// depend on them.
func sort(x []uint32) {
	n := len(x)
	for run := 1; run < n; run *= 2 {
		for gap := run; gap >= 1; gap /= 2 {
			for start := gap % run; start+gap < n; start += 2 * gap {
				for i := start; i < start+gap && i+gap < n; i++ {
					if i/(2*run) == (i+gap)/(2*run) {
						exchange(&x[i], &x[i+gap])
					}
				}
			}
		}
	}
}

// exchange puts the smaller first, without a branch.
func exchange(a, b *uint32) {
	wrong := uint32((uint64(*b) - uint64(*a)) >> 63)
	swap := (*a ^ *b) & -wrong
	*a ^= swap
	*b ^= swap
}

// multiply is the product modulo x^p - x - 1 and q, with coefficients around
// zero.
func multiply(h *[p]int16, r *[p]int8) *[p]int16 {
	var product [2*p - 1]int32
	for i, f := range r {
		row, factor := product[i:i+p], int32(f)
		for j, v := range h {
			row[j] += int32(v) * factor
		}
	}
	for i := 2*p - 2; i >= p; i-- {
		product[i-p] += product[i]
		product[i-p+1] += product[i]
	}
	c := new([p]int16)
	for i := range c {
		v := product[i] % q // within -q and q
		v += q & (v >> 31)
		v -= q & ((half - v) >> 31)
		c[i] = int16(v)
	}
	return c
}

// encodeShort packs four coefficients into a byte.
func encodeShort(r *[p]int8) []byte {
	b := make([]byte, small)
	for i, v := range r {
		b[i/4] |= byte(v+1) << (2 * (i % 4))
	}
	return b
}

// limit is how far moduli grow before a byte is written.
const limit = 16384

// encode appends numbers, each below its modulus, in nearly as few bytes as
// they need. It uses both slices up.
func encode(b []byte, values, moduli []uint16) []byte {
	for n := len(values); n > 1; n = (n + 1) / 2 {
		for i := 0; i+1 < n; i += 2 {
			v := uint32(values[i]) + uint32(values[i+1])*uint32(moduli[i])
			m := uint32(moduli[i+1]) * uint32(moduli[i])
			for m >= limit {
				b = append(b, byte(v))
				v >>= 8
				m = (m + 255) >> 8
			}
			values[i/2], moduli[i/2] = uint16(v), uint16(m)
		}
		if n%2 == 1 {
			values[n/2], moduli[n/2] = values[n-1], moduli[n-1]
		}
	}
	v, m := values[0], uint32(moduli[0])
	for ; m > 1; m = (m + 255) >> 8 {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

// decode is the inverse of encode; bytes that encode does not make decode to
// numbers below the moduli too.
func decode(values []uint16, b []byte, moduli []uint16) {
	n := len(values)
	if n == 1 {
		switch m := moduli[0]; {
		case m == 1:
			values[0] = 0
		case m <= 256:
			values[0] = uint16(b[0]) % m
		default:
			values[0] = (uint16(b[0]) | uint16(b[1])<<8) % m
		}
		return
	}
	halves := make([]uint16, (n+1)/2)
	next := make([]uint16, (n+1)/2)
	low := make([]uint32, n/2)
	shift := make([]uint8, n/2)
	for i := 0; i+1 < n; i += 2 {
		m := uint32(moduli[i]) * uint32(moduli[i+1])
		for m >= limit {
			low[i/2] |= uint32(b[0]) << shift[i/2]
			shift[i/2] += 8
			b = b[1:]
			m = (m + 255) >> 8
		}
		next[i/2] = uint16(m)
	}
	if n%2 == 1 {
		next[n/2] = moduli[n-1]
	}
	decode(halves, b, next)
	for i := 0; i+1 < n; i += 2 {
		v := low[i/2] + uint32(halves[i/2])<<shift[i/2]
		values[i] = uint16(v % uint32(moduli[i]))
		values[i+1] = uint16(v / uint32(moduli[i]) % uint32(moduli[i+1]))
	}
	if n%2 == 1 {
		values[n-1] = halves[n/2]
	}
}
