package persona

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"sync"

	"github.com/decnet/decnet/providers/decky"
)

// RSABits is the size of a host's RSA key where nothing else is known,
// ssh-keygen's default since OpenSSH 8.0.
const RSABits = 3072

// Ed25519 is the host's Ed25519 key for label ("ssh").
func (p *Persona) Ed25519(label string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(p.Derive("key/ed25519/" + label))
}

// ECDSA is the host's P-256 key for label.
func (p *Persona) ECDSA(label string) (*ecdsa.PrivateKey, error) {
	// A scalar is out of range once in 2^32 tries; the next one then.
	var err error
	for try := range 64 {
		var key *ecdsa.PrivateKey
		if key, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), p.Derive(fmt.Sprintf("key/p256/%s/%d", label, try))); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("derive P-256 key: %w", err)
}

// RSA is the host's RSA key for label, of so many bits. Searching its primes
// takes some tenths of a second, so that it is kept in cache where that is not
// nil: a cached key that is damaged, of another size or not this host's is
// searched again. A cache that cannot be written is no error.
func (p *Persona) RSA(label string, bits int, cache decky.Store) (*rsa.PrivateKey, error) {
	name := "rsa-" + label
	owner := p.Derive("key/rsa-cache/" + label)
	if cache != nil {
		if key := cachedRSA(cache, name, owner); key != nil && key.N.BitLen() == bits {
			return key, nil
		}
	}
	seed := "key/rsa/" + label
	if bits != RSABits {
		seed += fmt.Sprintf("/%d", bits)
	}
	key, err := searchRSA(newDRBG(p.Derive(seed)), bits)
	if err != nil {
		return nil, fmt.Errorf("derive RSA key: %w", err)
	}
	if cache != nil {
		der := x509.MarshalPKCS1PrivateKey(key)
		// A store that is full costs the search at the next start only.
		_ = cache.Save(name, append(sealOf(owner, der), der...))
	}
	return key, nil
}

func sealOf(owner, der []byte) []byte {
	mac := hmac.New(sha256.New, owner)
	mac.Write(der)
	return mac.Sum(nil)
}

// cachedRSA is nil for whatever this host did not save whole.
func cachedRSA(cache decky.Store, name string, owner []byte) *rsa.PrivateKey {
	data, err := cache.Load(name)
	if err != nil || len(data) < sha256.Size {
		return nil
	}
	seal, der := data[:sha256.Size], data[sha256.Size:]
	if !hmac.Equal(seal, sealOf(owner, der)) {
		return nil
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil
	}
	return key
}

const publicExponent = 65537

// searchRSA finds two primes along random's stream. crypto/rsa ignores the
// reader it is given, so the search is our own; what it finds is checked by
// crypto/rsa.
func searchRSA(random *drbg, bits int) (*rsa.PrivateKey, error) {
	one, e := big.NewInt(1), big.NewInt(publicExponent)
	for {
		p, q := searchPrime(random, bits/2), searchPrime(random, bits/2)
		if p.Cmp(q) < 0 {
			p, q = q, p
		}
		n := new(big.Int).Mul(p, q)
		// FIPS 186-5 A.1.3: primes that lie close together are refused.
		if n.BitLen() != bits || new(big.Int).Sub(p, q).BitLen() <= bits/2-100 {
			continue
		}
		p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
		phi := new(big.Int).Mul(p1, q1)
		lambda := phi.Div(phi, new(big.Int).GCD(nil, nil, p1, q1))
		d := new(big.Int).ModInverse(e, lambda)
		if d == nil || d.BitLen() <= bits/2 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: publicExponent}, D: d, Primes: []*big.Int{p, q}}
		key.Precompute()
		if err := key.Validate(); err != nil {
			return nil, err
		}
		return key, nil
	}
}

// sieved are the odd primes below 2048: dividing by them first saves nine of
// ten primality tests.
var sieved = sync.OnceValue(func() []uint64 {
	var primes []uint64
	for n := uint64(3); n < 2048; n += 2 {
		if big.NewInt(int64(n)).ProbablyPrime(0) {
			primes = append(primes, n)
		}
	}
	return primes
})

// searchPrime is the first prime at or after a random odd number whose two top
// bits are set, so that the product of two has the full length.
func searchPrime(random *drbg, bits int) *big.Int {
	remainders := make([]uint64, len(sieved()))
	for {
		start := new(big.Int).SetBytes(random.bytes(bits / 8))
		start.SetBit(start, bits-1, 1).SetBit(start, bits-2, 1).SetBit(start, 0, 1)
		for i, small := range sieved() {
			remainders[i] = new(big.Int).Mod(start, new(big.Int).SetUint64(small)).Uint64()
		}
		for step := uint64(0); step < 1<<16; step += 2 {
			if divisible(remainders, step) {
				continue
			}
			candidate := new(big.Int).Add(start, new(big.Int).SetUint64(step))
			if candidate.BitLen() == bits && candidate.ProbablyPrime(20) && new(big.Int).Mod(candidate, big.NewInt(publicExponent)).Int64() != 1 {
				return candidate
			}
		}
	}
}

func divisible(remainders []uint64, step uint64) bool {
	for i, small := range sieved() {
		if (remainders[i]+step)%small == 0 {
			return true
		}
	}
	return false
}

// drbg is HMAC_DRBG with SHA-256 (NIST SP 800-90A section 10.1.2), without
// reseeding: one stream for one seed.
type drbg struct{ k, v []byte }

func newDRBG(seed []byte) *drbg {
	d := &drbg{k: make([]byte, sha256.Size), v: make([]byte, sha256.Size)}
	for i := range d.v {
		d.v[i] = 1
	}
	d.update(seed)
	return d
}

func (d *drbg) update(data []byte) {
	d.k = hmacOf(d.k, d.v, []byte{0}, data)
	d.v = hmacOf(d.k, d.v)
	if len(data) > 0 {
		d.k = hmacOf(d.k, d.v, []byte{1}, data)
		d.v = hmacOf(d.k, d.v)
	}
}

func (d *drbg) bytes(n int) []byte {
	var out []byte
	for len(out) < n {
		d.v = hmacOf(d.k, d.v)
		out = append(out, d.v...)
	}
	d.update(nil)
	return out[:n]
}

func hmacOf(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// unit is a number in [0, 1) for label.
func (p *Persona) unit(label string) float64 {
	return float64(binary.BigEndian.Uint64(p.Derive("unit/"+label))>>11) / (1 << 53)
}
