// Package ssh is the face of an OpenSSH server: identification, key exchange,
// logins by a fixed policy, and sessions in a shell that runs nothing (package
// shell). It owns the words and the manners of sshd; the transport below is
// behind an interface. It refuses every forwarding and reaches no other host.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
)

// Config is the service's configuration.
type Config struct {
	Banner         string            `json:"banner" doc:"Software version of the identification string, such as OpenSSH_9.2p1. Default: OpenSSH in the version of the host's package openssh."`
	Users          map[string]string `json:"users" doc:"Accounts that may log in, with their passwords. Nobody may by default." sensitive:"true"`
	AuthorizedKeys []string          `json:"authorized_keys" doc:"Public keys, as in authorized_keys, that any of the users may log in with."`
	MaxAuthTries   int               `json:"max_auth_tries" doc:"Failed attempts after which the connection ends." default:"6"`
	FailureDelay   int               `json:"failure_delay" doc:"Milliseconds that a wrong password costs. Default: about two seconds, by the host's key."`
	PreAuthBanner  string            `json:"pre_auth_banner" doc:"Text shown before the login, as sshd's Banner does."`
}

// Validate refuses what would break the identification line or the key list.
func (c *Config) Validate() error {
	if strings.ContainsAny(c.Banner, "\r\n\x00") || len(c.Banner) > 200 {
		return errors.New("banner holds a line break or is longer than 200 bytes")
	}
	if c.MaxAuthTries < 1 || c.MaxAuthTries > 100 {
		return errors.New("max_auth_tries is not within 1 and 100")
	}
	if c.FailureDelay < 0 || c.FailureDelay > 60_000 {
		return errors.New("failure_delay is not within 0 and 60000")
	}
	for i, line := range c.AuthorizedKeys {
		if _, err := parseKey(line); err != nil {
			return fmt.Errorf("authorized_keys[%d]: %w", i, err)
		}
	}
	return nil
}

// sshd's defaults.
const (
	loginGraceTime = 120 * time.Second
	startupsBegin  = 10 // MaxStartups 10:30:100
	startupsRate   = 30
	startupsFull   = 100
	maxSessions    = 10
	defaultVersion = "OpenSSH_9.2p1 Debian-2+deb12u7"
)

// New is the service "ssh".
func New() decky.Service {
	return decky.Define(decky.Info{
		Slug: "ssh", Summary: "OpenSSH server with a shell that runs nothing",
		Ports: []decky.Port{{Number: 22, Transport: "tcp"}},
	}, open)
}

// handler is one decky's sshd: its keys, its policy and its machine.
type handler struct {
	config   Config
	env      decky.Env
	persona  *persona.Persona
	banner   string
	keys     *hostKeys
	allowed  map[string]bool // authorized keys in wire form
	startups atomic.Int64    // connections that are not logged in

	mu      sync.Mutex
	machine *machine.Machine // made at the first login
	last    map[string]lastLogin
}

func open(config Config, env decky.Env) (decky.Handler, error) {
	h := &handler{config: config, env: env, persona: persona.New(env.Host), banner: banner(config, env.Host), allowed: map[string]bool{}}
	h.keys = newHostKeys(env.Derive)
	for _, line := range config.AuthorizedKeys {
		key, err := parseKey(line)
		if err != nil {
			return nil, fmt.Errorf("read authorized key: %w", err)
		}
		h.allowed[key] = true
	}
	return h, nil
}

// banner is what follows "SSH-2.0-".
func banner(config Config, host decky.Host) string {
	version := config.Banner
	if version == "" {
		version = host.Packages["openssh"]
	}
	switch {
	case version == "":
		return defaultVersion
	case version[0] >= '0' && version[0] <= '9':
		return "OpenSSH_" + version
	}
	return strings.TrimPrefix(version, "SSH-2.0-")
}

// host is the machine that the sessions share, made from what was kept.
func (h *handler) host() *machine.Machine {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.machine != nil {
		return h.machine
	}
	h.machine = machine.New(h.env.Host, slices.Sorted(maps.Keys(h.config.Users)), h.env.Now)
	data, err := h.env.Store.Load("files")
	if err == nil {
		err = h.machine.FS.Restore(data)
	}
	if err != nil {
		h.env.Log.Warn("kept files are not readable", "error", err)
	}
	h.loadLast()
	return h.machine
}

// Flush implements decky.Flusher.
func (h *handler) Flush() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.save()
}

// save keeps what clients changed. The caller holds the lock.
func (h *handler) save() error {
	if h.machine == nil || !h.machine.FS.Dirty() {
		return nil
	}
	data, err := h.machine.FS.Changes()
	if err != nil {
		return fmt.Errorf("pack files: %w", err)
	}
	if err := h.env.Store.Save("files", data); err != nil {
		return fmt.Errorf("keep files: %w", err)
	}
	return nil
}

// ServeConn implements decky.Handler.
func (h *handler) ServeConn(ctx context.Context, conn decky.Conn) error {
	n := h.startups.Add(1)
	var once sync.Once
	authenticated := func() { once.Do(func() { h.startups.Add(-1) }) }
	defer authenticated()
	if h.drops(n) {
		_, err := conn.Write([]byte("Exceeded MaxStartups\r\n"))
		return err
	}
	if err := conn.SetDeadline(time.Now().Add(loginGraceTime)); err != nil {
		return err
	}
	peer, err := h.identify(conn)
	if err != nil || peer == nil {
		return err
	}
	l := &login{h: h, conn: conn, client: peer.version}
	var t transport = &goTransport{h: h}
	link, err := t.accept(peer, l)
	if err != nil {
		return ended(err)
	}
	authenticated()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	return h.serve(ctx, conn, link, l)
}

// drops is sshd's random early drop.
func (h *handler) drops(n int64) bool {
	switch {
	case n <= startupsBegin:
		return false
	case n > startupsFull:
		return true
	}
	return chance(startupsRate + int((100-startupsRate)*(n-startupsBegin)/(startupsFull-startupsBegin)))
}
