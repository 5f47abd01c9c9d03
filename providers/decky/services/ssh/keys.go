package ssh

import (
	"context"
	"crypto"
	"slices"
	"strings"
	"sync"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/services/ssh/build"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// hostKeys are the keys that the build's package makes, derived, so that they
// are the decky's own and survive every restart.
type hostKeys struct {
	list transport.Keys
	// searching is the preparation of the RSA key, which stop ends.
	stop      func()
	searching sync.WaitGroup
}

// newHostKeys are the keys that a build's package makes. Each is made when it is
// first needed.
func newHostKeys(p *persona.Persona, cache decky.Store, b *build.Build) *hostKeys {
	k := &hostKeys{stop: func() {}}
	search := func() (crypto.Signer, error) { return p.RSA("ssh", b.RSABits, cache) }
	makers := map[string]func() (crypto.Signer, error){
		"ssh-ed25519":         func() (crypto.Signer, error) { return p.Ed25519("ssh"), nil },
		"ecdsa-sha2-nistp256": func() (crypto.Signer, error) { return p.ECDSA("ssh") },
		"ssh-rsa": func() (crypto.Signer, error) {
			k.close() // what is being searched is found then, what waits for its turn is not waited for
			return search()
		},
	}
	for _, kind := range b.KeyTypes {
		if maker := makers[kind]; maker != nil {
			k.list = append(k.list, transport.HostKey{Type: kind, Signer: sync.OnceValues(maker)})
		}
	}
	if cache != nil {
		var ctx context.Context
		ctx, k.stop = context.WithCancel(context.Background())
		k.searching.Go(func() { prepare(ctx, func() { _, _ = search() }) }) // who needs the key hears of an error
	}
	return k
}

// turn is one search at a time in a process: many deckies may start at once, and
// each search takes a core for some tenths of a second.
var turn = make(chan struct{}, 1)

// prepare searches an RSA key into the cache, so that the first login finds it.
// It is not held: a decky that nobody logs in to pays nothing for it.
func prepare(ctx context.Context, search func()) {
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
		if ctx.Err() == nil {
			search()
		}
	case <-ctx.Done():
	}
}

// close ends the preparation and waits for it.
func (k *hostKeys) close() {
	k.stop()
	k.searching.Wait()
}

// wire is the public key that algorithm signs with.
func (k *hostKeys) wire(algorithm string) []byte {
	kind := algorithm
	if strings.HasPrefix(algorithm, "rsa-sha2-") {
		kind = gossh.KeyAlgoRSA
	}
	i := slices.IndexFunc(k.list, func(key transport.HostKey) bool { return key.Type == kind })
	if i < 0 {
		return nil
	}
	signer, err := k.list[i].Signer()
	if err != nil {
		return nil
	}
	public, err := gossh.NewPublicKey(signer.Public())
	if err != nil {
		return nil
	}
	return public.Marshal()
}
