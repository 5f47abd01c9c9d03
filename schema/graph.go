package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/schema/diag"
)

// tree is the root module or a module block with all that stands in it. A
// module that is called twice stands in two trees and is loaded once.
type tree struct {
	configuration *Configuration
	parent        *tree // nil for the root
	call          *block
	prefix        string // of ids: "module.office."
	modules       map[string]*tree
}

// node is something that has a value: a local, a block, an input of a module,
// or the validations of one.
type node struct {
	id         string
	at         hcl.Range
	tree       *tree
	references []reference
	local      *expression
	block      *block
	variable   *variable
	checks     bool // the variable's validations, not its value
	edges      []edge
	rank       int
	state      int // of the walk: 0 not seen, 1 on the path, 2 done
}

// edge leads from a node to what it refers to.
type edge struct {
	to string    // id
	at hcl.Range // of the reference
	in *expression
}

// plant makes the tree of modules. It ends: a module that contains itself was
// reported and has no target there.
func plant(c *Configuration, parent *tree, call *block, left *int) *tree {
	t := &tree{configuration: c, parent: parent, call: call, modules: map[string]*tree{}}
	if call != nil {
		t.prefix = parent.prefix + call.id() + "."
	}
	for _, name := range c.names("module") {
		b := c.blocks["module"][name]
		if b.call == nil || b.call.target == nil || *left == 0 {
			continue
		}
		*left--
		t.modules[name] = plant(b.call.target, t, b, left)
	}
	return t
}

// nodes are all locals and blocks of one module, sorted by id. The catalogue
// belongs to the root.
func (c *Configuration) nodes() []*node {
	var out []*node
	for _, name := range slices.Sorted(maps.Keys(c.locals)) {
		e := c.locals[name]
		out = append(out, &node{id: "local." + name, at: e.nameRange, references: e.references, local: e})
	}
	for _, kind := range blockKinds {
		for _, name := range c.names(kind) {
			b := c.blocks[kind][name]
			if b.catalogue && c.child {
				continue
			}
			n := &node{id: b.id(), at: b.declared, block: b}
			for _, arguments := range b.allArguments() {
				for _, key := range slices.Sorted(maps.Keys(arguments)) {
					n.references = append(n.references, arguments[key].references...)
				}
			}
			n.references = append(n.references, b.ordering()...)
			n.references = append(n.references, c.extended(b)...)
			if kind == "decky" {
				n.references = append(n.references, c.literal(b, "archetype", "archetype")...)
				n.references = append(n.references, c.literal(b, "distro", "distro")...)
			}
			out = append(out, n)
		}
	}
	return out
}

// grown are the nodes of all modules with their edges.
func (t *tree) grown() []*node {
	out := t.configuration.nodes()
	for _, n := range out {
		for _, r := range n.references {
			if n.block == nil || n.block.kind != "module" || r.in.name == "count" || r.in.name == "for_each" {
				n.edges = append(n.edges, t.edges(r)...)
			}
		}
		if n.block != nil && slices.Contains(planned, n.block.kind) {
			for up := t; up.parent != nil; up = up.parent {
				if x := up.call.arguments["depends_on"]; x != nil {
					for _, r := range x.references {
						n.edges = append(n.edges, up.parent.edges(r)...)
					}
				}
			}
		}
	}
	if t.parent != nil {
		out = append(out, t.inputs()...)
	}
	for _, n := range out {
		n.tree, n.id = t, t.prefix+n.id
		if t.parent != nil {
			n.edges = append(n.edges, edge{to: t.parent.prefix + t.call.id(), at: t.call.declared})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.modules)) {
		out = append(out, t.modules[name].grown()...)
	}
	return out
}

// inputs are the nodes of a module's variables.
func (t *tree) inputs() []*node {
	var out []*node
	for _, name := range slices.Sorted(maps.Keys(t.configuration.variables)) {
		v := t.configuration.variables[name]
		n := &node{id: "var." + name, at: v.declared, variable: v}
		if x := t.call.arguments[name]; x != nil {
			for _, r := range x.references {
				n.edges = append(n.edges, t.parent.edges(r)...)
			}
		}
		out = append(out, n)
		if len(v.validations) == 0 {
			continue
		}
		checks := &node{id: "validation." + name, at: v.declared, variable: v, checks: true}
		for _, check := range v.validations {
			for _, x := range []*expression{check.condition, check.message} {
				for _, r := range x.references {
					checks.edges = append(checks.edges, t.edges(r)...)
				}
			}
		}
		out = append(out, checks)
	}
	return out
}

