package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/cmd/internal/daemon"
	life "github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/cmd/internal/version"
	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/world"
	"github.com/decnet/decnet/intel"
	"github.com/decnet/decnet/intel/run"
	"github.com/decnet/decnet/intel/sqlite"
	"github.com/decnet/decnet/providers/delivery"
	"github.com/decnet/decnet/reconciler/state"
)

// intelFiles are the database and the token of the daemon: beside the state,
// unless named.
type intelFiles struct {
	database string
	token    string
}

func (a *app) intelFiles(database, token string) intelFiles {
	dir := filepath.Dir(a.statePath(a.settings().State))
	f := intelFiles{database: database, token: token}
	if f.database == "" {
		f.database = filepath.Join(dir, "intel.db")
	}
	if f.token == "" {
		f.token = filepath.Join(filepath.Dir(f.database), "intel.token")
	}
	return f
}

func (a *app) intelCommand() *cobra.Command {
	var listen, database, token string
	var around intelSurroundings
	cmd := &cobra.Command{
		Use: "intel [DIR]", Short: "Collect what the deckies record, judge it, and answer questions about it", Args: cobra.MaximumNArgs(1),
		Long: `Intel runs until it is interrupted. It follows the state file and every decky's journal, stores each
event exactly once, builds sessions, attackers and credentials, applies the rules and feeds the sinks.
Its API wants the bearer token of the token file, which the first start makes; behind it, it passes
/api/v1/sync on to the decnet reconcile of this machine.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.intel(cmd.Context(), listen, a.intelFiles(database, token), around)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8000", "address of the API, - for none")
	cmd.Flags().StringVar(&database, "database", "", "database (default: intel.db beside the state)")
	cmd.Flags().StringVar(&token, "token-file", "", "file with the API's token (default: intel.token beside the database)")
	cmd.Flags().StringVar(&around.metrics, "metrics", "", "`ADDRESS` of /livez, /readyz and /metrics (default: none)")
	cmd.Flags().BoolVar(&around.exposed, "metrics-exposed", false, "let it be an address that others reach")
	cmd.Flags().StringVar(&around.socket, "socket", "", "control socket of decnet reconcile (default: reconcile.sock below the run directory)")
	return cmd
}

// intelSurroundings is what stands around the daemon.
type intelSurroundings struct {
	metrics string
	exposed bool
	socket  string
}

// intel runs the daemon with its health beside it, and tells systemd of both.
func (a *app) intel(ctx context.Context, listen string, files intelFiles, around intelSurroundings) error {
	var d *life.Daemon
	health := life.Health{
		Listen: around.metrics, Exposed: around.exposed, Log: a.log, Metrics: daemon.BuildMetrics(version.String()),
		Stuck: func() []string { return d.Stuck() },
		Unready: func() []string {
			if d.Started() {
				return nil
			}
			return []string{"not everything runs"}
		},
	}
	if err := health.Check(); err != nil {
		return err
	}
	var err error
	d, err = life.New(life.Config{Log: a.log}, health.Part(), life.Part{Name: "intel", Run: func(ctx context.Context, self *life.Self) error {
		return a.runIntel(ctx, listen, files, control.Forward(socketPath(around.socket, nil)), self.Ready)
	}})
	if err != nil {
		return err
	}
	return d.Run(ctx)
}

func (a *app) runIntel(ctx context.Context, listen string, files intelFiles, syncs http.Handler, ready func()) error {
	statePath := a.statePath(a.settings().State)
	dir, err := filepath.Abs(a.dir)
	if err != nil {
		return err
	}
	// The daemon has something to say even where nobody asked for more.
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if a.verbose {
		log = a.log
	}
	notifier, err := delivery.NewDispatcher(delivery.Config{Dir: files.spool(), Log: log.With("part", "notifications")})
	if err != nil {
		return err
	}
	d, err := run.New(run.Config{
		Notifier: notifier, Sync: syncs,
		Database: files.database, TokenFile: files.token, Listen: listen,
		World: world.World{State: statePath, DataDir: dataDir(), Dir: dir},
		Watch: watched(ctx, statePath), Log: log,
		Ready: func(address string) {
			if address != "" {
				log.Info("ready", "api", "http://"+address+"/api/v1", "token", files.token)
			} else {
				log.Info("ready")
			}
			ready()
		},
	})
	if err != nil {
		return errors.Join(err, notifier.Close())
	}
	// It outlives intel, which still tells it what it finds while it stops.
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { err = notifier.Run(own) })
	ended := d.Run(ctx)
	stop()
	group.Wait()
	return errors.Join(ended, err, notifier.Close())
}

// watched are the places where a change is a reason to look again: the state,
// and the journals of its lineage once there is one.
func watched(ctx context.Context, statePath string) []string {
	watch := []string{filepath.Dir(statePath), dataDir()}
	store, err := state.OpenReadOnly(statePath)
	if err != nil {
		return watch
	}
	if meta, err := store.Meta(ctx); err == nil && meta.Lineage != "" {
		watch = append(watch, world.JournalRoot(dataDir(), meta.Lineage))
	}
	_ = store.Close() // only read
	return watch
}

// question is a command that asks the database.
type question struct {
	filter   intel.Filter
	since    time.Duration
	database string
}

// ask makes a command of a question: its flags, and the answer rendered.
func ask[T any](a *app, name, short string, flags []string, query func(context.Context, intel.Query, intel.Filter) ([]T, error), table view.Table[T]) *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.since > 0 {
				q.filter.Since = time.Now().Add(-q.since)
			}
			answers, err := answers(cmd.Context(), a.intelFiles(q.database, "").database, q.filter, query)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(answers)
			}
			return table.Write(a.stdout, answers)
		},
	}
	q.register(cmd, flags)
	return cmd
}

func answers[T any](ctx context.Context, database string, f intel.Filter, query func(context.Context, intel.Query, intel.Filter) ([]T, error)) ([]T, error) {
	db, err := sqlite.OpenQuery(ctx, database)
	if errors.Is(err, sqlite.ErrNoDatabase) {
		return nil, fmt.Errorf("nothing has been collected: there is no %s; start decnet intel", database)
	}
	if err != nil {
		return nil, err
	}
	found, err := query(ctx, db, f)
	if found == nil {
		found = []T{}
	}
	return found, errors.Join(err, db.Close())
}

func (q *question) register(cmd *cobra.Command, names []string) {
	flags := cmd.Flags()
	flags.StringVar(&q.database, "database", os.Getenv("DECNET_INTEL_DATABASE"), "database of decnet intel (default: intel.db beside the state)")
	flags.IntVar(&q.filter.Limit, "limit", intel.DefaultLimit, fmt.Sprintf("how many at most, up to %d", intel.MaxLimit))
	flags.IntVar(&q.filter.Offset, "offset", 0, "how many to leave out first")
	flags.DurationVar(&q.since, "since", 0, "only the last `DURATION`")
	flags.StringVar(&q.filter.Search, "search", "", "only where this `TEXT` occurs")
	for _, name := range names {
		switch name {
		case "decky":
			flags.StringVar(&q.filter.Decky, name, "", "only of the decky with this `ADDRESS`")
		case "source":
			flags.StringVar(&q.filter.Source, name, "", "only from this `IP`")
		case "kind":
			flags.StringVar(&q.filter.Kind, name, "", "only events of this `KIND`")
		case "service":
			flags.StringVar(&q.filter.Service, name, "", "only of this `SERVICE`")
		case "session":
			flags.StringVar(&q.filter.Session, name, "", "only of this `SESSION`")
		case "technique":
			flags.StringVar(&q.filter.Technique, name, "", "only this `TECHNIQUE` and its sub-techniques")
		case "rule":
			flags.StringVar(&q.filter.Rule, name, "", "only tags of this `RULE`")
		case "ascending":
			flags.BoolVar(&q.filter.Ascending, name, false, "the oldest first")
		}
	}
}

func (a *app) eventsCommand() *cobra.Command {
	return ask(a, "events", "List events", []string{"decky", "source", "kind", "service", "session", "ascending"},
		func(ctx context.Context, q intel.Query, f intel.Filter) ([]intel.Event, error) {
			return q.Events(ctx, f)
		}, view.Events)
}

func (a *app) sessionsCommand() *cobra.Command {
	return ask(a, "sessions", "List sessions", []string{"decky", "source", "service", "session", "ascending"},
		func(ctx context.Context, q intel.Query, f intel.Filter) ([]intel.Session, error) {
			return q.Sessions(ctx, f)
		}, view.Sessions)
}

func (a *app) attackersCommand() *cobra.Command {
	return ask(a, "attackers", "List attackers", []string{"decky", "source", "technique", "ascending"},
		func(ctx context.Context, q intel.Query, f intel.Filter) ([]intel.Attacker, error) {
			return q.Attackers(ctx, f)
		}, view.Attackers)
}

func (a *app) credentialsCommand() *cobra.Command {
	return ask(a, "credentials", "List the credentials that were tried", []string{"decky", "source", "service", "ascending"},
		func(ctx context.Context, q intel.Query, f intel.Filter) ([]intel.Credential, error) {
			return q.Credentials(ctx, f)
		}, view.Credentials)
}

func (a *app) ttpCommand() *cobra.Command {
	return ask(a, "ttp", "List the ATT&CK techniques that rules saw", []string{"decky", "source", "service", "session", "technique", "rule", "ascending"},
		func(ctx context.Context, q intel.Query, f intel.Filter) ([]intel.Tag, error) { return q.Tags(ctx, f) }, view.Tags)
}
