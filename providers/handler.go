package providers

import (
	"context"
	"encoding/json"
	"fmt"
)

// Spec says which objects a handler is for.
type Spec struct {
	Type    string // TypeDecky, ...
	Runtime string // RuntimeDocker, RuntimeNative or ""
	// Parallel bounds how many operations of this handler run at once; 0
	// leaves it to the engine.
	Parallel int
	// Overwrites says that Create makes the new object over an existing one of
	// the same owner in one step, so that there is never none: such an object
	// can be created before it is destroyed. Two containers of one MAC cannot.
	Overwrites bool
	// Readdresses says that the handler is a Readdresser; NewResource sets it.
	Readdresses bool
	// Quarantines says that the handler is a Quarantiner; NewResource sets it.
	Quarantines bool
	// Adopts says that Readdress also takes over an object of another lineage.
	Adopts bool
}

// Object is a live object with the configuration that made it, as List found
// it: enough to rebuild the state from nothing else.
type Object[C, S any] struct {
	Owner  Owner
	Config C
	State  S
}

// Handler makes objects of one type live. C is the resolved configuration and
// S what is known of the live object (its ids, and every live property that
// Diff compares); both are plain structs with JSON names. A handler is called
// from many goroutines at once, and every method but Diff may block on ctx.
type Handler[C, S any] interface {
	// Diff tells what must change to turn have into want; none means they
	// agree. It is pure: no clock, no I/O.
	Diff(want C, have S) []Change
	// Read looks at one object again. ErrGone if it does not exist, an
	// *UnavailableError if that cannot be told.
	Read(ctx context.Context, have S) (S, error)
	// List finds every object of this type and lineage with one call per kind
	// of machinery, healthy or not, complete or half made: the source of
	// observation, of orphans and of a rebuild.
	List(ctx context.Context, lineage string) ([]Object[C, S], error)
	// Create makes the object, or adopts and completes one that carries the
	// same owner's lineage and address (an apply may have been killed half-way).
	Create(ctx context.Context, owner Owner, want C) (S, error)
	// Update turns have into want in place; it is called only if no Change of
	// Diff asked for a replacement, and also heals drift.
	Update(ctx context.Context, owner Owner, want C, have S) (S, error)
	// Delete removes the object and everything made with it. Deleting what is
	// missing succeeds.
	Delete(ctx context.Context, have S) error
}

// Readdresser is implemented by a handler whose objects can be told that their
// instance has another address now. Where it is not, the state remembers the
// address that the object carries.
type Readdresser[S any] interface {
	// Readdress makes the object carry owner's address, and nothing else of it
	// changes. Of an object that carries it already it succeeds.
	Readdress(ctx context.Context, owner Owner, have S) (S, error)
}

// Cause classifies a Change where the digest alone cannot: drift is the
// engine's default when the configuration did not change.
type Cause string

// CauseImage is a new decky binary.
const CauseImage Cause = "image"

// Change is one attribute that differs.
type Change struct {
	Path    string `json:"path"` // "sysctl.net.ipv4.ip_default_ttl"
	Before  string `json:"before"`
	After   string `json:"after"`
	Replace bool   `json:"replace,omitempty"` // cannot be changed in place
	Cause   Cause  `json:"cause,omitempty"`
	// Gentle: it is put right in place and what stands on the object does not
	// notice, so nothing that ends afterwards ended because of it.
	Gentle bool `json:"-"`
}

// Found is an Object with its types erased.
type Found struct {
	Owner  Owner
	Config json.RawMessage
	State  json.RawMessage
}

// Planned is an instance that a plan would create, update or keep.
type Planned struct {
	Address string
	Type    string
	Runtime string
	Action  string // "create", "update", "replace", "no-op"
	// Carries is the address that the live object bears: another one where the
	// instance has moved.
	Carries string
	Config  json.RawMessage
}

