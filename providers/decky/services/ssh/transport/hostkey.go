package transport

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// HostKey is one key of the server.
type HostKey struct {
	// Type is the name of the public key's format, such as ssh-rsa (RFC 4253
	// section 6.6).
	Type string
	// Signer is the key: ed25519.PrivateKey, *ecdsa.PrivateKey or
	// *rsa.PrivateKey. It is asked for whenever the key is needed and may be
	// asked by several at once: one that is dear to make is kept by the
	// function.
	Signer func() (crypto.Signer, error)
}

// Keys are a server's host keys in the order of its configuration.
type Keys []HostKey

// keyTypes maps signature algorithms to the format of their keys.
var keyTypes = map[string]struct {
	format string
	hash   crypto.Hash
}{
	"ssh-ed25519":         {"ssh-ed25519", 0},
	"ecdsa-sha2-nistp256": {"ecdsa-sha2-nistp256", crypto.SHA256},
	"ecdsa-sha2-nistp384": {"ecdsa-sha2-nistp384", crypto.SHA384},
	"ecdsa-sha2-nistp521": {"ecdsa-sha2-nistp521", crypto.SHA512},
	"ssh-rsa":             {"ssh-rsa", crypto.SHA1},
	"rsa-sha2-256":        {"ssh-rsa", crypto.SHA256},
	"rsa-sha2-512":        {"ssh-rsa", crypto.SHA512},
}

// signer is the key for a signature algorithm.
func (k Keys) signer(algorithm string) (crypto.Signer, error) {
	format := keyTypes[algorithm].format
	i := slices.IndexFunc(k, func(h HostKey) bool { return h.Type == format })
	if format == "" || i < 0 {
		return nil, fmt.Errorf("ssh: no host key for %q", algorithm)
	}
	s, err := k[i].Signer()
	if err != nil {
		return nil, fmt.Errorf("ssh: host key %s: %w", format, err)
	}
	return s, nil
}

// blob is a public key on the wire (RFC 4253 section 6.6, RFC 5656 section
// 3.1, RFC 8709 section 4).
func blob(key crypto.PublicKey) ([]byte, error) {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return appendString(appendString(nil, "ssh-ed25519"), key), nil
	case *rsa.PublicKey:
		b := appendMPInt(appendString(nil, "ssh-rsa"), big.NewInt(int64(key.E)).Bytes())
		return appendMPInt(b, key.N.Bytes()), nil
	case *ecdsa.PublicKey:
		curve := fmt.Sprintf("nistp%d", key.Curve.Params().BitSize)
		point, err := key.Bytes()
		if err != nil {
			return nil, fmt.Errorf("ssh: encode host key: %w", err)
		}
		return appendString(appendString(appendString(nil, "ecdsa-sha2-"+curve), curve), point), nil
	}
	return nil, fmt.Errorf("ssh: host key of type %T", key)
}

// sign makes a signature blob.
func sign(random io.Reader, key crypto.Signer, algorithm string, data []byte) ([]byte, error) {
	digest, hash := data, keyTypes[algorithm].hash
	if hash != 0 {
		h := hash.New()
		h.Write(data)
		digest = h.Sum(nil)
	}
	sig, err := key.Sign(random, digest, hash)
	if err != nil {
		return nil, fmt.Errorf("ssh: sign with %s: %w", algorithm, err)
	}
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		var rs struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(sig, &rs); err != nil {
			return nil, fmt.Errorf("ssh: sign with %s: %w", algorithm, err)
		}
		sig = appendMPInt(appendMPInt(nil, rs.R.Bytes()), rs.S.Bytes())
	}
	return appendString(appendString(nil, algorithm), sig), nil
}

// AnnounceKeys sends hostkeys-00@openssh.com as sshd does after a login
// (OpenSSH's PROTOCOL section 2.5), where the client can bear it.
func (c *Conn) AnnounceKeys() error {
	if c.quirks.has(QuirkHostKeys) {
		return nil
	}
	b := append(appendString([]byte{msgGlobalRequest}, "hostkeys-00@openssh.com"), 0)
	for _, key := range c.config.Keys {
		s, err := key.Signer()
		if err != nil {
			return fmt.Errorf("ssh: host key %s: %w", key.Type, err)
		}
		public, err := blob(s.Public())
		if err != nil {
			return err
		}
		b = appendString(b, public)
	}
	return c.WritePacket(b)
}

const msgGlobalRequest = 80

// maxProofs bounds the signatures that one request can ask for.
const maxProofs = 16

// ProveKeys is the answer's body to hostkeys-prove-00@openssh.com, whose own
// body is request; ok is false where sshd refuses.
func (c *Conn) ProveKeys(request []byte) (reply []byte, ok bool) {
	s := scanner{b: request}
	for n := 0; len(s.b) > 0; n++ {
		asked := s.string()
		if s.err != nil || n == maxProofs {
			return nil, false
		}
		key, algorithm := c.proof(asked)
		if key == nil {
			return nil, false
		}
		data := appendString(appendString(appendString(nil, "hostkeys-prove-00@openssh.com"), c.sessionID), asked)
		sig, err := sign(c.config.rand(), key, algorithm, data)
		if err != nil {
			return nil, false
		}
		reply = appendString(reply, sig)
	}
	return reply, true
}

// proof is the host key with that public key, and what to sign with: for RSA
// the algorithm of the key exchange, or the best that the client offered.
func (c *Conn) proof(public []byte) (crypto.Signer, string) {
	for _, key := range c.config.Keys {
		s, err := key.Signer()
		if err != nil {
			continue
		}
		b, err := blob(s.Public())
		if err != nil || string(b) != string(public) {
			continue
		}
		if key.Type != "ssh-rsa" {
			return s, key.Type
		}
		for _, algorithm := range []string{"rsa-sha2-512", "rsa-sha2-256"} {
			if c.client.Chosen.HostKey == algorithm || keyTypes[c.client.Chosen.HostKey].format != "ssh-rsa" && contains(c.client.Lists[listHostKey], algorithm) {
				return s, algorithm
			}
		}
		return s, "ssh-rsa"
	}
	return nil, ""
}
