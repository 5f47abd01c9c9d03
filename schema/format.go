package schema

import "github.com/hashicorp/hcl/v2/hclwrite"

// Format lays out a source file in the canonical style: spacing and alignment
// change, nothing else. It is idempotent.
func Format(src []byte) []byte { return hclwrite.Format(src) }
