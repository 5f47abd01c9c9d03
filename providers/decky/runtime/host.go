package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// host is one decky.
type host struct {
	runtime  *Runtime
	spec     decky.Spec // with limits filled in and without services
	since    time.Time
	services map[string]*service // guarded by runtime.mu

	mu      sync.Mutex
	closed  bool
	journal Journal // nil until the first event
	store   *Store  // nil until the first handler
	shared  *Store  // likewise; store itself unless the decky has several processes
	conns   int
	sources map[netip.Addr]int
	refused int64
	noticed time.Time

	told  []decky.Listening // by other processes
	asked time.Time

	values values
}

func newHost(r *Runtime, spec decky.Spec) *host {
	return &host{runtime: r, spec: spec, since: r.options.Now(), services: map[string]*service{}}
}

// openJournal opens the journal at the first event and notes in it since when
// the decky is served.
func (h *host) openJournal() (Journal, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.journal != nil {
		return h.journal, nil
	}
	if h.closed {
		return nil, journal.ErrClosed
	}
	j, err := h.runtime.options.OpenJournal(h.spec.Journal, h.spec.Limits.JournalBytes)
	if err != nil {
		return nil, fmt.Errorf("open journal of %s: %w", h.spec.Host.Address, err)
	}
	if err := j.Append(h.system(h.since, "", &event.System{Name: "started"})); err != nil && !errors.Is(err, journal.ErrFull) {
		return nil, errors.Join(fmt.Errorf("append to journal of %s: %w", h.spec.Host.Address, err), j.Close())
	}
	h.journal = j
	return j, nil
}

func (h *host) openStore() (*Store, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.store != nil {
		return h.store, nil
	}
	store, err := h.runtime.options.OpenStore(h.spec.Store, h.spec.Limits.StoreBytes)
	if err != nil {
		return nil, err
	}
	h.shared = store
	if h.spec.Shared != "" {
		if h.shared, err = h.runtime.options.OpenStore(h.spec.Shared, h.spec.Limits.StoreBytes); err != nil {
			return nil, errors.Join(err, store.Close())
		}
	}
	h.store = store
	return store, nil
}

func (h *host) system(at time.Time, service string, body *event.System) *event.Event {
	return &event.Event{ID: event.NewID(at), Time: at.UTC(), Decky: h.spec.Host.Address, Service: service, Body: body}
}

// record appends e. Events that a full journal drops are counted and no error:
// a decky that stops answering would tell more than a gap does.
func (h *host) record(e *event.Event) error {
	j, err := h.openJournal()
	if err != nil {
		return err
	}
	e, err = Fit(e)
	if err != nil {
		return err
	}
	err = j.Append(e)
	if errors.Is(err, journal.ErrFull) {
		h.runtime.full.Add(1)
		return nil
	}
	return err
}

// note records what the process says about itself; its failure is logged, for
// there is nobody to tell.
func (h *host) note(e *event.Event) {
	if err := h.record(e); err != nil && !errors.Is(err, journal.ErrClosed) {
		h.runtime.options.Log.Error("cannot record", "decky", h.spec.Host.Address, "kind", e.Kind(), "error", err)
	}
}

// close notes the end in the journal, if anything was recorded, and closes it.
func (h *host) close() error {
	h.mu.Lock()
	refused := h.refused
	h.refused = 0
	opened := h.journal != nil
	h.mu.Unlock()
	flushed := h.values.flush()
	now := h.runtime.options.Now()
	if refused > 0 {
		h.note(h.system(now, "", &event.System{Name: "limit", Detail: "connections", Count: refused}))
	}
	if opened {
		h.note(h.system(now, "", &event.System{Name: "stopped"}))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	err := flushed
	if h.store != nil {
		err = errors.Join(err, h.store.Close())
	}
	if h.shared != nil && h.shared != h.store {
		err = errors.Join(err, h.shared.Close())
	}
	if h.journal != nil {
		err = errors.Join(err, h.journal.Close())
		h.journal = nil
	}
	return err
}

// Fit is e, or where its encoding exceeds event.MaxEvent or a text exceeds
// event.MaxText a copy whose texts are cut and say so.
func Fit(e *event.Event) (*event.Event, error) {
	// No byte of a text takes more than six in JSON.
	if size(reflect.ValueOf(e.Body)) < min(event.MaxEvent/8, event.MaxText) {
		return e, nil
	}
	cut := *e
	for limit := event.MaxText; limit >= 1024; limit /= 2 {
		cut.Body = clip(e.Body, limit)
		data, err := json.Marshal(&cut)
		if err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		if len(data) <= event.MaxEvent {
			return &cut, nil
		}
	}
	return nil, fmt.Errorf("%s event does not fit into %d bytes", e.Kind(), event.MaxEvent)
}
