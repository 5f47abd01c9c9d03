// Package webhook hears from git hosts that something was pushed, so that
// nobody waits for the next look at a repository. It owns who is believed:
// signatures, replays, rates, sizes. It refuses to believe what is said: a push
// wakes whoever follows the repository, and nothing of it is applied, fetched or
// resolved from the request.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultListen is where the receiver listens.
const DefaultListen = "127.0.0.1:8092"

// Limits of the receiver. A push of GitHub's may have 25 MB, but a caller who
// has a secret is not the only one whose bytes are read: what is longer than
// MaxBody is refused, and the sync's own interval finds it.
const (
	MaxBody       = 8 << 20
	maxHeader     = 16 << 10
	maxHooks      = 256
	maxConns      = 64 // connections at once
	maxBodies     = 8  // bodies in memory at once
	bodyPatience  = 10 * time.Second
	skew          = 5 * time.Minute // of a signed time, both ways
	replayWindow  = 24 * time.Hour
	maxReplays    = 10_000
	globalPerSec  = 20
	globalBurst   = 60
	sourcePerSec  = 2
	sourceBurst   = 20
	maxSources    = 4096
	shutdownGrace = 3 * time.Second
)

// Kind is how a sender proves who it is.
type Kind string

// The kinds.
const (
	// GitHub signs the body: X-Hub-Signature-256 is sha256=HEX
	// (docs.github.com, "Validating webhook deliveries").
	GitHub Kind = "github"
	// GitLab sends the secret itself as X-Gitlab-Token, or, where the secret is
	// a signing token (whsec_...), signs id, time and body in the way of
	// Standard Webhooks: webhook-signature is v1,BASE64 (docs.gitlab.com,
	// "Webhooks").
	GitLab Kind = "gitlab"
	// Gitea and Forgejo sign the body: X-Gitea-Signature is HEX (docs.gitea.com,
	// "Webhooks").
	Gitea Kind = "gitea"
	// Generic is for everybody else: X-Signature-256 is sha256=HEX, the
	// HMAC-SHA256 of SECONDS.BODY, where X-Timestamp is SECONDS since 1970. The
	// body is {"repository": URL, "ref": REF}, both optional.
	Generic Kind = "generic"
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{GitHub, GitLab, Gitea, Generic} }

// Hook is one sender with a secret of its own.
type Hook struct {
	Name string
	Kind Kind
	// Path of the URL that it posts to; "" is /hooks/NAME.
	Path string
	// SecretFile holds the secret in one line; it has mode 0600 and is read at
	// every request, so that a new secret needs no restart.
	SecretFile string
}

// Config of a Receiver.
type Config struct {
	Hooks []Hook
	// Listen is the address, "" for DefaultListen. It is on loopback, behind a
	// proxy that has TLS, unless Public is set.
	Listen string
	Public bool
	// Wake is told of every push that is believed. It must not block.
	Wake func(Push)
	Log  *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Stats is what a hook has seen since the start.
type Stats struct {
	Hook     string    `json:"hook"`
	Accepted int64     `json:"accepted"`
	Ignored  int64     `json:"ignored"` // authentic, but no push
	Refused  int64     `json:"refused"` // not authentic, too large, no JSON
	Replayed int64     `json:"replayed"`
	Last     time.Time `json:"last,omitzero"` // that was accepted
}

// Receiver is the http.Handler, and the server around it. Make it with New.
type Receiver struct {
	config Config
	hooks  map[string]*hook // by path
	names  []string         // paths, in the order of the configuration
	limits *limiter
	bodies chan struct{}

	mu       sync.Mutex
	seen     *replays
	listener net.Listener
}

// hook is one sender and what it has sent.
type hook struct {
	Hook

	stats Stats // under the receiver's mu
}

// New checks the configuration; it listens to nothing and reads no secret yet.
func New(c Config) (*Receiver, error) {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("webhook: listen address %q: %w", c.Listen, err)
	}
	if ip, err := netip.ParseAddr(host); !c.Public && host != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
		return nil, fmt.Errorf("webhook: listen address %q is not on loopback; put a proxy with TLS before the receiver", c.Listen)
	}
	if c.Wake == nil {
		return nil, errors.New("webhook: nobody to wake")
	}
	if len(c.Hooks) > maxHooks {
		return nil, fmt.Errorf("webhook: %d hooks, of %d allowed", len(c.Hooks), maxHooks)
	}
	r := &Receiver{
		config: c, hooks: map[string]*hook{}, limits: newLimiter(c.Now), bodies: make(chan struct{}, maxBodies), seen: newReplays(c.Now),
	}
	for _, h := range c.Hooks {
		if err := r.add(h); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Receiver) add(h Hook) error {
	if h.Path == "" {
		h.Path = "/hooks/" + h.Name
	}
	switch {
	case h.Name == "":
		return errors.New("webhook: a hook has no name")
	case !slices.Contains(Kinds(), h.Kind):
		return fmt.Errorf("webhook: hook %s: there is no kind %q", h.Name, h.Kind)
	case h.SecretFile == "":
		return fmt.Errorf("webhook: hook %s: no secret file", h.Name)
	case !strings.HasPrefix(h.Path, "/") || path.Clean(h.Path) != h.Path:
		return fmt.Errorf("webhook: hook %s: %q is no path", h.Name, h.Path)
	case r.hooks[h.Path] != nil:
		return fmt.Errorf("webhook: hooks %s and %s have one path, %s", r.hooks[h.Path].Name, h.Name, h.Path)
	}
	r.hooks[h.Path] = &hook{Hook: h, stats: Stats{Hook: h.Name}}
	r.names = append(r.names, h.Path)
	return nil
}

// Stats tells what the hooks have seen, in their order.
func (r *Receiver) Stats() []Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Stats, 0, len(r.names))
	for _, name := range r.names {
		out = append(out, r.hooks[name].stats)
	}
	return out
}

// Listen binds the address, so that a failure is known before Run; Run does it
// otherwise.
func (r *Receiver) Listen(ctx context.Context) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", r.config.Listen)
	if err != nil {
		return fmt.Errorf("webhook: listen: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listener = listener
	return nil
}

// Address is where the receiver listens, "" where it does not yet.
func (r *Receiver) Address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener == nil {
		return ""
	}
	return r.listener.Addr().String()
}

// Run serves until ctx ends, then lets requests under way finish for a short
// time.
func (r *Receiver) Run(ctx context.Context) error {
	if r.Address() == "" {
		if err := r.Listen(ctx); err != nil {
			return err
		}
	}
	server := &http.Server{
		Handler: r, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: 15 * time.Second,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(r.config.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(&limitedListener{Listener: r.listener, slots: make(chan struct{}, maxConns)})
	}()
	select {
	case err := <-served:
		return fmt.Errorf("webhook: serve: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = server.Close()
	}
	<-served
	return err
}

// limitedListener closes what connects beyond its slots at once: who holds
// connections open keeps nobody waiting for long.
type limitedListener struct {
	net.Listener

	slots chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.slots <- struct{}{}:
			return &slottedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
		default:
			_ = conn.Close() // nobody has read from it
		}
	}
}

type slottedConn struct {
	net.Conn

	release func()
}

func (c *slottedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
