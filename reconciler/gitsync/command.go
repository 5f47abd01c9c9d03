package gitsync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// Planned is a plan of what a sync follows now.
type Planned struct {
	Revision status.Revision
	Pending  *status.Pending // it waits for approval under this id
	Plan     *plan.Plan      // with every value: show Plan.Show
}

// Plan fetches, verifies and plans what is followed now. It applies nothing; a
// plan that waits for approval is made anew, with the id that it has then. Its
// errors are ErrUnknown, or a *Failure that says why there is no plan.
func (m *Manager) Plan(ctx context.Context, name string) (Planned, error) {
	c, err := m.named(name)
	if err != nil {
		return Planned{}, err
	}
	if err := c.take(ctx); err != nil {
		return Planned{}, err
	}
	defer c.release()
	limited, cancel := context.WithTimeout(ctx, c.sync.Timeout)
	defer cancel()
	tip, err := c.fetched(limited)
	if err != nil {
		return Planned{}, &Failure{Reason: reasonOf(err, FetchFailed), Err: err}
	}
	tip, _, p, err := c.prepare(ctx, tip)
	if err != nil {
		return Planned{}, err
	}
	if pending := c.memory().Pending; pending != nil && pending.Revision.Commit == tip.Commit {
		c.replan(tip, p)
	}
	out := Planned{Revision: tip, Plan: p}
	if pending := c.memory().Pending; pending != nil && pending.Revision.Commit == tip.Commit {
		out.Pending = pending
	}
	return out, nil
}

// replan makes the plan that waits the one of now.
func (c *controller) replan(tip status.Revision, p *plan.Plan) {
	id := identify(c.memory().Key, tip.Commit, p)
	if c.memory().Pending.ID == id {
		return
	}
	reason, why := c.bounds(tip, p)
	if reason == "" {
		c.wake(wake{now: true}) // nothing holds it any more
		return
	}
	c.update(func(d *document) { c.hold(d, tip, p, id, reason, why) }) //nolint:errcheck // said in the log
	c.deliver()
}

// Approve lets the plan of this id be carried out, and returns when that is
// decided and written down, not when it is done. The plan is made anew first: if
// another one would be carried out now, that one waits, and the error, an
// ErrConflict, names its id. Windows still count. Who is for the history.
//
// A history that was rewritten is approved by the id of its newest commit, as it
// stands in Pending; what is in it is then treated like any other commit.
func (m *Manager) Approve(ctx context.Context, name, id, who string) error {
	c, err := m.named(name)
	if err != nil {
		return err
	}
	if _, is := c.suspended(); is {
		return fmt.Errorf("sync %s is suspended: resume it first: %w", name, ErrConflict)
	}
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.release()
	d := c.memory()
	switch {
	case d.Pending == nil:
		return fmt.Errorf("sync %s: no plan waits for approval: %w", name, ErrConflict)
	case d.Trouble != nil && d.Trouble.Reason == HistoryRewritten, d.Trouble == nil && d.Verdict.Reason == HistoryRewritten:
		return c.acceptHistory(ctx, d, id, who)
	case c.sync.Policy == syncfile.Observe:
		return fmt.Errorf("sync %s: its policy is observe, nothing is applied: %w", name, ErrConflict)
	}
	tip := d.Pending.Revision
	_, p, err := c.plan(ctx, tip.Commit)
	if err != nil {
		return fmt.Errorf("sync %s: plan commit %s again: %w", name, short(tip.Commit), err)
	}
	now := identify(d.Key, tip.Commit, p)
	if now != d.Pending.ID {
		c.replan(tip, p)
	}
	if now != id {
		return fmt.Errorf("sync %s: the plan that waits is %s, of commit %s: %s; %s is none or an older one: %w", name, now, short(tip.Commit), summarize(p), clip(id, maxTitle), ErrConflict)
	}
	err = c.update(func(d *document) {
		d.Approved = &approval{ID: id, Commit: tip.Commit, Who: clip(who, maxTitle), When: c.now()}
		c.note(d, "approve", "approved", &tip, "Plan "+id, who)
	})
	if err != nil {
		return fmt.Errorf("sync %s: approve: %w", name, err)
	}
	c.wake(wake{hook: true})
	return nil
}

// acceptHistory lets the next commit descend from a rewritten one.
func (c *controller) acceptHistory(ctx context.Context, d document, id, who string) error {
	if id != d.Pending.ID && id != d.Pending.Revision.Commit {
		return fmt.Errorf("sync %s: what waits is the rewritten history of commit %s: %w", c.sync.Name, d.Pending.ID, ErrConflict)
	}
	rev := d.Pending.Revision
	err := c.update(func(d *document) {
		d.Base, d.Trouble, d.Pending, d.Approved = rev.Commit, nil, nil, nil
		c.note(d, "approve", "approved", &rev, "Its history, which was rewritten", who)
	})
	if err != nil {
		return fmt.Errorf("sync %s: approve: %w", c.sync.Name, err)
	}
	if a, remembers := c.Repository.(Accepter); remembers {
		if err := a.Accept(ctx, rev); err != nil { // it is refused again, and can be approved again
			return fmt.Errorf("sync %s: approve: %w", c.sync.Name, err)
		}
	}
	c.wake(wake{now: true})
	return nil
}

