// Package wire is the judge's own SSH client below the login: packets, one key
// exchange (curve25519-sha256, RFC 8731), one cipher (aes128-ctr, RFC 4344) and
// one MAC (hmac-sha2-256, RFC 6668), made so that every byte of them can be made
// wrong. It shares nothing with the transport that it judges, holds no socket,
// and decides nothing: it turns messages into bytes and bytes into lines.
package wire

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Strict are the names that ask for strict key exchange (PROTOCOL of OpenSSH
// 9.6, 1.10).
const (
	StrictClient = "kex-strict-c-v00@openssh.com"
	strictServer = "kex-strict-s-v00@openssh.com"
)

const (
	curve       = "curve25519-sha256"
	plainBlock  = 8
	minPadding  = 4
	maxPacket   = 256 << 10
	macSize     = sha256.Size
	lengthBytes = 4
)

// Errors of Next.
var (
	// ErrMAC says that a packet's MAC is wrong.
	ErrMAC = errors.New("wrong MAC")
	// ErrFrame says that what came is no packet.
	ErrFrame = errors.New("no packet")
)

// direction is one way of the connection.
type direction struct {
	stream   cipher.Stream // nil: plain
	mac      hash.Hash
	sequence uint32
	zip      *zipping // nil: none was agreed on
}

// Conn is the state of one connection. The zero value is one before its
// identification strings.
type Conn struct {
	in, out                direction
	inbox                  []byte // from the peer; its first head bytes are decrypted
	head                   int
	clientIdent            []byte
	serverIdent            []byte
	clientInit, serverInit []byte
	strict                 bool
	kex                    string
	private                *ecdh.PrivateKey
	public, hostKey        []byte
	sessionID              []byte
	nextIn, nextOut        *direction // once the exchange is done
	method                 string     // of the last login attempt
	loggedIn               bool
}

// Identify notes both identification strings, without CR LF.
func (c *Conn) Identify(client, server []byte) { c.clientIdent, c.serverIdent = client, server }

// Frame says how a packet is made wrong; the zero value is right.
type Frame struct {
	Length   *uint32 `json:"length,omitempty"`  // packet_length instead of the true one
	Padding  *int    `json:"padding,omitempty"` // padding_length written, and bytes of it
	Claim    *int    `json:"claim,omitempty"`   // padding_length written only
	BadMAC   bool    `json:"bad_mac,omitempty"`
	Sequence int     `json:"sequence,omitempty"` // added to the number that the MAC covers
	Cut      int     `json:"cut,omitempty"`      // bytes not sent, from the end
	Tail     int     `json:"tail,omitempty"`     // zero bytes behind the packet
}

// Pack is payload as a packet (RFC 4253 6).
func (c *Conn) Pack(payload []byte, f Frame) []byte {
	if len(payload) > 0 {
		c.noteSent(payload)
		if c.out.zip != nil && c.loggedIn {
			payload = c.out.zip.pack(payload)
		}
	}
	block := plainBlock
	if c.out.stream != nil {
		block = aes.BlockSize
	}
	padding := block - (lengthBytes+1+len(payload))%block
	if padding < minPadding {
		padding += block
	}
	if f.Padding != nil {
		padding = max(0, *f.Padding)
	}
	claim := padding
	if f.Claim != nil {
		claim = *f.Claim
	}
	length := uint32(1 + len(payload) + padding)
	if f.Length != nil {
		length = *f.Length
	}
	packet := binary.BigEndian.AppendUint32(nil, length)
	packet = append(append(append(packet, byte(claim)), payload...), make([]byte, padding)...)
	var sum []byte
	if c.out.stream != nil {
		sum = c.out.sum(c.out.sequence+uint32(f.Sequence), packet)
		if f.BadMAC {
			sum[0] ^= 1
		}
		c.out.stream.XORKeyStream(packet, packet)
	}
	c.out.sequence++
	packet = append(append(packet, sum...), make([]byte, f.Tail)...)
	return packet[:max(0, len(packet)-f.Cut)]
}

func (d *direction) sum(sequence uint32, packet []byte) []byte {
	d.mac.Reset()
	d.mac.Write(binary.BigEndian.AppendUint32(nil, sequence))
	d.mac.Write(packet)
	return d.mac.Sum(nil)
}

// noteSent keeps what answers depend on.
func (c *Conn) noteSent(payload []byte) {
	switch payload[0] {
	case msgKexinit:
		c.clientInit = bytes.Clone(payload)
		c.nextIn, c.nextOut = nil, nil
		c.agree()
	case msgUserauthRequest:
		r := reader{data: payload[1:]}
		r.text()
		r.text()
		c.method = string(r.text())
	}
}

// Feed adds bytes from the peer.
func (c *Conn) Feed(data []byte) { c.inbox = append(c.inbox, data...) }

// Rest takes what is left of the peer's bytes, as they came where they were not
// decrypted yet.
func (c *Conn) Rest() []byte {
	rest := c.inbox
	c.inbox, c.head = nil, 0
	return rest
}

// Packet is one of the peer's.
type Packet struct {
	Payload []byte
	Padding []byte
	Plain   bool
	Zipped  int // bytes that the payload took compressed; 0 where it was not
}

// Next is the next whole packet, nil where more bytes are needed.
func (c *Conn) Next() (*Packet, error) {
	need, extra := plainBlock, 0
	if c.in.stream != nil {
		need, extra = aes.BlockSize, macSize
	}
	if len(c.inbox) < need {
		return nil, nil
	}
	if c.in.stream != nil && c.head == 0 {
		c.in.stream.XORKeyStream(c.inbox[:need], c.inbox[:need])
		c.head = need
	}
	length := binary.BigEndian.Uint32(c.inbox)
	if length < 2+minPadding || length > maxPacket || int(c.inbox[lengthBytes])+1 >= int(length) {
		return nil, ErrFrame
	}
	whole := lengthBytes + int(length)
	if len(c.inbox) < whole+extra {
		return nil, nil
	}
	packet := c.inbox[:whole]
	if c.in.stream != nil {
		c.in.stream.XORKeyStream(packet[c.head:], packet[c.head:])
		if !hmac.Equal(c.in.sum(c.in.sequence, packet), c.inbox[whole:whole+extra]) {
			return nil, ErrMAC
		}
	}
	padding := int(packet[lengthBytes])
	p := &Packet{Payload: bytes.Clone(packet[lengthBytes+1 : whole-padding]), Padding: bytes.Clone(packet[whole-padding:]), Plain: c.in.stream == nil}
	c.inbox, c.head = c.inbox[whole+extra:], 0
	c.in.sequence++
	if c.in.zip != nil && c.loggedIn {
		p.Zipped = len(p.Payload)
		var err error
		if p.Payload, err = c.in.zip.unpack(p.Payload); err != nil {
			return nil, err
		}
	}
	return p, c.noteHeard(p.Payload)
}

func (c *Conn) noteHeard(payload []byte) error {
	switch payload[0] {
	case msgKexinit:
		c.serverInit = bytes.Clone(payload)
		c.agree()
	case msgKexReply:
		if c.kex == curve && c.private != nil {
			return c.derive(payload)
		}
	case msgUserauthSuccess:
		c.loggedIn = true
	case msgNewkeys:
		if c.nextIn != nil {
			c.nextIn.sequence = c.in.sequence
			if c.strict {
				c.nextIn.sequence = 0
			}
			c.in, c.nextIn = *c.nextIn, nil
		}
	}
	return nil
}

// agree finds the key exchange that both name, as RFC 4253 7.1 has it.
func (c *Conn) agree() {
	ours, theirs := kexList(c.clientInit, 0), kexList(c.serverInit, 0)
	c.kex = ""
	for _, name := range ours {
		if slices.Contains(theirs, name) && !strings.HasPrefix(name, "kex-strict-") && name != "ext-info-c" {
			c.kex = name
			break
		}
	}
	if c.sessionID == nil {
		c.strict = slices.Contains(ours, StrictClient) && slices.Contains(theirs, strictServer)
	}
}

// kexList is one list of a KEXINIT, by its place.
func kexList(kexinit []byte, place int) []string {
	if len(kexinit) < 17 {
		return nil
	}
	r := reader{data: kexinit[17:]}
	for range place {
		r.text()
	}
	return strings.Split(string(r.text()), ",")
}

// ECDHInit is the payload of SSH_MSG_KEX_ECDH_INIT with a new key.
func (c *Conn) ECDHInit() ([]byte, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	c.private, c.public = private, private.PublicKey().Bytes()
	return appendText([]byte{msgKexInit}, c.public), nil
}

// derive reads the reply, checks the host key's signature and makes the keys
// (RFC 4253 7.2, 8; RFC 5656 4).
func (c *Conn) derive(payload []byte) error {
	r := reader{data: payload[1:]}
	hostKey, theirs, signature := r.text(), r.text(), r.text()
	if r.failed {
		return errors.New("key exchange reply cut short")
	}
	peer, err := ecdh.X25519().NewPublicKey(theirs)
	if err != nil {
		return fmt.Errorf("server's public value: %w", err)
	}
	secret, err := c.private.ECDH(peer)
	if err != nil {
		return fmt.Errorf("server's public value: %w", err)
	}
	c.private, c.hostKey = nil, hostKey
	k := appendInt(nil, new(big.Int).SetBytes(secret))
	h := sha256.New()
	for _, part := range [][]byte{c.clientIdent, c.serverIdent, c.clientInit, c.serverInit, hostKey, c.public, theirs} {
		h.Write(appendText(nil, part))
	}
	h.Write(k)
	sum := h.Sum(nil)
	if c.sessionID == nil {
		c.sessionID = sum
	}
	if err := verify(hostKey, sum, signature); err != nil {
		return fmt.Errorf("host key's signature: %w", err)
	}
	c.nextOut = c.newDirection(k, sum, 'A', 'C', 'E')
	c.nextIn = c.newDirection(k, sum, 'B', 'D', 'F')
	// The lists of compression are the seventh and the eighth.
	if c.compressed(6) {
		c.nextOut.zip = &zipping{}
	}
	if c.compressed(7) {
		c.nextIn.zip = &zipping{}
	}
	return nil
}

func verify(hostKey, data, signature []byte) error {
	key, err := ssh.ParsePublicKey(hostKey)
	if err != nil {
		return err
	}
	r := reader{data: signature}
	s := &ssh.Signature{Format: string(r.text()), Blob: r.text(), Rest: r.data}
	return key.Verify(data, s)
}

func (c *Conn) newDirection(k, h []byte, iv, key, mac byte) *direction {
	expand := func(letter byte, n int) []byte {
		sum := sha256.New()
		sum.Write(k)
		sum.Write(h)
		sum.Write([]byte{letter})
		sum.Write(c.sessionID)
		return sum.Sum(nil)[:n]
	}
	block, err := aes.NewCipher(expand(key, 16))
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	return &direction{stream: cipher.NewCTR(block, expand(iv, aes.BlockSize)), mac: hmac.New(sha256.New, expand(mac, macSize))}
}

// Switch makes the new keys the sender's, after NEWKEYS was packed. Without new
// keys it does nothing.
func (c *Conn) Switch() {
	if c.nextOut == nil {
		return
	}
	c.nextOut.sequence = c.out.sequence
	if c.strict {
		c.nextOut.sequence = 0
	}
	c.out, c.nextOut = *c.nextOut, nil
}

// SessionID is the first exchange's hash.
func (c *Conn) SessionID() []byte { return c.sessionID }

// Ready tells that new keys wait for NEWKEYS.
func (c *Conn) Ready() bool { return c.nextOut != nil }

// Encrypted tells that the peer's packets are encrypted.
func (c *Conn) Encrypted() bool { return c.in.stream != nil }
