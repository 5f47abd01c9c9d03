package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/schema/event"
)

// Bounds of the pause after a failed accept.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// cutGrace is how long sessions may go on after their context has ended before
// their sockets are closed under them.
const cutGrace = 200 * time.Millisecond

// service is one service of one decky.
type service struct {
	host       *host
	spec       decky.ServiceSpec
	definition decky.Service
	listeners  []net.Listener
	ctx        context.Context // of its sessions
	stop       context.CancelFunc
	accepting  sync.WaitGroup
	serving    sync.WaitGroup

	sessions, refused, panics atomic.Int64

	opening sync.Mutex // held while the handler is opened
	handler decky.Handler
	broken  bool // an open failed and was recorded

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func startService(h *host, spec decky.ServiceSpec, definition decky.Service, listeners []net.Listener) *service {
	s := &service{host: h, spec: spec, definition: definition, listeners: listeners}
	s.ctx, s.stop = context.WithCancel(h.runtime.ctx)
	for i, l := range listeners {
		s.accepting.Go(func() { s.accept(l, spec.Ports[i]) })
	}
	return s
}

// accept admits connections until l is closed. A failing accept (no descriptor
// left) waits longer each time and never spins.
func (s *service) accept(l net.Listener, port decky.Port) {
	pause := time.Duration(0)
	for {
		c, err := l.Accept()
		if err == nil {
			pause = 0
			s.admit(c, port)
			continue
		}
		if s.ctx.Err() != nil {
			return
		}
		log := s.host.runtime.options.Log.With("decky", s.host.spec.Host.Address, "service", s.spec.Name, "port", port.Number)
		if errors.Is(err, net.ErrClosed) {
			log.Error("listener was closed", "error", err)
			return
		}
		if pause == 0 {
			log.Warn("cannot accept", "error", err)
		}
		pause = min(max(2*pause, minPause), maxPause)
		wait := time.NewTimer(pause)
		select {
		case <-s.ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// admit starts a session, or closes the connection where a limit forbids it.
func (s *service) admit(tcp net.Conn, port decky.Port) {
	c := newConn(s, tcp, port)
	if limit := s.host.acquire(c.source.IP); limit != "" {
		s.refused.Add(1)
		now := s.host.runtime.options.Now()
		if count, due := s.host.refusals(now); due {
			e := s.host.system(now, s.spec.Name, &event.System{Name: "limit", Detail: event.Text(limit), Count: count})
			e.Source, e.Destination = c.source, c.destination
			s.host.note(e)
		}
		_ = tcp.Close() // nobody was served
		return
	}
	s.sessions.Add(1)
	s.mu.Lock()
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
	}
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	s.serving.Go(func() { s.serve(c) })
}

// serve runs one session from connection.opened to the closed socket.
func (s *service) serve(c *conn) {
	began := time.Now()
	err := c.Record(&event.ConnectionOpened{Transport: c.port.Transport})
	if err == nil {
		err = s.session(c)
	}
	closed := c.verdict(err)
	closed.DurationMS = time.Since(began).Milliseconds()
	if closed.BytesIn == 0 && closed.Reason == event.CloseClient {
		c.note(&event.Scan{Technique: "connect"})
	}
	c.note(closed)
	c.finish()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.host.release(c.source.IP)
}

// panicError is a panic of a service, survived.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// session calls the handler. A panic ends this session only.
func (s *service) session(c *conn) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err = &panicError{p}
		s.panics.Add(1)
		stack := event.Text(fmt.Sprintf("%v\n%s", p, debug.Stack())).Clip(16 << 10)
		s.host.runtime.options.Log.Error("service panicked", "decky", s.host.spec.Host.Address, "service", s.spec.Name, "session", c.session)
		c.note(&event.System{Name: "panic", Detail: stack, Count: 1})
	}()
	handler, err := s.open(c)
	if err != nil {
		return err
	}
	return handler.ServeConn(s.ctx, c)
}

// open is the handler, opened at the first connection. One that cannot be
// opened is tried again at the next, and recorded once.
func (s *service) open(c *conn) (decky.Handler, error) {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.handler != nil {
		return s.handler, nil
	}
	handler, err := s.openHandler()
	if err == nil {
		s.handler = handler
		return handler, nil
	}
	if !s.broken {
		s.broken = true
		s.host.runtime.options.Log.Error("cannot open service", "decky", s.host.spec.Host.Address, "service", s.spec.Name, "error", err)
		c.note(&event.System{Name: "error", Detail: event.Text(err.Error())})
	}
	return nil, err
}

func (s *service) openHandler() (decky.Handler, error) {
	store, err := s.host.openStore()
	if err != nil {
		return nil, err
	}
	o := s.host.runtime.options
	host := s.host.spec.Host
	return s.definition.Open(s.spec.Arguments, decky.Env{
		Log: o.Log.With("decky", host.Address, "service", s.spec.Name), Now: o.Now, Host: host, Name: s.spec.Name,
		Derive: persona.Derive(host), Store: store.Of(s.spec.Name),
		Process: s.host.process(s.spec.Name), SharedStore: s.host.shared.Of(sharedName), Shared: s.host.values.get, Services: s.host.listening,
	})
}

// openConns counts the connections that are open now.
func (s *service) openConns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// halt closes the listeners, ends the sessions and flushes the handler. Sessions
// that outlive ctx are left behind and reported.
func (s *service) halt(ctx context.Context) error {
	s.stop()
	for _, l := range s.listeners {
		_ = l.Close() // it may be closed already; nothing was to be written
	}
	s.accepting.Wait()
	s.eachConn((*conn).interrupt)
	if !wait(ctx, &s.serving, cutGrace) {
		s.eachConn((*conn).cut)
		if !wait(ctx, &s.serving, 0) {
			return fmt.Errorf("stop %s: %d sessions go on: %w", s.spec.Name, s.openConns(), ctx.Err())
		}
	}
	return s.flush()
}

func (s *service) flush() (err error) {
	s.opening.Lock()
	handler := s.handler
	s.opening.Unlock()
	f, ok := handler.(decky.Flusher)
	if !ok {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("flush %s: %w", s.spec.Name, &panicError{p})
		}
	}()
	if err := f.Flush(); err != nil {
		return fmt.Errorf("flush %s: %w", s.spec.Name, err)
	}
	return nil
}

func (s *service) eachConn(do func(*conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		do(c)
	}
}

// wait is whether g is done before ctx ends and, where patience is given,
// before that has passed.
func wait(ctx context.Context, g *sync.WaitGroup, patience time.Duration) bool {
	done := make(chan struct{})
	go func() { g.Wait(); close(done) }()
	var timeout <-chan time.Time
	if patience > 0 {
		timeout = time.After(patience)
	}
	select {
	case <-done:
		return true
	case <-timeout:
	case <-ctx.Done():
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}
