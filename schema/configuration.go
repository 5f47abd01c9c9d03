package schema

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/decnet/decnet/schema/diag"
)

// Configuration is a loaded configuration: parsed and checked, not evaluated.
type Configuration struct {
	settings Settings
	files    map[string]*hcl.File
	root     fs.FS // what functions read
	broken   bool
	pending  hcl.Diagnostics // found by Load, reported by Evaluate

	variables map[string]*variable
	locals    map[string]*expression
	blocks    map[string]map[string]*block // by type and name
	given     []givenValue                 // from files of values, weakest first
}

// block is one network, decky, archetype, distro, rule, sink or output.
type block struct {
	kind, name string
	declared   hcl.Range // its header
	arguments  map[string]*expression
	services   []*serviceBlock
	catalogue  bool // stands in the catalogue
}

// serviceBlock is a service block inside a decky or an archetype.
type serviceBlock struct {
	slug, label string
	declared    hcl.Range
	slugRange   hcl.Range
	arguments   map[string]*expression
}

// id is how the block is referred to.
func (b *block) id() string { return b.kind + "." + b.name }

func newConfiguration(fsys fs.FS, o Options) *Configuration {
	c := &Configuration{
		files: map[string]*hcl.File{}, root: fsys, variables: map[string]*variable{}, locals: map[string]*expression{},
		blocks: map[string]map[string]*block{},
	}
	c.settings.Name = slugOr(o.Name, "decnet")
	for _, kind := range blockKinds {
		c.blocks[kind] = map[string]*block{}
	}
	return c
}

// blockKinds are the blocks that Evaluate resolves.
var blockKinds = []string{"archetype", "decky", "distro", "network", "output", "rule", "sink"}

// Files are the parsed files by the name that ranges use, for diag.Write.
func (c *Configuration) Files() map[string]*hcl.File { return c.files }

// Settings is the decnet block.
func (c *Configuration) Settings() Settings { return c.settings }

// names lists the declared names of a type of block.
func (c *Configuration) names(kind string) []string { return slices.Sorted(maps.Keys(c.blocks[kind])) }

// blocks takes in the blocks of one file.
func (l *loader) blocks(body hcl.Body, catalogue bool) {
	g := topGrammar
	if catalogue {
		g = catalogueGrammar
	}
	top, diags := g.read(body, "", body.MissingItemRange())
	for _, d := range diags {
		l.add(topLevel(d))
	}
	for _, b := range top.blocks {
		switch b.Type {
		case "decnet":
			l.decnet(b)
		case "locals":
			l.localValues(b)
		case "variable":
			l.variable(b)
		default:
			l.block(b, g.blocks[b.Type], catalogue)
		}
	}
}

// topLevel improves the error for an argument outside of all blocks.
func topLevel(d *hcl.Diagnostic) *hcl.Diagnostic {
	if d.Detail == "It takes blocks only." {
		d.Detail = "Arguments stand in blocks; a value of your own goes in locals { ... }, a value for a variable in decnet.vars.hcl."
		d.Summary = d.Summary[:len(d.Summary)-len(" in ")] + " at the top of a file"
	}
	return d
}

// block takes in a block with a name.
func (l *loader) block(b *hcl.Block, g *grammar, catalogue bool) {
	name := b.Labels[0]
	where := fmt.Sprintf("%s %q", b.Type, name)
	got, diags := g.read(b.Body, where, b.DefRange)
	l.add(diags...)
	made := &block{
		kind: b.Type, name: name, declared: b.DefRange, catalogue: catalogue, arguments: l.expressions(got.attributes, b.Type),
	}
	l.dependsOn(made)
	for _, inner := range got.blocks {
		switch inner.Type {
		case "service":
			l.service(made, inner)
		case "lifecycle":
			l.add(diag.Error(inner.DefRange, "lifecycle is reserved", "The block has no meaning yet; leave it out."))
		}
	}
	of := l.configuration.blocks[b.Type]
	if first, twice := of[name]; twice {
		l.add(duplicate(made, first))
		return
	}
	of[name] = made
}

// dependsOn checks that depends_on is a list of whole blocks.
func (l *loader) dependsOn(b *block) {
	x, given := b.arguments["depends_on"]
	if !given {
		return
	}
	items, diags := hcl.ExprList(x.Expression)
	if diags.HasErrors() {
		l.add(diag.Error(x.Range(), "depends_on is a list of blocks", "Write depends_on = [decky.NAME, network.NAME]."))
		return
	}
	for _, item := range items {
		traversal, diags := hcl.AbsTraversalForExpr(item)
		if diags.HasErrors() || len(traversal) != 2 || traversal.RootName() != "decky" && traversal.RootName() != "network" {
			l.add(diag.Error(item.Range(), "depends_on takes whole blocks", "Write decky.NAME or network.NAME; a block with count or for_each is waited for as a whole."))
		}
	}
}

func duplicate(b, first *block) *hcl.Diagnostic {
	if first.catalogue {
		return diag.Error(b.declared, fmt.Sprintf("%s %q is in the catalogue already", b.kind, b.name),
			"Give yours another name; an archetype that changes a built-in one says extends = %q.", b.name)
	}
	return diag.Error(b.declared, fmt.Sprintf("%s %q is declared twice", b.kind, b.name),
		"The first one stands at %s; rename one of them.", place(first.declared))
}

// place is a range for use in a sentence: "main.hcl line 3".
func place(r hcl.Range) string { return fmt.Sprintf("%s line %d", r.Filename, r.Start.Line) }

// service takes in a service block of b.
func (l *loader) service(b *block, inner *hcl.Block) {
	s := &serviceBlock{slug: inner.Labels[0], declared: inner.DefRange, slugRange: inner.DefRange}
	if len(inner.LabelRanges) > 0 {
		s.slugRange = inner.LabelRanges[0]
	}
	if len(inner.Labels) > 1 {
		s.label = inner.Labels[1]
	}
	got, diags := serviceGrammar.read(inner.Body, fmt.Sprintf("service %q", s.slug), inner.DefRange)
	l.add(diags...)
	s.arguments = l.expressions(got.attributes, b.kind)
	for _, other := range b.services {
		if other.slug == s.slug && other.label == s.label {
			l.add(diag.Error(s.declared, fmt.Sprintf("service %q stands twice in %s %q", s.slug, b.kind, b.name),
				"The first one stands at %s. A second one of a slug needs a label: service %q \"other\" { ... }", place(other.declared), s.slug))
			return
		}
	}
	b.services = append(b.services, s)
}
