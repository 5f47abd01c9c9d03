package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/rule"
)

// technique is the form of an ATT&CK technique's id.
var technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)

// tactics are the tactics of the ATT&CK Enterprise matrix.
var tactics = []string{
	"reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion",
	"stealth", "defense-impairment", "credential-access", "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
}

// rule resolves a rule block.
func (e *evaluator) rule(b *block, scope *hcl.EvalContext) {
	before := len(e.diags)
	r := Rule{Name: string(e.prefix) + b.name, Threshold: 1}
	if id, ok := e.text(b, "technique", scope); ok {
		if r.Technique = id; !technique.MatchString(id) {
			e.add(diag.Error(b.arguments["technique"].Range(), "This is no technique", "An id of ATT&CK looks like T1110 or T1110.003, %q does not.", id))
		}
	}
	r.When = e.fold(b, "when", scope, rule.FoldCondition)
	r.By = e.fold(b, "by", scope, rule.FoldKey)
	r.Distinct = e.fold(b, "distinct", scope, rule.FoldKey)
	e.window(b, &r, scope)
	if x := b.arguments["tactics"]; x != nil {
		r.Tactics, _ = e.list(x, scope)
		for _, tactic := range r.Tactics {
			if !slices.Contains(tactics, tactic) {
				e.add(diag.Unknown(x.Range(), "tactic", tactic, tactics))
			}
		}
	}
	if len(e.diags) == before {
		e.other(b, r)
	}
}

// fold checks an expression over events and folds everything else in it.
func (e *evaluator) fold(b *block, name string, scope *hcl.EvalContext, fold func(hcl.Expression, []byte, *hcl.EvalContext) (string, hcl.Diagnostics)) string {
	x, given := b.arguments[name]
	if !given || x.bad {
		return ""
	}
	if x.text == "" {
		folded, diags := fold(x.Expression, e.configuration.files[x.Range().Filename].Bytes, scope)
		for _, d := range diags {
			e.add(explained(WithoutSecrets(d, x, scope)))
		}
		return folded
	}
	at := x.whole
	native, diags := hclsyntax.ParseExpression([]byte(x.text), at.Filename, hcl.InitialPos) // places in the text, for folding
	folded := ""
	if !diags.HasErrors() {
		folded, diags = fold(native, []byte(x.text), scope)
	}
	for _, d := range diags {
		d = explained(WithoutSecrets(d, native, scope))
		d.Subject, d.Context = &at, nil
		e.add(d)
	}
	return folded
}

// window resolves threshold and within.
func (e *evaluator) window(b *block, r *Rule, scope *hcl.EvalContext) {
	if x := b.arguments["threshold"]; x != nil {
		if value, ok := e.value(x, scope); ok {
			if number, ok := e.public(x, value, cty.Number, "a number"); ok {
				n, err := whole(number)
				if err != nil || n < 1 || n > 1_000_000 {
					e.add(diag.Error(x.Range(), "threshold is not accepted", "It is a whole number from 1 to 1000000."))
				}
				r.Threshold = n
			}
		}
	}
	within, given := e.text(b, "within", scope)
	if given {
		d, err := time.ParseDuration(within)
		if err != nil || d <= 0 {
			e.add(diag.Error(b.arguments["within"].Range(), "This is no duration", "Write a number with a unit, such as \"90s\", \"10m\" or \"24h\"; %q is none.", within))
		}
		r.Within = within
	}
	if _, written := b.arguments["within"]; !written && r.Threshold > 1 {
		e.add(diag.Error(b.arguments["threshold"].Range(), "A threshold needs a window", "Say how soon %d events make a hit: within = \"10m\".", r.Threshold))
	}
}

// syslogSchemes are the ways to reach a syslog receiver.
var syslogSchemes = []string{"tcp", "udp", "unix"}

// sink resolves a sink block.
func (e *evaluator) sink(b *block, scope *hcl.EvalContext) {
	before := len(e.diags)
	s := Sink{Name: string(e.prefix) + b.name}
	for _, name := range sinkArgumentNames() {
		e.sinkArgument(b, name, scope, &s)
	}
	if s.Type == "" || len(e.diags) > before || e.sinkFailed(b, scope) {
		return
	}
	for _, fault := range s.Check(func(argument string) bool { return b.arguments[argument] != nil }) {
		x := b.arguments[fault.Argument]
		if x == nil {
			e.add(diag.Error(b.declared, fault.Summary, "%s", fault.Detail))
			continue
		}
		var source []byte
		if file := e.configuration.files[x.Range().Filename]; file != nil {
			source = file.Bytes
		}
		e.add(fault.at(x.Range(), x.nameRange, source))
	}
	if len(e.diags) == before {
		e.other(b, s)
	}
}

// sinkFailed tells whether an argument has no value for a reason that was
// reported elsewhere.
func (e *evaluator) sinkFailed(b *block, scope *hcl.EvalContext) bool {
	for name, x := range b.arguments {
		if _, own := sinkArguments[name]; own && (x.bad || e.failed(x, scope)) {
			return true
		}
	}
	return false
}

// sinkArgument evaluates one argument.
func (e *evaluator) sinkArgument(b *block, name string, scope *hcl.EvalContext, s *Sink) {
	x, given := b.arguments[name]
	if !given {
		return
	}
	value, ok := e.value(x, scope)
	if !ok {
		return
	}
	a := sinkArguments[name]
	ty, what := a.types()
	converted, ok := e.public(x, value, ty, what)
	if !ok {
		return
	}
	if d := a.keep(s, name, converted, x.Range()); d != nil {
		e.add(d)
	}
}

// other adds the instance of a rule or a sink.
func (e *evaluator) other(b *block, config any) {
	encoded, err := json.Marshal(config)
	if err != nil {
		e.add(diag.Error(b.declared, fmt.Sprintf("%s %q cannot be encoded", b.kind, b.name), "%v.", err))
		return
	}
	e.others = append(e.others, other{frame: e, block: b, Instance: Instance{
		Address: e.address(b), Type: b.kind, Config: encoded, Digest: digest(encoded), Source: b.declared.String(),
	}})
}

// output resolves an output block.
func (e *evaluator) output(b *block, scope *hcl.EvalContext) {
	o := Output{Name: b.name}
	o.Description, _ = e.text(b, "description", scope)
	o.Sensitive = e.flag(b, "sensitive", scope)
	x := b.arguments["value"]
	if x == nil {
		return
	}
	value, ok := e.value(x, scope)
	if e.caller != nil {
		e.result(b.name, value, o.Sensitive)
		return
	}
	if !ok {
		return
	}
	if value.ContainsMarked() && !o.Sensitive {
		e.add(diag.Error(x.Range(), fmt.Sprintf("output %q shows a sensitive value", b.name), "Write sensitive = true beside it if that is meant."))
		return
	}
	plain, _ := value.UnmarkDeep()
	encoded, err := ctyjson.Marshal(plain, plain.Type())
	if err != nil {
		e.add(diag.Error(x.Range(), fmt.Sprintf("output %q cannot be encoded", b.name), "%s.", sentence(err.Error())))
		return
	}
	o.Value = encoded
	e.outputs = append(e.outputs, o)
}
