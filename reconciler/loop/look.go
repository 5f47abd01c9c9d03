package loop

import (
	"context"
	"errors"
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// view is what one look found.
type view struct {
	meta      state.Meta
	desired   *schema.Desired          // nil: nothing was applied yet
	full      *plan.Plan               // all that differs
	act       *plan.Plan               // what may be done of it now
	prevented *plan.PreventedError     // what must not be destroyed and would be
	unknown   map[providers.Kind]error // kinds nobody can look at
}

// look plans what is wanted, and what of that may be done now.
func (l *Loop) look(ctx context.Context) (*view, error) {
	v := &view{}
	snapshot, err := l.config.Store.Snapshot(ctx)
	if err != nil {
		return v, err
	}
	v.meta = snapshot.Meta
	if v.desired, err = l.wanted(ctx, snapshot); err != nil || v.desired == nil {
		return v, err
	}
	options := l.options(snapshot.Meta)
	v.full, err = l.config.Engine.Plan(ctx, v.desired, options)
	if errors.As(err, &v.prevented) {
		for _, i := range v.prevented.Instances {
			options.Excludes = append(options.Excludes, i.Address)
		}
		v.full, err = l.config.Engine.Plan(ctx, v.desired, options)
	}
	if err != nil {
		return v, err
	}
	left := l.left(v, snapshot)
	if len(left) == 0 {
		v.act = v.full
		return v, nil
	}
	options.Excludes = append(options.Excludes, left...)
	v.act, err = l.config.Engine.Plan(ctx, v.desired, options)
	return v, err
}

// options are those of every plan of the loop.
func (l *Loop) options(meta state.Meta) reconciler.PlanOptions {
	o := reconciler.PlanOptions{Runtime: meta.Runtime}
	if o.Runtime == "" {
		o.Runtime = l.config.Runtime
	}
	return o
}

// wanted is the configuration to keep live, nil where there is none.
func (l *Loop) wanted(ctx context.Context, snapshot state.Snapshot) (*schema.Desired, error) {
	l.mu.Lock()
	adopted := l.adopted
	l.mu.Unlock()
	switch {
	case adopted != nil:
		return adopted, nil
	case snapshot.Lineage == "":
		return nil, nil
	case l.config.Desired != nil:
		return l.config.Desired(ctx)
	default:
		return reconciler.Applied(snapshot), nil
	}
}

// left are the addresses that the loop leaves alone now: those that wait after
// a failure, and those of kinds that nobody can look at.
func (l *Loop) left(v *view, snapshot state.Snapshot) []addr.Address {
	left := map[addr.Address]bool{}
	if len(v.full.Unavailable) > 0 {
		v.unknown = map[providers.Kind]error{}
		for _, u := range v.full.Unavailable {
			for _, k := range u.Kinds {
				v.unknown[k] = &providers.UnavailableError{Provider: u.Provider, What: u.What, Remedy: u.Remedy}
			}
		}
		for _, i := range v.desired.Instances {
			left[i.Address] = left[i.Address] || v.unknown[providers.Kind{Type: i.Type, Runtime: i.Runtime}] != nil
		}
		for _, i := range snapshot.Instances {
			left[i.Address] = left[i.Address] || v.unknown[providers.Kind{Type: i.Type, Runtime: i.Runtime}] != nil
		}
	}
	made := map[addr.Address]bool{}
	for i := range v.full.Changes {
		c := &v.full.Changes[i]
		made[c.Address] = made[c.Address] || (c.Action == plan.Create || c.Action == plan.Replace) && !l.troubles.waits(c.Address)
	}
	for i := range v.full.Changes {
		c := &v.full.Changes[i]
		// Where what it lives in is made anew, it is another object.
		anew := slices.ContainsFunc(c.Parents, func(p addr.Address) bool { return made[p] })
		if l.troubles.waits(c.Address) && !anew {
			left[c.Address] = true
		}
	}
	var all []addr.Address
	for a, yes := range left {
		if yes {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, addr.Compare)
	return all
}

// work tells that an apply of the view would do something, or tell something
// that was not told yet.
func (l *Loop) work(v *view) bool {
	if v.act == nil {
		return false
	}
	if !v.act.Empty() || len(v.act.Records) > 0 || len(v.act.Moves) > 0 {
		return true
	}
	for i := range v.act.Drift {
		if !l.reported[driftKey(&v.act.Drift[i])] {
			return true
		}
	}
	return false
}

// told remembers the drift that the engine was told of, so that what is only
// reported does not keep the loop busy.
func (l *Loop) told(p *plan.Plan) {
	clear(l.reported)
	for i := range p.Drift {
		l.reported[driftKey(&p.Drift[i])] = true
	}
}

func driftKey(d *plan.Drift) string {
	key := string(d.Address)
	if d.Gone {
		key += " gone"
	}
	for _, c := range d.Changes {
		key += "\x00" + c.Path + "\x00" + c.After
	}
	return key
}
