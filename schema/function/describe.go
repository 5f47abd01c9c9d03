package function

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Info describes a function.
type Info struct {
	Name      string `json:"name"`
	Signature string `json:"signature"` // "cidrhost(prefix, hostnum)"
	Doc       string `json:"doc"`
}

// Describe lists every function, sorted by name.
func Describe() []Info {
	all := All(nil)
	out := make([]Info, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		doc := documentation[name]
		if doc == "" {
			doc = sentence(f.Description())
		}
		out = append(out, Info{Name: name, Signature: name + "(" + parameters(name, f) + ")", Doc: doc})
	}
	return out
}

func parameters(name string, f function.Function) string {
	if written, ok := signatures[name]; ok {
		return written
	}
	var names []string
	for i, p := range f.Params() {
		names = append(names, parameter(p, "value"+strings.Repeat("s", i)))
	}
	if p := f.VarParam(); p != nil {
		names = append(names, parameter(*p, "more")+"...")
	}
	return strings.Join(names, ", ")
}

func parameter(p function.Parameter, fallback string) string {
	name := p.Name
	if name == "" {
		name = fallback
	}
	if p.Type == cty.DynamicPseudoType {
		return name
	}
	return name + " " + p.Type.FriendlyNameForConstraint()
}

// sentence ends with a full stop.
func sentence(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// signatures are those whose parameters say too little.
var signatures = map[string]string{
	"can": "expression", "try": "expression, fallback...", "range": "start, limit, step", "templatefile": "path, variables", "templatestring": "template, variables",
	"cidrsubnets": "prefix, newbits...", "one": "list", "length": "value",
}

// documentation is of the functions that are our own, or that say nothing of
// themselves.
var documentation = map[string]string{
	"alltrue":          "Whether every element of a list is true; true for an empty one.",
	"anytrue":          "Whether an element of a list is true; false for an empty one.",
	"base64decode":     "Decodes a text from base64. The result must be UTF-8.",
	"base64encode":     "Encodes a text in base64.",
	"base64sha256":     "SHA-256 of a text, in base64.",
	"base64sha512":     "SHA-512 of a text, in base64.",
	"assertnotnull":    "The value itself; null is an error.",
	"base64gunzip":     "Decodes a text from base64 and unpacks it with gzip. The result must be UTF-8.",
	"base64gzip":       "Packs a text with gzip and encodes it in base64.",
	"cidrcontains":     "Whether a prefix holds an address, or the whole of another prefix.",
	"filebase64sha512": "SHA-512 of a file, in base64.",
	"templatestring":   "Renders a text as a template with these variables.",
	"textdecodebase64": "Decodes a text from base64 and a character encoding of IANA's registry, such as UTF-16LE.",
	"textencodebase64": "Encodes a text in a character encoding of IANA's registry, and that in base64.",
	"timecmp":          "-1, 0 or 1, as the first time is before, at or after the second.",
	"urldecode":        "Decodes a text from URL encoding.",
	"uuidv5":           "The name-based UUID of a name in a namespace: dns, url, oid, x500 or a UUID.",
	"basename":         "The last part of a path.",
	"can":              "Whether an expression has a value at all.",
	"cidrhost":         "The address with this number in a prefix; a negative number counts from the end.",
	"cidrnetmask":      "The netmask of a prefix.",
	"cidrsubnet":       "The subnet of a prefix that is newbits longer and has this number.",
	"cidrsubnets":      "Subnets of a prefix, one after the other, each as many bits longer as its argument says.",
	"dirname":          "A path without its last part.",
	"endswith":         "Whether a text ends with another.",
	"file":             "A file of the configuration's directory as a text; it must be UTF-8.",
	"filebase64":       "A file of the configuration's directory, in base64.",
	"filebase64sha256": "SHA-256 of a file of the configuration's directory, in base64.",
	"fileexists":       "Whether a file of the configuration's directory is there.",
	"filemd5":          "MD5 of a file of the configuration's directory, in hex.",
	"fileset":          "The files below a directory of the configuration that match a pattern such as **/*.html.",
	"filesha1":         "SHA-1 of a file of the configuration's directory, in hex.",
	"filesha256":       "SHA-256 of a file of the configuration's directory, in hex.",
	"filesha512":       "SHA-512 of a file of the configuration's directory, in hex.",
	"index":            "The place of a value in a list, from 0.",
	"issensitive":      "Whether a value is sensitive.",
	"length":           "How many elements a collection or characters a text has.",
	"matchkeys":        "The elements of a list whose counterparts in a second list are in a third.",
	"md5":              "MD5 of a text, in hex.",
	"nonsensitive":     "The value without its mark: it shows in plans from here on.",
	"one":              "The only element of a list, null of an empty one.",
	"range":            "The numbers from start (0 where it is left out) to limit, without it, in steps.",
	"replace":          "A text with every occurrence of a part replaced; a part in slashes is a regular expression.",
	"sensitive":        "The value with a mark that keeps it out of every output.",
	"sha1":             "SHA-1 of a text, in hex.",
	"sha256":           "SHA-256 of a text, in hex.",
	"sha512":           "SHA-512 of a text, in hex.",
	"startswith":       "Whether a text begins with another.",
	"strcontains":      "Whether a text holds another.",
	"sum":              "The sum of a list of numbers.",
	"templatefile":     "A file of the configuration's directory as a template, with these variables.",
	"transpose":        "A map of lists turned around: from the elements to the keys that had them.",
	"try":              "The value of the first expression that has one.",
	"urlencode":        "A text encoded for use in a URL's query.",
	"yamldecode":       "The value that a text in YAML says.",
	"yamlencode":       "A value in YAML.",
}
