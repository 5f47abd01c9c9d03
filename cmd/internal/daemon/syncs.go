package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// Syncs follows the repositories of the daemon's own file, and keeps what was
// applied of each live.
type Syncs struct {
	Host    Host
	File    string // path of the daemon's file
	DataDir string
	// Load reads the file, and says what is wrong with it.
	Load    func() (*syncfile.File, error)
	Holder  state.Holder
	Socket  string // of the control API
	Readers int    // see control.Server
	Metrics string // address of health and metrics; empty: as the file says
	Exposed bool   // it may be one that others reach
	Version string
	Log     *slog.Logger
	Run     run.Config // what tests replace; Log and Status are set here
}

// syncs is a running Syncs.
type syncs struct {
	Syncs
	figures *metrics
	news    *gitsync.News // of every generation
	outer   *run.Daemon

	mu      sync.Mutex
	current *generation // nil while there is none
	swap    chan order
	begun   bool // follow has the first generation, and closes it; read when nothing runs
}

// order replaces the generation.
type order struct {
	file *syncfile.File
	done chan error
}

// Serve follows until ctx ends. Deckies stay.
func (d Syncs) Serve(ctx context.Context) error {
	s := &syncs{Syncs: d, figures: newMetrics(d.Version), news: gitsync.NewNews(), swap: make(chan order)}
	file, err := s.Load()
	if err != nil {
		return err
	}
	if control.Taken(s.Socket) {
		return fmt.Errorf("another decnet reconcile listens at %s; end that one first, or name another socket", s.Socket)
	}
	listen := s.Metrics
	if listen == "" && file.Metrics != nil {
		listen = file.Metrics.Listen
	}
	health := run.Health{Listen: listen, Exposed: s.Exposed, Log: s.Log, Stuck: s.stuck, Unready: s.unready, Metrics: s.figures.handler()}
	if err := health.Check(); err != nil {
		return err
	}
	first, err := s.generate(ctx, file)
	if err != nil {
		return err
	}
	config := d.Run
	config.Log, config.Status = s.Log, s.status
	following := run.Part{Name: "syncs", Stall: time.Minute, Progress: s.progress, Reload: s.reload, Run: func(ctx context.Context, self *run.Self) error {
		return s.follow(ctx, self, first)
	}}
	server := control.Server{Socket: s.Socket, Reader: s, Operator: s, Readers: s.Readers, Log: s.Log}
	if s.outer, err = run.New(config, health.Part(), server.Part(), following); err != nil {
		return errors.Join(err, first.close())
	}
	s.Log.Info("following", "syncs", len(file.Syncs), "file", s.File, "socket", s.Socket, "metrics", listen)
	err = s.outer.Run(ctx)
	if !s.begun { // it never got to its turn
		err = errors.Join(err, first.close())
	}
	return err
}

// follow runs one generation after the other.
func (d *syncs) follow(ctx context.Context, self *run.Self, g *generation) error {
	d.begun = true
	for {
		next, err := d.live(ctx, self, g)
		err = errors.Join(err, g.close())
		if ctx.Err() != nil || err != nil {
			return err
		}
		fresh, failed := d.generate(ctx, next.file)
		if failed != nil {
			d.Log.Error("the file is right and cannot be followed; the former one is", "error", failed)
			if fresh, err = d.generate(ctx, g.file); err != nil {
				next.done <- errors.Join(failed, err)
				return errors.Join(failed, err)
			}
		}
		next.done <- failed
		g = fresh
	}
}

// live runs a generation until ctx ends or another is ordered.
func (d *syncs) live(ctx context.Context, self *run.Self, g *generation) (order, error) {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	d.mu.Lock()
	d.current = g
	d.mu.Unlock()
	d.figures.follow(g.keepers, g.manager.Status, g.spooled)
	defer func() {
		d.figures.follow(nil, nil, nil)
		d.mu.Lock()
		d.current = nil
		d.mu.Unlock()
	}()
	go func() { ended <- g.inner.Run(own) }()
	self.Ready()
	var next order
	select {
	case err := <-ended:
		return next, err
	case next = <-d.swap:
	case <-ctx.Done():
	}
	cancel()
	return next, <-ended
}

