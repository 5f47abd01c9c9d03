package plan

import (
	"slices"
	"strconv"

	"github.com/decnet/decnet/providers"
)

// classify decides one node without looking at any other.
func (c *computation) classify(n *node) error {
	n.change.Address = n.address
	if n.want == nil {
		return c.classifyUnwanted(n)
	}
	if err := keepIgnored(n); err != nil {
		return err
	}
	w := n.want
	n.change.Sensitive, n.change.PreventDestroy, n.change.Conduct = w.Sensitive, w.Lifecycle.PreventDestroy, conductOf(w.Lifecycle)
	n.change.Type, n.change.Runtime, n.change.Source = w.Type, w.Runtime, w.Source
	n.change.Config, n.change.Digest, n.change.Parents, n.change.After = w.Config, w.Digest, w.Parents, w.After
	switch {
	case n.object == nil:
		c.classifyMissing(n)
		return nil
	case n.object.Imported != "":
		return c.classifyImported(n)
	case n.object.Kind != kindOf(w):
		n.change.Action = Replace
		n.change.Reasons = []Reason{RuntimeChanged}
		n.change.Attributes = []providers.Change{{
			Path: "runtime", Before: strconv.Quote(n.object.Kind.Runtime), After: strconv.Quote(w.Runtime),
			Replace: true, Cause: CauseConfiguration,
		}}
		return nil
	case n.prior == nil || n.prior.Object == nil:
		return c.classifyUnrecorded(n)
	default:
		return c.classifyKnown(n)
	}
}

// classifyUnwanted deals with what is not in the configuration: it goes.
func (c *computation) classifyUnwanted(n *node) error {
	if n.prior != nil {
		n.change.Sensitive, n.change.PreventDestroy, n.change.Conduct = n.prior.Sensitive, n.prior.PreventDestroy, n.prior.Conduct
		if r := c.removal(n.address); r != nil && !r.Destroy {
			n.change.Action, n.change.Reasons, n.change.Released = Forget, []Reason{Released}, n.object != nil
			n.change.Type, n.change.Runtime, n.change.Source = n.prior.Type, n.prior.Runtime, r.Source
			n.change.Labelled = n.label()
			return nil
		}
	}
	switch {
	case n.object == nil:
		n.change.Action, n.change.Reasons = Forget, []Reason{c.unwanted()}
		n.change.Type, n.change.Runtime, n.change.Source = n.prior.Type, n.prior.Runtime, n.prior.Source
		if n.prior.Object != nil && !n.prior.Tainted && c.in.Prior.Interrupted[n.address] == "" {
			n.drift = &Drift{Gone: true}
		}
	case n.prior == nil:
		n.change.Action, n.change.Reasons = Delete, []Reason{Orphan}
		n.change.Type, n.change.Runtime = n.object.Kind.Type, n.object.Kind.Runtime
		if c.stray(n) {
			n.drift = &Drift{Surplus: true, State: n.object.State}
		}
	default:
		n.change.Action, n.change.Reasons = Delete, []Reason{c.unwanted()}
		n.change.Type, n.change.Runtime, n.change.Source = n.object.Kind.Type, n.object.Kind.Runtime, n.prior.Source
		c.driftSincePrior(n)
	}
	return nil
}

// unwanted is why nothing wants what the state has.
func (c *computation) unwanted() Reason {
	if c.in.Destroy {
		return DestroyRequested
	}
	return NotInConfig
}

// stray tells that somebody else made what is alive under an address: neither
// the configuration nor the state knows of it, and no run of ours that died may
// have left it. While the state knows of nothing at all, all may be of a state
// that was lost.
func (c *computation) stray(n *node) bool {
	return n.want == nil && n.prior == nil && n.object != nil && n.object.Lineage == "" && !n.unknown &&
		len(c.in.Prior.Instances) > 0 && c.in.Prior.Interrupted[n.address] == ""
}

