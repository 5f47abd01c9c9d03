package telnet

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/login"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/schema/event"
)

// hostinfo is what a telnetd knows of its machine.
type hostinfo struct {
	name, fqdn, kernel string
	tty                string // "pts/0"
	issue              string // issue.net, with its escapes replaced
}

// session is one client.
type session struct {
	h       *handler
	conn    decky.Conn
	tty     *tty
	server  server
	source  netip.AddrPort
	local   netip.AddrPort
	machine *machine.Shared
	gate    login.Gate
	number  int // of its terminal
	cancel  context.CancelCauseFunc
	film    *film
	// samples are the digests of what was dropped and run; only the shell
	// looks at them.
	samples map[string]bool
}

// ServeConn implements decky.Handler.
func (h *handler) ServeConn(ctx context.Context, conn decky.Conn) error {
	s := &session{h: h, conn: conn, tty: newTTY(), source: addrPort(conn.RemoteAddr()), local: addrPort(conn.LocalAddr())}
	if err := gather(conn); err != nil {
		return quiet(err)
	}
	s.machine = h.hosts.For(s.source.Addr())
	defer func() {
		if kept := s.machine.Leave(); kept != nil {
			h.env.Log.Warn("files of a session are not kept", "error", kept)
		}
	}()
	s.gate = h.policy.On(s.machine)
	s.number = h.takeTTY()
	defer h.freeTTY(s.number)
	info := h.info(s.number)
	l := &link{conn: conn, tty: s.tty}
	if h.face.server == faceBusybox {
		s.server = newBusybox(l, info)
	} else {
		s.server = newBSD(l, bsdTraits[h.face.server], info)
	}
	s.tty.flushed = s.server.flushed
	s.tty.deliver = func(p []byte) error {
		s.film.output(p)
		l.send(s.server.encode(p)...)
		return l.flush()
	}
	if err := s.server.begin(); err != nil {
		return errors.Join(s.fingerprint(), quiet(err))
	}
	if err := s.fingerprint(); err != nil {
		return err
	}
	return s.run(ctx, l)
}

// quiet is nil for the ends that clients make.
func quiet(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// fingerprint records how the client negotiates.
func (s *session) fingerprint() error {
	c := s.server.client()
	if len(c.options) == 0 {
		return nil
	}
	return s.conn.Record(&event.Fingerprint{Method: "telnet", Value: hex.EncodeToString(c.options), Raw: event.Text(c.term)})
}

// run starts the terminal and what runs on it.
func (s *session) run(ctx context.Context, l *link) error {
	ctx, cancel := context.WithCancelCause(ctx)
	s.cancel = cancel
	s.film = s.h.newFilm(s)
	s.tty.signal = s.signal
	s.tty.resized = s.film.resize
	if err := s.server.greet(); err != nil {
		cancel(err)
		return quiet(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.read(l)
	}()
	err := s.program(ctx)
	cancel(err)
	s.tty.locked(func() { s.tty.hangup(io.EOF) })
	_ = s.conn.Close() // the reader's read ends with it
	<-read
	return errors.Join(quiet(err), s.film.keep())
}

// startup is how long login takes to ask.
const startup = 5 * time.Millisecond

// read hands the network's bytes to the server until the client leaves.
func (s *session) read(l *link) {
	if b, ok := s.server.(*bsd); ok {
		if len(b.early) > 0 {
			time.Sleep(startup) // the terminal gets it when login stands
		}
		s.tty.locked(b.start)
	}
	var buf [4096]byte
	for {
		n, err := s.conn.Read(buf[:])
		s.tty.locked(func() {
			if n > 0 {
				s.film.input(buf[:n])
				s.server.receive(buf[:n])
			}
			if err == nil {
				err = l.err
			}
			if err == nil && s.tty.err != nil {
				err = s.tty.err
			}
			if err != nil {
				s.tty.hangup(err)
			}
		})
		if err != nil {
			s.cancel(err)
			return
		}
	}
}

// signal is a key that raises one. Only login hears it: the shell has its
// terminal raw. Called with the terminal's lock held.
func (s *session) signal(sig byte) {
	if sig == sigStop {
		return // login is in a process group that nobody can wake
	}
	if s.tty.interruptible && sig == sigInt {
		s.tty.end(nil)
		s.tty.arrived.Broadcast()
		return
	}
	s.cancel(errKilled)
	s.tty.hangup(errKilled)
}

// program is login and then the shell.
func (s *session) program(ctx context.Context) error {
	p := s.h.face.login
	timer := time.AfterFunc(p.timeout, func() {
		s.cancel(errTimeout)
		s.tty.locked(func() { s.tty.hangup(errTimeout) })
	})
	defer timer.Stop()
	user, err := p.run(ctx, s.tty, s.h.hostname(), s.try)
	timer.Stop()
	switch {
	case errors.Is(err, errTimeout) || errors.Is(context.Cause(ctx), errTimeout):
		if _, err := s.tty.Write([]byte(p.late)); err != nil {
			return err
		}
		return nil
	case errors.Is(err, errKilled), errors.Is(err, errTries), errors.Is(err, errEnd):
		return nil
	case err != nil:
		return err
	}
	return s.shell(ctx, user)
}

// maxSecret is how much of a password is recorded.
const maxSecret = 4096

// try decides one attempt.
func (s *session) try(user, password string, asked bool) (bool, error) {
	ok := asked && s.gate.Password(s.source.Addr(), user, password)
	body := &event.AuthAttempt{
		Method: "password", Username: event.Text(user).Clip(1024), Secret: event.Text(password).Clip(maxSecret),
		Success: ok, Client: event.Text(s.server.client().term).Clip(128),
	}
	if asked {
		body.SecretKind = "plaintext"
	}
	return ok, s.conn.Record(body)
}

func addrPort(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
