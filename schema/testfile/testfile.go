// Package testfile reads *.test.hcl files: what a test runs and what it expects,
// as expressions that are not evaluated yet. The language is Terraform's test
// language with probe blocks. It runs nothing.
package testfile

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/decnet/decnet/schema/diag"
)

// Suffix is what a test file's name ends with.
const Suffix = ".test.hcl"

// Command is what a run does.
type Command string

// The commands of a run; Apply where none is said.
const (
	Plan  Command = "plan"
	Apply Command = "apply"
)

// File is one test file.
type File struct {
	Name      string
	Source    *hcl.File
	Variables []Variable // for every run; weaker than a run's own
	Runs      []Run      // in their order
}

// Variable is a value for a variable of the configuration.
type Variable struct {
	Name  string
	Value hcl.Expression
	At    hcl.Range // of the name
}

// Run is one run block.
type Run struct {
	Name      string
	Declared  hcl.Range
	Command   Command
	Variables []Variable
	Asserts   []Assert
	// Expected are the checkable things that must fail.
	Expected []Subject
	Probes   []Probe
}

// Assert is one assert block.
type Assert struct {
	Declared  hcl.Range
	Condition hcl.Expression
	Message   hcl.Expression
}

// Subject is something whose failure is expected: check.names, var.n.
type Subject struct {
	Address string
	At      hcl.Range
}

// Probe is one probe block: a connection that an attacker might make.
type Probe struct {
	Kind      Kind
	Declared  hcl.Range
	Arguments map[string]hcl.Expression // by name, as the kind has them
	Asserts   []Assert
}

// Kind is what a probe speaks.
type Kind string

// The kinds of probes.
const (
	TCP  Kind = "tcp"
	SSH  Kind = "ssh"
	HTTP Kind = "http"
)

// Arguments of blocks.
var (
	runArguments    = []string{"command", "expect_failures"}
	assertArguments = []string{"condition", "error_message"}
)

// common are the arguments of every probe.
var common = []string{"port", "target", "timeout"}

// kinds are the arguments that each kind has besides the common ones.
var kinds = map[Kind][]string{
	TCP:  {"expect_banner", "expect_closed", "send"},
	SSH:  {"command", "password", "user"},
	HTTP: {"body", "headers", "host", "method", "path", "tls"},
}

// limits of a test file.
const (
	maxSource  = 1 << 20
	maxNesting = 200
)

var validName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// Parse reads a test file. The File holds what could be read, also where there
// are errors; it is never nil.
func Parse(source []byte, name string) (*File, hcl.Diagnostics) {
	f := &File{Name: name, Source: &hcl.File{Bytes: source}}
	start := hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos}
	if len(source) > maxSource {
		return f, hcl.Diagnostics{diag.Error(start, "The test file is too large", "At most %d bytes are read.", maxSource)}
	}
	if depth(source) > maxNesting {
		return f, hcl.Diagnostics{diag.Error(start, "Brackets nest too deep", "At most %d levels are read.", maxNesting)}
	}
	file, diags := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
	if file == nil || file.Body == nil {
		return f, diags
	}
	f.Source = file
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return f, diags
	}
	p := &parser{diags: diags}
	p.file(f, body)
	return f, diag.Sort(p.diags)
}

// depth is how deep brackets nest, those in texts counted too.
func depth(source []byte) int {
	deepest, now := 0, 0
	for _, c := range source {
		switch c {
		case '(', '[', '{':
			now++
			deepest = max(deepest, now)
		case ')', ']', '}':
			now = max(now-1, 0)
		}
	}
	return deepest
}

type parser struct{ diags hcl.Diagnostics }

func (p *parser) fail(at hcl.Range, summary, format string, args ...any) {
	p.diags = append(p.diags, diag.Error(at, summary, format, args...))
}

