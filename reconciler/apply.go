package reconciler

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

// ApplyOptions shape a run.
type ApplyOptions struct {
	// Holder stands in the lock and in the history; Command in it is the verb.
	Holder state.Holder
	// Lock, if set, is held already and stays so; otherwise Apply takes it,
	// waiting up to LockTimeout, and gives it back.
	Lock        *state.Lock
	LockTimeout time.Duration
	// Desired, if set, is the configuration of now: a plan made of another one
	// is refused.
	Desired  *schema.Desired
	Progress Progress // nil: nobody watches
}

// Progress is told what a run does. Calls come one at a time.
type Progress interface {
	StepStarted(s plan.Step)
	StepDone(s plan.Step, took time.Duration)
	StepFailed(s plan.Step, took time.Duration, err error)
}

// Result is what a run did.
type Result struct {
	Run      int64 // in the history; 0 where there was nothing to do
	Lineage  string
	Serial   int64
	Started  time.Time
	Took     time.Duration
	Steps    []StepResult // in the order they finished
	Created  int
	Updated  int
	Replaced int
	Deleted  int
	Forgot   int
	Moved    int // objects that were told their new address
	Isolated int // deckies that were cut off, to be kept for study
	Failed   int
	Skipped  int // steps not started: what they need failed, or the run was interrupted
	Outputs  []schema.Output
}

// StepResult is one finished step.
type StepResult struct {
	Step plan.Step
	Took time.Duration
	Err  error
}

// Apply carries out a plan. Before it touches anything it refuses a plan whose
// lineage, serial, configuration or objects have moved (*StaleError), a state
// that another holds (*state.LockedError), a provider that is not there
// (*UnavailableError), IPs of another configuration (*reservation.ConflictError)
// and whatever the providers foresee (*RefusedError). Then it goes on as far as it can: the error is a
// *FailedError with every step that failed, or an *InterruptedError. When ctx
// is cancelled no further step starts, and Apply returns once those in flight
// are recorded.
func (e *Engine) Apply(ctx context.Context, p *plan.Plan, options ApplyOptions) (*Result, error) {
	if options.Lock == nil {
		lock, err := e.config.Store.Lock(ctx, options.Holder, options.LockTimeout)
		if err != nil {
			return nil, err
		}
		defer lock.Unlock() //nolint:errcheck // the lock ends with its file
	}
	p, err := e.unseal(ctx, p, options.Desired)
	if err != nil {
		return nil, err
	}
	if err := e.verify(ctx, p, options.Desired); err != nil {
		return nil, err
	}
	drifts, err := e.witness(ctx, p)
	if err != nil {
		return nil, err
	}
	if p.Empty() && len(p.Records) == 0 && len(p.Moves) == 0 {
		return e.nothing(ctx, p, drifts)
	}
	meta, err := e.config.Store.Init(ctx, p.Name, p.Seed, p.Runtime)
	if err != nil {
		return nil, err
	}
	if err := e.claim(ctx, p, meta); err != nil {
		return nil, err
	}
	e.config.Boundary(BeforeRun, "")
	id, meta, err := e.config.Store.BeginRun(ctx, e.begin(p, options.Holder))
	if err != nil {
		return nil, err
	}
	e.config.Boundary(RunBegun, "")
	w := newWalk(e, p, meta, id, options.Progress)
	result, err := w.run(ctx)
	ctx = context.WithoutCancel(ctx)
	return result, errors.Join(err, drifts.finish(ctx, result.Steps), e.finish(ctx, meta, id, counted(p, result), err))
}

// begin is what a plan changes in the state alone.
func (e *Engine) begin(p *plan.Plan, holder state.Holder) state.Begin {
	b := state.Begin{Command: holder.Command, Holder: holder.String(), Records: e.records(p)}
	for _, m := range p.Moves {
		b.Moves = append(b.Moves, state.Move{From: m.From, To: m.To, Labelled: m.Labelled})
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Action != plan.Forget {
			continue
		}
		b.Forget = append(b.Forget, c.Address)
		if c.Released {
			b.Release = append(b.Release, state.Released{Address: cmp.Or(c.Labelled, c.Address), Type: c.Object.Type, Runtime: c.Object.Runtime})
		}
	}
	return b
}

