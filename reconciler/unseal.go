package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// unseal puts the sensitive values of a saved plan back: from the configuration
// as it is evaluated now, from the state and from the live objects. One whose
// state has moved is left as it is, for verify to refuse.
func (e *Engine) unseal(ctx context.Context, p *plan.Plan, desired *schema.Desired) (*plan.Plan, error) {
	if !p.Sealed {
		return p, nil
	}
	snapshot, err := e.config.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if snapshot.Lineage != p.Lineage || snapshot.Serial != p.Serial {
		return p, nil
	}
	observed, err := e.observe(ctx, p.Lineage, e.related(touched(p)))
	if err != nil {
		return nil, fmt.Errorf("look at the objects again: %w", err)
	}
	if err := e.remark(ctx, p, &observed); err != nil {
		return nil, fmt.Errorf("look at the objects again: %w", err)
	}
	values := map[addr.Address]plan.Values{}
	for a, objects := range plan.Relabel(observed.Objects, p.Labels) {
		values[a] = plan.Values{Objects: objects}
	}
	for _, r := range snapshot.Instances {
		at := r.Address
		if m := slices.IndexFunc(p.Moves, func(m plan.Moved) bool { return m.From == r.Address }); m >= 0 {
			at = p.Moves[m].To
		}
		v := values[at]
		v.Known = []json.RawMessage{r.Config, r.Object}
		values[at] = v
	}
	if desired != nil {
		for i := range desired.Instances {
			v := values[desired.Instances[i].Address]
			v.Desired = &desired.Instances[i]
			values[desired.Instances[i].Address] = v
		}
	}
	whole, moved, err := p.Unseal(e.config.Store.SealDigest, func(a addr.Address) plan.Values { return values[a] })
	if err != nil {
		return nil, fmt.Errorf("unseal plan: %w", err)
	}
	if moved != nil {
		return nil, &StaleError{Moved: moved}
	}
	if desired != nil {
		now := plan.Digest(desired)
		keyed, err := e.config.Store.SealDigest([]byte(now))
		if err != nil {
			return nil, fmt.Errorf("unseal plan: %w", err)
		}
		if keyed == p.Configuration {
			whole.Configuration = now
		}
	}
	return whole, nil
}

// changedSince says what of the configuration is no longer what a plan was made
// of, instance by instance.
func changedSince(p *plan.Plan, desired *schema.Desired) []string {
	planned := map[addr.Address]string{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Config != nil {
			planned[c.Address] = c.Digest
		} else if c.Action == plan.Quarantine {
			planned[c.Address] = "" // its row keeps what it has
		}
	}
	for i := range p.Records {
		planned[p.Records[i].Address] = p.Records[i].Digest
	}
	for _, u := range p.Unchanged {
		if _, other := planned[u.Address]; !other {
			planned[u.Address] = ""
			if len(u.Sensitive) == 0 {
				planned[u.Address] = plan.ConfigDigest(u.Config)
			}
		}
	}
	var moved []string
	for _, i := range desired.Instances {
		digest, known := planned[i.Address]
		delete(planned, i.Address)
		switch {
		case !known:
			moved = append(moved, fmt.Sprintf("the configuration has %s now", i.Address))
		case digest != "" && digest != i.Digest && len(i.Lifecycle.IgnoreChanges) == 0:
			moved = append(moved, fmt.Sprintf("the configuration of %s has changed", i.Address))
		}
	}
	for a := range planned {
		moved = append(moved, fmt.Sprintf("the configuration no longer has %s", a))
	}
	if moved == nil {
		return []string{"the configuration has changed"}
	}
	slices.Sort(moved)
	return moved
}
