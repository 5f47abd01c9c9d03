package delivery

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Limits of files that a sink names.
const (
	maxSecret = 16 << 10
	maxCA     = 1 << 20
)

// secret reads a file that holds one secret, without its line feed. Nobody but
// its owner may read the file, and the owner is this user or root.
func (o Options) secret(path string) (string, error) {
	data, err := o.read(path, maxSecret, true)
	if err != nil {
		return "", &Error{Err: fmt.Errorf("read secret: %w", err)}
	}
	text := strings.TrimRight(string(data), "\r\n")
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", retryable("read secret: %s holds no line of text, or several", path)
	}
	return text, nil
}

func (o Options) read(path string, limit int64, private bool) ([]byte, error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("path %q is not absolute", path)
	}
	if private && o.SecretDir != "" {
		// What the path leads to is looked at, and that is what is opened.
		dir, err := filepath.EvalSymlinks(o.SecretDir)
		if err != nil {
			return nil, err
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, err
		}
		if rest, err := filepath.Rel(dir, real); err != nil || !filepath.IsLocal(rest) || rest == "." {
			return nil, fmt.Errorf("%s does not stand in %s, where secrets of sinks are", path, o.SecretDir)
		}
		path = real
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); private && ok {
		if info.Mode().Perm()&0o077 != 0 {
			return nil, fmt.Errorf("%s has mode %04o, others may read it: chmod 600 it", path, info.Mode().Perm())
		}
		if stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
			return nil, fmt.Errorf("%s belongs to another user", path)
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, nil
}

// authorities are the certificates that a receiver's is checked against; nil:
// the system's.
func (o Options) authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	data, err := o.read(path, maxCA, false)
	if err != nil {
		return nil, retryable("read certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, retryable("read certificates: %s holds none in PEM", path)
	}
	return pool, nil
}

// told is the part of an answer that may be shown: one line, and nothing of it
// where it repeats a secret.
func told(answer []byte, secrets []string) string {
	for _, s := range secrets {
		if s != "" && repeats(answer, s) {
			return "(the answer repeats a secret and is not shown)"
		}
	}
	return line(string(answer), 200)
}

// repeats looks for a secret as it is and as it is usually written, whole or a
// piece of it.
func repeats(answer []byte, secret string) bool {
	const piece = 12
	quoted, err := json.Marshal(secret)
	forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret))}
	for before := range 3 { // within something longer, at any of the three places where a group begins
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(strings.Repeat(" ", before) + secret + "  "))
			forms = append(forms, text[(before*8+5)/6:len(text)-3])
		}
	}
	if err == nil {
		forms = append(forms, strings.Trim(string(quoted), `"`))
	}
	for _, form := range forms {
		for i := 0; i == 0 || i+piece <= len(form); i++ {
			if bytes.Contains(answer, []byte(form[i:min(i+piece, len(form))])) {
				return true
			}
		}
	}
	return false
}

// withheld is an error's text without what may be secret in it: of a request
// the URL, where it is one.
func withheld(err error, secrets []string) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	text := told([]byte(err.Error()), secrets)
	return errors.New(text)
}
