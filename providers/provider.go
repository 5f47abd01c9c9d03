// Package providers is the contract between the engine and whatever makes
// objects real: typed handlers, erased at the registry's edge, so that the
// author of a handler never sees an untyped value and the engine never sees a
// container or a link. It holds no implementation; each sub-folder is one.
package providers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Object types that the engine and every handler know by name.
const (
	TypeNetwork = "network"
	TypeDecky   = "decky"
	TypeService = "service"
	TypeRule    = "rule"
	TypeSink    = "sink"
)

// Runtimes. An object of neither runtime (a rule, a sink) has the empty one.
const (
	RuntimeDocker = "docker"
	RuntimeNative = "native"
)

// ErrGone is what Read returns for an object that no longer exists.
var ErrGone = errors.New("object is gone")

// UnavailableError says that a provider cannot look at or change its objects
// now: no engine, no privilege. Its objects are then unknown, never gone: a
// plan warns and keeps the prior state, an apply that needs them refuses.
type UnavailableError struct {
	Provider string // "docker"
	What     string // what is missing, lower case: "no engine answers at unix:///run/docker.sock"
	Remedy   string // what the operator can do, one sentence
	Err      error  // cause, may be nil
}

func (e *UnavailableError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Provider, e.What, e.Err)
	}
	return e.Provider + ": " + e.What
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// Owner marks an object as ours. Every object carries it where only the host
// can read it (container label, link alias, record file), never inside a decky.
type Owner struct {
	Lineage string `json:"lineage"` // the state's, a random word
	Address string `json:"address"` // the instance's
	Digest  string `json:"digest"`  // of the configuration that made it
}

// Env is what a provider is given once, at construction. Every field is set.
type Env struct {
	Log *slog.Logger
	Now func() time.Time
	// DataDir holds what must survive a restart of the host, by default
	// /var/lib/decnet; RunDir what must not, by default /run/decnet. Both are
	// shared by all lineages of the host: use DIR/<lineage>/...
	DataDir string
	RunDir  string
	// Decky is the path of the static decky binary, and DeckyDigest its
	// SHA-256 in hex ("" where the binary is missing).
	Decky       string
	DeckyDigest string
	// Derive is HMAC-SHA256 of label under the installation's secret, 32
	// bytes. Only Create and Update may call it.
	Derive func(label string) ([]byte, error)
	// DockerHost is the engine's address, "" for the environment's default.
	DockerHost string
	// Rootless allows the native runtime to do without uids of its workers' own
	// where the user namespace has none. Only the test runner sets it.
	Rootless bool
	// Supervisor is the command that starts the supervisor of a lineage where
	// something else than decnet runs it (systemd); nil, or no command, or one that
	// fails: decnet starts it itself.
	Supervisor func(lineage string) []string
}

// Provider is one leaf: a set of handlers over one kind of machinery. New
// never fails and never touches the world; what is missing shows when a handler
// is called. Close releases connections.
type Provider interface {
	Name() string
	Resources() []Resource
	Close() error
}

// Prober is implemented by a provider that can tell what this machine lacks
// (decnet doctor, and every apply before it touches anything).
type Prober interface {
	Probe(ctx context.Context) []Finding
}

// Preflighter is implemented by a provider that can foresee that an apply would
// fail. It must not change anything.
type Preflighter interface {
	Preflight(ctx context.Context, planned []Planned) []Finding
}

// Severity of a Finding.
type Severity string

// Severities: an error refuses an apply, a warning does not.
const (
	SeverityOK      Severity = "ok"
	SeverityWarning Severity = "warning"
	SeverityError   Severity = "error"
)

// Finding is one fact about the machine or about a planned object, and its
// remedy.
type Finding struct {
	Severity Severity `json:"severity"`
	Address  string   `json:"address,omitempty"` // the instance concerned, if any
	Summary  string   `json:"summary"`           // "parent interface eth7 does not exist"
	Remedy   string   `json:"remedy,omitempty"`  // "set network.office.parent to one of: eth0, eth1"
}
