package reconciler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema/addr"
)

// nobody is a lineage that no state ever has: it is listed only to learn
// whether a provider can look at all.
const nobody = "none"

// observe lists the objects of a lineage, every kind at once. A kind whose
// provider is unavailable is unknown, any other failure is an error.
func (e *Engine) observe(ctx context.Context, lineage string, kinds []providers.Kind) (plan.Observed, error) {
	if lineage == "" {
		lineage = nobody
	}
	type answer struct {
		found []providers.Found
		err   error
	}
	answers := make([]answer, len(kinds))
	var group sync.WaitGroup
	for i, kind := range kinds {
		resource, ok := e.config.Registry.Resource(kind)
		if !ok {
			answers[i].err = fmt.Errorf("no provider handles %s", kind)
			continue
		}
		group.Go(func() { answers[i].found, answers[i].err = e.list(ctx, resource, lineage) })
	}
	group.Wait()
	var observed plan.Observed
	var errs []error
	for i, kind := range kinds {
		var unavailable *providers.UnavailableError
		switch err := answers[i].err; {
		case errors.As(err, &unavailable):
			observed.Unknown = append(observed.Unknown, unknown(kind, unavailable))
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("list %s objects: %w", kind, err))
			continue
		}
		for _, f := range answers[i].found {
			observed.Objects = append(observed.Objects, plan.Found{
				Kind: kind, Address: addr.Address(f.Owner.Address), Digest: f.Owner.Digest, State: f.State,
			})
		}
	}
	return observed, errors.Join(errs...)
}

// listTimeout is how long a provider may take to find its objects. One that
// hangs must not keep the others from being looked at for ever.
const listTimeout = time.Minute

// list calls one that takes too long unavailable.
func (e *Engine) list(ctx context.Context, resource providers.Resource, lineage string) ([]providers.Found, error) {
	bounded, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	found, err := resource.List(bounded, lineage)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = &providers.UnavailableError{
			Provider: e.config.Registry.Provider(resource.Spec().Kind()).Name(), What: fmt.Sprintf("it did not answer within %v", listTimeout),
		}
	}
	return found, err
}

func unknown(kind providers.Kind, err *providers.UnavailableError) plan.Unknown {
	what := err.What
	if err.Err != nil {
		what += ": " + err.Err.Error()
	}
	return plan.Unknown{Kind: kind, Provider: err.Provider, What: what, Remedy: err.Remedy}
}

// remembered is what the state says is alive, for a plan without refresh.
func remembered(instances []stateInstance) plan.Observed {
	var observed plan.Observed
	for _, i := range instances {
		if i.Object == nil {
			continue
		}
		observed.Objects = append(observed.Objects, plan.Found{
			Kind: providers.Kind{Type: i.Type, Runtime: i.Runtime}, Address: cmp.Or(i.Labelled, i.Address), Digest: i.Digest, State: i.Object,
		})
	}
	return observed
}
