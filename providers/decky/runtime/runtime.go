// Package runtime serves the deckies of one process: it owns listeners and
// their accept loops, connections with their limits and deadlines, panics, the
// way from an event to its journal, and what clients wrote on disk. Protocols
// are the services' business and it knows none. It opens no listener itself and
// makes no connection.
//
// A decky that nobody has talked to costs its listeners and their goroutines
// only: journal, store and handlers are opened at the first connection.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
	"github.com/decnet/decnet/schema/event/journal"
)

// DefaultConns bounds the open connections of a process.
const DefaultConns = 16384

// Journal is where events go. Append returns when the events survive the death
// of the process; journal.ErrFull says that they were dropped and counted.
type Journal interface {
	Append(events ...*event.Event) error
	Close() error
}

// Options of a Runtime. Log and Catalogue are needed, the rest has defaults.
type Options struct {
	Log       *slog.Logger
	Catalogue []decky.Service
	Now       func() time.Time // of events, default time.Now
	Conns     int              // open connections of the process, default DefaultConns
	// OpenJournal and OpenStore open what a decky.Spec names; the defaults
	// are journal.Open and OpenStore, which make a missing directory.
	OpenJournal func(dir string, maxBytes int64) (Journal, error)
	OpenStore   func(dir string, maxBytes int64) (*Store, error)
}

// Runtime serves any number of deckies. It is safe for concurrent use.
type Runtime struct {
	options Options
	ctx     context.Context // of every session; its end is the process's shutdown
	stop    context.CancelFunc
	conns   atomic.Int64
	full    atomic.Int64 // events dropped because a journal was full

	mu     sync.Mutex
	closed bool
	hosts  map[string]*host
}

// New is a Runtime that serves nothing yet.
func New(options Options) *Runtime {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Conns == 0 {
		options.Conns = DefaultConns
	}
	if options.OpenJournal == nil {
		options.OpenJournal = openJournal
	}
	if options.OpenStore == nil {
		options.OpenStore = OpenStore
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Runtime{options: options, ctx: ctx, stop: stop, hosts: map[string]*host{}}
}

func openJournal(dir string, maxBytes int64) (Journal, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	return journal.Open(dir, journal.Options{MaxBytes: maxBytes})
}

// ErrClosed is returned by AddService after Close.
var ErrClosed = errors.New("runtime is closed")

// AddService serves svc of the decky spec on listeners, one for each of
// svc.Ports in their order. From a nil error on the runtime owns the listeners.
// The configuration is checked here; the handler is opened at the first
// connection.
func (r *Runtime) AddService(spec decky.Spec, svc decky.ServiceSpec, listeners []net.Listener) error {
	where := spec.Host.Address + " " + svc.Name
	if len(listeners) != len(svc.Ports) {
		return fmt.Errorf("add %s: %d listeners for %d ports", where, len(listeners), len(svc.Ports))
	}
	i := slices.IndexFunc(r.options.Catalogue, func(s decky.Service) bool { return s.Info().Slug == svc.Slug })
	if i < 0 {
		return fmt.Errorf("add %s: no service %q in this binary", where, svc.Slug)
	}
	definition := r.options.Catalogue[i]
	if err := definition.Check(svc.Arguments); err != nil {
		return fmt.Errorf("add %s: %w", where, err)
	}
	spec.Services = nil
	spec.Limits = withDefaults(spec.Limits)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	h, ok := r.hosts[spec.Host.Address]
	switch {
	case !ok:
		h = newHost(r, spec)
	case h.services[svc.Name] != nil:
		return fmt.Errorf("add %s: it is served already", where)
	case !reflect.DeepEqual(h.spec, spec):
		return fmt.Errorf("add %s: the decky is served with another specification; remove its services first", where)
	}
	h.announce(definition.Listening(svc, spec.Host))
	r.hosts[spec.Host.Address] = h
	h.services[svc.Name] = startService(h, svc, definition, listeners)
	return nil
}

// RemoveService closes a service's listeners, ends its sessions, flushes its
// handler and, with the last one of a decky, closes the decky's journal. It
// returns when all that is done, or with ctx's error; a service that is not
// there is no error.
func (r *Runtime) RemoveService(ctx context.Context, address, name string) error {
	r.mu.Lock()
	h := r.hosts[address]
	if h == nil || h.services[name] == nil {
		r.mu.Unlock()
		return nil
	}
	s := h.services[name]
	delete(h.services, name)
	last := len(h.services) == 0
	if last {
		delete(r.hosts, address)
	}
	r.mu.Unlock()
	err := s.halt(ctx)
	if last {
		err = errors.Join(err, h.close())
	}
	if err != nil {
		return fmt.Errorf("remove %s %s: %w", address, name, err)
	}
	return nil
}

// Close ends everything. Sessions see their context end and their connection
// fail; what still runs when ctx ends is cut and reported as an error.
func (r *Runtime) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	hosts := r.hosts
	r.hosts = map[string]*host{}
	r.mu.Unlock()
	r.stop()
	var all sync.WaitGroup
	errs := make(chan error, len(hosts))
	for _, h := range hosts {
		all.Go(func() {
			var failed []error
			for _, s := range h.services {
				failed = append(failed, s.halt(ctx))
			}
			errs <- errors.Join(append(failed, h.close())...)
		})
	}
	all.Wait()
	close(errs)
	var failed []error
	for err := range errs {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// Status is what a runtime serves and has met.
type Status struct {
	Conns    int             `json:"conns"`    // open now
	Dropped  int64           `json:"dropped"`  // events lost to full journals
	Services []ServiceStatus `json:"services"` // by address and name
}

// ServiceStatus is one service of one decky.
type ServiceStatus struct {
	Address  string `json:"address"`
	Name     string `json:"name"`
	Conns    int    `json:"conns"`    // open now
	Sessions int64  `json:"sessions"` // accepted since the start
	Refused  int64  `json:"refused"`  // closed at once by a limit
	Panics   int64  `json:"panics"`
}

// Status describes the runtime as of now.
func (r *Runtime) Status() Status {
	status := Status{Conns: int(r.conns.Load()), Dropped: r.full.Load()}
	r.mu.Lock()
	for address, h := range r.hosts {
		for name, s := range h.services {
			status.Services = append(status.Services, ServiceStatus{
				Address: address, Name: name, Conns: s.openConns(), Sessions: s.sessions.Load(), Refused: s.refused.Load(), Panics: s.panics.Load(),
			})
		}
	}
	r.mu.Unlock()
	slices.SortFunc(status.Services, func(a, b ServiceStatus) int {
		return strings.Compare(a.Address+"\x00"+a.Name, b.Address+"\x00"+b.Name)
	})
	return status
}
