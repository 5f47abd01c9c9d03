package ssh

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky/services/ssh/connection"
	"github.com/decnet/decnet/providers/decky/services/ssh/wire"
	"github.com/decnet/decnet/schema/event"
)

// session is one session channel (RFC 4254 section 6). Until a command starts
// it is these few fields.
type session struct {
	c      *client
	ch     *connection.Channel
	closed bool
	env    map[string]string
	asked  int // how often it wanted a variable set
	pty    *terminal
	x11    bool
	sftp   bool

	mu      sync.Mutex
	running *running
}

// terminal is what a client asked for with pty-req (section 6.2).
type terminal struct {
	term       string
	rows, cols int
}

// running is a command that has started.
type running struct {
	cancel    context.CancelFunc
	interrupt func()               // ^C on its terminal; nil without one
	resize    func(rows, cols int) // nil without a terminal
	signal    string               // what ended it
}

// Bounds of what a session keeps for its command.
const (
	maxVariables = 128 // as sshd counts requests
	maxValue     = 4096
	maxTerm      = 64
	maxScreen    = 5000
)

func (s *session) request(name string, r *wire.Reader, reply func(bool)) error {
	if !s.ch.Active() {
		switch name {
		case "shell":
			if !r.Ended() {
				return connection.Broken(name)
			}
			return s.start(reply, s.shell)
		case "exec":
			line := r.Text()
			if !r.Ended() {
				return connection.Broken(name)
			}
			return s.start(reply, func(ctx context.Context) outcome { return s.exec(ctx, line) })
		case "subsystem":
			return s.subsystem(r, reply)
		case "pty-req":
			return s.requestTerminal(r, reply)
		case "env":
			return s.setVariable(r, reply)
		case "x11-req":
			return s.requestX11(r, reply)
		case "auth-agent-req@openssh.com":
			if !r.Ended() {
				return connection.Broken(name)
			}
			reply(!s.c.agent)
			s.c.agent = true
			return nil
		}
	}
	return s.steer(name, r, reply)
}

// steer answers what may be asked while a command runs.
func (s *session) steer(name string, r *wire.Reader, reply func(bool)) error {
	switch name {
	case "window-change":
		cols, rows, _, _ := r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32()
		if !r.Ended() {
			return connection.Broken(name)
		}
		s.resize(rows, cols)
		reply(true)
	case "break":
		if r.Uint32(); !r.Ended() {
			return connection.Broken(name)
		}
		reply(s.pty != nil)
	case "signal":
		signal := r.Text()
		reply(r.Ended() && s.c.h.manner.signals && s.signal(signal))
	}
	return nil
}

func (s *session) requestTerminal(r *wire.Reader, reply func(bool)) error {
	if s.pty != nil {
		return s.ch.Disconnect("Protocol error: you already have a pty.")
	}
	term := r.Text()
	cols, rows := r.Uint32(), r.Uint32()
	_, _, _ = r.Uint32(), r.Uint32(), r.Bytes() // pixels, modes
	if !r.Ended() {
		return connection.Broken("pty-req")
	}
	s.pty = &terminal{term: strings.Clone(term[:min(len(term), maxTerm)]), rows: int(min(rows, maxScreen)), cols: int(min(cols, maxScreen))}
	reply(true)
	return nil
}

func (s *session) setVariable(r *wire.Reader, reply func(bool)) error {
	name, value := r.Text(), r.Text()
	if !r.Ended() {
		return connection.Broken("env")
	}
	ok := s.asked <= maxVariables && s.c.h.manner.accepts(name)
	if ok {
		s.asked++
		if s.env == nil {
			s.env = map[string]string{}
		}
		s.env[strings.Clone(name)] = strings.Clone(value[:min(len(value), maxValue)])
	}
	reply(ok)
	return nil
}

func (s *session) requestX11(r *wire.Reader, reply func(bool)) error {
	_, proto, cookie, _ := r.Bool(), r.Text(), r.Text(), r.Uint32()
	if !r.Ended() {
		return connection.Broken("x11-req")
	}
	plain := func(text string) bool {
		return strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-_") == ""
	}
	ok := s.c.h.manner.x11 && !s.x11 && plain(proto) && plain(cookie)
	s.x11 = s.x11 || ok
	reply(ok)
	return nil
}

