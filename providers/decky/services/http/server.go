package http

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/schema/event"
)

// nginx's defaults.
const (
	headerTimeout    = 60 * time.Second // client_header_timeout
	keepAliveTimeout = 75 * time.Second
	keepAliveMax     = 1000      // keepalive_requests
	keepAliveAge     = time.Hour // keepalive_time
	lingerTimeout    = 5 * time.Second
	lingerTime       = 30 * time.Second
	writeTimeout     = 60 * time.Second // send_timeout
)

// bodyPatience is how long a body that is still under way may hold its
// answer back, so that it is on record before the client learns anything.
const bodyPatience = 100 * time.Millisecond

// session is one connection.
type session struct {
	h        *handler
	conn     decky.Conn
	in       input
	opened   time.Time
	requests int
}

// ServeConn implements decky.Handler.
func (h *handler) ServeConn(ctx context.Context, conn decky.Conn) error {
	s := &session{h: h, conn: conn, opened: h.env.Now()}
	s.in.conn = conn
	for ctx.Err() == nil {
		again, err := s.exchange()
		if err != nil || !again {
			return quiet(err)
		}
	}
	return nil
}

// quiet drops the errors that are a normal end for nginx: the client left, or
// a timeout passed.
func quiet(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, errTimeout) {
		return nil
	}
	return err
}

var errTimeout = errors.New("timeout of the product")

// exchange reads one request and answers it; again tells whether another may
// follow.
func (s *session) exchange() (again bool, err error) {
	wait := headerTimeout
	if s.requests > 0 {
		wait = keepAliveTimeout
	}
	s.in.begin()
	if !s.in.buffered() {
		if err := s.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return false, err
		}
		s.in.metered = false
		if err := s.in.fill(); err != nil {
			return false, timeout(err)
		}
		s.in.metered = true
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(headerTimeout)); err != nil {
		return false, err
	}
	s.requests++
	r := &request{version: version10, length: -1}
	p := parser{in: &s.in, req: r}
	err = p.requestLine()
	if err == nil && r.version >= version10 {
		if err = p.headers(); errors.Is(err, errTooLarge) {
			err = refusal(statusHeaderTooLarge)
		}
	} else if errors.Is(err, errTooLarge) {
		err = refusal(414)
	}
	s.in.metered = false
	var refused refusal
	switch {
	case errors.As(err, &refused):
		return false, s.reject(r, int(refused))
	case err != nil:
		return false, s.abandon(r, err)
	}
	return s.respond(r)
}

// reject answers what could not be read and closes.
func (s *session) reject(r *request, status int) error {
	if err := s.conn.Record(s.malformed(r, status)); err != nil {
		return err
	}
	if err := s.write(r, s.h.refuse(r, status, false)); err != nil {
		return err
	}
	return s.linger(newBody(r))
}

// abandon records a request that never became whole: nginx closes without a
// word.
func (s *session) abandon(r *request, err error) error {
	if len(s.in.raw) > 0 {
		if err := s.conn.Record(s.malformed(r, 0)); err != nil {
			return err
		}
	}
	return timeout(err)
}

// malformed is the record of bytes that are no request.
func (s *session) malformed(r *request, status int) event.Body {
	if len(s.in.raw) > 0 && s.in.raw[0] < 0x20 {
		rest := s.in.buf[s.in.r:s.in.w]
		return &event.Scan{Technique: "foreign-protocol", Data: event.Text(string(s.in.raw) + string(rest)).Clip(event.MaxText)}
	}
	body := s.record(r, visible(status))
	body.Malformed = true
	if r.target == "" {
		line, _, _ := strings.Cut(string(s.in.raw), "\n")
		body.Target = event.Text(line).Clip(maxTarget)
	}
	return body
}

// Caps of a record.
const (
	maxTarget  = 16 << 10
	maxHeaders = 200
)

func (s *session) record(r *request, status int) *event.Request {
	protocol := "HTTP/1.0"
	switch {
	case r.version == version09:
		protocol = "HTTP/0.9"
	case r.version > version10:
		protocol = "HTTP/1.1"
	}
	return &event.Request{
		Protocol: protocol, Method: event.Text(r.method).Clip(256), Target: event.Text(r.target).Clip(maxTarget), Path: event.Text(r.path).Clip(maxTarget),
		Host: event.Text(r.host).Clip(1024), UserAgent: event.Text(r.field("user-agent")).Clip(4096),
		Headers: r.headers[:min(len(r.headers), maxHeaders)], Status: status,
	}
}

// respond answers a request that was understood.
func (s *session) respond(r *request) (again bool, err error) {
	a := s.h.decide(r, s.keepsAlive(r))
	if a.status == 200 || a.status == 206 || a.status == 304 {
		if err := s.expect(r); err != nil {
			return false, err
		}
	}
	b := newBody(r)
	early := b.prefetch(&s.in, s.conn)
	if early && b.bad && a.keepAlive {
		a.keepAlive = false
		if a.status == 200 || a.status == 206 || a.status == 304 {
			a = s.h.refuse(r, 400, false)
		}
	}
	body := s.record(r, visible(a.status))
	body.BodySize, body.Body = b.size(r), event.Text(b.kept)
	if err := s.conn.Record(body); err != nil {
		return false, err
	}
	for _, attempt := range credentials(r, b.kept) {
		if err := s.conn.Record(attempt); err != nil {
			return false, err
		}
	}
	if err := s.write(r, a); err != nil {
		return false, err
	}
	if !a.keepAlive || a.drop {
		return false, s.linger(b)
	}
	if err := b.discard(&s.in, s.conn); err != nil {
		return false, err
	}
	return true, nil
}

// keepsAlive is nginx's choice to keep a connection.
func (s *session) keepsAlive(r *request) bool {
	if s.requests >= keepAliveMax || s.h.env.Now().Sub(s.opened) > keepAliveAge {
		return false
	}
	connection := strings.ToLower(r.field("connection"))
	switch {
	case strings.Contains(connection, "close"):
		return false
	case strings.Contains(connection, "keep-alive"):
		return r.version >= version10
	}
	return r.version > version10
}

// expect answers Expect: 100-continue (RFC 9110 section 10.1.1) where nginx
// reads the body of a request that it serves.
func (s *session) expect(r *request) error {
	if r.version < version11 || !strings.EqualFold(r.field("expect"), "100-continue") {
		return nil
	}
	_, err := s.conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	return err
}

func (s *session) write(r *request, a *answer) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(s.h.encode(r, a, s.h.env.Now()))
	return err
}

// linger waits for the rest of a body as nginx does, sends FIN and reads on for
// a while, so that what the client still sends does not turn its answer into a
// reset.
func (s *session) linger(b *body) error {
	if !b.bad && b.discard(&s.in, s.conn) != nil {
		return nil
	}
	half, ok := s.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return nil
	}
	end := time.Now().Add(lingerTime)
	var waste [4096]byte
	for time.Now().Before(end) {
		if err := s.conn.SetReadDeadline(time.Now().Add(lingerTimeout)); err != nil {
			return nil
		}
		if _, err := s.conn.Read(waste[:]); err != nil {
			return nil
		}
	}
	return nil
}

// timeout turns a passed deadline into errTimeout.
func timeout(err error) error {
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return errTimeout
	}
	return err
}
