package shell

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
)

// digest makes md5sum and its kin.
func digest(make func() hash.Hash) command {
	return func(c *call) int {
		f, names, ok := c.parse("bctwz", "binary=b check=c text=t quiet=q status=s")
		if !ok {
			return 1
		}
		if f.has("c") {
			return c.checkDigests(names, make)
		}
		all, opened, status := c.inputs(names, "%s: ")
		for i, data := range all {
			h := make()
			h.Write(data)
			c.print(hex.EncodeToString(h.Sum(nil)) + "  " + opened[i] + "\n")
		}
		return status
	}
}

func (c *call) checkDigests(names []string, make func() hash.Hash) int {
	all, _, status := c.inputs(names, "%s: ")
	for _, data := range all {
		for _, line := range lines(data) {
			sum, name, ok := strings.Cut(line, "  ")
			if !ok || c.busy() {
				continue
			}
			content, err := c.read(name)
			h := make()
			h.Write(content)
			if err == nil && hex.EncodeToString(h.Sum(nil)) == sum {
				c.print(name + ": OK\n")
			} else {
				c.print(name + ": FAILED\n")
				status = 1
			}
		}
	}
	return status
}

var digests = map[string]func() hash.Hash{"md5sum": md5.New, "sha1sum": sha1.New, "sha256sum": sha256.New, "sha512sum": sha512.New, "sha224sum": sha256.New224, "sha384sum": sha512.New384}

func base64Command(c *call) int {
	f, names, ok := c.parse("diw:", "decode=d ignore-garbage=i wrap=:w")
	if !ok {
		return 1
	}
	all, _, status := c.inputs(names[:min(1, len(names))], "%s: ")
	if len(all) == 0 {
		return max(status, 1)
	}
	if f.has("d") {
		text := bytes.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || f.has("i") && !strings.ContainsRune("+/=", r) && !inClass("alnum", byte(min(r, 255))) {
				return -1
			}
			return r
		}, all[0])
		good := text
		if i := bytes.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("+/=", r) && !inClass("alnum", byte(min(r, 255))) }); i >= 0 {
			good = text[:i]
		}
		for len(good) > 0 {
			out, err := base64.StdEncoding.DecodeString(string(good[:len(good)/4*4]))
			if err == nil {
				c.write(c.out, string(out))
				break
			}
			good = good[:(len(good)-1)/4*4]
		}
		if len(good) != len(text) || len(text)%4 != 0 {
			return c.complain("invalid input")
		}
		return status
	}
	width := 76
	if f.has("w") {
		n, err := strconv.Atoi(f.value["w"])
		if err != nil || n < 0 {
			return c.complain("invalid wrap size: ‘%s’", f.value["w"])
		}
		width = n
	}
	text := base64.StdEncoding.EncodeToString(all[0])
	if width == 0 {
		c.print(text)
		return status
	}
	for text != "" {
		n := min(width, len(text))
		c.print(text[:n] + "\n")
		text = text[n:]
	}
	return status
}
