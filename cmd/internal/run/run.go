// Package run is the life of a daemon: its parts start in order, each when the
// one before it is ready, and stop in reverse; it tells systemd of it
// (sd_notify(3)) and feeds its watchdog only while every part makes progress. It
// behaves the same in the foreground, where nobody listens. It owns signals,
// readiness and heartbeats, and refuses to know what the parts do.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Defaults of a Config.
const (
	DefaultStartPatience = 2 * time.Minute
	DefaultStopPatience  = time.Minute
)

// Part is a piece of a daemon with a life of its own.
type Part struct {
	Name string
	// Run serves until ctx ends and then returns nil; it calls self.Ready when
	// what comes after it may start. If it returns earlier, the daemon ends.
	Run func(ctx context.Context, self *Self) error
	// Stall is how long it may be without self.Beat until it counts as stuck;
	// 0: it is not watched.
	Stall time.Duration
	// Progress, if set, is the time of the last beat that is not told by
	// self.Beat; the later of both counts.
	Progress func() time.Time
	// Reload, if set, is called at SIGHUP. Its error is logged and told to
	// systemd; the daemon goes on as it was.
	Reload func(ctx context.Context) error
}

// Self is how a running part speaks of itself. It is safe for concurrent use.
type Self struct {
	once  sync.Once
	ready chan struct{}

	mu   sync.Mutex
	beat time.Time
}

// Ready says that what builds on the part may start. More calls do nothing.
func (s *Self) Ready() { s.once.Do(func() { close(s.ready) }) }

// Beat says that the part makes progress.
func (s *Self) Beat() {
	s.mu.Lock()
	s.beat = time.Now()
	s.mu.Unlock()
}

func (s *Self) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beat
}

// Config of a Daemon.
type Config struct {
	Log *slog.Logger // nil discards
	// Notify tells systemd; nil: through NOTIFY_SOCKET, if that is set.
	Notify func(state string) error
	// Watchdog is how long systemd waits for a sign of life; 0: what
	// WATCHDOG_USEC says, negative: no watchdog.
	Watchdog time.Duration
	// StartPatience is how long a part may take to be ready, StopPatience how
	// long all of them may take to end; the defaults where 0.
	StartPatience, StopPatience time.Duration
	// Hangup asks for a reload; nil: SIGHUP of this process.
	Hangup <-chan os.Signal
	// Status, if set, is asked every few seconds for the line that systemctl
	// status shows.
	Status func() string
}

// Daemon runs parts. Make it with New and Run it once.
type Daemon struct {
	config Config
	parts  []*part

	mu      sync.Mutex
	started bool // every part is ready
}

type part struct {
	Part
	self   *Self
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned
	begun  bool          // guarded by Daemon.mu
}

// New makes a daemon of parts, in the order of their start.
func New(config Config, parts ...Part) (*Daemon, error) {
	d := &Daemon{config: config}
	if d.config.Log == nil {
		d.config.Log = slog.New(slog.DiscardHandler)
	}
	if d.config.StartPatience == 0 {
		d.config.StartPatience = DefaultStartPatience
	}
	if d.config.StopPatience == 0 {
		d.config.StopPatience = DefaultStopPatience
	}
	if d.config.Notify == nil {
		d.config.Notify = func(state string) error {
			_, err := daemon.SdNotify(false, state)
			return err
		}
	}
	if d.config.Watchdog == 0 {
		interval, err := daemon.SdWatchdogEnabled(false)
		if err != nil {
			return nil, fmt.Errorf("run: watchdog: %w", err)
		}
		d.config.Watchdog = interval
	}
	names := map[string]bool{}
	for _, p := range parts {
		if p.Name == "" || p.Run == nil || names[p.Name] {
			return nil, fmt.Errorf("run: part %q has no name, no Run or the name of another", p.Name)
		}
		names[p.Name] = true
		d.parts = append(d.parts, &part{Part: p, self: &Self{ready: make(chan struct{})}, done: make(chan struct{})})
	}
	return d, nil
}

