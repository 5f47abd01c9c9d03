package run

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const tokenBytes = 32

// token reads the API's token, making it first where there is none. A file that
// others can read is refused: the token may be known.
func token(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return makeToken(path)
	}
	if err != nil {
		return "", fmt.Errorf("read API token: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read API token: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("read API token: %s has mode %v; it must be a file that only its owner can read: remove it, and a new token is made", path, info.Mode())
	}
	data := make([]byte, 4096)
	n, err := f.Read(data)
	if err != nil {
		return "", fmt.Errorf("read API token %s: %w", path, err)
	}
	text := strings.TrimSpace(string(data[:n]))
	if len(text) < tokenBytes {
		return "", fmt.Errorf("read API token: %s holds fewer than %d characters: remove it, and a new token is made", path, tokenBytes)
	}
	return text, nil
}

// makeToken writes a new token so that the file is either whole or absent.
func makeToken(path string) (string, error) {
	secret := make([]byte, tokenBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make API token: %w", err)
	}
	text := hex.EncodeToString(secret)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make API token: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".token-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("make API token: %w", err)
	}
	_, err = f.WriteString(text + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("make API token: %w", err), os.Remove(f.Name()))
	}
	return text, nil
}
