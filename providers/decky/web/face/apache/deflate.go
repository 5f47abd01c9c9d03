package apache

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/providers/decky/web/pack"
	"github.com/decnet/decnet/providers/decky/web/site"
)

// minPack is the length from which mod_deflate thinks that packing pays.
const minPack = 69

func (f *Face) packs(e *site.Entry) bool {
	return len(e.Body) >= minPack && kinds[e.Type()].packs
}

// wantsGzip is mod_deflate's reading of Accept-Encoding.
func wantsGzip(r *web.Request) bool {
	for one := range strings.SplitSeq(r.Field("accept-encoding"), ",") {
		name, parameters, _ := strings.Cut(strings.TrimSpace(one), ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		parameters = strings.ReplaceAll(parameters, " ", "")
		if q, ok := strings.CutPrefix(parameters, "q="); ok {
			return strings.Trim(q, "0.") != ""
		}
		return true
	}
	return false
}

// packed is body as mod_deflate sends it: zlib's level 6 with its own window
// and memory.
func packed(body []byte) []byte {
	return pack.Gzip(body, pack.Options{Level: 6, Window: 15, Memory: 9}, pack.Header{OS: 3})
}
