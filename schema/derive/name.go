package derive

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// MaxName is the length limit of an engine-side name, that of a DNS label.
const MaxName = 63

// Slug is s in lower case, with every run of what is no letter or digit as one
// hyphen and none at the ends.
func Slug(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		default:
			if b.Len() > 0 && b.String()[b.Len()-1] != '-' {
				b.WriteByte('-')
			}
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// Names hands out engine-side names, each once.
type Names struct{ owner map[string]string }

// NewNames has nothing handed out, and room for n names.
func NewNames(n int) *Names { return &Names{owner: make(map[string]string, n)} }

// Derive makes and claims the name of address from parts, joined by hyphens:
// the plain one, or where that is taken or longer than MaxName one with a hash
// of the address. prior is the name it had before, which is kept while the first
// part, the configuration's name, is its beginning: what moves to another
// address stays what it is.
func (n *Names) Derive(address, prior string, parts ...string) string {
	plain, hashed := candidates(address, parts)
	mine := strings.HasPrefix(prior, parts[0]+"-") && len(prior) <= MaxName && Slug(prior) == prior
	if (prior == plain || prior == hashed || mine) && prior != "" && n.claim(prior, address) {
		return prior
	}
	if len(plain) <= MaxName && n.claim(plain, address) {
		return plain
	}
	for !n.claim(hashed, address) {
		_, hashed = candidates(hashed+address, parts)
	}
	return hashed
}

// Keep claims a name for the address that has it, unless another has it already.
func (n *Names) Keep(address, name string) { n.claim(name, address) }

func (n *Names) claim(name, address string) bool {
	if owner, taken := n.owner[name]; taken {
		return owner == address
	}
	n.owner[name] = address
	return true
}

// Owner is the address that has a name, or "".
func (n *Names) Owner(name string) string { return n.owner[name] }

func candidates(address string, parts []string) (plain, hashed string) {
	plain = strings.Join(parts, "-")
	sum := sha256.Sum256([]byte(address))
	suffix := "-" + hex.EncodeToString(sum[:4])
	return plain, strings.TrimRight(plain[:min(len(plain), MaxName-len(suffix))], "-") + suffix
}
