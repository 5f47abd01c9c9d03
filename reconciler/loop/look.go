package loop

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

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
	pending   []state.Drift            // open, or not told yet
	blind     error                    // why nobody knows whom recycle_on is about; nil: it is known
	recycle   time.Time                // the next decky's time is up; zero: none's
}

// look plans what is wanted, and what of that may be done now.
func (l *Loop) look(ctx context.Context) (*view, error) {
	v := &view{}
	snapshot, err := l.config.Store.Snapshot(ctx)
	if err != nil {
		return v, err
	}
	v.meta = snapshot.Meta
	v.desired, err = l.wanted(ctx, snapshot)
	if err != nil {
		return v, err
	}
	if l.concern(snapshot.Instances, v.desired); v.desired == nil {
		return v, nil
	}
	if v.pending, err = l.config.Store.PendingDrifts(ctx); err != nil {
		return v, err
	}
	v.recycle = nextRecycle(v.desired, snapshot.Instances, l.config.Now())
	options := l.options(snapshot.Meta)
	options.Recycle, v.blind = l.recycled(ctx, v.desired)
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
	options.Replace = l.stubborn(v.full, left)
	if len(left)+len(options.Replace) == 0 {
		v.act = v.full
		return v, nil
	}
	options.Excludes = append(options.Excludes, left...)
	v.act, err = l.config.Engine.Plan(ctx, v.desired, options)
	var prevented *plan.PreventedError
	if errors.As(err, &prevented) && len(options.Replace) > 0 {
		options.Replace = nil
		v.act, err = l.config.Engine.Plan(ctx, v.desired, options)
	}
	return v, err
}

// stubborn are the objects that cannot be put right, and are made anew. A network
// is not: it would take all its deckies with it.
func (l *Loop) stubborn(full *plan.Plan, left []addr.Address) []addr.Address {
	var all []addr.Address
	for i := range full.Changes {
		c := &full.Changes[i]
		if c.Action == plan.Update && c.Type != providers.TypeNetwork && l.troubles.stubborn(c.Address) && !slices.Contains(left, c.Address) {
			all = append(all, c.Address)
		}
	}
	return all
}

// options are those of every plan of the loop.
func (l *Loop) options(meta state.Meta) reconciler.PlanOptions {
	o := reconciler.PlanOptions{Runtime: meta.Runtime, Restarts: true}
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

// recycled are the deckies whose time is up. The error says why that is not
// known of all.
func (l *Loop) recycled(ctx context.Context, desired *schema.Desired) ([]reconciler.Recycle, error) {
	if !slices.ContainsFunc(desired.Instances, func(i schema.Instance) bool {
		return i.Lifecycle.RecycleAfter != "" || len(i.Lifecycle.RecycleOn) > 0
	}) {
		return nil, nil
	}
	due, err := l.config.Engine.Due(ctx, desired)
	if ctx.Err() != nil {
		err = nil
	}
	if text := errText(err); text != l.blind {
		if l.blind = text; err != nil {
			l.config.Log.WarnContext(ctx, "whom to recycle is not known for all", "error", text)
		}
	}
	return due, err
}

// askEvery is how often it is asked whom recycle_on is about: nothing tells of
// it.
const askEvery = time.Minute

// nextRecycle is when recycle_after is over for the first decky that lives, or
// when it is to be asked again whom recycle_on is about.
func nextRecycle(desired *schema.Desired, rows []state.Instance, now time.Time) time.Time {
	after := map[addr.Address]time.Duration{}
	asked := map[addr.Address]bool{}
	for _, i := range desired.Instances {
		asked[i.Address] = len(i.Lifecycle.RecycleOn) > 0 && i.Type == providers.TypeDecky && !i.Lifecycle.PreventDestroy
		if d, err := time.ParseDuration(i.Lifecycle.RecycleAfter); err == nil && i.Type == providers.TypeDecky && !i.Lifecycle.PreventDestroy {
			after[i.Address] = d
		}
	}
	var next time.Time
	for i := range rows {
		r := &rows[i]
		if r.Object == nil || r.Quarantined != nil {
			continue
		}
		if at := now.Add(askEvery); asked[r.Address] && (next.IsZero() || at.Before(next)) {
			next = at
		}
		d, has := after[r.Address]
		if !has {
			continue
		}
		since := r.Created
		if since.IsZero() {
			since = r.Updated
		}
		if at := since.Add(d); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// left are the addresses that the loop leaves alone now: those that wait after
// a failure, those of kinds that nobody can look at, and all while it is held.
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
	if l.isHeld() {
		for i := range v.full.Changes {
			left[v.full.Changes[i].Address] = true
		}
		for i := range v.full.Records {
			left[v.full.Records[i].Address] = true
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

// work tells that an apply of the view would do something, or put on record what
// is not yet.
func (l *Loop) work(v *view) bool {
	if v.act == nil {
		return false
	}
	if l.isHeld() && len(v.act.Moves)+len(v.act.Changes)+len(v.act.Records) > 0 {
		return false
	}
	if !v.act.Empty() || len(v.act.Records) > 0 || len(v.act.Moves) > 0 {
		return true
	}
	if l.recorded == recordKey(v.act, v.pending) {
		return !l.untold.IsZero() && !l.untold.After(l.config.Now())
	}
	return len(v.act.Drift)+len(v.pending) > 0
}

// record remembers what the engine was told of, so that drift that is only
// reported does not keep the loop busy.
func (l *Loop) record(ctx context.Context, p *plan.Plan) {
	pending, err := l.config.Store.PendingDrifts(ctx)
	if err != nil {
		l.recorded = "" // the next pass meets the error
		return
	}
	l.recorded, l.untold = recordKey(p, pending), time.Time{}
	if !slices.ContainsFunc(pending, func(d state.Drift) bool { return d.Told.IsZero() }) {
		l.unheard = 0
		return
	}
	l.unheard++
	l.untold = l.config.Now().Add(l.config.Backoff.wait(l.unheard, l.config.Rand()))
}

// recordKey is another where there is something to put on record.
func recordKey(p *plan.Plan, pending []state.Drift) string {
	h := sha256.New()
	for i := range p.Drift {
		d := &p.Drift[i]
		fmt.Fprintf(h, "%q %v %v %q\n", d.Address, d.Gone, d.Surplus, d.Incarnation)
		for _, c := range d.Changes {
			fmt.Fprintf(h, "%q %q\n", c.Path, c.After)
		}
	}
	for _, d := range pending {
		fmt.Fprintf(h, "%q %v\n", d.ID, d.Healed.IsZero())
	}
	return string(h.Sum(nil))
}
