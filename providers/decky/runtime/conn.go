package runtime

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// maxDiscard bounds what is dropped unread before a FIN.
const maxDiscard = 256 << 10

// conn is a client's connection with the runtime's limits inside.
type conn struct {
	net.Conn
	service             *service
	session             string
	port                decky.Port
	source, destination event.Endpoint
	idle                time.Duration
	end                 time.Time // of the whole connection
	in, out             atomic.Int64
	reset, eof, gone    atomic.Bool
	limit               atomic.Pointer[LimitError] // the first that was reached
	late                atomic.Bool                // a deadline of the service passed

	mu          sync.Mutex
	read, write time.Time // the service's own deadlines
	stopped     bool
}

func newConn(s *service, tcp net.Conn, port decky.Port) *conn {
	limits := s.host.spec.Limits
	return &conn{
		Conn: tcp, service: s, session: event.NewID(s.host.runtime.options.Now()), port: port,
		source: endpoint(tcp.RemoteAddr()), destination: endpoint(tcp.LocalAddr()),
		idle: time.Duration(limits.IdleSeconds) * time.Second, end: time.Now().Add(time.Duration(limits.TotalSeconds) * time.Second),
	}
}

func endpoint(a net.Addr) event.Endpoint {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return event.EndpointOf(tcp.AddrPort())
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return event.Endpoint{}
	}
	return event.EndpointOf(ap)
}

// Session implements decky.Conn.
func (c *conn) Session() string { return c.session }

// Port implements decky.Conn.
func (c *conn) Port() decky.Port { return c.port }

// ResetOnClose implements decky.Conn.
func (c *conn) ResetOnClose() { c.reset.Store(true) }

// Record implements decky.Conn.
func (c *conn) Record(body event.Body) error {
	if err := c.service.host.record(c.event(body)); err != nil {
		return fmt.Errorf("record %s: %w", body.Kind(), err)
	}
	return nil
}

// note is Record for what the runtime itself has to say.
func (c *conn) note(body event.Body) { c.service.host.note(c.event(body)) }

func (c *conn) event(body event.Body) *event.Event {
	now := c.service.host.runtime.options.Now()
	return &event.Event{
		ID: event.NewID(now), Time: now.UTC(), Decky: c.service.host.spec.Host.Address, Service: c.service.spec.Name,
		Session: c.session, Source: c.source, Destination: c.destination, Body: body,
	}
}

// Read fails with a LimitError once a limit is reached.
func (c *conn) Read(p []byte) (int, error) {
	left := c.service.host.spec.Limits.ConnBytes - c.in.Load()
	if left <= 0 {
		return 0, c.reached(LimitBytes)
	}
	if err := c.arm(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.in.Add(int64(n))
	if err != nil {
		err = c.explain(err, true)
	}
	return n, err
}

// Write fails with a LimitError once a limit is reached.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n))
	if err != nil {
		err = c.explain(err, false)
	}
	return n, err
}

// CloseWrite sends FIN and leaves reading open, for products that linger.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SetDeadline sets the service's own deadlines, inside those of the runtime.
func (c *conn) SetDeadline(t time.Time) error {
	return c.rearm(func() { c.read, c.write = t, t })
}

// SetReadDeadline is SetDeadline for reading.
func (c *conn) SetReadDeadline(t time.Time) error { return c.rearm(func() { c.read = t }) }

// SetWriteDeadline is SetDeadline for writing.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.rearm(func() { c.write = t }) }

func (c *conn) arm() error { return c.rearm(func() {}) }

// rearm sets the socket's deadlines to the earliest of the service's, the idle
// limit's counted from now, and the connection's end.
func (c *conn) rearm(change func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	if c.stopped {
		return nil // the deadlines lie in the past
	}
	limit := time.Now().Add(c.idle)
	if c.end.Before(limit) {
		limit = c.end
	}
	if err := c.Conn.SetReadDeadline(earlier(c.read, limit)); err != nil {
		return err
	}
	return c.Conn.SetWriteDeadline(earlier(c.write, limit))
}

func earlier(t, limit time.Time) time.Time {
	if t.IsZero() || limit.Before(t) {
		return limit
	}
	return t
}

// explain turns a passed deadline into the limit whose it was.
func (c *conn) explain(err error, reading bool) error {
	switch {
	case errors.Is(err, io.EOF):
		c.eof.Store(true)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		c.gone.Store(true)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.passed(err, reading)
	}
	return err
}

func (c *conn) passed(err error, reading bool) error {
	now := time.Now()
	c.mu.Lock()
	own, stopped := c.read, c.stopped
	if !reading {
		own = c.write
	}
	c.mu.Unlock()
	switch {
	case stopped:
		return net.ErrClosed
	case !own.IsZero() && !now.Before(own):
		c.late.Store(true)
		return err
	case !now.Before(c.end):
		return c.reached(LimitTotal)
	default:
		return c.reached(LimitIdle)
	}
}

func (c *conn) reached(limit string) error {
	c.limit.CompareAndSwap(nil, &LimitError{Limit: limit})
	return c.limit.Load()
}

// interrupt makes every read and write fail: the decky stops.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	_ = c.Conn.SetDeadline(time.Unix(1, 0)) // a socket that is gone has failed already
}

// cut closes the socket under the session.
func (c *conn) cut() { _ = c.Conn.Close() }

// verdict says why the session ended, err being what its handler returned.
func (c *conn) verdict(err error) *event.ConnectionClosed {
	closed := &event.ConnectionClosed{BytesIn: c.in.Load(), BytesOut: c.out.Load(), Reason: event.CloseServer}
	c.mu.Lock()
	stopped := c.stopped
	c.mu.Unlock()
	var panicked *panicError
	limit := c.limit.Load()
	switch {
	case errors.As(err, &panicked):
		closed.Reason, closed.Detail = event.CloseError, "panic"
	case limit != nil:
		closed.Reason, closed.Detail = event.CloseLimit, limit.Limit
	case c.gone.Load():
		closed.Reason, closed.Detail = event.CloseClient, "reset by peer"
	case c.eof.Load():
		closed.Reason = event.CloseClient
	case stopped:
		closed.Reason = event.CloseShutdown
	case c.late.Load():
		closed.Reason = event.CloseTimeout
	case err != nil:
		closed.Reason, closed.Detail = event.CloseError, err.Error()
	}
	return closed
}

// finish closes the socket as close(2) after a finished protocol does: with
// FIN. What arrived unread is dropped first, or the kernel would send RST; that
// is what ResetOnClose asks for.
func (c *conn) finish() {
	tcp, ok := c.Conn.(*net.TCPConn)
	if ok && c.reset.Load() {
		_ = tcp.SetLinger(0) // an error means that the peer is gone
	} else if ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { discard(int(fd)) })
		}
	}
	_ = c.Conn.Close() // the protocol is over; nothing is left to report to
}

func discard(fd int) {
	var scratch [8192]byte
	for range maxDiscard / len(scratch) {
		if n, _, err := syscall.Recvfrom(fd, scratch[:], syscall.MSG_DONTWAIT); n <= 0 || err != nil {
			return
		}
	}
}
