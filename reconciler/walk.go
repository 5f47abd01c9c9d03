package reconciler

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
)

// walk carries out the steps of one plan. Its own goroutine decides, a bounded
// number of others do one step each.
type walk struct {
	engine   *Engine
	plan     *plan.Plan
	meta     state.Meta
	id       int64
	progress Progress

	waiting    []int // steps each step still waits for
	dependents [][]int
	queues     []*queue // of ready steps, one for each kind
	queueOf    map[providers.Kind]*queue
	running    int
	finished   chan finishedStep
	result     *Result
	failures   []*StepError
	fatal      error

	mu          sync.Mutex // guards the field below
	imports     map[addr.Address]bool
	readdressed map[int][]byte // by change: the object since it knows its new address
}

// queue is the ready steps of one handler, which may bound its own parallelism.
type queue struct {
	limit   int
	running int
	ready   []int
}

type finishedStep struct {
	index int
	took  time.Duration
	err   error // of the object
	fatal error // of the journal: nothing can go on
}

func newWalk(e *Engine, p *plan.Plan, meta state.Meta, id int64, progress Progress) *walk {
	if progress == nil {
		progress = silent{}
	}
	w := &walk{
		engine: e, plan: p, meta: meta, id: id, progress: progress,
		waiting: make([]int, len(p.Steps)), dependents: make([][]int, len(p.Steps)),
		imports: map[addr.Address]bool{}, readdressed: map[int][]byte{},
		queueOf: map[providers.Kind]*queue{}, finished: make(chan finishedStep, e.config.Parallelism),
		result: &Result{Run: id, Lineage: meta.Lineage, Serial: meta.Serial, Started: e.config.Now(), Outputs: p.Outputs},
	}
	for _, i := range p.Imports {
		w.imports[i.Address] = true
	}
	for i, s := range p.Steps {
		w.waiting[i] = len(s.Needs)
		for _, on := range s.Needs {
			w.dependents[on] = append(w.dependents[on], i)
		}
	}
	return w
}

type silent struct{}

func (silent) StepStarted(plan.Step)                      {}
func (silent) StepDone(plan.Step, time.Duration)          {}
func (silent) StepFailed(plan.Step, time.Duration, error) {}

// kind is whose handler a step calls.
func (w *walk) kind(step int) providers.Kind {
	s := w.plan.Steps[step]
	c := &w.plan.Changes[s.Change]
	if s.Op == plan.OpDelete || s.Op == plan.OpReaddress || s.Op == plan.OpQuarantine {
		return c.Object.Kind()
	}
	return c.Kind()
}

func (w *walk) enqueue(step int) {
	kind := w.kind(step)
	q := w.queueOf[kind]
	if q == nil {
		q = &queue{limit: w.engine.config.Parallelism}
		if resource, ok := w.engine.config.Registry.Resource(kind); ok && resource.Spec().Parallel > 0 {
			q.limit = min(q.limit, resource.Spec().Parallel)
		}
		w.queueOf[kind] = q
		w.queues = append(w.queues, q)
	}
	q.ready = append(q.ready, step)
}

func (w *walk) run(ctx context.Context) (*Result, error) {
	left := len(w.plan.Steps)
	for i := range w.plan.Steps {
		if w.waiting[i] == 0 {
			w.enqueue(i)
		}
	}
	for {
		if ctx.Err() == nil && w.fatal == nil {
			left -= w.start(ctx)
		}
		if w.running == 0 {
			break
		}
		w.settle(<-w.finished)
	}
	w.result.Took = w.engine.config.Now().Sub(w.result.Started)
	w.result.Skipped = left
	w.count()
	return w.result, w.outcome(ctx)
}

// start starts what is ready as far as the bounds allow, and returns how many.
func (w *walk) start(ctx context.Context) int {
	started := 0
	for again := true; again; {
		again = false
		for _, q := range w.queues {
			if len(q.ready) == 0 || q.running >= q.limit || w.running >= w.engine.config.Parallelism {
				continue
			}
			step := q.ready[0]
			q.ready = q.ready[1:]
			q.running++
			w.running++
			started++
			again = true
			w.progress.StepStarted(w.plan.Steps[step])
			go w.do(context.WithoutCancel(ctx), step)
		}
	}
	return started
}

// settle takes in one finished step.
func (w *walk) settle(f finishedStep) {
	step := w.plan.Steps[f.index]
	w.running--
	w.queueOf[w.kind(f.index)].running--
	w.result.Steps = append(w.result.Steps, StepResult{Step: step, Took: f.took, Err: cmp.Or(f.fatal, f.err)})
	if f.fatal != nil {
		w.fatal = errors.Join(w.fatal, f.fatal)
		w.progress.StepFailed(step, f.took, f.fatal)
		return
	}
	if f.err != nil {
		w.result.Failed++
		w.failures = append(w.failures, &StepError{Address: step.Address, Op: step.Op, Err: f.err})
		w.progress.StepFailed(step, f.took, f.err)
		return // what needs it never becomes ready
	}
	w.progress.StepDone(step, f.took)
	for _, d := range w.dependents[f.index] {
		if w.waiting[d]--; w.waiting[d] == 0 {
			w.enqueue(d)
		}
	}
}

