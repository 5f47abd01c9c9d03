package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/daemon"
	"github.com/decnet/decnet/cmd/internal/version"
	"github.com/decnet/decnet/reconciler/state"
)

// reconcileFlags are what reconcile may be told.
type reconcileFlags struct {
	autoApprove bool
	interval    time.Duration
	metrics     string
	exposed     bool
	parallelism int
}

func (a *app) reconcileCommand() *cobra.Command {
	var flags reconcileFlags
	cmd := &cobra.Command{
		Use: "reconcile [DIR]", Short: "Keep what was applied live, and follow git repositories", Args: cobra.MaximumNArgs(1),
		Long: `Reconcile runs until it is interrupted. Engines and the kernel tell it at once when something
happens to a decky; it looks, keeps the evidence of what changed, and heals it.

It keeps one configuration of this machine: what was applied last, or, with --auto-approve, what its
files say.

An interrupt finishes the steps in flight; the deckies stay. SIGHUP reads the files again. Under
systemd it tells when it is ready, and feeds the watchdog (decnet setup writes the units).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.reconcileLocal(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.autoApprove, "auto-approve", false, "apply the files whenever they change")
	f.DurationVar(&flags.interval, "interval", 0, "time between two looks at everything (default 1m)")
	f.StringVar(&flags.metrics, "metrics", "", "`ADDRESS` of /livez, /readyz and /metrics")
	f.BoolVar(&flags.exposed, "metrics-exposed", false, "let it be an address that others reach")
	f.IntVar(&flags.parallelism, "parallelism", 0, "how many steps run at once")
	return cmd
}

// daemonLog is the log of a daemon, which has something to say even where nobody
// asked for more.
func (a *app) daemonLog() *slog.Logger {
	level := slog.LevelInfo
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// reconcileLocal keeps the configuration of a.dir.
func (a *app) reconcileLocal(ctx context.Context, flags reconcileFlags) error {
	dir, err := filepath.Abs(a.dir)
	if err != nil {
		return err
	}
	settings := a.settings()
	site := daemon.Site{Name: settings.Name, Dir: dir, Secret: a.secretPath(settings.Secret), Parallelism: flags.parallelism}
	if site.Name == "" {
		site.Name = filepath.Base(dir)
	}
	if site.State, err = filepath.Abs(a.statePath(settings.State)); err != nil {
		return err
	}
	if site.Secret == "" {
		site.Secret = state.SecretPath(site.State)
	}
	if site.Secret, err = filepath.Abs(site.Secret); err != nil {
		return err
	}
	a.log = a.daemonLog()
	return daemon.Local{
		Host: host{a}, Site: site, Holder: holder("reconcile"), AutoApply: flags.autoApprove, Interval: flags.interval,
		Metrics: flags.metrics, Exposed: flags.exposed, Version: version.String(), Log: a.log,
	}.Serve(ctx)
}
