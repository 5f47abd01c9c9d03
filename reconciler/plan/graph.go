package plan

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema/addr"
)

// nodeSteps are the steps of one node, by index while the graph is made; -1 is
// none.
type nodeSteps struct {
	remove    int // delete or forget
	readdress int
	make      int // create or update
	needs     []int
}

// graph is the steps before they are put in order.
type graph struct {
	steps []Step
}

func (g *graph) add(op Op, address addr.Address, change int) int {
	g.steps = append(g.steps, Step{Op: op, Address: address, Change: change})
	return len(g.steps) - 1
}

func (g *graph) need(step, on int) {
	if step >= 0 && on >= 0 && step != on {
		g.steps[step].Needs = append(g.steps[step].Needs, on)
	}
}

// assemble turns the decided nodes into the document.
func (c *computation) assemble() (*Plan, error) {
	p := &Plan{
		FormatVersion: FormatVersion, Lineage: c.in.Prior.Lineage, Serial: c.in.Prior.Serial,
		Name: c.in.Desired.Name, Seed: c.in.Desired.Seed, Runtime: c.in.Runtime,
		Configuration: Digest(c.in.Desired), Destroy: c.in.Destroy,
		Changes: []Change{}, Steps: []Step{}, Outputs: c.in.Desired.Outputs, Checks: c.in.Desired.Checks, Inputs: c.in.Desired.Inputs,
		Findings: slices.Concat(c.in.Findings, c.findings), Targets: c.in.Targets, Excludes: c.in.Excludes, RefreshOnly: c.in.RefreshOnly,
		Moves: c.moves, Labels: c.labels, Unrefreshed: c.in.Unrefreshed, Quarantined: c.kept(),
	}
	if p.Name == "" {
		p.Name = c.in.Prior.Name
	}
	g := &graph{}
	for _, n := range c.nodes {
		c.emit(p, g, n)
	}
	p.Unavailable = c.unavailable()
	var err error
	p.Steps, err = c.schedule(g)
	return p, err
}

// schedule orders the steps. What instances once waited for is respected while
// they go, unless rows of different times contradict each other.
func (c *computation) schedule(g *graph) ([]Step, error) {
	bare := g.steps
	var err error
	for _, soft := range []bool{true, false} {
		g.steps = slices.Clone(bare)
		for i := range g.steps {
			g.steps[i].Needs = slices.Clip(g.steps[i].Needs)
		}
		c.connect(g, soft)
		c.connectReuse(g)
		c.connectLabels(g)
		var steps []Step
		if steps, err = g.order(); err == nil {
			return steps, nil
		}
	}
	return nil, err
}

// emitExtra removes what is alive under the address besides the object itself,
// before that is made or changed.
func (c *computation) emitExtra(p *Plan, g *graph, n *node, fingerprint string) {
	for _, e := range n.extra {
		if e.Lineage != "" {
			continue // not ours
		}
		p.Changes = append(p.Changes, Change{
			Address: n.address, Type: e.Kind.Type, Runtime: e.Kind.Runtime, Action: Delete, Reasons: []Reason{Orphan},
			Object:      &Object{Type: e.Kind.Type, Runtime: e.Kind.Runtime, Digest: e.Digest, State: e.State},
			Surplus:     true,
			Fingerprint: fingerprint,
		})
		p.Summary.Delete++
		step := g.add(OpDelete, n.address, len(p.Changes)-1)
		g.need(n.steps.make, step)
		g.need(n.steps.readdress, step)
		g.need(n.steps.remove, step)
	}
}

// connect orders steps: children go before their parents, parents are made
// before their children, and all of an instance goes before it is made.
func (c *computation) connect(g *graph, soft bool) {
	for _, n := range c.nodes {
		g.need(n.steps.make, n.steps.remove)
		g.need(n.steps.make, n.steps.readdress)
		if soft {
			for _, m := range n.after {
				g.need(n.steps.make, m.steps.make)
			}
		}
		for _, a := range c.formerDependencies(n, soft) {
			d := c.index[a]
			if d == nil {
				continue
			}
			g.need(d.steps.remove, n.steps.remove)
			if d.want == nil && n.change.Action == Update {
				g.need(d.steps.remove, n.steps.make) // it moves out before the old home goes
			}
		}
	}
	for _, n := range c.order {
		for _, a := range n.want.Parents {
			if parent := c.index[a]; parent.made() {
				// While a child of the old one is left, a crash after this would
				// leave it in what is gone, and nothing to tell.
				g.need(parent.steps.make, n.steps.remove)
			}
		}
		var needs []int
		for _, list := range [][]addr.Address{n.want.Parents, n.want.After} {
			for _, a := range list {
				needs = append(needs, c.index[a].steps.needs...)
			}
		}
		if n.steps.make < 0 {
			n.steps.needs = compact(needs) // whoever waits for it waits for these
			continue
		}
		for _, s := range needs {
			g.need(n.steps.make, s)
		}
		n.steps.needs = []int{n.steps.make}
	}
	c.connectOrphans(g)
}

func compact(steps []int) []int {
	slices.Sort(steps)
	return slices.Compact(steps)
}

