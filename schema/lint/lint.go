// Package lint judges whether a fleet would be believed: it holds the rules
// about what gives decoys away, the comments that take a rule back, and the
// score. It looks at what a configuration resolves to and at where that is
// written; it touches nothing, asks no host, and never prints a sensitive value.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// Severity is how much a finding gives away.
type Severity int

// The severities, weakest first.
const (
	Note    Severity = iota // an attacker who looks twice may wonder
	Warning                 // a tell, alone or beside others
	Error                   // a contradiction: no real host does this
)

var severityNames = []string{"note", "warning", "error"}

// String is "note", "warning" or "error".
func (s Severity) String() string { return severityNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severityNames, string(text))
	if i < 0 {
		return fmt.Errorf("there is no severity %q; there are %s", text, strings.Join(severityNames, ", "))
	}
	*s = Severity(i)
	return nil
}

// Severities lists the names, weakest first.
func Severities() []string { return slices.Clone(severityNames) }

// Rule is one thing that gives decoys away.
type Rule struct {
	ID       string   `json:"id"`   // "DN1003"; never given to another rule
	Name     string   `json:"name"` // "end-of-life"
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"` // one sentence: what must not be
	Doc      Doc      `json:"doc"`
	// Check finds what breaks the rule; nil for rules about comments, which
	// Run checks itself.
	Check func(*Fleet) []Finding `json:"-"`
}

// Doc is what decnet explain prints.
type Doc struct {
	Why     string   `json:"why"`               // how an attacker notices
	Fix     string   `json:"fix"`               // what to write instead
	Sources []string `json:"sources,omitempty"` // where the facts stand
}

// Finding is one break of a rule.
type Finding struct {
	Rule     string   `json:"rule"`
	Name     string   `json:"name"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"` // one sentence, without sensitive values
	// Subjects are what it is about, sorted by address; none: the fleet.
	Subjects []Subject `json:"subjects,omitempty"`
	// Range is where it is best corrected; nil where no file says it.
	Range *hcl.Range `json:"-"`
	// Reason is why the configuration wants it so; only of suppressed findings.
	Reason string `json:"reason,omitempty"`

	needs int // it holds while this many subjects remain
}

// Subject is one instance that a finding is about.
type Subject struct {
	Address  addr.Address `json:"address"`
	Argument string       `json:"argument,omitempty"` // that says it; empty: the block

	source   string
	withheld bool   // what stands there may be sensitive
	decky    *Decky // nil for a network
}

// Options says which rules Run runs, and where the configuration stands.
type Options struct {
	// Files are the parsed files, for positions and comments; nil: findings
	// have no place and nothing is suppressed.
	Files map[string]*hcl.File
	Only  []string // ids; empty: all
	// Except are ids that are left out.
	Except []string
	// MinSeverity drops what is weaker. The score counts it all the same.
	MinSeverity Severity
}

// Report is what Run found.
type Report struct {
	Findings   []Finding `json:"findings"`             // sorted by file and place
	Suppressed []Finding `json:"suppressed,omitempty"` // taken back by a comment
	Score      Score     `json:"score"`
}

// Worst is the gravest severity among the findings, and false without any.
func (r *Report) Worst() (Severity, bool) {
	worst := Note
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst, len(r.Findings) > 0
}

// Run checks a fleet. Its error is a configuration that is none of the
// evaluator's.
func Run(d *schema.Desired, o Options) (*Report, error) {
	fleet, err := NewFleet(d.Instances)
	if err != nil {
		return nil, err
	}
	places := newPlaces(o.Files)
	report := &Report{Findings: []Finding{}}
	var all []Finding
	ran := map[string]bool{}
	for _, rule := range Rules() {
		if rule.Check == nil {
			continue
		}
		found := named(rule, rule.Check(fleet))
		all = append(all, found...)
		if !o.wants(rule.ID) {
			continue
		}
		ran[rule.ID] = true
		for _, f := range found {
			kept, taken := places.suppress(f)
			if kept != nil {
				report.Findings = append(report.Findings, *kept)
			}
			if taken != nil {
				report.Suppressed = append(report.Suppressed, *taken)
			}
		}
	}
	report.Score = score(fleet, all)
	for _, f := range places.problems(ran) {
		if o.wants(f.Rule) {
			report.Findings = append(report.Findings, f)
		}
	}
	report.Findings = slices.DeleteFunc(report.Findings, func(f Finding) bool { return f.Severity < o.MinSeverity })
	report.Findings = places.merge(report.Findings)
	report.Suppressed = places.merge(report.Suppressed)
	return report, nil
}

func (o *Options) wants(id string) bool {
	return (len(o.Only) == 0 || slices.Contains(o.Only, id)) && !slices.Contains(o.Except, id)
}

// named puts a rule's name on what it found.
func named(r Rule, found []Finding) []Finding {
	for i := range found {
		f := &found[i]
		f.Rule, f.Name, f.Severity = r.ID, r.Name, r.Severity
		slices.SortFunc(f.Subjects, func(a, b Subject) int {
			return cmp.Or(addr.Compare(a.Address, b.Address), strings.Compare(a.Argument, b.Argument))
		})
	}
	return found
}

// about is a finding about single instances: each of them alone breaks the rule.
func about(message string, subjects ...Subject) Finding {
	return Finding{Message: message, Subjects: subjects, needs: 1}
}

// among is a finding about what instances have in common: with fewer than two
// of them it is none.
func among(message string, subjects []Subject) Finding {
	return Finding{Message: message, Subjects: subjects, needs: 2}
}

// whole is a finding about the fleet.
func whole(format string, args ...any) []Finding {
	return []Finding{{Message: fmt.Sprintf(format, args...)}}
}
