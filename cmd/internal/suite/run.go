package suite

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/function"
	"github.com/decnet/decnet/schema/testfile"
)

// outputsOf are the outputs of the runs of a file so far, by run.
type outputsOf map[string]cty.Value

// value is what run leads to in an expression.
func (o outputsOf) value() cty.Value { return cty.ObjectVal(o) }

// fileRun is one file on its way.
type fileRun struct {
	runner  Runner
	file    *testfile.File
	fleet   Fleet
	outputs outputsOf
	sources map[string]*hcl.File
	seen    map[string]bool // events that earlier runs and probes have had
}

// run carries out one run block.
func (f *fileRun) run(ctx context.Context, run testfile.Run) RunResult {
	result := RunResult{Name: run.Name, At: run.Declared, Command: run.Command, Status: Pass}
	values, diags := f.values(run)
	if diags.HasErrors() {
		result.Status, result.Diags = Error, diags
		return result
	}
	world, err := f.fleet.Plan(ctx, values)
	if err != nil {
		result.Status, result.Diags = Error, hcl.Diagnostics{failure("The run cannot be planned", err, run.Declared.Ptr())}
		return result
	}
	maps.Copy(f.sources, world.Files)
	f.sources[f.file.Name] = f.file.Source
	result.Summary = world.Summary
	unexpected, unmet := match(run.Expected, failures(world), world.Diags)
	result.Diags = unexpected
	if world.Desired == nil || unexpected.HasErrors() {
		result.Diags = append(result.Diags, unmet...)
		result.Status = statusOf(unexpected, unmet)
		return result
	}
	if run.Command == testfile.Apply {
		f.forget(ctx)
		if err := f.fleet.Apply(ctx); err != nil {
			result.Status, result.Diags = Error, append(result.Diags, failure("The run cannot be applied", err, run.Declared.Ptr()))
			return result
		}
	}
	result.Diags = append(promoted(result.Diags), unmet...)
	f.remember(run.Name, world.Desired)
	e := &examiner{fileRun: f, world: world}
	for _, p := range run.Probes {
		diags, said := e.probe(ctx, p)
		result.Diags = append(result.Diags, diags...)
		result.Probes = append(result.Probes, said)
	}
	for _, a := range run.Asserts {
		result.Diags = append(result.Diags, e.assert(ctx, a, nil, f.recent)...)
	}
	if result.Diags.HasErrors() {
		result.Status = Fail
	}
	return result
}

// statusOf is the status of a run whose configuration could not be evaluated.
func statusOf(unexpected, unmet hcl.Diagnostics) Status {
	switch {
	case unexpected.HasErrors():
		return Error
	case unmet.HasErrors():
		return Fail
	default:
		return Pass // it failed as expected
	}
}

// strongest is the Order of values in test files: no flag comes after them.
const strongest = math.MaxInt

// values are the run's variables over the file's over the command line's.
func (f *fileRun) values(run testfile.Run) ([]schema.Value, hcl.Diagnostics) {
	values := slices.Clone(f.runner.Values)
	var diags hcl.Diagnostics
	own := map[string]cty.Value{}
	take := func(v testfile.Variable, scope *hcl.EvalContext, origin string) {
		value, more := v.Value.Value(scope)
		diags = append(diags, more...)
		if more.HasErrors() {
			return
		}
		own[v.Name] = value
		values = append(values, schema.Value{Name: v.Name, Origin: origin, Given: value, At: v.Value.Range(), Order: strongest})
	}
	functions := function.Pure()
	for _, v := range f.file.Variables {
		take(v, &hcl.EvalContext{Functions: functions}, f.file.Name)
	}
	file := cty.ObjectVal(maps.Clone(own))
	for _, v := range run.Variables {
		take(v, &hcl.EvalContext{Functions: functions, Variables: map[string]cty.Value{"var": file, "run": f.outputs.value()}}, "run "+run.Name)
	}
	return values, diags
}

// remember keeps a run's outputs for later runs.
func (f *fileRun) remember(name string, desired *schema.Desired) {
	outputs := map[string]cty.Value{}
	for _, o := range desired.Outputs {
		if value, err := schema.OutputValue(o); err == nil { // it was JSON when it was made
			outputs[o.Name] = value
		}
	}
	f.outputs[name] = cty.ObjectVal(outputs)
}

// failed is one checkable thing that failed, as an error unless expected; a
// check block's is a warning.
type failed struct {
	address string
	d       *hcl.Diagnostic
}

// failures are what failed in evaluating a configuration.
func failures(world World) []failed {
	var all []failed
	for _, d := range world.Diags {
		if about, ok := hcl.DiagnosticExtra[diag.About](d); ok {
			all = append(all, failed{about.Address, d})
		}
	}
	if world.Desired == nil {
		return all
	}
	for _, c := range world.Desired.Checks {
		if !c.Passed {
			all = append(all, failed{"check." + c.Name, nil})
		}
	}
	return all
}

// match separates what failed as expected from what else is wrong, and says
// what was expected to fail and did not.
func match(expected []testfile.Subject, all []failed, diags hcl.Diagnostics) (unexpected, unmet hcl.Diagnostics) {
	asExpected := map[*hcl.Diagnostic]bool{}
	for _, subject := range expected {
		met := false
		for _, f := range all {
			if !covers(subject.Address, f.address) {
				continue
			}
			met = true
			asExpected[f.d] = true
		}
		if !met {
			unmet = append(unmet, diag.Error(subject.At, "An expected failure did not happen", "%s was to fail, and did not.", subject.Address))
		}
	}
	for _, d := range diags {
		if !asExpected[d] {
			unexpected = append(unexpected, d)
		}
	}
	return unexpected, unmet
}

// promoted makes errors of failed checks, which only warn elsewhere: that they
// hold is what a test is for.
func promoted(diags hcl.Diagnostics) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, d := range diags {
		if about, ok := hcl.DiagnosticExtra[diag.About](d); ok && strings.HasPrefix(about.Address, "check.") {
			raised := *d
			raised.Severity = hcl.DiagError
			d = &raised
		}
		out = append(out, d)
	}
	return out
}

// covers tells whether an expectation speaks of an address: decky.web stands
// for decky.web[0] too.
func covers(expected, address string) bool {
	return expected == address || len(address) > len(expected) && address[:len(expected)] == expected && (address[len(expected)] == '[' || address[len(expected)] == '.')
}

// describe is a value in one short line.
func describe(value cty.Value) string {
	if value.ContainsMarked() {
		return "(sensitive value)"
	}
	if !value.IsKnown() || value.IsNull() {
		return "null"
	}
	ty := value.Type()
	switch {
	case ty == cty.String:
		return fmt.Sprintf("%q", clip(value.AsString()))
	case ty == cty.Number:
		return value.AsBigFloat().Text('f', -1)
	case ty == cty.Bool:
		return fmt.Sprint(value.True())
	case ty.IsTupleType() || ty.IsListType() || ty.IsSetType():
		return sequence(value)
	default:
		return object(value)
	}
}
