// Package build is the table of SSH servers that a decoy can claim to be: one
// row for a version as a distribution ships it, with every list, text and limit
// that a client can see before it has a shell. It holds facts, each row with
// its source, and refuses behaviour: the transport and the service act on it.
package build

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Product is the implementation that a build is of.
type Product string

// The products of the table.
const (
	OpenSSH  Product = "OpenSSH"
	Dropbear Product = "Dropbear"
)

// Build is one SSH server as it was shipped. Rows are shared: do not change
// one.
type Build struct {
	// Name is the row's key, such as "debian-12".
	Name    string
	Product Product
	// Version is the product's, such as "9.2p1".
	Version string
	// Distro is the operating system whose package this is, and its release.
	Distro string
	// Identification is what the server says first, without its end, LineEnd
	// (RFC 4253 section 4.2).
	Identification string
	LineEnd        string
	// Eager tells that KEXINIT follows before the client has identified
	// itself, RandomPadding that packets in clear are padded with random bytes
	// and not with zeros.
	Eager, RandomPadding bool

	// The name-lists of KEXINIT in the server's order (RFC 4253 section 7.1);
	// both directions are alike. HostKeys has the signature algorithms, KEX the
	// marks of extensions too.
	KEX, HostKeys, Ciphers, MACs, Compression []string

	// MaxNames is how many names a client's list may have; 0 is any number.
	MaxNames int

	// Strict tells that the strict key exchange of OpenSSH 9.6 is there.
	Strict bool
	// Extensions are what EXT_INFO says to a client that asks (RFC 8308); nil
	// where the server sends none.
	Extensions []Extension
	// ExtInfoInAuth tells that EXT_INFO of the client is read (9.6 on).
	ExtInfoInAuth bool
	// Ping tells that ping@openssh.com is answered (9.5 on).
	Ping bool

	// KeyTypes are the host keys that the package makes, in the server's order:
	// names of public keys such as ssh-rsa.
	KeyTypes []string
	// RSABits is the size of the RSA host key.
	RSABits int
	// Moduli tells that there is a moduli file for the group exchange.
	Moduli bool

	Texts Texts
	Auth  Auth
	// SFTP are the extensions that the SFTP server announces, in order.
	SFTP []Extension

	// Source names where the row's facts come from, Unverified which of them
	// nobody has compared with the real thing.
	Source     string
	Unverified string
}

// Extension is a name and a value of EXT_INFO or of SFTP's VERSION packet.
type Extension struct{ Name, Value string }

// Texts are what the server says in clear before the first packet, without the
// line's end, and in MSG_DISCONNECT. An empty text is not said.
type Texts struct {
	// Invalid answers an identification that cannot be read, Mismatch one of
	// another major version, MaxStartups a connection that the limit drops.
	Invalid, Mismatch, MaxStartups string
	// TextEnd ends these.
	TextEnd string
	// MaxIdentification bounds the client's line in bytes. Where Cut is set a
	// longer line ends there, and a line ends for its reader at the first CR
	// or NUL; otherwise both are errors.
	MaxIdentification int
	Cut               bool
	// TooMany is the disconnect after too many failures (reason 2).
	TooMany string
}

// Auth are facts about logins.
type Auth struct {
	// MaxTries is MaxAuthTries, GraceTime LoginGraceTime. MaxStartups has the
	// number of connections from which some are dropped, the percentage that
	// is, and the number from which all are.
	MaxTries    int
	GraceTime   time.Duration
	MaxStartups [3]int
	// PerSourceMaxStartups counts connections of one source; 0 is no limit.
	PerSourceMaxStartups int
	// Methods are what USERAUTH_FAILURE lists, in order.
	Methods []string
	// RootPassword tells that root may log in with a password.
	RootPassword bool
	// FailureDelay is how long the check of a wrong password takes: least and
	// most. What a client sees is FailureTime.
	FailureDelay [2]time.Duration
	// PAM tells that PAM checks passwords, Scaled that the server stretches
	// the time of a failure (OpenSSH since 7.8).
	PAM, Scaled bool
}

// KexInit are the server's ten name-lists in the order of RFC 4253 section 7.1.
func (b *Build) KexInit() [10]string {
	join := func(l []string) string { return strings.Join(l, ",") }
	return [10]string{
		join(b.KEX), join(b.HostKeys), join(b.Ciphers), join(b.Ciphers), join(b.MACs), join(b.MACs), join(b.Compression), join(b.Compression), "", "",
	}
}

// HASSH is the MD5 of the lists that fingerprint the server.
func (b *Build) HASSH() string {
	l := b.KexInit()
	sum := md5.Sum([]byte(strings.Join([]string{l[0], l[3], l[5], l[7]}, ";")))
	return hex.EncodeToString(sum[:])
}

// Named is the row of that name, or nil.
func Named(name string) *Build {
	i := slices.IndexFunc(table, func(b *Build) bool { return b.Name == name })
	if i < 0 {
		return nil
	}
	return table[i]
}

// All are the rows, oldest first.
func All() []*Build { return slices.Clone(table) }

// For is the row for the software of an identification string, such as
// "OpenSSH_9.2p1 Debian-2+deb12u7", with that string as its identification: the
// row that has most of it in common, of the same version for OpenSSH and of
// any for Dropbear. It is nil where there is none.
func For(software string) *Build {
	var best *Build
	common := 0
	for _, b := range table {
		own := strings.TrimPrefix(b.Identification, "SSH-2.0-")
		n := shared(own, software)
		stem := len(strings.SplitN(own, " ", 2)[0])
		if b.Product == Dropbear {
			stem = len("dropbear_")
		}
		if bare := strings.SplitN(software, " ", 2)[0]; b.Product == OpenSSH && len(bare) != stem {
			continue
		}
		if n >= stem && n > common {
			best, common = b, n
		}
	}
	if best == nil {
		return nil
	}
	row := *best
	row.Identification = "SSH-2.0-" + software
	return &row
}

// shared is the length of the common beginning.
func shared(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
