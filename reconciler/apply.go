package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
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
// (*UnavailableError), IPs of another configuration and whatever the providers
// foresee (*RefusedError). Then it goes on as far as it can: the error is a
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
	if err := e.verify(ctx, p, options.Desired); err != nil {
		return nil, err
	}
	if p.Empty() && len(p.Records) == 0 {
		return e.nothing(ctx, p)
	}
	meta, err := e.config.Store.Init(ctx, p.Name, p.Seed, p.Runtime)
	if err != nil {
		return nil, err
	}
	if err := e.claim(ctx, p, meta); err != nil {
		return nil, err
	}
	e.config.Boundary(BeforeRun, "")
	id, meta, err := e.config.Store.BeginRun(ctx, options.Holder.Command, options.Holder.String(), e.records(p), forgotten(p))
	if err != nil {
		return nil, err
	}
	e.config.Boundary(RunBegun, "")
	w := newWalk(e, p, meta, id, options.Progress)
	result, err := w.run(ctx)
	return result, errors.Join(err, e.finish(context.WithoutCancel(ctx), meta, id, err))
}

// nothing keeps what the first apply decides even where there is nothing to do.
func (e *Engine) nothing(ctx context.Context, p *plan.Plan) (*Result, error) {
	meta, err := e.config.Store.Meta(ctx)
	if err != nil {
		return nil, err
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
			Parents: r.Parents, After: r.After, Source: r.Source, Updated: now,
		})
	}
	return all
}

func forgotten(p *plan.Plan) []addr.Address {
	var all []addr.Address
	for i := range p.Changes {
		if p.Changes[i].Action == plan.Forget {
			all = append(all, p.Changes[i].Address)
		}
	}
	return all
}

// finish closes the run, whatever became of it.
func (e *Engine) finish(ctx context.Context, meta state.Meta, id int64, failed error) error {
	e.config.Boundary(BeforeFinish, "")
	outcome := "done"
	var interrupted *InterruptedError
	switch {
	case errors.As(failed, &interrupted):
		outcome = "interrupted"
	case failed != nil:
		outcome = "failed"
	}
	err := errors.Join(e.config.Store.FinishRun(ctx, id, outcome), e.settle(ctx, meta))
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
	var made []schema.Instance
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Config != nil {
			made = append(made, schema.Instance{Address: c.Address, Type: c.Type, Config: c.Config})
		}
	}
	claims := reservation.Claims(made)
	if len(claims) == 0 {
		return nil
	}
	return reservation.Reserve(ctx, reservation.Path(e.config.DataDir), e.owner(meta), claims, false)
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

// verify refuses a plan that cannot or must not be carried out now.
func (e *Engine) verify(ctx context.Context, p *plan.Plan, desired *schema.Desired) error {
	if p.FormatVersion != plan.FormatVersion {
		return fmt.Errorf("apply: the plan's format version is %d, not %d: plan again", p.FormatVersion, plan.FormatVersion)
	}
	if len(p.Unavailable) > 0 {
		return &UnavailableError{Providers: p.Unavailable}
	}
	meta, err := e.config.Store.Meta(ctx)
	if err != nil {
		return err
	}
	var moved []string
	if meta.Lineage != p.Lineage {
		moved = append(moved, fmt.Sprintf("the lineage of the state is %q, the plan is for %q", meta.Lineage, p.Lineage))
	}
	if meta.Serial != p.Serial {
		moved = append(moved, fmt.Sprintf("the serial of the state is %d, the plan is for %d: something was applied since", meta.Serial, p.Serial))
	}
	if desired != nil && !p.Destroy && plan.Digest(desired) != p.Configuration {
		moved = append(moved, "the configuration has changed")
	}
	if moved != nil {
		return &StaleError{Moved: moved}
	}
	if err := e.reforesee(ctx, p); err != nil {
		return err
	}
	if err := e.verifyObjects(ctx, p); err != nil {
		return err
	}
	return e.probe(ctx, p)
}

