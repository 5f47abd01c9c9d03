package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
)

// Pass is one look, and what was done about what it saw.
type Pass struct {
	Why   []string      `json:"why"` // what woke the loop
	Began time.Time     `json:"began"`
	Took  time.Duration `json:"took"`
	// Seen is what differed, Drift how many objects somebody else changed.
	Seen  plan.Summary `json:"seen"`
	Drift int          `json:"drift"`
	// Run is in the state's history; 0 where nothing was done.
	Run    int64          `json:"run,omitempty"`
	Healed []addr.Address `json:"healed,omitempty"` // sorted
	// Isolated are deckies that were cut off, to be kept for study.
	Isolated []addr.Address `json:"isolated,omitempty"`
	Failed   []Failure      `json:"failed,omitempty"` // sorted by address
	// Stalled are those of Failed that failed so often now for the first time;
	// Recovered are those that had failed and are well; Flapping those that were
	// healed too often.
	Stalled   []addr.Address `json:"stalled,omitempty"`
	Recovered []addr.Address `json:"recovered,omitempty"`
	Flapping  []addr.Address `json:"flapping,omitempty"`
	// Reason and Error say why the pass as a whole failed: "Locked", "Stale",
	// "Refused", "PlanFailed" and the like.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Failure is one address that could not be healed.
type Failure struct {
	Address addr.Address `json:"address"`
	Error   string       `json:"error"`
}

// maxMessage bounds the text of an error in what others read.
const maxMessage = 1 << 10

// staleTries is how often one pass plans again because the world moved under
// its plan.
const staleTries = 4

// pass looks once, does what that asks for, and tells how long the look took.
func (l *Loop) pass(ctx context.Context, why []string) time.Duration {
	if l.take(ctx) != nil {
		return 0
	}
	defer l.release()
	p := Pass{Why: why, Began: l.config.Now()}
	if l.heard.Swap(false) {
		l.troubles.retry()
	}
	l.troubles.begin(p.Began)
	v, err := l.look(ctx)
	looked := l.config.Now().Sub(p.Began)
	if err == nil {
		err = l.heal(ctx, v, &p)
	}
	if ctx.Err() != nil && err != nil {
		err = nil // it was asked to end; what is left comes with the next start
	}
	l.conclude(context.WithoutCancel(ctx), v, err, &p)
	return looked
}

// heal carries out what the view asks for, under the state's lock.
func (l *Loop) heal(ctx context.Context, v *view, p *Pass) error {
	l.saw(v, p)
	if v.desired == nil || !l.work(v) {
		l.noted = 0
		return nil
	}
	lock, err := l.config.Store.Lock(ctx, l.holder(Command), l.config.LockWait)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the lock ends with its file
	for range staleTries {
		// What was seen without the lock may be half of another's work.
		fresh, err := l.look(ctx)
		if err != nil {
			return err
		}
		*v = *fresh
		l.saw(v, p)
		if v.desired == nil || !l.work(v) {
			return nil
		}
		if !v.act.Empty() {
			l.publish(ctx, v, p, false)
		}
		result, err := l.config.Engine.Apply(ctx, v.act, reconciler.ApplyOptions{Holder: l.holder(Command), Lock: lock})
		var stale *reconciler.StaleError
		if errors.As(err, &stale) {
			l.metrics.stale.Add(1)
			continue
		}
		return l.done(ctx, v.act, result, err, p)
	}
	return &movingError{}
}

// notesMost is how many runs in a row, that only took note of something, are
// followed by a look at once: what never settles waits for the next full one.
const notesMost = 3

// movingError says that the world moved under every plan.
type movingError struct{}

func (*movingError) Error() string {
	return fmt.Sprintf("the world moved under %d plans in a row", staleTries)
}

// saw keeps what a look found.
func (l *Loop) saw(v *view, p *Pass) {
	if v.full == nil {
		return
	}
	p.Seen, p.Drift = v.full.Summary, len(v.full.Drift)
	now := l.config.Now()
	if v.prevented != nil {
		for _, i := range v.prevented.Instances {
			if !l.troubles.waits(i.Address) {
				l.fail(i.Address, &plan.PreventedError{Instances: []plan.Prevented{i}}, p)
			}
		}
	}
	changes := map[addr.Address]bool{}
	for i := range v.full.Changes {
		changes[v.full.Changes[i].Address] = true
	}
	for a := range l.troubles {
		if !changes[a] && !v.prevents(a) && l.troubles.well(a, now) {
			p.Recovered = append(p.Recovered, a)
		}
	}
}

func (v *view) prevents(a addr.Address) bool {
	return v.prevented != nil && slices.ContainsFunc(v.prevented.Instances, func(i plan.Prevented) bool { return i.Address == a })
}

// fail notes that one address cannot be healed.
func (l *Loop) fail(a addr.Address, err error, p *Pass) {
	l.troubles.failed(a, err, l.config.Now(), l.config.Backoff, l.config.Rand())
	l.metrics.failures.Add(1)
	p.Failed = append(p.Failed, Failure{Address: a, Error: clip(err.Error(), maxMessage)})
	if l.troubles[a].failures == l.config.Failures {
		p.Stalled = append(p.Stalled, a)
	}
}

// done takes in the outcome of an apply. What it returns failed the pass as a
// whole.
func (l *Loop) done(ctx context.Context, applied *plan.Plan, result *reconciler.Result, err error, p *Pass) error {
	failed := culprits(err)
	if result == nil {
		planned := func(a addr.Address) bool {
			return slices.ContainsFunc(applied.Changes, func(c plan.Change) bool { return c.Address == a })
		}
		for a := range failed {
			if !planned(a) {
				return err
			}
		}
		if len(failed) == 0 {
			return err
		}
	}
	for a, why := range failed {
		l.fail(a, why, p)
	}
	if result == nil {
		l.Wake("refused") // the others go on
		return nil
	}
	p.Run = result.Run
	l.record(context.WithoutCancel(ctx), applied)
	left := make([]int, len(applied.Changes)) // steps not done, by change
	for _, s := range applied.Steps {
		left[s.Change]++
	}
	for _, s := range result.Steps {
		if s.Err == nil {
			left[s.Step.Change]--
		}
	}
	for i := range applied.Changes {
		c := &applied.Changes[i]
		switch {
		case left[i] > 0 || failed[c.Address] != nil || slices.Contains(p.Healed, c.Address):
		case c.Action == plan.Quarantine:
			p.Isolated = append(p.Isolated, c.Address)
		default:
			p.Healed = append(p.Healed, c.Address)
		}
	}
	l.heals(p)
	l.noted++
	if !applied.Empty() {
		l.noted = 0
	}
	if p.Run != 0 && l.noted <= notesMost {
		l.Wake("confirm")
	}
	if ctx.Err() != nil {
		return nil
	}
	return beyond(err)
}

// beyond is what an error of Apply says that is about no single address.
func beyond(err error) error {
	switch e := err.(type) { //nolint:errorlint // it is taken apart here
	case nil, *reconciler.FailedError, *reconciler.InterruptedError:
		return nil
	case interface{ Unwrap() []error }:
		var rest []error
		for _, inner := range e.Unwrap() {
			rest = append(rest, beyond(inner))
		}
		return errors.Join(rest...)
	default:
		return err
	}
}

// heals counts what was healed.
func (l *Loop) heals(p *Pass) {
	for _, a := range p.Healed {
		l.metrics.heals.Add(1)
		recovered, flaps := l.troubles.healed(a, l.config.Now(), l.config.Heals, l.config.Backoff, l.config.Rand())
		if recovered {
			p.Recovered = append(p.Recovered, a)
		}
		if flaps {
			l.metrics.flaps.Add(1)
			p.Flapping = append(p.Flapping, a)
		}
	}
}

// culprits are the addresses that an error of Apply names.
func culprits(err error) map[addr.Address]error {
	all := map[addr.Address]error{}
	var failed *reconciler.FailedError
	if errors.As(err, &failed) {
		for _, s := range failed.Steps {
			all[s.Address] = s
		}
	}
	var refused *reconciler.RefusedError
	if errors.As(err, &refused) {
		for _, f := range refused.Findings {
			if f.Address != "" {
				all[addr.Address(f.Address)] = errors.New(f.Summary)
			}
		}
	}
	var conflict *reservation.ConflictError
	if errors.As(err, &conflict) {
		for _, c := range conflict.Conflicts {
			all[c.Claim.Address] = c
		}
	}
	return all
}

// reasonOf names what failed a pass in one word.
func reasonOf(err error) string {
	var locked *state.LockedError
	var stale *reconciler.StaleError
	var moving *movingError
	var away *reconciler.UnavailableError
	var refused *reconciler.RefusedError
	switch {
	case errors.As(err, &locked):
		return "Locked"
	case errors.As(err, &stale), errors.As(err, &moving):
		return "Stale"
	case errors.As(err, &away):
		return "ProviderUnavailable"
	case errors.As(err, &refused):
		return "Refused"
	default:
		return "PlanFailed"
	}
}

// conclude ends a pass: what failed, when the next one comes, who is told.
func (l *Loop) conclude(ctx context.Context, v *view, err error, p *Pass) {
	now := l.config.Now()
	p.Took = now.Sub(p.Began)
	l.next = now.Add(jitter(l.config.Interval, l.config.Rand()))
	if l.recycle = v.recycle; !l.recycle.After(now) || l.isHeld() {
		l.recycle = time.Time{} // what is due and not done waits for other reasons
	}
	if err == nil {
		l.failing = failing{}
	} else {
		back := l.config.Backoff
		p.Reason, p.Error = reasonOf(err), clip(err.Error(), maxMessage)
		if p.Reason == "Locked" || p.Reason == "Stale" {
			l.metrics.lockWaits.Add(1)
			back.Most = max(back.First, min(back.Most, lockMost))
		}
		l.failing = failing{count: l.failing.count + 1, last: now, reason: p.Reason, err: err}
		l.failing.until = now.Add(back.wait(l.failing.count, l.config.Rand()))
	}
	slices.SortFunc(p.Healed, addr.Compare)
	slices.SortFunc(p.Stalled, addr.Compare)
	slices.SortFunc(p.Recovered, addr.Compare)
	slices.SortFunc(p.Flapping, addr.Compare)
	slices.SortFunc(p.Failed, func(a, b Failure) int { return addr.Compare(a.Address, b.Address) })
	l.metrics.pass(p)
	l.log(p)
	l.publish(ctx, v, p, true)
	if l.config.Passed != nil {
		l.config.Passed(*p)
	}
}

// lockMost bounds the pause while another holds the lock.
const lockMost = 10 * time.Second

func (l *Loop) log(p *Pass) {
	switch {
	case p.Error != "":
		l.config.Log.Warn("a pass failed", "reason", p.Reason, "error", p.Error, "again", l.failing.until)
	case len(p.Failed) > 0:
		l.config.Log.Warn("some could not be healed", "healed", len(p.Healed), "failed", len(p.Failed), "first", p.Failed[0].Address, "error", p.Failed[0].Error)
	case len(p.Healed) > 0:
		l.config.Log.Info("healed", "addresses", len(p.Healed), "first", p.Healed[0], "run", p.Run, "took", p.Took)
	default:
		l.config.Log.Debug("looked", "why", p.Why, "took", p.Took)
	}
}

func (l *Loop) holder(command string) state.Holder {
	h := l.config.Holder
	h.Command, h.Since = command, l.config.Now()
	return h
}
