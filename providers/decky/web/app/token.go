package app

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Token is n random bytes in hexadecimal: ids of sessions and tokens of forms.
func Token(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand never fails
	return hex.EncodeToString(b)
}

// Letters is n random characters out of alphabet.
func Letters(n int, alphabet string) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// Under tells whether path is root or below it, and what follows it.
func Under(path, root string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, root)
	return rest, ok && (rest == "" || rest[0] == '/')
}
