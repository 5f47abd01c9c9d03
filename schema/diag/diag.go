// Package diag makes and renders diagnostics: errors and warnings about what
// the user wrote, each with its place, the line it stands on and what to do. It
// never prints a value, and withholds the line where a diagnostic is marked
// Withheld.
package diag

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
)

// Error is an error at a place.
func Error(at hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: at.Ptr()}
}

// Warning is a warning at a place.
func Warning(at hcl.Range, summary, format string, args ...any) *hcl.Diagnostic {
	d := Error(at, summary, format, args...)
	d.Severity = hcl.DiagWarning
	return d
}

// Withheld as a diagnostic's Extra keeps the source line out of every
// rendering, because a sensitive value may stand on it.
type Withheld struct{}

// Related as a diagnostic's Extra are the other places that it is about, such as
// the steps of a circle.
type Related []hcl.Range

// Unknown is the error for a name that is none of choices: "There is no
// archetype "web-sever"", what was probably meant, and the choices.
func Unknown(at hcl.Range, what, name string, choices []string) *hcl.Diagnostic {
	return Error(at, fmt.Sprintf("There is no %s %q", what, name), "%s", Advice(what, name, choices))
}

// maxListed is how many choices an error lists.
const maxListed = 60

// Advice says which of choices was probably meant, and lists them.
func Advice(what, name string, choices []string) string {
	choices = slices.Clone(choices)
	slices.Sort(choices)
	choices = slices.Compact(choices)
	var b strings.Builder
	near := Nearest(name, choices)
	if near != "" {
		fmt.Fprintf(&b, "Did you mean %q? ", near)
	}
	switch n := len(choices); {
	case n == 1 && near != "":
		return strings.TrimSpace(b.String())
	case n == 0:
		fmt.Fprintf(&b, "No %s is declared.", what)
	case n == 1:
		fmt.Fprintf(&b, "The only one is %s.", choices[0])
	case n > maxListed:
		fmt.Fprintf(&b, "There are %d, among them %s.", n, strings.Join(choices[:maxListed], ", "))
	default:
		fmt.Fprintf(&b, "There are %s and %s.", strings.Join(choices[:n-1], ", "), choices[n-1])
	}
	return b.String()
}

// Nearest is the choice that name was probably meant to be, or "".
func Nearest(name string, choices []string) string {
	best, bestDistance := "", len(name)/3+1
	folded := strings.ToLower(name)
	for _, c := range choices {
		d := levenshtein.Distance(folded, strings.ToLower(c), nil)
		if d < bestDistance && d < len(c) {
			best, bestDistance = c, d
		}
	}
	return best
}

// Sort orders diagnostics by file and place, errors of one place before
// warnings, and drops repetitions.
func Sort(diags hcl.Diagnostics) hcl.Diagnostics {
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int {
		switch {
		case a.Subject == nil || b.Subject == nil:
			return boolInt(a.Subject != nil) - boolInt(b.Subject != nil)
		case a.Subject.Filename != b.Subject.Filename:
			return strings.Compare(a.Subject.Filename, b.Subject.Filename)
		case a.Subject.Start.Byte != b.Subject.Start.Byte:
			return a.Subject.Start.Byte - b.Subject.Start.Byte
		default:
			return int(a.Severity) - int(b.Severity)
		}
	})
	return slices.CompactFunc(diags, func(a, b *hcl.Diagnostic) bool {
		return a.Summary == b.Summary && a.Detail == b.Detail && a.Severity == b.Severity && a.Subject != nil && b.Subject != nil && *a.Subject == *b.Subject
	})
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// About as a diagnostic's Extra names what is wrong in the words of an
// expectation: var.n, output.ip, check.names, decky.web[0].
type About struct {
	Address string
	// Extra is what else is known of the diagnostic; nil: nothing.
	Extra any
}

// UnwrapDiagnosticExtra implements hcl.DiagnosticExtraUnwrapper.
func (a About) UnwrapDiagnosticExtra() any { return a.Extra }

// Concerning says what a diagnostic is about and returns it.
func Concerning(d *hcl.Diagnostic, address string) *hcl.Diagnostic {
	d.Extra = About{Address: address, Extra: d.Extra}
	return d
}