// note puts what somebody asked for into the history.
func (c *controller) note(d *document, action, outcome string, rev *status.Revision, message, who string) {
	if who != "" {
		message = strings.TrimPrefix(message+", by "+clip(who, maxTitle), ", ")
	}
	e := status.Entry{Time: c.now(), Action: action, Outcome: outcome, Message: clip(message, maxMessage)}
	if rev != nil {
		e.Revision = *rev
	}
	d.enter(e)
}

// Suspend leaves everything as it is until Resume, also after a restart: nothing
// is fetched, applied or healed. What is under way is finished.
func (m *Manager) Suspend(_ context.Context, name, why, who string) error {
	c, err := m.named(name)
	if err != nil {
		return err
	}
	if why = clip(why, maxTitle*4); why == "" {
		why = "no reason was given"
	}
	c.holding.Lock()
	defer c.holding.Unlock()
	err = c.update(func(d *document) {
		d.Suspend = &suspension{Why: why, Who: clip(who, maxTitle), When: c.now()}
		c.note(d, "suspend", string(Suspended), nil, why, who)
		c.announce(d, reasons[Suspended].news, reasons[Suspended].severity, reasons[Suspended].title, string(Suspended), telling{verdict: verdict{Message: why}})
	})
	if err != nil {
		return fmt.Errorf("sync %s: suspend: %w", name, err)
	}
	c.Subject.Hold(why)
	c.deliver()
	return nil
}

// Resume ends a suspension; one by the daemon's file is an ErrConflict.
func (m *Manager) Resume(_ context.Context, name, who string) error {
	c, err := m.named(name)
	if err != nil {
		return err
	}
	if c.sync.Suspend {
		return fmt.Errorf("sync %s: the daemon's file says suspend = true: take it out and restart the daemon: %w", name, ErrConflict)
	}
	c.holding.Lock()
	defer c.holding.Unlock()
	if c.memory().Suspend == nil {
		return fmt.Errorf("sync %s is not suspended: %w", name, ErrConflict)
	}
	err = c.update(func(d *document) {
		d.Suspend = nil
		c.note(d, "resume", "resumed", nil, "", who)
	})
	if err != nil {
		return fmt.Errorf("sync %s: resume: %w", name, err)
	}
	if c.sync.Policy == syncfile.Observe {
		c.Subject.Hold(observing)
	} else {
		c.Subject.Release()
	}
	c.wake(wake{now: true})
	return nil
}

// Now looks at the repository and at what is alive without waiting, and tries
// again what failed or was rolled back. It returns at once.
func (m *Manager) Now(_ context.Context, name, who string) error {
	c, err := m.named(name)
	if err != nil {
		return err
	}
	if _, is := c.suspended(); is {
		return fmt.Errorf("sync %s is suspended: resume it first: %w", name, ErrConflict)
	}
	c.log.Info("asked to look now", "who", clip(who, maxTitle))
	c.wake(wake{now: true})
	c.Subject.Wake("asked for")
	return nil
}

// History is what happened to a sync, the newest first, at most limit entries.
func (m *Manager) History(_ context.Context, name string, limit int) ([]status.Entry, error) {
	c, err := m.named(name)
	if err != nil {
		return nil, err
	}
	all := c.memory().History
	out := slices.Clone(all[len(all)-min(max(limit, 0), len(all)):])
	slices.Reverse(out)
	return out, nil
}

// Events is the news of a sync since Config.News was made, the newest first, at
// most limit of it.
func (m *Manager) Events(_ context.Context, name string, limit int) ([]notification.Notification, error) {
	c, err := m.named(name)
	if err != nil {
		return nil, err
	}
	return m.events.latest(c.sync.Name, limit), nil
}

func (m *Manager) named(name string) (*controller, error) {
	if c := m.find(name); c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("sync %q: %w", clip(name, maxTitle), ErrUnknown)
}

// status is how the sync does. What the subject finds wrong is told over what is
// well here.
func (c *controller) status() status.Sync {
	report := c.Subject.Report()
	c.mu.Lock()
	defer c.mu.Unlock()
	d := &c.doc
	s := status.Sync{
		Name: c.sync.Name, Repository: c.sync.Repository, Path: c.sync.Path, Ref: c.sync.Ref.String(), Policy: string(c.sync.Policy),
		Attempted: d.Attempted, Applied: d.Applied, PlanDigest: d.PlanDigest, Pending: d.Pending,
		Drifts: report.Drifts, Deckies: report.Deckies, Checked: c.checked, Next: c.next,
	}
	if why, suspended := c.held(d); suspended {
		s.Suspended, s.Next = why, c.next
	}
	s.Conditions = slices.Clone(d.Facts)
	for i := range s.Conditions {
		if s.Conditions[i].Updated.Before(c.looked) {
			s.Conditions[i].Updated = c.looked
		}
	}
	for _, fact := range report.Conditions {
		if ours := d.Facts.Get(fact.Type); ours.Reason == "" || graver(fact, ours) {
			s.Conditions = s.Conditions.Set(fact)
		}
	}
	return s
}

// graver tells whether a condition of the subject says more than one of ours.
func graver(theirs, ours status.Condition) bool {
	switch ours.Type {
	case status.Ready:
		return ours.Status == status.True && theirs.Status == status.False
	case status.Stalled, status.Reconciling:
		return ours.Status != status.True && theirs.Status == status.True
	}
	return true
}
