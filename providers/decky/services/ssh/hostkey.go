package ssh

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"sync"

	"golang.org/x/crypto/ssh"
)

// hostKeys are the three keys that Debian's sshd makes: derived, so that they
// are the decky's own and survive every restart.
type hostKeys struct {
	ed25519 ssh.Signer
	ecdsa   ssh.Signer
	rsa     *lazyRSA
}

func newHostKeys(derive func(string) []byte) *hostKeys {
	k := &hostKeys{rsa: &lazyRSA{derive: derive}}
	var err error
	if k.ed25519, err = ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(derive("ssh/host/ed25519")[:ed25519.SeedSize])); err != nil {
		panic("ssh: ed25519 key: " + err.Error())
	}
	if k.ecdsa, err = ssh.NewSignerFromKey(curveKey(derive)); err != nil {
		panic("ssh: ecdsa key: " + err.Error())
	}
	return k
}

// curveKey is a key on P-256; the few values that are no scalar are skipped.
func curveKey(derive func(string) []byte) *ecdsa.PrivateKey {
	for i := 0; ; i++ {
		scalar := derive(fmt.Sprintf("ssh/host/ecdsa/%d", i))
		if _, err := ecdh.P256().NewPrivateKey(scalar); err != nil {
			continue
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
		if err == nil {
			return key
		}
	}
}

// all are the signers in sshd's order.
func (k *hostKeys) all() []ssh.Signer { return []ssh.Signer{k.rsa, k.ecdsa, k.ed25519} }

// lazyRSA is an RSA key of 3072 bits that is made when it is first needed:
// finding two primes takes about a second.
type lazyRSA struct {
	derive func(string) []byte
	once   sync.Once
	signer ssh.AlgorithmSigner
}

func (l *lazyRSA) make() ssh.AlgorithmSigner {
	l.once.Do(func() {
		signer, err := ssh.NewSignerFromKey(deriveRSA(l.derive, 3072))
		if err != nil {
			panic("ssh: rsa key: " + err.Error())
		}
		l.signer = signer.(ssh.AlgorithmSigner)
	})
	return l.signer
}

// PublicKey implements ssh.Signer without making the key.
func (l *lazyRSA) PublicKey() ssh.PublicKey { return lazyPublic{l} }

// Algorithms implements ssh.MultiAlgorithmSigner: no SHA-1.
func (l *lazyRSA) Algorithms() []string { return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256} }

// Sign implements ssh.Signer.
func (l *lazyRSA) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return l.SignWithAlgorithm(rand, data, ssh.KeyAlgoRSASHA512)
}

// SignWithAlgorithm implements ssh.AlgorithmSigner.
func (l *lazyRSA) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	return l.make().SignWithAlgorithm(rand, data, algorithm)
}

type lazyPublic struct{ l *lazyRSA }

// Type implements ssh.PublicKey.
func (lazyPublic) Type() string { return ssh.KeyAlgoRSA }

// Marshal implements ssh.PublicKey.
func (p lazyPublic) Marshal() []byte { return p.l.make().PublicKey().Marshal() }

// Verify implements ssh.PublicKey.
func (p lazyPublic) Verify(data []byte, sig *ssh.Signature) error {
	return p.l.make().PublicKey().Verify(data, sig)
}

// deriveRSA finds two primes of bits/2 by counting from derived numbers.
func deriveRSA(derive func(string) []byte, bits int) *rsa.PrivateKey {
	e := big.NewInt(65537)
	one := big.NewInt(1)
	prime := func(label string) *big.Int {
		b := stream(derive("ssh/host/rsa/"+label), bits/16)
		b[0] |= 0xc0
		b[len(b)-1] |= 1
		p := new(big.Int).SetBytes(b)
		for ; ; p.Add(p, big.NewInt(2)) {
			if smallFactor(p) || !p.ProbablyPrime(20) {
				continue
			}
			if new(big.Int).GCD(nil, nil, e, new(big.Int).Sub(p, one)).Cmp(one) == 0 {
				return p
			}
		}
	}
	p, q := prime("p"), prime("q")
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}
	key.Precompute()
	return key
}

var smallPrimes = func() *big.Int {
	product := big.NewInt(1)
	for n := int64(3); n < 2000; n += 2 {
		if big.NewInt(n).ProbablyPrime(0) {
			product.Mul(product, big.NewInt(n))
		}
	}
	return product
}()

func smallFactor(p *big.Int) bool {
	return new(big.Int).GCD(nil, nil, p, smallPrimes).Cmp(big.NewInt(1)) != 0
}

// stream is n bytes from a seed.
func stream(seed []byte, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(seed[:len(seed):len(seed)], i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

// parseKey is the wire form of a line of authorized_keys.
func parseKey(line string) (string, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return "", err
	}
	return string(key.Marshal()), nil
}
