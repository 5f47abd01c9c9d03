// Package daemon is decnet reconcile put together: a loop per configuration,
// the repositories they are followed in, whoever is told, the control socket,
// health and metrics. It owns the order of these, one daemon per state, and
// what a reload replaces; it refuses to know the language and the providers,
// which its Host brings.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
)

// Site is one configuration: where it stands, and what it is told from outside.
type Site struct {
	Name string // for logs, metrics and messages
	// Dir holds the files; of a followed repository it changes with the commit,
	// and is empty until there is one.
	Dir string
	// State and Secret are absolute paths; Secret empty: beside the state.
	State, Secret string
	// Given says that what the files themselves say of state and secret is not
	// to be believed.
	Given       bool
	VarFiles    []string // weakest first
	Variables   []schema.Value
	Runtime     string
	Parallelism int
	// Intel is the database of decnet intel; empty: where it usually stands.
	Intel string
	// Modules is where fetched modules are kept between commits; empty: where
	// decnet get put them.
	Modules string
	// Bounds are those of files that come from a repository; nil: they are the
	// operator's own.
	Bounds *Bounds
}

// Session is the engine of a site.
type Session struct {
	Store    *state.Store
	Registry *providers.Registry
	Engine   *reconciler.Engine
	// Runtime is the default that deckies run on.
	Runtime string
	Close   func() error
}

// Host is what the program brings.
type Host interface {
	// Open opens the state of a site and wires its engine. The caller closes it.
	Open(ctx context.Context, site Site) (*Session, error)
	// Evaluate makes of the files of a site what they want. Its error is for
	// people, without values.
	Evaluate(ctx context.Context, s *Session, site Site) (*schema.Desired, error)
	// Applied notes what else an apply leaves: the outputs.
	Applied(ctx context.Context, s *Session, desired *schema.Desired) error
}

// keeper keeps one site live. It holds the claim on its state.
type keeper struct {
	site    Site
	host    Host
	session *Session
	loop    *loop.Loop
	claim   *claim
	sinks   *delivery.Dispatcher // those of the configuration; nil: they are not told
	log     *slog.Logger
	observe func(site string, p loop.Pass)
}

// keeperOptions are what all loops of a daemon share.
type keeperOptions struct {
	holder   state.Holder
	interval time.Duration
	log      *slog.Logger
	passed   func(site string, p loop.Pass) // may be nil
}

// keep opens a site and makes its loop.
func keep(ctx context.Context, host Host, site Site, o keeperOptions) (_ *keeper, err error) {
	k := &keeper{site: site, host: host, log: o.log.With("sync", site.Name), observe: o.passed}
	if k.claim, err = claimState(site.State); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	if k.session, err = host.Open(ctx, site); err != nil {
		return nil, err
	}
	k.loop, err = loop.New(loop.Config{
		Engine: k.session.Engine, Store: k.session.Store, Registry: k.session.Registry, Runtime: k.session.Runtime,
		Holder: o.holder, Interval: o.interval, Log: k.log,
		Passed: func(p loop.Pass) {
			if k.observe != nil {
				k.observe(site.Name, p)
			}
		},
	})
	return k, err
}

func (k *keeper) close() error {
	var errs []error
	if k.sinks != nil {
		errs = append(errs, k.sinks.Close())
	}
	if k.session != nil {
		errs = append(errs, k.session.Close())
	}
	return errors.Join(append(errs, k.claim.release())...)
}

// stall is how long a pass or an apply may take until the daemon counts as
// stuck: many containers take their time.
const stall = 15 * time.Minute

// progress is when the loop was last seen to be well: now, while it waits for
// its time.
func (k *keeper) progress() time.Time {
	report, now := k.loop.Report(), time.Now()
	if report.Next.IsZero() || report.Next.After(now) {
		return now
	}
	return report.Next
}

// part runs the loop.
func (k *keeper) part() run.Part {
	return run.Part{
		Name: "loop " + k.site.Name, Stall: stall, Progress: k.progress,
		Run: func(ctx context.Context, self *run.Self) error {
			self.Ready()
			return k.loop.Run(ctx)
		},
	}
}

// adopt applies, and keeps what else an apply leaves.
func (k *keeper) adopt(ctx context.Context, desired *schema.Desired, p *plan.Plan, command string) (*reconciler.Result, error) {
	result, err := k.loop.Adopt(ctx, desired, p, command)
	if result != nil {
		if kept := k.host.Applied(context.WithoutCancel(ctx), k.session, desired); kept != nil {
			k.log.Error("keep the outputs", "error", kept)
		}
		if told := k.tellSinks(context.WithoutCancel(ctx)); told != nil {
			k.log.Error("sinks of the repository", "error", told)
		}
	}
	return result, err
}

// unready says why the site is not ready, a reason each.
func (k *keeper) unready() []string {
	report := k.loop.Report()
	if report.Last.Began.IsZero() {
		return []string{k.site.Name + ": the first pass is not done"}
	}
	var why []string
	for _, t := range []status.Type{status.Ready, status.Stalled} {
		c := report.Conditions.Get(t)
		if t == status.Ready && c.Status == status.True || t == status.Stalled && c.Status != status.True {
			continue
		}
		why = append(why, fmt.Sprintf("%s: %s is %s: %s", k.site.Name, t, c.Status, clean(c.Reason+" "+c.Message)))
	}
	return why
}

// clean is text in one line, capped.
func clean(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "..."
	}
	return text
}

// Summary is how sites do, in one line.
func summary(keepers []*keeper) string {
	var well, ill []string
	for _, k := range keepers {
		if len(k.unready()) == 0 {
			well = append(well, k.site.Name)
		} else {
			ill = append(ill, k.site.Name)
		}
	}
	slices.Sort(ill)
	if len(ill) == 0 {
		return fmt.Sprintf("keeping %d live", len(well))
	}
	return fmt.Sprintf("keeping %d live, %d not ready: %s", len(well), len(ill), strings.Join(ill, ", "))
}
