// Package stage runs the stages over the event log. It owns cursors and the
// one transaction in which the results of a run of events are committed with
// them; what the results are is each stage's own.
package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/decnet/decnet/intel"
)

// Stage computes something from the log.
type Stage interface {
	// Name is the name of its cursor.
	Name() string
	// Start prepares for the events behind seq. It is called before the first
	// run, and again where what Process returned could not be committed.
	Start(ctx context.Context, seq int64) error
	// Process returns what the events, which follow those of the last call,
	// change. It does not change the events.
	Process(ctx context.Context, events []*intel.Event) (intel.Changes, error)
}

// Log is where events are read.
type Log interface {
	After(ctx context.Context, seq int64, limit int) ([]*intel.Event, error)
}

// Runner runs stages. Make it with New; Run blocks.
type Runner struct {
	Log    Log
	Store  intel.Stages
	Stages []Stage
	Logger *slog.Logger
	// Batch is the most events of one run, default 16384.
	Batch int
	// Done is called after a run was committed, if set.
	Done func()

	wake    chan struct{}
	cursors map[string]int64 // of the stages that are started
}

// New makes a Runner of stages over log.
func New(log Log, store intel.Stages, logger *slog.Logger, stages ...Stage) *Runner {
	return &Runner{Log: log, Store: store, Stages: stages, Logger: logger, Batch: 16384, wake: make(chan struct{}, 1), cursors: map[string]int64{}}
}

// Wake says that there is news; it does not block.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// lastChance bounds what Run still processes when it is told to stop.
const lastChance = 3 * time.Second

// Run processes the log until ctx ends, and then for a moment what is still in
// it. What the store refuses is tried again, and so is a stage that does not
// start; the others go on meanwhile. It returns nil.
func (r *Runner) Run(ctx context.Context) error {
	const first, last = 100 * time.Millisecond, 10 * time.Second
	delay := first
	for ctx.Err() == nil {
		err := r.start(ctx)
		more, failed := r.step(ctx)
		switch err = errors.Join(err, failed); {
		case ctx.Err() != nil || more && failed == nil:
		case err != nil:
			if delay == first {
				r.Logger.Warn("a stage stands still; trying again", "error", err)
			}
			wait(ctx, r.wake, delay)
			delay = min(2*delay, last)
		default:
			delay = first
			wait(ctx, r.wake, time.Minute)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastChance)
	defer cancel()
	for more := true; more; {
		var err error
		if more, err = r.step(ctx); err != nil {
			r.Logger.Warn("stages stopped behind the log; they go on from there at the next start", "error", err)
			return nil
		}
	}
	return nil
}

func wait(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// Drain processes what is in the log now and returns.
func (r *Runner) Drain(ctx context.Context) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	for {
		more, err := r.step(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// start prepares the stages that are not yet, or no longer, in step with their
// cursor.
func (r *Runner) start(ctx context.Context) error {
	var errs []error
	for _, s := range r.Stages {
		if _, ok := r.cursors[s.Name()]; ok {
			continue
		}
		seq, err := r.Store.Cursor(ctx, s.Name())
		if err == nil {
			err = s.Start(ctx, seq)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("start stage %s: %w", s.Name(), err))
			continue
		}
		r.cursors[s.Name()] = seq
	}
	return errors.Join(errs...)
}

// next is a run of events and the stages that are to process it: those that
// are furthest behind. Those ahead end the run where they stand, and then go
// along.
func (r *Runner) next(ctx context.Context) (events []*intel.Event, behind []Stage, err error) {
	from := int64(math.MaxInt64)
	for _, at := range r.cursors {
		from = min(from, at)
	}
	if len(r.cursors) == 0 {
		return nil, nil, nil
	}
	if events, err = r.Log.After(ctx, from, r.Batch); err != nil {
		return nil, nil, err
	}
	for _, s := range r.Stages {
		at, ok := r.cursors[s.Name()]
		if ok && at == from {
			behind = append(behind, s)
		} else if i := slices.IndexFunc(events, func(e *intel.Event) bool { return e.Seq > at }); ok && i > 0 {
			events = events[:i]
		}
	}
	return events, behind, nil
}

// step takes stages one run further; more says whether anything was done.
func (r *Runner) step(ctx context.Context) (more bool, err error) {
	events, behind, err := r.next(ctx)
	if err != nil || len(events) == 0 {
		return false, err
	}
	var all intel.Changes
	var names []string
	var errs []error
	for _, s := range behind {
		c, err := s.Process(ctx, events)
		if err != nil {
			// It may have seen a part of the run: it starts again.
			delete(r.cursors, s.Name())
			errs = append(errs, fmt.Errorf("stage %s: %w", s.Name(), err))
			continue
		}
		names = append(names, s.Name())
		all.Sessions = append(all.Sessions, c.Sessions...)
		all.Attackers = append(all.Attackers, c.Attackers...)
		all.Contacts = append(all.Contacts, c.Contacts...)
		all.Credentials = append(all.Credentials, c.Credentials...)
		all.Tags = append(all.Tags, c.Tags...)
	}
	if len(names) == 0 {
		return false, errors.Join(errs...)
	}
	seq := events[len(events)-1].Seq
	if err := r.Store.Commit(ctx, names, seq, all); err != nil {
		for _, name := range names {
			delete(r.cursors, name)
		}
		return false, errors.Join(append(errs, err)...)
	}
	for _, name := range names {
		r.cursors[name] = seq
	}
	if r.Done != nil {
		r.Done()
	}
	return true, errors.Join(errs...)
}
