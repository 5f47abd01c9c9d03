package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/blowfish" //lint:ignore SA1019 CentOS 7's sshd offers it
	"golang.org/x/crypto/cast5"    //lint:ignore SA1019 and this
	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/poly1305" //lint:ignore SA1019 the construction of OpenSSH is not that of package chacha20poly1305
)

// errMAC says that a packet is not authentic.
var errMAC = errors.New("MAC is wrong")

// packetCipher protects the packets of one direction (RFC 4253 section 6). A
// packet is its length, the padding's length, the payload and the padding.
type packetCipher interface {
	// block is what the encrypted part's size is a multiple of.
	block() int
	// clear is how much of a packet's head is not part of that: 4 where the
	// length is encrypted apart or not at all, else 0.
	clear() int
	// tag is the size of what follows the packet.
	tag() int
	// length reads the packet's length from its head of max(4, block) bytes,
	// or of 4 where clear is 4; it may decrypt the head in place.
	length(seq uint32, head []byte) uint32
	// open checks and decrypts, in place, a packet with its tag whose length
	// was read.
	open(seq uint32, packet []byte) error
	// seal encrypts the packet that starts at from, in place, and appends the
	// tag.
	seal(seq uint32, b []byte, from int) []byte
}

// cipherInfo describes a cipher of the name-lists.
type cipherInfo struct {
	key, iv int
	aead    bool
	new     func(key, iv []byte, m mac, etm, sealing bool) (packetCipher, error)
}

var cipherTable = map[string]cipherInfo{
	"chacha20-poly1305@openssh.com": {key: 64, aead: true, new: newChaCha},
	"aes128-gcm@openssh.com":        {key: 16, iv: 12, aead: true, new: newGCM},
	"aes256-gcm@openssh.com":        {key: 32, iv: 12, aead: true, new: newGCM},
	"aes128-ctr":                    {key: 16, iv: 16, new: newCTR},
	"aes192-ctr":                    {key: 24, iv: 16, new: newCTR},
	"aes256-ctr":                    {key: 32, iv: 16, new: newCTR},
	"aes128-cbc":                    {key: 16, iv: 16, new: newCBC(aes.NewCipher)},
	"aes192-cbc":                    {key: 24, iv: 16, new: newCBC(aes.NewCipher)},
	"aes256-cbc":                    {key: 32, iv: 16, new: newCBC(aes.NewCipher)},
	"rijndael-cbc@lysator.liu.se":   {key: 32, iv: 16, new: newCBC(aes.NewCipher)},
	"3des-cbc":                      {key: 24, iv: 8, new: newCBC(des.NewTripleDESCipher)},
	"blowfish-cbc":                  {key: 16, iv: 8, new: newCBC(newBlowfish)},
	"cast128-cbc":                   {key: 16, iv: 8, new: newCBC(newCAST)},
}

// plain is the state before the first keys.
type plain struct{}

func (plain) block() int                            { return 8 }
func (plain) clear() int                            { return 0 }
func (plain) tag() int                              { return 0 }
func (plain) length(_ uint32, head []byte) uint32   { return binary.BigEndian.Uint32(head) }
func (plain) open(uint32, []byte) error             { return nil }
func (plain) seal(_ uint32, b []byte, _ int) []byte { return b }

// crypter encrypts or decrypts whole blocks, or a stream, in place.
type crypter func(b []byte)

// stream is a cipher beside a MAC: encrypt-and-MAC, or encrypt-then-MAC where
// etm is set.
type stream struct {
	crypt crypter
	size  int
	mac   mac
	etm   bool
	cbc   bool
}

func newCTR(key, iv []byte, m mac, etm, _ bool) (packetCipher, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	ctr := cipher.NewCTR(b, iv)
	return &stream{crypt: func(b []byte) { ctr.XORKeyStream(b, b) }, size: aes.BlockSize, mac: m, etm: etm}, nil
}

// newCBC is a block cipher chained.
func newCBC(block func(key []byte) (cipher.Block, error)) func(key, iv []byte, m mac, etm, sealing bool) (packetCipher, error) {
	return func(key, iv []byte, m mac, etm, sealing bool) (packetCipher, error) {
		b, err := block(key)
		if err != nil {
			return nil, err
		}
		mode := cipher.NewCBCDecrypter(b, iv)
		if sealing {
			mode = cipher.NewCBCEncrypter(b, iv)
		}
		return &stream{crypt: func(b []byte) { mode.CryptBlocks(b, b) }, size: b.BlockSize(), mac: m, etm: etm, cbc: true}, nil
	}
}

func newBlowfish(key []byte) (cipher.Block, error) { return blowfish.NewCipher(key) }

func newCAST(key []byte) (cipher.Block, error) { return cast5.NewCipher(key) }

