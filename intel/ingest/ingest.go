// Package ingest carries events from journals into the log, exactly once. It
// owns following the journal directories, the order in which events of several
// journals enter the log, and the distrust of what they say; it refuses to
// interpret events.
//
// A batch is committed together with the positions behind it, and only then
// acknowledged to the journals' writers, which may delete what was
// acknowledged. Killed before the commit, the collector reads the same records
// again; killed after it, it starts behind them.
//
// A journal that is unreadable, torn or hostile costs its own events, a
// counter and a line of log, never the collector.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/schema/event/journal"
)

// Config of an Ingester; a zero field takes its default.
type Config struct {
	Log    intel.Log
	Logger *slog.Logger
	// Wake is called after events were stored, if set.
	Wake func()
	// Batch is the most events of one transaction, default 8192.
	Batch int
	// Poll is how often journals are looked at of which the kernel reported
	// nothing, default 10 s; where it cannot report, they are looked at every
	// second.
	Poll time.Duration
	// AckEvery is how often positions are acknowledged, default 1 s.
	AckEvery time.Duration
	Now      func() time.Time
}

func (c *Config) defaults() {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Wake == nil {
		c.Wake = func() {}
	}
	if c.Batch <= 0 {
		c.Batch = 8192
	}
	if c.Poll <= 0 {
		c.Poll = 10 * time.Second
	}
	if c.AckEvery <= 0 {
		c.AckEvery = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Stats are counters since the start.
type Stats struct {
	Journals   int64     `json:"journals"` // followed now
	Stored     int64     `json:"stored"`
	Duplicates int64     `json:"duplicates"`
	Corrupt    int64     `json:"corrupt"`
	Flagged    int64     `json:"flagged"`
	Errors     int64     `json:"errors"`
	Waiting    int64     `json:"waiting"` // journals with news not yet read
	LagMS      int64     `json:"lag_ms"`  // from the last stored event's time to its storing
	LastStored time.Time `json:"last_stored,omitzero"`
}

// Ingester follows journals. Make it with New, tell it of journals with
// Follow, and Run it once.
type Ingester struct {
	config Config
	follow chan []intel.Journal

	stored, duplicates, corrupt, flagged, errors, waiting, journals, lag, last atomic.Int64
}

// New prepares an Ingester that stores to c.Log.
func New(c Config) *Ingester {
	c.defaults()
	return &Ingester{config: c, follow: make(chan []intel.Journal, 1)}
}

// Follow replaces the set of journals that are followed. It does not block.
func (in *Ingester) Follow(journals []intel.Journal) {
	for {
		select {
		case in.follow <- journals:
			return
		default:
		}
		select {
		case <-in.follow: // overtaken by the newer set
		default:
		}
	}
}

// Stats returns the counters.
func (in *Ingester) Stats() Stats {
	s := Stats{
		Journals: in.journals.Load(), Stored: in.stored.Load(), Duplicates: in.duplicates.Load(), Corrupt: in.corrupt.Load(),
		Flagged: in.flagged.Load(), Errors: in.errors.Load(), Waiting: in.waiting.Load(), LagMS: in.lag.Load(),
	}
	if last := in.last.Load(); last != 0 {
		s.LastStored = time.UnixMicro(last).UTC()
	}
	return s
}

// Run follows journals until ctx ends, then stores what it had read,
// acknowledges it and returns nil. An error means that it could not begin.
func (in *Ingester) Run(ctx context.Context) error {
	offsets, err := in.config.Log.Offsets(ctx)
	if err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	f := newFollower(in, offsets)
	batches := make(chan *round)
	var group sync.WaitGroup
	group.Go(func() {
		defer close(batches)
		f.run(ctx, batches)
	})
	in.commit(ctx, batches)
	group.Wait()
	return nil
}

// round is one batch with the directories that it came from.
type round struct {
	batch   intel.Batch
	sources []ack // as many as batch.Offsets, in their order
}

type ack struct {
	dir      string
	position journal.Position
}

// commit stores rounds until the channel closes.
func (in *Ingester) commit(ctx context.Context, rounds <-chan *round) {
	pending := map[string]journal.Position{}
	lost := false
	tick := time.NewTicker(in.config.AckEvery)
	defer tick.Stop()
	defer in.acknowledge(pending)
	for {
		select {
		case r, ok := <-rounds:
			if !ok {
				return
			}
			// Behind a round that was lost nothing may be stored: its
			// positions would pass over the lost events.
			if lost = lost || !in.store(ctx, r); lost {
				continue
			}
			for _, a := range r.sources {
				pending[a.dir] = a.position
			}
		case <-tick.C:
			in.acknowledge(pending)
		}
	}
}

// store commits one round, trying until it succeeds or ctx ends: giving up
// otherwise would lose the events, and the journals keep what comes meanwhile.
// On the way out one last attempt is made.
func (in *Ingester) store(ctx context.Context, r *round) bool {
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		out, err := in.config.Log.Append(context.WithoutCancel(ctx), r.batch)
		if err == nil {
			in.count(r, out)
			return true
		}
		in.errors.Add(1)
		in.config.Logger.Error("storing events does not work; trying again", "error", err, "events", len(r.batch.Events), "after", delay)
		if ctx.Err() != nil {
			return false
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}

func (in *Ingester) count(r *round, out intel.Appended) {
	in.stored.Add(int64(len(out.Stored)))
	in.duplicates.Add(int64(out.Duplicates))
	for _, o := range r.batch.Offsets {
		in.corrupt.Add(o.Corrupt)
		in.flagged.Add(o.Flagged)
	}
	if n := len(r.batch.Events); n > 0 {
		now := in.config.Now()
		in.lag.Store(max(0, now.Sub(r.batch.Events[n-1].Time).Milliseconds()))
		in.last.Store(now.UnixMicro())
		in.config.Wake()
	}
}

func (in *Ingester) acknowledge(pending map[string]journal.Position) {
	for dir, p := range pending {
		delete(pending, dir)
		if err := journal.Acknowledge(dir, p); err != nil && !gone(err) {
			in.errors.Add(1)
			in.config.Logger.Warn("journal takes no acknowledgement", "journal", dir, "error", err)
		}
	}
}

var errNotDirectory = errors.New("no directory")
