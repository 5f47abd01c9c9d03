package tlsface

import (
	"crypto"
	stdecdsa "crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
)

// scheme is a signature algorithm (RFC 8446 section 4.2.3).
type scheme struct {
	id   uint16
	rsa  bool
	pss  bool
	hash crypto.Hash
}

// schemes are those of OpenSSL 3.0 at its security level 2 that such keys sign
// with, in its order (its default of -sigalgs).
var schemes = []scheme{
	{id: 0x0403, hash: crypto.SHA256}, {id: 0x0503, hash: crypto.SHA384}, {id: 0x0603, hash: crypto.SHA512},
	{id: 0x0804, rsa: true, pss: true, hash: crypto.SHA256}, {id: 0x0805, rsa: true, pss: true, hash: crypto.SHA384}, {id: 0x0806, rsa: true, pss: true, hash: crypto.SHA512},
	{id: 0x0401, rsa: true, hash: crypto.SHA256}, {id: 0x0501, rsa: true, hash: crypto.SHA384}, {id: 0x0601, rsa: true, hash: crypto.SHA512},
	{id: 0x0303, hash: crypto.SHA224}, {id: 0x0301, rsa: true, hash: crypto.SHA224},
}

// weak are what an older build takes too, and what a client is taken to know
// that names none (RFC 5246 section 7.4.1.4.1).
var weak = []scheme{{id: 0x0203, hash: crypto.SHA1}, {id: 0x0201, rsa: true, hash: crypto.SHA1}}

// scheme chooses how to sign for a client; false where nothing is shared.
func (s *Server) scheme(version uint16, h *Hello) (scheme, bool) {
	if version < VersionTLS12 {
		hash := crypto.SHA1
		if s.rsa {
			hash = crypto.MD5SHA1
		}
		return scheme{rsa: s.rsa, hash: hash}, s.config.Weak
	}
	offered := h.Signatures
	if !h.has(extSignatures) {
		offered = []uint16{0x0203, 0x0201}
	}
	own := schemes
	if s.config.Weak {
		own = slices.Concat(schemes, weak)
	}
	var fit []scheme
	for _, one := range own {
		if one.rsa != s.rsa || !slices.Contains(offered, one.id) || version == VersionTLS13 && !one.in13() {
			continue
		}
		fit = append(fit, one)
	}
	if len(fit) == 0 {
		return scheme{}, false
	}
	if !s.config.ServerOrder {
		slices.SortStableFunc(fit, func(a, b scheme) int { return slices.Index(offered, a.id) - slices.Index(offered, b.id) })
	}
	return fit[0], true
}

// in13 tells whether TLS 1.3 has the scheme for a key of P-256 or RSA.
func (s scheme) in13() bool { return s.pss || s.id == 0x0403 }

func (s scheme) sign(key crypto.Signer, data []byte) ([]byte, error) {
	var options crypto.SignerOpts = s.hash
	if s.pss {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
	}
	digest := []byte(nil)
	if s.hash == crypto.MD5SHA1 {
		digest = append(sum(crypto.MD5, data), sum(crypto.SHA1, data)...)
	} else {
		digest = sum(s.hash, data)
	}
	signature, err := key.Sign(rand.Reader, digest, options)
	if err != nil {
		return nil, fmt.Errorf("sign the handshake: %w", err)
	}
	return signature, nil
}

// curveOf is the group of an ECDSA key; 0 for RSA.
func curveOf(key crypto.Signer) uint16 {
	public, ok := key.Public().(*stdecdsa.PublicKey)
	if !ok {
		return 0
	}
	switch public.Curve.Params().BitSize {
	case 384:
		return groupP384
	case 521:
		return groupP521
	}
	return groupP256
}
