package transport

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/big"

	"github.com/decnet/decnet/providers/decky/services/ssh/transport/sntrup"
)

// method is a key exchange with one message each way (RFC 4253 section 8, RFC
// 5656 section 4, RFC 8731): from the client's public value to the server's
// and the shared secret, all as they go into the exchange hash.
type method interface {
	respond(random io.Reader, client []byte) (server, secret []byte, err error)
}

// methodInfo describes a key exchange of the name-lists.
type methodInfo struct {
	hash func() hash.Hash
	// group tells that the client asks for a group first (RFC 4419).
	group bool
	new   func() method
}

var methods = map[string]methodInfo{
	"curve25519-sha256":                    {hash: sha256.New, new: curve(ecdh.X25519())},
	"curve25519-sha256@libssh.org":         {hash: sha256.New, new: curve(ecdh.X25519())},
	"ecdh-sha2-nistp256":                   {hash: sha256.New, new: curve(ecdh.P256())},
	"ecdh-sha2-nistp384":                   {hash: sha512.New384, new: curve(ecdh.P384())},
	"ecdh-sha2-nistp521":                   {hash: sha512.New, new: curve(ecdh.P521())},
	"diffie-hellman-group1-sha1":           {hash: sha1.New, new: fixed(group1)},
	"diffie-hellman-group14-sha1":          {hash: sha1.New, new: fixed(group14)},
	"diffie-hellman-group14-sha256":        {hash: sha256.New, new: fixed(group14)},
	"diffie-hellman-group16-sha512":        {hash: sha512.New, new: fixed(group16)},
	"diffie-hellman-group18-sha512":        {hash: sha512.New, new: fixed(group18)},
	"diffie-hellman-group-exchange-sha1":   {hash: sha1.New, group: true, new: fixed(group14)},
	"diffie-hellman-group-exchange-sha256": {hash: sha256.New, group: true, new: fixed(group14)},
	"sntrup761x25519-sha512":               sntrupMethod,
	"sntrup761x25519-sha512@openssh.com":   sntrupMethod,
	"mlkem768x25519-sha256":                {hash: sha256.New, new: func() method { return hybrid{hash: sha256.New, kem: mlkemKEM, size: mlkem.EncapsulationKeySize768} }},
}

var sntrupMethod = methodInfo{hash: sha512.New, new: func() method { return hybrid{hash: sha512.New, kem: sntrup.Encapsulate, size: sntrup.PublicKeySize} }}

func curve(c ecdh.Curve) func() method { return func() method { return ecdhMethod{c} } }

// ecdhMethod is a Diffie-Hellman on a curve.
type ecdhMethod struct{ curve ecdh.Curve }

func (m ecdhMethod) respond(random io.Reader, client []byte) (server, secret []byte, err error) {
	server, shared, err := agreeOn(m.curve, random, client)
	if err != nil {
		return nil, nil, err
	}
	return appendString(nil, server), appendMPInt(nil, shared), nil
}

func agreeOn(curve ecdh.Curve, random io.Reader, client []byte) (server, shared []byte, err error) {
	public, err := curve.NewPublicKey(client)
	if err != nil {
		return nil, nil, fmt.Errorf("client's public value: %w", err)
	}
	key, err := curve.GenerateKey(random)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	if shared, err = key.ECDH(public); err != nil {
		return nil, nil, fmt.Errorf("client's public value: %w", err)
	}
	return key.PublicKey().Bytes(), shared, nil
}

// hybrid joins a key encapsulation and X25519 (OpenSSH's PROTOCOL,
// draft-ietf-sshm-mlkem-hybrid-kex).
type hybrid struct {
	hash func() hash.Hash
	kem  func(random io.Reader, public []byte) (ciphertext, shared []byte, err error)
	size int // of the encapsulation's public key
}

var errPublic = errors.New("client's public value has a wrong size")

func (m hybrid) respond(random io.Reader, client []byte) (server, secret []byte, err error) {
	if len(client) != m.size+32 {
		return nil, nil, errPublic
	}
	ciphertext, shared, err := m.kem(random, client[:m.size])
	if err != nil {
		return nil, nil, fmt.Errorf("client's public value: %w", err)
	}
	point, second, err := agreeOn(ecdh.X25519(), random, client[m.size:])
	if err != nil {
		return nil, nil, err
	}
	h := m.hash()
	h.Write(shared)
	h.Write(second)
	return appendString(nil, append(ciphertext, point...)), appendString(nil, h.Sum(nil)), nil
}

func mlkemKEM(_ io.Reader, public []byte) (ciphertext, shared []byte, err error) {
	key, err := mlkem.NewEncapsulationKey768(public)
	if err != nil {
		return nil, nil, err
	}
	shared, ciphertext = key.Encapsulate()
	return ciphertext, shared, nil
}

func fixed(g func() *dhGroup) func() method { return func() method { return dhMethod{g()} } }

// dhMethod is a Diffie-Hellman in a group of integers.
type dhMethod struct{ group *dhGroup }

func (m dhMethod) respond(random io.Reader, client []byte) (server, secret []byte, err error) {
	e, err := magnitude(client)
	if err != nil {
		return nil, nil, err
	}
	if err := m.group.check(e); err != nil {
		return nil, nil, err
	}
	exponent, public, err := m.group.generate(random)
	if err != nil {
		return nil, nil, err
	}
	return appendMPInt(nil, public.Bytes()), appendMPInt(nil, new(big.Int).Exp(e, exponent, m.group.p).Bytes()), nil
}
