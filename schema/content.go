package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
)

// grammar is what may stand in a block.
type grammar struct {
	labels    []string // what each label is: "name"
	optional  int      // how many of the last labels may be left out
	arguments []string
	required  []string
	blocks    map[string]*grammar
	free      bool // any argument: its block's owner checks them
}

var serviceGrammar = &grammar{labels: []string{"slug", "label"}, optional: 1, free: true, blocks: map[string]*grammar{"lifecycle": lifecycleGrammar}}

var topGrammar = &grammar{blocks: map[string]*grammar{
	"decnet":   {arguments: []string{"name", "required_version", "state", "runtime", "seed", "secret"}},
	"locals":   {free: true},
	"variable": variableGrammar,
	"output": {
		labels: []string{"name"}, arguments: []string{"value", "description", "sensitive", "depends_on"}, required: []string{"value"},
		blocks: map[string]*grammar{"precondition": conditionGrammar},
	},
	"network": {
		labels:    []string{"name"},
		arguments: []string{"driver", "parent", "subnet", "gateway", "pool", "host_access", "host_ip", "depends_on"},
		blocks:    map[string]*grammar{"lifecycle": lifecycleGrammar},
	},
	"check":     checkGrammar,
	"import":    importGrammar,
	"module":    {labels: []string{"name"}, arguments: callArguments, required: []string{"source"}, free: true},
	"moved":     movedGrammar,
	"removed":   removedGrammar,
	"decky":     deckyGrammar,
	"archetype": archetypeGrammar,
	"distro": {
		labels:    []string{"slug"},
		arguments: []string{"title", "hostname_style", "kernel", "build", "machine", "packages"},
		required:  []string{"title", "hostname_style", "kernel", "build"},
	},
	"rule": {
		labels:    []string{"name"},
		arguments: []string{"technique", "when", "by", "distinct", "threshold", "within", "tactics", "depends_on"},
		required:  []string{"technique", "when"},
		blocks:    map[string]*grammar{"lifecycle": lifecycleGrammar},
	},
	"sink": {
		labels: []string{"name"}, arguments: append(sinkArgumentNames(), "depends_on"), required: []string{"type"},
		blocks: map[string]*grammar{"lifecycle": lifecycleGrammar},
	},
}}

var variableGrammar = &grammar{
	labels: []string{"name"}, arguments: []string{"type", "default", "description", "sensitive", "nullable"},
	blocks: map[string]*grammar{"validation": {
		arguments: []string{"condition", "error_message"}, required: []string{"condition", "error_message"},
	}},
}

var deckyGrammar = &grammar{
	labels: []string{"name"},
	arguments: []string{
		"count", "for_each", "depends_on", "network", "archetype", "services", "os", "distro", "hostname", "domain", "ip", "mac", "vendor", "runtime", "timezone", "persist",
	},
	required: []string{"network"},
	blocks:   map[string]*grammar{"service": serviceGrammar, "lifecycle": deckyLifecycleGrammar, "dynamic": dynamicGrammar},
}

var archetypeGrammar = &grammar{
	labels: []string{"slug"}, arguments: []string{"extends", "services", "os", "distros", "description"},
	blocks: map[string]*grammar{"service": serviceGrammar, "dynamic": dynamicGrammar},
}

// callArguments are the arguments of a module block that are no inputs.
var callArguments = []string{"source", "count", "for_each", "depends_on"}

// catalogueGrammar is what a catalogue file may hold.
var catalogueGrammar = &grammar{blocks: map[string]*grammar{
	"archetype": archetypeGrammar, "distro": topGrammar.blocks["distro"],
}}

// content is the checked content of a body.
type content struct {
	attributes hcl.Attributes
	blocks     hcl.Blocks // in the order of the file
}

// read checks a body against its grammar. It goes on after errors and returns
// what is good.
func (g *grammar) read(body hcl.Body, where string, at hcl.Range) (content, hcl.Diagnostics) {
	native, ok := body.(*hclsyntax.Body)
	if !ok {
		return g.readJSON(body, where, at)
	}
	c := content{attributes: hcl.Attributes{}}
	var diags hcl.Diagnostics
	for name, attribute := range native.Attributes {
		if g.free || slices.Contains(g.arguments, name) {
			c.attributes[name] = attribute.AsHCLAttribute()
			continue
		}
		d := diag.Unknown(attribute.NameRange, "argument", name, g.arguments)
		d.Summary = fmt.Sprintf("There is no argument %q in %s", name, where)
		if inner, isBlock := g.blocks[name]; isBlock {
			d.Detail = fmt.Sprintf("%s is a block: write %s { ... } without the equals sign.", name, inner.header(name))
		} else if len(g.arguments) == 0 {
			d.Detail = "It takes blocks only."
		}
		diags = append(diags, d)
	}
	for _, block := range native.Blocks {
		inner, known := g.blocks[block.Type]
		if !known {
			diags = append(diags, g.unknownBlock(block, where))
			continue
		}
		made := block.AsHCLBlock()
		if d := inner.checkLabels(made); d != nil {
			diags = append(diags, d)
			continue
		}
		c.blocks = append(c.blocks, made)
	}
	for _, name := range g.required {
		if _, given := native.Attributes[name]; !given {
			diags = append(diags, missing(at, name, where))
		}
	}
	return c, diags
}

func missing(at hcl.Range, name, where string) *hcl.Diagnostic {
	return diag.Error(at, fmt.Sprintf("%s is missing in %s", name, where), "The argument %q must be given.", name)
}

func (g *grammar) unknownBlock(block *hclsyntax.Block, where string) *hcl.Diagnostic {
	d := diag.Unknown(block.TypeRange, "block", block.Type, slices.Collect(maps.Keys(g.blocks)))
	if where != "" {
		d.Summary = fmt.Sprintf("There is no block %q in %s", block.Type, where)
	}
	if slices.Contains(g.arguments, block.Type) {
		d.Detail = fmt.Sprintf("%s is an argument: write %s = ...", block.Type, block.Type)
	} else if len(g.blocks) == 0 {
		d.Detail = "It takes arguments only."
	}
	return d
}

// header is how a block of the type begins, with the labels that it must have.
func (g *grammar) header(name string) string {
	for _, label := range g.labels[:len(g.labels)-g.optional] {
		name += fmt.Sprintf(" %q", strings.ToUpper(label))
	}
	return name
}

func (g *grammar) checkLabels(block *hcl.Block) *hcl.Diagnostic {
	header := g.header(block.Type)
	switch {
	case len(block.Labels) > len(g.labels):
		return diag.Error(block.LabelRanges[len(g.labels)], fmt.Sprintf("Too many labels on %s", block.Type), "The header is: %s { ... }", header)
	case len(block.Labels) < len(g.labels)-g.optional:
		return diag.Error(block.DefRange, fmt.Sprintf("%s needs a %s", block.Type, g.labels[len(block.Labels)]), "The header is: %s { ... }", header)
	}
	for i, label := range block.Labels {
		if !hclsyntax.ValidIdentifier(label) {
			return diag.Error(block.LabelRanges[i], fmt.Sprintf("%q is no %s", label, g.labels[i]),
				"A %s starts with a letter or an underscore and goes on with letters, digits, underscores and hyphens.", g.labels[i])
		}
	}
	return nil
}
