package plan

import (
	"encoding/json"
	"slices"
)

// emit adds a node's change, its drift, its record and its steps.
func (c *computation) emit(p *Plan, g *graph, n *node) {
	n.steps = nodeSteps{remove: -1, readdress: -1, make: -1}
	c.emitDrift(p, n)
	c.emitRecord(p, n)
	if n.object != nil && n.object.Imported != "" && !c.in.RefreshOnly && (n.record || n.change.Action != NoOp) {
		i := Import{Address: n.address, Lineage: n.object.Lineage, Label: n.object.Address, Type: n.object.Kind.Type, Runtime: n.object.Kind.Runtime}
		for _, asked := range c.in.Desired.Imports {
			if asked.To == n.address {
				i.ID, i.Source = asked.ID, asked.Source
			}
		}
		p.Imports = append(p.Imports, i)
		p.Summary.Import++
	}
	var fingerprint string
	if n.change.Action != NoOp || n.extra != nil {
		fingerprint = Fingerprint(c.fingerprint[n.address])
	}
	index := len(p.Changes)
	if n.prior != nil {
		n.change.Before = n.prior.Config
	}
	if n.object != nil && n.change.Action != NoOp {
		n.change.Object = &Object{Type: n.object.Kind.Type, Runtime: n.object.Kind.Runtime, Digest: n.object.Digest, State: n.object.State}
	}
	c.emitSteps(p, g, n, index)
	if n.change.Action != NoOp {
		n.change.Fingerprint, n.change.From = fingerprint, c.from(n)
		p.Changes = append(p.Changes, n.change)
	}
	c.emitExtra(p, g, n, fingerprint)
}

func (c *computation) emitSteps(p *Plan, g *graph, n *node, index int) {
	if n.readdress {
		n.steps.readdress = g.add(OpReaddress, n.address, index)
	}
	switch n.change.Action {
	case NoOp:
		p.Summary.NoOp++
		if w := n.want; w != nil {
			p.Unchanged = append(p.Unchanged, Unchanged{Address: n.address, Type: w.Type, Runtime: w.Runtime, Config: w.Config, Source: w.Source, Sensitive: w.Sensitive})
		}
	case Move:
		p.Summary.Move++
	case Quarantine:
		p.Summary.Quarantine++
		n.steps.make = g.add(OpQuarantine, n.address, index)
	case Create:
		p.Summary.Create++
		n.steps.make = g.add(OpCreate, n.address, index)
	case Update:
		p.Summary.Update++
		n.steps.make = g.add(OpUpdate, n.address, index)
	case Replace:
		p.Summary.Replace++
		if !n.change.CreateFirst {
			n.steps.remove = g.add(OpDelete, n.address, index)
		}
		n.steps.make = g.add(OpCreate, n.address, index)
	case Delete:
		p.Summary.Delete++
		n.steps.remove = g.add(OpDelete, n.address, index)
	case Forget:
		p.Summary.Forget++
		n.steps.remove = g.add(OpForget, n.address, index)
	}
}

func (c *computation) emitDrift(p *Plan, n *node) {
	for _, d := range append(c.surplus(n), n.drift) {
		if d == nil {
			continue
		}
		d := *d
		d.Address = n.address
		if n.prior != nil {
			d.Type, d.Runtime, d.Sensitive = n.prior.Type, n.prior.Runtime, n.prior.Sensitive
		} else {
			d.Type, d.Runtime = n.object.Kind.Type, n.object.Kind.Runtime
		}
		if d.Policy = n.policy; d.Policy == "" || d.Surplus || d.Changes == nil && !d.Gone {
			d.Policy = PolicyHeal
		}
		p.Drift = append(p.Drift, d)
		p.Summary.Drift++
	}
}

// surplus is what somebody made besides an instance's own object. What a run of
// ours may have left is none.
func (c *computation) surplus(n *node) []*Drift {
	switch {
	case c.stray(n):
	case n.prior == nil || n.prior.Object == nil || n.prior.Tainted || n.object == nil || n.object.Kind != priorKind(n.prior) || c.in.Prior.Interrupted[n.address] != "":
		return nil
	}
	var all []*Drift
	for _, e := range n.extra {
		if e.Lineage == "" && e.Kind == n.object.Kind {
			all = append(all, &Drift{Surplus: true, State: e.State})
		}
	}
	return all
}

func (c *computation) emitRecord(p *Plan, n *node) {
	switch {
	case n.seen:
		r := n.prior
		record := Record{
			Address: n.address, Type: r.Type, Runtime: r.Runtime, Config: r.Config, Digest: r.Digest, Parents: r.Parents, After: r.After,
			Source: r.Source, Labelled: r.Labelled, Sensitive: r.Sensitive, PreventDestroy: r.PreventDestroy, Conduct: r.Conduct,
		}
		if n.object != nil && !n.drift.Gone {
			record.Object = n.object.State
		}
		if string(record.Object) != string(r.Object) {
			p.Records = append(p.Records, record)
		}
	case n.record && n.change.Action == NoOp:
		w := n.want
		p.Records = append(p.Records, Record{
			Address: n.address, Type: w.Type, Runtime: w.Runtime, Config: w.Config, Digest: w.Digest,
			Parents: w.Parents, After: w.After, Source: w.Source, Object: slices.Clone(json.RawMessage(n.object.State)),
			Labelled: n.change.Labelled, Sensitive: w.Sensitive, PreventDestroy: w.Lifecycle.PreventDestroy, Conduct: conductOf(w.Lifecycle),
		})
	}
}
