// Package tfjson writes plans and runs in the formats that Terraform has
// published for programs: the JSON plan ("JSON Output Format", version 1.2) and
// the stream of messages of an apply ("Machine-Readable UI", version 1.2), so that
// policies and tools made for Terraform read decnet's. Names that Terraform does
// not have are additions; sensitive values are null, never present.
package tfjson

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/decnet/decnet/cmd/internal/view/change"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/lint"
)

// FormatVersion is the version of Terraform's format that documents follow.
const FormatVersion = "1.2"

// Document is a plan.
type Document struct {
	FormatVersion   string                  `json:"format_version"`
	DecnetVersion   string                  `json:"decnet_version,omitempty"`
	Variables       map[string]Variable     `json:"variables,omitempty"` // with the values that they had; a sensitive one has null
	PlannedValues   Values                  `json:"planned_values"`
	ResourceDrift   []ResourceChange        `json:"resource_drift,omitempty"`
	ResourceChanges []ResourceChange        `json:"resource_changes"`
	OutputChanges   map[string]OutputChange `json:"output_changes"`
	PriorState      *State                  `json:"prior_state,omitempty"`
	Checks          []Check                 `json:"checks,omitempty"`
	Applyable       bool                    `json:"applyable"` // an apply has something to do
	Complete        bool                    `json:"complete"`  // everything wanted is in it
	Errored         bool                    `json:"errored"`   // an apply would refuse
	// Decnet is what Terraform has no name for.
	Decnet Extra `json:"decnet"`
}

// Extra is the part of a document that is decnet's own.
type Extra struct {
	Name    string `json:"name"`
	Lineage string `json:"lineage,omitempty"`
	Serial  int64  `json:"serial"`
	Seed    string `json:"seed,omitempty"`
	Runtime string `json:"runtime,omitempty"`
	// Configuration is the digest of what is wanted, left out where something
	// sensitive is in it.
	Configuration string              `json:"configuration,omitempty"`
	Destroy       bool                `json:"destroy,omitempty"`
	Summary       plan.Summary        `json:"summary"`
	Unavailable   []plan.Unavailable  `json:"unavailable,omitempty"`
	Findings      []providers.Finding `json:"findings,omitempty"`
	RefreshOnly   bool                `json:"refresh_only,omitempty"`
	Targets       []addr.Address      `json:"targets,omitempty"`
	Excludes      []addr.Address      `json:"excludes,omitempty"`
	Believability *lint.Comparison    `json:"believability,omitempty"`
	// Quarantined are the deckies that are kept for study.
	Quarantined []plan.Quarantined `json:"quarantined,omitempty"`
}

// State is what was applied last.
type State struct {
	FormatVersion string `json:"format_version"`
	Values        Values `json:"values"`
}

// Values are all resources of a time, and the outputs.
type Values struct {
	Outputs    map[string]Output `json:"outputs,omitempty"`
	RootModule *Module           `json:"root_module"`
}

// Module holds the resources of one module.
type Module struct {
	Address      string     `json:"address,omitempty"`
	Resources    []Resource `json:"resources,omitempty"`
	ChildModules []*Module  `json:"child_modules,omitempty"`
}

// Name is how Terraform takes an address apart.
type Name struct {
	Address       string `json:"address"`
	ModuleAddress string `json:"module_address,omitempty"`
	Mode          string `json:"mode"` // "managed"
	Type          string `json:"type"`
	Name          string `json:"name"`
	Index         any    `json:"index,omitempty"` // a number or a string
	ProviderName  string `json:"provider_name"`
}

// Resource is one instance with its values.
type Resource struct {
	Name
	SchemaVersion   int `json:"schema_version"`
	Values          any `json:"values"`
	SensitiveValues any `json:"sensitive_values"`
}

// ResourceChange is what a plan does to one instance.
type ResourceChange struct {
	Name
	PreviousAddress string       `json:"previous_address,omitempty"`
	Deposed         string       `json:"deposed,omitempty"`
	Change          ValueChange  `json:"change"`
	ActionReason    string       `json:"action_reason,omitempty"`
	Runtime         string       `json:"runtime,omitempty"`
	Reasons         []string     `json:"reasons,omitempty"` // in decnet's words
	Because         addr.Address `json:"because,omitempty"`
	Drifted         []string     `json:"drifted,omitempty"` // paths that somebody else changed
	Source          string       `json:"source,omitempty"`
}

// ValueChange is a value before and after.
type ValueChange struct {
	Actions         []string `json:"actions"`
	Before          any      `json:"before"`
	After           any      `json:"after"`
	AfterUnknown    any      `json:"after_unknown"` // always empty: a plan knows everything
	BeforeSensitive any      `json:"before_sensitive"`
	AfterSensitive  any      `json:"after_sensitive"`
	ReplacePaths    [][]any  `json:"replace_paths,omitempty"`
	// Importing is set where a live object becomes the instance.
	Importing *Importing `json:"importing,omitempty"`
}

// Importing names an object that becomes an instance.
type Importing struct {
	ID string `json:"id"`
}

// Variable is the value that was given for a variable, as text.
type Variable struct {
	Value     json.RawMessage `json:"value"`
	Sensitive bool            `json:"sensitive,omitempty"` // Terraform says so in the configuration
}

// OutputChange is an output before and after.
type OutputChange = ValueChange

// Output is the value of an output.
type Output struct {
	Sensitive bool            `json:"sensitive"`
	Type      json.RawMessage `json:"type,omitempty"`
	Value     json.RawMessage `json:"value,omitempty"` // left out where it is sensitive
}

