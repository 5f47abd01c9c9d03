package text

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/pattern"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/word"
)

func tr(c *program.Call) int {
	f, sets, ok := c.Parse("+cCdst", "complement=c delete=d squeeze-repeats=s truncate-set1=t")
	if !ok {
		return 1
	}
	switch {
	case len(sets) == 0:
		return c.Missing()
	case len(sets) > 2:
		c.Usage("extra operand ‘" + sets[2] + "’")
		return 1
	case len(sets) == 2 && f.Has("d") && !f.Has("s"):
		c.Err.Print("tr: extra operand ‘" + sets[1] + "’\nOnly one string may be given when deleting without squeezing repeats.\nTry 'tr --help' for more information.\n")
		return 1
	case len(sets) == 1 && !f.Has("d") && !f.Has("s"):
		c.Err.Print("tr: missing operand after ‘" + sets[0] + "’\nTwo strings must be given when translating.\nTry 'tr --help' for more information.\n")
		return 1
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		c.Stop = err
		return 1
	}
	first, _, problem := charset(sets[0], -1)
	if f.Has("c") || f.Has("C") {
		first = complement(first)
	}
	var second []byte
	if len(sets) > 1 && problem == "" {
		var open bool
		second, open, problem = charset(sets[1], len(first))
		switch {
		case problem != "" || f.Has("d") || open && c.Applet:
		case len(second) == 0 && !f.Has("t") && len(first) > 0:
			problem = "when not truncating set1, string2 must be non-empty"
		case f.Has("t") && len(second) < len(first):
			first = first[:len(second)]
		}
	}
	if problem != "" && !c.Applet {
		return c.Complain("%s", problem)
	}
	var table [256]int
	for i := range table {
		table[i] = i
	}
	for i, b := range first {
		switch {
		case f.Has("d"):
			table[b] = -1
		case len(second) > 0:
			table[b] = int(second[min(i, len(second)-1)])
		}
	}
	squeezed := second
	if len(second) == 0 {
		squeezed = first
	}
	out := make([]byte, 0, len(data))
	for _, b := range data {
		to := table[b]
		if to < 0 {
			continue
		}
		if f.Has("s") && len(out) > 0 && out[len(out)-1] == byte(to) && bytes.IndexByte(squeezed, byte(to)) >= 0 {
			continue
		}
		out = append(out, byte(to))
	}
	c.Write(c.Out, string(out))
	return 0
}

// charset expands a-z, [:class:], [=c=], [c*n] and escapes; size is how long
// the set is that it belongs to, -1 for the first one, where nothing repeats.
// open tells that a [c*] has filled it.
func charset(s string, size int) (out []byte, open bool, problem string) {
	s, _ = word.Escapes(strings.ReplaceAll(s, `\0`, `\x00`), true)
	for i := 0; i < len(s); i++ {
		rest := s[i:]
		if strings.HasPrefix(rest, "[:") {
			if name, _, ok := strings.Cut(rest[2:], ":]"); ok {
				found := len(out)
				for b := range 256 {
					if pattern.InClass(name, byte(b)) {
						out = append(out, byte(b))
					}
				}
				if len(out) == found {
					return nil, false, "invalid character class ‘" + name + "’"
				}
				i += len(name) + 3
				continue
			}
		}
		if len(rest) > 4 && rest[:2] == "[=" && rest[3:5] == "=]" {
			out = append(out, rest[2])
			i += 4
			continue
		}
		if c, n, length := repeated(rest); length > 0 && size >= 0 {
			if n == 0 {
				tail, _, _ := charset(rest[length:], -1)
				n, open = max(size-len(out)-len(tail), 0), true
			}
			for range min(n, 256*256) {
				out = append(out, c)
			}
			i += length - 1
			continue
		}
		if i+2 < len(s) && s[i+1] == '-' {
			if s[i+2] < s[i] {
				return nil, false, "range-endpoints of '" + s[i:i+3] + "' are in reverse collating sequence order"
			}
			for b := int(s[i]); b <= int(s[i+2]); b++ {
				out = append(out, byte(b))
			}
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out, open, ""
}

// repeated reads [c*n]; n is 0 where as many are wanted as fit.
func repeated(s string) (c byte, n, length int) {
	if len(s) < 4 || s[0] != '[' || s[2] != '*' {
		return 0, 0, 0
	}
	digits, _, ok := strings.Cut(s[3:], "]")
	if !ok || strings.Trim(digits, "0123456789") != "" {
		return 0, 0, 0
	}
	base := 10
	if strings.HasPrefix(digits, "0") {
		base = 8
	}
	count, _ := strconv.ParseInt("0"+digits, base, 32)
	return s[1], int(count), len(digits) + 4
}

func complement(set []byte) []byte {
	var out []byte
	for b := range 256 {
		if bytes.IndexByte(set, byte(b)) < 0 {
			out = append(out, byte(b))
		}
	}
	return out
}
