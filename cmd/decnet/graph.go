package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/graph"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

// graphTypes are what a graph can be of; the first is the default.
var graphTypes = []string{"configuration", "plan"}

func (a *app) graphCommand() *cobra.Command {
	var format, of string
	cmd := &cobra.Command{
		Use: "graph [DIR]", Short: "Draw what depends on what", Args: cobra.MaximumNArgs(1),
		Long: `Graph draws the configuration as it is declared, every block, local and variable with what it refers
to, or the plan: every instance with what is to be done to it. Deckies stand in a cluster for their
network. Arrows lead from what depends to what it depends on.`,
		Example: `  decnet graph | dot -Tsvg > graph.svg
  decnet graph --type plan --format mermaid`,
		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			for name, choice := range map[string]struct {
				given   string
				choices []string
			}{"format": {format, graph.Formats}, "type": {of, graphTypes}} {
				if !slices.Contains(choice.choices, choice.given) {
					return fmt.Errorf("--%s %s: %s", name, choice.given, diag.Advice(name, choice.given, choice.choices))
				}
			}
			if err := a.directory(args); err != nil {
				return err
			}
			return a.graph(cmd.Context(), of, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", graph.Formats[0], "dot or mermaid")
	cmd.Flags().StringVar(&of, "type", graphTypes[0], "configuration or plan")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(graph.Formats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(graphTypes, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) graph(ctx context.Context, of, format string) (err error) {
	configuration, err := a.load()
	if err != nil {
		return err
	}
	if of == "plan" {
		p, desired, s, err := a.planned(ctx, configuration, planFlags{parallelism: reconciler.DefaultParallelism})
		if err != nil {
			return err
		}
		return errors.Join(planGraph(p, desired).Write(a.stdout, format), s.Close())
	}
	return configurationGraph(configuration).Write(a.stdout, format)
}

// configurationGraph is of what is declared.
func configurationGraph(c *schema.Configuration) *graph.Graph {
	g := &graph.Graph{Name: c.Settings().Name}
	used := map[string]bool{}
	outline := c.Outline()
	for _, d := range outline {
		used[d.Network] = true
	}
	for _, d := range outline {
		n := graph.Node{ID: d.ID, Kind: d.Kind, Cluster: d.Network}
		switch {
		case d.Kind == "network" && used[d.ID]:
			n.Cluster = d.ID
		case n.Cluster == "":
			n.Cluster = d.Module
		}
		g.Nodes = append(g.Nodes, n)
		for _, to := range d.References {
			g.Edges = append(g.Edges, graph.Edge{From: d.ID, To: to})
		}
	}
	return g
}

// planGraph is of every instance that a plan knows.
func planGraph(p *plan.Plan, desired *schema.Desired) *graph.Graph {
	g := &graph.Graph{Name: p.Name}
	actions := make(map[addr.Address]plan.Action, len(p.Changes))
	kinds := map[addr.Address]string{}
	for _, c := range p.Changes {
		actions[c.Address], kinds[c.Address] = c.Action, c.Type
	}
	clusters := map[addr.Address]string{}
	for _, i := range desired.Instances { // sorted: what stands in another comes after it
		kinds[i.Address] = i.Type
		switch i.Type {
		case "network":
			clusters[i.Address] = string(i.Address)
		case "decky", "service":
			for _, parent := range i.Parents {
				clusters[i.Address] = clusterOf(parent, clusters)
			}
		}
		for _, to := range slices.Concat(i.Parents, i.After) {
			g.Edges = append(g.Edges, graph.Edge{From: string(i.Address), To: string(to)})
		}
	}
	for address, kind := range kinds {
		g.Nodes = append(g.Nodes, graph.Node{ID: string(address), Kind: kind, Action: string(actions[address]), Cluster: clusters[address]})
	}
	g.Edges = append(g.Edges, departing(p, desired)...)
	return g
}

// clusterOf is the network that a parent is or stands in.
func clusterOf(parent addr.Address, clusters map[addr.Address]string) string {
	if c, ok := clusters[parent]; ok {
		return c
	}
	return string(parent) // a network that comes later
}

// departing are the edges between instances that go: a parent's deletion waits
// for those of its children.
func departing(p *plan.Plan, desired *schema.Desired) []graph.Edge {
	wanted := make(map[addr.Address]bool, len(desired.Instances))
	for _, i := range desired.Instances {
		wanted[i.Address] = true
	}
	var out []graph.Edge
	for _, s := range p.Steps {
		for _, need := range s.Needs {
			if first := p.Steps[need]; !wanted[s.Address] && !wanted[first.Address] {
				out = append(out, graph.Edge{From: string(first.Address), To: string(s.Address)})
			}
		}
	}
	return out
}