// Run starts the parts, blocks until ctx ends or a part does, and stops them in
// reverse. Its error is that of the part that could not go on, or names those
// that did not end within StopPatience: they are left behind, and the process
// should end.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var feeding sync.WaitGroup
	feed, stopFeeding := context.WithCancel(context.WithoutCancel(ctx))
	feeding.Go(func() { d.feed(feed) })
	defer func() { stopFeeding(); feeding.Wait() }()
	hangup := d.config.Hangup
	if hangup == nil { // one that comes while the parts start must not end the process
		own := make(chan os.Signal, 1)
		signal.Notify(own, syscall.SIGHUP)
		defer signal.Stop(own)
		hangup = own
	}

	if err := d.start(ctx, fail); err != nil {
		fail(err)
	} else {
		d.mu.Lock()
		d.started = true
		d.mu.Unlock()
		d.notify(daemon.SdNotifyReady)
		d.serve(ctx, hangup)
	}
	cause := context.Cause(ctx)
	d.notify(daemon.SdNotifyStopping)
	d.mu.Lock()
	d.started = false
	d.mu.Unlock()
	err := d.stop()
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		cause = nil
	}
	return errors.Join(cause, err)
}

// start starts the parts one after the other.
func (d *Daemon) start(ctx context.Context, fail context.CancelCauseFunc) error {
	for _, p := range d.parts {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		p.cancel = cancel
		p.self.Beat()
		d.mu.Lock()
		p.begun = true
		d.mu.Unlock()
		go func() { // waited for in stop
			defer close(p.done)
			err := p.Run(own, p.self)
			switch {
			case own.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
			case own.Err() != nil:
				d.config.Log.Error("a part did not end well", "part", p.Name, "error", err)
			case err != nil:
				fail(fmt.Errorf("%s: %w", p.Name, err))
			default:
				fail(fmt.Errorf("%s: it ended by itself", p.Name))
			}
		}()
		patience := time.NewTimer(d.config.StartPatience)
		select {
		case <-p.self.ready:
			d.config.Log.Debug("started", "part", p.Name)
		case <-ctx.Done():
		case <-patience.C:
			patience.Stop()
			return fmt.Errorf("%s: not ready after %s", p.Name, d.config.StartPatience)
		}
		patience.Stop()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// stop ends what was started, the last first.
func (d *Daemon) stop() error {
	patience := time.NewTimer(d.config.StopPatience)
	defer patience.Stop()
	var late []string
	over := false
	for i := len(d.parts) - 1; i >= 0; i-- {
		p := d.parts[i]
		if p.cancel == nil {
			continue
		}
		p.cancel()
		if !over {
			select {
			case <-p.done:
				d.config.Log.Debug("stopped", "part", p.Name)
				continue
			case <-patience.C:
				over = true
			}
		}
		select {
		case <-p.done:
		default:
			late = append(late, p.Name)
		}
	}
	if len(late) > 0 {
		return fmt.Errorf("still at work %s after the end was asked for: %s", d.config.StopPatience, strings.Join(late, ", "))
	}
	return nil
}

// serve handles reloads until ctx ends.
func (d *Daemon) serve(ctx context.Context, hangup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			d.reload(ctx)
		}
	}
}

func (d *Daemon) reload(ctx context.Context) {
	d.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	var errs []error
	for _, p := range d.parts {
		if p.Reload == nil {
			continue
		}
		if err := p.Reload(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.Name, err))
		}
	}
	err := errors.Join(errs...)
	status := "read again"
	if err != nil {
		d.config.Log.Error("reload: everything stays as it was", "error", err)
		status = "reload refused: " + err.Error()
	} else {
		d.config.Log.Info("reloaded")
	}
	d.notify(daemon.SdNotifyReady + "\n" + statusLine(status))
}
