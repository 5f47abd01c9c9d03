// Package loop keeps one configuration live: it plans and applies what
// somebody else changed, with the same engine as the command line, for as long
// as it runs. It is level-triggered: a notice of a provider, a timer or a caller
// only makes it look, and what it sees decides. It refuses to decide what is
// wanted, to read a repository or a file, and to do anything while another holds
// the state's lock.
//
//	l, err := loop.New(loop.Config{Engine: engine, Store: store, Registry: registry, Holder: holder})
//	go l.Run(ctx)
//	p, err := l.Plan(ctx, desired)
//	result, err := l.Adopt(ctx, desired, p, "sync")
package loop

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
)

// What a Config that says nothing means.
const (
	DefaultInterval = time.Minute
	DefaultSettle   = 20 * time.Millisecond
	DefaultFirst    = time.Second
	DefaultMost     = 5 * time.Minute
	DefaultFailures = 5
	DefaultHeals    = 5
	DefaultLockWait = 2 * time.Second
)

// Command is the verb of the loop's own runs in the history and in the lock.
const Command = "reconcile"

// Backoff is how long an address that cannot be healed is left alone: First
// after the first failure, twice as long after each further one, at most Most,
// each a little shorter or longer by chance.
type Backoff struct {
	First time.Duration // 0: DefaultFirst
	Most  time.Duration // 0: DefaultMost
}

// Config is what a loop works with.
type Config struct {
	Engine   *reconciler.Engine  // required
	Store    *state.Store        // required, the engine's; the caller closes it
	Registry *providers.Registry // required, the engine's; the caller closes it
	// Desired is what was applied last, asked for at the beginning of a pass
	// until something is adopted; nil: what the state remembers.
	Desired func(ctx context.Context) (*schema.Desired, error)
	// Runtime is the default that the first configuration was resolved with; a
	// state that has one keeps it.
	Runtime string
	Holder  state.Holder // in the lock and the history; Command and Since are filled in
	// Interval is between two full looks while nothing happens, give or take a
	// tenth; 0: DefaultInterval.
	Interval time.Duration
	// Settle is how long the loop waits after a notice for further ones; 0:
	// DefaultSettle.
	Settle  time.Duration
	Backoff Backoff
	// Failures in a row after which an address is called stalled; 0:
	// DefaultFailures.
	Failures int
	// Heals of one address in a row, none of which lasted three seconds, after
	// which it is called flapping and is left alone as if healing had failed; so it
	// is after eight times as many within ten minutes. 0: DefaultHeals.
	Heals int
	// LockWait is how long a pass, or Adopt, waits for the state's lock; 0:
	// DefaultLockWait.
	LockWait time.Duration
	Log      *slog.Logger     // nil discards
	Now      func() time.Time // nil is time.Now
	Rand     func() float64   // in [0, 1); nil is that of math/rand
	// Passed is told of each pass, in its goroutine: what it does holds the next
	// one up. nil: nobody is told.
	Passed func(Pass)
}

// Loop keeps one configuration live. All methods may be called from many
// goroutines.
type Loop struct {
	config  Config
	wakes   wakes
	turn    chan struct{} // holds a token while a pass or an Adopt is under way
	metrics counters
	report  atomic.Pointer[Report]
	running atomic.Bool
	heard   atomic.Bool // a provider began to hear since the last pass

	mu      sync.Mutex // guards the fields below
	adopted *schema.Desired
	held    string // why; empty: it is not
	holding bool
	// concerned are the providers whose kinds occur, by name; it is replaced, not
	// changed.
	concerned map[string]bool

	// Only who has the turn touches these.
	troubles troubles
	recorded string    // what drift the engine put on record
	noted    int       // runs in a row that only took note of something
	unheard  int       // times in a row that an event could not be handed on
	untold   time.Time // an event that could not be handed on is tried again; zero: there is none
	blind    string    // why it is not known whom recycle_on is about
	recycle  time.Time // the next decky's time is up; zero: none's
	failing  failing
	next     time.Time // of the full look
}

// New checks the configuration and makes a loop. It looks at nothing.
func New(config Config) (*Loop, error) {
	if config.Engine == nil || config.Store == nil || config.Registry == nil {
		return nil, errors.New("make loop: an engine, its store and its registry are required")
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&config.Interval, DefaultInterval},
		{&config.Settle, DefaultSettle},
		{&config.Backoff.First, DefaultFirst},
		{&config.Backoff.Most, DefaultMost},
		{&config.LockWait, DefaultLockWait},
	} {
		if *d.value < 0 {
			return nil, errors.New("make loop: a duration is negative")
		}
		if *d.value == 0 {
			*d.value = d.or
		}
	}
	if config.Failures < 0 || config.Heals < 0 {
		return nil, errors.New("make loop: a count is negative")
	}
	if config.Failures == 0 {
		config.Failures = DefaultFailures
	}
	if config.Heals == 0 {
		config.Heals = DefaultHeals
	}
	if config.Backoff.Most < config.Backoff.First {
		return nil, errors.New("make loop: the longest backoff is shorter than the first")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Rand == nil {
		config.Rand = rand.Float64
	}
	l := &Loop{config: config, turn: make(chan struct{}, 1), troubles: troubles{}}
	l.wakes.signal = make(chan struct{}, 1)
	l.report.Store(&Report{Conditions: unknownYet(config.Now())})
	return l, nil
}

// Run watches, looks and heals until ctx ends; then it returns nil, as soon as
// the step in flight is recorded and every watcher has ended. It runs once at a
// time.
func (l *Loop) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return errors.New("run loop: it runs already")
	}
	defer l.running.Store(false)
	w := l.newWatch()
	defer w.stop()
	pace := pace{every: passEvery, most: passBurst, left: passBurst, at: l.config.Now()}
	w.begin(ctx)
	w.hear(ctx)
	for why := []string{"start"}; ; {
		if ctx.Err() == nil && sleep(ctx, pace.take(l.config.Now())) {
			pace.took(l.pass(ctx, append(why, l.wakes.take()...)))
			w.follow(ctx)
		}
		if why = l.wait(ctx); ctx.Err() != nil {
			return nil
		}
	}
}

// Wake makes the loop look soon. Why is for logs.
func (l *Loop) Wake(why string) { l.wakes.add(why) }

// wait returns when there is a reason to look, and that reason.
func (l *Loop) wait(ctx context.Context) []string {
	if l.take(ctx) != nil { // an Adopt decides when to look again, too
		return nil
	}
	at, why := l.due()
	l.release()
	timer := time.NewTimer(at.Sub(l.config.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-timer.C:
		return []string{why}
	case <-l.wakes.signal:
	}
	l.metrics.wakes.Add(1)
	if l.take(ctx) != nil {
		return nil
	}
	pause := max(l.config.Settle, l.failing.notBefore(l.config.Now()))
	l.release()
	sleep(ctx, pause)
	return nil
}

// due is when the loop looks next though nothing happens, and why.
func (l *Loop) due() (time.Time, string) {
	at, why := l.next, "resync"
	for _, other := range []struct {
		at  time.Time
		why string
	}{{l.failing.until, "retry"}, {l.troubles.next(), "retry"}, {l.untold, "tell"}, {l.recycle, "recycle"}} {
		if !other.at.IsZero() && other.at.Before(at) {
			at, why = other.at, other.why
		}
	}
	return at, why
}

// take gives the turn, which release gives back.
func (l *Loop) take(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Loop) release() { <-l.turn }

// sleep waits and tells whether ctx still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
