package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Key is an ed25519 key that is the same in every run: the account of the lab
// trusts "known", and no other. It opens nothing outside the lab.
func Key(name string) ssh.Signer {
	seed := sha256.Sum256([]byte("a key of the judge's lab: " + name))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		panic(err) // it is an ed25519 key
	}
	return signer
}

// AuthorizedKey is the line of authorized_keys for Key(name).
func AuthorizedKey(name string) string {
	return string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(Key(name).PublicKey())))
}

// Login is an attempt (RFC 4252).
type Login struct {
	User, Service, Method string
	Password              string
	Change                *string // new password of a change request
	Key                   string  // name of a Key; "" for none
	Blob                  []byte  // instead of the key's public half
	Algorithm             string  // "ssh-ed25519" where empty
	Sign                  string  // "good", "bad", or "" for a query
}

// Request is the payload of SSH_MSG_USERAUTH_REQUEST.
func (c *Conn) Request(l Login) ([]byte, error) {
	out := []byte{msgUserauthRequest}
	for _, text := range []string{l.User, l.Service, l.Method} {
		out = appendText(out, []byte(text))
	}
	switch {
	case l.Method == "password":
		out = append(out, flag(l.Change != nil))
		out = appendText(out, []byte(l.Password))
		if l.Change != nil {
			out = appendText(out, []byte(*l.Change))
		}
	case l.Method == "keyboard-interactive":
		out = appendText(appendText(out, nil), nil)
	case l.Key != "" || l.Blob != nil:
		return c.publicKey(out, l)
	}
	return out, nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (c *Conn) publicKey(out []byte, l Login) ([]byte, error) {
	signer := Key(l.Key)
	blob, algorithm := signer.PublicKey().Marshal(), "ssh-ed25519"
	if l.Blob != nil {
		blob = l.Blob
	}
	if l.Algorithm != "" {
		algorithm = l.Algorithm
	}
	out = append(out, flag(l.Sign != ""))
	out = appendText(appendText(out, []byte(algorithm)), blob)
	if l.Method == "publickey-hostbound-v00@openssh.com" {
		out = appendText(out, c.hostKey)
	}
	if l.Sign == "" {
		return out, nil
	}
	signature, err := signer.Sign(rand.Reader, append(appendText(nil, c.sessionID), out...))
	if err != nil {
		return nil, fmt.Errorf("sign a login: %w", err)
	}
	if l.Sign == "bad" {
		signature.Blob[0] ^= 1
	}
	return appendText(out, appendText(appendText(nil, []byte(signature.Format)), signature.Blob)), nil
}
