package schema

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

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
	late      []*expression                // evaluated when everything else is
	checks    []*checkBlock
	moved     []*movedBlock
	removed   []*removedBlock
	imports   []*importBlock

	child bool      // a module, not the root
	path  string    // of its folder: path.module
	paths cty.Value // what path yields
	whole *tree     // of the root: all modules
}

// block is one network, decky, archetype, distro, rule, sink or output.
type block struct {
	kind, name string
	declared   hcl.Range // its header
	arguments  map[string]*expression
	services   []*serviceBlock
	lifecycle  *lifecycleBlock
	catalogue  bool // stands in the catalogue
	call       *moduleCall
}

// serviceBlock is a service block inside a decky or an archetype.
type serviceBlock struct {
	slug, label string
	declared    hcl.Range
	slugRange   hcl.Range
	arguments   map[string]*expression
	lifecycle   *lifecycleBlock
	dynamic     *dynamicService // then slug and label are none yet
}

// id is how the block is referred to.
func (b *block) id() string { return b.kind + "." + b.name }

func newConfiguration(fsys fs.FS, o Options) *Configuration {
	c := &Configuration{
		files: map[string]*hcl.File{}, root: fsys, variables: map[string]*variable{}, locals: map[string]*expression{},
		blocks: map[string]map[string]*block{}, path: ".", paths: paths("."),
	}
	c.settings.Name = slugOr(o.Name, "decnet")
	for _, kind := range blockKinds {
		c.blocks[kind] = map[string]*block{}
	}
	return c
}

// blockKinds are the blocks that Evaluate resolves.
var blockKinds = []string{"archetype", "decky", "distro", "module", "network", "output", "rule", "sink"}

// Files are the parsed files by the name that ranges use, for diag.Write.
func (c *Configuration) Files() map[string]*hcl.File { return c.files }

// Pending is what Load found wrong with blocks, which Evaluate reports.
func (c *Configuration) Pending() hcl.Diagnostics { return slices.Clone(c.pending) }

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
		case "check":
			l.check(b)
		case "moved", "removed", "import":
			l.refactoring(b, g.blocks[b.Type])
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
	made := &block{kind: b.Type, name: name, declared: b.DefRange, catalogue: catalogue}
	made.arguments = l.arguments(got.attributes, b.Type)
	o := owner{kind: b.Type, counted: b.Type == "decky"}
	for _, inner := range got.blocks {
		switch inner.Type {
		case "service":
			l.service(made, inner)
		case "dynamic":
			l.dynamic(made, inner)
		case "lifecycle":
			if made.lifecycle != nil {
				l.add(diag.Error(inner.DefRange, fmt.Sprintf("lifecycle stands twice in %s", where), "The first one stands at %s; put both in one.", place(made.lifecycle.declared)))
				continue
			}
			made.lifecycle = l.lifecycle(o, inner)
		case "precondition":
			if made.lifecycle == nil {
				made.lifecycle = &lifecycleBlock{declared: inner.DefRange}
			}
			if c, ok := l.condition(o, inner, false); ok {
				made.lifecycle.conditions = append(made.lifecycle.conditions, c)
			}
		}
	}
	if b.Type == "module" {
		l.call(made)
	}
	of := l.configuration.blocks[b.Type]
	if first, twice := of[name]; twice {
		l.add(duplicate(made, first))
		return
	}
	of[name] = made
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
	s.arguments = l.arguments(got.attributes, b.kind)
	l.serviceLifecycle(b, s, got.blocks)
	for _, other := range b.services {
		if other.dynamic == nil && other.slug == s.slug && other.label == s.label {
			l.add(diag.Error(s.declared, fmt.Sprintf("service %q stands twice in %s %q", s.slug, b.kind, b.name),
				"The first one stands at %s. A second one of a slug needs a label: service %q \"other\" { ... }", place(other.declared), s.slug))
			return
		}
	}
	b.services = append(b.services, s)
}

// arguments takes in the arguments of a block with depends_on among them.
func (l *loader) arguments(attributes hcl.Attributes, kind string) map[string]*expression {
	after, given := attributes["depends_on"]
	if given {
		attributes = maps.Clone(attributes)
		delete(attributes, "depends_on")
	}
	out := l.expressions(attributes, kind)
	if given {
		out["depends_on"], _ = l.targets(after, false, false)
	}
	return out
}

// serviceLifecycle takes in the lifecycle of a service block.
func (l *loader) serviceLifecycle(b *block, s *serviceBlock, blocks hcl.Blocks) {
	for _, inner := range blocks {
		switch {
		case b.kind == "archetype":
			l.add(diag.Error(inner.DefRange, "A service of an archetype has no lifecycle", "An archetype says what a decky is; write the lifecycle in the decky's service block."))
		case s.lifecycle != nil:
			l.add(diag.Error(inner.DefRange, fmt.Sprintf("lifecycle stands twice in service %q", s.slug), "The first one stands at %s; put both in one.", place(s.lifecycle.declared)))
		default:
			o := owner{kind: "service", counted: true}
			if s.dynamic != nil {
				o.iterator = s.dynamic.iterator
			}
			s.lifecycle = l.lifecycle(o, inner)
		}
	}
}
