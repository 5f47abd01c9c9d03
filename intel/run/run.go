// Package run is intel as one daemon: it opens the store, follows the world and
// wires ingest, stages, sinks and the API together. It owns the order of start
// and stop, and refuses to know what its parts do.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/api"
	"github.com/decnet/decnet/intel/ingest"
	"github.com/decnet/decnet/intel/profile"
	"github.com/decnet/decnet/intel/sink"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/intel/stage"
	"github.com/decnet/decnet/intel/ttp"
)

// DefaultListen is where the API listens.
const DefaultListen = "127.0.0.1:8090"

// Config of a Daemon.
type Config struct {
	// Database is the path of the store; it is made with mode 0600.
	Database string
	// TokenFile holds the API's token; it is made at the first start with mode
	// 0600.
	TokenFile string
	// Listen is the API's address, on loopback; empty is DefaultListen, "-"
	// none.
	Listen string
	// World is followed.
	World intel.World
	// Watch are files and directories of which any change is a reason to ask
	// World again at once: the state file, the directory of the journals.
	// They need not exist yet.
	Watch []string
	// Refresh is how often World is asked without such a reason, default 5 s.
	Refresh time.Duration
	// Notifier brings detections to webhooks, chats and mail; nil: nobody does.
	// Its caller runs it.
	Notifier sink.Notifier
	// Log takes what the daemon has to say.
	Log *slog.Logger
	// Sync, if set, answers what the API is asked of followed repositories.
	Sync http.Handler
	// Ready is called once everything runs, with the API's address, if set.
	Ready func(address string)
}

// Daemon is intel. Make it with New and Run it once.
type Daemon struct {
	config   Config
	db       *sqlite.DB
	token    string
	listener net.Listener

	ingester *ingest.Ingester
	rules    *ttp.Stage
	runner   *stage.Runner
	sinks    *sink.Manager
	follower *follower
}

// New checks the configuration; it opens nothing.
func New(c Config) (*Daemon, error) {
	switch {
	case c.Database == "":
		return nil, errors.New("intel: no path for the database")
	case c.World == nil:
		return nil, errors.New("intel: no world to follow")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Refresh <= 0 {
		c.Refresh = 5 * time.Second
	}
	if c.Listen != "-" {
		if c.TokenFile == "" {
			return nil, errors.New("intel: no path for the API's token")
		}
		if err := loopback(c.Listen); err != nil {
			return nil, err
		}
	}
	return &Daemon{config: c}, nil
}

// loopback refuses an address that others could reach: the API has no TLS, so
// its token would cross the network in plain text.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("intel: listen address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("intel: listen address %q is not on loopback; the API speaks plain HTTP, so put a proxy with TLS before it", address)
	}
	return nil
}

// Run starts everything in order, blocks until ctx ends or a part cannot go
// on, and stops everything in reverse: journals first, then stages and sinks,
// which still get to the end of the log, then the store.
func (d *Daemon) Run(ctx context.Context) error {
	if err := d.open(ctx); err != nil {
		return err
	}
	defer func() {
		if err := d.db.Close(); err != nil {
			d.config.Log.Error("close the database", "error", err)
		}
	}()
	d.wire()
	// The world is known before anything is read: whose journal it is, and
	// which rules apply.
	d.follower.refresh(ctx)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	part := func(name string, run func(context.Context) error) func() {
		return d.start(ctx, cancel, name, run)
	}
	stopSinks := part("sinks", d.sinks.Run)
	stopStages := part("stages", d.runner.Run)
	stopIngest := part("ingest", d.ingester.Run)
	stopFollow := part("world", d.follower.run)
	stopAPI := part("api", d.serve)
	d.config.Log.Info("intel runs", "database", d.config.Database, "api", d.Address())
	if d.config.Ready != nil {
		d.config.Ready(d.Address())
	}
	<-ctx.Done()
	stopAPI()
	stopFollow()
	stopIngest()
	stopStages()
	stopSinks()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

// start runs a part until the returned function stops it, waiting. A part's
// error ends the whole daemon.
func (d *Daemon) start(ctx context.Context, fail context.CancelCauseFunc, name string, run func(context.Context) error) (stop func()) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() {
		if err := run(own); err != nil {
			fail(fmt.Errorf("intel: %s: %w", name, err))
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

func (d *Daemon) open(ctx context.Context) (err error) {
	if d.config.Listen != "-" {
		if d.token, err = token(d.config.TokenFile); err != nil {
			return err
		}
	}
	if d.db, err = sqlite.Open(ctx, d.config.Database); err != nil {
		return err
	}
	if d.config.Listen == "-" {
		return nil
	}
	var lc net.ListenConfig
	if d.listener, err = lc.Listen(ctx, "tcp", d.config.Listen); err != nil {
		return errors.Join(fmt.Errorf("intel: listen for the API: %w", err), d.db.Close())
	}
	return nil
}

func (d *Daemon) wire() {
	log := d.config.Log
	d.sinks = sink.New(d.db, log)
	d.sinks.Notifier = d.config.Notifier
	d.rules = ttp.New(d.db, ttp.CompileRule, log)
	d.runner = stage.New(d.db, d.db, log, profile.New(), d.rules)
	d.runner.Done = d.sinks.Wake
	d.ingester = ingest.New(ingest.Config{Log: d.db, Logger: log, Wake: func() { d.runner.Wake(); d.sinks.Wake() }})
	d.follower = &follower{config: d.config, daemon: d}
}

// Address is where the API listens, empty where it does not.
func (d *Daemon) Address() string {
	if d.listener == nil {
		return ""
	}
	return d.listener.Addr().String()
}

func (d *Daemon) serve(ctx context.Context) error {
	if d.listener == nil {
		return nil
	}
	server := &http.Server{
		Handler: api.New(api.Config{Query: d.db, Token: d.token, Deckies: d.follower.deckies, Health: d.health, Logger: d.config.Log, Sync: d.config.Sync}),
		// The longest answer is bounded by the handler.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(d.config.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(d.listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// The handlers' own time is bounded; what is left then is cut off.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = server.Close()
	}
	<-served
	return err
}
