// Package plan decides what must happen: from what is wanted, what the state
// remembers and what was seen alive it computes one document with every action,
// its reasons and the order of steps. It is pure: it reads no file, no clock and
// no object, and the same input gives the same bytes. What runs a plan, and what
// shows it to people, is elsewhere.
package plan

import (
	"encoding/json"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/lint"
)

// FormatVersion is the version of the document. A reader refuses any other.
const FormatVersion = 1

// Action is what happens to one instance.
type Action string

// The actions, and how people see them.
const (
	Create  Action = "create"  // +
	Update  Action = "update"  // ~
	Replace Action = "replace" // -/+ delete, then create
	Delete  Action = "delete"  // -
	Forget  Action = "forget"  // . the state only: the object is gone, or let go
	Move    Action = "move"    // -> the object is told its new address, and stays as it is
	// Quarantine cuts the object off the network, and keeps it as it is: !
	Quarantine Action = "quarantine"
	NoOp       Action = "no-op"
)

// Symbol is the sign in front of an address: "+", "~", "-/+", "-", ".", "->",
// "!", " ".
func (a Action) Symbol() string {
	switch a {
	case Create:
		return "+"
	case Update:
		return "~"
	case Replace:
		return "-/+"
	case Delete:
		return "-"
	case Forget:
		return "."
	case Move:
		return "->"
	case Quarantine:
		return "!"
	default:
		return " "
	}
}

// Reason is why an action is planned; several can hold at once.
type Reason string

// The reasons.
const (
	NotInState         Reason = "not in state"
	ConfigChanged      Reason = "configuration changed"
	Drifted            Reason = "drift"
	Tainted            Reason = "tainted"
	ReplaceRequested   Reason = "replace requested"
	DependencyReplaced Reason = "dependency replaced"
	NotInConfig        Reason = "no longer in configuration"
	DestroyRequested   Reason = "destroy requested" // of everything, whatever the configuration says
	Orphan             Reason = "orphan"            // alive, ours, in neither state nor configuration
	InterruptedCreate  Reason = "interrupted create"
	Image              Reason = "image" // a new decky binary
	RuntimeChanged     Reason = "runtime changed"
	Triggered          Reason = "replace triggered"       // by replace_triggered_by
	AddressMoved       Reason = "moved"                   // the object cannot keep the address that it carries
	Released           Reason = "removed from management" // a removed block lets the object live on
	Imported           Reason = "imported"
	Recycled           Reason = "recycle" // its time is up, or an attacker got into it
)

// Causes of an attribute's change; providers.CauseImage is the third.
const (
	CauseConfiguration providers.Cause = "configuration"
	CauseDrift         providers.Cause = "drift"
)

// Plan is the document: everything an apply needs, and all that it must find
// unmoved. It holds configuration, so it is saved for its owner only.
type Plan struct {
	FormatVersion int    `json:"format_version"`
	Lineage       string `json:"lineage"` // empty: nothing was ever applied
	Serial        int64  `json:"serial"`
	Name          string `json:"name"`
	Seed          string `json:"seed,omitempty"`
	Runtime       string `json:"runtime,omitempty"` // the default, for the first apply to keep
	Configuration string `json:"configuration"`     // Digest of what is desired
	Destroy       bool   `json:"destroy,omitempty"`
	RefreshOnly   bool   `json:"refresh_only,omitempty"` // only what was seen is recorded
	// Unrefreshed says that no object was looked at: the plan tells nothing of
	// what is no longer drifted.
	Unrefreshed bool `json:"unrefreshed,omitempty"`
	// Targets and Excludes are what the plan was limited to, as it was asked.
	Targets  []addr.Address `json:"targets,omitempty"`
	Excludes []addr.Address `json:"excludes,omitempty"`

	Changes []Change `json:"changes"` // sorted by address; what stays as it is is not listed
	Records []Record `json:"records,omitempty"`
	Moves   []Moved  `json:"moves,omitempty"`   // sorted by their new address
	Imports []Import `json:"imports,omitempty"` // sorted by address
	// Labels are the addresses that live objects carry of instances that have
	// moved since, as they stand before the plan is carried out.
	Labels map[addr.Address]addr.Address `json:"labels,omitempty"`
	Drift  []Drift                       `json:"drift,omitempty"`
	// Quarantined are the deckies that are kept for study, with those that this
	// plan isolates; sorted by address.
	Quarantined []Quarantined `json:"quarantined,omitempty"`
	Steps       []Step        `json:"steps"` // the execution graph; a step comes after those it needs

	Summary     Summary              `json:"summary"`
	Unavailable []Unavailable        `json:"unavailable,omitempty"`
	Findings    []providers.Finding  `json:"findings,omitempty"`
	Outputs     []schema.Output      `json:"outputs,omitempty"`
	Checks      []schema.CheckResult `json:"checks,omitempty"`
	// Sealed says that sensitive values are replaced by digests of them: the
	// document was saved, and the values come from the configuration again.
	Sealed bool `json:"sealed,omitempty"`
	// Variables and VarFiles are what a saved plan was told of variables that are
	// not sensitive: an apply of it evaluates with the same.
	Variables map[string]string `json:"variables,omitempty"`
	VarFiles  []string          `json:"var_files,omitempty"`
	// Inputs are the variables with the values that they had, sensitive ones
	// without: for readers of the document.
	Inputs []schema.Input `json:"inputs,omitempty"`
	// Unchanged is what stays as it is: for readers of the document, an apply
	// needs none of it.
	Unchanged []Unchanged `json:"unchanged,omitempty"`
	// OutputChanges is what becomes of the outputs, sorted by name: for readers.
	OutputChanges []OutputChange `json:"output_changes,omitempty"`
	// Believability is what the plan does to the fleet's score: for readers, too.
	Believability *lint.Comparison `json:"believability,omitempty"`
}

