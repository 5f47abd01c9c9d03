package state

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// SecretSize is the length of a secret in bytes.
const SecretSize = 32

// Secret is the installation's root of host keys and tokens: 32 random bytes in
// a file of mode 0600, made when they are first needed. Several states may
// share one.
type Secret struct {
	path string
	mu   sync.Mutex
	key  []byte
}

// SecretPath is where the secret of the state at path stands by default.
func SecretPath(path string) string { return filepath.Join(filepath.Dir(path), "secret") }

// NewSecret names the file; it is not read before the first Derive.
func NewSecret(path string) *Secret { return &Secret{path: path} }

// Derive is HMAC-SHA256 of label under the secret, which it makes where there is
// none.
func (s *Secret) Derive(label string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		key, err := ensureSecret(s.path)
		if err != nil {
			return nil, err
		}
		s.key = key
	}
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(label))
	return mac.Sum(nil), nil
}

func ensureSecret(path string) ([]byte, error) {
	key, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := makeSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make secret %s: %w", path, err)
	}
	return readSecret(path)
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read secret %s: it is not a regular file", path)
	}
	if wide := info.Mode().Perm() &^ 0o600; wide != 0 {
		return nil, fmt.Errorf("read secret %s: its mode is %04o, others may read it: run chmod 600 %s, and make a new one if they might have", path, info.Mode().Perm(), path)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	if len(key) != SecretSize {
		return nil, fmt.Errorf("read secret %s: it has %d bytes, not %d", path, len(key), SecretSize)
	}
	return key, nil
}

// makeSecret writes the whole file under another name first: whatever is found
// under the right one is complete, whoever was killed.
func makeSecret(path string) error {
	dir := filepath.Dir(path)
	if err := makeDirectory(dir); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // only a name of the same file is left
	key := make([]byte, SecretSize)
	rand.Read(key) //nolint:errcheck // never fails
	_, err = temporary.Write(key)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil {
		return err
	}
	return syncDirectory(dir)
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
