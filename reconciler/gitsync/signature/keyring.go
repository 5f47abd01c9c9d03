package signature

import (
	"bytes"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"golang.org/x/crypto/ssh"
)

// Limits of a keyring.
const (
	MaxSigners = 1000
	MaxKeys    = 256 << 10 // bytes of one file of keys
)

// minRSA is how many bits an RSA key has at least.
const minRSA = 2048

// Signer is somebody whose signatures count.
type Signer struct {
	Name string
	// SSHKeys are contents of files with public keys, one a line as in
	// authorized_keys, without options.
	SSHKeys []string
	// OpenPGPKeys are contents of files with public keys, in armor.
	OpenPGPKeys []string
	// Paths are where he may change files: the file itself or all below a
	// folder, with *, ? and [] in each part as in path.Match. Empty: everywhere.
	Paths []string
	// ValidAfter and ValidBefore bound when his keys count; zero: no bound. Both
	// the time that the commit or tag gives and the time now must lie within,
	// for whoever has an old key can write any time into a commit.
	ValidAfter, ValidBefore time.Time
}

type signer struct {
	Signer
	patterns [][]string
}

// Keyring holds the keys that are trusted. It does not change, and may be used
// by several goroutines.
type Keyring struct {
	signers []*signer
	ssh     map[string]*signer // by key, as bytes on the wire
	pgp     openpgp.EntityList
	owners  map[uint64]*signer // of OpenPGP keys and subkeys
	now     func() time.Time
}

// NewKeyring reads the keys of all signers. It refuses a key that is weak, that
// is no public key, or that two signers share, and a signer without a key.
func NewKeyring(signers []Signer) (*Keyring, error) { return NewKeyringAt(signers, time.Now) }

// NewKeyringAt is NewKeyring with another clock.
func NewKeyringAt(signers []Signer, now func() time.Time) (*Keyring, error) {
	k := &Keyring{ssh: map[string]*signer{}, owners: map[uint64]*signer{}, now: now}
	if len(signers) == 0 || len(signers) > MaxSigners {
		return nil, fmt.Errorf("there must be between 1 and %d signers", MaxSigners)
	}
	for _, given := range signers {
		if given.Name == "" {
			return nil, errors.New("a signer has no name")
		}
		if err := k.add(given); err != nil {
			return nil, fmt.Errorf("signer %s: %w", given.Name, err)
		}
	}
	return k, nil
}

func (k *Keyring) add(given Signer) error {
	s := &signer{Signer: given}
	for _, p := range given.Paths {
		parts, err := pattern(p)
		if err != nil {
			return err
		}
		s.patterns = append(s.patterns, parts)
	}
	if len(given.SSHKeys)+len(given.OpenPGPKeys) == 0 {
		return errors.New("there is no key")
	}
	for _, file := range given.SSHKeys {
		if err := k.addSSH(s, file); err != nil {
			return err
		}
	}
	for _, file := range given.OpenPGPKeys {
		if err := k.addPGP(s, file); err != nil {
			return err
		}
	}
	k.signers = append(k.signers, s)
	return nil
}

func pattern(p string) ([]string, error) {
	clean := strings.TrimSuffix(p, "/")
	if clean == "" || path.IsAbs(clean) || path.Clean(clean) != clean || clean == "." || strings.HasPrefix(clean, "..") {
		return nil, fmt.Errorf("%q is no path within a repository", p)
	}
	parts := strings.Split(clean, "/")
	for _, part := range parts {
		if strings.Contains(part, "**") {
			return nil, fmt.Errorf("%q: ** is not known; a path holds for everything below it", p)
		}
		if _, err := path.Match(part, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern: %w", p, err)
		}
	}
	return parts, nil
}

func (k *Keyring) addSSH(s *signer, file string) error {
	if len(file) > MaxKeys {
		return fmt.Errorf("a file of keys has more than %d bytes", MaxKeys)
	}
	found := false
	for rest := []byte(file); len(bytes.TrimSpace(rest)) > 0; {
		key, _, options, next, err := ssh.ParseAuthorizedKey(rest)
		if err != nil {
			if onlyComments(rest) {
				break
			}
			return errors.New("a line is no public SSH key")
		}
		if skipped := rest[:len(rest)-len(next)]; !oneKey(skipped) {
			return errors.New("a line is no public SSH key") // the parser passes over such
		}
		if len(options) > 0 {
			return errors.New("a key has options before it; give keys alone, or an allowed_signers file")
		}
		if err := k.own(s, key); err != nil {
			return err
		}
		found, rest = true, next
	}
	if !found {
		return errors.New("there is no public SSH key")
	}
	return nil
}

func onlyComments(b []byte) bool { return countLines(b) == 0 }
func oneKey(b []byte) bool       { return countLines(b) == 1 }

// countLines counts lines that say something.
func countLines(b []byte) int {
	n := 0
	for line := range bytes.Lines(b) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			n++
		}
	}
	return n
}

// own gives a key to a signer.
func (k *Keyring) own(s *signer, key ssh.PublicKey) error {
	if err := checkSSH(key); err != nil {
		return err
	}
	at := string(key.Marshal())
	if other := k.ssh[at]; other != nil && other != s {
		return fmt.Errorf("the key %s belongs to %s as well", ssh.FingerprintSHA256(key), other.Name)
	}
	k.ssh[at] = s
	return nil
}

// checkSSH refuses kinds of keys that are weak, or not keys.
func checkSSH(key ssh.PublicKey) error {
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256:
		return nil
	case ssh.KeyAlgoRSA:
		crypto, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			return errors.New("an RSA key cannot be read")
		}
		public, ok := crypto.CryptoPublicKey().(*rsa.PublicKey)
		if !ok {
			return errors.New("an RSA key cannot be read")
		}
		if bits := public.N.BitLen(); bits < minRSA {
			return fmt.Errorf("an RSA key has %d bits; at least %d are needed", bits, minRSA)
		}
		return nil
	}
	return fmt.Errorf("a key of type %s is not accepted", key.Type())
}

func (k *Keyring) addPGP(s *signer, file string) error {
	if len(file) > MaxKeys {
		return fmt.Errorf("a file of keys has more than %d bytes", MaxKeys)
	}
	entities, err := openpgp.ReadArmoredKeyRing(strings.NewReader(file))
	if err != nil {
		return fmt.Errorf("read the OpenPGP keys: %w", err)
	}
	if len(entities) == 0 {
		return errors.New("there is no OpenPGP key")
	}
	for _, e := range entities {
		if e.PrivateKey != nil {
			return errors.New("that is a private key; give the public one alone")
		}
		keys := []*packet.PublicKey{e.PrimaryKey}
		for _, sub := range e.Subkeys {
			if sub.PrivateKey != nil {
				return errors.New("that is a private key; give the public one alone")
			}
			keys = append(keys, sub.PublicKey)
		}
		for _, key := range keys {
			if k.owners[key.KeyId] != nil {
				return fmt.Errorf("the OpenPGP key %s is there twice, or belongs to %s as well",
					hex.EncodeToString(key.Fingerprint), k.owners[key.KeyId].Name)
			}
			k.owners[key.KeyId] = s
		}
		k.pgp = append(k.pgp, e)
	}
	return nil
}
