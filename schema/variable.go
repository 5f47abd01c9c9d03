package schema

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/decnet/decnet/schema/diag"
)

// variable is a declared variable.
type variable struct {
	name        string
	declared    hcl.Range
	ty          cty.Type
	defaults    *typeexpr.Defaults
	value       cty.Value // the default; cty.NilVal: it must be given
	sensitive   bool
	typed       bool // a type is written, be it any
	required    bool // nullable = false: null stands for the default
	validations []validation
}

type validation struct {
	condition, message *expression
}

// givenValue is a value from a file.
type givenValue struct {
	name  string
	value cty.Value
	at    hcl.Range
	// named: its file was named on the command line, at this place.
	named bool
	order int
}

// Value is a value for a variable as a command line or an environment gives it:
// the text itself for a string, an expression for anything else.
type Value struct {
	Name   string
	Raw    string
	Origin string // for diagnostics: "--var", "DECNET_VAR_parent"
	// Order is its place among the VarFiles on the command line: of those that
	// give a variable a value the last wins, and of one place the Value.
	Order int
	// Given is the value itself where it is no text (a test file's), and At
	// where it stands; Raw is then not looked at.
	Given cty.Value
	At    hcl.Range
}

// variable takes in a variable block.
func (l *loader) variable(b *hcl.Block) {
	name := b.Labels[0]
	v := &variable{name: name, declared: b.DefRange, ty: cty.DynamicPseudoType, value: cty.NilVal}
	if first, twice := l.configuration.variables[name]; twice {
		l.add(diag.Error(b.DefRange, fmt.Sprintf("variable %q is declared twice", name), "The first one stands at %s; rename one of them.", place(first.declared)))
		return
	}
	l.configuration.variables[name] = v
	got, diags := variableGrammar.read(b.Body, fmt.Sprintf("variable %q", name), b.DefRange)
	l.add(diags...)
	if a, ok := got.attributes["type"]; ok {
		ty, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		l.add(diags...)
		if diags.HasErrors() {
			v.value = cty.DynamicVal // what is missing is a type, not a value
		} else {
			v.ty, v.defaults = ty, defaults
		}
		v.typed = true
	}
	v.sensitive = l.plainFlag(got.attributes, "sensitive", false)
	v.required = !l.plainFlag(got.attributes, "nullable", true)
	if a, ok := got.attributes["default"]; ok {
		value, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			l.add(diag.Error(a.Expr.Range(), "A default must be a plain value", "It takes no references and no functions; a local can compute one."))
			v.value = cty.DynamicVal
		} else if converted, d := v.convert(value, a.Expr.Range()); d != nil {
			l.add(d)
			v.value = cty.UnknownVal(v.ty)
		} else if v.value = converted; v.required && converted.IsNull() {
			l.add(diag.Error(a.Expr.Range(), fmt.Sprintf("The default of variable %q cannot be null", name), "The variable says nullable = false. Leave the default out, so that a value must be given."))
		}
	}
	for _, inner := range got.blocks {
		l.validation(v, inner)
	}
}

// plainFlag reads an argument that is true or false and takes no references.
func (l *loader) plainFlag(attributes hcl.Attributes, name string, otherwise bool) bool {
	a, given := attributes[name]
	if !given {
		return otherwise
	}
	value, diags := a.Expr.Value(nil)
	if diags.HasErrors() || value.IsNull() || value.Type() != cty.Bool {
		l.add(diag.Error(a.Expr.Range(), fmt.Sprintf("%s is true or false", name), "Write %s = %v. It takes no references.", name, !otherwise))
		return otherwise
	}
	return value.True()
}

func (l *loader) validation(v *variable, b *hcl.Block) {
	got, diags := variableGrammar.blocks["validation"].read(b.Body, "validation", b.DefRange)
	l.add(diags...)
	if diags.HasErrors() {
		return
	}
	e := l.expressions(got.attributes, "variable")
	v.validations = append(v.validations, validation{condition: e["condition"], message: e["error_message"]})
}

