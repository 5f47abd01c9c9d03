// Package encode holds the programs that show bytes otherwise: digests, base64, od, xxd.
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
		"base64": base64Command, "od": od, "hexdump": od, "xxd": xxd,
		"md5sum": digest(md5.New), "sha1sum": digest(sha1.New), "sha224sum": digest(sha256.New224), "sha256sum": digest(sha256.New), "sha384sum": digest(sha512.New384), "sha512sum": digest(sha512.New),
	}
}
