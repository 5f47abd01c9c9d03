// Package umac is UMAC-64 and UMAC-128 (RFC 4418) with AES-128, as SSH uses
// them: an 8-byte nonce, and messages of at most MaxMessage bytes. It refuses
// the other tag sizes.
package umac

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	// KeySize is the key's length in bytes.
	KeySize = 16
	// MaxMessage is the longest message that Sum takes: the second hash of
	// longer ones is not here.
	MaxMessage = 16 << 20

	blockSize = 1024 // of the first hash
	streams   = 4    // of UMAC-128
)

// MAC is a key ready for use. It is not safe for concurrent use.
type MAC struct {
	size int
	pad  cipher.Block
	l1   [(blockSize + 16*(streams-1)) / 4]uint32
	l2   [streams]uint64
	l3a  [streams][8]uint64
	l3b  [streams]uint32

	in, out [aes.BlockSize]byte
}

// New makes a MAC with tags of 8 or 16 bytes.
func New(key []byte, size int) (*MAC, error) {
	if len(key) != KeySize || size != 8 && size != 16 {
		return nil, fmt.Errorf("umac: key of %d bytes, tag of %d", len(key), size)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("umac: %w", err)
	}
	m := &MAC{size: size}
	n := size / 4
	if m.pad, err = aes.NewCipher(derive(block, 0, KeySize)); err != nil {
		return nil, fmt.Errorf("umac: %w", err)
	}
	l1 := derive(block, 1, blockSize+16*(n-1))
	for i := range len(l1) / 4 {
		m.l1[i] = binary.BigEndian.Uint32(l1[4*i:])
	}
	l2, l3a, l3b := derive(block, 2, 24*n), derive(block, 3, 64*n), derive(block, 4, 4*n)
	for i := range n {
		m.l2[i] = binary.BigEndian.Uint64(l2[24*i:]) & 0x01ffffff01ffffff
		for j := range m.l3a[i] {
			m.l3a[i][j] = binary.BigEndian.Uint64(l3a[64*i+8*j:]) % prime36
		}
		m.l3b[i] = binary.BigEndian.Uint32(l3b[4*i:])
	}
	return m, nil
}

// derive is the key derivation of section 3.2.
func derive(block cipher.Block, index byte, n int) []byte {
	out := make([]byte, (n+15)/16*16)
	for i := 0; i < len(out); i += 16 {
		out[i+7] = index
		binary.BigEndian.PutUint64(out[i+8:], uint64(i/16+1))
		block.Encrypt(out[i:i+16], out[i:i+16])
	}
	return out[:n]
}

// Size is the tag's length in bytes.
func (m *MAC) Size() int { return m.size }

// Sum appends the tag of a message.
func (m *MAC) Sum(b []byte, nonce uint64, message []byte) []byte {
	if len(message) > MaxMessage {
		panic("umac: message is too long")
	}
	m.in = [16]byte{}
	binary.BigEndian.PutUint64(m.in[:], nonce)
	from := 0
	if m.size == 8 {
		from = int(nonce&1) * 8
		m.in[7] &^= 1
	}
	m.pad.Encrypt(m.out[:], m.in[:])
	for i := range m.size / 4 {
		word := m.hash(i, message) ^ binary.BigEndian.Uint32(m.out[from+4*i:])
		b = binary.BigEndian.AppendUint32(b, word)
	}
	return b
}

// hash is one stream of section 5.
func (m *MAC) hash(i int, message []byte) uint32 {
	key := m.l1[4*i : 4*i+blockSize/4]
	if len(message) <= blockSize {
		return m.third(i, 0, nh(key, message))
	}
	y := uint64(1)
	for len(message) > 0 {
		n := min(blockSize, len(message))
		y = poly(y, m.l2[i], nh(key, message[:n]))
		message = message[n:]
	}
	return m.third(i, 0, y)
}

// nh is the first hash (section 5.2) of up to a block.
func nh(key []uint32, message []byte) uint64 {
	sum := uint64(len(message)) * 8
	for len(message) >= 32 {
		sum += nh32(key, (*[32]byte)(message))
		key, message = key[8:], message[32:]
	}
	if len(message) > 0 {
		var last [32]byte
		copy(last[:], message)
		sum += nh32(key, &last)
	} else if sum == 0 {
		sum = nh32(key, new([32]byte))
	}
	return sum
}

func nh32(key []uint32, m *[32]byte) uint64 {
	key = key[:8]
	word := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(m[4*i:]) + key[i]) }
	return word(0)*word(4) + word(1)*word(5) + word(2)*word(6) + word(3)*word(7)
}

const (
	prime36 = 1<<36 - 5
	prime64 = 1<<64 - 59
)

// poly is one word of the second hash (section 5.3.2).
func poly(y, key, word uint64) uint64 {
	if word >= 0xffffffff00000000 {
		y = mulAdd(y, key, prime64-1)
		word -= 59
	}
	return mulAdd(y, key, word)
}

// mulAdd is y*k + a modulo prime64.
func mulAdd(y, k, a uint64) uint64 {
	high, low := bits.Mul64(y, k)
	low, carry := bits.Add64(low, a, 0)
	return bits.Rem64((high+carry)%prime64, low, prime64)
}

// third is the last hash (section 5.4) of two words.
func (m *MAC) third(i int, high, low uint64) uint32 {
	var sum uint64
	k := &m.l3a[i]
	for j := range 4 {
		sum += (high>>(48-16*j)&0xffff)*k[j] + (low>>(48-16*j)&0xffff)*k[4+j]
	}
	return uint32(sum%prime36) ^ m.l3b[i]
}
