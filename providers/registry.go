package providers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind names the objects of one handler.
type Kind struct {
	Type    string `json:"type"`
	Runtime string `json:"runtime,omitempty"`
}

// String is "docker decky", or "rule" where the kind has no runtime.
func (k Kind) String() string {
	if k.Runtime == "" {
		return k.Type
	}
	return k.Runtime + " " + k.Type
}

// Compare orders kinds by type, then runtime.
func (k Kind) Compare(other Kind) int {
	if c := strings.Compare(k.Type, other.Type); c != 0 {
		return c
	}
	return strings.Compare(k.Runtime, other.Runtime)
}

// Kind is the kind a handler is for.
func (s Spec) Kind() Kind { return Kind{Type: s.Type, Runtime: s.Runtime} }

// Registry finds the handler of a kind. It is complete once made: there is no
// way to add to it, so it needs no lock.
type Registry struct {
	providers []Provider
	resources map[Kind]Resource
	owner     map[Kind]Provider
	kinds     []Kind
}

// NewRegistry collects the handlers of all providers. Two handlers of one kind
// are an error.
func NewRegistry(all ...Provider) (*Registry, error) {
	r := &Registry{providers: all, resources: map[Kind]Resource{}, owner: map[Kind]Provider{}}
	for _, p := range all {
		for _, resource := range p.Resources() {
			kind := resource.Spec().Kind()
			if first, taken := r.owner[kind]; taken {
				return nil, fmt.Errorf("register provider %s: %s is already handled by provider %s", p.Name(), kind, first.Name())
			}
			r.resources[kind], r.owner[kind] = resource, p
			r.kinds = append(r.kinds, kind)
		}
	}
	slices.SortFunc(r.kinds, Kind.Compare)
	return r, nil
}

// Resource is the handler of a kind, false where there is none.
func (r *Registry) Resource(kind Kind) (Resource, bool) {
	resource, ok := r.resources[kind]
	return resource, ok
}

// Provider is the provider that handles a kind, nil where there is none.
func (r *Registry) Provider(kind Kind) Provider { return r.owner[kind] }

// Kinds are all kinds that have a handler, sorted.
func (r *Registry) Kinds() []Kind { return slices.Clone(r.kinds) }

// Providers are all providers, in the order they were registered.
func (r *Registry) Providers() []Provider { return slices.Clone(r.providers) }

// Diff asks the handler of kind; it is pure, as every handler's Diff is.
func (r *Registry) Diff(kind Kind, want, have []byte) ([]Change, error) {
	resource, ok := r.resources[kind]
	if !ok {
		return nil, fmt.Errorf("no provider handles %s", kind)
	}
	return resource.Diff(want, have)
}

// Close closes every provider and reports all errors at once.
func (r *Registry) Close() error {
	var errs []error
	for _, p := range r.providers {
		if err := p.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close provider %s: %w", p.Name(), err))
		}
	}
	return errors.Join(errs...)
}