func (p *parser) file(f *File, body *hclsyntax.Body) {
	p.only(body, "a test file", nil, []string{"run", "variables"})
	seen := map[string]hcl.Range{}
	for _, b := range body.Blocks {
		switch b.Type {
		case "variables":
			p.labels(b, 0, "")
			f.Variables = append(f.Variables, p.variables(b.Body)...)
		case "run":
			if !p.labels(b, 1, `run "name" { ... }`) {
				continue
			}
			r := p.run(b)
			if first, twice := seen[r.Name]; twice {
				p.fail(r.Declared, fmt.Sprintf("run %q stands twice in the file", r.Name), "The first one stands at line %d; rename one of them.", first.Start.Line)
			}
			seen[r.Name] = r.Declared
			f.Runs = append(f.Runs, r)
		}
	}
	p.twice(f.Variables)
}

// labels checks the number of a block's labels; the first is a name.
func (p *parser) labels(b *hclsyntax.Block, want int, form string) bool {
	if len(b.Labels) != want {
		if form == "" {
			form = b.Type + " { ... }"
		}
		p.fail(b.DefRange(), fmt.Sprintf("%s has %d labels here", b.Type, len(b.Labels)), "Write %s.", form)
		return false
	}
	if want == 1 && b.Type == "run" && !validName.MatchString(b.Labels[0]) {
		p.fail(b.LabelRanges[0], fmt.Sprintf("A run cannot be called %q", b.Labels[0]), "Take letters, digits, _ and -, a letter first.")
		return false
	}
	return true
}

// only complains about arguments and blocks that do not belong into a body.
func (p *parser) only(body *hclsyntax.Body, where string, arguments, blocks []string) {
	for _, a := range sorted(body.Attributes) {
		if slices.Contains(arguments, a.Name) {
			continue
		}
		if slices.Contains(blocks, a.Name) {
			p.fail(a.NameRange, fmt.Sprintf("%s is a block", a.Name), "Write %s { ... } without =.", a.Name)
			continue
		}
		if len(arguments) == 0 {
			p.fail(a.NameRange, fmt.Sprintf("There is no argument %q in %s", a.Name, where), "It takes blocks only: %s.", diag.Advice("block", a.Name, blocks))
			continue
		}
		d := diag.Unknown(a.NameRange, "argument", a.Name, arguments)
		d.Summary += " in " + where
		p.diags = append(p.diags, d)
	}
	for _, b := range body.Blocks {
		if slices.Contains(blocks, b.Type) {
			continue
		}
		d := diag.Unknown(b.TypeRange, "block", b.Type, blocks)
		d.Summary += " in " + where
		p.diags = append(p.diags, d)
	}
}

