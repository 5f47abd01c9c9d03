// Package function is the function library of the language, under the names
// that users of Terraform know. Every function is pure: the same configuration
// gives the same plan tomorrow, so there is no timestamp, no uuid and no
// random. Files are read inside the configuration's directory only.
package function

import (
	"io/fs"
	"maps"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// All is the library with files read from root, the configuration's directory;
// nil has no files. The map is the caller's.
func All(root fs.FS) map[string]function.Function {
	all := pure()
	maps.Copy(all, files(root))
	all["templatestring"] = templateString(maps.Clone(all)) // neither renders further templates, so they end
	all["templatefile"] = templateFile(root, without(all, "templatestring"))
	return all
}

func without(all map[string]function.Function, name string) map[string]function.Function {
	out := maps.Clone(all)
	delete(out, name)
	return out
}

// Within is the library of a module whose files are named with its path before
// them, as path.module gives it: "modules/office/users.csv" is users.csv in
// root. No other name leads to a file. A path of "." is All.
func Within(root fs.FS, at string) map[string]function.Function {
	if at == "." || root == nil {
		return All(root)
	}
	return All(within{FS: root, at: at})
}

// Pure is the library without the functions that read files.
func Pure() map[string]function.Function { return pure() }

func pure() map[string]function.Function {
	return map[string]function.Function{
		"abs":                    stdlib.AbsoluteFunc,
		"alltrue":                allTrue,
		"anytrue":                anyTrue,
		"assertnotnull":          stdlib.AssertNotNullFunc,
		"base64decode":           base64Decode,
		"base64encode":           base64Encode,
		"base64gunzip":           base64Gunzip,
		"base64gzip":             base64Gzip,
		"base64sha256":           hash("sha256", base64Text),
		"base64sha512":           hash("sha512", base64Text),
		"basename":               baseName,
		"can":                    tryfunc.CanFunc,
		"ceil":                   stdlib.CeilFunc,
		"chomp":                  stdlib.ChompFunc,
		"chunklist":              stdlib.ChunklistFunc,
		"cidrcontains":           cidrContains,
		"cidrhost":               cidrHost,
		"cidrnetmask":            cidrNetmask,
		"cidrsubnet":             cidrSubnet,
		"cidrsubnets":            cidrSubnets,
		"coalesce":               stdlib.CoalesceFunc,
		"coalescelist":           stdlib.CoalesceListFunc,
		"compact":                stdlib.CompactFunc,
		"concat":                 stdlib.ConcatFunc,
		"contains":               stdlib.ContainsFunc,
		"csvdecode":              stdlib.CSVDecodeFunc,
		"dirname":                dirName,
		"distinct":               stdlib.DistinctFunc,
		"element":                stdlib.ElementFunc,
		"endswith":               endsWith,
		"flatten":                stdlib.FlattenFunc,
		"floor":                  stdlib.FloorFunc,
		"format":                 stdlib.FormatFunc,
		"formatdate":             stdlib.FormatDateFunc,
		"formatlist":             stdlib.FormatListFunc,
		"hasindex":               stdlib.HasIndexFunc,
		"indent":                 stdlib.IndentFunc,
		"index":                  index,
		"int":                    stdlib.IntFunc,
		"issensitive":            isSensitive,
		"join":                   stdlib.JoinFunc,
		"jsondecode":             stdlib.JSONDecodeFunc,
		"jsonencode":             stdlib.JSONEncodeFunc,
		"keys":                   stdlib.KeysFunc,
		"length":                 length,
		"log":                    stdlib.LogFunc,
		"lookup":                 stdlib.LookupFunc,
		"lower":                  stdlib.LowerFunc,
		"matchkeys":              matchKeys,
		"max":                    stdlib.MaxFunc,
		"md5":                    hash("md5", hexText),
		"merge":                  stdlib.MergeFunc,
		"min":                    stdlib.MinFunc,
		"nonsensitive":           nonSensitive,
		"one":                    one,
		"parseint":               stdlib.ParseIntFunc,
		"pow":                    stdlib.PowFunc,
		"range":                  numberRange,
		"regex":                  stdlib.RegexFunc,
		"regexall":               stdlib.RegexAllFunc,
		"regexreplace":           stdlib.RegexReplaceFunc,
		"replace":                replace,
		"reverse":                stdlib.ReverseListFunc,
		"sensitive":              sensitive,
		"sethaselement":          stdlib.SetHasElementFunc,
		"setintersection":        stdlib.SetIntersectionFunc,
		"setproduct":             stdlib.SetProductFunc,
		"setsubtract":            stdlib.SetSubtractFunc,
		"setsymmetricdifference": stdlib.SetSymmetricDifferenceFunc,
		"setunion":               stdlib.SetUnionFunc,
		"sha1":                   hash("sha1", hexText),
		"sha256":                 hash("sha256", hexText),
		"sha512":                 hash("sha512", hexText),
		"signum":                 stdlib.SignumFunc,
		"slice":                  stdlib.SliceFunc,
		"sort":                   stdlib.SortFunc,
		"split":                  stdlib.SplitFunc,
		"startswith":             startsWith,
		"strcontains":            strContains,
		"strlen":                 stdlib.StrlenFunc,
		"strrev":                 stdlib.ReverseFunc,
		"substr":                 stdlib.SubstrFunc,
		"sum":                    sum,
		"textdecodebase64":       textDecodeBase64,
		"textencodebase64":       textEncodeBase64,
		"timeadd":                stdlib.TimeAddFunc,
		"timecmp":                timeCmp,
		"title":                  stdlib.TitleFunc,
		"tobool":                 stdlib.MakeToFunc(cty.Bool),
		"tolist":                 stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"tomap":                  stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"tonumber":               stdlib.MakeToFunc(cty.Number),
		"toset":                  stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
		"tostring":               stdlib.MakeToFunc(cty.String),
		"transpose":              transpose,
		"trim":                   stdlib.TrimFunc,
		"trimprefix":             stdlib.TrimPrefixFunc,
		"trimspace":              stdlib.TrimSpaceFunc,
		"trimsuffix":             stdlib.TrimSuffixFunc,
		"try":                    tryfunc.TryFunc,
		"upper":                  stdlib.UpperFunc,
		"urldecode":              urlDecode,
		"urlencode":              urlEncode,
		"uuidv5":                 uuidV5,
		"values":                 stdlib.ValuesFunc,
		"yamldecode":             ctyyaml.YAMLDecodeFunc,
		"yamlencode":             ctyyaml.YAMLEncodeFunc,
		"zipmap":                 stdlib.ZipmapFunc,
	}
}

// Sensitive is the mark of a value that no output shows.
const Sensitive = mark("sensitive")

type mark string
