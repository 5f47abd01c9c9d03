package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// State is what is known of an object of the world.
type State[C any] struct {
	ID       string `json:"id"`
	Complete bool   `json:"complete"`
	Image    string `json:"image,omitempty"`
	Live     C      `json:"live"`
	// Incarnation, Began and Cut are as in Object.
	Incarnation int       `json:"incarnation,omitempty"`
	Began       time.Time `json:"began,omitzero"`
	Cut         bool      `json:"cut,omitempty"`
}

// handler makes objects of one kind.
type handler[C any] struct {
	world *World
	kind  providers.Kind
	// parent names the type and the engine-side name of what an object lives in.
	parent func(C) (typ, name string)
	// replace tells which attributes cannot change in place.
	replace func(path string) bool
	imaged  bool // made from the decky binary
}

func (h *handler[C]) Diff(want C, have State[C]) []providers.Change {
	var changes []providers.Change
	if !have.Complete {
		changes = append(changes, providers.Change{Path: "complete", Before: "false", After: "true"})
	}
	if image := h.image(); image != have.Image {
		changes = append(changes, providers.Change{Path: "image", Before: have.Image, After: image, Replace: true, Cause: providers.CauseImage})
	}
	if reflect.DeepEqual(want, have.Live) {
		return changes
	}
	for _, c := range providers.Compare(have.Live, want, h.replace) {
		c.Gentle = c.Path == h.world.options.Gentle
		changes = append(changes, c)
	}
	return changes
}

func (h *handler[C]) image() string {
	if !h.imaged {
		return ""
	}
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	return h.world.options.Image
}

func (h *handler[C]) Read(_ context.Context, have State[C]) (State[C], error) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if err := h.world.available(h.kind); err != nil {
		return have, err
	}
	o := h.world.objects[have.ID]
	if o == nil {
		return have, providers.ErrGone
	}
	return state[C](o)
}

func (h *handler[C]) List(ctx context.Context, lineage string) ([]providers.Object[C, State[C]], error) {
	if err := h.world.hook(ctx, Call{Op: "list", Kind: h.kind, Moment: Before}); err != nil {
		return nil, err
	}
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if err := h.world.available(h.kind); err != nil {
		return nil, err
	}
	var all []providers.Object[C, State[C]]
	for _, o := range h.world.objects {
		if o.Kind != h.kind || o.Owner.Lineage != lineage {
			continue
		}
		s, err := state[C](o)
		if err != nil {
			return nil, err
		}
		found := providers.Object[C, State[C]]{Owner: o.Owner, State: s}
		if err := json.Unmarshal(o.Config, &found.Config); err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Owner.Address, err)
		}
		all = append(all, found)
	}
	return all, nil
}

func (h *handler[C]) Create(ctx context.Context, owner providers.Owner, want C) (State[C], error) {
	call := Call{Op: "create", Kind: h.kind, Address: owner.Address}
	var made State[C]
	err := h.world.change(ctx, call, func() (err error) {
		made, err = h.begin(owner, want)
		return err
	}, func() (err error) {
		made, err = h.complete(made.ID, owner, want)
		return err
	})
	return told(made, err)
}

func (h *handler[C]) Update(ctx context.Context, owner providers.Owner, want C, have State[C]) (State[C], error) {
	call := Call{Op: "update", Kind: h.kind, Address: owner.Address}
	made := have
	err := h.world.change(ctx, call, func() error {
		o := h.world.objects[have.ID]
		if o == nil {
			return fmt.Errorf("update %s: %w", owner.Address, providers.ErrGone)
		}
		o.Complete, made.Complete = false, false
		return h.world.keep(o)
	}, func() (err error) {
		made, err = h.complete(have.ID, owner, want)
		return err
	})
	return told(made, err)
}

func (h *handler[C]) Delete(ctx context.Context, have State[C]) error {
	h.world.mu.Lock()
	call := Call{Op: "delete", Kind: h.kind}
	if o := h.world.objects[have.ID]; o != nil {
		call.Address = o.Owner.Address
	}
	h.world.mu.Unlock()
	return h.world.change(ctx, call, func() error {
		o := h.world.objects[have.ID]
		if o == nil {
			return nil
		}
		if children := h.world.index[childKey(o.ID)]; len(children) > 0 {
			return fmt.Errorf("delete %s: %s lives in it", o.Owner.Address, children[0].Owner.Address)
		}
		o.Complete = false
		return h.world.keep(o)
	}, func() error {
		if o := h.world.objects[have.ID]; o != nil {
			return h.world.drop(o)
		}
		return nil
	})
}

