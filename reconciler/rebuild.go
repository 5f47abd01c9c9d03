package reconciler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// RebuildOptions shape a rebuild.
type RebuildOptions struct {
	// Lineage is whose objects are taken; empty: the one that was applied from
	// the path of this state.
	Lineage string
	// Force replaces a state that has instances.
	Force       bool
	Lock        *state.Lock // as in ApplyOptions
	Holder      state.Holder
	LockTimeout time.Duration
}

// AmbiguousError says that a rebuild needs to be told the lineage.
type AmbiguousError struct {
	State   string
	Choices []Lineage // may be empty
}

func (e *AmbiguousError) Error() string {
	if len(e.Choices) == 0 {
		return "rebuild " + e.State + ": no lineage of this host is known: name one"
	}
	lines := make([]string, len(e.Choices))
	for i, c := range e.Choices {
		lines[i] = fmt.Sprintf("  %s: configuration %q in %s, state %s", c.Lineage, c.Name, c.Dir, c.State)
	}
	return "rebuild " + e.State + ": name one of these lineages:\n" + strings.Join(lines, "\n")
}

// RebuildResult is what a rebuild found.
type RebuildResult struct {
	Lineage   string
	Serial    int64
	Instances int
	// Surplus are addresses under which more than one object is alive; the next
	// plan removes all but one.
	Surplus []addr.Address
	// Unavailable are the kinds that could not be looked at: their instances
	// are missing from the state now.
	Unavailable []plan.Unknown
}

// Rebuild makes the state from nothing but the live objects and what they carry.
// It touches no object.
func (e *Engine) Rebuild(ctx context.Context, options RebuildOptions) (*RebuildResult, error) {
	if options.Lock == nil {
		lock, err := e.config.Store.Lock(ctx, options.Holder, options.LockTimeout)
		if err != nil {
			return nil, err
		}
		defer lock.Unlock() //nolint:errcheck // the lock ends with its file
	}
	snapshot, err := e.config.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if len(snapshot.Instances) > 0 && !options.Force {
		return nil, fmt.Errorf("rebuild %s: it has %d instances; force replaces them", e.config.Store.Path(), len(snapshot.Instances))
	}
	meta, err := e.chooseLineage(options.Lineage, snapshot.Meta)
	if err != nil {
		return nil, err
	}
	return e.rebuild(ctx, meta)
}

// chooseLineage finds whose objects are meant.
func (e *Engine) chooseLineage(wanted string, meta state.Meta) (state.Meta, error) {
	all, err := e.Lineages()
	if err != nil {
		return meta, err
	}
	if wanted == "" {
		wanted = meta.Lineage
	}
	matches := slices.DeleteFunc(slices.Clone(all), func(l Lineage) bool {
		return wanted != "" && l.Lineage != wanted || wanted == "" && l.State != e.config.Store.Path()
	})
	switch {
	case len(matches) == 1:
		l := matches[0]
		return state.Meta{Lineage: l.Lineage, Serial: meta.Serial, Seed: l.Seed, Runtime: l.Runtime, Name: l.Name}, nil
	case wanted != "":
		meta.Lineage = wanted
		return meta, nil
	default:
		if len(matches) > 0 {
			all = matches
		}
		return meta, &AmbiguousError{State: e.config.Store.Path(), Choices: all}
	}
}

func (e *Engine) rebuild(ctx context.Context, meta state.Meta) (*RebuildResult, error) {
	result := &RebuildResult{Lineage: meta.Lineage}
	rows := map[addr.Address]state.Instance{}
	var errs []error
	for _, kind := range e.config.Registry.Kinds() {
		resource, _ := e.config.Registry.Resource(kind)
		found, err := resource.List(ctx, meta.Lineage)
		var unavailable *providers.UnavailableError
		switch {
		case errors.As(err, &unavailable):
			result.Unavailable = append(result.Unavailable, unknown(kind, unavailable))
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("list %s objects: %w", kind, err))
			continue
		}
		for _, f := range found {
			address := addr.Address(f.Owner.Address)
			if _, twice := rows[address]; twice {
				result.Surplus = append(result.Surplus, address)
				continue
			}
			var quarantine *state.Quarantine
			if e.quarantined(kind, f.State) {
				quarantine = &state.Quarantine{Since: e.config.Now(), Why: "it was cut off when the state was rebuilt"}
			}
			rows[address] = state.Instance{
				Address: address, Type: kind.Type, Runtime: kind.Runtime, Config: f.Config, Digest: f.Owner.Digest, Object: f.State,
				Updated: e.config.Now(), Sensitive: e.sensitive(kind.Type, f.Config), Quarantined: quarantine,
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := e.config.Store.Rebuild(ctx, meta, withParents(rows)); err != nil {
		return nil, err
	}
	slices.SortFunc(result.Surplus, addr.Compare)
	result.Instances = len(rows)
	meta, err := e.config.Store.Meta(ctx)
	result.Serial = meta.Serial
	return result, err
}

// withParents gives rows the parents that their configurations tell of: a service
// lives in the decky above it, a decky in the network it names.
func withParents(rows map[addr.Address]state.Instance) []state.Instance {
	networks := map[string]addr.Address{}
	for _, r := range rows {
		var n schema.Network
		if r.Type == providers.TypeNetwork && json.Unmarshal(r.Config, &n) == nil {
			networks[n.Name] = r.Address
		}
	}
	all := make([]state.Instance, 0, len(rows))
	for _, r := range rows {
		switch r.Type {
		case providers.TypeDecky:
			var d struct {
				Network struct {
					Name string `json:"name"`
				} `json:"network"`
			}
			if json.Unmarshal(r.Config, &d) == nil && networks[d.Network.Name] != "" {
				r.Parents = []addr.Address{networks[d.Network.Name]}
			}
		case providers.TypeService:
			if steps, err := addr.Parse(string(r.Address)); err == nil && len(steps) > 1 {
				if parent := addr.Of(steps[:len(steps)-1]...); rows[parent].Address != "" {
					r.Parents = []addr.Address{parent}
				}
			}
		}
		all = append(all, r)
	}
	return all
}
