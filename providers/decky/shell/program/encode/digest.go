package encode

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// digest makes md5sum and its kin.
func digest(make func() hash.Hash) program.Func {
	return func(c *program.Call) int {
		f, names, ok := c.Parse("bctwz", "binary=b check=c text=t quiet=q status=s")
		if !ok {
			return 1
		}
		if f.Has("c") {
			return checkDigests(c, names, make)
		}
		all, opened, status := c.Inputs(names, "%s: ")
		for i, data := range all {
			h := make()
			h.Write(data)
			c.Print(hex.EncodeToString(h.Sum(nil)) + "  " + opened[i] + "\n")
		}
		return status
	}
}

func checkDigests(c *program.Call, names []string, make func() hash.Hash) int {
	all, _, status := c.Inputs(names, "%s: ")
	for _, data := range all {
		for _, line := range program.Lines(data) {
			sum, name, ok := strings.Cut(line, "  ")
			if !ok || c.Busy() {
				continue
			}
			content, err := c.Read(name)
			h := make()
			h.Write(content)
			if err == nil && hex.EncodeToString(h.Sum(nil)) == sum {
				c.Print(name + ": OK\n")
			} else {
				c.Print(name + ": FAILED\n")
				status = 1
			}
		}
	}
	return status
}

func base64Command(c *program.Call) int {
	f, names, ok := c.Parse("diw:", "decode=d ignore-garbage=i wrap=:w")
	if !ok {
		return 1
	}
	all, _, status := c.Inputs(names[:min(1, len(names))], "%s: ")
	if len(all) == 0 {
		return max(status, 1)
	}
	if f.Has("d") {
		text := bytes.Map(func(r rune) rune {
			if r == '\n' || r == '\r' || f.Has("i") && !strings.ContainsRune("+/=", r) && !pattern.InClass("alnum", byte(min(r, 255))) {
				return -1
			}
			return r
		}, all[0])
		good := text
		if i := bytes.IndexFunc(text, func(r rune) bool {
			return !strings.ContainsRune("+/=", r) && !pattern.InClass("alnum", byte(min(r, 255)))
		}); i >= 0 {
			good = text[:i]
		}
		for len(good) > 0 {
			out, err := base64.StdEncoding.DecodeString(string(good[:len(good)/4*4]))
			if err == nil {
				c.Write(c.Out, string(out))
				break
			}
			good = good[:(len(good)-1)/4*4]
		}
		if len(good) != len(text) || len(text)%4 != 0 {
			return c.Complain("invalid input")
		}
		return status
	}
	width := 76
	if f.Has("w") {
		n, err := strconv.Atoi(f.Value["w"])
		if err != nil || n < 0 {
			return c.Complain("invalid wrap size: ‘%s’", f.Value["w"])
		}
		width = n
	}
	text := base64.StdEncoding.EncodeToString(all[0])
	if width == 0 {
		c.Print(text)
		return status
	}
	for text != "" {
		n := min(width, len(text))
		c.Print(text[:n] + "\n")
		text = text[n:]
	}
	return status
}
