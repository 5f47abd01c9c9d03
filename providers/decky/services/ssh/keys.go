package ssh

import (
	"crypto"
	"sync"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// newHostKeys are keys of these types. Each is made when it is first needed:
// finding the primes of an RSA key takes some tenths of a second.
func newHostKeys(p *persona.Persona, cache decky.Store, types []string) *hostKeys {
	makers := map[string]func() (crypto.Signer, error){
		"ssh-ed25519":         func() (crypto.Signer, error) { return p.Ed25519("ssh"), nil },
		"ecdsa-sha2-nistp256": func() (crypto.Signer, error) { return p.ECDSA("ssh") },
		"ssh-rsa":             func() (crypto.Signer, error) { return p.RSA("ssh", cache) },
	}
	k := &hostKeys{}
	for _, kind := range types {
		if maker := makers[kind]; maker != nil {
			k.list = append(k.list, transport.HostKey{Type: kind, Signer: sync.OnceValues(maker)})
		}
	}
	return k
}
