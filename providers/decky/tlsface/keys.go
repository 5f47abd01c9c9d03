package tlsface

import (
	"crypto"
	"crypto/hkdf"
	_ "crypto/md5" // the pseudo-random function of TLS 1.0 and 1.1
	"encoding/binary"
	"fmt"
	"slices"
)

// prf is the pseudo-random function of TLS 1.2 (RFC 5246 section 5) and, for
// versions before it, the one of two halves (RFC 2246 section 5).
func prf(version uint16, hash crypto.Hash, secret []byte, label string, seed []byte, size int) []byte {
	seed = append([]byte(label), seed...)
	if version >= VersionTLS12 {
		return expand(hash, secret, seed, size)
	}
	half := (len(secret) + 1) / 2
	out := expand(crypto.MD5, secret[:half], seed, size)
	for i, b := range expand(crypto.SHA1, secret[len(secret)-half:], seed, size) {
		out[i] ^= b
	}
	return out
}

// expand is P_hash.
func expand(hash crypto.Hash, secret, seed []byte, size int) []byte {
	var out []byte
	for a := mac(hash, secret, seed); len(out) < size; a = mac(hash, secret, a) {
		out = append(out, mac(hash, secret, a, seed)...)
	}
	return out[:size]
}

// transcript are the handshake messages so far.
type transcript []byte

// sum is their hash as a version has it: before TLS 1.2 MD5 and SHA-1 together.
func (t transcript) sum(version uint16, hash crypto.Hash) []byte {
	if version >= VersionTLS12 {
		return sum(hash, t)
	}
	return append(sum(crypto.MD5, t), sum(crypto.SHA1, t)...)
}

// label13 expands a secret of TLS 1.3 (RFC 8446 section 7.1).
func label13(hash crypto.Hash, secret []byte, label string, context []byte, size int) ([]byte, error) {
	const prefix = "tls13 "
	info := binary.BigEndian.AppendUint16(nil, uint16(size))
	info = append(info, byte(len(prefix)+len(label)))
	info = append(info, prefix+label...)
	info = append(info, byte(len(context)))
	out, err := hkdf.Expand(hash.New, secret, string(append(info, context...)), size)
	if err != nil {
		return nil, fmt.Errorf("expand the secret %q: %w", label, err)
	}
	return out, nil
}

// schedule is the key schedule of TLS 1.3 (RFC 8446 section 7.1). Its first
// error stays.
type schedule struct {
	hash   crypto.Hash
	secret []byte
	err    error
}

// begin takes the resumption secret; nil is none.
func (s *schedule) begin(psk []byte) {
	if psk == nil {
		psk = make([]byte, s.hash.Size())
	}
	s.extract(psk, make([]byte, s.hash.Size()))
}

// next goes on to the next stage with what was agreed on; nil is nothing.
func (s *schedule) next(shared []byte) {
	if shared == nil {
		shared = make([]byte, s.hash.Size())
	}
	s.extract(shared, s.derive("derived", nil))
}

func (s *schedule) extract(secret, salt []byte) {
	if s.err == nil {
		s.secret, s.err = hkdf.Extract(s.hash.New, secret, salt)
	}
}

// derive is Derive-Secret over these messages.
func (s *schedule) derive(label string, messages transcript) []byte {
	return s.expand(s.secret, label, sum(s.hash, messages), s.hash.Size())
}

func (s *schedule) expand(secret []byte, label string, context []byte, size int) []byte {
	if s.err != nil {
		return nil
	}
	var out []byte
	out, s.err = label13(s.hash, secret, label, context, size)
	return out
}

// finished is the MAC of a Finished message or of a binder over a hash.
func (s *schedule) finished(secret, digest []byte) []byte {
	return mac(s.hash, s.expand(secret, "finished", nil, s.hash.Size()), digest)
}

// traffic are the keys of one direction.
func (s *schedule) traffic(u *suite, secret []byte) (*half, error) {
	key, iv := s.expand(secret, "key", nil, u.key), s.expand(secret, "iv", nil, 12)
	if s.err != nil {
		return nil, s.err
	}
	sealer, err := u.aead(key)
	if err != nil {
		return nil, err
	}
	return &half{version: VersionTLS13, aead: sealer, salt: iv, secret: secret}, nil
}

// keys12 are the keys of both directions before TLS 1.3 (RFC 5246 section 6.3).
func keys12(version uint16, u *suite, master, server, client []byte, etm bool) (in, out *half, err error) {
	salt := u.salt(version)
	if u.mode == modeCBC && version > VersionTLS10 {
		salt = 0
	}
	block := prf(version, u.hash, master, "key expansion", slices.Concat(server, client), 2*(u.macSize()+u.key+salt))
	cut := func(n int) []byte {
		taken := block[:n]
		block = block[n:]
		return taken
	}
	in, out = &half{version: version}, &half{version: version}
	for _, h := range []*half{in, out} {
		h.macKey, h.mac, h.encryptThenMAC = cut(u.macSize()), u.mac, etm
	}
	for _, h := range []*half{in, out} {
		key := cut(u.key)
		if u.mode == modeCBC {
			err = h.cbc(key)
		} else {
			h.aead, err = u.aead(key)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	for _, h := range []*half{in, out} {
		h.salt = cut(salt)
	}
	return in, out, nil
}