// convert makes a given value one of the variable's type.
func (v *variable) convert(value cty.Value, at hcl.Range) (cty.Value, *hcl.Diagnostic) {
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	converted, err := convert.Convert(value, v.ty)
	if err != nil {
		d := diag.Error(at, fmt.Sprintf("The value for variable %q has the wrong type", v.name), "%s. It is declared as %s at %s.",
			sentence(err.Error()), typeexpr.TypeString(v.ty), place(v.declared))
		if v.sensitive {
			d.Extra = diag.Withheld{}
			d.Detail = fmt.Sprintf("It is declared as %s at %s. The value is sensitive, so it is not shown.", typeexpr.TypeString(v.ty), place(v.declared))
		}
		return cty.NilVal, d
	}
	return converted, nil
}

// localValues takes in a locals block.
func (l *loader) localValues(b *hcl.Block) {
	got, diags := topGrammar.blocks["locals"].read(b.Body, "locals", b.DefRange)
	l.add(diags...)
	for name, e := range l.expressions(got.attributes, "locals") {
		if first, twice := l.configuration.locals[name]; twice {
			l.add(diag.Error(e.nameRange, fmt.Sprintf("local %q is declared twice", name), "The first one stands at %s; rename one of them.", place(first.nameRange)))
			continue
		}
		l.configuration.locals[name] = e
	}
}

// loadValues reads files of values, weakest first.
func (l *loader) loadValues(fsys fs.FS, names []string, more []VarFile) {
	slices.SortStableFunc(names, func(a, b string) int { // decnet.vars is the weakest, in HCL before in JSON
		first := strings.HasPrefix(a, "decnet.vars.")
		if first != strings.HasPrefix(b, "decnet.vars.") {
			return 1 - 2*boolInt(first)
		}
		if first {
			return boolInt(isJSON(a)) - boolInt(isJSON(b))
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if file := l.parseFrom(fsys, name, name); file != nil {
			l.values(file, givenValue{})
		}
	}
	for _, f := range more {
		if file := l.parse(f.Source, f.Name); file != nil {
			l.values(file, givenValue{named: true, order: f.Order})
		}
	}
}

func (l *loader) values(file *hcl.File, from givenValue) {
	attributes, diags := file.Body.JustAttributes()
	l.add(diags...)
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		v, declared := l.configuration.variables[name]
		if !declared {
			d := diag.Unknown(a.NameRange, "variable", name, slices.Collect(maps.Keys(l.configuration.variables)))
			d.Extra = diag.Withheld{} // nobody said that it is not a secret
			l.add(d)
			continue
		}
		value, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			d := diag.Error(a.Expr.Range(), "A file of values holds plain values", "It takes no references and no functions; texts stand in quotes.")
			if v.sensitive {
				d.Extra = diag.Withheld{}
			}
			l.add(d)
			value = cty.UnknownVal(v.ty) // given, if badly
		} else if converted, d := v.convert(value, a.Expr.Range()); d != nil {
			l.add(d)
			value = cty.UnknownVal(v.ty)
		} else {
			value = converted
		}
		from.name, from.value, from.at = name, value, a.Expr.Range()
		l.configuration.given = append(l.configuration.given, from)
	}
}

// resolveVariables gives every variable its value and checks it.
func (e *evaluator) resolveVariables() {
	values := map[string]cty.Value{}
	e.takeRaw(values, e.options.Environment, false)
	flags := slices.Clone(e.options.Variables)
	slices.SortStableFunc(flags, func(a, b Value) int { return a.Order - b.Order })
	for _, g := range e.configuration.given {
		if g.named {
			before := slices.IndexFunc(flags, func(v Value) bool { return v.Order >= g.order })
			if before < 0 {
				before = len(flags)
			}
			e.takeRaw(values, flags[:before], true)
			flags = flags[before:]
		}
		values[g.name] = g.value
	}
	e.takeRaw(values, flags, true)
	for _, name := range slices.Sorted(maps.Keys(e.configuration.variables)) {
		v := e.configuration.variables[name]
		value, given := values[name]
		switch {
		case given && value.IsNull() && v.required && v.value == cty.NilVal:
			e.add(diag.Error(v.declared, fmt.Sprintf("variable %q cannot be null", name), "It says nullable = false and has no default. Give it another value."))
			value = cty.UnknownVal(v.ty)
		case given && !(value.IsNull() && v.required):
		case v.value != cty.NilVal:
			value = v.value
		default:
			d := diag.Error(v.declared, fmt.Sprintf("variable %q has no value", name),
				"It has no default. Give it with --var %s=..., as DECNET_VAR_%s in the environment, or in decnet.vars.hcl.", name, name)
			d.Extra = diag.MissingValue{}
			e.add(d)
			value = cty.UnknownVal(v.ty)
		}
		e.variables[name] = v.marked(value)
	}
	for _, name := range slices.Sorted(maps.Keys(e.configuration.variables)) {
		for _, check := range e.configuration.variables[name].validations {
			e.validate(name, check)
		}
	}
}

