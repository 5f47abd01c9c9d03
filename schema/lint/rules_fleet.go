package lint

import (
	"fmt"
	"time"
)

func fleetRules() []Rule {
	return []Rule{
		{
			ID: "DN1080", Name: "one-image", Severity: Note, Summary: "All deckies run the same kernel to the last digit.", Check: oneImage,
			Doc: Doc{
				Why: "Hosts of one site are patched on different days. The same uname -a everywhere is one image.",
				Fix: "Use archetypes with several distros, or set distro on some of the deckies.",
			},
		},
		{
			ID: "DN1081", Name: "no-rule", Severity: Note, Summary: "No rule tags what attackers do.", Check: noRule,
			Doc: Doc{
				Why: "Nothing that an attacker sees: but a fleet that nobody judges is a cost without a use.",
				Fix: "Add rules: rule \"valid_account\" { technique = \"T1078\" ... }.",
			},
		},
		{
			ID: "DN1082", Name: "no-sink", Severity: Note, Summary: "Events go nowhere.", Check: noSink,
			Doc: Doc{
				Why: "Nothing that an attacker sees: but what nobody is told of happened for nothing.",
				Fix: "Add a sink: sink \"log\" { type = \"syslog\" ... }.",
			},
		},
		{
			ID: "DN1083", Name: "one-of-everything", Severity: Note, Summary: "Every decky has an archetype that no other has.", Check: oneOfEverything,
			Doc: Doc{
				Why: "A segment with exactly one printer, one web server, one mail server and one workstation is a catalogue. Sites have many of few kinds.",
				Fix: "Give some archetypes a count, and drop others.",
			},
		},
		{
			ID: "DN1084", Name: "recycled-too-often", Severity: Warning, Summary: "A decky is replaced more often than hourly.", Check: recycledTooOften,
			Doc: Doc{
				Why: "Whoever is in it loses the session and every file again and again, always after the same time. Nobody runs a host like that, and a session that ends after minutes teaches little.",
				Fix: "Write recycle_after = \"24h\" or more; recycle_on replaces it where somebody got in.",
			},
		},
		{
			ID: "DN1086", Name: "unsigned-webhook", Severity: Note, Summary: "A webhook neither signs nor authorises itself.", Check: unsigned,
			Doc: Doc{
				Why: "A receiver that cannot tell decnet from others believes whoever finds it: false alarms, and true ones that drown.",
				Fix: "Name a file with a key, secret_file, and let the receiver check X-Decnet-Signature; or a file with a token, token_file.",
			},
		},
		{
			ID: "DN1087", Name: "unbounded-messages", Severity: Note, Summary: "A sink that people read is told everything again and again.", Check: flood,
			Doc: Doc{
				Why: "Each detection is a message. A scan makes hundreds, and the one that matters is not read.",
				Fix: "Write dedup = \"10m\": the same news is told once in the window, and then how often it came.",
			},
		},
	}
}

func oneImage(f *Fleet) []Finding {
	if len(f.Deckies) < few {
		return nil
	}
	first := f.Deckies[0].Host
	for _, d := range f.Deckies[1:] {
		if d.Host.Kernel != first.Kernel || d.Host.Build != first.Build {
			return nil
		}
	}
	if first.Kernel == "" {
		return nil
	}
	return []Finding{among(fmt.Sprintf("All %d deckies run %s with the kernel %s.", len(f.Deckies), first.Title, first.Kernel), deckySubjects(f.Deckies, "distro"))}
}

func noRule(f *Fleet) []Finding {
	if len(f.Deckies) == 0 || len(f.Rules) > 0 {
		return nil
	}
	return whole("The configuration has no rule.")
}

// variety is how many archetypes a fleet needs before one of each is odd.
const variety = 5

func oneOfEverything(f *Fleet) []Finding {
	seen := map[string]bool{}
	for _, d := range f.Deckies {
		if d.Archetype == "" || seen[d.Archetype] {
			return nil
		}
		seen[d.Archetype] = true
	}
	if len(seen) < variety {
		return nil
	}
	return []Finding{among(fmt.Sprintf("%d deckies have %d archetypes: one of each.", len(seen), len(seen)), deckySubjects(f.Deckies, "archetype"))}
}

func recycledTooOften(f *Fleet) []Finding {
	return each(f, "lifecycle", func(d *Decky) string {
		if d.RecycleAfter == 0 || d.RecycleAfter >= time.Hour {
			return ""
		}
		return fmt.Sprintf("The decky is replaced every %s.", d.RecycleAfter)
	})
}
