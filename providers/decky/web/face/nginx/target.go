package nginx

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
)

// normalise turns a target into the path that nginx looks up and its query:
// percent-encoding decoded, slashes merged, "." and ".." resolved, the fragment
// dropped. It refuses what leads above the root, broken encoding and an encoded
// NUL.
func normalise(target string) (path, query string, ok bool) {
	if strings.HasPrefix(target, "?") {
		target = "/" + target
	}
	plain, query, _ := cut(target)
	var decoded []byte
	for i := 0; i < len(plain); i++ {
		c := plain[i]
		if c == '%' {
			if i+2 >= len(plain) {
				return "", "", false
			}
			high, low := web.Hex(plain[i+1]), web.Hex(plain[i+2])
			if high < 0 || low < 0 {
				return "", "", false
			}
			if c = byte(high<<4 | low); c == 0 {
				return "", "", false
			}
			i += 2
		}
		decoded = append(decoded, c)
	}
	path, ok = web.Resolve(string(decoded))
	return path, query, ok
}

// cut splits a target at its first "?" or "#" that is not encoded.
func cut(target string) (path, query string, fragment bool) {
	i := strings.IndexAny(target, "?#")
	if i < 0 {
		return target, "", false
	}
	if target[i] == '#' {
		return target[:i], "", true
	}
	query, _, fragment = strings.Cut(target[i+1:], "#")
	return target[:i], query, fragment
}
