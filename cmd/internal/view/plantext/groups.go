package plantext

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// Group is instances of one block that the same is done to.
type Group struct {
	Action  plan.Action
	Address string // folded: decky.web[0..499]
	Words   string // "will be created (not in state)"
	Source  string // of the first
	Count   int
	First   addr.Address // not folded
	// Attributes are the paths that change, of all of them.
	Attributes []string

	steps [][]addr.Step
}

// ChangeGroups folds the changes of a plan, DriftGroups what others changed.
func ChangeGroups(p *plan.Plan) []Group {
	g := grouping{of: map[string]int{}}
	for i := range p.Changes {
		c := &p.Changes[i]
		g.add(c.Address, actionOf(c), outcome(c), explained(c), c.Source, c.Attributes)
	}
	return g.folded()
}

// DriftGroups is described at ChangeGroups.
func DriftGroups(p *plan.Plan) []Group {
	g := grouping{of: map[string]int{}}
	for i := range p.Drift {
		d := &p.Drift[i]
		g.add(d.Address, driftAction(d), driftWords(d), "", "", d.Changes)
	}
	return g.folded()
}

// grouping collects groups in the order of their first instance.
type grouping struct {
	all []Group
	of  map[string]int
}

// maxAttributes is how many paths a group names.
const maxAttributes = 20

func (g *grouping) add(address addr.Address, action plan.Action, words, reasons, source string, attributes []providers.Change) {
	steps, err := parse(address)
	pattern := string(address)
	if err == nil {
		parts := make([]string, len(steps))
		for i, s := range steps {
			parts[i] = s.Type + "." + s.Name
			if s.Key.Kind != addr.KeyNone {
				parts[i] += fmt.Sprintf("[%d]", s.Key.Kind)
			}
		}
		pattern = strings.Join(parts, ".")
	}
	if reasons != "" {
		words += " (" + reasons + ")"
	}
	// What a child waits for differs from instance to instance.
	id := string(action) + "\x00" + keyless.ReplaceAllString(words, "[*]") + "\x00" + pattern
	at, known := g.of[id]
	if !known {
		at = len(g.all)
		g.of[id] = at
		g.all = append(g.all, Group{Action: action, Address: view.Clean(string(address)), First: address, Words: words, Source: source})
	} else {
		g.all[at].Words = keyless.ReplaceAllString(words, "[*]")
	}
	group := &g.all[at]
	group.Count++
	if err == nil {
		group.steps = append(group.steps, steps)
	}
	for _, a := range attributes {
		if len(group.Attributes) < maxAttributes && !slices.Contains(group.Attributes, a.Path) {
			group.Attributes = append(group.Attributes, a.Path)
		}
	}
}

// keyless are the keys in an address.
var keyless = regexp.MustCompile(`\[(?:\d+|"(?:[^"\\]|\\.)*")\]`)

func (g *grouping) folded() []Group {
	for i := range g.all {
		if steps := g.all[i].steps; len(steps) > 0 {
			g.all[i].Address = view.Clean(folded(steps))
		}
	}
	return g.all
}

// groups writes one line a group.
func (t *writer) groups(all []Group) {
	for _, g := range all {
		count := ""
		if g.Count > 1 {
			count = fmt.Sprintf(" [%d instances]", g.Count)
		}
		fmt.Fprintf(t.b, "%s %s %s%s\n", t.signOf(g.Action), t.Style.Bold(g.Address), g.Words, count)
	}
	t.b.WriteString("\n")
}

// folded is one address for many: decky.web[0..499], decky.db["a", "b"]. Where
// two steps differ, the inner ones are [*].
func folded(all [][]addr.Step) string {
	first := all[0]
	parts := make([]string, len(first))
	varied := false
	for i, s := range first {
		keys := make([]addr.Key, 0, len(all))
		for _, steps := range all {
			if !slices.Contains(keys[max(0, len(keys)-1):], steps[i].Key) {
				keys = append(keys, steps[i].Key)
			}
		}
		slices.SortFunc(keys, compareKeys)
		keys = slices.Compact(keys)
		parts[i] = s.Type + "." + s.Name
		switch {
		case len(keys) == 1:
			parts[i] += keys[0].String()
		case varied:
			parts[i] += "[*]"
		default:
			parts[i] += "[" + span(keys) + "]"
			varied = true
		}
	}
	return strings.Join(parts, ".")
}

func compareKeys(a, b addr.Key) int {
	if a.Kind == addr.KeyIndex && b.Kind == addr.KeyIndex {
		return a.Index - b.Index
	}
	return strings.Compare(a.Name, b.Name)
}

// maxNames is how many names a folded address lists.
const maxNames = 6

// span is sorted keys in few words: "0..4, 7", `"a", "b"`.
func span(keys []addr.Key) string {
	var parts []string
	for i := 0; i < len(keys); i++ {
		if keys[i].Kind != addr.KeyIndex {
			parts = append(parts, strings.Trim(keys[i].String(), "[]"))
			continue
		}
		end := i
		for end+1 < len(keys) && keys[end+1].Index == keys[end].Index+1 {
			end++
		}
		switch end - i {
		case 0:
			parts = append(parts, fmt.Sprint(keys[i].Index))
		case 1:
			parts = append(parts, fmt.Sprint(keys[i].Index), fmt.Sprint(keys[end].Index))
		default:
			parts = append(parts, fmt.Sprintf("%d..%d", keys[i].Index, keys[end].Index))
		}
		i = end
	}
	if len(parts) > maxNames {
		parts = append(parts[:maxNames], "...")
	}
	return strings.Join(parts, ", ")
}
