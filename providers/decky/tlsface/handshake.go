package tlsface

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
)

// Types of messages (RFC 8446 section 4, RFC 5246 section 7.4).
const (
	typeClientHello       = 1
	typeServerHello       = 2
	typeNewSessionTicket  = 4
	typeEncryptedParts    = 8
	typeCertificate       = 11
	typeServerKeyExchange = 12
	typeServerHelloDone   = 14
	typeCertificateVerify = 15
	typeClientKeyExchange = 16
	typeFinished          = 20
	typeKeyUpdate         = 24
	typeMessageHash       = 254
)

// signalFallback is the cipher of a client that tries a lower version (RFC 7507).
const signalFallback = 0x5600

// negotiation is what both versions of the handshake share.
type negotiation struct {
	*Conn
	server *Server
	hello  *Hello
	random []byte
}

func (c *Conn) handshake() error {
	_, _, err := c.expect(typeClientHello)
	if err != nil {
		return err
	}
	h, err := ParseHello(c.said)
	if err != nil {
		return err
	}
	c.version = min(max(h.Version, VersionSSL30), VersionTLS12)
	s := c.server
	n := negotiation{Conn: c, server: s, hello: h, random: make([]byte, 32)}
	if _, err := rand.Read(n.random); err != nil {
		return fmt.Errorf("draw a random: %w", err)
	}
	version, err := s.version(h)
	if err != nil {
		return err
	}
	c.state.Version, c.version = version, min(version, VersionTLS12)
	if slices.Contains(h.Ciphers, signalFallback) && version < s.config.Max {
		return alertFallback
	}
	if err := n.sane(); err != nil {
		return err
	}
	if c.state.Protocol, err = s.protocol(h); err != nil {
		return err
	}
	if version == VersionTLS13 {
		err = n.serve13()
	} else {
		n.sentinel(version)
		err = n.serve12()
	}
	if err != nil {
		return err
	}
	c.open, c.said = true, nil
	return nil
}

// sane refuses what no version allows, with OpenSSL's alerts.
func (n *negotiation) sane() error {
	h := n.hello
	switch {
	case len(h.Ciphers) == 0:
		return alertParameter
	case !bytes.Contains(h.compression, []byte{0}):
		return alertDecode
	case n.state.Version == VersionTLS13 && len(h.compression) != 1:
		return alertParameter
	case h.has(extRenegotiation) && !bytes.Equal(h.data[extRenegotiation], []byte{0}):
		return alertHandshake
	}
	return nil
}

// sentinel marks a server that could have spoken a higher version (RFC 8446
// section 4.1.3).
func (n *negotiation) sentinel(version uint16) {
	switch {
	case n.server.config.Max == VersionTLS13 && version == VersionTLS12:
		copy(n.random[24:], "DOWNGRD\x01")
	case n.server.config.Max >= VersionTLS12 && version < VersionTLS12:
		copy(n.random[24:], "DOWNGRD\x00")
	}
}

// extensions are those of a message of the server's, in the order they are added.
type extensions []byte

func (e *extensions) add(kind uint16, data []byte) {
	*e = vector16(binary.BigEndian.AppendUint16(*e, kind), data)
}

// protocol is the data of ALPN's answer.
func protocol(name string) []byte { return vector16(nil, vector8(nil, []byte(name))) }

// serverHello is the body of the message.
func (n *negotiation) serverHello(random, session []byte, id uint16, more extensions) []byte {
	body := binary.BigEndian.AppendUint16(nil, n.version)
	body = append(body, random...)
	body = vector8(body, session)
	body = append(binary.BigEndian.AppendUint16(body, id), 0)
	if len(more) == 0 {
		return body
	}
	return vector16(body, more)
}

// certificates is the list of the chain, with no extension for each in TLS 1.3.
func (n *negotiation) certificates() []byte {
	var list []byte
	for _, one := range n.server.config.Chain {
		list = vector24(list, one)
		if n.state.Version == VersionTLS13 {
			list = append(list, 0, 0)
		}
	}
	return vector24(nil, list)
}

// vector8, vector16 and vector24 append data after its length in so many bits.
func vector8(dst, data []byte) []byte { return append(append(dst, byte(len(data))), data...) }

func vector16(dst, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(data))), data...)
}

func vector24(dst, data []byte) []byte {
	return append(append(dst, byte(len(data)>>16), byte(len(data)>>8), byte(len(data))), data...)
}