// readdressing is a handler whose objects can be told their new address.
type readdressing[C any] struct{ *handler[C] }

// Readdress makes the object carry owner's address.
func (h readdressing[C]) Readdress(ctx context.Context, owner providers.Owner, have State[C]) (State[C], error) {
	call := Call{Op: "readdress", Kind: h.kind, Address: owner.Address}
	made := have
	err := h.world.change(ctx, call, func() error {
		if h.world.objects[have.ID] == nil {
			return fmt.Errorf("readdress %s: %w", owner.Address, providers.ErrGone)
		}
		for _, o := range h.world.index[ownerKey(h.kind, owner)] {
			if o.ID != have.ID {
				return fmt.Errorf("readdress %s: another object carries that address", owner.Address)
			}
		}
		return nil
	}, func() (err error) {
		o := h.world.objects[have.ID]
		if o == nil {
			return fmt.Errorf("readdress %s: %w", owner.Address, providers.ErrGone)
		}
		o.Owner = owner
		if err := h.world.keep(o); err != nil {
			return err
		}
		made, err = state[C](o)
		return err
	})
	return told(made, err)
}

// begin adopts the owner's object or makes half of a new one.
func (h *handler[C]) begin(owner providers.Owner, want C) (State[C], error) {
	if own := h.world.index[ownerKey(h.kind, owner)]; len(own) > 0 {
		return state[C](own[0])
	}
	parent, err := h.home(owner, want)
	if err != nil {
		return State[C]{}, err
	}
	data, err := json.Marshal(want)
	if err != nil {
		return State[C]{}, fmt.Errorf("create %s: %w", owner.Address, err)
	}
	o := &Object{ID: newID(), Kind: h.kind, Owner: owner, Config: data, Live: data, Parent: parent, Incarnation: 1}
	if ip := ipOf(o); ip != "" {
		if others := h.world.index[ipKey(ip)]; len(others) > 0 {
			return State[C]{}, fmt.Errorf("create %s: its IP is in use by %s", owner.Address, others[0].Owner.Address)
		}
	}
	if err := h.world.keep(o); err != nil {
		return State[C]{}, err
	}
	return state[C](o)
}

// home finds what the object will live in.
func (h *handler[C]) home(owner providers.Owner, want C) (string, error) {
	if h.parent == nil {
		return "", nil
	}
	typ, name := h.parent(want)
	for _, o := range h.world.index[nameKey(providers.Kind{Type: typ, Runtime: h.kind.Runtime}, name)] {
		if o.Complete {
			return o.ID, nil
		}
	}
	return "", fmt.Errorf("create %s: there is no %s %q to live in", owner.Address, typ, name)
}

func (h *handler[C]) complete(id string, owner providers.Owner, want C) (State[C], error) {
	o := h.world.objects[id]
	if o == nil {
		return State[C]{}, fmt.Errorf("complete %s: %w", owner.Address, providers.ErrGone)
	}
	data, err := json.Marshal(want)
	if err != nil {
		return State[C]{}, fmt.Errorf("complete %s: %w", owner.Address, err)
	}
	o.Owner, o.Config, o.Live, o.Complete = owner, data, data, true
	if h.imaged {
		o.Image = h.world.options.Image
	}
	if err := errors.Join(h.world.keep(o), h.world.cascade(o)); err != nil {
		return State[C]{}, err
	}
	return state[C](o)
}

func state[C any](o *Object) (State[C], error) {
	s := State[C]{ID: o.ID, Complete: o.Complete, Image: o.Image, Incarnation: o.Incarnation, Began: o.Began, Cut: o.Cut}
	if err := json.Unmarshal(o.Live, &s.Live); err != nil {
		return s, fmt.Errorf("read %s: %w", o.Owner.Address, err)
	}
	return s, nil
}

