package function_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/function"
)

// terraforms are the functions that Terraform 1.14 documents, with those that
// OpenTofu adds.
var terraforms = strings.Fields(`abs ceil floor log max min parseint pow signum
chomp endswith format formatlist indent join lower regex regexall replace split startswith strcontains strrev substr templatestring title trim
trimprefix trimsuffix trimspace upper
alltrue anytrue chunklist coalesce coalescelist compact concat contains distinct element flatten index keys length list lookup map matchkeys merge one
range reverse setintersection setproduct setsubtract setunion slice sort sum transpose values zipmap
base64decode base64encode base64gzip csvdecode jsondecode jsonencode textdecodebase64 textencodebase64 urlencode yamldecode yamlencode
abspath dirname pathexpand basename file fileexists fileset filebase64 templatefile
formatdate plantimestamp timeadd timecmp timestamp
base64sha256 base64sha512 bcrypt filebase64sha256 filebase64sha512 filemd5 filesha1 filesha256 filesha512 md5 rsadecrypt sha1 sha256 sha512 uuid uuidv5
cidrhost cidrnetmask cidrsubnet cidrsubnets
can ephemeralasnull issensitive nonsensitive sensitive tobool tolist tomap tonumber toset tostring try type
cidrcontains urldecode base64gunzip`)

// unknown is the explained error of a call.
func unknown(t *testing.T, source string) *hcl.Diagnostic {
	t.Helper()
	x, diags := hclsyntax.ParseExpression([]byte(source), "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	_, diags = x.Value(&hcl.EvalContext{Functions: function.All(root)})
	if len(diags) == 0 {
		t.Fatalf("%s has a value", source)
	}
	return function.Explain(diags[0])
}

func TestEveryFunctionOfTerraformIsThereOrRefusedWithAReason(t *testing.T) {
	all := function.All(root)
	refused := 0
	for _, name := range terraforms {
		if _, has := all[name]; has {
			continue
		}
		refused++
		d := unknown(t, name+"()")
		if d.Summary != `There is no function "`+name+`"` || strings.Contains(d.Detail, "decnet docs") || len(d.Detail) < 20 {
			t.Errorf("%s: %s: %s", name, d.Summary, d.Detail)
		}
	}
	if refused != 11 {
		t.Errorf("%d are refused, 11 are meant to be", refused)
	}
}

func TestExplain(t *testing.T) {
	for source, want := range map[string]string{
		`uper("a")`: `Did you mean "upper"?`, `zzzzzz()`: "`decnet docs` lists", `provider::x::y()`: "none of providers", `core::upper("a")`: "Write upper(...)",
		`timestamp()`: "tomorrow", `uuid()`: "uuidv5", `env("HOME")`: "DECNET_VAR_NAME",
	} {
		if d := unknown(t, source); !strings.Contains(d.Detail, want) {
			t.Errorf("%s: %q, want %q", source, d.Detail, want)
		}
	}
	other := &hcl.Diagnostic{Summary: "x"}
	if function.Explain(other) != other {
		t.Error("another diagnostic was changed")
	}
}
