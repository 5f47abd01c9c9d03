package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of secrets.
const (
	minSecret = 16
	maxSecret = 4 << 10
	maxID     = 200
)

// signingPrefix begins a signing token of GitLab's, as in Standard Webhooks.
const signingPrefix = "whsec_"

// claim is what a request says to prove itself.
type claim struct {
	kind      Kind
	signature string // of GitLab's secret token: the token
	id        string // of the delivery, not always signed
	time      string // seconds, where the kind signs a time
	signed    bool   // GitLab: a signature, no token
}

// claimOf reads the headers; nil where they cannot be a proof. Every one may
// stand there once only.
func claimOf(k Kind, h http.Header) *claim {
	one := func(name string) string {
		if values := h.Values(name); len(values) == 1 && len(values[0]) <= maxSecret {
			return values[0]
		}
		return ""
	}
	c := &claim{kind: k}
	switch k {
	case GitHub:
		c.signature, c.id = strings.TrimPrefix(one("X-Hub-Signature-256"), "sha256="), one("X-GitHub-Delivery")
	case Gitea:
		c.signature, c.id = one("X-Gitea-Signature"), one("X-Gitea-Delivery")
	case Generic:
		c.signature, c.time = strings.TrimPrefix(one("X-Signature-256"), "sha256="), one("X-Timestamp")
		if c.time == "" {
			return nil
		}
	case GitLab:
		if c.signature = one("Webhook-Signature"); c.signature != "" {
			c.signed, c.id, c.time = true, one("Webhook-Id"), one("Webhook-Timestamp")
			if c.id == "" || c.time == "" {
				return nil
			}
			break
		}
		c.signature = one("X-Gitlab-Token")
		if c.id = one("Idempotency-Key"); c.id == "" {
			c.id = one("X-Gitlab-Event-UUID")
		}
	}
	if c.signature == "" || len(c.id) > maxID {
		return nil
	}
	return c
}

// verify tells whether the claim holds, and what proves it: the digest that
// nobody could have made without the secret. Comparisons take the same time
// whatever differs.
func (c *claim) verify(secret string, body []byte, now time.Time, public bool) (proof []byte, ok bool) {
	switch c.kind {
	case GitHub, Gitea:
		proof = digest([]byte(secret), body)
		return proof, sameHex(c.signature, proof)
	case Generic:
		proof = digest([]byte(secret), []byte(c.time+"."), body)
		return proof, sameHex(c.signature, proof) && recent(c.time, now)
	case GitLab:
		key, signing := strings.CutPrefix(secret, signingPrefix)
		if !signing {
			// The token is no digest of the body, so that is the proof. It
			// would cross a network in plain text.
			sum := digest([]byte(secret), []byte(c.id+"."), body)
			return sum, !c.signed && !public && same([]byte(c.signature), []byte(secret))
		}
		decoded, err := base64.StdEncoding.DecodeString(key)
		if err != nil || !c.signed {
			return nil, false
		}
		proof = digest(decoded, []byte(c.id+"."+c.time+"."), body)
		found := 0
		for i, one := range strings.Fields(c.signature) {
			given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(one, "v1,"))
			if err == nil && strings.HasPrefix(one, "v1,") && i < 8 {
				found |= subtle.ConstantTimeCompare(given, proof)
			}
		}
		return proof, found == 1 && recent(c.time, now)
	}
	return nil, false
}

// digest is the HMAC-SHA256 of parts in a row.
func digest(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

func sameHex(text string, want []byte) bool {
	given, err := hex.DecodeString(text)
	return err == nil && hmac.Equal(given, want)
}

// same compares digests, so that not even the length shows.
func same(a, b []byte) bool {
	x, y := sha256.Sum256(a), sha256.Sum256(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func recent(seconds string, now time.Time) bool {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return false
	}
	return now.Sub(time.Unix(n, 0)).Abs() <= skew
}

// eventOf tells whether a request announces a push; others are pings and what
// somebody switched on by mistake.
func eventOf(k Kind, h http.Header) bool {
	switch k {
	case GitHub:
		return h.Get("X-GitHub-Event") == "push"
	case Gitea:
		return h.Get("X-Gitea-Event") == "push"
	case GitLab:
		e := h.Get("X-Gitlab-Event")
		return e == "Push Hook" || e == "Tag Push Hook" || e == "System Hook"
	}
	return true
}

// readSecret reads a file that holds one line. Nobody but its owner may read it.
func readSecret(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("path %q is not absolute", path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%s has mode %04o, others may read it: chmod 600 it", path, info.Mode().Perm())
	case ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return "", fmt.Errorf("%s belongs to another user", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(data), "\r\n")
	switch {
	case len(data) > maxSecret || strings.ContainsAny(secret, "\r\n"):
		return "", fmt.Errorf("%s holds more than one line", path)
	case len(secret) < minSecret:
		return "", errors.New(path + " holds fewer than " + strconv.Itoa(minSecret) + " characters")
	}
	return secret, nil
}