func (s *session) subsystem(r *wire.Reader, reply func(bool)) error {
	name := r.Text()
	if !r.Ended() {
		return connection.Broken("subsystem")
	}
	if err := s.c.record(&event.Request{Protocol: "SSH-2.0", Method: "subsystem", Target: event.Text(name).Clip(256)}); err != nil {
		return err
	}
	if name != "sftp" || len(s.c.h.build.SFTP) == 0 {
		return nil
	}
	s.sftp = true
	return s.start(reply, s.serveFiles)
}

// outcome is how a command ended: its status, or the signal that ended it.
type outcome struct {
	status int
	signal string
}

// start runs the session's command in a goroutine that the connection waits
// for.
func (s *session) start(reply func(bool), run func(ctx context.Context) outcome) error {
	if err := s.ch.Activate(); err != nil {
		return err
	}
	reply(true)
	s.ch.Go(func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s.mu.Lock()
		s.running = &running{cancel: cancel}
		s.mu.Unlock()
		s.fork(ctx)
		out := run(ctx)
		s.mu.Lock()
		if s.running.signal != "" {
			out.signal = s.running.signal
		} else if s.ch.Cut() {
			out.signal = "PIPE"
		}
		s.mu.Unlock()
		// A client that is gone shows at the next read.
		if out.signal != "" {
			_ = s.ch.Kill(out.signal, false, s.pty != nil)
		} else {
			_ = s.ch.Exit(uint32(out.status), s.pty != nil)
		}
	})
	return nil
}

// fork takes the time of a new process and of its shell's start.
func (s *session) fork(ctx context.Context) {
	sleep(ctx, time.Duration(s.c.h.persona.Number("ssh/fork", 2400, 5200))*time.Microsecond)
}

// hangUp is the end of the channel: a terminal's processes hear of it, others
// when they write.
func (s *session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil && s.pty != nil {
		s.running.signal = "HUP"
		s.running.cancel()
	}
}

func (s *session) resize(rows, cols uint32) {
	r, c := int(min(rows, maxScreen)), int(min(cols, maxScreen))
	if s.pty != nil {
		s.pty.rows, s.pty.cols = r, c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil && s.running.resize != nil {
		s.running.resize(r, c)
	}
}

// signals that sshd delivers (RFC 4254 section 6.9 has more).
var signals = map[string]bool{"HUP": true, "INT": true, "KILL": true, "QUIT": true, "TERM": true, "USR1": true, "USR2": true}

// signal delivers a signal to the session's process: a shell on a terminal
// ignores some, everything else dies of it.
func (s *session) signal(name string) bool {
	root := s.c.account(s.c.user).UID == 0 // its sessions run in sshd's own process
	s.mu.Lock()
	defer s.mu.Unlock()
	if !signals[name] || s.running == nil || s.sftp || root {
		return false
	}
	switch {
	case s.running.interrupt != nil && name == "INT":
		s.running.interrupt()
	case s.running.interrupt != nil && (name == "TERM" || name == "QUIT"):
	default:
		s.running.signal = name
		s.running.cancel()
	}
	return true
}

// variables are what sshd puts into the command's environment.
func (s *session) variables() map[string]string {
	env := map[string]string{}
	for name, value := range s.env {
		env[name] = value
	}
	if s.x11 {
		env["DISPLAY"] = "localhost:10.0"
	}
	if s.c.agent {
		sum := s.c.h.env.Derive("ssh/agent/" + s.c.conn.Session())
		env["SSH_AUTH_SOCK"] = fmt.Sprintf("/tmp/ssh-%s/agent.%d", word(sum), 1000+int(sum[30])<<8+int(sum[31]))
	}
	return env
}

// word is ten letters and digits, as mkdtemp makes them.
func word(sum []byte) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, 10)
	for i := range b {
		b[i] = letters[int(sum[i])%len(letters)]
	}
	return string(b)
}
