package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

// maxOwnSinks bounds how many sinks of one repository are told.
const maxOwnSinks = 64

// equip makes the dispatcher of the sinks that a followed repository has for
// itself: they are told of its own sync, and read no secret but those meant for
// them.
func (k *keeper) equip(ctx context.Context, dir string) error {
	for _, own := range []string{k.site.Bounds.Events, filepath.Join(dir, "notifications")} {
		if err := os.MkdirAll(own, 0o700); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	var err error
	k.sinks, err = delivery.NewDispatcher(delivery.Config{
		Dir: filepath.Join(dir, "notifications"), Log: k.log,
		Options: delivery.Options{Dir: k.site.Bounds.Secrets, SecretDir: k.site.Bounds.Secrets},
	})
	if err != nil {
		return err
	}
	return k.tellSinks(ctx)
}

// tellSinks takes the sinks from what was applied.
func (k *keeper) tellSinks(ctx context.Context) error {
	if k.sinks == nil {
		return nil
	}
	instances, err := k.session.Store.Instances(ctx)
	if err != nil {
		return err
	}
	all, err := sinksIn(instances, k.site.Bounds)
	k.sinks.SetSinks(all)
	return err
}

// sinksIn are the sinks of a state that keep to the bounds, and what is wrong
// with the others.
func sinksIn(instances []state.Instance, bounds *Bounds) ([]schema.Sink, error) {
	var all []schema.Sink
	var errs []error
	for _, i := range instances {
		if i.Type != providers.TypeSink {
			continue
		}
		var s schema.Sink
		err := json.Unmarshal(i.Config, &s)
		if err == nil {
			err = bounds.sink(&s)
		}
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s is not told: %w", i.Address, err))
		case len(all) == maxOwnSinks:
			return all, errors.Join(append(errs, fmt.Errorf("only %d sinks are told", maxOwnSinks))...)
		default:
			all = append(all, s)
		}
	}
	return all, errors.Join(errs...)
}