// Resource is a Handler with its types erased: what the engine calls.
type Resource interface {
	Spec() Spec
	Diff(want, have json.RawMessage) ([]Change, error)
	Read(ctx context.Context, have json.RawMessage) (json.RawMessage, error)
	List(ctx context.Context, lineage string) ([]Found, error)
	Create(ctx context.Context, owner Owner, want json.RawMessage) (json.RawMessage, error)
	Update(ctx context.Context, owner Owner, want, have json.RawMessage) (json.RawMessage, error)
	Delete(ctx context.Context, have json.RawMessage) error
}

// NewResource erases the types of h.
func NewResource[C, S any](spec Spec, h Handler[C, S]) Resource {
	_, spec.Readdresses = h.(Readdresser[S])
	_, spec.Quarantines = h.(Quarantiner[S])
	return &resource[C, S]{spec: spec, handler: h}
}

// Readdress calls the handler behind r, if it is a Readdresser.
func Readdress(ctx context.Context, r Resource, owner Owner, have json.RawMessage) (json.RawMessage, error) {
	erased, ok := r.(interface {
		readdress(ctx context.Context, owner Owner, have json.RawMessage) (json.RawMessage, error)
	})
	if !ok || !r.Spec().Readdresses {
		return nil, fmt.Errorf("readdress %s: objects of %s keep the address that they were made with", owner.Address, r.Spec().Kind())
	}
	return erased.readdress(ctx, owner, have)
}

func (r *resource[C, S]) readdress(ctx context.Context, owner Owner, have json.RawMessage) (json.RawMessage, error) {
	s, err := decode[S]("state", have)
	if err != nil {
		return nil, err
	}
	return encode(r.handler.(Readdresser[S]).Readdress(ctx, owner, s))
}

type resource[C, S any] struct {
	spec    Spec
	handler Handler[C, S]
}

func decode[T any](what string, data json.RawMessage) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", what, err)
	}
	return v, nil
}

// encode pairs the result of a handler with its error: a half-made object is
// reported with both, so that what exists is never forgotten.
func encode[S any](s S, opErr error) (json.RawMessage, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return data, opErr
}

func (r *resource[C, S]) Spec() Spec { return r.spec }

func (r *resource[C, S]) Diff(want, have json.RawMessage) ([]Change, error) {
	c, err := decode[C]("configuration", want)
	if err != nil {
		return nil, err
	}
	s, err := decode[S]("state", have)
	if err != nil {
		return nil, err
	}
	return r.handler.Diff(c, s), nil
}

func (r *resource[C, S]) Read(ctx context.Context, have json.RawMessage) (json.RawMessage, error) {
	s, err := decode[S]("state", have)
	if err != nil {
		return nil, err
	}
	now, err := r.handler.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	return encode(now, nil)
}

func (r *resource[C, S]) List(ctx context.Context, lineage string) ([]Found, error) {
	objects, err := r.handler.List(ctx, lineage)
	if err != nil {
		return nil, err
	}
	found := make([]Found, len(objects))
	for i, o := range objects {
		config, err := json.Marshal(o.Config)
		if err != nil {
			return nil, fmt.Errorf("encode configuration of %s: %w", o.Owner.Address, err)
		}
		state, err := json.Marshal(o.State)
		if err != nil {
			return nil, fmt.Errorf("encode state of %s: %w", o.Owner.Address, err)
		}
		found[i] = Found{Owner: o.Owner, Config: config, State: state}
	}
	return found, nil
}

func (r *resource[C, S]) Create(ctx context.Context, owner Owner, want json.RawMessage) (json.RawMessage, error) {
	c, err := decode[C]("configuration", want)
	if err != nil {
		return nil, err
	}
	return encode(r.handler.Create(ctx, owner, c))
}

func (r *resource[C, S]) Update(ctx context.Context, owner Owner, want, have json.RawMessage) (json.RawMessage, error) {
	c, err := decode[C]("configuration", want)
	if err != nil {
		return nil, err
	}
	s, err := decode[S]("state", have)
	if err != nil {
		return nil, err
	}
	return encode(r.handler.Update(ctx, owner, c, s))
}

func (r *resource[C, S]) Delete(ctx context.Context, have json.RawMessage) error {
	s, err := decode[S]("state", have)
	if err != nil {
		return err
	}
	return r.handler.Delete(ctx, s)
}
