package reconciler

import (
	"cmp"
	"context"
	"encoding/json"
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

type stateInstance = state.Instance

// Recycle asks for a decky to be made anew.
type Recycle = plan.Recycle

// PlanOptions shape a plan.
type PlanOptions struct {
	Destroy   bool           // want nothing
	NoRefresh bool           // trust the state, look at no object
	Replace   []addr.Address // make these anew, however they look
	// Targets and Excludes limit the plan, RefreshOnly to a note of what was
	// seen; see plan.Input.
	Targets, Excludes []addr.Address
	RefreshOnly       bool
	Runtime           string // the default that the configuration was resolved with
	// Restarts calls it drift where an object ended and came back by itself
	// since the state took note of it.
	Restarts bool
	// Recycle makes these anew, with their services and without what attackers
	// wrote; Due knows whose time is up. What is kept for study stays.
	Recycle []Recycle
}

// Plan looks at every object and computes what must change to make desired
// true. It changes nothing and needs no privilege: what could not be looked at
// is in Plan.Unavailable, what an apply would trip over in Plan.Findings.
func (e *Engine) Plan(ctx context.Context, desired *schema.Desired, options PlanOptions) (*plan.Plan, error) {
	snapshot, err := e.config.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	observed := remembered(snapshot.Instances)
	if !options.NoRefresh {
		if observed, err = e.observe(ctx, snapshot.Lineage, e.config.Registry.Kinds()); err != nil {
			return nil, fmt.Errorf("refresh: %w", err)
		}
	}
	if err := e.handled(desired.Instances); err != nil {
		return nil, err
	}
	var findings []providers.Finding
	if !options.Destroy {
		findings = e.preflight(ctx, desired, snapshot)
	}
	if len(desired.Imports) > 0 && !options.NoRefresh && !options.Destroy {
		if desired, err = e.takeIn(ctx, desired, snapshot, &observed); err != nil {
			return nil, err
		}
	}
	findings = append(findings, e.lostState(ctx, snapshot.Lineage)...)
	findings = append(findings, e.copiedState(snapshot.Lineage)...)
	if snapshot.Sealed {
		findings = append(findings, providers.Finding{
			Severity: providers.SeverityWarning, Summary: "the sensitive values of the state cannot be read: what has them may seem changed",
			Remedy: "run as the user who applied; they stand in " + state.VaultPath(e.config.Store.Path()),
		})
	}
	in := plan.Input{
		Desired: desired, Prior: snapshot, Observed: observed, Differ: differ{e.config.Registry}, Spec: e.spec,
		Quarantined: e.quarantined, Recycle: options.Recycle, Unrefreshed: options.NoRefresh,
		Targets: options.Targets, Excludes: options.Excludes, RefreshOnly: options.RefreshOnly,
		Replace: options.Replace, Destroy: options.Destroy, Runtime: options.Runtime, Findings: findings,
	}
	if options.Restarts {
		in.Incarnation, in.Excused = e.incarnation, e.excused(snapshot)
	}
	return plan.Compute(in)
}

// incarnation and quarantined take an object that its handler cannot read, of an
// older version, for one of which nothing is known.
func (e *Engine) incarnation(kind providers.Kind, object json.RawMessage) string {
	resource, ok := e.config.Registry.Resource(kind)
	if !ok {
		return ""
	}
	life, err := providers.Incarnation(resource, object)
	if err != nil {
		return ""
	}
	return life
}

func (e *Engine) quarantined(kind providers.Kind, object json.RawMessage) bool {
	resource, ok := e.config.Registry.Resource(kind)
	if !ok {
		return false
	}
	cut, err := providers.Quarantined(resource, object)
	return err == nil && cut
}

const (
	// aftermath is how long after a decky was changed by us the life of its
	// service may begin because of that: a service ends within a second of its
	// link, and its engine starts it again.
	aftermath = 3 * time.Second
	// blindAftermath is that time where nobody knows when a life began: it must be
	// seen within it.
	blindAftermath = 15 * time.Second
)

// excused tells which services may have restarted because their decky was
// changed, or its restart noted, a moment before: each once, until the state
// takes note of it.
func (e *Engine) excused(snapshot state.Snapshot) func(addr.Address, json.RawMessage) bool {
	rows := make(map[addr.Address]*state.Instance, len(snapshot.Instances))
	for i := range snapshot.Instances {
		rows[snapshot.Instances[i].Address] = &snapshot.Instances[i]
	}
	now := e.config.Now()
	return func(a addr.Address, object json.RawMessage) bool {
		row := rows[a]
		if row == nil || row.Type != providers.TypeService {
			return false
		}
		seen, most := now, blindAftermath
		if resource, ok := e.config.Registry.Resource(providers.Kind{Type: row.Type, Runtime: row.Runtime}); ok {
			if began, known := providers.Began(resource, object); known {
				seen, most = began, aftermath
			}
		}
		if seen.IsZero() {
			return false
		}
		return slices.ContainsFunc(row.Parents, func(p addr.Address) bool {
			decky := rows[p]
			return decky != nil && decky.Type == providers.TypeDecky && decky.Shaken.After(row.Updated) &&
				seen.Sub(decky.Shaken) < most && decky.Shaken.Sub(now) < most // the clock may have gone back
		})
	}
}

// spec is what a kind can do.
func (e *Engine) spec(kind providers.Kind) providers.Spec {
	resource, ok := e.config.Registry.Resource(kind)
	if !ok {
		return providers.Spec{}
	}
	return resource.Spec()
}

// differ lends the registry to a plan.
type differ struct{ registry *providers.Registry }

func (d differ) Diff(kind providers.Kind, want, have []byte) ([]providers.Change, error) {
	return d.registry.Diff(kind, want, have)
}

// Drift looks at every object that the state remembers and tells what somebody
// else did to it. It wants what was applied last, so it says nothing of the
// configuration.
func (e *Engine) Drift(ctx context.Context) (*plan.Plan, error) {
	snapshot, err := e.config.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return e.Plan(ctx, Applied(snapshot), PlanOptions{Runtime: snapshot.Runtime})
}

// Applied is the configuration that was applied last, as the state remembers
// it. An instance whose dependency is not remembered stands without it.
func Applied(snapshot state.Snapshot) *schema.Desired {
	desired := &schema.Desired{Name: snapshot.Name, Seed: snapshot.Seed}
	have := make(map[addr.Address]bool, len(snapshot.Instances))
	for _, i := range snapshot.Instances {
		have[i.Address] = true
	}
	missing := func(a addr.Address) bool { return !have[a] }
	for _, i := range snapshot.Instances {
		desired.Instances = append(desired.Instances, schema.Instance{
			Address: i.Address, Type: i.Type, Runtime: i.Runtime, Config: i.Config, Digest: i.Digest, Source: i.Source,
			Parents:   slices.DeleteFunc(slices.Clone(i.Parents), missing),
			After:     slices.DeleteFunc(slices.Clone(i.After), missing),
			Sensitive: i.Sensitive, Lifecycle: schema.Lifecycle{
				PreventDestroy: i.PreventDestroy, OnDrift: i.OnDrift, RecycleAfter: i.RecycleAfter, RecycleOn: i.RecycleOn,
			},
		})
	}
	return desired
}

// handled refuses instances of kinds that no provider handles, all at once.
func (e *Engine) handled(instances []schema.Instance) error {
	var errs []error
	for _, i := range instances {
		kind := providers.Kind{Type: i.Type, Runtime: i.Runtime}
		if _, ok := e.config.Registry.Resource(kind); !ok {
			errs = append(errs, fmt.Errorf("%s: no provider handles %s", i.Address, kind))
		}
	}
	return errors.Join(errs...)
}

// preflight asks every provider, and the table of reserved IPs, what an apply
// would trip over.
func (e *Engine) preflight(ctx context.Context, desired *schema.Desired, snapshot state.Snapshot) []providers.Finding {
	prior := make(map[addr.Address]string, len(snapshot.Instances))
	carries := map[addr.Address]addr.Address{}
	for _, i := range snapshot.Instances {
		if i.Object == nil {
			continue
		}
		now := plan.Destination(i.Address, desired.Moved)
		prior[now] = i.Digest
		if label := cmp.Or(i.Labelled, i.Address); label != now {
			carries[now] = label
		}
	}
	planned := make([]providers.Planned, 0, len(desired.Instances))
	for _, i := range desired.Instances {
		action := plan.NoOp
		switch digest, known := prior[i.Address]; {
		case !known:
			action = plan.Create
		case digest != i.Digest:
			action = plan.Update
		}
		planned = append(planned, providers.Planned{
			Address: string(i.Address), Type: i.Type, Runtime: i.Runtime, Action: string(action), Config: i.Config,
			Carries: string(cmp.Or(carries[i.Address], i.Address)),
		})
	}
	return append(e.foresee(ctx, planned), e.reservedByOthers(ctx, desired, snapshot.Lineage)...)
}

// foresee asks each provider about what is planned of its kinds.
func (e *Engine) foresee(ctx context.Context, planned []providers.Planned) []providers.Finding {
	byProvider := make(map[providers.Provider][]providers.Planned)
	for _, i := range planned {
		p := e.config.Registry.Provider(providers.Kind{Type: i.Type, Runtime: i.Runtime})
		byProvider[p] = append(byProvider[p], i)
	}
	var findings []providers.Finding
	for _, p := range e.config.Registry.Providers() {
		if f, ok := p.(providers.Preflighter); ok && len(byProvider[p]) > 0 {
			findings = append(findings, f.Preflight(ctx, byProvider[p])...)
		}
	}
	return findings
}

// reservedByOthers names the IPs that another configuration of this host has.
func (e *Engine) reservedByOthers(ctx context.Context, desired *schema.Desired, lineage string) []providers.Finding {
	if e.config.DataDir == "" {
		return nil
	}
	held, err := reservation.Others(ctx, reservation.Path(e.config.DataDir), lineage)
	if err != nil {
		return []providers.Finding{{
			Severity: providers.SeverityWarning, Summary: "the IPs of other configurations on this host are not known: " + err.Error(),
			Remedy: "run as a user who may read " + reservation.Path(e.config.DataDir),
		}}
	}
	if len(held) == 0 {
		return nil
	}
	var findings []providers.Finding
	for _, c := range reservation.Conflicts(held, reservation.Claims(desired.Instances)) {
		findings = append(findings, providers.Finding{
			Severity: providers.SeverityError, Address: string(c.Claim.Address), Summary: c.Error(), Remedy: c.Remedy(),
		})
	}
	return findings
}
