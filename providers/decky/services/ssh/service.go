// Package ssh is the face of an SSH server: logins by a fixed policy, sessions
// in a shell that runs nothing, file transfers over a file system in memory and
// forwardings that end in a simulator. It owns what sshd decides and keeps on
// record; the packages below it own the protocols: build, transport, auth,
// connection, sftp, scp, forward. It reaches no other host.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/login"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/services/ssh/auth"
	"github.com/decnet/decnet/providers/decky/services/ssh/build"
	"github.com/decnet/decnet/providers/decky/services/ssh/connection"
	"github.com/decnet/decnet/providers/decky/services/ssh/forward"
	"github.com/decnet/decnet/providers/decky/services/ssh/transport"
)

// Config is the service's configuration.
type Config struct {
	Version        string            `json:"ssh_version" doc:"Server to be: an identification such as OpenSSH_8.2p1 Ubuntu-4ubuntu0.11, or a version such as 8.2p1. Default: the host's package openssh."`
	Banner         string            `json:"banner" doc:"Software version of the identification string where it shall differ from ssh_version's."`
	Kernel         string            `json:"kernel_version" doc:"Kernel release that the shell shows. Default: the host's."`
	Users          map[string]string `json:"users" doc:"Accounts that may log in, with their passwords. Nobody may by default." sensitive:"true"`
	AuthorizedKeys []string          `json:"authorized_keys" doc:"Public keys, as in authorized_keys, that any of the users may log in with."`
	Policy         string            `json:"policy" doc:"Who else may log in: users lets in nobody else; weak one well-known login, the decky's own; patient a source that guessed long enough at an account that exists." default:"users" oneof:"users weak patient"`
	MaxAuthTries   int               `json:"max_auth_tries" doc:"Failed attempts after which the connection ends. Default: the server's own, 6 for OpenSSH."`
	FailureDelay   int               `json:"failure_delay" doc:"Milliseconds that a wrong password costs. Default: what PAM and the server make of it, about two seconds."`
	Record         bool              `json:"record" doc:"Whether sessions on a terminal are recorded as asciicast v2." default:"true"`
	PreAuthBanner  string            `json:"pre_auth_banner" doc:"Text shown before the login, as sshd's Banner does."`
}

// Validate refuses what would break the identification line or the key list.
func (c *Config) Validate() error {
	for name, line := range map[string]string{"banner": c.Banner, "ssh_version": c.Version, "kernel_version": c.Kernel} {
		if strings.ContainsAny(line, "\r\n\x00") || len(line) > 200 {
			return fmt.Errorf("%s holds a line break or is longer than 200 bytes", name)
		}
	}
	if c.MaxAuthTries < 0 || c.MaxAuthTries > 100 {
		return errors.New("max_auth_tries is not within 0 and 100")
	}
	if c.FailureDelay < 0 || c.FailureDelay > 60_000 {
		return errors.New("failure_delay is not within 0 and 60000")
	}
	for i, line := range c.AuthorizedKeys {
		if _, err := parseKey(line); err != nil {
			return fmt.Errorf("authorized_keys[%d]: %w", i, err)
		}
	}
	return login.Config{Users: c.Users, Policy: c.Policy}.Validate()
}

// parseKey is the wire form of a line of authorized_keys.
func parseKey(line string) (string, error) {
	key, _, _, _, err := gossh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return "", err
	}
	return string(key.Marshal()), nil
}

// New is the service "ssh".
func New() decky.Service {
	return decky.Define(decky.Info{
		Slug: "ssh", Summary: "OpenSSH server with a shell that runs nothing",
		Ports: []decky.Port{{Number: 22, Transport: "tcp"}},
	}, open)
}

// handler is one decky's sshd.
type handler struct {
	config   Config
	env      decky.Env
	persona  *persona.Persona
	build    *build.Build
	manner   manner
	keys     *hostKeys
	policy   *login.Policy
	allowed  map[string]bool // authorized keys in wire form
	startups atomic.Int64    // connections that are not logged in
	forwards atomic.Int64    // forwardings under way
	machines *machine.Hosts
	// simulator is what forwardings reach.
	simulator *forward.Simulator
}

func open(config Config, env decky.Env) (decky.Handler, error) {
	policy, err := login.Open(env, login.Config{Users: config.Users, Policy: config.Policy})
	if err != nil {
		return nil, err
	}
	if config.Kernel != "" {
		env.Host.Kernel = config.Kernel
	}
	h := &handler{config: config, env: env, persona: persona.New(env.Host), policy: policy, allowed: map[string]bool{}}
	h.build = pick(config, env.Host)
	h.manner = mannerOf(h.build)
	h.keys = newHostKeys(h.persona, env.Store, h.build)
	h.machines, h.simulator = machine.Of(env), newSimulator(h)
	for _, line := range config.AuthorizedKeys {
		key, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("read authorized key: %w", err)
		}
		h.allowed[key] = true
	}
	return h, nil
}

// Flush implements decky.Flusher.
func (h *handler) Flush() error {
	h.keys.close()
	return h.machines.Flush()
}

