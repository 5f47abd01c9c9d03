// Package decky is the service contract: what a protocol face is given, what it
// must do, and how its configuration reaches the process that serves it. It
// holds no protocol and no listener; services/<slug> implement it, the runtime
// package serves it. It imports schema/event only, so that the binary inside a
// decky links nothing an intruder could use.
package decky

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/decnet/decnet/schema/event"
)

// Info describes a service.
type Info struct {
	Slug    string // "ssh"
	Summary string // one sentence without a full stop
	Ports   []Port // what it listens on by default
}

// Port is one listening port.
type Port struct {
	Number    uint16 `json:"number"`
	Transport string `json:"transport"` // "tcp" or "udp"
}

// Env is what a service is given when it is opened, once per decky and service.
type Env struct {
	Log  *slog.Logger
	Now  func() time.Time
	Host Host
	// Name is the service's name within the decky: "ssh" or "ssh.label".
	Name string
	// Derive is 32 bytes for label that are this decky's own and the same
	// after every restart: host keys, salts, ids come from it.
	Derive func(label string) []byte
	// Store keeps what clients wrote over restarts.
	Store Store
	// SharedStore is a Store that all services of the decky have in common,
	// for what more than one of them shows: its files, who logged in.
	// Another process may write it: Load what may have changed before use.
	SharedStore Store
	// Shared is the value under key that all services of this decky have in
	// common within one process: the first call makes it, and make must not
	// call Shared. A value that is a Flusher is flushed when the decky's last
	// service goes. Keys are the code's own, never a client's.
	Shared func(key string, make func() any) any
	// Process names this process among those that serve the decky; empty where
	// it serves all of it.
	Process string
	// Services are those that the decky has now, this one among them, by name;
	// nil where that is not known. Another process may serve some of them.
	Services func() []Listening
}

// Listening is a service of a decky as the decky's machine knows it.
type Listening struct {
	Name string `json:"name"` // "ssh" or "ssh.label"
	Slug string `json:"slug"`
	// Program is the product that claims the ports: "openssh", "nginx"; the slug
	// where the service does not tell.
	Program string `json:"program"`
	Ports   []Port `json:"ports"`
}

// ErrQuota says that a value does not fit into a store.
var ErrQuota = errors.New("the store's quota is used up")

// Store keeps small named values within a quota. A value that does not fit is
// refused with ErrQuota and the old one stays.
type Store interface {
	Load(name string) ([]byte, error) // nil, nil where there is none
	Save(name string, data []byte) error
	// Update saves what change makes of the value, alone among everybody who
	// holds the store: nobody saves between the two. change gets nil where there
	// is none, returns nil to remove the value and an error to leave it, which
	// Update returns; it must not use the store.
	Update(name string, change func(old []byte) ([]byte, error)) error
}

// Handler serves the connections of one service of one decky, many at once.
type Handler interface {
	// ServeConn speaks the protocol until the session ends. The runtime
	// recorded connection.opened before, closes the connection and records
	// connection.closed after, and survives a panic. The returned error is
	// noted in connection.closed; nil is a normal end.
	ServeConn(ctx context.Context, conn Conn) error
}

// Flusher is implemented by a handler that must save something at shutdown.
type Flusher interface{ Flush() error }

// Conn is one client's connection, with limits and deadlines of the runtime
// inside it: a Read or Write fails once a limit is reached. ctx of ServeConn
// ends when the decky stops.
type Conn interface {
	net.Conn
	// Session is the id that groups this connection's events.
	Session() string
	// Port is the configured port that the client reached.
	Port() Port
	// Record appends an event of this session to the journal and returns when
	// the record survives the death of this process. Record first, then
	// answer: what a client saw is always on record.
	Record(body event.Body) error
	// ResetOnClose makes the runtime end the connection with RST instead of
	// FIN.
	ResetOnClose()
}

// Service is a Define'd service with its configuration's type erased.
type Service struct {
	info      Info
	arguments []Argument
	check     func(json.RawMessage) error
	program   func(json.RawMessage, Host) string
	open      func(json.RawMessage, Env) (Handler, error)
}

// Define makes a Service from its description and its open function. C is a
// struct whose exported fields are the arguments (see Argument for the tags);
// where it has a method Validate() error, that is called at plan time, and where
// it has a method Program(Host) string, that names the product it claims to be
// (see Listening). Define panics on a C that cannot be described: a programmer's
// error.
func Define[C any](info Info, open func(config C, env Env) (Handler, error)) Service {
	arguments := argumentsOf[C]()
	return Service{
		info:      info,
		arguments: arguments,
		check: func(raw json.RawMessage) error {
			_, err := decodeConfig[C](raw, arguments)
			return err
		},
		program: func(raw json.RawMessage, host Host) string {
			config, err := decodeConfig[C](raw, arguments)
			if p, ok := any(&config).(interface{ Program(Host) string }); ok && err == nil {
				return p.Program(host)
			}
			return info.Slug
		},
		open: func(raw json.RawMessage, env Env) (Handler, error) {
			config, err := decodeConfig[C](raw, arguments)
			if err != nil {
				return nil, fmt.Errorf("configuration of %s: %w", info.Slug, err)
			}
			return open(config, env)
		},
	}
}

// Info describes the service.
func (s Service) Info() Info { return s.info }

// Arguments lists what a configuration may say, in the order of the struct.
func (s Service) Arguments() []Argument { return s.arguments }

// Check tells what is wrong with a configuration; nil, empty and {} are the
// defaults.
func (s Service) Check(config json.RawMessage) error { return s.check(config) }

// Listening is the service with a configuration on ports of host.
func (s Service) Listening(spec ServiceSpec, host Host) Listening {
	return Listening{Name: spec.Name, Slug: spec.Slug, Program: s.program(spec.Arguments, host), Ports: spec.Ports}
}

// Open prepares the service for one decky.
func (s Service) Open(config json.RawMessage, env Env) (Handler, error) { return s.open(config, env) }