// classifyMissing deals with what is wanted and not alive.
func (c *computation) classifyMissing(n *node) {
	n.change.Action = Create
	interrupted := c.in.Prior.Interrupted[n.address] != ""
	switch {
	case n.prior == nil:
		n.change.Reasons = []Reason{NotInState}
	case n.prior.Tainted:
		n.change.Reasons = []Reason{Tainted}
	case interrupted, n.prior.Object == nil:
		n.change.Reasons = []Reason{InterruptedCreate}
	default:
		n.change.Reasons = []Reason{Drifted}
		n.drift = &Drift{Gone: true}
		if n.prior.Digest != n.want.Digest {
			n.change.Reasons = append(n.change.Reasons, ConfigChanged)
		}
		n.held = !n.heals() && !c.replace[n.address] && len(n.change.Reasons) == 1
	}
	if c.replace[n.address] {
		n.change.Reasons = appendReason(n.change.Reasons, ReplaceRequested)
	}
}

// classifyUnrecorded deals with an object of ours whose making was never
// recorded: one that fits is completed, any other is replaced.
func (c *computation) classifyUnrecorded(n *node) error {
	changes, err := c.in.Differ.Diff(kindOf(n.want), n.want.Config, n.object.State)
	if err != nil {
		return err
	}
	n.change.Attributes = withCause(changes, CauseConfiguration)
	n.change.Action, n.adopt = Create, true
	switch {
	case n.prior != nil && n.prior.Tainted:
		n.change.Reasons = []Reason{Tainted}
	case c.in.Prior.Interrupted[n.address] != "":
		n.change.Reasons = []Reason{InterruptedCreate}
	default:
		n.change.Reasons = []Reason{NotInState}
	}
	if n.prior != nil && n.prior.Tainted || c.replace[n.address] || n.object.Digest != n.want.Digest || slices.ContainsFunc(changes, replaces) {
		n.change.Action, n.adopt = Replace, false
	}
	if c.replace[n.address] {
		n.change.Reasons = appendReason(n.change.Reasons, ReplaceRequested)
	}
	return nil
}

// classifyKnown deals with what is wanted, remembered and alive.
func (c *computation) classifyKnown(n *node) error {
	changes, err := c.in.Differ.Diff(kindOf(n.want), n.want.Config, n.object.State)
	if err != nil {
		return err
	}
	changes = withoutIgnored(n.want.Lifecycle, changes)
	// A run died before it could record what it had done.
	unrecorded := len(changes) == 0 && !n.unknown && c.in.Prior.Interrupted[n.address] != ""
	configured := n.prior.Digest != n.want.Digest
	switch {
	case n.prior.Tainted:
		n.change.Attributes = changes // a failed step of ours may be the cause of any
	case !configured:
		c.noteDrift(n, changes)
		c.noteRestart(n)
		if !n.heals() && !n.unknown {
			changes = slices.DeleteFunc(slices.Clone(changes), func(h providers.Change) bool { return h.Cause == "" || h.Cause == CauseDrift })
		}
		n.change.Attributes = withCause(changes, CauseDrift)
	default:
		drifted := c.driftSincePrior(n)
		c.noteRestart(n)
		n.change.Attributes = withCause(changes, CauseConfiguration)
		for i := range n.change.Attributes {
			a := &n.change.Attributes[i]
			was, touched := drifted[a.Path]
			if a.Cause != CauseConfiguration || !touched {
				continue
			}
			n.change.Reasons = appendReason(n.change.Reasons, Drifted)
			if was == a.After {
				a.Cause = CauseDrift // the configuration wants there what it always did
			}
		}
	}
	n.change.Action = NoOp
	if len(changes) > 0 {
		n.change.Action = Update
	}
	if slices.ContainsFunc(changes, replaces) {
		n.change.Action = Replace
	}
	for _, rule := range []struct {
		holds  bool
		reason Reason
	}{{n.prior.Tainted, Tainted}, {c.replace[n.address], ReplaceRequested}, {c.recycles(n), Recycled}} {
		if rule.holds {
			n.change.Action = Replace
			n.change.Reasons = append(n.change.Reasons, rule.reason)
		}
	}
	for _, a := range n.change.Attributes {
		if !n.prior.Tainted {
			n.change.Reasons = appendReason(n.change.Reasons, reasonOf(a.Cause))
		}
	}
	if configured && n.prior.Tainted {
		n.change.Reasons = appendReason(n.change.Reasons, ConfigChanged)
	}
	slices.Sort(n.change.Reasons)
	n.record = n.change.Action == NoOp && (configured || unrecorded || n.prior.Source != n.want.Source ||
		!slices.Equal(n.prior.Parents, n.want.Parents) || !slices.Equal(n.prior.After, n.want.After) ||
		!slices.Equal(n.prior.Sensitive, n.want.Sensitive) || n.prior.PreventDestroy != n.want.Lifecycle.PreventDestroy ||
		!n.prior.Conduct.Equal(conductOf(n.want.Lifecycle)) || !n.unknown && n.prior.Labelled != n.label() || c.relived(n))
	return nil
}

