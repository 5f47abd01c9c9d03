// Package crypt computes the password hashes of crypt(5) that are made of MD5
// and SHA-2: methods 1, 5 and 6. It refuses every other method: yescrypt and
// scrypt need more memory than a decoy may take for a login, and DES is gone
// from the distributions.
package crypt

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"strconv"
	"strings"
)

// Bounds of what is computed: a hash may come from an intruder.
const (
	// Rounds is how many rounds SHA-crypt makes where the hash says nothing.
	Rounds    = 5000
	minRounds = 1000
	maxRounds = 200_000
	// MaxPassword is how many bytes of a password are taken.
	MaxPassword = 512
)

const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Verify tells whether hash was made of password. known is false where its
// method is none of this package's.
func Verify(hash, password string) (ok, known bool) {
	f := strings.Split(hash, "$")
	if len(f) < 4 || f[0] != "" || len(hash) > 256 {
		return false, false
	}
	rounds, salt := 0, f[2]
	if text, given := strings.CutPrefix(f[2], "rounds="); given && len(f) == 5 {
		n, err := strconv.Atoi(text)
		if err != nil || n > maxRounds {
			return false, false
		}
		rounds, salt = n, f[3]
	}
	var made string
	switch f[1] {
	case "1":
		made = MD5(password, salt)
	case "5":
		made = SHA256(password, salt, rounds)
	case "6":
		made = SHA512(password, salt, rounds)
	default:
		return false, false
	}
	return subtle.ConstantTimeCompare([]byte(made), []byte(hash)) == 1, true
}

// MD5 is the hash of method 1; eight bytes of the salt count.
func MD5(password, salt string) string { return md5crypt(password, salt, "$1$") }

// APR1 is Apache's own form of MD5.
func APR1(password, salt string) string { return md5crypt(password, salt, "$apr1$") }

// SHA256 is the hash of method 5; 16 bytes of the salt count, and rounds 0 is
// the default, which the hash does not name.
func SHA256(password, salt string, rounds int) string {
	return shacrypt(password, salt, rounds, "$5$", sha256.New, func(sum []byte, b *strings.Builder) {
		for i, x, y, z := 0, 0, 10, 20; i < 10; i, x, y, z = i+1, z+1, x+1, y+1 {
			encode(b, sum[x], sum[y], sum[z], 4)
		}
		encode(b, 0, sum[31], sum[30], 3)
	})
}

// SHA512 is SHA256 of method 6.
func SHA512(password, salt string, rounds int) string {
	return shacrypt(password, salt, rounds, "$6$", sha512.New, func(sum []byte, b *strings.Builder) {
		for i, x, y, z := 0, 0, 21, 42; i < 21; i, x, y, z = i+1, y+1, z+1, x+1 {
			encode(b, sum[x], sum[y], sum[z], 4)
		}
		encode(b, 0, 0, sum[63], 2)
	})
}

// encode writes n digits of 24 bits, the lowest first.
func encode(b *strings.Builder, x, y, z byte, n int) {
	w := uint32(x)<<16 | uint32(y)<<8 | uint32(z)
	for range n {
		b.WriteByte(alphabet[w&63])
		w >>= 6
	}
}

// shacrypt is the algorithm of "Unix crypt using SHA-256 and SHA-512" (Drepper,
// 2008).
func shacrypt(password, saltText string, rounds int, prefix string, make func() hash.Hash, digits func([]byte, *strings.Builder)) string {
	key, salt := []byte(password[:min(len(password), MaxPassword)]), []byte(saltText[:min(len(saltText), 16)])
	sum := func(parts ...[]byte) []byte {
		h := make()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	second := sum(key, salt, key)
	parts := [][]byte{key, salt, stretch(second, len(key))}
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			parts = append(parts, second)
		} else {
			parts = append(parts, key)
		}
	}
	a := sum(parts...)
	p := stretch(sum(repeat(key, len(key))...), len(key))
	s := stretch(sum(repeat(salt, 16+int(a[0]))...), len(salt))
	count := Rounds
	if rounds != 0 {
		count = min(max(rounds, minRounds), maxRounds)
	}
	for i := range count {
		a = sum(mixed(i, a, p, s)...)
	}
	var b strings.Builder
	b.WriteString(prefix)
	if rounds != 0 {
		b.WriteString("rounds=" + strconv.Itoa(count) + "$")
	}
	b.Write(salt)
	b.WriteByte('$')
	digits(a, &b)
	return b.String()
}

// mixed is what one round takes of the last sum, the password and the salt.
func mixed(i int, a, p, s []byte) [][]byte {
	parts := [][]byte{a}
	if i&1 == 1 {
		parts[0] = p
	}
	if i%3 != 0 {
		parts = append(parts, s)
	}
	if i%7 != 0 {
		parts = append(parts, p)
	}
	if i&1 == 1 {
		return append(parts, a)
	}
	return append(parts, p)
}

// stretch repeats b to n bytes.
func stretch(b []byte, n int) []byte {
	out := make([]byte, 0, n+len(b))
	for len(out) < n {
		out = append(out, b...)
	}
	return out[:n]
}

func repeat(b []byte, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = b
	}
	return out
}

// md5crypt is FreeBSD's algorithm of 1994 with its own prefix.
func md5crypt(password, saltText, prefix string) string {
	key, salt := []byte(password[:min(len(password), MaxPassword)]), []byte(saltText[:min(len(saltText), 8)])
	sum := func(parts ...[]byte) []byte {
		h := md5.New()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	parts := [][]byte{key, []byte(prefix), salt, stretch(sum(key, salt, key), len(key))}
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			parts = append(parts, []byte{0})
		} else {
			parts = append(parts, key[:1])
		}
	}
	a := sum(parts...)
	for i := range 1000 {
		a = sum(mixed(i, a, key, salt)...)
	}
	var b strings.Builder
	b.WriteString(prefix + string(salt) + "$")
	for _, i := range [][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		encode(&b, a[i[0]], a[i[1]], a[i[2]], 4)
	}
	encode(&b, 0, 0, a[11], 2)
	return b.String()
}
