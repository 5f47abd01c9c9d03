package ssh

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/decnet/decnet/providers/decky/login"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/services/ssh/connection"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/schema/event"
)

// client is one connection.
type client struct {
	h             *handler
	conn          *held
	transport     *transport.Conn
	source, local netip.AddrPort
	hassh, user   string
	machine       *machine.Shared
	gate          login.Gate

	// Of the goroutine that reads the connection.
	sessions  int
	agent     bool
	listening map[string]bool // forwardings of ports to the client

	mu     sync.Mutex
	failed error // a record that could not be kept ends the connection
}

// software is what follows the version in the client's identification.
func (c *client) software() string {
	f := strings.SplitN(c.transport.Client().Identification, "-", 3)
	return f[len(f)-1]
}

// record keeps an event and ends the connection where that fails.
func (c *client) record(body event.Body) error {
	err := c.conn.Record(body)
	if err != nil {
		c.mu.Lock()
		c.failed = err
		c.mu.Unlock()
		_ = c.conn.Conn.Close()
	}
	return err
}

func (c *client) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// maxSessions is sshd's MaxSessions.
const maxSessions = 10

// OpenSession implements connection.Handler.
func (c *client) OpenSession(ch *connection.Channel) bool {
	if c.sessions >= maxSessions {
		return false
	}
	c.sessions++
	ch.Data = &session{c: c, ch: ch}
	return true
}

// Closed implements connection.Handler.
func (c *client) Closed(ch *connection.Channel) {
	if s, ok := ch.Data.(*session); ok && !s.closed {
		s.closed = true
		c.sessions--
		s.hangUp()
	}
}

// Request implements connection.Handler.
func (c *client) Request(ch *connection.Channel, name string, r *wire.Reader, reply func(bool)) error {
	return ch.Data.(*session).request(name, r, reply)
}

// Global implements connection.Handler.
func (c *client) Global(name string, want bool, r *wire.Reader) (connection.Answer, error) {
	switch name {
	case "tcpip-forward":
		host, port := r.Text(), r.Uint32()
		if r.Bad() {
			return connection.Answer{}, connection.Broken(name)
		}
		if err := c.asked(name, host, port); err != nil {
			return connection.Answer{}, err
		}
		return c.listen(host, port, want), nil
	case "cancel-tcpip-forward":
		host, port := r.Text(), r.Uint32()
		if r.Bad() {
			return connection.Answer{}, connection.Broken(name)
		}
		return c.unlisten(net.JoinHostPort(host, strconv.Itoa(int(port)))), nil
	case "streamlocal-forward@openssh.com":
		path := r.Text()
		if r.Bad() {
			return connection.Answer{}, connection.Broken(name)
		}
		if err := c.asked(name, path, 0); err != nil {
			return connection.Answer{}, err
		}
		return connection.Answer{OK: c.note(path)}, nil
	case "cancel-streamlocal-forward@openssh.com":
		path := r.Text()
		if r.Bad() {
			return connection.Answer{}, connection.Broken(name)
		}
		return c.unlisten(path), nil
	case "hostkeys-prove-00@openssh.com":
		payload, ok := c.transport.ProveKeys(r.Rest())
		return connection.Answer{OK: ok, Payload: payload}, nil
	}
	return connection.Answer{}, nil
}

// maxListening bounds the ports that one client has forwarded to it.
const maxListening = 64

func (c *client) note(name string) bool {
	if c.listening[name] || len(c.listening) >= maxListening {
		return false
	}
	if c.listening == nil {
		c.listening = map[string]bool{}
	}
	c.listening[name] = true
	return true
}

func (c *client) unlisten(name string) connection.Answer {
	ok := c.listening[name]
	delete(c.listening, name)
	return connection.Answer{OK: ok}
}

// listen answers tcpip-forward as a host would; nobody ever connects.
func (c *client) listen(host string, port uint32, want bool) connection.Answer {
	if port > 1<<31-1 || !want && port == 0 {
		return connection.Answer{Debug: "Server has disabled port forwarding."}
	}
	// The resolver takes a port modulo 65,536; sshd leaves to the kernel who
	// may bind one below 1,024.
	if bound := port & 0xffff; port != 0 && (bound == uint32(c.conn.Port().Number) || bound < 1024 && c.account(c.user).UID != 0) {
		return connection.Answer{}
	}
	answer := connection.Answer{}
	if port == 0 {
		sum := c.h.env.Derive(fmt.Sprintf("ssh/listen/%s/%d", c.conn.Session(), len(c.listening)))
		port = 32768 + binary.BigEndian.Uint32(sum)%28232
		answer.Payload = wire.AppendUint32(nil, port)
	}
	answer.OK = c.note(net.JoinHostPort(host, strconv.Itoa(int(port))))
	return answer
}

// asked records where a client wants to be forwarded.
func (c *client) asked(method, host string, port uint32) error {
	target := host
	if port != 0 {
		target = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	return c.record(&event.Request{Protocol: "SSH-2.0", Method: event.Text(method), Target: event.Text(target).Clip(4096), Host: event.Text(host).Clip(1024)})
}

// OpenForward implements connection.Handler.
func (c *client) OpenForward(kind string, r *wire.Reader) (connection.Forward, *connection.Refusal, error) {
	switch kind {
	case "direct-tcpip":
		return c.directTCP(r)
	case "direct-streamlocal@openssh.com":
		path, _, port := r.Text(), r.Text(), r.Uint32()
		if !r.Ended() {
			return nil, nil, connection.Broken(kind)
		}
		if err := c.asked("direct-streamlocal", path, 0); err != nil || port > 65535 {
			return nil, nil, err
		}
		return nil, nil, nil // nothing listens there
	case "tun@openssh.com":
		mode := r.Uint32()
		if r.Bad() {
			return nil, nil, connection.Broken(kind)
		}
		refusal := &connection.Refusal{Debug: "Server has rejected tunnel device forwarding"}
		if mode != 1 && mode != 2 {
			refusal.Debug = "Unsupported tunnel device mode."
		}
		return nil, refusal, c.asked("tun", "", 0)
	}
	return nil, nil, nil
}
