package reconciler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/evidence"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/seal"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/event"
)

// Bounds of what one drift says.
const (
	maxChanges = 64
	maxTold    = 1024    // events handed on by one run; the rest by the next
	maxLine    = 1 << 10 // bytes of one change, of one exhibit's name, of what is missing
)

// witness records every drift of a plan that is not on record yet, with what can
// be found of it, and hands the events on. Nothing was touched so far. It
// returns the drifts that are open, for the run to close.
func (e *Engine) witness(ctx context.Context, p *plan.Plan) (*record, error) {
	pending, err := e.config.Store.PendingDrifts(ctx)
	if err != nil {
		return nil, err
	}
	r := &record{engine: e, plan: p, lineage: p.Lineage, moved: map[addr.Address]addr.Address{}}
	if len(pending) == 0 && len(p.Drift) == 0 {
		return r, nil
	}
	for _, m := range p.Moves {
		r.moved[m.From] = m.To
	}
	if len(pending) > 0 && len(p.Drift) > 0 {
		snapshot, err := e.config.Store.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		r.interrupted = snapshot.Interrupted
	}
	unseen := r.match(pending)
	closing := r.over(unseen)
	if err := r.capture(ctx); err != nil {
		return nil, err
	}
	if len(r.fresh)+len(closing) > 0 {
		if err := e.config.Store.AddDrifts(ctx, r.fresh, closing); err != nil {
			return nil, errors.Join(err, r.sync())
		}
	}
	r.open = append(r.open, r.fresh...)
	e.config.Boundary(DriftRecorded, "")
	return r, r.tell(ctx, pending)
}

// record is what one run knows of drift.
type record struct {
	engine  *Engine
	plan    *plan.Plan
	lineage string
	moved   map[addr.Address]addr.Address
	fresh   []state.Drift // not on record before
	sources []*plan.Drift // of fresh
	open    []state.Drift
	back    []string // ids of those of open that look otherwise by now
	// interrupted are the steps that a run died in.
	interrupted map[addr.Address]string
	evidence    *evidence.Store
}

// now is where an instance of a drift stands once the plan's moves are done.
func (r *record) now(a addr.Address) addr.Address {
	if to, ok := r.moved[a]; ok {
		return to
	}
	return a
}

// match tells what of the plan's drift is on record already. It returns the open
// drifts that the plan does not show.
func (r *record) match(pending []state.Drift) []state.Drift {
	known := map[string]int{}
	for i, d := range pending {
		if d.Healed.IsZero() {
			known[string(r.now(d.Address))+"\x00"+d.Fingerprint] = i
		}
	}
	shown := map[int]bool{}
	for i := range r.plan.Drift {
		d := r.engine.drift(r.plan, &r.plan.Drift[i])
		if at, ok := known[string(d.Address)+"\x00"+d.Fingerprint]; ok {
			shown[at] = true
			r.open = append(r.open, pending[at])
			continue
		}
		if at := r.continued(d, pending); at >= 0 {
			shown[at] = true
			r.open = append(r.open, pending[at])
			r.back = append(r.back, pending[at].ID)
			continue
		}
		r.fresh = append(r.fresh, d)
		r.sources = append(r.sources, &r.plan.Drift[i])
	}
	var unseen []state.Drift
	for i, d := range pending {
		if d.Healed.IsZero() && !shown[i] {
			unseen = append(unseen, d)
		}
	}
	return unseen
}

// continued finds the open drift that a difference belongs to. Where the object
// restarted it was seen down, and its engine was faster than we; where a run of
// ours died while it healed the decky, what that did to the services follows
// from it. Neither is a drift of its own; -1 is none.
func (r *record) continued(d state.Drift, pending []state.Drift) int {
	if d.Reason == state.DriftSurplus || d.Reason != state.DriftRestarted && !r.interrupts(d.Address) {
		return -1
	}
	return slices.IndexFunc(pending, func(o state.Drift) bool {
		return o.Healed.IsZero() && o.Action == state.DriftHeal && o.Reason != state.DriftSurplus && r.now(o.Address) == d.Address
	})
}

// interrupts tells that a run died while it worked on what an instance lives in.
func (r *record) interrupts(a addr.Address) bool {
	for under := range r.interrupted {
		if under = r.now(under); under != a && addr.Covers(under, a) {
			return true
		}
	}
	return false
}