// change runs the two halves of an effect under the lock, and the hook around
// them without it.
func (w *World) change(ctx context.Context, call Call, first, second func() error) error {
	w.mu.Lock()
	err := w.available(call.Kind)
	w.calls = append(w.calls, call)
	delay := w.options.Delay
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, stage := range []struct {
		moment Moment
		effect func() error
	}{{Before, first}, {Half, second}, {After, nil}} {
		call.Moment = stage.moment
		if err := w.hook(ctx, call); err != nil {
			return err
		}
		if stage.effect == nil {
			break
		}
		w.mu.Lock()
		err := stage.effect()
		w.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *World) hook(ctx context.Context, call Call) error {
	w.mu.Lock()
	hook := w.options.Hook
	w.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx, call)
}

// available is called with the lock held.
func (w *World) available(kind providers.Kind) error {
	if err := w.unavailable[kind.Runtime]; err != nil {
		return err
	}
	return nil
}

// Errors for hooks that fail a call. After ErrLost the caller learns nothing of
// what the call made; it is an ErrInjected, too.
var (
	ErrInjected = errors.New("injected failure")
	ErrLost     = fmt.Errorf("%w, its answer is lost", ErrInjected)
)

// told is what the caller of a change learns of it.
func told[C any](made State[C], err error) (State[C], error) {
	if errors.Is(err, ErrLost) {
		return State[C]{}, err
	}
	return made, err
}

type provider struct {
	world   *World
	runtime string
}

// Providers are one provider for each runtime and one for what has none.
func (w *World) Providers() []providers.Provider {
	return []providers.Provider{
		&provider{world: w, runtime: providers.RuntimeDocker},
		&provider{world: w, runtime: providers.RuntimeNative},
		&provider{world: w},
	}
}

func (p *provider) Name() string {
	if p.runtime == "" {
		return "detection"
	}
	return p.runtime
}

func (p *provider) Close() error { return nil }

func (p *provider) Resources() []providers.Resource {
	if p.runtime == "" {
		return []providers.Resource{
			resource(&handler[schema.Rule]{world: p.world, kind: providers.Kind{Type: providers.TypeRule}}),
			resource(&handler[schema.Sink]{world: p.world, kind: providers.Kind{Type: providers.TypeSink}}),
		}
	}
	return []providers.Resource{
		resource(&handler[schema.Network]{
			world: p.world, kind: providers.Kind{Type: providers.TypeNetwork, Runtime: p.runtime},
			replace: func(path string) bool { return path == "driver" || path == "parent" || path == "name" },
		}),
		resource(&handler[schema.Decky]{
			world: p.world, kind: providers.Kind{Type: providers.TypeDecky, Runtime: p.runtime}, imaged: true,
			parent: func(c schema.Decky) (string, string) { return providers.TypeNetwork, c.Network.Name },
			replace: func(path string) bool {
				return path == "host.ip" || path == "name" || strings.HasPrefix(path, "network.")
			},
		}),
		resource(&handler[schema.Service]{
			world: p.world, kind: providers.Kind{Type: providers.TypeService, Runtime: p.runtime}, imaged: true,
			parent:  func(c schema.Service) (string, string) { return providers.TypeDecky, c.Decky },
			replace: func(path string) bool { return path == "slug" || path == "decky" },
		}),
	}
}

// resource makes objects of the runtime docker keep their address, as a
// container's labels do; every other is told its new one. Rules and sinks are
// written over what is there.
func resource[C any](h *handler[C]) providers.Resource {
	spec := providers.Spec{Type: h.kind.Type, Runtime: h.kind.Runtime, Parallel: h.world.options.Parallel}
	if h.kind.Runtime == providers.RuntimeDocker {
		if h.kind.Type == providers.TypeDecky {
			return providers.NewResource[C, State[C]](spec, isolating[C]{h})
		}
		return providers.NewResource[C, State[C]](spec, h)
	}
	spec.Adopts, spec.Overwrites = true, h.kind.Runtime == ""
	if h.kind.Type == providers.TypeDecky {
		return providers.NewResource[C, State[C]](spec, isolatingReaddressing[C]{readdressing[C]{h}})
	}
	return providers.NewResource[C, State[C]](spec, readdressing[C]{h})
}

// Preflight tells what Foresee set of what is planned, and of nothing in
// particular.
func (p *provider) Preflight(_ context.Context, planned []providers.Planned) []providers.Finding {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.world.findings), func(f providers.Finding) bool {
		return f.Address != "" && !slices.ContainsFunc(planned, func(i providers.Planned) bool { return i.Address == f.Address })
	})
}
