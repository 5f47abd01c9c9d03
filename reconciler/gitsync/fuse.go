package gitsync

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/syncfile"
)

// weight is what a plan does to what is alive.
type weight struct {
	changes   int // that are no healing
	live      int // deckies and networks
	destroyed int // of those: deleted or replaced, healing apart
	deckies   int // live
	left      int // deckies after the plan
}

// weigh counts. Replacing what somebody else broke is healing and destroys
// nothing; deleting what nothing asks for does.
func weigh(p *plan.Plan) weight {
	var w weight
	for _, u := range p.Unchanged {
		w.count(u.Type, 1, 1)
	}
	heals := p.Healing()
	for i := range p.Changes {
		c := &p.Changes[i]
		if !heals[c.Address] {
			w.changes++
		}
		switch c.Action {
		case plan.Create:
			w.count(c.Type, 0, 1)
		case plan.Update, plan.Move, plan.Quarantine:
			w.count(c.Type, 1, 1)
		case plan.Forget: // it destroys nothing, and nobody keeps what is forgotten
			w.count(c.Type, 1, 0)
		case plan.Replace:
			w.count(c.Type, 1, 1)
			w.destroy(c.Type, heals[c.Address])
		case plan.Delete:
			w.count(c.Type, 1, 0)
			w.destroy(c.Type, heals[c.Address])
		}
	}
	w.changes += len(p.Moves) + len(p.Imports)
	return w
}

func (w *weight) count(kind string, before, after int) {
	if kind == "decky" {
		w.deckies, w.left = w.deckies+before, w.left+after
	}
	if counted(kind) {
		w.live += before
	}
}

func (w *weight) destroy(kind string, heals bool) {
	if counted(kind) && !heals {
		w.destroyed++
	}
}

func counted(kind string) bool { return kind == "decky" || kind == "network" }

// exceeds tells whether more is destroyed than the limit allows, and how many
// that are.
func exceeds(l syncfile.Limit, w weight) (bool, int) {
	allowed := l.Count
	if l.Relative {
		if allowed = w.live * l.Percent / 100; l.Percent > 0 {
			allowed = max(allowed, 1)
		}
	}
	return l.Set && w.destroyed > allowed, allowed
}

// limitText is a limit as it was written.
func limitText(l syncfile.Limit) string {
	if l.Relative {
		return fmt.Sprintf("max_destroy = \"%d%%\"", l.Percent)
	}
	return fmt.Sprintf("max_destroy = %d", l.Count)
}

// identify is the id of what a commit changes: the same commit with the same
// changes has the same, also after drift was found or healed.
func identify(key []byte, commit string, p *plan.Plan) string {
	heals := p.Healing()
	var lines []string
	for i := range p.Changes {
		if c := &p.Changes[i]; !heals[c.Address] {
			lines = append(lines, fmt.Sprintf("change %q %s %s %s", c.Address, c.Action, c.Type, c.Digest))
		}
	}
	for _, m := range p.Moves {
		lines = append(lines, fmt.Sprintf("move %q %q", m.From, m.To))
	}
	for _, i := range p.Imports {
		lines = append(lines, fmt.Sprintf("import %q %q", i.Address, i.ID))
	}
	slices.Sort(lines)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\n%s", commit, strings.Join(lines, "\n")) //nolint:errcheck // a hash takes all
	return hex.EncodeToString(mac.Sum(nil))[:12]
}

// summarize is a plan in a line.
func summarize(p *plan.Plan) string {
	s := p.Summary
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{s.Create, "create"}, {s.Update, "update"}, {s.Replace, "replace"}, {s.Delete, "destroy"}, {s.Forget, "forget"}, {s.Move, "move"}, {s.Import, "import"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return "no changes"
	}
	return strings.Join(parts, ", ")
}
