package function

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// textFunc is a function of strings to a string.
func textFunc(names []string, f func(args []string) (string, error)) function.Function {
	spec := &function.Spec{
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			out, err := f(texts(args))
			if err != nil {
				return cty.UnknownVal(cty.String), err
			}
			return cty.StringVal(out), nil
		},
	}
	for _, name := range names {
		spec.Params = append(spec.Params, function.Parameter{Name: name, Type: cty.String})
	}
	return function.New(spec)
}

// testFunc is a yes-or-no question about two strings.
func testFunc(second string, f func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "string", Type: cty.String}, {Name: second, Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

func texts(args []cty.Value) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a.AsString()
	}
	return out
}

var (
	startsWith  = testFunc("prefix", strings.HasPrefix)
	endsWith    = testFunc("suffix", strings.HasSuffix)
	strContains = testFunc("substr", strings.Contains)

	baseName     = textFunc([]string{"path"}, func(a []string) (string, error) { return path.Base(a[0]), nil })
	dirName      = textFunc([]string{"path"}, func(a []string) (string, error) { return path.Dir(a[0]), nil })
	urlEncode    = textFunc([]string{"string"}, func(a []string) (string, error) { return url.QueryEscape(a[0]), nil })
	base64Encode = textFunc([]string{"string"}, func(a []string) (string, error) { return base64Text([]byte(a[0])), nil })
	base64Decode = textFunc([]string{"string"}, decodeBase64)
	replace      = textFunc([]string{"string", "substring", "replacement"}, replaceText)
)

func decodeBase64(args []string) (string, error) {
	out, err := base64.StdEncoding.DecodeString(args[0])
	if err != nil {
		return "", errors.New("the text is not base64")
	}
	if !utf8.Valid(out) {
		return "", errors.New("the decoded bytes are no UTF-8, so they cannot be a string")
	}
	return string(out), nil
}

// replaceText replaces a plain text, or a regular expression between slashes.
func replaceText(args []string) (string, error) {
	s, old, with := args[0], args[1], args[2]
	if len(old) > 1 && old[0] == '/' && old[len(old)-1] == '/' {
		re, err := regexp.Compile(old[1 : len(old)-1])
		if err != nil {
			return "", fmt.Errorf("the pattern: %w", err)
		}
		return re.ReplaceAllString(s, with), nil
	}
	return strings.ReplaceAll(s, old, with), nil
}

func hexText(b []byte) string    { return hex.EncodeToString(b) }
func base64Text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// sumOf is the digest of data under a named algorithm.
func sumOf(algorithm string, data []byte) []byte {
	switch algorithm {
	case "md5":
		sum := md5.Sum(data)
		return sum[:]
	case "sha1":
		sum := sha1.Sum(data)
		return sum[:]
	case "sha512":
		sum := sha512.Sum512(data)
		return sum[:]
	default:
		sum := sha256.Sum256(data)
		return sum[:]
	}
}

func hash(algorithm string, encode func([]byte) string) function.Function {
	return textFunc([]string{"string"}, func(a []string) (string, error) { return encode(sumOf(algorithm, []byte(a[0]))), nil })
}
