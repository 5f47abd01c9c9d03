package gitsync

import (
	"context"
	"fmt"
	"time"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/syncfile"

	"github.com/decnet/decnet/reconciler/gitsync/window"
)

// judge decides whether a plan is carried out now. Healing alone always is,
// save where the policy is to observe.
func (c *controller) judge(ctx context.Context, tip status.Revision, desired *schema.Desired, p *plan.Plan) {
	c.fresh = false
	if c.sync.Policy == syncfile.Observe {
		c.observe(tip, p)
		return
	}
	reason, why := c.bounds(tip, p)
	if reason == "" {
		c.adopt(ctx, tip, desired, p)
		return
	}
	id := identify(c.memory().Key, tip.Commit, p)
	c.update(func(d *document) { //nolint:errcheck // said in the log
		c.hold(d, tip, p, id, reason, why)
	})
	if open := window.Next(c.sync.Windows, c.now()); reason == OutsideWindow && !open.IsZero() {
		c.soon(open.Sub(c.now()))
	}
}

// bounds is what keeps a plan from being carried out, and why; "" for nothing.
func (c *controller) bounds(tip status.Revision, p *plan.Plan) (Reason, string) {
	w := weigh(p)
	if w.changes == 0 {
		return "", ""
	}
	d := c.memory()
	approved := d.Approved != nil && d.Approved.Commit == tip.Commit && (d.Approved.Begun || d.Approved.ID == identify(d.Key, tip.Commit, p))
	if reason, why := c.fuses(w); reason != "" && !approved {
		return reason, why
	}
	if c.sync.Policy == syncfile.Manual && !approved {
		return AwaitingApproval, "The policy is manual."
	}
	if now := c.now(); !window.Open(c.sync.Windows, now) {
		if open := window.Next(c.sync.Windows, now); !open.IsZero() {
			return OutsideWindow, fmt.Sprintf("Changes wait until %s.", open.Format(time.RFC3339))
		}
		return OutsideWindow, "No window opens any more: change the windows of the sync."
	}
	return "", ""
}

// fuses holds what would destroy too much.
func (c *controller) fuses(w weight) (Reason, string) {
	if w.deckies > 0 && w.left == 0 && !c.sync.AllowEmpty {
		return PruneToEmpty, fmt.Sprintf("It deletes or forgets every decky: %d of %d. allow_empty = true would let it.", w.deckies, w.deckies)
	}
	if over, allowed := exceeds(c.sync.MaxDestroy, w); over {
		return DestroyLimit, fmt.Sprintf("It deletes or replaces %d of %d deckies and networks; %s allows %d.", w.destroyed, w.live, limitText(c.sync.MaxDestroy), allowed)
	}
	return "", ""
}

// hold lets a plan wait.
func (c *controller) hold(d *document, tip status.Revision, p *plan.Plan, id string, reason Reason, why string) {
	since := c.now()
	if d.Pending != nil && d.Pending.ID == id {
		since = d.Pending.Since
	}
	d.Pending = &status.Pending{ID: id, Revision: tip, Summary: summarize(p), Reason: why, Since: since}
	if d.Approved != nil && d.Approved.ID != id {
		d.Approved = nil // what was approved is something else now
	}
	d.Attempted, d.Waiting = &tip, ""
	message := why
	if remedy := reasons[reason].remedy; remedy != "" {
		message += fmt.Sprintf("\n%s Its id is %s.", remedy, id)
	}
	c.settle(d, telling{verdict: verdict{Reason: reason, Message: message}, revision: &tip, action: "plan", summary: summarize(p), plan: id})
}

// observeAgain reports what has drifted since from a commit that is observed.
func (c *controller) observeAgain(ctx context.Context, tip status.Revision) {
	d := c.memory()
	seen := d.Verdict.Reason == Observed || d.Verdict.Reason == Differs
	if c.sync.Policy != syncfile.Observe || !seen || d.Attempted == nil || d.Attempted.Commit != tip.Commit {
		return
	}
	_, p, err := c.plan(ctx, tip.Commit)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.refuse(*d.Attempted, err, "refuse")
	default:
		c.observe(*d.Attempted, p)
	}
}

// observe reports what would be done.
func (c *controller) observe(tip status.Revision, p *plan.Plan) {
	t := telling{verdict: verdict{Reason: Observed, Message: "Nothing is to be changed."}, revision: &tip, action: "plan"}
	if len(p.Changes) > 0 || weigh(p).changes > 0 {
		t.Reason, t.summary = Differs, summarize(p)
		t.Message = "The policy is observe, so nothing is changed. There would be " + t.summary + "."
	}
	c.update(func(d *document) { //nolint:errcheck // said in the log
		d.Attempted, d.Waiting, d.Pending, d.Approved = &tip, "", nil, nil
		c.settle(d, t)
	})
}