// Options shape a document.
type Options struct {
	Version string // decnet's
	Hidden  change.Hidden
}

// Write writes the plan as one line of JSON; the same plan gives the same bytes.
func Write(w io.Writer, p *plan.Plan, o Options) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(New(p, o)); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// New is a plan as a document.
func New(p *plan.Plan, o Options) *Document {
	d := &Document{
		FormatVersion: FormatVersion, DecnetVersion: o.Version, ResourceChanges: []ResourceChange{}, OutputChanges: map[string]OutputChange{},
		Applyable: len(p.Steps) > 0 || len(p.Records) > 0 || slices.ContainsFunc(p.OutputChanges, func(c plan.OutputChange) bool { return c.Action != plan.NoOp }),
		Complete:  len(p.Unavailable) == 0 && len(p.Targets) == 0 && len(p.Excludes) == 0, Errored: refused(p),
		Decnet: Extra{
			Name: p.Name, Lineage: p.Lineage, Serial: p.Serial, Seed: p.Seed, Runtime: p.Runtime, Configuration: p.Configuration, Destroy: p.Destroy,
			Summary: p.Summary, Unavailable: p.Unavailable, Findings: p.Findings, RefreshOnly: p.RefreshOnly, Targets: p.Targets, Excludes: p.Excludes,
			Believability: p.Believability, Quarantined: p.Quarantined,
		},
		Checks: checks(p.Checks),
	}
	wanted := newBlocks(p)
	planned, prior := newTree(), newTree()
	for _, c := range merged(p, o.Hidden) {
		d.ResourceChanges = append(d.ResourceChanges, resourceChange(&c, wanted))
		if c.After != nil {
			planned.add(&c, c.After)
		}
		if c.Before != nil && !c.Surplus {
			prior.add(&c, c.Before)
		}
	}
	for i := range p.Drift {
		c := change.Drifted(&p.Drift[i], o.Hidden)
		d.ResourceDrift = append(d.ResourceDrift, resourceChange(&c, wanted))
	}
	d.PlannedValues = Values{Outputs: map[string]Output{}, RootModule: planned.root}
	for _, output := range p.Outputs {
		d.PlannedValues.Outputs[output.Name] = outputOf(output)
	}
	for _, c := range p.OutputChanges {
		d.OutputChanges[c.Name] = outputChange(c, p.Outputs)
	}
	for _, i := range p.Inputs {
		if d.Variables == nil {
			d.Variables = map[string]Variable{}
		}
		v := Variable{Value: i.Value, Sensitive: i.Sensitive}
		if i.Sensitive {
			v.Value = json.RawMessage("null")
		}
		d.Variables[i.Name] = v
	}
	if p.Show() != p {
		d.Decnet.Configuration = "" // something sensitive could be guessed from it
	}
	if p.Lineage != "" {
		d.PriorState = &State{FormatVersion: "1.0", Values: Values{RootModule: prior.root}}
	}
	return d
}

// refused tells that an apply would not start.
func refused(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Findings, func(f providers.Finding) bool { return f.Severity == providers.SeverityError })
}

// merged is every instance, changed or not, in the order of addresses.
func merged(p *plan.Plan, hidden change.Hidden) []change.Change {
	all := make([]change.Change, 0, len(p.Changes)+len(p.Unchanged))
	all = append(all, change.Of(p, hidden)...)
	for i := range p.Unchanged {
		all = append(all, change.Still(&p.Unchanged[i], hidden))
	}
	moved, imported := map[addr.Address]addr.Address{}, map[addr.Address]string{}
	for _, m := range p.Moves {
		moved[m.To] = m.From
	}
	for _, i := range p.Imports {
		imported[i.Address] = i.ID
	}
	for i := range all {
		all[i].From, all[i].Imported = moved[all[i].Address], imported[all[i].Address]
	}
	slices.SortStableFunc(all, func(a, b change.Change) int { return addr.Compare(a.Address, b.Address) })
	return all
}

// outputOf is an output with the type of its value.
func outputOf(o schema.Output) Output {
	out := Output{Sensitive: o.Sensitive, Type: typeOf(change.Decode(o.Value))}
	if !o.Sensitive {
		out.Value = o.Value
	}
	return out
}

func outputChange(c plan.OutputChange, outputs []schema.Output) OutputChange {
	out := OutputChange{Actions: actions[c.Action], AfterUnknown: false, BeforeSensitive: false, AfterSensitive: false}
	if c.Action != plan.Create {
		out.Before, out.BeforeSensitive = change.Decode(c.Before), c.Sensitive
	}
	if c.Action != plan.Delete {
		out.AfterSensitive = c.Sensitive
		if at := slices.IndexFunc(outputs, func(o schema.Output) bool { return o.Name == c.Name }); at >= 0 && !c.Sensitive {
			out.After = change.Decode(outputs[at].Value)
		}
	}
	return out
}

// typeOf is the type of a value as Terraform writes it: "string", or a list of
// the constructor and its arguments.
func typeOf(v any) json.RawMessage {
	var t any
	switch v := v.(type) {
	case string:
		t = "string"
	case bool:
		t = "bool"
	case json.Number:
		t = "number"
	case []any:
		inner := make([]json.RawMessage, len(v))
		for i, e := range v {
			inner[i] = typeOf(e)
		}
		t = []any{"tuple", inner}
	case map[string]any:
		inner := make(map[string]json.RawMessage, len(v))
		for k, e := range v {
			inner[k] = typeOf(e)
		}
		t = []any{"object", inner}
	default:
		t = "dynamic"
	}
	data, err := json.Marshal(t)
	if err != nil {
		return nil
	}
	return data
}
