package schema

import (
	"maps"
	"slices"
)

// BlockInfo describes a type of block, for editors and reference pages. It is
// made from the grammar that files are read with, so the two cannot differ.
type BlockInfo struct {
	Type      string      `json:"type"`
	Doc       string      `json:"doc"`
	Labels    []LabelInfo `json:"labels,omitempty"`
	Arguments []Argument  `json:"arguments,omitempty"` // sorted by name
	// Free says that any other argument may stand in it, too: a local, or what
	// a service takes.
	Free   bool        `json:"free,omitempty"`
	Blocks []BlockInfo `json:"blocks,omitempty"` // that stand in it, sorted by type
	// Fields are what a reference to the block yields.
	Fields []string `json:"fields,omitempty"`
	// Example is a whole configuration that uses the block.
	Example string `json:"example,omitempty"`
}

// LabelInfo is one label of a block's header.
type LabelInfo struct {
	Name     string `json:"name"`
	Optional bool   `json:"optional,omitempty"`
}

// Blocks describes every type of block that may stand at the top of a file,
// sorted by type.
func Blocks() []BlockInfo { return describeBlocks(topGrammar, "") }

func describeBlocks(g *grammar, within string) []BlockInfo {
	var out []BlockInfo
	for _, kind := range slices.Sorted(maps.Keys(g.blocks)) {
		out = append(out, g.blocks[kind].describe(kind, within))
	}
	return out
}

// describe is what the grammar and the documentation say of a block that stands
// in another, or at the top where within is empty.
func (g *grammar) describe(kind, within string) BlockInfo {
	d := documented(kind, within)
	info := BlockInfo{Type: kind, Doc: d.doc, Free: g.free, Example: d.example, Blocks: describeBlocks(g, kind)}
	if within == "" {
		info.Fields = fieldsOf[kind]
	}
	for i, label := range g.labels {
		info.Labels = append(info.Labels, LabelInfo{Name: label, Optional: i >= len(g.labels)-g.optional})
	}
	names := slices.Clone(g.arguments)
	if g.free {
		names = slices.AppendSeq(names, maps.Keys(d.arguments))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a := d.arguments[name]
		a.Name, a.Required = name, slices.Contains(g.required, name)
		info.Arguments = append(info.Arguments, a)
	}
	return info
}

// documented finds what is written about a block: where it means something else
// in a certain block, under both names.
func documented(kind, within string) blockText {
	if d, ok := documentation[within+"."+kind]; ok {
		return d
	}
	return documentation[kind]
}

// SensitiveVariable tells that a variable's values must not be shown or saved.
func (c *Configuration) SensitiveVariable(name string) bool {
	v := c.variables[name]
	return v != nil && v.sensitive
}

// VariableNames lists the variables that the configuration declares, sorted.
func (c *Configuration) VariableNames() []string { return slices.Sorted(maps.Keys(c.variables)) }