// over closes what the plan no longer shows, and keeps open what it still
// works on.
func (r *record) over(unseen []state.Drift) []state.Closing {
	p := r.plan
	limited := p.Unrefreshed || p.RefreshOnly || len(p.Targets)+len(p.Excludes) > 0
	var closing []state.Closing
	for _, d := range unseen {
		a := r.now(d.Address)
		same := func(f state.Drift) bool {
			return f.Address == a && (f.Reason == state.DriftSurplus) == (d.Reason == state.DriftSurplus)
		}
		outcome := ""
		switch {
		case slices.ContainsFunc(r.fresh, same):
			outcome = state.DriftSuperseded
		case limited, slices.ContainsFunc(p.Changes, func(c plan.Change) bool { return c.Address == a && tooMany(&c) == (d.Reason == state.DriftSurplus) }):
		case r.isolated(a):
			outcome = state.DriftQuarantined
		default:
			outcome = ended(d, slices.ContainsFunc(p.Unchanged, func(u plan.Unchanged) bool { return u.Address == a }))
		}
		if outcome == "" {
			r.open = append(r.open, d)
			continue
		}
		closing = append(closing, state.Closing{ID: d.ID, At: r.engine.config.Now(), Outcome: outcome})
	}
	return closing
}

// ended is what became of a drift that is seen no more.
func ended(d state.Drift, there bool) string {
	switch {
	case d.Action == state.DriftNone:
		return state.DriftByItself
	case !there && d.Reason != state.DriftSurplus:
		return state.DriftRemoved
	case d.Action == state.DriftHeal:
		return state.DriftHealed
	case d.Action == state.DriftRecycle:
		return state.DriftRecycled
	}
	return state.DriftUndone
}

// isolated tells that an instance is, or lives in, a decky that is kept for
// study already.
func (r *record) isolated(a addr.Address) bool {
	return slices.ContainsFunc(r.plan.Quarantined, func(q plan.Quarantined) bool { return !q.Since.IsZero() && addr.Covers(q.Address, a) })
}

