package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/decnet/decnet/providers"
)

// Restart ends the objects of an address and lets them come back, as the restart
// policy of an engine would.
func (w *World) Restart(address string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := false
	for _, o := range w.objects {
		if o.Owner.Address == address {
			found = true
			if err := w.restart(o); err != nil {
				return err
			}
		}
	}
	if !found {
		return fmt.Errorf("restart %s: %w", address, providers.ErrGone)
	}
	return nil
}

// restart is called with the lock held. What lives in a decky restarts with it
// where the options say so.
func (w *World) restart(o *Object) error {
	o.Incarnation++
	if w.options.Now != nil {
		o.Began = w.options.Now()
	}
	if err := w.keep(o); err != nil {
		return err
	}
	return w.cascade(o)
}

func (w *World) cascade(o *Object) error {
	if !w.options.Cascade || o.Kind.Type != providers.TypeDecky {
		return nil
	}
	for _, child := range slices.Clone(w.index[childKey(o.ID)]) {
		if err := w.restart(child); err != nil {
			return err
		}
	}
	return nil
}

// Began is known of what has restarted since the world has a clock.
func (h *handler[C]) Began(have State[C]) (time.Time, bool) { return have.Began, !have.Began.IsZero() }

// Incarnation counts the object's restarts.
func (h *handler[C]) Incarnation(have State[C]) string {
	if have.Incarnation == 0 {
		return ""
	}
	return have.ID + "/" + strconv.Itoa(have.Incarnation)
}

// Examine keeps what the object is now, or that nothing is left of it.
func (h *handler[C]) Examine(ctx context.Context, have State[C], keep func(providers.Exhibit) error) error {
	h.world.mu.Lock()
	call := Call{Op: "examine", Kind: h.kind, Moment: Before}
	o := h.world.objects[have.ID]
	found := providers.Exhibit{Name: "last", Media: "application/json"}
	if o != nil {
		call.Address = o.Owner.Address
		found.Name, found.Data = "live", slices.Clone([]byte(o.Live))
	}
	more := h.world.options.Exhibits
	h.world.mu.Unlock()
	if err := h.world.hook(ctx, call); err != nil {
		return err
	}
	if o == nil {
		data, err := json.Marshal(have)
		if err != nil {
			return fmt.Errorf("examine %s: %w", have.ID, err)
		}
		found.Data = data
	}
	if err := keep(found); err != nil {
		return err
	}
	for _, x := range more {
		if err := keep(x); err != nil {
			return err
		}
	}
	return nil
}

// isolate cuts an object off.
func (h *handler[C]) isolate(ctx context.Context, owner providers.Owner, have State[C]) (State[C], error) {
	call := Call{Op: "quarantine", Kind: h.kind, Address: owner.Address}
	made := have
	err := h.world.change(ctx, call, func() error {
		if h.world.objects[have.ID] == nil {
			return fmt.Errorf("quarantine %s: %w", owner.Address, providers.ErrGone)
		}
		return nil
	}, func() (err error) {
		o := h.world.objects[have.ID]
		if o == nil {
			return fmt.Errorf("quarantine %s: %w", owner.Address, providers.ErrGone)
		}
		o.Cut = true
		if err := h.world.keep(o); err != nil {
			return err
		}
		made, err = state[C](o)
		return err
	})
	return told(made, err)
}

// isolating is a handler whose objects can be cut off.
type isolating[C any] struct{ *handler[C] }

// Quarantine cuts the object off.
func (h isolating[C]) Quarantine(ctx context.Context, owner providers.Owner, have State[C]) (State[C], error) {
	return h.isolate(ctx, owner, have)
}

// Quarantined tells whether the object is cut off.
func (h isolating[C]) Quarantined(have State[C]) bool { return have.Cut }

// isolatingReaddressing is both.
type isolatingReaddressing[C any] struct{ readdressing[C] }

// Quarantine cuts the object off.
func (h isolatingReaddressing[C]) Quarantine(ctx context.Context, owner providers.Owner, have State[C]) (State[C], error) {
	return h.isolate(ctx, owner, have)
}

// Quarantined tells whether the object is cut off.
func (h isolatingReaddressing[C]) Quarantined(have State[C]) bool { return have.Cut }
