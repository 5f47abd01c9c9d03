// Package reconciler is the engine: it reads what is alive, plans what must
// change, changes it step by step behind a write-ahead journal, and remembers
// the result. One algorithm serves plan, apply, destroy and the healing of
// drift. It is level-triggered: it looks at what is, not at which event came,
// and a run that was killed at any moment is completed by the next one.
//
//	engine, err := reconciler.New(reconciler.Config{Store: store, Registry: registry, DataDir: dir})
//	p, err := engine.Plan(ctx, desired, reconciler.PlanOptions{})
//	result, err := engine.Apply(ctx, p, reconciler.ApplyOptions{Holder: holder})
//
// What somebody else did to an object is drift: it is examined, put on record
// with its evidence and told before anything is done about it, each once.
//
// The package refuses to know a container, a link or a file of configuration:
// objects are the handlers' business and blocks the schema's.
package reconciler

import (
	"errors"
	"log/slog"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/event"
)

// DefaultParallelism is how many steps run at once where nothing else is said.
const DefaultParallelism = 16

// Config is what an engine works with.
type Config struct {
	Store    *state.Store        // required; the caller closes it
	Registry *providers.Registry // required; the caller closes it
	// DataDir holds what all configurations of the host share: reservations of
	// IPs, and who owns which lineage. Empty: neither is kept.
	DataDir string
	// Dir is the directory of the configuration, for messages to others.
	Dir string
	// Sensitive names the arguments of a service type that are sensitive in
	// themselves, for live objects that are taken in; nil: none are.
	Sensitive func(slug string) []string
	// Parallelism bounds the steps that run at once; 0 is DefaultParallelism.
	Parallelism int
	// Evidence is how much is found out of what drifted before it is healed. It
	// stands in the data directory; without one there is none.
	Evidence Evidence
	// Tell hands on the event of each drift, under the lock of the state and
	// before anything is healed; Teller makes one. It may be given an event
	// again, under the same id. What it refuses is told by the next run. nil:
	// nobody is told.
	Tell func(events ...*event.Event) error
	// Compromises knows whom recycle_on is about; nil: nobody does.
	Compromises Compromises
	Log         *slog.Logger     // nil discards
	Now         func() time.Time // nil is time.Now
	// Boundary, if set, is called at every boundary of the journal, in the
	// goroutine that is about to go on. Tests die there.
	Boundary func(b Boundary, address addr.Address)
}

// Boundary is a moment of a run at which a crash leaves something different
// behind than at the one before.
type Boundary string

// The boundaries, in the order a step meets them.
const (
	DriftRecorded Boundary = "drift recorded" // where there was any
	DriftTold     Boundary = "drift told"
	BeforeRun     Boundary = "before run"
	RunBegun      Boundary = "run begun"
	BeforeIntent  Boundary = "before intent"
	IntentDone    Boundary = "intent written"
	EffectDone    Boundary = "effect done"
	ResultDone    Boundary = "result written"
	BeforeFinish  Boundary = "before finish"
	Finished      Boundary = "finished"
)

// Engine plans and applies one state.
type Engine struct {
	config Config
}

// New checks the configuration and makes an engine. It opens nothing.
func New(config Config) (*Engine, error) {
	if config.Store == nil || config.Registry == nil {
		return nil, errors.New("make engine: a store and a registry are required")
	}
	if config.Parallelism < 0 {
		return nil, errors.New("make engine: the parallelism is negative")
	}
	if config.Parallelism == 0 {
		config.Parallelism = DefaultParallelism
	}
	config.Evidence.defaults()
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Boundary == nil {
		config.Boundary = func(Boundary, addr.Address) {}
	}
	return &Engine{config: config}, nil
}