// Unchanged is an instance that a plan leaves alone.
type Unchanged struct {
	Address   addr.Address    `json:"address"`
	Type      string          `json:"type"`
	Runtime   string          `json:"runtime,omitempty"`
	Config    json.RawMessage `json:"config"`
	Source    string          `json:"source,omitempty"`
	Sensitive []string        `json:"sensitive,omitempty"` // paths of Config
}

// OutputChange is what becomes of one output; what it will be stands in
// Plan.Outputs.
type OutputChange struct {
	Name      string          `json:"name"`
	Action    Action          `json:"action"`           // Create, Update, Delete or NoOp
	Before    json.RawMessage `json:"before,omitempty"` // nothing where it is sensitive
	Sensitive bool            `json:"sensitive,omitempty"`
}

// Empty tells that an apply would touch no object and forget none.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// Change is one planned action.
type Change struct {
	Address addr.Address `json:"address"`
	Type    string       `json:"type"`
	Runtime string       `json:"runtime,omitempty"`
	Action  Action       `json:"action"`
	Reasons []Reason     `json:"reasons"`
	// From is where the instance stood in the state before it moved.
	From addr.Address `json:"from,omitempty"`
	// Because is the instance whose replacement or change forces this one.
	Because    addr.Address       `json:"because,omitempty"`
	Attributes []providers.Change `json:"attributes,omitempty"` // sorted by path
	Source     string             `json:"source,omitempty"`
	// Sensitive are the paths of Config and Before whose values nobody is shown,
	// nor those of Attributes and Object that end with one of them.
	Sensitive []string `json:"sensitive,omitempty"`
	// PreventDestroy is kept with the instance, so that it holds for one whose
	// block is gone, too.
	PreventDestroy bool `json:"prevent_destroy,omitempty"`
	state.Conduct
	// Why says more of a quarantine or of a recycling.
	Why string `json:"why,omitempty"`
	// CreateFirst says that the new object is made over the old one, so that
	// there is never none.
	CreateFirst bool `json:"create_first,omitempty"`
	// Released says that the object of a forgotten instance lives on.
	Released bool `json:"released,omitempty"`

	// Before is the configuration that was applied last, where there is one.
	Before json.RawMessage `json:"before,omitempty"`
	// What create, update and replace make true.
	Config  json.RawMessage `json:"config,omitempty"`
	Digest  string          `json:"digest,omitempty"`
	Parents []addr.Address  `json:"parents,omitempty"`
	After   []addr.Address  `json:"after,omitempty"`

	// Object is what update changes and what replace and delete remove.
	Object *Object `json:"object,omitempty"`
	// Labelled is the address that the object carries and keeps, where the
	// instance has moved and the object cannot be told.
	Labelled addr.Address `json:"labelled,omitempty"`
	// Surplus says that Object is one too many under an address that has another.
	Surplus bool `json:"surplus,omitempty"`
	// Fingerprint is what everything alive under the address looked like.
	Fingerprint string `json:"fingerprint"`
}

// Kind is the kind of what the change makes true.
func (c *Change) Kind() providers.Kind { return providers.Kind{Type: c.Type, Runtime: c.Runtime} }

// Object is a live object as a plan found it.
type Object struct {
	Type    string          `json:"type"`
	Runtime string          `json:"runtime,omitempty"`
	Digest  string          `json:"digest,omitempty"` // of the configuration that made it, as it says itself
	State   json.RawMessage `json:"state"`
}

// Kind is the kind of the object.
func (o *Object) Kind() providers.Kind { return providers.Kind{Type: o.Type, Runtime: o.Runtime} }

