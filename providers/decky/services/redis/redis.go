// Package redis is a decoy Redis server: its own RESP parser, the commands that
// clients and intruders use over a bounded keyspace that outlives restarts, and
// the error texts of the version it claims to be. It never contacts a master,
// loads a module, runs a script or writes a dump where a client says.
package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/persona"
)

// DefaultVersion is Debian 12's.
const DefaultVersion = "7.0.15"

// Config is what a service "redis" block may say.
type Config struct {
	Version     string            `json:"version" doc:"Version that INFO and HELLO show; the host's package version, else 7.0.15."`
	RequirePass string            `json:"requirepass" doc:"Password of the default user; without one everybody is let in." sensitive:"true"`
	Users       map[string]string `json:"users" doc:"Further users and their passwords, for AUTH with two arguments." sensitive:"true"`
}

var versionForm = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// Validate refuses what INFO could not show.
func (c *Config) Validate() error {
	if c.Version != "" && !versionForm.MatchString(c.Version) {
		return fmt.Errorf("version is %q, want three numbers such as %s", c.Version, DefaultVersion)
	}
	if strings.ContainsAny(c.RequirePass, "\r\n") {
		return errors.New("requirepass holds a line end")
	}
	return nil
}

// New is the service.
func New() decky.Service {
	return decky.Define(decky.Info{
		Slug: "redis", Summary: "Redis, an in-memory key-value store",
		Ports: []decky.Port{{Number: 6379, Transport: "tcp"}},
	}, open)
}

// server is the Redis of one decky. As in the original one lock orders all
// commands.
type server struct {
	env     decky.Env
	persona *persona.Persona
	version string
	major   int
	users   map[string]string
	started time.Time // as INFO shows it
	pid     int64
	held    budget

	mu       sync.Mutex
	keys     keyspace
	config   map[string]string
	clients  map[int64]*session
	lastID   int64
	scripts  map[string]string // by SHA-1
	saved    time.Time
	changes  int64
	master   string // host and port of SLAVEOF; recorded, never contacted
	saving   *time.Timer
	counters counters
}

// counters feed INFO.
type counters struct {
	connections, commands, hits, misses, errors int64
	calls                                       map[string]int64
	failed                                      map[string]int64
}

func open(c Config, env decky.Env) (decky.Handler, error) {
	version := c.Version
	if version == "" {
		version = env.Host.Packages["redis"]
	}
	if !versionForm.MatchString(version) {
		version = DefaultVersion
	}
	p := persona.New(env.Host)
	now := env.Now()
	s := &server{
		env: env, persona: p, version: version, users: map[string]string{}, config: map[string]string{}, clients: map[int64]*session{},
		scripts: map[string]string{}, started: p.ServiceStart(p.Boot(now), env.Name), pid: p.Number("pid/"+env.Name, 380, 1400),
		counters: counters{calls: map[string]int64{}, failed: map[string]int64{}},
	}
	s.saved = s.started
	s.major = int(version[0] - '0')
	maps.Copy(s.users, c.Users)
	for _, p := range parameters() {
		s.config[p.name] = p.value
	}
	s.config["requirepass"] = c.RequirePass
	if err := s.load(); err != nil {
		return nil, err
	}
	return s, nil
}

// ServeConn implements decky.Handler.
func (s *server) ServeConn(ctx context.Context, c decky.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	client := s.join(c)
	defer s.leave(client)
	var pump sync.WaitGroup
	defer pump.Wait()
	defer cancel()
	client.startPump = sync.OnceFunc(func() { pump.Go(func() { client.pump(ctx) }) })
	in := newReader(c, client.flush, client.locked, &s.held)
	defer in.release()
	defer client.release()
	for {
		args, err := in.next()
		var protocol protocolError
		switch {
		case errors.As(err, &protocol):
			return client.refuse(protocol)
		case errors.Is(err, io.EOF):
			return client.flush()
		case err != nil:
			return err
		}
		goOn, err := client.handle(args)
		if err != nil {
			return err
		}
		if !goOn {
			return client.flush()
		}
	}
}

func (s *server) join(c decky.Conn) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	s.counters.connections++
	client := &session{
		server: s, conn: c, id: s.lastID, since: s.env.Now(), user: "default", proto: 2, pushes: make(chan []byte, maxPushes),
		channels: map[string]bool{}, patterns: map[string]bool{}, authenticated: s.config["requirepass"] == "",
	}
	client.port = c.Port().Number
	s.clients[client.id] = client
	return client
}

func (s *server) leave(client *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, client.id)
}

// sessions are the clients by id.
func (s *server) sessions() []*session {
	return slices.SortedFunc(maps.Values(s.clients), func(a, b *session) int { return int(a.id - b.id) })
}
