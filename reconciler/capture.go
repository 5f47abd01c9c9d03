package reconciler

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/evidence"
	"github.com/decnet/decnet/reconciler/state"
)

// Evidence is how much is found out of what drifted, and kept, before it is
// healed. A zero field takes its default.
type Evidence struct {
	Quota    int64         // bytes kept for each lineage, 1 GiB
	Deadline time.Duration // of one object, 400 ms
	Budget   time.Duration // of all objects of a run, 600 ms: healing waits for it
}

// examiners is how many objects are examined at once.
const examiners = 8

func (v *Evidence) defaults() {
	v.Quota = cmp.Or(v.Quota, evidence.DefaultQuota)
	v.Deadline = cmp.Or(v.Deadline, 400*time.Millisecond)
	v.Budget = cmp.Or(v.Budget, 600*time.Millisecond)
}

var errEnough = errors.New("it has more than is kept of one object")

// capture examines what drifted, several objects at once. What cannot be had is
// noted and holds nobody up: an object is healed without evidence rather than
// not at all.
func (r *record) capture(ctx context.Context) error {
	config := &r.engine.config
	if config.DataDir == "" || len(r.fresh) == 0 {
		return nil
	}
	haves, err := r.haves(ctx)
	if err != nil {
		return err
	}
	if err := r.openEvidence(ctx); err != nil {
		for i := range r.fresh {
			r.fresh[i].Missing = capped(err.Error())
		}
		return nil
	}
	begun := time.Now()
	var group sync.WaitGroup
	var keeping sync.Mutex // a store belongs to one goroutine at a time
	turns := make(chan struct{}, min(examiners, config.Parallelism))
	for i := range r.fresh {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			left := r.engine.deadline(begun)
			if left <= 0 {
				r.fresh[i].Missing = "too much drifted at once: no time was left to examine it"
				return
			}
			inTime, cancel := context.WithTimeout(ctx, left)
			defer cancel()
			if err := r.examine(inTime, &r.fresh[i], haves[i], &keeping); err != nil {
				r.fresh[i].Missing = capped(err.Error())
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

// openEvidence opens the store for what open drifts refer to and more.
func (r *record) openEvidence(ctx context.Context) error {
	config := &r.engine.config
	pending, err := config.Store.PendingDrifts(ctx)
	if err != nil {
		return err
	}
	referred := map[string]bool{}
	for _, d := range pending {
		for _, x := range d.Evidence {
			referred[x.SHA256] = true
		}
	}
	r.evidence, err = evidence.Open(evidence.Dir(config.DataDir, r.lineage), evidence.Options{
		Quota: config.Evidence.Quota, Keep: func(digest string) bool { return referred[digest] },
	})
	return err
}

// examine keeps what the handler finds of one object.
func (r *record) examine(ctx context.Context, d *state.Drift, have json.RawMessage, keeping *sync.Mutex) (err error) {
	resource, ok := r.engine.config.Registry.Resource(providers.Kind{Type: d.Type, Runtime: d.Runtime})
	if !ok || have == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("examine %s: the provider panicked", d.Address)
		}
	}()
	var total int
	return providers.Examine(ctx, resource, have, func(x providers.Exhibit) error {
		if len(x.Data) > providers.MaxExhibit {
			x.Data, x.Truncated = x.Data[:providers.MaxExhibit], true
		}
		if total += len(x.Data); total > providers.MaxExamination || len(d.Evidence) == providers.MaxExhibits {
			return errEnough
		}
		keeping.Lock()
		defer keeping.Unlock()
		digest, err := r.evidence.Put(x.Data)
		if err != nil {
			return err
		}
		d.Evidence = append(d.Evidence, state.Exhibit{
			Name: capped(x.Name), Media: capped(x.Media), SHA256: digest, Size: int64(len(x.Data)), Truncated: x.Truncated,
		})
		return ctx.Err()
	})
}
