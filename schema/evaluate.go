package schema

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyfunction "github.com/zclconf/go-cty/cty/function"

	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/derive"
	"github.com/decnet/decnet/schema/diag"
)

// EvalOptions is what Evaluate needs to know of the world. The zero value
// evaluates a configuration that depends on nothing but itself and has no
// service.
type EvalOptions struct {
	// Environment gives variables values that are weaker than files,
	// Variables ones that are stronger; the last of a name wins.
	Environment []Value
	Variables   []Value
	// Prior is the configuration that each instance had when it was last
	// applied, by address: IP, MAC, hostname and name stay as they were. Only
	// networks and deckies are looked at.
	Prior map[addr.Address]json.RawMessage
	// Reserved tells whether an IP belongs to another configuration on this
	// host; nil: none does.
	Reserved func(netip.Addr) bool
	// DefaultRuntime is what state or the host decided; a runtime in the
	// decnet block or a decky is stronger. Empty: native.
	DefaultRuntime string
	// Seed is the one kept in state, used where the configuration has none.
	Seed string
	// Services are the service types by slug.
	Services map[string]ServiceType
	// Undeclared lets import blocks through whose target no block declares yet:
	// a decky, network, rule or sink of the root module without a key.
	Undeclared bool
	// Interfaces are the host's, for what networks leave out; nil: a network
	// must say it all.
	Interfaces []Interface
}

// Interface is a network interface of the host.
type Interface struct {
	Name      string
	Addresses []netip.Prefix // its own addresses with their subnets
	Gateway   netip.Addr     // of the route through it, zero where there is none
	Default   bool           // the default route goes through it
}

// ServiceType describes a service that deckies can have.
type ServiceType struct {
	Slug      string
	Summary   string
	Ports     []Port // what it listens on by default
	Arguments []Argument
	// Check tells what is wrong with a configuration beyond its types; nil: no
	// more is checked.
	Check func(json.RawMessage) error
}

// Argument is one argument of a service or another block.
type Argument struct {
	Name string `json:"name"`
	// Type of a service's argument is "string", "number", "bool",
	// "list(string)" or "map(string)"; other blocks have more.
	Type      string   `json:"type"`
	Doc       string   `json:"doc"`
	Default   string   `json:"default,omitempty"` // as it is written, or a word about where it comes from
	OneOf     []string `json:"one_of,omitempty"`
	Required  bool     `json:"required,omitempty"`
	Sensitive bool     `json:"sensitive,omitempty"`
}

// run is one run of Evaluate: what all modules share.
type run struct {
	options EvalOptions
	name    string // of the configuration
	seed    string
	diags   hcl.Diagnostics
	root    *evaluator
	frames  map[*tree][]*evaluator // the instances of each module
	total   int                    // of frames

	functions map[*Configuration]map[string]ctyfunction.Function

	networks   map[addr.Address]*network
	archetypes map[string]*archetype // by key
	distros    map[string]*distro    // by key
	all        []*decky              // in the order of their evaluation

	segments  map[string]*derive.IPs // by parent, or by network where it has none
	hostnames *derive.Hostnames
	macs      *derive.MACs
	names     *derive.Names
	priors    map[addr.Address]priorValues
	nodes     map[string]*node // by id
	waiting   map[netip.Addr]string
	evaluated map[string]bool  // decky blocks, by id
	checked   map[string]error // results of ServiceType.Check
	outputs   []Output
	others    []other // rules and sinks
	reported  map[string]bool
	lifecycle map[addr.Address]Lifecycle
}

func (r *run) add(d *hcl.Diagnostic) { r.diags = append(r.diags, d) }

// evaluator evaluates one instance of a module; the root module has one.
type evaluator struct {
	*run
	frame
	configuration *Configuration
	functions     map[string]ctyfunction.Function

	variables map[string]cty.Value
	locals    map[string]cty.Value
	objects   map[string]cty.Value // of blocks, by id
	deckies   map[string]*deckyBlock
	modules   map[string]*moduleBlock
	results   map[string]cty.Value // of outputs

	lateScopes map[*lifecycleBlock]*hcl.EvalContext
	unfit      map[*expression]bool // what is wrong with it was reported once
}

// other is the instance of a rule or a sink.
type other struct {
	Instance
	frame *evaluator
	block *block
}

// Evaluate resolves every block to its instances. It reports all errors at
// once, those that Load found in blocks too; Desired is nil where there is one.
func (c *Configuration) Evaluate(o EvalOptions) (*Desired, hcl.Diagnostics) {
	_, desired, diags := c.evaluate(o)
	return desired, diags
}

