package nginx

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/pack"
)

// wantsGzip is nginx's reading of Accept-Encoding with gzip_http_version 1.1
// and gzip_proxied off.
func wantsGzip(r *web.Request) bool {
	if r.Version < web.Version11 || r.Has("via") {
		return false
	}
	accept := r.Field("accept-encoding")
	if accept == "" {
		return false
	}
	accept = strings.ToLower(accept)
	for from := 0; ; {
		i := strings.Index(accept[from:], "gzip")
		if i < 0 {
			return false
		}
		i += from
		if i == from || accept[i-1] == ',' || accept[i-1] == ' ' {
			return weight(accept[i+4:])
		}
		from = i + 4
	}
}

// weight tells whether what follows "gzip" in Accept-Encoding accepts it.
func weight(s string) bool {
	s = strings.TrimLeft(s, " ")
	if s == "" || s[0] == ',' {
		return true
	}
	if s[0] != ';' {
		return false
	}
	s = strings.TrimLeft(s[1:], " ")
	if s == "" {
		return true
	}
	if s[0] != 'q' || len(s) < 3 || s[1] != '=' {
		return false
	}
	return quality(s[2:])
}

// quality is whether a q value is one and more than nought.
func quality(s string) bool {
	if s[0] != '0' && s[0] != '1' {
		return false
	}
	whole, sum := s[0]-'0', 0
	s = s[1:]
	if s == "" || s[0] == ',' || s[0] == ' ' {
		return whole > 0
	}
	if s[0] != '.' {
		return false
	}
	digits := 0
	for i := 1; i < len(s) && s[i] != ',' && s[i] != ' '; i++ {
		if digits++; !web.Digit(s[i]) || digits > 3 {
			return false
		}
		sum += int(s[i] - '0')
	}
	return whole == 1 && sum == 0 || whole == 0 && sum > 0
}

// packed is body as the gzip filter sends it: zlib's level 1 with a window and
// memory that fit the length, where that is known.
func packed(body []byte) []byte {
	window, memory := 15, 8
	for window > 8 && len(body) < 1<<(window-1)-262 {
		window--
		memory--
	}
	return pack.Gzip(body, pack.Options{Level: 1, Window: max(window, 9), Memory: max(memory, 1)}, pack.Header{XFL: 4, OS: 3})
}
