package lint

import (
	"slices"

	"github.com/decnet/decnet/schema/diag"
)

// Rules lists all rules by id. The slice is the caller's.
func Rules() []Rule {
	return slices.Concat(hostRules(), claimRules(), macRules(), serviceRules(), webRules(), credentialRules(), nameRules(), addressRules(), fleetRules(), commentRules())
}

// Lookup finds a rule by its id or its name.
func Lookup(id string) (Rule, bool) {
	for _, r := range Rules() {
		if r.ID == id || r.Name == id {
			return r, true
		}
	}
	return Rule{}, false
}

// Nearest is the id or name that was probably meant, or "".
func Nearest(id string) string {
	var choices []string
	for _, r := range Rules() {
		choices = append(choices, r.ID, r.Name)
	}
	return diag.Nearest(id, choices)
}

// The rules about comments; Run checks them.
const (
	suppressionReason  = "DN1901"
	suppressionUnknown = "DN1902"
	suppressionUnused  = "DN1903"
)

func commentRules() []Rule {
	return []Rule{
		{
			ID: suppressionReason, Name: "suppression-without-reason", Severity: Warning,
			Summary: "A comment takes a rule back without a reason.",
			Doc: Doc{
				Why: "Whoever reads the configuration next year must see whether the exception still holds. A comment without a reason takes nothing back.",
				Fix: "Write the reason behind a colon: # decnet:ignore DN1003: the old billing host really looks like this",
			},
		},
		{
			ID: suppressionUnknown, Name: "suppression-of-unknown-rule", Severity: Warning,
			Summary: "A comment takes back a rule that does not exist.",
			Doc: Doc{
				Why: "A mistyped id takes nothing back, and the finding it was meant for stays.",
				Fix: "decnet explain lists the ids. Several stand side by side: # decnet:ignore DN1003, DN1061: why",
			},
		},
		{
			ID: suppressionUnused, Name: "suppression-unused", Severity: Note,
			Summary: "A comment takes back a rule that finds nothing there.",
			Doc: Doc{
				Why: "A comment that outlives its finding will hide the next one.",
				Fix: "Take the comment away, or move it to the line before the block or argument that the finding names.",
			},
		},
	}
}

// each makes a finding of every decky for which says returns a message.
func each(f *Fleet, argument string, says func(*Decky) string) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		if message := says(d); message != "" {
			out = append(out, about(message, d.at(argument)))
		}
	}
	return out
}

// eachService does the same for services.
func eachService(f *Fleet, argument string, says func(*Service) string) []Finding {
	var out []Finding
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			if message := says(s); message != "" {
				out = append(out, about(message, s.at(argument)))
			}
		}
	}
	return out
}

// services are all services of a slug.
func (f *Fleet) services(slug string) []*Service {
	var out []*Service
	for _, d := range f.Deckies {
		for _, s := range d.Services {
			if s.Slug == slug {
				out = append(out, s)
			}
		}
	}
	return out
}

// hosts counts the deckies of subjects' services.
func hosts(services []*Service) int {
	seen := map[*Decky]bool{}
	for _, s := range services {
		seen[s.Decky] = true
	}
	return len(seen)
}

// subjects of services, by one argument.
func subjectsOf(services []*Service, argument string) []Subject {
	out := make([]Subject, 0, len(services))
	for _, s := range services {
		out = append(out, s.at(argument))
	}
	return out
}

func deckySubjects(deckies []*Decky, argument string) []Subject {
	out := make([]Subject, 0, len(deckies))
	for _, d := range deckies {
		out = append(out, d.at(argument))
	}
	return out
}