// formerDependencies are what the object of n stands on now. Of an orphan only
// its address is known: a service's is below its decky's.
func (c *computation) formerDependencies(n *node, soft bool) []addr.Address {
	switch {
	case n.prior != nil && soft:
		return slices.Concat(n.prior.Parents, n.prior.After)
	case n.prior != nil:
		return n.prior.Parents
	case n.want != nil:
		return n.want.Parents
	}
	steps, err := addr.Parse(string(n.address))
	if err != nil || len(steps) < 2 {
		return nil
	}
	return []addr.Address{addr.Of(steps[:len(steps)-1]...)}
}

// connectOrphans lets deckies that nobody remembers go before any network does.
func (c *computation) connectOrphans(g *graph) {
	var orphans, networks []*node
	for _, n := range c.nodes {
		switch {
		case n.steps.remove < 0 || n.object == nil:
		case n.object.Kind.Type == providers.TypeNetwork:
			networks = append(networks, n)
		case n.prior == nil && n.object.Kind.Type == providers.TypeDecky:
			orphans = append(orphans, n)
		}
	}
	for _, network := range networks {
		for _, o := range orphans {
			g.need(network.steps.remove, o.steps.remove)
		}
	}
}

// claims are the parts of a configuration that only one live object may have at
// a time.
type claims struct {
	Name    string `json:"name"`
	Network struct {
		Parent string `json:"parent"`
		Subnet string `json:"subnet"`
	} `json:"network"`
	Host struct {
		IP  string `json:"ip"`
		MAC string `json:"mac"`
	} `json:"host"`
}

func (c claims) keys() []string {
	keys := []string{"name " + c.Name}
	if c.Host.IP != "" {
		keys = append(keys, "ip "+c.Network.Parent+" "+c.Network.Subnet+" "+c.Host.IP)
	}
	if c.Host.MAC != "" {
		keys = append(keys, "mac "+c.Host.MAC)
	}
	return keys
}

// connectReuse lets a decky go before another takes over its IP, MAC or name.
func (c *computation) connectReuse(g *graph) {
	leaving := map[string][]int{}
	for _, n := range c.nodes {
		if n.prior == nil || n.prior.Type != providers.TypeDecky || n.steps.remove < 0 {
			continue
		}
		for _, k := range claimed(n.prior.Config) {
			leaving[k] = append(leaving[k], n.steps.remove)
		}
	}
	if len(leaving) == 0 {
		return
	}
	for _, n := range c.nodes {
		if n.want == nil || n.want.Type != providers.TypeDecky || n.steps.make < 0 {
			continue
		}
		for _, k := range claimed(n.want.Config) {
			for _, step := range leaving[k] {
				g.need(n.steps.make, step)
			}
		}
	}
}

func claimed(config json.RawMessage) []string {
	var parsed claims
	if json.Unmarshal(config, &parsed) != nil {
		return nil
	}
	return parsed.keys()
}

// order numbers the steps anew so that each comes after those it needs.
func (g *graph) order() ([]Step, error) {
	dependents := make([][]int, len(g.steps))
	waiting := make([]int, len(g.steps))
	for i := range g.steps {
		g.steps[i].Needs = compact(g.steps[i].Needs)
		waiting[i] = len(g.steps[i].Needs)
		for _, on := range g.steps[i].Needs {
			dependents[on] = append(dependents[on], i)
		}
	}
	order := make([]int, 0, len(g.steps))
	for i := range g.steps {
		if waiting[i] == 0 {
			order = append(order, i)
		}
	}
	for k := 0; k < len(order); k++ {
		for _, d := range dependents[order[k]] {
			if waiting[d]--; waiting[d] == 0 {
				order = append(order, d)
			}
		}
	}
	if len(order) < len(g.steps) {
		for i := range waiting {
			if waiting[i] > 0 {
				return nil, fmt.Errorf("no order of steps exists: %s of %s waits for itself", g.steps[i].Op, g.steps[i].Address)
			}
		}
	}
	number := make([]int, len(g.steps))
	for k, i := range order {
		number[i] = k
	}
	steps := make([]Step, 0, len(order))
	for _, i := range order {
		s := g.steps[i]
		var needs []int
		for _, on := range s.Needs {
			needs = append(needs, number[on])
		}
		s.Needs = compact(needs)
		steps = append(steps, s)
	}
	return steps, nil
}

// unavailable counts, for each provider that could not look, the instances that
// an apply would need it for.
func (c *computation) unavailable() []Unavailable {
	if len(c.in.Observed.Unknown) == 0 {
		return nil
	}
	count := map[providers.Kind]int{}
	for _, n := range c.nodes {
		if n.left {
			continue
		}
		if n.want != nil {
			count[kindOf(n.want)]++
		}
		if n.prior != nil && (n.want == nil || kindOf(n.want) != priorKind(n.prior)) {
			count[priorKind(n.prior)]++
		}
	}
	unknown := slices.Clone(c.in.Observed.Unknown)
	slices.SortFunc(unknown, func(a, b Unknown) int { return a.Kind.Compare(b.Kind) })
	var all []Unavailable
	for _, u := range unknown {
		if count[u.Kind] == 0 {
			continue
		}
		at := slices.IndexFunc(all, func(x Unavailable) bool { return x.Provider == u.Provider && x.What == u.What })
		if at < 0 {
			all = append(all, Unavailable{Provider: u.Provider, What: u.What, Remedy: u.Remedy})
			at = len(all) - 1
		}
		all[at].Kinds = append(all[at].Kinds, u.Kind)
		all[at].Instances += count[u.Kind]
	}
	return all
}