// Record is an instance whose object fits already but whose row in the state
// does not say so.
type Record struct {
	Address addr.Address    `json:"address"`
	Type    string          `json:"type"`
	Runtime string          `json:"runtime,omitempty"`
	Config  json.RawMessage `json:"config"`
	Digest  string          `json:"digest"`
	Parents []addr.Address  `json:"parents,omitempty"`
	After   []addr.Address  `json:"after,omitempty"`
	Source  string          `json:"source,omitempty"`
	Object  json.RawMessage `json:"object,omitempty"` // what is seen; none: it is gone
	// Labelled is as in Change.
	Labelled       addr.Address `json:"labelled,omitempty"`
	Sensitive      []string     `json:"sensitive,omitempty"`
	PreventDestroy bool         `json:"prevent_destroy,omitempty"`
	state.Conduct
}

// Quarantined is a decky that is kept for study: neither it nor its services are
// changed until it is replaced.
type Quarantined struct {
	Address addr.Address `json:"address"`
	Since   time.Time    `json:"since,omitzero"` // zero: this plan isolates it
	Why     string       `json:"why"`            // "decky.web[0].service.ssh changed"
}

// Recycle asks for a decky to be made anew, with its services and without what
// attackers wrote.
type Recycle struct {
	Address addr.Address
	Why     string // for people: "it is older than recycle_after = 24h"
}

// Moved is an instance whose address in the state changes.
type Moved struct {
	From   addr.Address `json:"from"`
	To     addr.Address `json:"to"`
	Source string       `json:"source,omitempty"` // of the moved block
	// Labelled is what its object carries before the plan is carried out;
	// empty: the new address, or there is no object.
	Labelled addr.Address `json:"labelled,omitempty"`
}

// Import is a live object that becomes an instance.
type Import struct {
	Address addr.Address `json:"address"`
	ID      string       `json:"id"`
	Source  string       `json:"source,omitempty"`
	// Lineage is whose the object was; empty: it was ours, and not recorded.
	Lineage string `json:"lineage,omitempty"`
	// Label is the address that the object carries.
	Label   addr.Address `json:"label"`
	Type    string       `json:"type"`
	Runtime string       `json:"runtime,omitempty"`
}

// Drift is what somebody else did to one object.
type Drift struct {
	Address addr.Address `json:"address"`
	Type    string       `json:"type"`
	Runtime string       `json:"runtime,omitempty"`
	Gone    bool         `json:"gone,omitempty"`
	// Restarted says that the object ended and came back by itself; where that
	// is all, nothing is left to heal.
	Restarted bool `json:"restarted,omitempty"`
	// Surplus says that somebody made one more under the address, or one under an
	// address that neither the configuration nor the state knows.
	Surplus bool `json:"surplus,omitempty"`
	// Incarnation is the object's life, where it restarted.
	Incarnation string             `json:"incarnation,omitempty"`
	Changes     []providers.Change `json:"changes,omitempty"` // Before is what should be, After what is
	State       json.RawMessage    `json:"state,omitempty"`   // the object, where it still exists
	// Policy is "heal", "report" or "quarantine"; only the first is followed by
	// a change.
	Policy    string   `json:"policy,omitempty"`
	Sensitive []string `json:"sensitive,omitempty"` // as in Change
}

// Op is what a step does to an object.
type Op string

// The operations of steps.
const (
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
	OpForget Op = "forget"
	// OpReaddress tells an object its instance's new address.
	OpReaddress Op = "readdress"
	// OpQuarantine cuts an object off the network.
	OpQuarantine Op = "quarantine"
)

// Step is one node of the execution graph.
type Step struct {
	Op      Op           `json:"op"`
	Address addr.Address `json:"address"`
	Change  int          `json:"change"`          // index in Plan.Changes
	Needs   []int        `json:"needs,omitempty"` // indices in Plan.Steps, smaller than its own
}

// Summary counts changes by action.
type Summary struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Replace int `json:"replace"`
	Delete  int `json:"delete"`
	Forget  int `json:"forget"`
	Move    int `json:"move,omitempty"`
	Import  int `json:"import,omitempty"`
	// Quarantine counts deckies that the plan isolates.
	Quarantine int `json:"quarantine,omitempty"`
	NoOp       int `json:"no_op"`
	Drift      int `json:"drift"`
}

// Unavailable says which objects could not be looked at, and why.
type Unavailable struct {
	Provider  string           `json:"provider"`
	Kinds     []providers.Kind `json:"kinds"`
	What      string           `json:"what"`
	Remedy    string           `json:"remedy,omitempty"`
	Instances int              `json:"instances"` // wanted or remembered, so that an apply must refuse
}