// count sums up what was done by action.
func (w *walk) count() {
	for _, s := range w.result.Steps {
		if s.Err != nil {
			continue
		}
		replace := w.plan.Changes[s.Step.Change].Action == plan.Replace
		switch s.Step.Op {
		case plan.OpCreate:
			if replace {
				w.result.Replaced++
			} else {
				w.result.Created++
			}
		case plan.OpUpdate:
			w.result.Updated++
		case plan.OpDelete:
			if !replace {
				w.result.Deleted++
			}
		case plan.OpForget:
			w.result.Forgot++
		case plan.OpReaddress:
			w.result.Moved++
		case plan.OpQuarantine:
			w.result.Isolated++
		}
	}
}

func (w *walk) outcome(ctx context.Context) error {
	var errs []error
	if w.fatal != nil {
		errs = append(errs, w.fatal)
	}
	if len(w.failures) > 0 {
		sortFailures(w.failures)
		errs = append(errs, &FailedError{Steps: w.failures})
	}
	unstarted := 0
	for _, q := range w.queues {
		unstarted += len(q.ready)
	}
	if ctx.Err() != nil && unstarted > 0 {
		errs = append(errs, &InterruptedError{Left: w.result.Skipped})
	}
	return errors.Join(errs...)
}

// do carries out one step: intent, effect, result. Forgotten rows went when the
// run began.
func (w *walk) do(ctx context.Context, index int) {
	s := w.plan.Steps[index]
	begin := w.engine.config.Now()
	if s.Op == plan.OpForget {
		w.finished <- finishedStep{index: index}
		return
	}
	entry := state.Entry{Run: w.id, Seq: index, Address: s.Address, Action: string(s.Op), Started: begin}
	c := &w.plan.Changes[s.Change]
	store, boundary := w.engine.config.Store, w.engine.config.Boundary
	boundary(BeforeIntent, s.Address)
	if err := store.Intent(ctx, entry, w.reserve(s, c)); err != nil {
		w.finished <- finishedStep{index: index, fatal: err}
		return
	}
	boundary(IntentDone, s.Address)
	object, err := w.effect(ctx, s, c)
	boundary(EffectDone, s.Address)
	entry.Finished, entry.Phase = w.engine.config.Now(), state.PhaseDone
	if err != nil {
		entry.Phase, entry.Error = state.PhaseFailed, err.Error()
		if retried(s, c, err) {
			entry.Phase = state.PhaseIntent
		}
	}
	fatal := store.Result(ctx, entry, w.remember(s, c, object, err))
	boundary(ResultDone, s.Address)
	w.finished <- finishedStep{index: index, took: entry.Finished.Sub(begin), err: err, fatal: fatal}
}

// effect calls the handler.
func (w *walk) effect(ctx context.Context, s plan.Step, c *plan.Change) ([]byte, error) {
	registry := w.engine.config.Registry
	owner := providers.Owner{Lineage: w.meta.Lineage, Address: string(c.Address), Digest: c.Digest}
	switch s.Op {
	case plan.OpDelete:
		resource, ok := registry.Resource(c.Object.Kind())
		if !ok {
			return nil, unhandled(c.Object.Kind())
		}
		return nil, resource.Delete(ctx, c.Object.State)
	case plan.OpReaddress:
		return w.readdress(ctx, s, c)
	case plan.OpQuarantine:
		resource, ok := registry.Resource(c.Object.Kind())
		if !ok {
			return nil, unhandled(c.Object.Kind())
		}
		if c.Labelled != "" {
			owner.Address = string(c.Labelled)
		}
		return providers.Quarantine(ctx, resource, owner, c.Object.State)
	}
	resource, ok := registry.Resource(c.Kind())
	if !ok {
		return nil, unhandled(c.Kind())
	}
	if c.Action != plan.Replace && c.Labelled != "" {
		owner.Address = string(c.Labelled)
	}
	if s.Op == plan.OpUpdate {
		return resource.Update(ctx, owner, c.Config, w.have(s, c))
	}
	return resource.Create(ctx, owner, c.Config)
}

// readdress tells an object its new address; it keeps its digest.
func (w *walk) readdress(ctx context.Context, s plan.Step, c *plan.Change) ([]byte, error) {
	resource, ok := w.engine.config.Registry.Resource(c.Object.Kind())
	if !ok {
		return nil, unhandled(c.Object.Kind())
	}
	owner := providers.Owner{Lineage: w.meta.Lineage, Address: string(c.Address), Digest: c.Object.Digest}
	object, err := providers.Readdress(ctx, resource, owner, c.Object.State)
	if err == nil {
		w.mu.Lock()
		w.readdressed[s.Change] = object
		w.mu.Unlock()
	}
	return object, err
}