func (s *stream) block() int { return s.size }
func (s *stream) tag() int   { return s.mac.size() }
func (s *stream) clear() int {
	if s.etm {
		return 4
	}
	return 0
}

func (s *stream) length(_ uint32, head []byte) uint32 {
	if !s.etm {
		s.crypt(head)
	}
	return binary.BigEndian.Uint32(head)
}

func (s *stream) open(seq uint32, packet []byte) error {
	var sum [maxMAC]byte
	body, tag := packet[:len(packet)-s.tag()], packet[len(packet)-s.tag():]
	if s.etm {
		if subtle.ConstantTimeCompare(s.mac.sum(sum[:0], seq, body), tag) != 1 {
			return errMAC
		}
		s.crypt(body[4:])
		return nil
	}
	s.crypt(body[s.size:])
	if subtle.ConstantTimeCompare(s.mac.sum(sum[:0], seq, body), tag) != 1 {
		return errMAC
	}
	return nil
}

func (s *stream) seal(seq uint32, b []byte, from int) []byte {
	if s.etm {
		s.crypt(b[from+4:])
		return s.mac.sum(b, seq, b[from:])
	}
	sealed := s.mac.sum(b, seq, b[from:])
	s.crypt(sealed[from:len(b)])
	return sealed
}

// gcm is AES-GCM as OpenSSH's PROTOCOL and RFC 5647 have it.
type gcm struct {
	aead  cipher.AEAD
	nonce [12]byte
}

func newGCM(key, iv []byte, _ mac, _, _ bool) (packetCipher, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		return nil, err
	}
	return &gcm{aead: aead, nonce: [12]byte(iv)}, nil
}

func (g *gcm) block() int                          { return aes.BlockSize }
func (g *gcm) clear() int                          { return 4 }
func (g *gcm) tag() int                            { return 16 }
func (g *gcm) length(_ uint32, head []byte) uint32 { return binary.BigEndian.Uint32(head) }

func (g *gcm) open(_ uint32, packet []byte) error {
	if _, err := g.aead.Open(packet[4:4], g.nonce[:], packet[4:], packet[:4]); err != nil {
		return errMAC
	}
	g.next()
	return nil
}

func (g *gcm) seal(_ uint32, b []byte, from int) []byte {
	sealed := g.aead.Seal(b[:from+4], g.nonce[:], b[from+4:], b[from:from+4])
	g.next()
	return sealed
}

// next counts the invocation field up.
func (g *gcm) next() {
	counter := g.nonce[4:]
	binary.BigEndian.PutUint64(counter, binary.BigEndian.Uint64(counter)+1)
}

// chacha is chacha20-poly1305@openssh.com (OpenSSH's PROTOCOL.chacha20poly1305):
// one key encrypts the length, the other the rest.
type chacha struct{ main, head [32]byte }

func newChaCha(key, _ []byte, _ mac, _, _ bool) (packetCipher, error) {
	return &chacha{main: [32]byte(key[:32]), head: [32]byte(key[32:])}, nil
}

func (c *chacha) block() int { return 8 }
func (c *chacha) clear() int { return 4 }
func (c *chacha) tag() int   { return poly1305.TagSize }

func keystream(key *[32]byte, seq uint32) *chacha20.Cipher {
	var nonce [12]byte
	binary.BigEndian.PutUint32(nonce[8:], seq)
	s, err := chacha20.NewUnauthenticatedCipher(key[:], nonce[:])
	if err != nil {
		panic(fmt.Sprintf("transport: chacha20: %v", err)) // the sizes are constant
	}
	return s
}

func (c *chacha) length(seq uint32, head []byte) uint32 {
	var clear [4]byte
	keystream(&c.head, seq).XORKeyStream(clear[:], head[:4])
	return binary.BigEndian.Uint32(clear[:])
}

func (c *chacha) open(seq uint32, packet []byte) error {
	s := keystream(&c.main, seq)
	var key [32]byte
	s.XORKeyStream(key[:], key[:])
	body := packet[:len(packet)-poly1305.TagSize]
	if !poly1305.Verify((*[16]byte)(packet[len(body):]), body, &key) {
		return errMAC
	}
	s.SetCounter(1)
	s.XORKeyStream(body[4:], body[4:])
	return nil
}

func (c *chacha) seal(seq uint32, b []byte, from int) []byte {
	s := keystream(&c.main, seq)
	var key [32]byte
	s.XORKeyStream(key[:], key[:])
	s.SetCounter(1)
	s.XORKeyStream(b[from+4:], b[from+4:])
	keystream(&c.head, seq).XORKeyStream(b[from:from+4], b[from:from+4])
	var tag [16]byte
	poly1305.Sum(&tag, b[from:], &key)
	return append(b, tag[:]...)
}