// sorted are attributes in the order of the source.
func sorted(attributes hclsyntax.Attributes) []*hclsyntax.Attribute {
	all := make([]*hclsyntax.Attribute, 0, len(attributes))
	for _, a := range attributes {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return all
}

func (p *parser) variables(body *hclsyntax.Body) []Variable {
	var all []Variable
	for _, a := range sorted(body.Attributes) {
		all = append(all, Variable{Name: a.Name, Value: a.Expr, At: a.NameRange})
	}
	for _, b := range body.Blocks {
		p.fail(b.TypeRange, "variables holds values only", "Write NAME = VALUE.")
	}
	return all
}

// twice complains about a variable that several blocks give a value.
func (p *parser) twice(all []Variable) {
	seen := map[string]hcl.Range{}
	for _, v := range all {
		if first, twice := seen[v.Name]; twice {
			p.fail(v.At, fmt.Sprintf("%s has a value already", v.Name), "The first one stands at line %d.", first.Start.Line)
		}
		seen[v.Name] = v.At
	}
}

func (p *parser) run(b *hclsyntax.Block) Run {
	r := Run{Name: b.Labels[0], Declared: b.DefRange(), Command: Apply}
	where := fmt.Sprintf("run %q", r.Name)
	p.only(b.Body, where, runArguments, []string{"assert", "probe", "variables"})
	if a := b.Body.Attributes["command"]; a != nil {
		word := hcl.ExprAsKeyword(a.Expr)
		if r.Command = Command(word); r.Command != Plan && r.Command != Apply {
			p.fail(a.Expr.Range(), "A run plans or applies", "Write command = plan or command = apply, without quotes.")
			r.Command = Apply
		}
	}
	if a := b.Body.Attributes["expect_failures"]; a != nil {
		r.Expected = p.subjects(a.Expr)
	}
	for _, inner := range b.Body.Blocks {
		switch inner.Type {
		case "variables":
			p.labels(inner, 0, "")
			r.Variables = append(r.Variables, p.variables(inner.Body)...)
		case "assert":
			r.Asserts = p.assert(r.Asserts, inner)
		case "probe":
			r.Probes = p.probe(r.Probes, inner)
		}
	}
	p.twice(r.Variables)
	if r.Command == Plan && len(r.Probes) > 0 {
		p.fail(r.Probes[0].Declared, "There is nothing to probe after a plan", "Write command = apply in %s.", where)
	}
	return r
}

// checkable are the roots of what can fail by itself.
var checkable = []string{"check", "decky", "network", "output", "var"}

func (p *parser) subjects(x hcl.Expression) []Subject {
	items, diags := hcl.ExprList(x)
	if diags.HasErrors() {
		p.fail(x.Range(), "expect_failures is a list of references", "Write expect_failures = [check.NAME, var.NAME].")
		return nil
	}
	var all []Subject
	for _, item := range items {
		traversal, diags := hcl.AbsTraversalForExpr(item)
		if diags.HasErrors() || len(traversal) < 2 {
			p.fail(item.Range(), "Only a reference can be expected to fail", "Write check.NAME, output.NAME, var.NAME, decky.NAME or network.NAME.")
			continue
		}
		if root := traversal.RootName(); !slices.Contains(checkable, root) {
			p.diags = append(p.diags, diag.Unknown(item.Range(), "checkable object", root, checkable))
			continue
		}
		all = append(all, Subject{Address: address(traversal), At: item.Range()})
	}
	return all
}

func (p *parser) assert(all []Assert, b *hclsyntax.Block) []Assert {
	p.labels(b, 0, "")
	p.only(b.Body, "assert", assertArguments, nil)
	a := Assert{Declared: b.DefRange()}
	for name, x := range map[string]*hcl.Expression{"condition": &a.Condition, "error_message": &a.Message} {
		given := b.Body.Attributes[name]
		if given == nil {
			p.fail(b.DefRange(), fmt.Sprintf("assert has no %s", name), `Write condition = ... and error_message = "...".`)
			return all
		}
		*x = given.Expr
	}
	return append(all, a)
}

func (p *parser) probe(all []Probe, b *hclsyntax.Block) []Probe {
	if !p.labels(b, 1, `probe "tcp" { ... }`) {
		return all
	}
	kind := Kind(b.Labels[0])
	own, known := kinds[kind]
	if !known {
		p.diags = append(p.diags, diag.Unknown(b.LabelRanges[0], "kind of probe", b.Labels[0], []string{string(TCP), string(SSH), string(HTTP)}))
		return all
	}
	p.only(b.Body, fmt.Sprintf("probe %q", kind), slices.Concat(common, own), []string{"assert"})
	made := Probe{Kind: kind, Declared: b.DefRange(), Arguments: map[string]hcl.Expression{}}
	for _, a := range b.Body.Attributes {
		made.Arguments[a.Name] = a.Expr
	}
	if made.Arguments["target"] == nil {
		p.fail(b.DefRange(), "The probe has no target", "Write target = decky.NAME, or an IP in quotes.")
	}
	for _, inner := range b.Body.Blocks {
		if inner.Type == "assert" {
			made.Asserts = p.assert(made.Asserts, inner)
		}
	}
	return append(all, made)
}
