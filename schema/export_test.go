package schema

import (
	"maps"
	"slices"
)

// Orphans are the entries of the documentation that the grammar does not have.
func Orphans() []string {
	used := map[string]bool{}
	var walk func(g *grammar, within string)
	walk = func(g *grammar, within string) {
		for kind, inner := range g.blocks {
			key := within + "." + kind
			if _, special := documentation[key]; !special {
				key = kind
			}
			used[key] = true
			for _, name := range inner.arguments {
				used[key+" "+name] = true
			}
			if inner.free {
				for name := range documentation[key].arguments {
					used[key+" "+name] = true
				}
			}
			walk(inner, kind)
		}
	}
	walk(topGrammar, "")
	var out []string
	for key, d := range documentation {
		if !used[key] {
			out = append(out, key)
		}
		for name := range maps.Keys(d.arguments) {
			if !used[key+" "+name] {
				out = append(out, key+" "+name)
			}
		}
	}
	slices.Sort(out)
	return out
}