// reforesee refuses what a preflight called an error, unless it is gone by now:
// a plan may have been made with less privilege than it is applied with.
func (e *Engine) reforesee(ctx context.Context, p *plan.Plan) error {
	findings := e.lostState(ctx, p.Lineage)
	if refuse(p.Findings) != nil {
		var planned []providers.Planned
		for i := range p.Changes {
			if c := &p.Changes[i]; c.Config != nil {
				planned = append(planned, providers.Planned{
					Address: string(c.Address), Type: c.Type, Runtime: c.Runtime, Action: string(c.Action), Config: c.Config,
				})
			}
		}
		findings = append(findings, e.foresee(ctx, planned)...)
	}
	return refuse(findings)
}

// verifyObjects looks at everything that the plan touches once more.
func (e *Engine) verifyObjects(ctx context.Context, p *plan.Plan) error {
	kinds := touched(p)
	observed, err := e.observe(ctx, p.Lineage, e.related(kinds))
	if err != nil {
		return fmt.Errorf("look at the objects again: %w", err)
	}
	if unavailable := needed(p, kinds, observed.Unknown); unavailable != nil {
		return &UnavailableError{Providers: unavailable}
	}
	objects := observed.ByAddress()
	var moved []string
	for i := range p.Changes {
		c := &p.Changes[i]
		if now := plan.Fingerprint(objects[c.Address]); now != c.Fingerprint {
			moved = append(moved, fmt.Sprintf("%s is no longer what was planned for (%s)", c.Address, difference(c, objects[c.Address])))
		}
	}
	if moved != nil {
		return &StaleError{Moved: slices.Compact(moved)}
	}
	return nil
}

func difference(c *plan.Change, now []plan.Found) string {
	switch {
	case c.Fingerprint == plan.Absent:
		return "it exists now"
	case len(now) == 0:
		return "it is gone"
	default:
		return "it changed"
	}
}

// related are all kinds of the types of kinds: an address may have objects of
// another runtime.
func (e *Engine) related(kinds []providers.Kind) []providers.Kind {
	return slices.DeleteFunc(e.config.Registry.Kinds(), func(k providers.Kind) bool {
		return !slices.ContainsFunc(kinds, func(t providers.Kind) bool { return t.Type == k.Type })
	})
}

// touched are the kinds whose handlers the plan calls.
func touched(p *plan.Plan) []providers.Kind {
	var kinds []providers.Kind
	for i := range p.Changes {
		kinds = append(kinds, p.Changes[i].Kind())
		if o := p.Changes[i].Object; o != nil {
			kinds = append(kinds, o.Kind())
		}
	}
	slices.SortFunc(kinds, providers.Kind.Compare)
	return slices.Compact(kinds)
}

// needed are the kinds of the plan that could not be looked at.
func needed(p *plan.Plan, kinds []providers.Kind, unknown []plan.Unknown) []plan.Unavailable {
	var all []plan.Unavailable
	for _, u := range unknown {
		if !slices.Contains(kinds, u.Kind) {
			continue
		}
		entry := plan.Unavailable{Provider: u.Provider, What: u.What, Remedy: u.Remedy, Kinds: []providers.Kind{u.Kind}}
		for i := range p.Changes {
			if p.Changes[i].Kind() == u.Kind {
				entry.Instances++
			}
		}
		all = append(all, entry)
	}
	return all
}

// probe asks the providers that the plan needs whether this machine has what
// they need.
func (e *Engine) probe(ctx context.Context, p *plan.Plan) error {
	var asked []providers.Provider
	var findings []providers.Finding
	for _, kind := range touched(p) {
		owner := e.config.Registry.Provider(kind)
		if slices.Contains(asked, owner) {
			continue
		}
		asked = append(asked, owner)
		if prober, ok := owner.(providers.Prober); ok {
			findings = append(findings, prober.Probe(ctx)...)
		}
	}
	return refuse(findings)
}

func refuse(findings []providers.Finding) error {
	var errs []providers.Finding
	for _, f := range findings {
		if f.Severity == providers.SeverityError {
			errs = append(errs, f)
		}
	}
	if errs != nil {
		return &RefusedError{Findings: errs}
	}
	return nil
}
