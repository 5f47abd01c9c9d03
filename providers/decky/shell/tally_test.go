package shell_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// tally is the score of one dialect.
type tally struct {
	all, alike int
	programs   map[string]*[2]int // cases that name it, and those alike
	gaps       map[string]int     // why we differ
}

func (t *tally) add(c shellCase, alike bool) {
	if t.programs == nil {
		t.programs, t.gaps = map[string]*[2]int{}, map[string]int{}
	}
	t.all++
	if alike {
		t.alike++
	} else {
		t.gaps[cmp.Or(c.gap, "unexplained")]++
	}
	for name := range commandsOf(c.script) {
		n := t.programs[name]
		if n == nil {
			n = &[2]int{}
			t.programs[name] = n
		}
		n[0]++
		if alike {
			n[1]++
		}
	}
}

// report prints the score, and fails where it is too low.
func (t *tally) report(to testing.TB, d dialect) {
	to.Helper()
	share := float64(t.alike) / float64(max(t.all, 1))
	var worst []string
	for _, name := range slices.Sorted(maps.Keys(t.programs)) {
		if n := t.programs[name]; n[1] < n[0] {
			worst = append(worst, fmt.Sprintf("%s %d/%d", name, n[1], n[0]))
		}
	}
	to.Logf("%s: %d of %d cases alike (%.1f %%) over %d commands; not all of: %s; why: %v", d.name, t.alike, t.all, 100*share, len(t.programs), strings.Join(worst, ", "), t.gaps)
	if t.all > 0 && share < d.least {
		to.Errorf("%s: %.2f %% of the cases are alike, want %.0f %%", d.name, 100*share, 100*d.least)
	}
}

// commandsOf are the words in the place of a command in a script.
func commandsOf(script string) map[string][]string {
	found := map[string][]string{}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return found
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			name := call.Args[0].Lit()
			options := ""
			for _, w := range call.Args[1:] {
				if word := w.Lit(); strings.HasPrefix(word, "-") {
					options += " " + word
				}
			}
			if name != "" {
				found[name] = append(found[name], options)
			}
		}
		return true
	})
	return found
}
