package tlsface

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/dh/x448"
)

// Groups of key agreement (RFC 8446 section 4.2.7).
const (
	groupP256   = 23
	groupP384   = 24
	groupP521   = 25
	groupX25519 = 29
	groupX448   = 30
)

// groups are OpenSSL's in its order, but for the finite fields that it has in
// TLS 1.3 after them.
var groups = []uint16{groupX25519, groupP256, groupX448, groupP521, groupP384}

// groups102 are those of OpenSSL 1.0.2 that anybody still offers.
var groups102 = []uint16{groupP256, groupP521, groupP384}

var curves = map[uint16]ecdh.Curve{groupX25519: ecdh.X25519(), groupP256: ecdh.P256(), groupP384: ecdh.P384(), groupP521: ecdh.P521()}

// private is a half of a key agreement.
type private struct {
	key  *ecdh.PrivateKey
	x448 x448.Key
}

// agree makes a key of a group and returns its public half.
func agree(group uint16) (*private, []byte, error) {
	if group == groupX448 {
		own, public := &private{}, x448.Key{}
		if _, err := rand.Read(own.x448[:]); err != nil {
			return nil, nil, fmt.Errorf("make a key: %w", err)
		}
		x448.KeyGen(&public, &own.x448)
		return own, public[:], nil
	}
	key, err := curves[group].GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	return &private{key: key}, key.PublicKey().Bytes(), nil
}

// shared is what is agreed on with a client's public key.
func (p *private) shared(peer []byte) ([]byte, error) {
	if p.key == nil {
		var public, secret x448.Key
		if copy(public[:], peer) != len(peer) || len(peer) != len(public) || !x448.Shared(&secret, &p.x448, &public) {
			return nil, errors.New("bad key of X448")
		}
		return secret[:], nil
	}
	public, err := p.key.Curve().NewPublicKey(peer)
	if err != nil {
		return nil, fmt.Errorf("read the client's key: %w", err)
	}
	secret, err := p.key.ECDH(public)
	if err != nil {
		return nil, fmt.Errorf("agree on a key: %w", err)
	}
	return secret, nil
}
