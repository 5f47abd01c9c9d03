package text

import (
	"bytes"
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
	first := charset(sets[0])
	if f.Has("c") || f.Has("C") {
		first = complement(first)
	}
	var second []byte
	if len(sets) > 1 {
		second = charset(sets[1])
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

// charset expands a-z, [:class:] and escapes.
func charset(s string) []byte {
	s, _ = word.Escapes(strings.ReplaceAll(s, `\0`, `\x00`), true)
	var out []byte
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], "[:") {
			if name, _, ok := strings.Cut(s[i+2:], ":]"); ok {
				for b := range 256 {
					if pattern.InClass(name, byte(b)) {
						out = append(out, byte(b))
					}
				}
				i += len(name) + 3
				continue
			}
		}
		if i+2 < len(s) && s[i+1] == '-' && s[i+2] >= s[i] {
			for b := int(s[i]); b <= int(s[i+2]); b++ {
				out = append(out, byte(b))
			}
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
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