// have is the object that an update changes.
func (w *walk) have(s plan.Step, c *plan.Change) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if object, ok := w.readdressed[s.Change]; ok {
		return object
	}
	return c.Object.State
}

func unhandled(kind providers.Kind) error { return errors.New("no provider handles " + kind.String()) }

// row is what the state will say of the instance that a change makes.
func (w *walk) row(c *plan.Change) *state.Instance {
	return &state.Instance{
		Address: c.Address, Type: c.Type, Runtime: c.Runtime, Config: c.Config, Digest: c.Digest,
		Parents: c.Parents, After: c.After, Source: c.Source, Updated: w.engine.config.Now(),
		Labelled: c.Labelled, Sensitive: c.Sensitive, PreventDestroy: c.PreventDestroy, Conduct: c.Conduct,
	}
}

// reserve keeps, from the first intent on, what is allocated to an instance
// that has no object yet, and that one is kept for study: a run that dies while
// it cuts the object off must not be followed by one that heals it.
func (w *walk) reserve(s plan.Step, c *plan.Change) state.Reserve {
	switch {
	case s.Op == plan.OpQuarantine:
		return state.Reserve{Quarantine: &state.Quarantine{Since: w.engine.config.Now(), Why: c.Why}}
	case s.Op != plan.OpCreate || c.CreateFirst:
		return state.Reserve{}
	}
	return state.Reserve{Row: w.row(c)}
}

// remember is what the state keeps of a step. A failed step leaves a tainted
// row; an object that was deleted to be replaced leaves its allocation.
func (w *walk) remember(s plan.Step, c *plan.Change, object []byte, err error) state.Outcome {
	if s.Op == plan.OpDelete {
		return w.rememberDelete(c, err)
	}
	if s.Op == plan.OpReaddress {
		return w.rememberReaddress(c, object, err)
	}
	if s.Op == plan.OpQuarantine {
		// One that failed is tried again: a tainted row would be replaced.
		return state.Outcome{Isolated: err == nil, Object: object, Sensitive: c.Sensitive}
	}
	if err != nil && retried(s, c, err) {
		return state.Outcome{}
	}
	row := w.row(c)
	row.Object, row.Tainted = object, err != nil
	if s.Op != plan.OpUpdate || !gentle(c) {
		row.Shaken = row.Updated
	}
	if s.Op == plan.OpCreate && err == nil {
		row.Created = row.Updated
	}
	if err != nil && object == nil && s.Op == plan.OpUpdate {
		row.Object = w.have(s, c)
	}
	return state.Outcome{Keep: row}
}

// gentle tells that nothing that stands on the object noticed its change.
func gentle(c *plan.Change) bool {
	return len(c.Attributes) > 0 && !slices.ContainsFunc(c.Attributes, func(a providers.Change) bool { return !a.Gentle })
}

// rememberReaddress keeps the row's configuration: what else is to change comes
// with a step of its own. One that failed leaves the row with the old label.
func (w *walk) rememberReaddress(c *plan.Change, object []byte, err error) state.Outcome {
	switch {
	case err != nil:
		return state.Outcome{}
	case w.imports[c.Address]:
		row := w.row(c)
		row.Object, row.Labelled = object, ""
		return state.Outcome{Keep: row}
	default:
		return state.Outcome{Relabel: true, Object: object, Sensitive: c.Sensitive}
	}
}

// retried tells that a step that fails is tried again, as if it had been killed:
// its row is not tainted, since what is made anew loses what attackers wrote, and
// a network that could not be changed for a moment takes all its deckies with
// it. It is so for networks, for the healing of drift, and where an engine went
// away under it.
func retried(s plan.Step, c *plan.Change, err error) bool {
	if s.Op != plan.OpUpdate && s.Op != plan.OpCreate {
		return false
	}
	var away *providers.UnavailableError
	heals := !slices.ContainsFunc(c.Reasons, func(r plan.Reason) bool { return r != plan.Drifted })
	return errors.As(err, &away) || s.Op == plan.OpUpdate && (heals || c.Type == providers.TypeNetwork)
}

func (w *walk) rememberDelete(c *plan.Change, err error) state.Outcome {
	switch {
	case c.Surplus:
		return state.Outcome{} // the row is about another object
	case err != nil:
		return state.Outcome{Taint: true} // the row still names the object
	case c.Action == plan.Replace:
		return state.Outcome{Keep: w.row(c)}
	default:
		return state.Outcome{Drop: true}
	}
}

// sortFailures orders failures as people read addresses.
func sortFailures(all []*StepError) {
	slices.SortFunc(all, func(a, b *StepError) int {
		return cmp.Or(addr.Compare(a.Address, b.Address), cmp.Compare(a.Op, b.Op))
	})
}
