package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/addr"
)

// Report is how the configuration does, as the last pass found it. Nobody
// changes it any more: readers must not either.
type Report struct {
	Lineage    string            `json:"lineage,omitempty"`
	Serial     int64             `json:"serial,omitempty"`
	Conditions status.Conditions `json:"conditions"`
	Deckies    []status.Decky    `json:"deckies,omitempty"` // sorted by address
	Last       Pass              `json:"last"`
	Held       bool              `json:"held,omitempty"`
	Why        string            `json:"why,omitempty"` // it is held
	Waiting    []Waiting         `json:"waiting,omitempty"`
	Drifts     status.Drifts     `json:"drifts"`
	Next       time.Time         `json:"next,omitzero"` // it looks again, whatever happens
}

// Waiting is an address that is left alone for a while.
type Waiting struct {
	Address  addr.Address `json:"address"`
	Failures int          `json:"failures,omitempty"` // in a row
	Flapping bool         `json:"flapping,omitempty"` // healed again and again
	Error    string       `json:"error,omitempty"`
	Until    time.Time    `json:"until,omitzero"`
}

// Report is how the configuration does. It costs nothing and waits for nobody.
func (l *Loop) Report() Report { return *l.report.Load() }

func unknownYet(now time.Time) status.Conditions {
	var cs status.Conditions
	for _, t := range []status.Type{status.Ready, status.Healthy} {
		cs = cs.Set(status.Condition{Type: t, Status: status.Unknown, Reason: "Starting", Message: "nothing was looked at yet", Updated: now})
	}
	cs = cs.Set(status.Condition{Type: status.Reconciling, Status: status.False, Reason: "Starting", Updated: now})
	return cs.Set(status.Condition{Type: status.Stalled, Status: status.False, Reason: "Starting", Updated: now})
}

// publish makes the report of a pass, or of one that is about to heal.
func (l *Loop) publish(ctx context.Context, v *view, p *Pass, over bool) {
	last := l.report.Load()
	r := &Report{
		Lineage: v.meta.Lineage, Serial: v.meta.Serial, Conditions: last.Conditions, Deckies: last.Deckies,
		Last: *p, Waiting: l.waiting(), Drifts: last.Drifts,
	}
	l.mu.Lock()
	r.Held, r.Why = l.holding, l.held
	l.mu.Unlock()
	r.Next, _ = l.due()
	if v.full != nil {
		r.Deckies = l.deckies(v)
	}
	if counts, err := l.config.Store.DriftCounts(ctx); err == nil {
		r.Drifts = counts
	}
	all := l.conditions(v, p, r)
	if !over {
		r.Last = last.Last
		all = append(all, status.Condition{Type: status.Reconciling, Status: status.True, Reason: "Applying", Message: fmt.Sprintf("%d instances", len(v.act.Changes))})
	}
	for _, c := range all {
		c.Updated, c.Message = l.config.Now(), clip(c.Message, maxMessage)
		r.Conditions = r.Conditions.Set(c)
	}
	l.report.Store(r)
}

// adopting says so in the report, whose other facts stay for the pass that
// follows.
func (l *Loop) adopting(command string, changes int) {
	r := *l.report.Load()
	c := status.Condition{Type: status.Reconciling, Status: status.True, Reason: "Adopting", Message: fmt.Sprintf("%s: %d instances", command, changes), Updated: l.config.Now()}
	r.Conditions = r.Conditions.Set(c)
	l.report.Store(&r)
}

func (l *Loop) waiting() []Waiting {
	var all []Waiting
	for _, a := range l.troubles.sorted() {
		t := l.troubles[a]
		all = append(all, Waiting{Address: a, Failures: t.failures, Flapping: t.flaps > 0, Error: t.err, Until: t.until})
	}
	return all
}

// conditions are the four as the pass found them.
func (l *Loop) conditions(v *view, p *Pass, r *Report) []status.Condition {
	return []status.Condition{l.ready(v, p, r), l.reconciling(v, p, r), l.stalled(r), healthy(v, r)}
}

