package apache

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
)

// decode turns a target's path into the one that is looked up: status is 0, or
// what Apache answers instead.
func decode(path string) (string, int) {
	// A path that leads above the root is refused before and after decoding.
	if _, ok := web.Resolve(unreserved(path)); !ok {
		return "", 400
	}
	var out []byte
	hidden := false
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			if i+2 >= len(path) || web.Hex(path[i+1]) < 0 || web.Hex(path[i+2]) < 0 {
				return "", 400
			}
			c = byte(web.Hex(path[i+1])<<4 | web.Hex(path[i+2]))
			i += 2
			// AllowEncodedSlashes is off.
			hidden = hidden || c == '/' || c == 0
		}
		out = append(out, c)
	}
	if hidden {
		return "", 404
	}
	clean, ok := web.Resolve(string(out))
	if !ok {
		return "", 400
	}
	return clean, 0
}

// unreserved decodes dots alone, as the first pass does.
func unreserved(path string) string {
	return strings.NewReplacer("%2e", ".", "%2E", ".").Replace(path)
}

// escape writes a decoded path into a URI (ap_os_escape_path).
func escape(path string) string {
	const safe = "$-_.+!*'(),:@&=/~"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if web.Letter(c) || web.Digit(c) || strings.IndexByte(safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			const digits = "0123456789abcdef"
			b.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
		}
	}
	return b.String()
}
