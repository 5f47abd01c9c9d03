package auth

import (
	"bytes"
	"context"
	"crypto/rsa"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
)

// hostbound is the method that signs the host's key too (OpenSSH's PROTOCOL,
// section 3.1).
const hostbound = "publickey-hostbound-v00@openssh.com"

// minRSABits is sshd's RequiredRSASize.
const minRSABits = 1024

// Key is a public key of a client.
type Key struct {
	Wire        string // RFC 4253 section 6.6
	Type        string // "ssh-ed25519"
	Algorithm   string // of the signature: "rsa-sha2-512"
	Fingerprint string // "SHA256:..."
}

// Proof is what a client showed of a key.
type Proof int

// A client asks whether a key would do, signs with it, or signs wrongly.
const (
	Asked Proof = iota
	Proved
	Forged
)

// publicKey is RFC 4252 section 7: a question whether a key would do, or its
// signature.
func (s *session) publicKey(ctx context.Context, r *wire.Reader, method string) (verdict, error) {
	signed, algorithm, blob := r.Bool(), r.Text(), r.Bytes()
	if r.Bad() {
		return refused, broken("key")
	}
	if method == hostbound {
		if host := r.Bytes(); r.Bad() || !bytes.Equal(host, s.options.HostKey) {
			return refused, broken("host key")
		}
	}
	key, public := s.parse(algorithm, blob)
	if key == nil {
		s.tried = true
		_, err := s.policy.Key(ctx, Claim{s.user, method, s.known}, Key{Wire: string(blob), Type: algorithm, Algorithm: algorithm}, Asked)
		return refused, err
	}
	var signature []byte
	if signed {
		signature = r.Bytes()
	}
	if !r.Ended() {
		return refused, broken("signature")
	}
	proof := Asked
	if signed {
		if proof = Forged; s.verify(public, key, method, signature) {
			proof = Proved
		}
	}
	s.tried = true
	ok, err := s.policy.Key(ctx, Claim{s.user, method, s.known}, *key, proof)
	switch {
	case err != nil || !ok || !s.known || proof == Forged:
		return refused, err
	case proof == Proved:
		return accepted, nil
	}
	s.queries[s.user]++
	return postponed, s.conn.WritePacket(wire.AppendString(wire.Message(wire.UserauthPKOK, algorithm), blob))
}

// parse reads a key that the build would look at; nil where it would not.
func (s *session) parse(algorithm string, blob []byte) (*Key, ssh.PublicKey) {
	public, err := ssh.ParsePublicKey(blob)
	if err != nil || !slices.Contains(s.options.Algorithms, algorithm) || keyType(algorithm) != public.Type() {
		return nil, nil
	}
	if crypto, ok := public.(ssh.CryptoPublicKey); ok {
		if key, ok := crypto.CryptoPublicKey().(*rsa.PublicKey); ok && key.N.BitLen() < minRSABits {
			return nil, nil
		}
	}
	return &Key{Wire: string(blob), Type: public.Type(), Algorithm: algorithm, Fingerprint: ssh.FingerprintSHA256(public)}, public
}

// keyType is the type of key that a signature algorithm is of.
func keyType(algorithm string) string {
	switch algorithm {
	case ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512:
		return ssh.KeyAlgoRSA
	case ssh.CertAlgoRSASHA256v01, ssh.CertAlgoRSASHA512v01:
		return ssh.CertAlgoRSAv01
	}
	return algorithm
}

// verify checks the signature over the session and the request.
func (s *session) verify(public ssh.PublicKey, key *Key, method string, signature []byte) bool {
	r := wire.NewReader(signature)
	format, blob := r.Text(), r.Bytes()
	rest := r.Rest()
	if r.Bad() || format != strings.Replace(key.Algorithm, "-cert-v01@openssh.com", "", 1) && format != key.Algorithm {
		return false
	}
	user := s.user
	if s.style != "" {
		user += ":" + s.style
	}
	data := wire.AppendString(nil, s.conn.SessionID())
	data = append(data, wire.Message(wire.UserauthRequest, user, s.service, method)...)
	data = wire.AppendBool(data, true)
	data = wire.AppendString(wire.AppendString(data, key.Algorithm), key.Wire)
	if method == hostbound {
		data = wire.AppendString(data, s.options.HostKey)
	}
	if certificate, ok := public.(*ssh.Certificate); ok {
		public = certificate.Key
	}
	return public.Verify(data, &ssh.Signature{Format: format, Blob: blob, Rest: rest}) == nil
}
