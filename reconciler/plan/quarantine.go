package plan

import (
	"bytes"
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// conductOf is what a row keeps of a lifecycle.
func conductOf(l schema.Lifecycle) state.Conduct {
	return state.Conduct{OnDrift: l.OnDrift, RecycleAfter: l.RecycleAfter, RecycleOn: l.RecycleOn}
}

// parked is what was decided of a node before it was held for study.
type parked struct {
	change        Change
	adopt, record bool
}

func (n *node) park() {
	n.parked = &parked{n.change, n.adopt, n.record}
	n.isolated = true
	n.change.Action, n.adopt, n.record, n.change.Attributes, n.change.Reasons, n.change.Because = NoOp, false, false, nil, nil, ""
}

// isolate keeps for study what drifted where the policy is quarantine, and what
// is kept already: nothing of such a decky changes, and its network is cut where
// it is not.
func (c *computation) isolate() {
	below := map[*node][]*node{}
	for _, n := range c.nodes {
		var parents []addr.Address
		switch {
		case n.want != nil:
			parents = n.want.Parents
		case n.prior != nil:
			parents = n.prior.Parents
		}
		for _, a := range parents {
			if d := c.index[a]; d != nil && d.want != nil && d.want.Type == providers.TypeDecky {
				below[d] = append(below[d], n)
			}
		}
	}
	for _, d := range c.nodes {
		if d.want == nil || d.want.Type != providers.TypeDecky || d.prior == nil || d.prior.Object == nil || d.released() {
			continue
		}
		var why string
		switch culprit := c.culprit(d, below[d]); {
		case d.prior.Quarantined != nil:
			why = d.prior.Quarantined.Why
		case culprit == nil:
			continue
		case culprit.drift.Gone:
			why = string(culprit.address) + " is gone"
		default:
			why = string(culprit.address) + " changed"
		}
		c.keep(d, below[d], why)
	}
}

// released tells that a decky is made anew because somebody asked for it.
func (n *node) released() bool {
	return n.made() && (slices.Contains(n.change.Reasons, ReplaceRequested) || slices.Contains(n.change.Reasons, Tainted))
}

// culprit is whose drift isolates a decky: its own, or that of a service.
func (c *computation) culprit(d *node, services []*node) *node {
	if d.object == nil || d.unknown || d.object.Kind != kindOf(d.want) || !c.spec(d.object.Kind).Quarantines {
		return nil
	}
	for _, n := range append([]*node{d}, services...) {
		if n.drift != nil && n.policy == PolicyQuarantine && (n.drift.Gone || n.drift.Changes != nil) {
			return n
		}
	}
	return nil
}

// keep parks a decky with its services.
func (c *computation) keep(d *node, services []*node, why string) {
	d.park()
	d.change.Why = why
	for _, n := range services {
		n.park()
	}
	cut := d.object == nil || d.unknown || c.in.Quarantined != nil && c.in.Quarantined(d.object.Kind, d.object.State)
	if !cut {
		d.change.Action, d.change.Reasons = Quarantine, []Reason{Drifted}
		// The row keeps the configuration that made the object.
		d.change.Config, d.change.Digest, d.change.Parents, d.change.After = nil, d.prior.Digest, d.prior.Parents, d.prior.After
	}
	if d.prior.Quarantined == nil {
		return
	}
	for _, n := range services {
		n.drift = nil // it was told
	}
	if d.object != nil {
		d.drift = nil
		return
	}
	c.warn(d.address, "it was kept for study, and is gone", "replace it with --replace once that is understood")
}

// release lets go of the services of a decky that is replaced after all, because
// its network is.
func (c *computation) release() bool {
	found := false
	for _, d := range c.nodes {
		if !d.isolated || d.want == nil || d.want.Type != providers.TypeDecky || !d.made() {
			continue
		}
		found, d.isolated = true, false
		d.change.Why = ""
		d.change.Config, d.change.Digest = d.want.Config, d.want.Digest
		d.change.Parents, d.change.After = d.want.Parents, d.want.After
		for _, n := range c.nodes {
			if n.parked != nil && n.isolated && n != d && slices.Contains(c.formerDependencies(n, false), d.address) {
				n.change, n.adopt, n.record, n.isolated = n.parked.change, n.parked.adopt, n.parked.record, false
			}
		}
	}
	return found
}

// kept are the deckies that are or become isolated.
func (c *computation) kept() []Quarantined {
	var all []Quarantined
	for _, n := range c.nodes {
		if !n.isolated || n.want == nil || n.want.Type != providers.TypeDecky {
			continue
		}
		q := Quarantined{Address: n.address, Why: n.change.Why}
		if n.prior.Quarantined != nil {
			q.Since = n.prior.Quarantined.Since
		}
		if n.change.Action == Quarantine || n.prior.Quarantined != nil {
			all = append(all, q)
		}
	}
	return all
}

// unisolated says of what drifted that it cannot be isolated.
func (c *computation) unisolated(n *node) {
	if n.drift == nil || n.policy != PolicyQuarantine || n.isolated || n.change.Action != NoOp || !n.drift.Gone && n.drift.Changes == nil {
		return
	}
	c.warn(n.address, "it drifted and its policy is quarantine, but nothing of it can be cut off: it is left as it is", "replace it with --replace once that is understood")
}

// recycles tells that the node's time is up.
func (c *computation) recycles(n *node) bool {
	why, asked := c.recycle[n.address]
	if asked {
		n.change.Why = why
	}
	return asked
}

// lives are those of a known object as the state remembers it and as it is
// seen; empty where that is not known, or where our own step was interrupted.
func (c *computation) lives(n *node) (before, now string) {
	if bytes.Equal(n.prior.Object, n.object.State) {
		return "", "" // the same life, whichever it is
	}
	if c.in.Incarnation == nil || n.unknown || n.prior.Tainted || n.prior.Object == nil || c.in.Prior.Interrupted[n.address] != "" || n.object.Kind != priorKind(n.prior) {
		return "", ""
	}
	return c.in.Incarnation(n.object.Kind, n.prior.Object), c.in.Incarnation(n.object.Kind, n.object.State)
}

// relived tells that the row should take note of the object's life.
func (c *computation) relived(n *node) bool {
	before, now := c.lives(n)
	return now != "" && before != now
}

// noteRestart calls it drift where an object ended and came back by itself.
func (c *computation) noteRestart(n *node) {
	before, now := c.lives(n)
	if before == "" || now == "" || before == now || c.in.Excused != nil && c.in.Excused(n.address, n.object.State) {
		return
	}
	for _, a := range n.prior.Parents {
		d := c.index[a]
		if d == nil || d.prior == nil || d.prior.Type != providers.TypeDecky {
			continue
		}
		if d.object != nil && c.relived(d) || c.in.Prior.Interrupted[a] != "" {
			return // it went with its decky, of which it is told, or which a killed run of ours was changing
		}
	}
	if n.drift == nil {
		n.drift = &Drift{State: n.object.State}
	}
	n.drift.Restarted, n.drift.Incarnation = true, now
}
