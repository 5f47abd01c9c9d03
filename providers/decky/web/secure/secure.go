// Package secure puts TLS before a fake web server: the host's own certificate,
// the versions, ciphers, tickets and protocols that the product has on the
// host's distribution, the client's fingerprints on record before it is
// answered, and the product's answer to plain HTTP. The handshake itself is
// package tlsface's.
package secure

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/tlsface"
	"github.com/decnet/decnet/providers/decky/web"
	"github.com/decnet/decnet/schema/event"
)

// handshakeTime bounds a handshake, as client_header_timeout does.
const handshakeTime = 60 * time.Second

// Alerts for what is no ClientHello (RFC 8446 section 6).
const (
	alertUnexpected = 10
	alertOverflow   = 22
	alertVersion    = 70
)

// Options of a Server.
type Options struct {
	Web     *web.Server
	Product string // one of site's names of products
	Env     decky.Env
	// Min and Max are the versions, 0 for the host's.
	Min, Max uint16
}

// Server answers connections with TLS. It implements decky.Handler.
type Server struct {
	options Options
	face    *tlsface.Server
}

// New is a server with the host's certificate.
func New(o Options) (*Server, error) {
	own, err := persona.New(o.Env.Host).Certificate()
	if err != nil {
		return nil, fmt.Errorf("make the host's certificate: %w", err)
	}
	chain := own.Chain
	if len(chain) > 1 {
		chain = chain[:len(chain)-1] // the root is the client's to have
	}
	config := profileOf(o.Env.Host, o.Product)
	config.Chain, config.Key, config.Now = chain, own.Key, o.Env.Now
	if o.Min != 0 {
		config.Min = o.Min
	}
	if o.Max != 0 {
		config.Max = o.Max
	}
	if config.Min > config.Max {
		return nil, errors.New("the lowest version of TLS is above the highest")
	}
	// Who lets old versions in had to lower OpenSSL's security level for it.
	config.Weak = config.Weak || config.Min < tlsface.VersionTLS12
	face, err := tlsface.New(config)
	if err != nil {
		return nil, fmt.Errorf("set up TLS: %w", err)
	}
	return &Server{options: o, face: face}, nil
}

// ServeConn implements decky.Handler.
func (s *Server) ServeConn(ctx context.Context, conn decky.Conn) error {
	head := &peeked{Conn: conn}
	if err := conn.SetReadDeadline(time.Now().Add(handshakeTime)); err != nil {
		return err
	}
	if err := head.fill(1); err != nil {
		return quiet(err)
	}
	if first := head.read[0]; first != 0x16 && first&0x80 == 0 {
		return s.options.Web.ServePlain(ctx, head)
	}
	hello, err := head.hello()
	if err != nil && len(head.read) == 0 {
		return quiet(err)
	}
	if err := s.record(conn, head, hello); err != nil {
		return err
	}
	var broken brokenHello
	if errors.As(err, &broken) {
		return refuse(conn, tlsface.VersionTLS12, byte(broken))
	}
	inside, err := s.face.Accept(ctx, head)
	if err != nil {
		return nil // the alert went out; what the client said is on record
	}
	if err := s.negotiated(conn, inside.State()); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Time{}) // the next read fails where this does
	err = s.options.Web.Serve(ctx, &connection{Conn: inside, outside: conn}, true)
	_ = inside.CloseWrite() // the client may be gone
	return err
}

// record puts the client's greeting on record.
func (s *Server) record(conn decky.Conn, head *peeked, hello *tlsface.Hello) error {
	if hello == nil {
		return conn.Record(&event.Scan{Technique: "foreign-protocol", Data: event.Text(head.read).Clip(event.MaxText)})
	}
	ja3, raw3 := hello.JA3()
	ja4, raw4 := hello.JA4()
	for _, f := range []*event.Fingerprint{{Method: "ja3", Value: ja3, Raw: event.Text(raw3)}, {Method: "ja4", Value: ja4, Raw: event.Text(raw4)}} {
		if err := conn.Record(f); err != nil {
			return err
		}
	}
	if hello.ServerName == "" {
		return nil
	}
	return conn.Record(&event.Fingerprint{Method: "sni", Value: hello.ServerName})
}