// drift is the row of a drift that a plan shows.
func (e *Engine) drift(p *plan.Plan, d *plan.Drift) state.Drift {
	now := e.config.Now()
	row := state.Drift{ID: event.NewID(now), Address: d.Address, Type: d.Type, Runtime: d.Runtime, Seen: now, Reason: reasonOf(d), Action: actionOn(p, d)}
	if e.config.Tell == nil {
		row.Told = now // there is nobody to tell it to
	}
	for _, c := range d.Changes {
		before, after := c.Before, c.After
		if seal.Matches(c.Path, d.Sensitive) {
			before, after = seal.Hidden, seal.Hidden
		}
		if len(row.Changes) == maxChanges {
			row.Changes = append(row.Changes, fmt.Sprintf("and %d more", len(d.Changes)-maxChanges))
			break
		}
		row.Changes = append(row.Changes, capped(c.Path+": "+shown(before)+" -> "+shown(after)))
	}
	h := sha256.New()
	for _, part := range append([]string{string(d.Address), d.Type, d.Runtime, row.Reason, d.Incarnation}, row.Changes...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	if d.Surplus { // they are told apart by their number only
		n := 0
		for i := range p.Drift {
			if o := &p.Drift[i]; o != d && o.Surplus && o.Address == d.Address {
				n++
			} else if o == d {
				break
			}
		}
		fmt.Fprint(h, n)
	}
	row.Fingerprint = hex.EncodeToString(h.Sum(nil)[:16])
	return row
}

// tooMany tells that a change removes what nobody wants: one more than is wanted
// under its address, or one under an address that nothing is wanted of.
func tooMany(c *plan.Change) bool { return c.Surplus || slices.Contains(c.Reasons, plan.Orphan) }

func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

func capped(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= maxLine {
		return s
	}
	return strings.ToValidUTF8(s[:maxLine-3], "") + "..."
}

func reasonOf(d *plan.Drift) string {
	switch {
	case d.Surplus:
		return state.DriftSurplus
	case d.Gone:
		return state.DriftGone
	case len(d.Changes) > 0:
		return state.DriftChanged
	default:
		return state.DriftRestarted
	}
}

// actionOn is what a plan does about a drift.
func actionOn(p *plan.Plan, d *plan.Drift) string {
	if reasonOf(d) == state.DriftRestarted {
		return state.DriftNone
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		switch {
		case tooMany(c) != d.Surplus:
		case c.Action == plan.Quarantine && addr.Covers(c.Address, d.Address):
			return state.DriftQuarantine
		case c.Address == d.Address && slices.Contains(c.Reasons, plan.Recycled):
			return state.DriftRecycle
		case c.Address == d.Address:
			return state.DriftHeal
		}
	}
	if d.Policy == plan.PolicyHeal && !p.RefreshOnly {
		return state.DriftHeal // by a plan that is not limited to others
	}
	return state.DriftReport
}

// tell hands on the events that were not, in the order they were seen. What
// cannot be told now is told by a later run.
func (r *record) tell(ctx context.Context, pending []state.Drift) error {
	config := &r.engine.config
	if config.Tell == nil {
		return nil
	}
	var events []*event.Event
	var ids []string
	for _, d := range append(slices.Clone(pending), r.fresh...) {
		if d.Told.IsZero() && len(events) < maxTold {
			events = append(events, EventOf(d))
			ids = append(ids, d.ID)
		}
	}
	if events == nil {
		return nil
	}
	if err := config.Tell(events...); err != nil {
		config.Log.Warn("drift cannot be told now; the next run tries again", "drifts", len(events), "error", err)
		return nil
	}
	config.Boundary(DriftTold, "")
	return config.Store.MarkTold(ctx, config.Now(), ids...)
}

// EventOf is the event of a drift. It is the same each time.
func EventOf(d state.Drift) *event.Event {
	out := &event.Event{ID: d.ID, Time: d.Seen, Decky: string(d.Address)}
	if steps, err := addr.Parse(string(d.Address)); err == nil && d.Type == providers.TypeService && len(steps) > 1 {
		last := steps[len(steps)-1]
		out.Decky, out.Service = string(addr.Of(steps[:len(steps)-1]...)), last.Name
		if last.Key.Name != "" {
			out.Service += "." + last.Key.Name
		}
	}
	body := &event.Drift{Address: string(d.Address), Reason: d.Reason, Changes: d.Changes, Action: d.Action, Missing: event.Text(d.Missing)}
	for _, x := range d.Evidence {
		body.Evidence = append(body.Evidence, event.Artifact{Name: event.Text(x.Name), Media: x.Media, SHA256: x.SHA256, Size: x.Size, Truncated: x.Truncated})
	}
	out.Body = body
	return out
}

// finish closes the drifts that a run has dealt with.
func (r *record) finish(ctx context.Context, steps []StepResult) error {
	done := map[int]bool{} // by change: whether every step of it succeeded
	for _, s := range r.plan.Steps {
		done[s.Change] = true
	}
	finished := map[[2]string]bool{}
	for _, s := range steps {
		if s.Err == nil {
			finished[[2]string{fmt.Sprint(s.Step.Change), string(s.Step.Op)}] = true
		}
	}
	for _, s := range r.plan.Steps {
		done[s.Change] = done[s.Change] && finished[[2]string{fmt.Sprint(s.Change), string(s.Op)}]
	}
	var closing []state.Closing
	for _, d := range r.open {
		if outcome := r.outcome(d, done); outcome != "" {
			closing = append(closing, state.Closing{ID: d.ID, At: r.engine.config.Now(), Outcome: outcome})
		}
	}
	if closing == nil {
		return r.sync()
	}
	return errors.Join(r.engine.config.Store.AddDrifts(ctx, nil, closing), r.sync())
}

// outcome is what became of a drift in a run; empty: it is open still.
func (r *record) outcome(d state.Drift, done map[int]bool) string {
	a := r.now(d.Address)
	if (d.Action == state.DriftNone || slices.Contains(r.back, d.ID)) && slices.ContainsFunc(r.plan.Records, func(n plan.Record) bool { return n.Address == a }) {
		return state.DriftByItself
	}
	for i := range r.plan.Changes {
		c := &r.plan.Changes[i]
		if tooMany(c) != (d.Reason == state.DriftSurplus) || !done[i] {
			continue
		}
		switch {
		case c.Action == plan.Quarantine && addr.Covers(c.Address, a):
			return state.DriftQuarantined
		case c.Address != a:
		case d.Action == state.DriftNone:
			return state.DriftByItself
		case tooMany(c):
			return state.DriftHealed
		case c.Action == plan.Delete, c.Action == plan.Forget:
			return state.DriftRemoved
		case slices.Contains(c.Reasons, plan.Recycled):
			return state.DriftRecycled
		default:
			return state.DriftHealed
		}
	}
	return ""
}

func (r *record) sync() error {
	if r.evidence == nil {
		return nil
	}
	return r.evidence.Sync()
}

// haves are the objects to examine: as they are seen, or were last seen.
func (r *record) haves(ctx context.Context) ([]json.RawMessage, error) {
	haves := make([]json.RawMessage, len(r.sources))
	missing := false
	for i, d := range r.sources {
		haves[i] = d.State
		missing = missing || d.State == nil || len(d.Sensitive) > 0
	}
	if !missing {
		return haves, nil
	}
	snapshot, err := r.engine.config.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	rows := make(map[addr.Address]json.RawMessage, len(snapshot.Instances))
	for _, i := range snapshot.Instances {
		rows[r.now(i.Address)] = i.Object
	}
	for i, d := range r.sources {
		// In a plan that was saved the sensitive values are digests of them.
		if object := rows[d.Address]; object != nil && !d.Surplus && (d.State == nil || len(d.Sensitive) > 0) {
			haves[i] = object
		}
	}
	return haves, nil
}
