package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

// sealedOutputs is outputs as the state keeps them: a keyed digest in place of
// what is sensitive.
func sealedOutputs(store *state.Store, outputs []schema.Output) ([]schema.Output, error) {
	sealed := slices.Clone(outputs)
	for i := range sealed {
		o := &sealed[i]
		if !o.Sensitive {
			continue
		}
		digest, err := store.SealDigest(o.Value)
		if err != nil {
			return nil, fmt.Errorf("outputs: %w", err)
		}
		if o.Value, err = json.Marshal(digest); err != nil {
			return nil, fmt.Errorf("outputs: %w", err)
		}
	}
	return sealed, nil
}

// keepOutputs notes what was applied.
func keepOutputs(ctx context.Context, store *state.Store, outputs []schema.Output) error {
	sealed, err := sealedOutputs(store, outputs)
	if err != nil {
		return err
	}
	document, err := json.Marshal(sealed)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	return store.SetOutputs(ctx, document)
}

// keptOutputs are the outputs of the last apply, as the state keeps them.
func keptOutputs(ctx context.Context, store *state.Store) ([]schema.Output, error) {
	document, err := store.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	var kept []schema.Output
	if document != nil {
		if err := json.Unmarshal(document, &kept); err != nil {
			return nil, fmt.Errorf("outputs of the last apply: %w", err)
		}
	}
	return kept, nil
}

// revealed is the value of a sensitive output that was applied.
func (a *app) revealed(ctx context.Context, configuration *schema.Configuration, s *session, kept schema.Output) (json.RawMessage, error) {
	desired, err := a.evaluate(ctx, configuration, s)
	if err != nil {
		return nil, err
	}
	sealed, err := sealedOutputs(s.store, desired.Outputs)
	if err != nil {
		return nil, err
	}
	for i, o := range sealed {
		if o.Name == kept.Name && o.Sensitive && string(o.Value) == string(kept.Value) {
			return desired.Outputs[i].Value, nil
		}
	}
	return nil, fmt.Errorf("output %q is sensitive and has another value in the configuration than was applied; apply first", kept.Name)
}

// outputChanges puts into a plan what becomes of the outputs.
func outputChanges(ctx context.Context, store *state.Store, p *plan.Plan) error {
	before, err := keptOutputs(ctx, store)
	if err != nil {
		return err
	}
	after := p.Outputs
	if p.Destroy {
		after = nil
	}
	if len(before) > 0 { // else there is nothing to compare, and perhaps no key
		if after, err = sealedOutputs(store, after); err != nil {
			return err
		}
	}
	p.OutputChanges = nil
	for _, o := range after {
		c := plan.OutputChange{Name: o.Name, Action: plan.Create, Sensitive: o.Sensitive}
		if at := slices.IndexFunc(before, func(b schema.Output) bool { return b.Name == o.Name }); at >= 0 {
			was := before[at]
			c.Action = plan.Update
			if was.Sensitive == o.Sensitive && string(was.Value) == string(o.Value) {
				c.Action = plan.NoOp
			}
			if !was.Sensitive && !o.Sensitive {
				c.Before = was.Value
			}
		}
		p.OutputChanges = append(p.OutputChanges, c)
	}
	for _, o := range before {
		if slices.ContainsFunc(after, func(a schema.Output) bool { return a.Name == o.Name }) {
			continue
		}
		c := plan.OutputChange{Name: o.Name, Action: plan.Delete, Sensitive: o.Sensitive}
		if !o.Sensitive {
			c.Before = o.Value
		}
		p.OutputChanges = append(p.OutputChanges, c)
	}
	slices.SortFunc(p.OutputChanges, func(a, b plan.OutputChange) int { return cmp.Compare(a.Name, b.Name) })
	return nil
}
