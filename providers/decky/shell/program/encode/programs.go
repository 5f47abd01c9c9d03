// Package encode holds the programs that show bytes otherwise: digests, checksums, base64, od,
// hexdump, xxd, strings.
package encode

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// Programs are the programs of this package by their names.
func Programs() map[string]program.Func {
	return map[string]program.Func{
		"base64": base, "base32": base, "basenc": base, "od": od, "hexdump": hexdump, "hd": hexdump, "xxd": xxd, "strings": stringsCommand, "cksum": cksum, "sum": sum,
		"md5sum": digest("MD5", md5.New), "sha1sum": digest("SHA1", sha1.New), "sha224sum": digest("SHA224", sha256.New224), "sha256sum": digest("SHA256", sha256.New),
		"sha384sum": digest("SHA384", sha512.New384), "sha512sum": digest("SHA512", sha512.New), "b2sum": digest("BLAKE2b", blake),
	}
}
