package reconciler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/reservation"
	"github.com/decnet/decnet/schema"
)

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
	if desired != nil && !p.Destroy && !p.Sealed && plan.Digest(desired) != p.Configuration {
		moved = append(moved, changedSince(p, desired)...)
	}
	if moved != nil {
		return &StaleError{Moved: moved}
	}
	if err := errors.Join(e.unclaimed(ctx, p), e.reforesee(ctx, p)); err != nil {
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
					Carries: string(cmp.Or(c.Labelled, c.Address)),
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
	if err := e.remark(ctx, p, &observed); err != nil {
		return fmt.Errorf("look at the objects again: %w", err)
	}
	objects := plan.Relabel(observed.Objects, p.Labels)
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

// unclaimed refuses IPs of others before the state is made.
func (e *Engine) unclaimed(ctx context.Context, p *plan.Plan) error {
	if e.config.DataDir == "" {
		return nil
	}
	held, err := reservation.Others(ctx, reservation.Path(e.config.DataDir), p.Lineage)
	if err != nil || len(held) == 0 {
		return err
	}
	if conflicts := reservation.Conflicts(held, claimsOf(p)); len(conflicts) > 0 {
		return &reservation.ConflictError{Conflicts: conflicts}
	}
	return nil
}
