package daemon

import (
	"context"
	"errors"
	"log/slog"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/gitsync"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/notification"
	"github.com/decnet/decnet/schema/syncfile"
)

// errAsleep says that nobody works.
var errAsleep = errors.New("no daemon runs")

// Written answers what the syncs of a file wrote down, while no daemon runs. It
// asks nobody and changes nothing.
func Written(dataDir string, file *syncfile.File) (control.Reader, error) {
	config := gitsync.Config{
		Dir: dataDir, Log: slog.New(slog.DiscardHandler),
		Evaluate: func(context.Context, string, syncfile.Sync) (*schema.Desired, error) { return nil, errAsleep },
	}
	for _, s := range file.Syncs {
		config.Syncs = append(config.Syncs, gitsync.Follow{Sync: s, Repository: asleep{}, Verifier: asleep{}, Subject: asleep{}})
	}
	m, err := gitsync.New(config)
	if err != nil {
		return nil, err
	}
	return written{m}, nil
}

type written struct{ m *gitsync.Manager }

// List implements control.Reader.
func (w written) List(context.Context) ([]status.Sync, error) { return w.m.Status(), nil }

// Get implements control.Reader.
func (w written) Get(_ context.Context, name string) (status.Sync, error) {
	s, err := w.m.Get(name)
	return s, translate(err)
}

// History implements control.Reader.
func (w written) History(ctx context.Context, name string, limit int) ([]status.Entry, error) {
	all, err := w.m.History(ctx, name, limit)
	return all, translate(err)
}

// Events implements control.Reader.
func (w written) Events(ctx context.Context, name string, limit int) ([]notification.Notification, error) {
	all, err := w.m.Events(ctx, name, limit)
	return all, translate(err)
}

// asleep is whoever would work.
type asleep struct{}

// Fetch implements gitsync.Repository.
func (asleep) Fetch(context.Context, string) (status.Revision, error) {
	return status.Revision{}, errAsleep
}

// Export implements gitsync.Repository.
func (asleep) Export(context.Context, string, string) error { return errAsleep }

// Verify implements gitsync.Verifier.
func (asleep) Verify(context.Context, status.Revision, string) (string, error) { return "", errAsleep }

// Plan implements gitsync.Subject.
func (asleep) Plan(context.Context, *schema.Desired) (*plan.Plan, error) { return nil, errAsleep }

// Adopt implements gitsync.Subject.
func (asleep) Adopt(context.Context, *schema.Desired, *plan.Plan, string) (*reconciler.Result, error) {
	return nil, errAsleep
}

// Hold implements gitsync.Subject.
func (asleep) Hold(string) {}

// Release implements gitsync.Subject.
func (asleep) Release() {}

// Wake implements gitsync.Subject.
func (asleep) Wake(string) {}

// Report implements gitsync.Subject.
func (asleep) Report() gitsync.Report { return gitsync.Report{} }
