package function

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
)

// MaxUnpacked is how many bytes base64gunzip makes of its argument.
const MaxUnpacked = MaxFile

var (
	base64Gzip       = textFunc([]string{"string"}, gzipText)
	base64Gunzip     = textFunc([]string{"string"}, gunzipText)
	textEncodeBase64 = textFunc([]string{"string", "encoding"}, encodeText)
	textDecodeBase64 = textFunc([]string{"string", "encoding"}, decodeText)
	urlDecode        = textFunc([]string{"string"}, decodeURL)
	uuidV5           = textFunc([]string{"namespace", "name"}, uuidOf)
)

func gzipText(a []string) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, a[0]); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64Text(b.Bytes()), nil
}

func gunzipText(a []string) (string, error) {
	packed, err := base64.StdEncoding.DecodeString(a[0])
	if err != nil {
		return "", errors.New("the text is not base64")
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", errors.New("the decoded bytes are not gzip")
	}
	out, err := io.ReadAll(io.LimitReader(r, MaxUnpacked+1))
	switch {
	case err != nil:
		return "", errors.New("the decoded bytes are not gzip")
	case len(out) > MaxUnpacked:
		return "", fmt.Errorf("it unpacks to more than %d bytes", MaxUnpacked)
	case !utf8.Valid(out):
		return "", errors.New("the unpacked bytes are no UTF-8, so they cannot be a string")
	}
	return string(out), nil
}

// named is a character encoding of IANA's registry.
func named(name string) (encoding.Encoding, error) {
	e, err := ianaindex.IANA.Encoding(name)
	if err != nil || e == nil {
		return nil, function.NewArgErrorf(1, "no encoding of IANA's registry that is known here is called %q; UTF-16LE and ISO-8859-1 are two", name)
	}
	return e, nil
}

func encodeText(a []string) (string, error) {
	e, err := named(a[1])
	if err != nil {
		return "", err
	}
	out, err := e.NewEncoder().String(a[0])
	if err != nil {
		return "", function.NewArgErrorf(0, "a character has no place in %s", a[1])
	}
	return base64Text([]byte(out)), nil
}

func decodeText(a []string) (string, error) {
	e, err := named(a[1])
	if err != nil {
		return "", err
	}
	raw, err := base64.StdEncoding.DecodeString(a[0])
	if err != nil {
		return "", function.NewArgErrorf(0, "the text is not base64")
	}
	out, err := e.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
		return "", function.NewArgErrorf(0, "the decoded bytes are no text in %s", a[1])
	}
	return string(out), nil
}

func decodeURL(a []string) (string, error) {
	out, err := url.QueryUnescape(a[0])
	if err != nil || !utf8.ValidString(out) {
		return "", errors.New("the text is not URL-encoded UTF-8")
	}
	return out, nil
}

// namespaces are those of RFC 9562, section 6.6, by the names that Terraform
// gives them.
var namespaces = map[string]string{
	"dns": "6ba7b8109dad11d180b400c04fd430c8", "url": "6ba7b8119dad11d180b400c04fd430c8",
	"oid": "6ba7b8129dad11d180b400c04fd430c8", "x500": "6ba7b8149dad11d180b400c04fd430c8",
}

// uuidOf is a name-based UUID, RFC 9562, section 5.5.
func uuidOf(a []string) (string, error) {
	id, known := namespaces[a[0]]
	if !known {
		id = strings.ReplaceAll(a[0], "-", "")
	}
	space, err := hex.DecodeString(id)
	if err != nil || len(space) != 16 {
		return "", function.NewArgErrorf(0, "a namespace is dns, url, oid, x500 or a UUID")
	}
	sum := sha1.Sum(append(space, a[1]...))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]), nil
}

// cidrContains tells whether a prefix holds an address or the whole of another
// prefix.
var cidrContains = function.New(&function.Spec{
	Params: []function.Parameter{prefixParam, {Name: "ip_or_prefix", Type: cty.String}},
	Type:   function.StaticReturnType(cty.Bool),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		outer, err := netip.ParsePrefix(args[0].AsString())
		if err != nil {
			return cty.UnknownVal(cty.Bool), function.NewArgErrorf(0, "%q is no CIDR such as 10.0.0.0/16", args[0].AsString())
		}
		s := args[1].AsString()
		inner, err := netip.ParsePrefix(s)
		if ip, notIP := netip.ParseAddr(s); notIP == nil {
			inner, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return cty.UnknownVal(cty.Bool), function.NewArgErrorf(1, "%q is no IP and no CIDR", s)
		}
		if outer.Addr().Is4() != inner.Addr().Is4() {
			return cty.UnknownVal(cty.Bool), errors.New("one is IPv4, the other IPv6")
		}
		return cty.BoolVal(outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())), nil
	},
})

// timeCmp is -1, 0 or 1 as the first time is before, at or after the second.
var timeCmp = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "a", Type: cty.String}, {Name: "b", Type: cty.String}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		var times [2]time.Time
		for i := range times {
			t, err := time.Parse(time.RFC3339, args[i].AsString())
			if err != nil {
				return cty.UnknownVal(cty.Number), function.NewArgErrorf(i, "%q is no time such as 2024-01-02T03:04:05Z", args[i].AsString())
			}
			times[i] = t
		}
		return cty.NumberIntVal(int64(times[0].Compare(times[1]))), nil
	},
})
