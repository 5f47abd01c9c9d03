package tlsface

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// ccm is AES in counter mode with CBC-MAC (RFC 3610) as TLS uses it: a nonce of
// twelve bytes, a length of three (RFC 6655).
type ccm struct {
	block cipher.Block
	tag   int
}

const ccmNonce, ccmBlock = 12, 16

func newCCM(block cipher.Block, tag int) cipher.AEAD { return &ccm{block, tag} }

// NonceSize implements cipher.AEAD.
func (c *ccm) NonceSize() int { return ccmNonce }

// Overhead implements cipher.AEAD.
func (c *ccm) Overhead() int { return c.tag }

// Seal implements cipher.AEAD.
func (c *ccm) Seal(dst, nonce, plain, more []byte) []byte {
	tag := c.authenticate(nonce, plain, more)
	at := len(dst)
	dst = append(dst, plain...)
	c.count(nonce, dst[at:], tag)
	return append(dst, tag...)
}

// Open implements cipher.AEAD.
func (c *ccm) Open(dst, nonce, sealed, more []byte) ([]byte, error) {
	if len(sealed) < c.tag {
		return nil, errors.New("record is shorter than its tag")
	}
	plain, tag := sealed[:len(sealed)-c.tag], append([]byte(nil), sealed[len(sealed)-c.tag:]...)
	at := len(dst)
	dst = append(dst, plain...)
	c.count(nonce, dst[at:], tag)
	if subtle.ConstantTimeCompare(tag, c.authenticate(nonce, dst[at:], more)) != 1 {
		return nil, errors.New("message authentication failed")
	}
	return dst, nil
}

// count applies the key stream: its first block to the tag, the others to data.
func (c *ccm) count(nonce, data, tag []byte) {
	var counter, first [ccmBlock]byte
	counter[0] = ccmBlock - 1 - ccmNonce - 1
	copy(counter[1:], nonce)
	stream := cipher.NewCTR(c.block, counter[:])
	stream.XORKeyStream(first[:], first[:])
	subtle.XORBytes(tag, tag, first[:])
	stream.XORKeyStream(data, data)
}

func (c *ccm) authenticate(nonce, plain, more []byte) []byte {
	var x [ccmBlock]byte
	x[0] = byte((c.tag-2)/2<<3 | (ccmBlock - 1 - ccmNonce - 1))
	if len(more) > 0 {
		x[0] |= 1 << 6
	}
	copy(x[1:], nonce)
	x[13], x[14], x[15] = byte(len(plain)>>16), byte(len(plain)>>8), byte(len(plain))
	c.block.Encrypt(x[:], x[:])
	if len(more) > 0 {
		c.chain(&x, append(binary.BigEndian.AppendUint16(nil, uint16(len(more))), more...))
	}
	c.chain(&x, plain)
	return append([]byte(nil), x[:c.tag]...)
}

// chain takes data into the CBC-MAC, padded with zeros.
func (c *ccm) chain(x *[ccmBlock]byte, data []byte) {
	for len(data) > 0 {
		n := subtle.XORBytes(x[:], x[:], data)
		data = data[n:]
		c.block.Encrypt(x[:], x[:])
	}
}
