package ssh

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

// client is one logged-in connection.
type client struct {
	h      *handler
	conn   decky.Conn
	link   link
	source netip.AddrPort
	local  netip.AddrPort

	mu       sync.Mutex
	sessions int
	failed   error // of a record: ends the connection
}

// serve answers channels and global requests until the client leaves.
func (h *handler) serve(ctx context.Context, conn decky.Conn, link link, l *login) error {
	c := &client{h: h, conn: conn, link: link, source: addrPort(conn.RemoteAddr()), local: addrPort(conn.LocalAddr())}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for r := range link.requests() {
			c.global(r)
		}
	})
	if err := c.announceKeys(); err != nil {
		cancel()
		_ = link.close()
		running.Wait()
		return ended(err)
	}
	channels := link.channels()
	for open := true; open; {
		select {
		case o, ok := <-channels:
			if open = ok; ok {
				c.open(ctx, o, &running)
			}
		case <-ctx.Done():
			open = false
		}
	}
	cancel()
	_ = link.close()
	running.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.save(); err != nil {
		h.env.Log.Warn("files of a session are not kept", "error", err)
	}
	return c.failed
}

func addrPort(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// record keeps an event and ends the connection where that fails.
func (c *client) record(body event.Body) error {
	err := c.conn.Record(body)
	if err != nil {
		c.mu.Lock()
		c.failed = err
		c.mu.Unlock()
		_ = c.conn.Close()
	}
	return err
}

// announceKeys tells all host keys, as OpenSSH does after a login.
func (c *client) announceKeys() error {
	var payload []byte
	for _, k := range c.h.keys.all() {
		payload = appendString(payload, string(k.PublicKey().Marshal()))
	}
	return c.link.announce("hostkeys-00@openssh.com", payload)
}

// global answers a global request.
func (c *client) global(r request) {
	ok := false
	var payload []byte
	switch r.kind() {
	case "tcpip-forward", "cancel-tcpip-forward":
		host, rest := cutString(r.payload())
		port, _ := cutUint32(rest)
		if c.forwarded(r.kind(), host, port, "") != nil {
			return
		}
	case "hostkeys-prove-00@openssh.com":
		payload, ok = c.prove(r.payload())
	}
	if r.wantsReply() {
		_ = r.reply(ok, payload)
	}
}

// maxProofs bounds the keys that one request may ask signatures of.
const maxProofs = 8

// prove signs for every key asked of, as PROTOCOL of OpenSSH section 2.5 says.
func (c *client) prove(asked []byte) ([]byte, bool) {
	var out []byte
	for n := 0; len(asked) > 0; n++ {
		var wanted string
		if wanted, asked = cutString(asked); wanted == "" || n == maxProofs {
			return nil, false
		}
		found := false
		for _, k := range c.h.keys.all() {
			if string(k.PublicKey().Marshal()) != wanted {
				continue
			}
			data := appendString(appendString(appendString(nil, "hostkeys-prove-00@openssh.com"), string(c.link.sessionID())), wanted)
			signature, err := k.Sign(nil, data)
			if err != nil {
				return nil, false
			}
			out, found = appendString(out, string(ssh.Marshal(signature))), true
		}
		if !found {
			return nil, false
		}
	}
	return out, true
}

// open answers a channel.
func (c *client) open(ctx context.Context, o opening, running *sync.WaitGroup) {
	switch o.kind() {
	case "session":
		c.mu.Lock()
		full := c.sessions >= maxSessions
		if !full {
			c.sessions++
		}
		c.mu.Unlock()
		if full {
			_ = o.reject(reasonConnectFailed, "open failed")
			return
		}
		ch, requests, err := o.accept()
		if err != nil {
			return
		}
		running.Go(func() {
			newSession(c, ch).run(ctx, requests)
			c.mu.Lock()
			c.sessions--
			c.mu.Unlock()
		})
	case "direct-tcpip":
		host, rest := cutString(o.extra())
		port, rest := cutUint32(rest)
		origin, _ := cutString(rest)
		if c.forwarded("direct-tcpip", host, port, origin) == nil {
			_ = o.reject(reasonProhibited, "open failed")
		}
	case "direct-streamlocal@openssh.com":
		path, _ := cutString(o.extra())
		if c.forwarded("direct-streamlocal", path, 0, "") == nil {
			_ = o.reject(reasonProhibited, "open failed")
		}
	default:
		_ = o.reject(reasonConnectFailed, "open failed")
	}
}

// forwarded records where a client wanted to be forwarded to; nothing ever is.
func (c *client) forwarded(method, host string, port uint32, origin string) error {
	target := host
	if port != 0 {
		target = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	return c.record(&event.Request{Protocol: "SSH-2.0", Method: event.Text(method), Target: event.Text(target).Clip(4096), Host: event.Text(host).Clip(1024), Path: event.Text(origin).Clip(1024)})
}

// session is one session channel (RFC 4254 section 6).
type session struct {
	c       *client
	ch      channel
	env     map[string]string
	pty     *terminal
	shell   *shell.Session
	started bool
	done    chan struct{} // closed when the command has ended
	input   *input
	cancel  context.CancelFunc
	pumped  func() // waits for the terminal's reader, once the channel is closed
}

func newSession(c *client, ch channel) *session {
	return &session{c: c, ch: ch, env: map[string]string{}, done: make(chan struct{})}
}

// run answers requests until the channel is closed.
func (s *session) run(ctx context.Context, requests <-chan request) {
	ctx, s.cancel = context.WithCancel(ctx)
	defer s.cancel()
	var command sync.WaitGroup
	for open := true; open; {
		select {
		case r, ok := <-requests:
			if open = ok; ok {
				s.request(ctx, r, &command)
			}
		case <-ctx.Done():
			open = false
		}
	}
	s.cancel()
	_ = s.ch.Close()
	command.Wait()
}

func (s *session) request(ctx context.Context, r request, command *sync.WaitGroup) {
	ok := false
	switch p := r.payload(); r.kind() {
	case "env":
		name, rest := cutString(p)
		value, _ := cutString(rest)
		// AcceptEnv LANG LC_*
		if ok = name == "LANG" || strings.HasPrefix(name, "LC_"); ok && len(s.env) < 32 {
			s.env[name] = value[:min(len(value), 256)]
		}
	case "pty-req":
		if s.pty == nil && !s.started {
			s.pty, ok = newTerminal(p), true
		}
	case "window-change":
		cols, rest := cutUint32(p)
		rows, _ := cutUint32(rest)
		s.resize(rows, cols)
	case "signal":
		s.signal(p)
		return // RFC 4254 section 6.9: no answer
	case "shell", "exec":
		line := ""
		if r.kind() == "exec" {
			line, _ = cutString(p)
		}
		if ok = !s.started; ok {
			s.started = true
			_ = r.reply(true, nil)
			command.Go(func() { s.execute(ctx, line, r.kind() == "exec") })
			return
		}
	case "subsystem":
		name, _ := cutString(p)
		if s.c.record(&event.Request{Protocol: "SSH-2.0", Method: "subsystem", Target: event.Text(name).Clip(256)}) != nil {
			return
		}
	}
	if r.wantsReply() {
		_ = r.reply(ok, nil)
	}
}

// execute runs the shell, or one command, and ends the channel as sshd does.
func (s *session) execute(ctx context.Context, line string, exec bool) {
	machine := s.c.h.host()
	user := s.c.link.user()
	options := shell.Options{Machine: machine, User: user, Source: s.c.source, Local: s.c.local, Env: s.env, Record: s.c.record}
	if s.pty != nil {
		entry, leave := machine.Enter(user, s.c.source.Addr())
		defer leave()
		options.TTY, options.Term = "/dev/"+entry.TTY, s.pty.term
	}
	sh := shell.New(options)
	s.c.mu.Lock()
	s.shell = sh
	s.c.mu.Unlock()
	var status int
	switch {
	case s.pty != nil:
		sh.SetSize(s.pty.rows, s.pty.cols)
		status = s.interactive(ctx, sh, line, exec)
	case exec:
		status = s.once(ctx, sh, line)
	default:
		status = s.script(ctx, sh)
	}
	s.finish(status)
	if s.pumped != nil {
		s.pumped()
	}
}

// once is exec without a terminal.
func (s *session) once(ctx context.Context, sh *shell.Session, line string) int {
	if name, ok := scpTarget(line); ok {
		return s.receive(sh, line, name)
	}
	status, _ := sh.Run(ctx, line, shell.ModeExec, s.ch, s.ch, s.ch.stderr())
	return status
}

// script is a shell whose commands come down a pipe.
func (s *session) script(ctx context.Context, sh *shell.Session) int {
	lines := newLines(s.ch)
	for !sh.Exited() && ctx.Err() == nil {
		line, err := lines.next()
		if strings.TrimSpace(line) != "" {
			if _, err := sh.Run(ctx, line, shell.ModeShell, lines, s.ch, s.ch.stderr()); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	return sh.Status()
}

// finish sends the status and closes (RFC 4254 section 6.10).
func (s *session) finish(status int) {
	if err := s.ch.send("exit-status", binary.BigEndian.AppendUint32(nil, uint32(status))); err == nil {
		_ = s.ch.send("eow@openssh.com", nil)
		_ = s.ch.closeWrite()
	}
	_ = s.ch.Close()
}

func (s *session) resize(rows, cols uint32) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.shell != nil {
		s.shell.SetSize(int(min(rows, 5000)), int(min(cols, 5000)))
	}
}

// signal delivers INT to what runs; TERM, HUP and KILL end the session.
func (s *session) signal(payload []byte) {
	name, _ := cutString(payload)
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	switch name {
	case "INT", "QUIT":
		if s.input != nil {
			s.input.interrupt()
		}
	case "TERM", "HUP", "KILL":
		s.cancel()
	}
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// cutString takes a string off the front; what is cut short reads empty.
func cutString(b []byte) (string, []byte) {
	if len(b) < 4 {
		return "", nil
	}
	n := int(binary.BigEndian.Uint32(b))
	if n > len(b)-4 {
		return "", nil
	}
	return string(b[4 : 4+n]), b[4+n:]
}

func cutUint32(b []byte) (uint32, []byte) {
	if len(b) < 4 {
		return 0, nil
	}
	return binary.BigEndian.Uint32(b), b[4:]
}

// lines reads a client's input a line at a time and leaves the rest to the
// commands.
type lines struct {
	from io.Reader
	rest []byte
}

func newLines(from io.Reader) *lines { return &lines{from: from} }

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	if len(l.rest) > 0 {
		n := copy(p, l.rest)
		l.rest = l.rest[n:]
		return n, nil
	}
	return l.from.Read(p)
}

// maxLine bounds a command line.
const maxLine = 128 << 10

func (l *lines) next() (string, error) {
	for {
		if i := strings.IndexByte(string(l.rest), '\n'); i >= 0 {
			line := string(l.rest[:i])
			l.rest = l.rest[i+1:]
			return line, nil
		}
		if len(l.rest) > maxLine {
			return "", io.ErrShortBuffer
		}
		var b [4096]byte
		n, err := l.from.Read(b[:])
		l.rest = append(l.rest, b[:n]...)
		if err != nil {
			line := string(l.rest)
			l.rest = nil
			return line, err
		}
	}
}
