package signature

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
)

// maxSignature is how many bytes a signature has.
const maxSignature = 64 << 10

// namespace is what git signs in (PROTOCOL.sshsig, section 3).
const namespace = "git"

// verify tells who made a signature over a payload.
func (k *Keyring) verify(commit, of string, payload, signature []byte, when time.Time) (*signed, error) {
	refuse := func(reason Reason, by *signer, detail string) error {
		e := &UntrustedError{Reason: reason, Commit: commit, Detail: of + repository.Text(detail, 300)}
		if by != nil {
			e.Signer = by.Name
		}
		return e
	}
	if len(signature) > maxSignature {
		return nil, refuse(BadSignature, nil, "the signature is too large")
	}
	check := k.verifySSH
	switch text := bytes.TrimLeft(signature, "\n"); {
	case bytes.HasPrefix(text, []byte("-----BEGIN SSH SIGNATURE-----")):
	case bytes.HasPrefix(text, []byte("-----BEGIN PGP SIGNATURE-----")):
		check = k.verifyPGP
	default:
		return nil, refuse(BadSignature, nil, "the signature is of neither SSH nor OpenPGP")
	}
	by, reason, err := check(payload, signature)
	if err != nil {
		return nil, refuse(reason, by.signer, err.Error())
	}
	now := k.now()
	if !by.signer.valid(when) || !by.signer.valid(now) {
		return nil, refuse(ExpiredKey, by.signer, fmt.Sprintf("the keys of %s do not count at the time of signing, or not any more", by.signer.Name))
	}
	return &by, nil
}

// verifySSH verifies a signature of an SSH key (PROTOCOL.sshsig). One of a
// security key must say that somebody touched it; x/crypto checks that.
func (k *Keyring) verifySSH(payload, signature []byte) (signed, Reason, error) {
	block, rest := pem.Decode(signature)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 || len(block.Headers) > 0 {
		return signed{}, BadSignature, errors.New("the signature is malformed")
	}
	sig, err := sshsig.ParseSignature(block.Bytes)
	if err != nil {
		return signed{}, BadSignature, fmt.Errorf("the signature is malformed: %w", err)
	}
	by := signed{key: ssh.FingerprintSHA256(sig.PublicKey)}
	if by.signer = k.ssh[string(sig.PublicKey.Marshal())]; by.signer == nil {
		return by, UnknownSigner, fmt.Errorf("nobody known has the key %s", by.key)
	}
	if err := sshsig.Verify(bytes.NewReader(payload), sig, sig.PublicKey, sig.HashAlgorithm, namespace); err != nil {
		return by, BadSignature, fmt.Errorf("verify the signature: %w", err)
	}
	return by, "", nil
}

// verifyPGP verifies a signature of an OpenPGP key.
func (k *Keyring) verifyPGP(payload, signature []byte) (signed, Reason, error) {
	sig, raw, err := readPGP(signature)
	if err != nil {
		return signed{}, BadSignature, err
	}
	id := *sig.IssuerKeyId
	by := signed{key: fmt.Sprintf("%016X", id), signer: k.owners[id]}
	if by.signer == nil {
		return by, UnknownSigner, fmt.Errorf("nobody known has the key %s", by.key)
	}
	now := k.now()
	config := &packet.Config{Time: func() time.Time { return now }, MinRSABits: minRSA, RejectHashAlgorithms: weakHashes, RejectMessageHashAlgorithms: weakHashes}
	_, entity, err := openpgp.VerifyDetachedSignature(k.pgp, bytes.NewReader(payload), bytes.NewReader(raw), config)
	if err != nil {
		return by, reasonOf(err), fmt.Errorf("verify the signature: %w", err)
	}
	// The library looks at the key as it was when the signature says it was
	// made; whoever has an old key can say any time.
	key, ok := entity.SigningKeyById(now, id, config)
	if !ok {
		return by, ExpiredKey, fmt.Errorf("the key %s has expired, was revoked, or is too weak", by.key)
	}
	by.key = strings.ToUpper(hex.EncodeToString(key.PublicKey.Fingerprint))
	return by, "", nil
}

// readPGP takes the one signature out of its armor.
func readPGP(signature []byte) (*packet.Signature, []byte, error) {
	block, err := armor.Decode(bytes.NewReader(signature))
	if err != nil || block.Type != openpgp.SignatureType {
		return nil, nil, errors.New("the signature is malformed")
	}
	raw, err := io.ReadAll(io.LimitReader(block.Body, maxSignature))
	if err != nil {
		return nil, nil, fmt.Errorf("the signature is malformed: %w", err)
	}
	packets := packet.NewReader(bytes.NewReader(raw))
	first, err := packets.Next()
	if err != nil {
		return nil, nil, fmt.Errorf("the signature is malformed: %w", err)
	}
	sig, ok := first.(*packet.Signature)
	if !ok || sig.IssuerKeyId == nil || sig.SigType != packet.SigTypeBinary {
		return nil, nil, errors.New("the signature is of no kind that git makes")
	}
	if _, err := packets.Next(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("there is more than one signature")
	}
	return sig, raw, nil
}

func reasonOf(err error) Reason {
	for _, old := range []error{pgperrors.ErrKeyExpired, pgperrors.ErrKeyRevoked, pgperrors.ErrSignatureExpired} {
		if errors.Is(err, old) {
			return ExpiredKey
		}
	}
	return BadSignature
}

// weakHashes are what no signature may use, neither over a commit nor over a
// key.
var weakHashes = map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.RIPEMD160: true}
