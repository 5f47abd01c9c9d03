package loop

import (
	"context"
	"errors"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

// Plan is what must change to make desired live. It changes nothing and waits
// for nobody.
func (l *Loop) Plan(ctx context.Context, desired *schema.Desired) (*plan.Plan, error) {
	meta, err := l.config.Store.Meta(ctx)
	if err != nil {
		return nil, err
	}
	return l.config.Engine.Plan(ctx, desired, l.options(meta))
}

// Adopt applies a plan that was made of desired, under the state's lock, and
// keeps desired live from then on, whatever was kept so far. Command is the verb
// in the history. The errors are those of Engine.Apply. One that says that
// nothing was touched (*reconciler.StaleError, *state.LockedError,
// *reconciler.UnavailableError, *reconciler.RefusedError,
// *reservation.ConflictError) leaves all as it was; after any other desired is
// wanted all the same: the loop goes on to make it live, with backoff, until
// another configuration is adopted. A held loop adopts, too. The result is nil
// where nothing was touched.
func (l *Loop) Adopt(ctx context.Context, desired *schema.Desired, p *plan.Plan, command string) (*reconciler.Result, error) {
	if desired == nil || p == nil {
		return nil, errors.New("adopt: a configuration and its plan are required")
	}
	if err := l.take(ctx); err != nil {
		return nil, err
	}
	defer l.release()
	holder := l.holder(command)
	lock, err := l.config.Store.Lock(ctx, holder, l.config.LockWait)
	if err != nil {
		var locked *state.LockedError
		if errors.As(err, &locked) {
			l.metrics.lockWaits.Add(1)
		}
		return nil, err
	}
	defer lock.Unlock() //nolint:errcheck // the lock ends with its file
	l.adopting(command, len(p.Changes))
	defer l.Wake("adopted")
	pass := Pass{Why: []string{command}, Began: l.config.Now()}
	pass.Seen, pass.Drift = p.Summary, len(p.Drift)
	result, err := l.config.Engine.Apply(ctx, p, reconciler.ApplyOptions{Holder: holder, Lock: lock, Desired: desired})
	if result == nil {
		return nil, err
	}
	l.mu.Lock()
	l.adopted = desired
	l.mu.Unlock()
	clear(l.troubles)
	l.failing = failing{}
	l.done(ctx, p, result, err, &pass) //nolint:errcheck // the caller has it
	for _, t := range l.troubles {
		t.heals = nil // they were changes
	}
	l.metrics.adopted.Add(1)
	return result, err
}

// Hold keeps the loop from healing until Release: it goes on looking and
// reporting. A heal under way is finished. Why is shown to operators.
func (l *Loop) Hold(why string) {
	l.mu.Lock()
	l.held, l.holding = clip(why, maxMessage), true
	l.mu.Unlock()
	l.Wake("held")
}

// Release ends a Hold.
func (l *Loop) Release() {
	l.mu.Lock()
	l.held, l.holding = "", false
	l.mu.Unlock()
	l.Wake("released")
}

func (l *Loop) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holding
}
