// Package servicetest serves one decky.Service on a loopback listener for the
// tests of services: a fixed Debian 12 host, a fixed key, a store in memory and
// a recorder that keeps every event. It reaches no address but 127.0.0.1.
package servicetest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/runtime"
	"github.com/decnet/decnet/schema/event"
)

// Patience bounds WaitFor and how long a stop waits for sessions.
const Patience = 10 * time.Second

// Options say what is served; the zero value serves the service's defaults on
// Host().
type Options struct {
	Arguments string           // JSON object of the service's arguments
	Host      decky.Host       // Host() where its Address is empty
	Name      string           // the service's slug where empty
	Port      decky.Port       // the service's first default port where zero
	Now       func() time.Time // time.Now where nil
	Log       *slog.Logger     // discards where nil
	Store     *Store           // a new one where nil
	Shared    *Shared          // what it has in common with other services; a new one where nil
	Idle      time.Duration    // a session's deadline unless the service sets its own; 30 s where zero
}

// Host is a Debian 12 machine with a fixed key.
func Host() decky.Host {
	return decky.Host{
		Address: "decky.test", Hostname: "srv-atlas-17", Domain: "corp.example", IP: "127.0.0.1", MAC: "3c:ec:ef:4a:10:92",
		OS: "linux", Distro: "debian", Title: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.1.0-28-amd64",
		Build: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)", Machine: "x86_64",
		Packages: map[string]string{"openssh": "OpenSSH_9.2p1 Debian-2+deb12u7", "nginx": "1.22.1", "redis": "7.0.15"},
		Boot:     time.Date(2026, time.January, 5, 6, 12, 41, 0, time.UTC),
		Key:      []byte("0123456789abcdef0123456789abcdef"),
	}
}

// Server is a service that runs until the test ends.
type Server struct {
	t       testing.TB
	service decky.Service
	options Options

	mu       sync.Mutex
	changed  chan struct{} // closed and remade at every event
	events   []*event.Event
	handler  decky.Handler
	listener net.Listener
	stop     context.CancelFunc
	conns    map[*conn]struct{}
	sessions int
	done     sync.WaitGroup
}