func (l *Loop) ready(v *view, p *Pass, r *Report) status.Condition {
	c := status.Condition{Type: status.Ready, Status: status.False}
	switch {
	case v.full == nil && p.Error != "":
		c.Status, c.Reason, c.Message = status.Unknown, p.Reason, p.Error
	case v.desired == nil || v.full == nil:
		c.Status, c.Reason, c.Message = status.Unknown, "NothingApplied", "no configuration was applied yet"
	case len(v.full.Changes) > 0 && len(r.Waiting) > 0:
		c.Reason, c.Message = "HealingFails", trouble0(r.Waiting)
	case p.Error != "":
		c.Reason, c.Message = p.Reason, p.Error
	case len(v.unknown) > 0:
		c.Status, c.Reason, c.Message = status.Unknown, "ProviderUnavailable", unavailable(v.full)
	case len(v.full.Changes) > 0:
		c.Reason, c.Message = "Drifted", fmt.Sprintf("%d instances are not as configured", len(v.full.Changes))
	case slices.ContainsFunc(v.full.Drift, left):
		c.Reason, c.Message = "DriftReported", "instances drifted, and their policy is not to heal"
	case len(v.full.Quarantined) > 0:
		c.Reason, c.Message = "Quarantined", fmt.Sprintf("%d deckies are kept for study: %s, because %s", len(v.full.Quarantined), v.full.Quarantined[0].Address, v.full.Quarantined[0].Why)
	default:
		c.Status, c.Reason, c.Message = status.True, "InSync", "what is wanted is live"
		if v.blind != nil {
			c.Reason, c.Message = "RecycleBlind", "what is wanted is live, but nobody knows whom recycle_on is about: "+v.blind.Error()
		}
	}
	return c
}

func (l *Loop) reconciling(v *view, p *Pass, r *Report) status.Condition {
	c := status.Condition{Type: status.Reconciling, Status: status.True}
	switch {
	case r.Held:
		c.Status, c.Reason, c.Message = status.False, "Held", r.Why
	case p.Error != "":
		c.Reason, c.Message = p.Reason, p.Error
	case len(v.unknown) > 0:
		c.Reason, c.Message = "ProviderUnavailable", unavailable(v.full)
	case p.Run != 0:
		c.Reason, c.Message = "Applied", "what was healed is looked at again"
	case len(r.Waiting) > 0 && v.full != nil && len(v.full.Changes) > 0:
		c.Reason, c.Message = "Waiting", trouble0(r.Waiting)
	default:
		c.Status, c.Reason = status.False, "Idle"
	}
	return c
}

func (l *Loop) stalled(r *Report) status.Condition {
	c := status.Condition{Type: status.Stalled, Status: status.False, Reason: "NoFailures"}
	var all []string
	for _, w := range r.Waiting {
		if w.Failures >= l.config.Failures {
			all = append(all, fmt.Sprintf("%s failed %d times: %s", w.Address, w.Failures, w.Error))
		}
	}
	switch {
	case len(all) > 0:
		c.Status, c.Reason, c.Message = status.True, "HealingFails", strings.Join(all, "; ")
	case l.failing.count >= l.config.Failures && l.failing.reason != "Locked":
		c.Status, c.Reason, c.Message = status.True, l.failing.reason, l.failing.err.Error()
	}
	return c
}

func healthy(v *view, r *Report) status.Condition {
	c := status.Condition{Type: status.Healthy, Status: status.True, Reason: "AllHealthy"}
	if v.full == nil {
		c.Status, c.Reason = status.Unknown, "NotLooked"
		return c
	}
	count := map[status.Health]int{}
	var first status.Decky
	for _, d := range r.Deckies {
		count[d.Health]++
		if d.Health != status.HealthHealthy && first.Address == "" {
			first = d
		}
	}
	c.Message = fmt.Sprintf("%d of %d deckies are healthy", count[status.HealthHealthy], len(r.Deckies))
	switch {
	case count[status.HealthHealthy] == len(r.Deckies):
	case count[status.HealthHealthy]+count[status.HealthUnknown] == len(r.Deckies):
		c.Status, c.Reason = status.Unknown, "ProviderUnavailable"
	default:
		c.Status, c.Reason = status.False, string(first.Health)
	}
	if first.Message != "" {
		c.Message += "; " + first.Address + ": " + first.Message
	}
	return c
}

