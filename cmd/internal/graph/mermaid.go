package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// brackets of kinds of node in Mermaid; others have square ones.
var brackets = map[string][2]string{
	"network": {"{{", "}}"}, "service": {"[[", "]]"}, "variable": {"[/", "/]"}, "local": {"(", ")"}, "output": {">", "]"}, "rule": {"{", "}"}, "module": {"[(", ")]"},
}

// mermaid draws a flowchart: https://mermaid.js.org/syntax/flowchart.html. Nodes
// have numbers for names, since an address is none.
func (d *drawing) mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart RL\n")
	for i, c := range d.clusters {
		fmt.Fprintf(&b, "  subgraph c%d[%s]\n", i, escaped(c))
		for _, n := range d.within(c) {
			b.WriteString("    " + d.node(n) + "\n")
		}
		b.WriteString("  end\n")
	}
	for _, n := range d.within("") {
		b.WriteString("  " + d.node(n) + "\n")
	}
	for _, e := range d.edges {
		fmt.Fprintf(&b, "  n%d --> n%d\n", d.number[e.From], d.number[e.To])
	}
	used := map[string]bool{}
	for _, n := range d.nodes {
		used[n.Action] = colours[n.Action] != ""
	}
	for _, action := range slices.Sorted(maps.Keys(used)) {
		if used[action] {
			fmt.Fprintf(&b, "  classDef %s stroke:%s,color:%s\n", class(action), colours[action], colours[action])
		}
	}
	return b.String()
}

func (d *drawing) node(n Node) string {
	shape, ok := brackets[n.Kind]
	if !ok {
		shape = [2]string{"[", "]"}
	}
	label := n.ID
	if n.Action != "" {
		label += "\n" + n.Action
	}
	text := fmt.Sprintf("n%d%s%s%s", d.number[n.ID], shape[0], escaped(label), shape[1])
	if colours[n.Action] != "" {
		text += ":::" + class(n.Action)
	}
	return text
}

// class names the style of an action; Mermaid has words of its own.
func class(action string) string { return "to_" + strings.ReplaceAll(action, "-", "_") }

// escaped is a text in quotes: what Mermaid or the page around it would take
// for its own goes by number.
func escaped(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString("<br/>")
		case r == '\r' || r == 0:
		case strings.ContainsRune("\"#&<>`;\\", r):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