// inputs are the values of the variables, without sensitive ones.
func (e *evaluator) inputs() []Input {
	var all []Input
	for _, name := range slices.Sorted(maps.Keys(e.configuration.variables)) {
		i := Input{Name: name, Sensitive: e.configuration.variables[name].sensitive, Value: json.RawMessage("null")}
		value := e.variables[name]
		if !i.Sensitive && value != cty.NilVal && value.IsWhollyKnown() && !value.ContainsMarked() {
			if encoded, err := ctyjson.Marshal(value, value.Type()); err == nil {
				i.Value = encoded
			}
		}
		all = append(all, i)
	}
	return all
}

// takeRaw reads values given as text. An environment may hold values for other
// configurations too; what is given for this one must be declared.
func (e *evaluator) takeRaw(into map[string]cty.Value, given []Value, strict bool) {
	for _, g := range given {
		v, declared := e.configuration.variables[g.Name]
		if !declared && !strict {
			continue
		}
		if !declared {
			e.add(&hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: fmt.Sprintf("There is no variable %q", g.Name),
				Detail: fmt.Sprintf("%s gives it a value. %s", g.Origin, diag.Advice("variable", g.Name, slices.Collect(maps.Keys(e.configuration.variables)))),
			})
			continue
		}
		value, d := v.parse(g)
		if d != nil {
			e.add(d)
			value = cty.UnknownVal(v.ty)
		}
		into[g.Name] = value
	}
}

// parse reads a text as a value of the variable's type.
func (v *variable) parse(g Value) (cty.Value, *hcl.Diagnostic) {
	if g.Given != cty.NilVal {
		return v.convert(g.Given, g.At)
	}
	at := hcl.Range{Filename: fmt.Sprintf("%s %s", g.Origin, g.Name), Start: hcl.InitialPos, End: hcl.InitialPos}
	if v.ty.IsPrimitiveType() || !v.typed {
		return v.convert(cty.StringVal(g.Raw), at)
	}
	parsed, diags := hclsyntax.ParseExpression([]byte(g.Raw), at.Filename, hcl.InitialPos)
	if !diags.HasErrors() {
		value, more := parsed.Value(nil)
		if !more.HasErrors() {
			return v.convert(value, at)
		}
	}
	d := diag.Error(at, fmt.Sprintf("The value for variable %q cannot be read", v.name),
		"It is declared as %s at %s, so the text must be such a value in HCL, quoted for the shell.", typeexpr.TypeString(v.ty), place(v.declared))
	return cty.NilVal, d
}

// validate checks one validation of a variable.
func (e *evaluator) validate(name string, check validation) {
	scope := e.scope(slices.Concat(check.condition.references, check.message.references))
	condition, ok := e.value(check.condition, scope)
	if !ok {
		return
	}
	condition, _ = condition.Unmark()
	if b, err := convert.Convert(condition, cty.Bool); err != nil || b.IsNull() {
		e.add(diag.Error(check.condition.Range(), "A condition is true or false", "This one is neither."))
		return
	} else if b.True() {
		return
	}
	detail := "The condition of the validation is false."
	if message, ok := e.value(check.message, scope); ok {
		if message.ContainsMarked() {
			detail = "The message is sensitive, so it is not shown."
		} else if s, err := convert.Convert(message, cty.String); err == nil && !s.IsNull() {
			detail = s.AsString()
		}
	}
	at := e.configuration.variables[name].declared
	if e.caller != nil && e.tree.call.arguments[name] != nil {
		at = e.tree.call.arguments[name].Range()
	}
	d := diag.Error(at, fmt.Sprintf("The value of variable %q is not accepted", name),
		"%s\n\nThe condition stands at %s.", strings.TrimSpace(detail), place(check.condition.Range()))
	if e.caller != nil && e.configuration.variables[name].sensitive {
		d.Extra = diag.Withheld{} // the value may stand on the line
	}
	e.add(diag.Concerning(d, string(e.prefix)+"var."+name))
}