// evaluate also leaves the evaluator, for what else is to be evaluated with it;
// nil where the configuration is broken.
func (c *Configuration) evaluate(o EvalOptions) (*evaluator, *Desired, hcl.Diagnostics) {
	if c.broken {
		return nil, nil, hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "The configuration was not loaded", Detail: "Loading reported errors; correct them first.",
		}}
	}
	order, _ := c.order() // Load reported circles
	e := newRun(c, o, order).root
	e.diags = slices.Clone(c.pending)
	e.resolveVariables()
	last := 0
	for _, n := range order {
		last = max(last, n.rank)
	}
	for rank := 0; rank <= last; rank++ {
		var deckies []*node
		for _, n := range order {
			switch {
			case n.rank != rank:
			case n.block != nil && n.block.kind == "decky":
				deckies = append(deckies, n)
			default:
				for _, frame := range e.frames[n.tree] {
					frame.node(n)
				}
			}
		}
		e.linkCatalogue()
		slices.SortFunc(deckies, func(a, b *node) int { return strings.Compare(a.id, b.id) })
		e.wave(deckies)
	}
	e.checkArchetypes()
	e.checkPools()
	for _, instance := range e.everyFrame() {
		instance.lifecycles()
	}
	slices.SortFunc(e.outputs, func(a, b Output) int { return strings.Compare(a.Name, b.Name) })
	desired := &Desired{Name: c.settings.Name, Seed: e.seed, Outputs: e.outputs, Checks: e.checks(), Inputs: e.inputs()}
	e.refactorings(desired)
	if !e.diags.HasErrors() {
		desired.Instances = e.lower()
	}
	if e.diags = diag.Sort(e.diags); e.diags.HasErrors() {
		return e, nil, e.diags
	}
	return e, desired, e.diags
}

func newRun(c *Configuration, o EvalOptions, order []*node) *run {
	r := &run{
		options: o, name: c.settings.Name, seed: c.settings.Seed, frames: map[*tree][]*evaluator{},
		functions: map[*Configuration]map[string]ctyfunction.Function{},
		networks:  map[addr.Address]*network{}, archetypes: map[string]*archetype{}, distros: map[string]*distro{}, segments: map[string]*derive.IPs{},
		hostnames: derive.NewHostnames(len(o.Prior) / 4), macs: derive.NewMACs(len(o.Prior) / 4), names: derive.NewNames(len(o.Prior) / 4),
		priors: make(map[addr.Address]priorValues, len(o.Prior)/4), nodes: make(map[string]*node, len(order)), evaluated: map[string]bool{},
		checked: map[string]error{}, reported: map[string]bool{}, lifecycle: map[addr.Address]Lifecycle{},
	}
	for _, n := range order {
		r.nodes[n.id] = n
	}
	if r.seed == "" {
		r.seed = o.Seed
	}
	if r.options.Reserved == nil {
		r.options.Reserved = func(netip.Addr) bool { return false }
	}
	if c.settings.Runtime != "" {
		r.options.DefaultRuntime = c.settings.Runtime
	}
	if r.options.DefaultRuntime == "" {
		r.options.DefaultRuntime = "native"
	}
	r.root = r.evaluator(c.whole, frame{tree: c.whole})
	return r
}

// node evaluates what is no decky.
func (e *evaluator) node(n *node) {
	if n.local != nil {
		name := n.local.name
		e.locals[name] = cty.DynamicVal
		if value, ok := e.value(n.local, e.scope(n.references)); ok {
			e.locals[name] = value
		}
		return
	}
	if n.variable != nil {
		e.input(n.variable, n.checks)
		return
	}
	scope := e.scope(n.references)
	switch b := n.block; b.kind {
	case "network":
		e.network(b, scope)
	case "archetype":
		e.archetype(b, scope)
	case "distro":
		e.distro(b, scope)
	case "rule":
		e.rule(b, scope)
	case "sink":
		e.sink(b, scope)
	case "output":
		e.output(b, scope)
	case "module":
		e.module(b, scope)
	}
}

// scope holds what the references lead to, and nothing else, so that evaluating
// costs what is referred to.
func (e *evaluator) scope(references []reference) *hcl.EvalContext {
	groups := map[string]map[string]cty.Value{}
	for _, r := range references {
		if groups[r.kind] == nil {
			groups[r.kind] = map[string]cty.Value{}
		}
		groups[r.kind][r.name] = e.lookup(r)
	}
	variables := make(map[string]cty.Value, len(groups)+1)
	for kind, values := range groups {
		variables[kind] = cty.ObjectVal(values)
	}
	variables["path"] = e.configuration.paths
	return &hcl.EvalContext{Variables: variables, Functions: e.functions}
}

// lookup is the value of a reference; unknown where its evaluation failed.
func (e *evaluator) lookup(r reference) cty.Value {
	var value cty.Value
	var ok bool
	switch r.kind {
	case "var":
		value, ok = e.variables[r.name]
	case "local":
		value, ok = e.locals[r.name]
	case "decky":
		if d := e.deckies[r.name]; d != nil {
			return d.object()
		}
	case "module":
		if m := e.modules[r.name]; m != nil {
			return m.object()
		}
	default:
		if value, ok = e.objects[r.id()]; !ok && e != e.root {
			if b := e.configuration.blocks[r.kind][r.name]; b != nil && b.catalogue {
				value, ok = e.root.objects[r.id()]
			}
		}
	}
	if !ok {
		return cty.DynamicVal
	}
	return value
}