// negotiated puts what came of the handshake on record.
func (s *Server) negotiated(conn decky.Conn, state tlsface.State) error {
	value := tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.Cipher)
	if state.Protocol != "" {
		value += " " + state.Protocol
	}
	if state.Resumed {
		value += " resumed"
	}
	return conn.Record(&event.Fingerprint{Method: "tls", Value: value})
}

// refuse sends a fatal alert (RFC 8446 section 6).
func refuse(conn decky.Conn, version uint16, alert byte) error {
	_, err := conn.Write([]byte{0x15, 3, byte(version), 0, 2, 2, alert})
	return err
}

// brokenHello is a greeting that OpenSSL answers with this alert.
type brokenHello byte

// Error implements error.
func (b brokenHello) Error() string { return fmt.Sprintf("broken greeting: alert %d", byte(b)) }

func quiet(err error) error {
	var t net.Error
	if errors.Is(err, io.EOF) || errors.As(err, &t) && t.Timeout() {
		return nil
	}
	return err
}

// peeked is a connection whose first bytes were read already.
type peeked struct {
	decky.Conn
	read  []byte
	taken int
}

// fill waits until n bytes were read.
func (p *peeked) fill(n int) error {
	var buffer [4096]byte
	for len(p.read) < n {
		got, err := p.Conn.Read(buffer[:min(len(buffer), tlsface.MaxHello)])
		p.read = append(p.read, buffer[:got]...)
		if err != nil {
			return err
		}
	}
	return nil
}

// hello reads the records of a ClientHello (RFC 8446 section 5.1); nil where it
// is none.
func (p *peeked) hello() (*tlsface.Hello, error) {
	var message []byte
	for at := 0; ; {
		if err := p.fill(at + 5); err != nil {
			return nil, err
		}
		size := int(p.read[at+3])<<8 | int(p.read[at+4])
		switch {
		case at == 0 && p.read[0]&0x80 != 0:
			return nil, brokenHello(alertVersion) // SSL 2.0
		case p.read[at] != 0x16 || p.read[at+1] != 3:
			return nil, brokenHello(alertUnexpected)
		case size > 16<<10 || at+size > tlsface.MaxHello:
			return nil, brokenHello(alertOverflow)
		}
		if err := p.fill(at + 5 + size); err != nil {
			return nil, err
		}
		message = append(message, p.read[at+5:at+5+size]...)
		at += 5 + size
		if len(message) > 0 && message[0] != 1 {
			return nil, brokenHello(alertUnexpected)
		}
		if len(message) >= 4 && len(message) >= 4+(int(message[1])<<16|int(message[2])<<8|int(message[3])) {
			return tlsface.ParseHello(message)
		}
	}
}

// Read gives out what was read before, then reads.
func (p *peeked) Read(b []byte) (int, error) {
	if p.taken < len(p.read) {
		n := copy(b, p.read[p.taken:])
		p.taken += n
		return n, nil
	}
	return p.Conn.Read(b)
}

// CloseWrite sends FIN where the connection can.
func (p *peeked) CloseWrite() error {
	if half, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// connection is the inside of TLS as a web server takes it.
type connection struct {
	*tlsface.Conn
	outside decky.Conn
}

// Session implements decky.Conn.
func (c *connection) Session() string { return c.outside.Session() }

// Port implements decky.Conn.
func (c *connection) Port() decky.Port { return c.outside.Port() }

// Record implements decky.Conn.
func (c *connection) Record(body event.Body) error { return c.outside.Record(body) }

// ResetOnClose implements decky.Conn.
func (c *connection) ResetOnClose() { c.outside.ResetOnClose() }

// CloseWrite sends close_notify and FIN.
func (c *connection) CloseWrite() error {
	if err := c.Conn.CloseWrite(); err != nil {
		return err
	}
	if half, ok := c.outside.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
