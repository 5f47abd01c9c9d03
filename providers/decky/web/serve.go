// Package web is the machinery under every fake web server: reading requests
// from a connection, recording them before they are answered, bodies, the
// connection's life. Products stand in face/<name>, files in site, applications
// in app/<name>, TLS in secure. It serves no real file, runs no script and
// reaches no other host.
package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/web/app"
	"github.com/decnet/decnet/schema/event"
)

// Server answers the connections of one service of one decky with one face.
type Server struct {
	Face Face
	App  app.App // nil for static files alone
	Env  decky.Env
	held atomic.Int64
}

// Exchange is one request and what a face may do about it.
type Exchange struct {
	Request *Request
	Body    *Body
	Now     time.Time
	Opened  time.Time
	Count   int  // of requests on this connection, from one
	Secure  bool // the port is that of TLS
	Plain   bool // and the client does not speak it
	Local   netip.AddrPort
	Source  netip.AddrPort

	session *session
	notes   []event.Body
}

// session is one connection.
type session struct {
	server *Server
	conn   decky.Conn
	in     *Input
	limit  deadline
	opened time.Time
	secure bool
	plain  bool
	count  int
	local  netip.AddrPort
	source netip.AddrPort
}

// deadline sets a connection's read deadline.
type deadline struct{ conn net.Conn }

func (d *deadline) set(wait time.Duration) { d.until(wait, time.Time{}) }

func (d *deadline) until(wait time.Duration, end time.Time) {
	at := time.Time{}
	if wait > 0 {
		at = time.Now().Add(wait)
	}
	if !end.IsZero() && (at.IsZero() || at.After(end)) {
		at = end
	}
	_ = d.conn.SetReadDeadline(at) // the next read fails where this does
}

// Serve speaks HTTP on conn until the product or the client ends it. secure
// tells that conn is the inside of TLS.
func (s *Server) Serve(ctx context.Context, conn decky.Conn, secure bool) error {
	return s.serve(ctx, conn, secure, false)
}

// ServePlain answers what speaks no TLS on the port of TLS.
func (s *Server) ServePlain(ctx context.Context, conn decky.Conn) error {
	return s.serve(ctx, conn, true, true)
}

func (s *Server) serve(ctx context.Context, conn decky.Conn, secure, plain bool) error {
	one := &session{
		plain:  plain,
		server: s, conn: conn, in: NewInput(conn), limit: deadline{conn}, opened: s.Env.Now(), secure: secure,
		local: addrOf(conn.LocalAddr()), source: addrOf(conn.RemoteAddr()),
	}
	for ctx.Err() == nil {
		again, err := one.exchange()
		if err != nil || !again {
			return quiet(err)
		}
	}
	return nil
}

func addrOf(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		ap := tcp.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return AddrOf(a.String())
}

// quiet drops the errors that are a normal end for a web server: the client
// left, or a timeout passed.
func quiet(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, errTimeout) {
		return nil
	}
	return err
}

var errTimeout = errors.New("timeout of the product")

// timeout turns a passed deadline into errTimeout.
func timeout(err error) error {
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return errTimeout
	}
	return err
}

// Late tells whether a read of a body failed because the product waits no
// longer.
func Late(err error) bool { return errors.Is(err, errTimeout) }

// exchange reads one request and answers it; again tells whether another may
// follow.
func (s *session) exchange() (again bool, err error) {
	timing := s.server.Face.Timing()
	s.in.Begin()
	if s.in.Buffered() == 0 {
		wait := timing.First
		if s.count > 0 {
			wait = timing.KeepAlive
		}
		s.limit.set(wait)
		if err := s.in.Fill(); err != nil {
			if s.count > 0 || timeout(err) != errTimeout {
				return false, timeout(err)
			}
			x := s.newExchange(&Request{Version: Version10, Length: -1})
			return false, s.end(x, s.server.Face.Abandon(x, true))
		}
	}
	s.limit.set(timing.Header)
	s.count++
	r := &Request{Version: Version10, Length: -1}
	err = s.server.Face.Read(s.in, r)
	x := s.newExchange(r)
	defer x.Body.release()
	var refused Refusal
	switch {
	case errors.As(err, &refused):
		a := s.server.Face.Refuse(x, int(refused))
		if err := s.conn.Record(s.malformed(r, a.Status)); err != nil {
			return false, err
		}
		return false, s.end(x, a)
	case err != nil:
		return false, s.abandon(x, err)
	}
	return s.respond(x)
}