// ServeConn implements decky.Handler.
func (h *handler) ServeConn(ctx context.Context, conn decky.Conn) error {
	n := h.startups.Add(1)
	var once sync.Once
	loggedIn := func() { once.Do(func() { h.startups.Add(-1) }) }
	defer loggedIn()
	if h.drops(n) {
		if text := h.build.Texts.MaxStartups; text != "" {
			_, err := io.WriteString(conn, text+h.build.Texts.TextEnd)
			return err
		}
		return nil
	}
	if err := conn.SetDeadline(time.Now().Add(h.build.Auth.GraceTime)); err != nil {
		return err
	}
	sleep(ctx, h.starting())
	held := &held{Conn: conn}
	err := h.serve(ctx, held, loggedIn)
	if held.closed.Load() {
		linger(conn)
	}
	return ended(conn, err)
}

// held is a connection that its user closes and its owner ends: what arrives
// meanwhile decides between FIN and RST.
type held struct {
	decky.Conn
	closed atomic.Bool
}

// Close implements net.Conn.
func (h *held) Close() error {
	h.closed.Store(true)
	return nil
}

// starting is how long the process takes that a connection gets before it says a
// word: sshd's executes itself anew, Dropbear's is forked. Measured: 6 to 9 ms
// and 2 to 5 ms; another host has another time, and each process its own.
func (h *handler) starting() time.Duration {
	low, high := int64(4500), int64(7500)
	if h.build.Product == build.Dropbear {
		low, high = 1500, 3000
	}
	own := float64(h.persona.Number("ssh/starting", low, high))
	return time.Duration(own * (1 + 0.3*rand.ExpFloat64()) * float64(time.Microsecond))
}

// dying is how long sshd's processes take to end.
const dying = 3 * time.Millisecond

// linger ends a connection as the end of sshd's processes does: with a reset
// where the client has said something since.
func linger(conn decky.Conn) {
	if conn.SetReadDeadline(time.Now().Add(dying)) != nil {
		return
	}
	if n, _ := conn.Read(make([]byte, 1)); n > 0 {
		conn.ResetOnClose()
	}
}

// serve is a connection from its identification to its end.
func (h *handler) serve(ctx context.Context, conn *held, loggedIn func()) error {
	c := &client{h: h, conn: conn, source: addrPort(conn.RemoteAddr()), local: addrPort(conn.LocalAddr())}
	c.machine = h.machines.For(c.source.Addr())
	defer func() {
		if kept := c.machine.Leave(); kept != nil {
			h.env.Log.Warn("files are not kept", "error", kept)
		}
	}()
	c.gate = h.policy.On(c.machine)
	t, err := transport.Server(ctx, conn, transport.Config{
		Build: h.build, Keys: h.keys.list, Identified: c.identified, Offered: c.offered,
	})
	if err != nil {
		return err
	}
	c.transport = t
	who, err := auth.Serve(ctx, t, c, h.authOptions(t))
	if err != nil {
		return err
	}
	c.user = who.User
	t.Authenticated()
	loggedIn()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if err := t.AnnounceKeys(); err != nil {
		return err
	}
	if err := c.explainKey(who); err != nil {
		return err
	}
	options := connection.Options{Window: h.manner.window, Packet: h.manner.packet, Silent: h.build.Product == build.Dropbear, OldTexts: h.manner.oldTexts, EndOfWrite: strings.HasPrefix(c.software(), "OpenSSH")}
	err = connection.Serve(ctx, t, c, options)
	if failed := c.failure(); failed != nil {
		return failed
	}
	return err
}

// authOptions are the build's manners before the login.
func (h *handler) authOptions(t *transport.Conn) auth.Options {
	o := auth.Options{
		Methods: h.build.Auth.Methods, Hostbound: h.manner.hostbound, Algorithms: h.manner.algorithms, MaxTries: h.config.MaxAuthTries, TooMany: h.build.Texts.TooMany, Silent: h.build.Product == build.Dropbear,
		Banner: h.config.PreAuthBanner, DelayNone: h.manner.delayNone, Now: time.Now, Sleep: sleep, HostKey: h.keys.wire(t.Client().Chosen.HostKey),
	}
	if o.MaxTries == 0 {
		o.MaxTries = h.build.Auth.MaxTries
	}
	if h.build.Auth.PAM {
		o.Prompt = "Password: "
	}
	if h.build.Auth.Scaled && h.config.FailureDelay == 0 {
		o.LeastDelay = h.leastDelay
	}
	return o
}

// drops is sshd's random early drop (MaxStartups).
func (h *handler) drops(n int64) bool {
	begin, rate, full := int64(h.build.Auth.MaxStartups[0]), int64(h.build.Auth.MaxStartups[1]), int64(h.build.Auth.MaxStartups[2])
	switch {
	case begin == 0 || n <= begin:
		return false
	case n > full:
		return true
	}
	return rand.Int64N(100) < rate+(100-rate)*(n-begin)/max(full-begin, 1)
}

// ended is how a connection's end is noted; nil is a normal one.
func ended(conn decky.Conn, err error) error {
	var end *transport.EndError
	switch {
	case errors.As(err, &end):
		if end.Reset {
			conn.ResetOnClose()
		}
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, auth.ErrRefused), errors.Is(err, connection.ErrProtocol), errors.Is(err, context.Canceled), errors.Is(err, net.ErrClosed):
		return nil
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