// classifyImported deals with a live object that was asked to become the
// instance: what fits is only recorded.
func (c *computation) classifyImported(n *node) error {
	changes, err := c.in.Differ.Diff(kindOf(n.want), n.want.Config, n.object.State)
	if err != nil {
		return err
	}
	n.change.Attributes = withCause(changes, CauseConfiguration)
	n.change.Reasons = []Reason{Imported}
	n.change.Action, n.record = NoOp, true
	if len(changes) > 0 {
		n.change.Action, n.record = Update, false
		n.change.Reasons = append(n.change.Reasons, ConfigChanged)
	}
	if slices.ContainsFunc(changes, replaces) || c.replace[n.address] {
		n.change.Action = Replace
	}
	return nil
}

func replaces(c providers.Change) bool { return c.Replace }

func reasonOf(cause providers.Cause) Reason {
	switch cause {
	case CauseDrift:
		return Drifted
	case providers.CauseImage:
		return Image
	default:
		return ConfigChanged
	}
}

func withCause(changes []providers.Change, cause providers.Cause) []providers.Change {
	if len(changes) == 0 {
		return nil
	}
	all := slices.Clone(changes)
	for i := range all {
		if all[i].Cause == "" {
			all[i].Cause = cause
		}
	}
	return all
}

// driftSincePrior compares the object with the configuration that made it, and
// returns what stood at the paths that somebody else changed. An object that one of our own
// steps left half changed, or that nobody could look at, tells nothing.
func (c *computation) driftSincePrior(n *node) map[string]string {
	if n.prior.Object == nil || n.prior.Tainted || n.unknown || c.in.Prior.Interrupted[n.address] != "" || n.object.Kind != priorKind(n.prior) {
		return nil
	}
	changes, err := c.in.Differ.Diff(n.object.Kind, n.prior.Config, n.object.State)
	if err != nil {
		return nil // a row of an older version that its handler no longer reads
	}
	c.noteDrift(n, changes)
	before := make(map[string]string, len(changes))
	for _, change := range changes {
		before[change.Path] = change.After
	}
	return before
}

// noteDrift keeps, of the changes that would heal an object, what was done to
// it: the other way round.
func (c *computation) noteDrift(n *node, healing []providers.Change) {
	if n.prior.Tainted || n.unknown || c.in.Prior.Interrupted[n.address] != "" {
		return
	}
	var changes []providers.Change
	for _, h := range healing {
		if h.Cause == "" || h.Cause == CauseDrift {
			changes = append(changes, providers.Change{Path: h.Path, Before: h.After, After: h.Before, Replace: h.Replace})
		}
	}
	if changes != nil {
		n.drift = &Drift{Changes: changes, State: n.object.State}
	}
}
