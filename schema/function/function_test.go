package function_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/decnet/decnet/schema/function"
)

var root = fstest.MapFS{
	"a.txt": {Data: []byte("hello")}, "dir/b.txt": {Data: []byte("b")}, "dir/c.csv": {Data: []byte("x,y\n1,2\n")}, "bin": {Data: []byte("\xff\x00")},
	"t.tpl": {Data: []byte("${upper(name)} ${file(\"a.txt\")}")}, "loop.tpl": {Data: []byte(`${templatefile("loop.tpl", {})}`)},
	"bad.tpl": {Data: []byte("${")}, "big": {Data: bytes.Repeat([]byte("x"), function.MaxFile+1)},
}

// value evaluates source and returns its JSON, or the error.
func value(t *testing.T, source string) (string, error) {
	t.Helper()
	x, diags := hclsyntax.ParseExpression([]byte(source), "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	v, diags := x.Value(&hcl.EvalContext{Functions: function.All(root)})
	if diags.HasErrors() {
		return "", diags
	}
	v, _ = v.UnmarkDeep()
	out, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return string(out), nil
}

func TestFunctions(t *testing.T) {
	for source, want := range map[string]string{
		`abs(-3)`: `3`, `ceil(1.2)`: `2`, `floor(1.8)`: `1`, `max(1, 3, 2)`: `3`, `min(4, 2)`: `2`, `pow(2, 10)`: `1024`, `signum(-9)`: `-1`,
		`log(8, 2)`: `3`, `parseint("ff", 16)`: `255`, `sum([1, 2.5])`: `3.5`, `sum([])`: `0`,
		`upper("a")`: `"A"`, `lower("A")`: `"a"`, `title("a b")`: `"A B"`, `strrev("abc")`: `"cba"`, `substr("abcdef", 1, 2)`: `"bc"`,
		`trimspace(" a ")`: `"a"`, `trim("xax", "x")`: `"a"`, `trimprefix("xa", "x")`: `"a"`, `trimsuffix("ax", "x")`: `"a"`, `chomp("a\n")`: `"a"`,
		`join("-", ["a", "b"])`: `"a-b"`, `split(",", "a,b")`: `["a","b"]`, `format("%03d-%s", 7, "x")`: `"007-x"`, `indent(2, "a\nb")`: `"a\n  b"`,
		`formatlist("h%d", [1, 2])`: `["h1","h2"]`, `replace("a.b.c", ".", "-")`: `"a-b-c"`, `replace("a1b22", "/[0-9]+/", "#")`: `"a#b#"`,
		`regex("b(.)", "abc")`: `["c"]`, `regexall("[0-9]", "a1b2")`: `["1","2"]`, `startswith("abc", "a")`: `true`, `endswith("abc", "c")`: `true`,
		`strcontains("abc", "d")`: `false`, `length("héé")`: `3`, `length([1, 2])`: `2`, `length({ a = 1 })`: `1`, `length(toset(["a"]))`: `1`,
		`contains(["a"], "a")`: `true`, `concat([1], [2])`: `[1,2]`, `distinct(["a", "a"])`: `["a"]`, `element(["a", "b"], 3)`: `"b"`,
		`flatten([[1], [2, [3]]])`: `[1,2,3]`, `keys({ b = 1, a = 2 })`: `["a","b"]`, `values({ b = 1, a = 2 })`: `[2,1]`, `lookup({ a = 1 }, "b", 9)`: `9`,
		`merge({ a = 1 }, { b = 2 })`: `{"a":1,"b":2}`, `range(3)`: `[0,1,2]`, `range(-2)`: `[0,-1]`, `range(1, 3)`: `[1,2]`, `range(3, 1)`: `[3,2]`, `range(0, 1, 0.5)`: `[0,0.5]`,
		`range(2, 2, -1)`: `[]`, `range(0)`: `[]`, `length(range(5000))`: `5000`, `reverse([1, 2])`: `[2,1]`, `slice([1, 2, 3], 1, 2)`: `[2]`, `sort(["b", "a"])`: `["a","b"]`,
		`setunion(["a"], ["b"])`: `["a","b"]`, `setintersection(["a", "b"], ["b"])`: `["b"]`, `setsubtract(["a", "b"], ["b"])`: `["a"]`,
		`setproduct(["a"], ["b", "c"])`: `[["a","b"],["a","c"]]`, `zipmap(["a"], [1])`: `{"a":1}`, `chunklist([1, 2, 3], 2)`: `[[1,2],[3]]`, `coalesce("", "b")`: `""`,
		`coalesce(null, "b")`: `"b"`, `coalescelist([], ["a"])`: `["a"]`, `compact(["a", ""])`: `["a"]`, `index(["a", "b"], "b")`: `1`, `one(["a"])`: `"a"`, `one([])`: `null`,
		`one(toset(["a"]))`: `"a"`, `alltrue([true, false])`: `false`, `alltrue([])`: `true`, `anytrue([false, true])`: `true`, `anytrue([])`: `false`,
		`transpose({ a = ["x", "y"], b = ["x"] })`: `{"x":["a","b"],"y":["a"]}`, `transpose({})`: `{}`, `matchkeys(["i", "j"], ["a", "b"], ["b"])`: `["j"]`,
		`matchkeys(["i"], ["a"], ["z"])`: `[]`, `tostring(5)`: `"5"`, `tonumber("5")`: `5`, `tobool("true")`: `true`, `tolist(toset(["a"]))`: `["a"]`, `tomap({ a = 1 })`: `{"a":1}`,
		`cidrhost("10.12.112.0/20", 16)`: `"10.12.112.16"`, `cidrhost("10.0.0.0/8", -1)`: `"10.255.255.255"`, `cidrnetmask("172.16.0.0/12")`: `"255.240.0.0"`,
		`cidrsubnet("172.16.0.0/12", 4, 2)`: `"172.18.0.0/16"`, `cidrsubnets("10.1.0.0/16", 4, 4, 8)`: `["10.1.0.0/20","10.1.16.0/20","10.1.32.0/24"]`,
		`cidrsubnets("10.1.0.0/16")`: `[]`, `jsonencode({ a = [1] })`: `"{\"a\":[1]}"`, `jsondecode("[1]")`: `[1]`, `yamldecode("a: 1")`: `{"a":1}`, `yamlencode({ a = 1 })`: `"\"a\": 1\n"`,
		`csvdecode("a,b\n1,2")`: `[{"a":"1","b":"2"}]`, `base64encode("hi")`: `"aGk="`, `base64decode("aGk=")`: `"hi"`, `urlencode("a b&")`: `"a+b%26"`,
		`md5("")`: `"d41d8cd98f00b204e9800998ecf8427e"`, `sha1("")`: `"da39a3ee5e6b4b0d3255bfef95601890afd80709"`,
		`sha256("")`: `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`, `substr(sha512(""), 0, 8)`: `"cf83e135"`,
		`base64sha256("")`: `"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="`, `length(base64sha512(""))`: `88`,
		`formatdate("YYYY", "2024-01-02T03:04:05Z")`: `"2024"`, `timeadd("2024-01-02T03:04:05Z", "1h")`: `"2024-01-02T04:04:05Z"`,
		`try(jsondecode("{"), "else")`: `"else"`, `can(jsondecode("{"))`: `false`, `basename("a/b")`: `"b"`, `dirname("a/b")`: `"a"`,
		`issensitive(sensitive("a"))`: `true`, `issensitive(nonsensitive(sensitive("a")))`: `false`, `upper(sensitive("a"))`: `"A"`,
		`file("a.txt")`: `"hello"`, `file("./dir/../a.txt")`: `"hello"`, `filebase64("bin")`: `"/wA="`, `fileexists("a.txt")`: `true`, `fileexists("b.txt")`: `false`, `fileexists("dir")`: `false`,
		`fileset("dir", "*.txt")`: `["b.txt"]`, `fileset(".", "*.md")`: `[]`, `filesha256("a.txt") == sha256("hello")`: `true`, `filemd5("a.txt") == md5("hello")`: `true`,
		`filesha1("a.txt") == sha1("hello")`: `true`, `filesha512("a.txt") == sha512("hello")`: `true`, `filebase64sha256("a.txt") == base64sha256("hello")`: `true`,
		`templatefile("t.tpl", { name = "x" })`: `"X hello"`, `templatestring("$${upper(n)}-$${file(\"a.txt\")}", { n = "x" })`: `"X-hello"`,
		`filebase64sha512("a.txt") == base64sha512("hello")`: `true`,
		`base64gunzip(base64gzip("hello"))`:                  `"hello"`, `base64gunzip("H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==")`: `"hello"`,
		`textencodebase64("Hello World", "UTF-16LE")`: `"SABlAGwAbABvACAAVwBvAHIAbABkAA=="`, `textdecodebase64("SABlAGwAbABvACAAVwBvAHIAbABkAA==", "UTF-16LE")`: `"Hello World"`,
		`urldecode("a+b%2F%C3%A9")`: `"a b/é"`, `uuidv5("dns", "www.terraform.io")`: `"a5008fae-b28c-5ba5-96cd-82b4c53552d6"`,
		`uuidv5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.terraform.io")`: `"a5008fae-b28c-5ba5-96cd-82b4c53552d6"`,
		`cidrcontains("192.168.2.0/20", "192.168.2.1")`:                      `true`, `cidrcontains("192.168.2.0/20", "192.168.2.0/22")`: `true`,
		`cidrcontains("192.168.2.0/20", "192.126.2.1")`: `false`, `cidrcontains("192.168.2.0/20", "192.126.2.0/18")`: `false`, `cidrcontains("10.0.0.0/16", "10.0.0.0/8")`: `false`,
		`cidrcontains("fe80::/48", "fe80::1")`:                    `true`,
		`timecmp("2017-11-22T00:00:00Z", "2017-11-22T00:00:00Z")`: `0`, `timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00Z")`: `-1`,
		`timecmp("2017-11-22T00:00:00-01:00", "2017-11-22T00:00:00Z")`: `1`,
		`assertnotnull("a")`: `"a"`, `hasindex(["a"], 0)`: `true`, `hasindex(["a"], 1)`: `false`, `int(1.9)`: `1`, `strlen("héé")`: `3`,
		`regexreplace("a1b22", "[0-9]+", "#")`: `"a#b#"`, `sethaselement(["a"], "a")`: `true`, `setsymmetricdifference(["a", "b"], ["b", "c"])`: `["a","c"]`,
	} {
		got, err := value(t, source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var a, b any
		if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(want), &b) != nil || got != want {
			t.Errorf("%s = %s, want %s", source, got, want)
		}
	}
}

func TestFunctionsSayWhatIsWrong(t *testing.T) {
	for source, want := range map[string]string{
		`file("../a.txt")`: "not inside", `file("/a.txt")`: "not inside", `file("dir/../../x")`: "not inside", `file("none")`: "does not exist",
		`file("bin")`: "UTF-8", `file("big")`: "larger", `templatefile("loop.tpl", {})`: "unknown function", `templatefile("t.tpl", "x")`: "map or an object",
		`templatefile("bad.tpl", {})`: "bad.tpl", `templatefile("none.tpl", {})`: "does not exist", `templatefile("t.tpl", {})`: "name", `fileset("..", "*")`: "not inside",
		`fileset(".", "[")`: "pattern", `fileexists("/x")`: "not inside", `cidrhost("x", 1)`: "no CIDR", `cidrhost("10.0.0.0/30", 9)`: "", `cidrhost("10.0.0.0/30", 1.5)`: "",
		`cidrnetmask("2001:db8::/64")`: "only IPv4", `cidrnetmask("x")`: "no CIDR", `cidrsubnet("x", 1, 1)`: "no CIDR", `cidrsubnet("10.0.0.0/8", 1, 9)`: "",
		`cidrsubnet("10.0.0.0/8", 1.5, 1)`: "", `cidrsubnet("10.0.0.0/8", 1, 1.5)`: "", `cidrsubnets("10.0.0.0/30", 1, 1, 1)`: "no room", `cidrsubnets("10.0.0.0/30", 9)`: "does not fit",
		`cidrsubnets("x", 9)`: "no CIDR", `cidrsubnets("10.0.0.0/30", 1.5)`: "", `base64decode("!")`: "not base64", `base64decode("/w==")`: "UTF-8", `replace("a", "/(/", "b")`: "pattern",
		`length(5)`: "length", `index(["a"], "b")`: "not in the list", `index("a", "b")`: "only a list", `one(["a", "b"])`: "one element", `one("a")`: "one element", `one(toset(["a", "b"]))`: "one element",
		`sum("a")`: "numbers", `sum(["a"])`: "numbers", `matchkeys(["a"], [], [])`: "as many keys", `transpose({ a = [null] })`: "null", `timestamp()`: "no function",
		`base64gunzip("!")`: "not base64", `base64gunzip("aGk=")`: "not gzip", `base64gunzip("H4sIAAAAAAACA/vPAADnF9y6AQAAAA==")`: "", `textencodebase64("a", "klingon")`: "klingon",
		`textencodebase64("☃", "ISO-8859-1")`: "no place", `textdecodebase64("!", "UTF-8")`: "not base64", `textdecodebase64("/w==", "UTF-8")`: "no text", `urldecode("%zz")`: "not URL-encoded",
		`uuidv5("x", "y")`: "a namespace is", `cidrcontains("x", "10.0.0.1")`: "no CIDR", `cidrcontains("10.0.0.0/8", "x")`: "no IP", `cidrcontains("10.0.0.0/8", "fe80::1")`: "IPv6",
		`timecmp("x", "2017-11-22T00:00:00Z")`: "no time", `assertnotnull(null)`: "", `templatestring("$${", {})`: "template", `templatestring("$${templatestring(\"a\", {})}", {})`: "unknown function",
		`templatestring("a", "x")`: "map or an object", `templatefile("loop.tpl", { x = templatestring("a", {}) })`: "unknown function",
		`range()`: "range takes", `range(0, 5, 0)`: "never arrives", `range(0, 5, -1)`: "leads away", `range(5, 0, 1)`: "leads away", `range(2000000)`: "more than", `uuid()`: "no function",
	} {
		got, err := value(t, source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s = %s, %v; want %q", source, got, err, want)
		}
	}
}

func TestWithoutADirectoryThereAreNoFiles(t *testing.T) {
	if _, err := function.All(nil)["file"].Call([]cty.Value{cty.StringVal("a.txt")}); err == nil {
		t.Error("a file was read")
	}
	if _, has := function.Pure()["file"]; has {
		t.Error("file is pure")
	}
}
