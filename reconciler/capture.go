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
	"github.com/decnet/decnet/reconciler/seal"
	"github.com/decnet/decnet/reconciler/state"
)

// Evidence is how much is found out of what drifted, and kept, before it is
// healed. A zero field takes its default.
type Evidence struct {
	Quota    int64         // bytes kept for each lineage, 1 GiB
	Deadline time.Duration // of one object, 400 ms
	// Budget is how long healing waits for the evidence of one object, 600 ms;
	// of several it waits a tenth of a second longer for each, Most at most, 5 s.
	Budget time.Duration
	Most   time.Duration
}

const (
	// examiners is how many objects are examined at once.
	examiners = 8
	// further is what each further object adds to the budget.
	further = 100 * time.Millisecond
	// least is given to each object while any time is left.
	least = 20 * time.Millisecond
)

func (v *Evidence) defaults() {
	v.Quota = cmp.Or(v.Quota, evidence.DefaultQuota)
	v.Deadline = cmp.Or(v.Deadline, 400*time.Millisecond)
	v.Budget = cmp.Or(v.Budget, 600*time.Millisecond)
	v.Most = max(v.Budget, cmp.Or(v.Most, 5*time.Second))
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
	var group sync.WaitGroup
	var keeping sync.Mutex // a store belongs to one goroutine at a time
	turns := make(chan struct{}, min(examiners, config.Parallelism))
	patience := newPatience(config.Evidence, len(r.fresh), cap(turns))
	for i := range r.fresh {
		turns <- struct{}{}
		share := patience.share(len(r.fresh) - i)
		group.Go(func() {
			defer func() { <-turns }()
			d := &r.fresh[i]
			err := errLate
			if share > 0 {
				inTime, cancel := context.WithTimeout(ctx, share)
				defer cancel()
				err = r.examine(inTime, d, haves[i], &keeping)
			}
			if len(d.Evidence) == 0 && len(haves[i]) > 0 {
				err = errors.Join(err, r.keep(d, r.seen(i, haves[i]), &keeping))
			}
			if err != nil {
				d.Missing = capped(err.Error())
			}
		})
	}
	group.Wait()
	return ctx.Err()
}

var errLate = errors.New("too much drifted at once: no time was left to examine it")

// patience shares out the time that healing waits for evidence, so that each
// object gets some of it: handlers give what is worth most, or cheap, first.
type patience struct {
	deadline time.Duration
	until    time.Time
	turns    int
}

func newPatience(v Evidence, objects, turns int) patience {
	budget := min(v.Budget+time.Duration(objects-1)*further, v.Most)
	return patience{deadline: v.Deadline, until: time.Now().Add(budget), turns: turns}
}

// share is how long the next object may be examined, of left ones.
func (p patience) share(left int) time.Duration {
	rest := time.Until(p.until)
	if rest <= 0 {
		return 0
	}
	rounds := (left + p.turns - 1) / p.turns
	return min(p.deadline, max(rest/time.Duration(rounds), least))
}

// seen is the exhibit of an object that nothing else is known of.
func (r *record) seen(i int, have json.RawMessage) providers.Exhibit {
	return providers.Exhibit{Name: "seen", Media: "application/json", Data: seal.Show(have, r.sources[i].Sensitive)}
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
		if err := r.keep(d, x, keeping); err != nil {
			return err
		}
		return ctx.Err()
	})
}

// keep stores one exhibit.
func (r *record) keep(d *state.Drift, x providers.Exhibit, keeping *sync.Mutex) error {
	keeping.Lock()
	defer keeping.Unlock()
	digest, err := r.evidence.Put(x.Data)
	if err != nil {
		return err
	}
	d.Evidence = append(d.Evidence, state.Exhibit{
		Name: capped(x.Name), Media: capped(x.Media), SHA256: digest, Size: int64(len(x.Data)), Truncated: x.Truncated,
	})
	return nil
}
