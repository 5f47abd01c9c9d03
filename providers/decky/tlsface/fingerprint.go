package tlsface

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// JA3 is the fingerprint of that name: MD5 over version, ciphers, extensions,
// groups and point formats in decimal, reserved values left out; raw is what is
// hashed.
func (h *Hello) JA3() (value, raw string) {
	points := make([]uint16, len(h.Points))
	for i, p := range h.Points {
		points[i] = uint16(p)
	}
	fields := []string{strconv.Itoa(int(h.Version))}
	for _, list := range [][]uint16{h.Ciphers, h.Extensions, h.Groups, points} {
		var all []string
		for _, v := range list {
			if !grease(v) {
				all = append(all, strconv.Itoa(int(v)))
			}
		}
		fields = append(fields, strings.Join(all, "-"))
	}
	raw = strings.Join(fields, ",")
	sum := md5.Sum([]byte(raw))
	return hex.EncodeToString(sum[:]), raw
}

// JA4 is the fingerprint of that name for a TLS client over TCP: version, name,
// counts and first ALPN in the clear, then the first twelve digits of SHA-256
// over the sorted ciphers and over the sorted extensions (without name and ALPN)
// with the signature algorithms as sent.
func (h *Hello) JA4() (value, raw string) {
	ciphers, extensions := Known(h.Ciphers), Known(h.Extensions)
	name := "i"
	if slices.Contains(h.Extensions, extServerName) {
		name = "d"
	}
	head := fmt.Sprintf("t%s%s%02d%02d%s", h.version(), name, min(len(ciphers), 99), min(len(extensions), 99), h.alpn())
	slices.Sort(ciphers)
	listed := slices.DeleteFunc(extensions, func(v uint16) bool { return v == extServerName || v == extALPN })
	slices.Sort(listed)
	b, c := hexes(ciphers), hexes(listed)
	if signatures := Known(h.Signatures); len(signatures) > 0 {
		c += "_" + hexes(signatures)
	}
	return head + "_" + short(b, len(ciphers) == 0) + "_" + short(c, len(listed) == 0), head + "_" + b + "_" + c
}

// Known is a list without the reserved values (RFC 8701).
func Known(list []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), grease)
}

func hexes(list []uint16) string {
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = fmt.Sprintf("%04x", v)
	}
	return strings.Join(all, ",")
}

func short(text string, empty bool) string {
	if empty {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// version is the highest that the client offers.
func (h *Hello) version() string {
	most := h.Version
	if versions := Known(h.Versions); len(versions) > 0 {
		most = slices.Max(versions)
	}
	switch most {
	case 0x0304:
		return "13"
	case 0x0303:
		return "12"
	case 0x0302:
		return "11"
	case 0x0301:
		return "10"
	case 0x0300:
		return "s3"
	case 0x0002:
		return "s2"
	}
	return "00"
}

// alpn is the first and last character of the first protocol, in hexadecimal
// where they are no letters or digits.
func (h *Hello) alpn() string {
	if len(h.ALPN) == 0 || h.ALPN[0] == "" {
		return "00"
	}
	first := h.ALPN[0]
	a, z := first[0], first[len(first)-1]
	if plain(a) && plain(z) {
		return string([]byte{a, z})
	}
	digits := hex.EncodeToString([]byte(first))
	return digits[:1] + digits[len(digits)-1:]
}

func plain(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}
