package schema

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays out a source file in the canonical style: spacing and alignment
// change, nothing else. It is idempotent. What cannot be parsed is returned as
// it is, with the errors; name is how they call the file.
func Format(src []byte, name string) ([]byte, hcl.Diagnostics) {
	if at, deep := tooDeep(src, name); deep {
		return src, hcl.Diagnostics{nestingError(at)}
	}
	if _, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos); diags.HasErrors() {
		return src, diags
	}
	return hclwrite.Format(src), nil
}
