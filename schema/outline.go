package schema

import (
	"maps"
	"slices"
	"strings"
)

// Declaration is a block, a local or a variable, with what it refers to.
type Declaration struct {
	ID     string // "decky.web", "module.office.local.site"
	Kind   string // "decky", "local", "variable", "module", ...
	Module string // "module.office", empty for the root
	Source string // where it stands: "main.hcl:12,1-20"
	// References are the IDs of what its value is made of, sorted.
	References []string
	// Network is the ID of the network of a decky whose argument names one.
	Network string
}

// Outline is what the configuration declares, in all its modules, sorted by ID.
// Of the catalogue it has what is referred to.
func (c *Configuration) Outline() []Declaration {
	if c.broken {
		return nil
	}
	nodes, _ := c.order() // Load reported circles
	var out []Declaration
	used := map[string]bool{}
	catalogue := map[string]bool{}
	for _, n := range nodes {
		if n.checks {
			continue // of a variable that stands here itself
		}
		d := n.declaration()
		out = append(out, d)
		if n.block != nil && n.block.catalogue {
			catalogue[d.ID] = true
			continue
		}
		for _, id := range d.References {
			used[id] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.variables)) {
		out = append(out, Declaration{ID: "var." + name, Kind: "variable", Source: c.variables[name].declared.String()})
	}
	out = slices.DeleteFunc(out, func(d Declaration) bool { return catalogue[d.ID] && !used[d.ID] })
	for i := range out { // an archetype of the catalogue names many distros
		out[i].References = slices.DeleteFunc(out[i].References, func(id string) bool { return catalogue[id] && !used[id] })
	}
	slices.SortFunc(out, func(a, b Declaration) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func (n *node) declaration() Declaration {
	d := Declaration{ID: n.id, Kind: "local", Source: n.at.String(), Module: strings.TrimSuffix(n.tree.prefix, ".")}
	switch {
	case n.block != nil:
		d.Kind = n.block.kind
		if x := n.block.arguments["network"]; n.block.kind == "decky" && x != nil && len(x.references) == 1 && x.references[0].kind == "network" {
			d.Network = n.tree.prefix + x.references[0].id()
		}
	case n.variable != nil:
		d.Kind = "variable"
	}
	for _, e := range n.edges {
		if e.to != n.id {
			d.References = append(d.References, e.to)
		}
	}
	slices.Sort(d.References)
	d.References = slices.Compact(d.References)
	return d
}