// left tells of drift that it stays.
func left(d plan.Drift) bool { return d.Policy != plan.PolicyHeal }

// trouble0 is the first of those that wait, and how many more there are.
func trouble0(all []Waiting) string {
	w := all[0]
	text := fmt.Sprintf("%s: %s", w.Address, w.Error)
	if w.Error == "" {
		text = fmt.Sprintf("%s was healed again and again, and does not last", w.Address)
	}
	if len(all) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(all)-1)
	}
	return text
}

func unavailable(p *plan.Plan) string {
	var all []string
	for _, u := range p.Unavailable {
		all = append(all, fmt.Sprintf("%s is unavailable: %s", u.Provider, u.What))
	}
	return strings.Join(all, "; ")
}

// deckies are the two words of each decky that is wanted.
func (l *Loop) deckies(v *view) []status.Decky {
	at := map[addr.Address]*status.Decky{}
	home := map[addr.Address]addr.Address{} // of a decky, and of what lives in it
	var all []*status.Decky
	for i := range v.desired.Instances {
		if d := &v.desired.Instances[i]; d.Type == providers.TypeDecky {
			s := &status.Decky{Address: string(d.Address), Sync: status.InSync, Health: status.HealthHealthy}
			at[d.Address], home[d.Address] = s, d.Address
			all = append(all, s)
		}
	}
	for i := range v.desired.Instances {
		d := &v.desired.Instances[i]
		for _, p := range d.Parents {
			if at[p] != nil {
				home[d.Address] = p
			}
		}
		if s := at[home[d.Address]]; s != nil && v.unknown[providers.Kind{Type: d.Type, Runtime: d.Runtime}] != nil {
			l.degrade(s, status.SyncUnknown, status.HealthUnknown, unavailable(v.full))
		}
	}
	for i := range v.full.Changes {
		l.changed(&v.full.Changes[i], at, home)
	}
	for _, q := range v.full.Quarantined {
		if s := at[q.Address]; s != nil && !q.Since.IsZero() {
			l.degrade(s, status.OutOfSync, status.HealthQuarantined, q.Why)
		}
	}
	for i := range v.full.Drift {
		d := &v.full.Drift[i]
		if s := at[home[d.Address]]; s != nil && left(*d) {
			l.degrade(s, status.OutOfSync, status.HealthDegraded, string(d.Address)+" drifted, and its policy is "+d.Policy)
		}
	}
	slices.SortFunc(all, func(a, b *status.Decky) int { return addr.Compare(addr.Address(a.Address), addr.Address(b.Address)) })
	out := make([]status.Decky, len(all))
	for i, s := range all {
		out[i] = *s
	}
	return out
}

// changed is what a planned change says of its decky.
func (l *Loop) changed(c *plan.Change, at map[addr.Address]*status.Decky, home map[addr.Address]addr.Address) {
	s := at[home[c.Address]]
	if s == nil {
		return
	}
	t := l.troubles[c.Address]
	switch {
	case t != nil && t.failures > 0:
		l.degrade(s, status.OutOfSync, status.HealthDegraded, fmt.Sprintf("%s: %s", c.Address, t.err))
	case t != nil && t.flaps > 0:
		l.degrade(s, status.OutOfSync, status.HealthDegraded, fmt.Sprintf("%s does not last", c.Address))
	case c.Action == plan.Create && string(c.Address) == s.Address:
		l.degrade(s, status.OutOfSync, status.HealthMissing, "it is not there")
	default:
		l.degrade(s, status.OutOfSync, status.HealthProgressing, fmt.Sprintf("%s: %s planned", c.Address, c.Action))
	}
}

// worse orders what may be said of one decky.
var worse = map[status.Health]int{
	status.HealthHealthy: 0, status.HealthProgressing: 1, status.HealthDegraded: 2, status.HealthQuarantined: 3, status.HealthMissing: 4, status.HealthUnknown: 5,
}

func (l *Loop) degrade(s *status.Decky, sync status.Synced, health status.Health, message string) {
	if worse[health] <= worse[s.Health] {
		return
	}
	s.Sync, s.Health, s.Message = sync, health, clip(message, maxMessage)
}