// reload reads the file again and follows it from then on.
func (d *syncs) reload(ctx context.Context) error {
	file, err := d.Load()
	if err != nil {
		return err
	}
	for _, s := range file.Syncs {
		if _, err := keyringOf(s.Verify); err != nil {
			return fmt.Errorf("sync %s: signers: %w", s.Name, err)
		}
	}
	o := order{file, make(chan error, 1)}
	select {
	case d.swap <- o:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// generation is what runs now.
func (d *syncs) generation() *generation {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
}

func (d *syncs) stuck() []string {
	stuck := d.outer.Stuck()
	if g := d.generation(); g != nil {
		stuck = append(stuck, g.inner.Stuck()...)
	}
	return stuck
}

func (d *syncs) progress() time.Time {
	if g := d.generation(); g != nil && len(g.inner.Stuck()) > 0 {
		return time.Time{}
	}
	return time.Now()
}

func (d *syncs) unready() []string {
	g := d.generation()
	if g == nil || !g.inner.Started() {
		return []string{"the file is being read"}
	}
	return g.unready()
}

func (d *syncs) status() string {
	g := d.generation()
	if g == nil {
		return "reading the file"
	}
	return summary(g.keepers)
}

// errReading says that there is nobody to ask for the moment.
var errReading = errors.New("the daemon is reading its file; ask again in a moment")

func (d *syncs) manager() (*gitsync.Manager, error) {
	if g := d.generation(); g != nil {
		return g.manager, nil
	}
	return nil, errReading
}

var (
	_ control.Reader   = (*syncs)(nil)
	_ control.Operator = (*syncs)(nil)
)

// List implements control.Reader.
func (d *syncs) List(context.Context) ([]status.Sync, error) {
	m, err := d.manager()
	if err != nil {
		return nil, err
	}
	return m.Status(), nil
}

// Get implements control.Reader.
func (d *syncs) Get(_ context.Context, name string) (status.Sync, error) {
	m, err := d.manager()
	if err != nil {
		return status.Sync{}, err
	}
	s, err := m.Get(name)
	return s, translate(err)
}

// History implements control.Reader.
func (d *syncs) History(ctx context.Context, name string, limit int) ([]status.Entry, error) {
	m, err := d.manager()
	if err != nil {
		return nil, err
	}
	all, err := m.History(ctx, name, limit)
	return all, translate(err)
}

// Events implements control.Reader.
func (d *syncs) Events(ctx context.Context, name string, limit int) ([]notification.Notification, error) {
	m, err := d.manager()
	if err != nil {
		return nil, err
	}
	all, err := m.Events(ctx, name, limit)
	return all, translate(err)
}

// Plan implements control.Operator.
func (d *syncs) Plan(ctx context.Context, name string) (control.Planned, error) {
	m, err := d.manager()
	if err != nil {
		return control.Planned{}, err
	}
	p, err := m.Plan(ctx, name)
	return control.Planned{Revision: p.Revision, Pending: p.Pending, Plan: p.Plan}, translate(err)
}

// Approve implements control.Operator.
func (d *syncs) Approve(ctx context.Context, name, id, who string) error {
	return d.operate(func(m *gitsync.Manager) error { return m.Approve(ctx, name, id, who) })
}

// Suspend implements control.Operator.
func (d *syncs) Suspend(ctx context.Context, name, reason, who string) error {
	return d.operate(func(m *gitsync.Manager) error { return m.Suspend(ctx, name, reason, who) })
}

// Resume implements control.Operator.
func (d *syncs) Resume(ctx context.Context, name, who string) error {
	return d.operate(func(m *gitsync.Manager) error { return m.Resume(ctx, name, who) })
}

// Now implements control.Operator.
func (d *syncs) Now(ctx context.Context, name, who string) error {
	return d.operate(func(m *gitsync.Manager) error { return m.Now(ctx, name, who) })
}

func (d *syncs) operate(do func(*gitsync.Manager) error) error {
	m, err := d.manager()
	if err != nil {
		return err
	}
	return translate(do(m))
}

// translate turns the errors that callers branch on into control's.
func translate(err error) error {
	switch {
	case errors.Is(err, gitsync.ErrUnknown):
		return &as{err, control.ErrUnknown}
	case errors.Is(err, gitsync.ErrConflict):
		return &as{err, control.ErrConflict}
	default:
		return err
	}
}

// as is an error that is another one, too, and reads as before.
type as struct {
	err, is error
}

func (e *as) Error() string { return e.err.Error() }

func (e *as) Unwrap() []error { return []error{e.err, e.is} }
