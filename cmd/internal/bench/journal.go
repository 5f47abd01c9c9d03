package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/fake"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
)

// journal times the apply of many operations in a world that costs nothing, so
// that what is left is the engine's own: plan, journal, state.
func (b *bench) journal(ctx context.Context) error {
	store, err := state.Open(filepath.Join(b.scratch, "journal", "state.db"))
	if err != nil {
		return err
	}
	defer store.Close()
	world, err := fake.Open(fake.Options{})
	if err != nil {
		return err
	}
	registry, err := providers.NewRegistry(world.Providers()...)
	if err != nil {
		return err
	}
	engine, err := reconciler.New(reconciler.Config{Store: store, Registry: registry})
	if err != nil {
		return err
	}
	desired := fake.Fleet{Deckies: b.size.operations / 4, Services: []string{"ssh", "http", "redis"}}.Desired()
	p, err := engine.Plan(ctx, desired, reconciler.PlanOptions{})
	if err != nil {
		return err
	}
	result, err := engine.Apply(ctx, p, reconciler.ApplyOptions{Holder: state.Holder{Who: "bench", Command: "apply"}})
	if err != nil {
		return err
	}
	b.report(figure{
		name:     fmt.Sprintf("journaled apply of %d operations in a fake world", len(result.Steps)),
		measured: fmt.Sprintf("%.3f s", result.Took.Seconds()), goal: fmt.Sprintf("<= %.1f s", b.size.slack), ok: result.Took.Seconds() <= b.size.slack,
	})
	return nil
}
