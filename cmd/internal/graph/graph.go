// Package graph draws what depends on what: a configuration as it is declared,
// or a plan as it would be carried out, in DOT or as a Mermaid flowchart. The
// same graph is always drawn alike. It lays nothing out and calls no program.
package graph

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Graph is nodes, edges and the clusters that nodes stand in.
type Graph struct {
	Name  string
	Nodes []Node // any order
	Edges []Edge
}

// Node is one thing. Its ID is unique in the graph.
type Node struct {
	ID      string
	Kind    string // "decky", "network", "local", ...: decides the shape
	Action  string // of a plan: decides the colour, and stands below the ID
	Cluster string // ID of the network or the module around it, empty for none
}

// Edge leads from what depends to what it depends on.
type Edge struct {
	From, To string
}

// Formats are the names of the ways to draw a graph.
var Formats = []string{"dot", "mermaid"}

// Write draws a graph in one of the formats.
func (g *Graph) Write(w io.Writer, format string) error {
	d := g.drawing()
	var text string
	switch format {
	case "dot":
		text = d.dot()
	case "mermaid":
		text = d.mermaid()
	default:
		return fmt.Errorf("there is no format %q; it may be %s", format, strings.Join(Formats, " or "))
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write the graph: %w", err)
	}
	return nil
}

// drawing is a graph in the order that it is drawn in.
type drawing struct {
	name     string
	clusters []string // IDs, sorted
	nodes    []Node   // sorted by cluster and ID
	edges    []Edge   // sorted, each once, between nodes that are there
	number   map[string]int
}

func (g *Graph) drawing() *drawing {
	d := &drawing{name: g.Name, nodes: slices.Clone(g.Nodes), number: map[string]int{}}
	slices.SortFunc(d.nodes, func(a, b Node) int { return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.ID, b.ID)) })
	for i, n := range d.nodes {
		d.number[n.ID] = i
		if n.Cluster != "" {
			d.clusters = append(d.clusters, n.Cluster)
		}
	}
	slices.Sort(d.clusters)
	d.clusters = slices.Compact(d.clusters)
	for _, e := range g.Edges {
		_, from := d.number[e.From]
		_, to := d.number[e.To]
		if from && to && e.From != e.To {
			d.edges = append(d.edges, e)
		}
	}
	slices.SortFunc(d.edges, func(a, b Edge) int { return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To)) })
	d.edges = slices.Compact(d.edges)
	return d
}

// within are the nodes of a cluster.
func (d *drawing) within(cluster string) []Node {
	first, _ := slices.BinarySearchFunc(d.nodes, cluster, func(n Node, c string) int { return strings.Compare(n.Cluster, c) })
	last := first
	for last < len(d.nodes) && d.nodes[last].Cluster == cluster {
		last++
	}
	return d.nodes[first:last]
}

// colours of actions, as terminals have them.
var colours = map[string]string{
	"create": "#1a7f37", "update": "#9a6700", "replace": "#bc4c00", "delete": "#cf222e", "forget": "#6e7781", "move": "#0969da",
}
