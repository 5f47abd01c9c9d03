package signature_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/reconciler/gitsync/repository"
	"github.com/decnet/decnet/reconciler/gitsync/signature"
)

// TestNewKeyring refuses keys and paths that must not count.
func TestNewKeyring(t *testing.T) {
	good := signature.Signer{Name: "a", SSHKeys: []string{"# mine\n" + keyA + rest + "\n\n"}, Paths: []string{"x/", "y/*/z"}}
	if _, err := signature.NewKeyring([]signature.Signer{good}); err != nil {
		t.Fatal(err)
	}
	change := func(f func(*signature.Signer)) []signature.Signer {
		s := good
		f(&s)
		return []signature.Signer{s}
	}
	path := func(p string) []signature.Signer {
		return change(func(s *signature.Signer) { s.Paths = []string{p} })
	}
	key := func(k string) []signature.Signer {
		return change(func(s *signature.Signer) { s.SSHKeys = []string{k} })
	}
	for name, signers := range map[string][]signature.Signer{
		"nobody":       nil,
		"no name":      change(func(s *signature.Signer) { s.Name = "" }),
		"no key":       change(func(s *signature.Signer) { s.SSHKeys = nil }),
		"shared":       {good, {Name: "b", SSHKeys: []string{keyA}}},
		"root":         path("/"),
		"everything":   path("."),
		"empty":        path(""),
		"up":           path("../x"),
		"up later":     path("x/../../y"),
		"absolute":     path("/x"),
		"two stars":    path("x/**"),
		"no pattern":   path("x/["),
		"rubbish":      key("rubbish"),
		"rubbish too":  key("rubbish\n" + keyA),
		"rubbish last": key(keyA + "\nrubbish"),
		"comment":      key("# nothing\n"),
		"options":      key(`command="x" ` + keyA),
		"private":      key("-----BEGIN OPENSSH PRIVATE KEY-----\n"),
		"large":        key(strings.Repeat("#", signature.MaxKeys) + "\n" + keyA),
		"no OpenPGP":   change(func(s *signature.Signer) { s.OpenPGPKeys = []string{keyA} }),
	} {
		if _, err := signature.NewKeyring(signers); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// memory is a repository of one commit.
type memory struct {
	signature.Repository
	commit repository.Commit
}

func (m memory) Commits(context.Context, string, string) ([]repository.Commit, error) {
	return []repository.Commit{m.commit}, nil
}

func (m memory) Commit(context.Context, string) (repository.Commit, error) { return m.commit, nil }

// TestSecurityKey verifies a signature of a security key (PROTOCOL.u2f), and
// that somebody touched it.
func TestSecurityKey(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	wire := ssh.Marshal(struct {
		Name, Key []byte
		App       string
	}{[]byte(ssh.KeyAlgoSKED25519), public, "ssh:"})
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		t.Fatal(err)
	}
	k, err := signature.NewKeyring([]signature.Signer{{Name: "a", SSHKeys: []string{string(ssh.MarshalAuthorizedKey(key))}}})
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte("payload")
	for name, c := range map[string]struct {
		flags byte
		good  bool
	}{"touched": {1, true}, "touched and verified": {5, true}, "not touched": {0, false}, "verified only": {4, false}} {
		sum := sha512.Sum512(payload)
		text := append([]byte("SSHSIG"), ssh.Marshal(struct{ Namespace, Reserved, Hash, Sum string }{"git", "", "sha512", string(sum[:])})...)
		app, message := sha256.Sum256([]byte("ssh:")), sha256.Sum256(text)
		counter := []byte{0, 0, 0, 9}
		blob := bytes.Join([][]byte{app[:], {c.flags}, counter, message[:]}, nil)
		sig := sshsig.Signature{Version: 1, PublicKey: key, Namespace: "git", HashAlgorithm: sshsig.HashSHA512, Signature: &ssh.Signature{
			Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(private, blob), Rest: append([]byte{c.flags}, counter...),
		}}
		armored := pem.EncodeToMemory(&pem.Block{Type: sshsig.PEMType, Bytes: sig.Marshal()})
		m := memory{commit: repository.Commit{ID: "1", Payload: payload, Signature: armored}}
		_, err := k.Verify(t.Context(), m, repository.Revision{Commit: "1"}, "", "")
		var untrusted *signature.UntrustedError
		if c.good != (err == nil) || err != nil && (!errors.As(err, &untrusted) || untrusted.Reason != signature.BadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHashes takes the two hashes that git's signatures may have, and bounds
// keys by a clock.
func TestHashes(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	k, err := signature.NewKeyringAt([]signature.Signer{{
		Name: "a", SSHKeys: []string{string(ssh.MarshalAuthorizedKey(signer.PublicKey()))},
		ValidAfter: now.Add(-time.Hour), ValidBefore: now.Add(time.Hour),
	}}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte("payload")
	verify := func(armored []byte, when time.Time) error {
		c := repository.Commit{ID: "1", Payload: payload, Signature: armored, Committer: repository.Person{When: when}}
		_, err := k.Verify(t.Context(), memory{commit: c}, repository.Revision{Commit: "1"}, "", "")
		return err
	}
	for _, hash := range []sshsig.HashAlgorithm{sshsig.HashSHA256, sshsig.HashSHA512} {
		sig, err := sshsig.Sign(bytes.NewReader(payload), signer, hash, "git")
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Duration{-2 * time.Hour, -time.Hour, 0, time.Hour} {
			err := verify(sshsig.Armor(sig), now.Add(at))
			if good := at == -time.Hour || at == 0; good != (err == nil) {
				t.Errorf("%s %s: %v", hash, at, err)
			}
		}
	}
	if _, err := k.Verify(t.Context(), memory{}, repository.Revision{Commit: "1"}, "", "most"); err == nil {
		t.Error("any mode is taken")
	}
}

// FuzzSignature: no signature that nobody made is good, and none ends the
// process.
func FuzzSignature(f *testing.F) {
	k, err := signature.NewKeyring([]signature.Signer{{Name: "a", SSHKeys: []string{keyA}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ==\n-----END SSH SIGNATURE-----\n"))
	f.Add([]byte("-----BEGIN PGP SIGNATURE-----\n\niHUEABYKAB0=\n=AAAA\n-----END PGP SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, sig []byte) {
		m := memory{commit: repository.Commit{ID: "1", Payload: []byte("x"), Signature: sig}}
		_, err := k.Verify(context.Background(), m, repository.Revision{Commit: "1"}, "", "")
		var untrusted *signature.UntrustedError
		if !errors.As(err, &untrusted) {
			t.Fatal(fmt.Sprint(err))
		}
	})
}
