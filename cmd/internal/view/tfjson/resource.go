package tfjson

import (
	"slices"

	"github.com/decnet/decnet/cmd/internal/view/change"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// nameOf takes an address apart. A service's module and name are those of its
// last step; its address says which decky it is in.
func nameOf(address addr.Address, typ, runtime string) Name {
	n := Name{Address: string(address), Mode: "managed", Type: typ, Name: string(address), ProviderName: "decnet/" + orElse(runtime, "decnet")}
	steps, err := addr.Parse(string(address))
	if err != nil {
		return n
	}
	last := steps[len(steps)-1]
	n.Name = last.Name
	switch last.Key.Kind {
	case addr.KeyIndex:
		n.Index = last.Key.Index
	case addr.KeyName:
		n.Index = last.Key.Name
	}
	if m := modules(steps); m > 0 {
		n.ModuleAddress = string(addr.Of(steps[:m]...))
	}
	return n
}

// modules counts the leading steps that are modules.
func modules(steps []addr.Step) int {
	n := slices.IndexFunc(steps, func(s addr.Step) bool { return s.Type != "module" })
	if n < 0 {
		return len(steps)
	}
	return n
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

var actions = map[plan.Action][]string{
	plan.Create: {"create"}, plan.Update: {"update"}, plan.Replace: {"delete", "create"}, plan.Delete: {"delete"}, plan.Forget: {"forget"}, plan.NoOp: {"no-op"}, plan.Move: {"no-op"},
	plan.Quarantine: {"no-op"}, // Terraform knows no such thing; the reasons tell
}

func resourceChange(c *change.Change, wanted blocks) ResourceChange {
	r := ResourceChange{
		Name: nameOf(c.Address, c.Type, c.Runtime), PreviousAddress: string(c.From), ActionReason: wanted.reason(c), Runtime: c.Runtime, Because: c.Because,
		Drifted: c.Drifted, Source: c.Source,
		Change: ValueChange{
			Actions: actions[c.Action], Before: c.Before, After: c.After, AfterUnknown: map[string]any{},
			BeforeSensitive: marks(c.Before), AfterSensitive: marks(c.After),
		},
	}
	if c.CreateFirst {
		r.Change.Actions = []string{"create", "delete"}
	}
	if c.Imported != "" {
		r.Change.Importing = &Importing{ID: c.Imported}
	}
	if c.Surplus {
		r.Deposed = "surplus"
	}
	for _, reason := range c.Reasons {
		r.Reasons = append(r.Reasons, string(reason))
	}
	for _, path := range c.Forces {
		r.Change.ReplacePaths = append(r.Change.ReplacePaths, change.Steps(c.Before, c.After, path))
	}
	return r
}

func marks(tree any) any {
	if tree == nil {
		return false
	}
	return change.Marks(tree)
}

// blocks are the blocks and modules that the configuration still has.
type blocks struct {
	keys    map[addr.Address]addr.KeyKind // of a block's instances, by its address without a key
	modules map[addr.Address]bool
	present map[addr.Address]bool // instances, and those that they are in
}

func newBlocks(p *plan.Plan) blocks {
	b := blocks{keys: map[addr.Address]addr.KeyKind{}, modules: map[addr.Address]bool{}, present: map[addr.Address]bool{}}
	for i := range p.Changes {
		if p.Changes[i].Config != nil {
			b.add(p.Changes[i].Address)
		}
	}
	for i := range p.Unchanged {
		b.add(p.Unchanged[i].Address)
	}
	return b
}

func (b blocks) add(address addr.Address) {
	steps, err := addr.Parse(string(address))
	if err != nil {
		return
	}
	for m := 1; m <= modules(steps); m++ {
		b.modules[addr.Of(steps[:m]...)] = true
	}
	for i := modules(steps); i < len(steps); i++ {
		b.keys[bare(steps[:i+1])] = steps[i].Key.Kind
		b.present[addr.Of(steps[:i+1]...)] = true
	}
}

// bare is an address without its last key.
func bare(steps []addr.Step) addr.Address {
	steps = slices.Clone(steps)
	steps[len(steps)-1].Key = addr.Key{}
	return addr.Of(steps...)
}

// reason is Terraform's word for why an object is replaced or goes; "" where it
// has none.
func (b blocks) reason(c *change.Change) string {
	has := func(r plan.Reason) bool { return slices.Contains(c.Reasons, r) }
	switch {
	case c.Action == plan.Replace && has(plan.Tainted):
		return "replace_because_tainted"
	case c.Action == plan.Replace && has(plan.ReplaceRequested):
		return "replace_by_request"
	case c.Action == plan.Replace:
		return "replace_because_cannot_update"
	case c.Action != plan.Delete || !has(plan.NotInConfig):
		return ""
	}
	steps, err := addr.Parse(string(c.Address))
	if err != nil {
		return ""
	}
	m := modules(steps)
	for i := 1; i <= m; i++ {
		if !b.modules[addr.Of(steps[:i]...)] {
			return "delete_because_no_module"
		}
	}
	for i := m; i < len(steps); i++ {
		kind, known := b.keys[bare(steps[:i+1])]
		switch {
		case !known:
			return "delete_because_no_resource_config"
		case kind != steps[i].Key.Kind:
			return "delete_because_wrong_repetition"
		case i < len(steps)-1 && b.present[addr.Of(steps[:i+1]...)]:
		case kind == addr.KeyIndex:
			return "delete_because_count_index"
		case kind == addr.KeyName:
			return "delete_because_each_key"
		}
	}
	return "delete_because_no_resource_config"
}

// tree gathers resources under their modules.
type tree struct {
	root *Module
	at   map[string]*Module
}

func newTree() *tree {
	root := &Module{}
	return &tree{root: root, at: map[string]*Module{"": root}}
}

func (t *tree) add(c *change.Change, values any) {
	n := nameOf(c.Address, c.Type, c.Runtime)
	m := t.module(n.ModuleAddress)
	n.ModuleAddress = "" // Terraform has it in changes only
	m.Resources = append(m.Resources, Resource{Name: n, Values: values, SensitiveValues: marks(values)})
}

func (t *tree) module(address string) *Module {
	if m := t.at[address]; m != nil {
		return m
	}
	m := &Module{Address: address}
	t.at[address] = m
	parent := t.root
	if steps, err := addr.Parse(address); err == nil && len(steps) > 1 {
		parent = t.module(string(addr.Of(steps[:len(steps)-1]...)))
	}
	parent.ChildModules = append(parent.ChildModules, m)
	return m
}

// Check is the result of a check block, with Terraform's names.
type Check struct {
	Address   CheckAddress    `json:"address"`
	Status    string          `json:"status"` // "pass" or "fail"
	Instances []CheckInstance `json:"instances"`
}

// CheckAddress names a check.
type CheckAddress struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	ToDisplay string `json:"to_display"`
}

// CheckInstance is one check; a block has one.
type CheckInstance struct {
	Address  CheckDisplay   `json:"address"`
	Status   string         `json:"status"`
	Problems []CheckProblem `json:"problems,omitempty"`
}

// CheckDisplay is an address for people.
type CheckDisplay struct {
	ToDisplay string `json:"to_display"`
}

// CheckProblem says why a check failed.
type CheckProblem struct {
	Message string `json:"message"`
}

// checks folds the assertions of a block into one check.
func checks(results []schema.CheckResult) []Check {
	var all []Check
	at := map[string]int{}
	for _, r := range results {
		i, known := at[r.Name]
		if !known {
			i = len(all)
			at[r.Name] = i
			name := "check." + r.Name
			all = append(all, Check{
				Address: CheckAddress{Kind: "check", Name: r.Name, ToDisplay: name}, Status: "pass",
				Instances: []CheckInstance{{Address: CheckDisplay{name}, Status: "pass"}},
			})
		}
		if !r.Passed {
			c := &all[i]
			c.Status, c.Instances[0].Status = "fail", "fail"
			c.Instances[0].Problems = append(c.Instances[0].Problems, CheckProblem{r.Message})
		}
	}
	return all
}