// Start opens service and serves it on 127.0.0.1; the test's end stops it.
func Start(t testing.TB, service decky.Service, options Options) *Server {
	t.Helper()
	info := service.Info()
	if options.Host.Address == "" {
		options.Host = Host()
	}
	if options.Name == "" {
		options.Name = info.Slug
	}
	if options.Port == (decky.Port{}) && len(info.Ports) > 0 {
		options.Port = info.Ports[0]
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Store == nil {
		options.Store = NewStore(0)
	}
	if options.Shared == nil {
		options.Shared = NewShared()
	}
	if options.Idle == 0 {
		options.Idle = 30 * time.Second
	}
	s := &Server{t: t, service: service, options: options, changed: make(chan struct{}), conns: map[*conn]struct{}{}}
	if err := s.start("127.0.0.1:0"); err != nil {
		t.Fatalf("start %s: %v", info.Slug, err)
	}
	t.Cleanup(func() {
		if err := s.halt(); err != nil {
			t.Errorf("stop %s: %v", info.Slug, err)
		}
	})
	return s
}

func (s *Server) start(addr string) error {
	handler, err := s.service.Open(json.RawMessage(s.options.Arguments), decky.Env{
		Log: s.options.Log, Now: s.options.Now, Host: s.options.Host, Name: s.options.Name,
		Derive: persona.Derive(s.options.Host), Store: s.options.Store,
		SharedStore: s.options.Shared.store, Shared: s.options.Shared.get,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.mu.Lock()
	s.handler, s.listener, s.stop = handler, listener, stop
	s.mu.Unlock()
	s.done.Go(func() { s.accept(ctx, listener, handler) })
	return nil
}

func (s *Server) accept(ctx context.Context, listener net.Listener, handler decky.Handler) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.sessions++
		wrapped := newConn(s, c, fmt.Sprintf("session-%d", s.sessions))
		if ctx.Err() == nil {
			s.conns[wrapped] = struct{}{}
		}
		s.mu.Unlock()
		s.done.Go(func() { s.serve(ctx, wrapped, handler) })
	}
}

func (s *Server) serve(ctx context.Context, c *conn, handler decky.Handler) {
	began := time.Now()
	if err := c.SetDeadline(began.Add(s.options.Idle)); err != nil {
		s.t.Errorf("set deadline: %v", err)
	}
	c.mustRecord(&event.ConnectionOpened{Transport: "tcp"})
	closed := &event.ConnectionClosed{Reason: event.CloseServer}
	func() {
		defer func() {
			if p := recover(); p != nil {
				s.t.Errorf("the service panicked: %v", p)
				closed.Reason, closed.Detail = event.CloseError, fmt.Sprint(p)
			}
		}()
		if err := handler.ServeConn(ctx, c); err != nil {
			closed.Reason, closed.Detail = event.CloseError, err.Error()
		}
	}()
	c.finish()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	closed.DurationMS = time.Since(began).Milliseconds()
	closed.BytesIn, closed.BytesOut = c.in.Load(), c.out.Load()
	c.mustRecord(closed)
}

// halt ends the listener and the sessions, and flushes the handler.
func (s *Server) halt() error {
	s.mu.Lock()
	s.stop()
	s.listener.Close()
	for c := range s.conns {
		c.Conn.Close()
	}
	handler := s.handler
	s.mu.Unlock()
	finished := make(chan struct{})
	go func() { s.done.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-time.After(Patience):
		return fmt.Errorf("sessions still run %s after their connections were closed", Patience)
	}
	if f, ok := handler.(decky.Flusher); ok {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	return s.options.Shared.flush()
}

// Addr is the listener's "127.0.0.1:port".
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener.Addr().String()
}

// Dial connects a client whose reads and writes fail after Patience; the test's
// end closes it.
func (s *Server) Dial() *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		s.t.Fatalf("dial %s: %v", s.options.Name, err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(Patience)); err != nil {
		s.t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// Restart stops the service as a stop of its process would (sessions end, a
// Flusher flushes) and opens it again at the same address, with the same key
// and store. Events stay.
func (s *Server) Restart() {
	s.t.Helper()
	addr := s.Addr()
	if err := s.halt(); err != nil {
		s.t.Fatalf("stop %s: %v", s.options.Name, err)
	}
	if err := s.start(addr); err != nil {
		s.t.Fatalf("restart %s: %v", s.options.Name, err)
	}
}

// Store is what the service writes to.
func (s *Server) Store() *Store { return s.options.Store }

// Events is what was recorded so far, oldest first.
func (s *Server) Events() []*event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Of are the bodies of type B among the events so far.
func Of[B event.Body](s *Server) []B {
	var bodies []B
	for _, e := range s.Events() {
		if b, ok := e.Body.(B); ok {
			bodies = append(bodies, b)
		}
	}
	return bodies
}

// WaitFor is the first event, past or coming, that pred accepts; none within
// Patience fails the test.
func (s *Server) WaitFor(t testing.TB, pred func(*event.Event) bool) *event.Event {
	t.Helper()
	timeout := time.After(Patience)
	for seen := 0; ; {
		s.mu.Lock()
		events, changed := s.events, s.changed
		s.mu.Unlock()
		for ; seen < len(events); seen++ {
			if pred(events[seen]) {
				return events[seen]
			}
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("no such event within %s; recorded: %s", Patience, dump(events))
		}
	}
}

// WaitClosed is the end of the first session that ended.
func (s *Server) WaitClosed(t testing.TB) *event.ConnectionClosed {
	t.Helper()
	e := s.WaitFor(t, func(e *event.Event) bool { return e.Kind() == event.KindConnectionClosed })
	return e.Body.(*event.ConnectionClosed)
}

func dump(events []*event.Event) []byte {
	data, err := json.MarshalIndent(events, "", " ")
	if err != nil {
		return []byte(err.Error())
	}
	return data
}

// record keeps a copy of body as the journal would: cut to its limits, encoded
// and read again, so that what does not survive the wire shows here.
func (s *Server) record(c *conn, body event.Body) error {
	made := &event.Event{
		ID: event.NewID(s.options.Now()), Time: s.options.Now().UTC(), Decky: s.options.Host.Address, Service: s.options.Name,
		Session: c.session, Source: c.source, Destination: c.destination, Body: body,
	}
	made, err := runtime.Fit(made)
	if err != nil {
		return err
	}
	data, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	kept := &event.Event{}
	if err := json.Unmarshal(data, kept); err != nil {
		return fmt.Errorf("decode event: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, kept)
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}