func (s *session) newExchange(r *Request) *Exchange {
	x := &Exchange{
		Request: r, Now: s.server.Env.Now(), Opened: s.opened, Count: s.count, Secure: s.secure, Plain: s.plain, Local: s.local, Source: s.source, session: s,
	}
	var framing Framing
	if r.Chunked {
		framing = s.server.Face.Framing(r)
	}
	x.Body = newBody(s.in, r, framing, &s.limit, &s.server.held)
	return x
}

// abandon records a request that never became whole.
func (s *session) abandon(x *Exchange, err error) error {
	err = timeout(err)
	if len(s.in.Raw()) == 0 {
		return err
	}
	a := s.server.Face.Abandon(x, errors.Is(err, errTimeout))
	if err := s.conn.Record(s.malformed(x.Request, a.Status)); err != nil {
		return err
	}
	if len(a.Wire) > 0 {
		return s.end(x, a)
	}
	if a.Reset {
		s.conn.ResetOnClose()
	}
	return err
}

// respond answers a request that was understood.
func (s *session) respond(x *Exchange) (again bool, err error) {
	a := s.server.Face.Answer(x)
	if err := s.record(x, a.Status); err != nil {
		return false, err
	}
	if !a.Again {
		return false, s.end(x, a)
	}
	if err := s.write(a.Wire); err != nil {
		return false, err
	}
	if !x.Body.Done() {
		timing := s.server.Face.Timing()
		if err := x.Body.ReadAll(timing.Body, max(timing.BodyTotal, timing.Body), -1); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (s *session) write(wire []byte) error {
	if len(wire) == 0 {
		return nil
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.server.Face.Timing().Write)); err != nil {
		return err
	}
	_, err := s.conn.Write(wire)
	return err
}

// end writes the last answer of a connection and ends it as the product does.
func (s *session) end(x *Exchange, a Answer) error {
	if err := s.write(a.Wire); err != nil {
		return err
	}
	if a.Reset {
		s.conn.ResetOnClose()
		return nil
	}
	if a.Abrupt || len(a.Wire) == 0 {
		return nil
	}
	timing := s.server.Face.Timing()
	if timing.DrainFirst && !x.Body.Bad() && x.Body.ReadAll(timing.Linger, timing.LingerAll, -1) != nil {
		return nil
	}
	half, ok := s.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return nil
	}
	end := time.Now().Add(timing.LingerAll)
	var waste [4096]byte
	for time.Now().Before(end) {
		s.limit.until(timing.Linger, end)
		if _, err := s.conn.Read(waste[:]); err != nil {
			return nil
		}
	}
	return nil
}

// Continue sends 100 Continue (RFC 9110 section 15.2.1) where the client waits
// for it.
func (x *Exchange) Continue() error {
	if x.Request.Version < Version11 || !strings.EqualFold(x.Request.Field("expect"), "100-continue") {
		return nil
	}
	return x.session.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}

// App tells whether an application answers instead of files.
func (x *Exchange) App() bool { return x.session.server.App != nil }

func (x *Exchange) visit() *app.Visit {
	r := x.Request
	return &app.Visit{
		Method: r.Method, Path: r.Path, Query: r.Query, Host: r.Host, Version: r.Version, Secure: x.Secure, Source: x.Source.Addr(), Now: x.Now,
		Fields: r.Fields, Body: x.Body.kept,
	}
}

// Serve asks the application; nil is a path that it does not know. The body
// should have been read before.
func (x *Exchange) Serve() *app.Reply {
	v := x.visit()
	reply := x.session.server.App.Serve(v)
	if powered := x.session.server.App.Info().Powered; powered != "" && reply != nil {
		signed := *reply
		signed.Header = append([]app.Field{{Name: "X-Powered-By", Value: powered}}, reply.Header...)
		reply = &signed
	}
	x.notes = append(x.notes, v.Notes()...)
	for _, f := range v.Files() {
		x.notes = append(x.notes, x.session.upload(f.Name, f.Data))
	}
	return reply
}

// Page is the application's own page for a status; nil where the server's is
// to be sent.
func (x *Exchange) Page(status int) *app.Reply {
	pages, ok := x.session.server.App.(app.ErrorPages)
	if !ok {
		return nil
	}
	return pages.Error(x.visit(), status)
}
