package graph

import (
	"fmt"
	"strings"
)

// shapes of kinds of node in DOT; others are boxes.
var shapes = map[string]string{
	"network": "hexagon", "service": "component", "variable": "note", "local": "plaintext", "output": "cds", "rule": "diamond", "module": "folder",
}

// dot draws in Graphviz' language: https://graphviz.org/doc/info/lang.html.
func (d *drawing) dot() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n  rankdir = \"RL\"\n  node [shape = \"box\", fontname = \"sans-serif\"]\n", quoted(d.name))
	for _, c := range d.clusters {
		fmt.Fprintf(&b, "\n  subgraph %s {\n    label = %s\n", quoted("cluster "+c), quoted(c))
		for _, n := range d.within(c) {
			b.WriteString("    " + n.dot() + "\n")
		}
		b.WriteString("  }\n")
	}
	b.WriteByte('\n')
	for _, n := range d.within("") {
		b.WriteString("  " + n.dot() + "\n")
	}
	if len(d.edges) > 0 {
		b.WriteByte('\n')
	}
	for _, e := range d.edges {
		fmt.Fprintf(&b, "  %s -> %s\n", quoted(e.From), quoted(e.To))
	}
	b.WriteString("}\n")
	return b.String()
}

func (n Node) dot() string {
	label := quoted(n.ID)
	if n.Action != "" {
		label = strings.TrimSuffix(label, `"`) + `\n` + strings.TrimPrefix(quoted(n.Action), `"`)
	}
	attributes := "label = " + label
	if shape := shapes[n.Kind]; shape != "" {
		attributes += fmt.Sprintf(", shape = %q", shape)
	}
	if colour := colours[n.Action]; colour != "" {
		attributes += fmt.Sprintf(", color = %q, fontcolor = %q", colour, colour)
	}
	return quoted(n.ID) + " [" + attributes + "]"
}

// quoted is a text as a quoted string: a quote would end it, a backslash would
// begin an escape of a label, and a line end is not one that is seen.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\\n`, "\r", `\\r`, "\x00", "").Replace(s) + `"`
}
