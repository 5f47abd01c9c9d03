package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/reconciler/loop"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
)

// Local keeps one configuration of this machine live: what was applied last, or,
// with AutoApply, what its files say.
type Local struct {
	Host   Host
	Site   Site
	Holder state.Holder
	// AutoApply applies the files whenever they change. Otherwise a change is
	// only told of.
	AutoApply bool
	Interval  time.Duration // between two full looks; 0: the loop's default
	Metrics   string        // address of health and metrics; empty: none
	Exposed   bool          // it may be one that others reach
	Version   string
	Log       *slog.Logger
	Run       run.Config // what tests replace; Log and Status are set here
}

// local is a running Local.
type local struct {
	Local
	keeper *keeper
	daemon *run.Daemon

	mu      sync.Mutex
	applied string // digest of the configuration that was adopted last
	told    string // digest of the one that was last told of
	problem string // why the files are not what is live
}

// Serve keeps the configuration until ctx ends. Deckies stay.
func (l Local) Serve(ctx context.Context) (err error) {
	d := &local{Local: l}
	health := run.Health{Listen: l.Metrics, Exposed: l.Exposed, Log: l.Log, Stuck: d.stuck, Unready: d.unready}
	if err := health.Check(); err != nil {
		return err
	}
	figures := newMetrics(l.Version)
	d.keeper, err = keep(ctx, l.Host, l.Site, keeperOptions{holder: l.Holder, interval: l.Interval, log: l.Log, passed: figures.passed})
	if err != nil {
		return err
	}
	defer func() {
		if closed := d.keeper.close(); err == nil {
			err = closed
		}
	}()
	figures.follow([]*keeper{d.keeper}, nil, nil)
	health.Metrics = figures.handler()
	config := l.Run
	config.Log = l.Log
	config.Status = func() string { return summary([]*keeper{d.keeper}) }
	files := run.Part{Name: "files", Run: d.files, Reload: func(ctx context.Context) error { return d.look(ctx) }}
	if d.daemon, err = run.New(config, health.Part(), d.keeper.part(), files); err != nil {
		return err
	}
	l.Log.Info("keeping what was applied live", "configuration", l.Site.Dir, "state", l.Site.State, "applies changes of the files", l.AutoApply)
	return d.daemon.Run(ctx)
}

func (d *local) stuck() []string { return d.daemon.Stuck() }

func (d *local) unready() []string {
	why := d.keeper.unready()
	if !d.daemon.Started() {
		why = append(why, "not everything runs")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.problem != "" && d.AutoApply {
		why = append(why, d.Site.Name+": "+clean(d.problem))
	}
	return why
}

// files looks at the files whenever they change.
func (d *local) files(ctx context.Context, self *run.Self) error {
	changes, err := watch(d.Site.Dir, d.Log)
	if err != nil {
		return err
	}
	defer changes.close()
	self.Ready()
	retry := time.NewTimer(0) // the first look
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes.changed:
		case <-retry.C:
		}
		if err := d.look(ctx); err != nil && ctx.Err() == nil {
			d.Log.Error("the files are not applied; what was applied last is kept", "error", err)
			if d.AutoApply {
				retry.Reset(retryFiles)
			}
		}
	}
}

// retryFiles is when files that could not be applied are tried again, even if
// they do not change: what kept them from it may have gone.
const retryFiles = time.Minute

// look reads the files and applies them, or tells that they are others.
func (d *local) look(ctx context.Context) (err error) {
	defer func() {
		d.mu.Lock()
		d.problem = ""
		if err != nil {
			d.problem = err.Error()
		}
		d.mu.Unlock()
	}()
	desired, err := d.Host.Evaluate(ctx, d.keeper.session, d.Site)
	if err != nil {
		return err
	}
	digest := plan.Digest(desired)
	d.mu.Lock()
	same := digest == d.applied || !d.AutoApply && digest == d.told
	d.told = digest
	d.mu.Unlock()
	if same {
		return nil
	}
	p, err := d.keeper.loop.Plan(ctx, desired)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if !d.AutoApply {
		if s := wished(p); s != (plan.Summary{}) {
			d.Log.Warn("the files are not what was applied; to apply them: decnet apply", "configuration", d.Site.Dir, "plan", counts(s))
		}
		return nil
	}
	if _, err := d.keeper.adopt(ctx, desired, p, loop.Command); err != nil {
		return fmt.Errorf("apply: %w", err)
	}
	d.mu.Lock()
	d.applied = digest
	d.mu.Unlock()
	d.Log.Info("the files are applied", "plan", counts(p.Summary))
	return nil
}

// wished counts what a plan changes because the files ask for it: what the loop
// is about to heal is as they want it.
func wished(p *plan.Plan) plan.Summary {
	s := plan.Summary{Move: p.Summary.Move, Import: p.Summary.Import}
	healing := p.Healing()
	for i := range p.Changes {
		c := &p.Changes[i]
		if healing[c.Address] {
			continue
		}
		switch c.Action {
		case plan.Create:
			s.Create++
		case plan.Update:
			s.Update++
		case plan.Replace:
			s.Replace++
		case plan.Delete:
			s.Delete++
		case plan.Forget:
			s.Forget++
		}
	}
	return s
}

// counts is a plan in one line.
func counts(s plan.Summary) string {
	return fmt.Sprintf("%d to create, %d to update, %d to replace, %d to delete", s.Create, s.Update, s.Replace, s.Delete)
}