// edges are where a reference that stands in this module leads.
func (t *tree) edges(r reference) []edge {
	to := func(id string) edge { return edge{to: id, at: r.at, in: r.in} }
	if r.kind != "module" {
		if b := t.configuration.blocks[r.kind][r.name]; b != nil && b.catalogue {
			return []edge{to(r.id())}
		}
		return []edge{to(t.prefix + r.id())}
	}
	out := []edge{to(t.prefix + r.id())}
	inner := t.modules[r.name]
	own := r.in.name == "count" || r.in.name == "for_each"
	if inner == nil || own && inner.call.arguments[r.in.name] == r.in { // itself, which is circle enough
		return out
	}
	if r.in.name == "depends_on" {
		return append(out, inner.everything(to)...)
	}
	outputs := inner.configuration.names("output")
	if name, ok := outputName(r, inner.call.counted()); ok && inner.configuration.blocks["output"][name] != nil {
		outputs = []string{name}
	}
	for _, name := range outputs {
		out = append(out, to(inner.prefix+"output."+name))
	}
	return out
}

// outputName is the output that a reference to a module asks for.
func outputName(r reference, counted bool) (string, bool) {
	rest := r.rest
	if counted {
		if len(rest) < 2 {
			return "", false
		}
		rest = rest[1:]
	}
	if len(rest) == 0 {
		return "", false
	}
	return stepName(rest[0])
}

// everything are edges to all that a module makes.
func (t *tree) everything(to func(string) edge) []edge {
	var out []edge
	for _, kind := range planned {
		for _, name := range t.configuration.names(kind) {
			out = append(out, to(t.prefix+kind+"."+name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.modules)) {
		out = append(out, t.modules[name].everything(to)...)
	}
	return out
}

// order sorts the nodes of all modules so that each comes after what it refers
// to, and ranks them: deckies of one rank do not depend on each other and are
// resolved together.
func (c *Configuration) order() ([]*node, hcl.Diagnostics) {
	nodes := c.whole.grown()
	w := &walk{byID: make(map[string]*node, len(nodes))}
	for _, n := range nodes {
		w.byID[n.id] = n
	}
	for _, n := range nodes {
		if n.state == 0 {
			w.visit(n)
		}
	}
	return w.sorted, w.diags
}

// walk is a depth-first search over nodes.
type walk struct {
	byID   map[string]*node
	path   []edge // how the current node was reached
	sorted []*node
	diags  hcl.Diagnostics
}

func (w *walk) visit(n *node) {
	n.state = 1
	for _, e := range n.edges {
		to := w.byID[e.to]
		if to == nil { // a variable of the root, or reported as unknown
			continue
		}
		w.path = append(w.path, e)
		switch to.state {
		case 0:
			w.visit(to)
		case 1:
			w.cycle(to)
		}
		w.path = w.path[:len(w.path)-1]
		rank := to.rank
		if to.block != nil && to.block.kind == "decky" {
			rank++
		}
		n.rank = max(n.rank, rank)
	}
	n.state = 2
	w.sorted = append(w.sorted, n)
}

// cycle reports the part of the path that leads from a node back to it.
func (w *walk) cycle(to *node) {
	last := w.path[len(w.path)-1]
	start := len(w.path) - 1
	for start > 0 && w.path[start-1].to != to.id {
		start--
	}
	var steps []string
	related := diag.Related{}
	for _, e := range w.path[start:] {
		related = append(related, e.at)
		steps = append(steps, fmt.Sprintf("%s (%s)", e.to, place(e.at)))
	}
	for i := len(w.path) - 1; i >= start; i-- {
		if w.path[i].in != nil { // not that a module's blocks stand in it
			w.path[i].in.bad = true
			last = w.path[i]
			break
		}
	}
	if len(steps) == 1 {
		w.diags = append(w.diags, diag.Error(last.at, fmt.Sprintf("%s refers to itself", to.id), "A value cannot depend on itself."))
		return
	}
	d := diag.Error(last.at, fmt.Sprintf("%s refers to itself in a circle", to.id),
		"%s leads to %s. Break the circle at one of these places.", to.id, strings.Join(steps, ", which leads to "))
	d.Extra = related
	w.diags = append(w.diags, d)
}
