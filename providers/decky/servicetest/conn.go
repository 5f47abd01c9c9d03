package servicetest

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// conn is a decky.Conn over loopback with the runtime's way of closing: FIN, or
// RST where the service asked for it.
type conn struct {
	net.Conn
	server              *Server
	session             string
	source, destination event.Endpoint
	in, out             atomic.Int64
	reset               atomic.Bool
}

func newConn(s *Server, c net.Conn, session string) *conn {
	return &conn{Conn: c, server: s, session: session, source: endpoint(c.RemoteAddr()), destination: endpoint(c.LocalAddr())}
}

func endpoint(a net.Addr) event.Endpoint {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return event.Endpoint{}
	}
	return event.EndpointOf(ap)
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n))
	return n, err
}

func (c *conn) Session() string              { return c.session }
func (c *conn) Port() decky.Port             { return c.server.options.Port }
func (c *conn) Record(body event.Body) error { return c.server.record(c, body) }
func (c *conn) ResetOnClose()                { c.reset.Store(true) }

// CloseWrite sends FIN and leaves reading open, for products that linger.
func (c *conn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

func (c *conn) mustRecord(body event.Body) {
	if err := c.Record(body); err != nil {
		c.server.t.Errorf("record %s: %v", body.Kind(), err)
	}
}

// SetNoDelay says whether small writes leave at once.
func (c *conn) SetNoDelay(on bool) error { return c.Conn.(*net.TCPConn).SetNoDelay(on) }

// finish closes the connection: what arrived unread is dropped first, or the
// kernel would answer it with RST.
func (c *conn) finish() {
	tcp := c.Conn.(*net.TCPConn)
	if c.reset.Load() {
		if err := tcp.SetLinger(0); err != nil {
			c.server.t.Logf("set linger: %v", err)
		}
		tcp.Close()
		return
	}
	tcp.CloseWrite()
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { discard(int(fd)) })
	}
	tcp.Close()
}

func discard(fd int) {
	var scratch [4096]byte
	for range 64 {
		if n, _, err := syscall.Recvfrom(fd, scratch[:], syscall.MSG_DONTWAIT); n <= 0 || err != nil {
			return
		}
	}
}

// Store is a decky.Store in memory.
type Store struct {
	quota  int64
	mu     sync.Mutex
	values map[string][]byte
}

// NewStore is an empty store of at most quota bytes; 0 is 16 MiB.
func NewStore(quota int64) *Store {
	if quota == 0 {
		quota = 16 << 20
	}
	return &Store{quota: quota, values: map[string][]byte{}}
}

// Load implements decky.Store.
func (s *Store) Load(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[name]
	if !ok {
		return nil, nil
	}
	return append([]byte{}, v...), nil
}

// Save implements decky.Store.
func (s *Store) Save(name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save(name, append([]byte{}, data...))
}

// Update implements decky.Store.
func (s *Store) Update(name string, change func(old []byte) ([]byte, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := change(slices.Clone(s.values[name]))
	if err != nil {
		return err
	}
	return s.save(name, slices.Clone(data))
}

// save keeps data, or removes the value where that is nil. The caller holds the
// lock.
func (s *Store) save(name string, data []byte) error {
	used := int64(len(data))
	for other, v := range s.values {
		if other != name {
			used += int64(len(v))
		}
	}
	if used > s.quota {
		return fmt.Errorf("save %s: %d bytes exceed the quota of %d: %w", name, used, s.quota, decky.ErrQuota)
	}
	if data == nil {
		delete(s.values, name)
		return nil
	}
	s.values[name] = data
	return nil
}