// counted is a run as the history keeps it.
func counted(p *plan.Plan, r *Result) state.Counts {
	return state.Counts{
		Created: r.Created, Updated: r.Updated, Replaced: r.Replaced, Deleted: r.Deleted, Forgotten: r.Forgot,
		Moved: len(p.Moves), Imported: p.Summary.Import, Recorded: len(p.Records), Failed: r.Failed,
	}
}

// nothing keeps what the first apply decides even where there is nothing to do.
func (e *Engine) nothing(ctx context.Context, p *plan.Plan, drifts *record) (*Result, error) {
	meta, err := e.config.Store.Meta(ctx)
	if err = errors.Join(err, drifts.finish(ctx, nil)); err != nil {
		return nil, err
	}
	if meta.Lineage != "" { // the run before this one may have died before it did so
		if err := e.settle(ctx, meta); err != nil {
			return nil, err
		}
	}
	return &Result{Lineage: meta.Lineage, Serial: meta.Serial, Started: e.config.Now(), Outputs: p.Outputs}, nil
}

// records are the rows that change without their objects.
func (e *Engine) records(p *plan.Plan) []state.Instance {
	now := e.config.Now()
	all := make([]state.Instance, 0, len(p.Records))
	for _, r := range p.Records {
		all = append(all, state.Instance{
			Address: r.Address, Type: r.Type, Runtime: r.Runtime, Config: r.Config, Digest: r.Digest, Object: r.Object,
			Parents: r.Parents, After: r.After, Source: r.Source, Updated: now, Shaken: now,
			Labelled: r.Labelled, Sensitive: r.Sensitive, PreventDestroy: r.PreventDestroy, Conduct: r.Conduct,
		})
	}
	return all
}

// finish closes the run, whatever became of it.
func (e *Engine) finish(ctx context.Context, meta state.Meta, id int64, counts state.Counts, failed error) error {
	e.config.Boundary(BeforeFinish, "")
	outcome := "done"
	var interrupted *InterruptedError
	switch {
	case errors.As(failed, &interrupted):
		outcome = "interrupted"
	case failed != nil:
		outcome = "failed"
	}
	err := errors.Join(e.config.Store.FinishRun(ctx, id, outcome, counts), e.settle(ctx, meta))
	e.config.Boundary(Finished, "")
	return err
}

// claim reserves the IPs of what the plan makes and leaves a note of who owns
// the lineage, both before anything is touched.
func (e *Engine) claim(ctx context.Context, p *plan.Plan, meta state.Meta) error {
	if e.config.DataDir == "" {
		return nil
	}
	if err := e.writeOwner(meta); err != nil {
		return err
	}
	claims := claimsOf(p)
	if len(claims) == 0 {
		return nil
	}
	return reservation.Reserve(ctx, reservation.Path(e.config.DataDir), e.owner(meta), claims, false)
}

// claimsOf are the IPs of what a plan makes.
func claimsOf(p *plan.Plan) []reservation.Claim {
	var made []schema.Instance
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Config != nil {
			made = append(made, schema.Instance{Address: c.Address, Type: c.Type, Config: c.Config})
		}
	}
	return reservation.Claims(made)
}

// settle releases the IPs of what is gone.
func (e *Engine) settle(ctx context.Context, meta state.Meta) error {
	if e.config.DataDir == "" {
		return nil
	}
	rows, err := e.config.Store.Instances(ctx)
	if err != nil {
		return err
	}
	left := make([]schema.Instance, len(rows))
	for i, r := range rows {
		left[i] = schema.Instance{Address: r.Address, Type: r.Type, Config: r.Config}
	}
	if len(rows) == 0 {
		if err := e.removeOwner(meta); err != nil {
			return err
		}
	}
	return reservation.Reserve(ctx, reservation.Path(e.config.DataDir), e.owner(meta), reservation.Claims(left), true)
}

func (e *Engine) owner(meta state.Meta) reservation.Owner {
	return reservation.Owner{Lineage: meta.Lineage, Name: meta.Name, Dir: e.config.Dir}
}
