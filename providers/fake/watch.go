package fake

import (
	"context"
	"slices"

	"github.com/decnet/decnet/providers"
)

// listener is one Watch under way.
type listener struct {
	runtime, lineage string
	tell             func(providers.Notice)
	deaf             chan error
}

// Watch implements providers.Watcher: it hears of every change of an object,
// whoever made it, while the world lets it (see Deafen).
func (p *provider) Watch(ctx context.Context, lineage string, tell func(providers.Notice)) error {
	w := p.world
	w.mu.Lock()
	if err := w.unavailable[p.runtime]; err != nil {
		w.mu.Unlock()
		return err
	}
	l := &listener{runtime: p.runtime, lineage: lineage, tell: tell, deaf: make(chan error, 1)}
	w.listeners = append(w.listeners, l)
	w.mu.Unlock()
	defer w.forget(l)
	tell(providers.Notice{})
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.deaf:
		return err
	}
}

// SetDeaf keeps every Watch from hearing anything, without ending it.
func (w *World) SetDeaf(deaf bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = deaf
}

// Deafen ends every Watch of a runtime with err.
func (w *World) Deafen(runtime string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.listeners {
		if l.runtime == runtime {
			select {
			case l.deaf <- err:
			default:
			}
		}
	}
}

func (w *World) forget(l *listener) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners = slices.DeleteFunc(w.listeners, func(x *listener) bool { return x == l })
}

// heard tells the listeners of a change; it is called with the lock held.
func (w *World) heard(o *Object, what string) {
	if w.deaf {
		return
	}
	for _, l := range w.listeners {
		if l.runtime == o.Kind.Runtime && l.lineage == o.Owner.Lineage {
			l.tell(providers.Notice{Address: o.Owner.Address, What: what})
		}
	}
}
