package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/daemon"
	"github.com/decnet/decnet/cmd/internal/unit"
	"github.com/decnet/decnet/cmd/internal/version"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/syncfile"
)

// reconcileFlags are what reconcile may be told.
type reconcileFlags struct {
	file        string
	autoApprove bool
	interval    time.Duration
	metrics     string
	exposed     bool
	socket      string
	parallelism int
	intel       string
}

func (a *app) reconcileCommand() *cobra.Command {
	var flags reconcileFlags
	cmd := &cobra.Command{
		Use: "reconcile [DIR]", Short: "Keep what was applied live, and follow git repositories", Args: cobra.MaximumNArgs(1),
		Long: `Reconcile runs until it is interrupted. Engines and the kernel tell it at once when something
happens to a decky; it looks, keeps the evidence of what changed, and heals it.

Without DIR it follows the git repositories of /etc/decnet/sync.hcl: a commit that is trusted and
planned is applied as the file's policies say. With DIR it keeps that one configuration of this
machine: what was applied last, or, with --auto-approve, what its files say.

An interrupt finishes the steps in flight; the deckies stay. SIGHUP reads the file again. Under
systemd it tells when it is ready, and feeds the watchdog (decnet setup writes the units).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			defer small()()
			if len(args) == 0 && (cmd.Flags().Changed("file") || !cmd.Flags().Changed("chdir")) {
				return a.reconcileSyncs(cmd.Context(), flags)
			}
			if cmd.Flags().Changed("file") {
				return fmt.Errorf("--file %s follows repositories and a directory is kept by itself: give one of them", flags.file)
			}
			if err := a.directory(args); err != nil {
				return err
			}
			return a.reconcileLocal(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.file, "file", syncfile.DefaultPath, "the daemon's own `FILE`, or a directory of such")
	f.BoolVar(&flags.autoApprove, "auto-approve", false, "with DIR: apply the files whenever they change")
	f.DurationVar(&flags.interval, "interval", syncfile.DefaultResync, "with DIR: time between two looks at everything; events are acted upon at once")
	f.StringVar(&flags.metrics, "metrics", "", "`ADDRESS` of /livez, /readyz and /metrics (default: as the file says)")
	f.BoolVar(&flags.exposed, "metrics-exposed", false, "let it be an address that others reach")
	f.StringVar(&flags.socket, "socket", "", "the control socket's `PATH` (default: as the file says, else reconcile.sock below the run directory)")
	flags.parallelism = reconciler.DefaultParallelism
	f.StringVar(&flags.intel, "intel-database", os.Getenv("DECNET_INTEL_DATABASE"), "with DIR: the `DATABASE` of decnet intel, which recycle_on asks who got in (default: intel.db beside the state)")
	f.Var((*parallelism)(&flags.parallelism), "parallelism", "with DIR: how many steps run at once")
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
	site := daemon.Site{Name: settings.Name, Dir: dir, Secret: a.secretPath(settings.Secret), Parallelism: flags.parallelism, Intel: flags.intel}
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
		Host: host{app: a, told: &sync.Map{}}, Site: site, Holder: holder("reconcile"), AutoApply: flags.autoApprove, Interval: flags.interval,
		Metrics: flags.metrics, Exposed: flags.exposed, Version: version.String(), Log: a.log,
	}.Serve(ctx)
}

// loadSyncFile reads the daemon's own file. Its error is for people; warnings go
// to the log.
func (a *app) loadSyncFile(path string) (*syncfile.File, error) {
	file, diags := syncfile.Load(path)
	for _, d := range diags {
		if d.Severity == hcl.DiagWarning {
			a.log.Warn(d.Summary, "detail", d.Detail)
		}
	}
	return file, problems(diags)
}

// reconcileSyncs follows the repositories of the daemon's own file.
func (a *app) reconcileSyncs(ctx context.Context, flags reconcileFlags) error {
	if flags.autoApprove {
		return errors.New("--auto-approve is for a directory; in the daemon's file it is policy = \"auto\"")
	}
	a.log = a.daemonLog()
	file, diags := syncfile.Load(flags.file)
	if err := a.reportIn(file.Sources, diags); err != nil {
		return err
	}
	return daemon.Syncs{
		Host: host{app: a, told: &sync.Map{}, file: flags.file}, File: flags.file, DataDir: dataDir(), Load: func() (*syncfile.File, error) { return a.loadSyncFile(flags.file) },
		Holder: holder("reconcile"), Socket: socketPath(flags.socket, file), Readers: readers(), Metrics: flags.metrics, Exposed: flags.exposed,
		Version: version.String(), Log: a.log,
	}.Serve(ctx)
}

// readers is the id of the group of decnet intel, which may read the control
// socket; 0 where there is none.
func readers() int {
	group, err := user.LookupGroup(unit.User)
	if err != nil {
		return 0
	}
	id, err := strconv.Atoi(group.Gid)
	if err != nil {
		return 0
	}
	return id
}

// idleGarbage is how much garbage, in percent of what lives, the daemon may hold:
// it idles beside its fleet for months, where memory is dearer than a collection.
const idleGarbage = 25

// idleReturn is how often memory that is not used is given back to the kernel:
// what the first pass took would stay for hours beside a fleet that is left
// alone.
const idleReturn = 20 * time.Second

// small keeps the process small, unless its environment says how large it may
// be, until the returned function is called.
func small() (done func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(idleGarbage)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(idleReturn)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				debug.FreeOSMemory()
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}
