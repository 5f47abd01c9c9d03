package encode

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// coding is one way to write bytes in letters.
type coding struct {
	alphabet string
	block    int // letters that decode together
	encode   func([]byte) string
	decode   func(string) ([]byte, error)
}

const (
	letters   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	letters64 = letters + "abcdefghijklmnopqrstuvwxyz0123456789"
)

var codings = map[string]coding{
	"base64":    {letters64 + "+/=", 4, base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString},
	"base64url": {letters64 + "-_=", 4, base64.URLEncoding.EncodeToString, base64.URLEncoding.DecodeString},
	"base32":    {letters + "234567=", 8, base32.StdEncoding.EncodeToString, base32.StdEncoding.DecodeString},
	"base32hex": {"0123456789" + letters[:22] + "=", 8, base32.HexEncoding.EncodeToString, base32.HexEncoding.DecodeString},
	"base16":    {"0123456789ABCDEFabcdef", 2, func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }, hex.DecodeString},
	"base2msbf": {"01", 8, bits, unbits},
}

func bits(data []byte) string {
	var b strings.Builder
	for _, v := range data {
		t := strconv.FormatUint(uint64(v), 2)
		b.WriteString(strings.Repeat("0", 8-len(t)) + t)
	}
	return b.String()
}

func unbits(text string) ([]byte, error) {
	var out []byte
	for i := 0; i+8 <= len(text); i += 8 {
		v, err := strconv.ParseUint(text[i:i+8], 2, 8)
		if err != nil {
			return out, err
		}
		out = append(out, byte(v))
	}
	return out, nil
}

// base is base32, base64 and basenc.
func base(c *program.Call) int {
	f, names, ok := c.Parse("diw:", "decode=d ignore-garbage=i wrap=:w base64=1 base64url=2 base32=3 base32hex=4 base16=5 base2msbf=6")
	if !ok {
		return 1
	}
	name := c.Name
	for i, n := range []string{"base64", "base64url", "base32", "base32hex", "base16", "base2msbf"} {
		if f.Has(strconv.Itoa(i + 1)) {
			name = n
		}
	}
	coder, ok := codings[name]
	if !ok {
		c.Usage("missing encoding type")
		return 1
	}
	width := 76
	if f.Has("w") {
		n, err := strconv.Atoi(f.Value["w"])
		if err != nil || n < 0 {
			return c.Complain("invalid wrap size: ‘%s’", f.Value["w"])
		}
		width = n
	}
	if len(names) > 1 {
		c.Usage("extra operand ‘" + names[1] + "’")
		return 1
	}
	source := "-"
	if len(names) > 0 {
		source = names[0]
	}
	data, err := c.Read(source)
	if err != nil {
		if c.Stop != nil {
			return 1
		}
		if vfs.Text(err) == "Is a directory" {
			return c.Complain("read error: %s", vfs.Text(err))
		}
		return c.Complain("%s: %s", source, vfs.Text(err))
	}
	if f.Has("d") {
		return decode(c, coder, string(data), f.Has("i"))
	}
	text := coder.encode(data)
	if width == 0 {
		c.Print(text)
		return 0
	}
	var b strings.Builder
	for text != "" {
		n := min(width, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	c.Print(b.String())
	return 0
}

// decode writes what decodes and complains about the rest.
func decode(c *program.Call, coder coding, text string, garbage bool) int {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || garbage && !strings.ContainsRune(coder.alphabet, r) {
			return -1
		}
		return r
	}, text)
	good := text
	if i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune(coder.alphabet, r) }); i >= 0 {
		good = text[:i]
	}
	used := 0
	var out []byte
	for used < len(good) {
		// Whole blocks at once; what stands behind padding starts anew.
		end := len(good) / coder.block * coder.block
		if i := strings.IndexByte(good[used:], '='); i >= 0 {
			end = min(end, used+(i+coder.block)/coder.block*coder.block)
		}
		if end <= used {
			break
		}
		part, err := coder.decode(good[used:end])
		out = append(out, part...)
		if err != nil {
			break
		}
		used = end
	}
	rest := good[used:]
	if used == len(good)/coder.block*coder.block && rest != "" && coder.block == 4 && !strings.Contains(rest, "=") {
		raw := strings.NewReplacer("-", "+", "_", "/").Replace(rest)
		part, _ := base64.RawStdEncoding.DecodeString(raw[:min(len(raw), 3)])
		out = append(out, part...)
	}
	c.Write(c.Out, string(out))
	if used != len(text) {
		return c.Complain("invalid input")
	}
	return 0
}
