package diag

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Severity is how much a Finding matters.
type Severity string

// The severities: an error fails the command, a warning and a note do not by
// themselves.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// Rank orders severities, the gravest first: 0 is an error.
func (s Severity) Rank() int {
	switch s {
	case SeverityError:
		return 0
	case SeverityWarning:
		return 1
	default:
		return 2
	}
}

// Finding is one thing that a check has to say, whatever the check was: the
// language, a plan, a lint rule, a test. Every report format renders findings
// and nothing else. No field ever holds a sensitive value.
type Finding struct {
	// ID names the rule, the same for every finding of it: "DN1003",
	// "config.unknown-block". Lower or upper case letters, digits, "." and "-".
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"` // one line, without a full stop
	Detail   string   `json:"detail,omitempty"`
	Range    *Range   `json:"range,omitempty"` // nil: the finding has no place
	// Context names the block around the range, and Snippet is its lines; both
	// are as in Record.
	Context string `json:"context,omitempty"`
	Snippet string `json:"snippet,omitempty"`
	// Address is the instance concerned: "decky.web[0].service.ssh".
	Address string `json:"address,omitempty"`
	Help    string `json:"help,omitempty"` // where the rule is explained: a URL or a command
	Fix     string `json:"fix,omitempty"`  // what to do, one sentence
	// Suppressed is the reason that a comment gives for letting the finding be;
	// such a finding fails nothing, and reports show it as suppressed or not at all.
	Suppressed string `json:"suppressed,omitempty"`
}

// languagePrefix begins the identifiers of the language's own diagnostics.
const languagePrefix = "config."

// Title is the summary with the instance that it is about.
func (f Finding) Title() string {
	if f.Address == "" || strings.HasPrefix(f.Summary, f.Address) {
		return f.Summary
	}
	return f.Address + ": " + f.Summary
}

// Findings turns the diagnostics of the language into findings. files are those
// of Configuration.Files.
func Findings(files map[string]*hcl.File, diags hcl.Diagnostics) []Finding {
	all := make([]Finding, 0, len(diags))
	for _, d := range diags {
		r := Describe(files, d)
		all = append(all, Finding{
			ID: languagePrefix + slug(r.Summary), Severity: Severity(r.Severity), Summary: r.Summary, Detail: r.Detail,
			Range: r.Range, Context: r.Context, Snippet: r.Snippet,
		})
	}
	return all
}

// slug makes an identifier of a summary: what stands in quotes, and so comes
// from the user, is left out.
func slug(summary string) string {
	var words []string
	for i, part := range strings.Split(summary, `"`) {
		if i%2 == 1 {
			continue
		}
		words = append(words, strings.FieldsFunc(strings.ToLower(part), func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_'
		})...)
	}
	const longest = 8 // words
	words = words[:min(len(words), longest)]
	if len(words) == 0 {
		return "diagnostic"
	}
	return strings.ReplaceAll(strings.Join(words, "-"), "_", "-")
}

// SortFindings orders findings by file, place, severity and identifier, those
// without a place last, and drops repetitions.
func SortFindings(all []Finding) []Finding {
	all = slices.Clone(all)
	slices.SortStableFunc(all, compareFindings)
	return slices.CompactFunc(all, func(a, b Finding) bool {
		return compareFindings(a, b) == 0 && a.Detail == b.Detail && a.Suppressed == b.Suppressed
	})
}

func compareFindings(a, b Finding) int {
	switch {
	case a.Range == nil && b.Range != nil:
		return 1
	case a.Range != nil && b.Range == nil:
		return -1
	case a.Range != nil:
		if c := strings.Compare(a.Range.File, b.Range.File); c != 0 {
			return c
		}
		for _, pair := range [][2]int{
			{a.Range.Start.Line, b.Range.Start.Line}, {a.Range.Start.Column, b.Range.Start.Column}, {a.Range.End.Line, b.Range.End.Line},
			{a.Range.End.Column, b.Range.End.Column},
		} {
			if pair[0] != pair[1] {
				return pair[0] - pair[1]
			}
		}
	}
	if a.Severity != b.Severity {
		return a.Severity.Rank() - b.Severity.Rank()
	}
	for _, pair := range [][2]string{{a.ID, b.ID}, {a.Address, b.Address}, {a.Summary, b.Summary}} {
		if c := strings.Compare(pair[0], pair[1]); c != 0 {
			return c
		}
	}
	return 0
}

// Count counts the findings of each severity, without suppressed ones.
func Count(all []Finding) (errors, warnings, notes int) {
	for _, f := range all {
		switch {
		case f.Suppressed != "":
		case f.Severity == SeverityError:
			errors++
		case f.Severity == SeverityWarning:
			warnings++
		default:
			notes++
		}
	}
	return errors, warnings, notes
}
