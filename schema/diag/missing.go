package diag

import "github.com/hashicorp/hcl/v2"

// MissingValue as a diagnostic's Extra says that a value is missing that only
// the place where the configuration is applied has to know: an error there, and
// no fault of the configuration.
type MissingValue struct{}

// Forgive makes warnings of the errors about missing values, for a check that
// runs where they are not known. What depends on the values stays unchecked.
func Forgive(diags hcl.Diagnostics) hcl.Diagnostics {
	forgiven := make(hcl.Diagnostics, len(diags))
	for i, d := range diags {
		forgiven[i] = d
		if _, missing := hcl.DiagnosticExtra[MissingValue](d); missing {
			warning := *d
			warning.Severity = hcl.DiagWarning
			warning.Detail = "What depends on it was not checked. " + d.Detail
			forgiven[i] = &warning
		}
	}
	return forgiven
}
