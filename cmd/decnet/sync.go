package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/control"
	"github.com/decnet/decnet/cmd/internal/daemon"
	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/reconciler/status"
	"github.com/decnet/decnet/schema/syncfile"
)

// syncFlags are what every sync command may be told.
type syncFlags struct {
	file   string
	socket string
}

func (a *app) syncCommand() *cobra.Command {
	var flags syncFlags
	cmd := &cobra.Command{
		Use: "sync", Short: "Ask decnet reconcile about the repositories it follows, and tell it what to do",
		Long: `Sync speaks with the decnet reconcile of this machine over its socket, as root or as its user.
Without one, status and history show what it wrote down last.`,
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringVar(&flags.file, "file", syncfile.DefaultPath, "the daemon's own `FILE`")
	f.StringVar(&flags.socket, "socket", "", "the control socket's `PATH` (default: as the file says, else reconcile.sock below the run directory)")
	cmd.AddCommand(a.syncStatusCommand(&flags), a.syncPlanCommand(&flags), a.syncApproveCommand(&flags))
	cmd.AddCommand(a.syncOrders(&flags)...)
	cmd.AddCommand(
		a.syncHistoryCommand(&flags), a.syncEventsCommand(&flags), a.syncPruneCommand(&flags),
	)
	return cmd
}

// socketPath is where the daemon listens: what the command line says, else its
// file, else the default.
func socketPath(flag string, file *syncfile.File) string {
	switch {
	case flag != "":
		return flag
	case file != nil && file.Control != nil:
		return file.Control.Socket
	default:
		return filepath.Join(runDir(), "reconcile.sock")
	}
}

// client is the way to the daemon.
func (f *syncFlags) client() *control.Client {
	file, _ := syncfile.Load(f.file) // its errors are the daemon's to tell; the socket stands there or not
	return control.NewClient(socketPath(f.socket, file))
}

// errNoDaemon says what to do.
var errNoDaemon = errors.New("no decnet reconcile runs on this machine; start it (systemctl start decnet-reconcile, or decnet reconcile in a terminal)")

func absent(err error) error {
	if errors.Is(err, control.ErrAbsent) {
		return errNoDaemon
	}
	return err
}

// writtenDown is what the syncs of a file wrote down.
func (a *app) writtenDown(file string) (control.Reader, error) {
	f, diags := syncfile.Load(file)
	if err := problems(diags); err != nil {
		return nil, err
	}
	return daemon.Written(dataDir(), f)
}

// writePlanned shows the plan of a sync.
func (a *app) writePlanned(name string, planned control.Planned, shown plantext.View) error {
	r := planned.Revision
	fmt.Fprintf(a.stdout, "Sync %s at commit %s %s\n\n", view.Clean(name), view.Clean(r.Commit), view.Clean(r.Title))
	if planned.Plan != nil {
		if err := a.writePlan(planned.Plan, shown); err != nil {
			return err
		}
	}
	if p := planned.Pending; p != nil {
		fmt.Fprintf(a.stdout, "\nPlan %s waits: %s. To carry out exactly this: decnet sync approve %s %s\n", view.Clean(p.ID), view.Clean(p.Reason), view.Clean(name), view.Clean(p.ID))
	}
	return nil
}

// read asks the daemon, or, without one, what it wrote down.
func read[T any](ctx context.Context, a *app, flags *syncFlags, ask func(context.Context, control.Reader) (T, error)) (T, error) {
	answer, err := ask(ctx, flags.client())
	if !errors.Is(err, control.ErrAbsent) {
		return answer, err
	}
	written, err := a.writtenDown(flags.file)
	if err != nil {
		return answer, errors.Join(errNoDaemon, err)
	}
	fmt.Fprintln(a.stderr, "No decnet reconcile runs: this is what it wrote down last.")
	return ask(ctx, written)
}

func (a *app) syncStatusCommand(flags *syncFlags) *cobra.Command {
	return &cobra.Command{
		Use: "status [NAME]", Short: "Show how the followed repositories do, or one of them in full", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				all, err := read(cmd.Context(), a, flags, func(ctx context.Context, r control.Reader) ([]status.Sync, error) { return r.List(ctx) })
				if err != nil {
					return err
				}
				if all == nil {
					all = []status.Sync{}
				}
				if a.json {
					return a.printJSON(all)
				}
				return view.Syncs.Write(a.stdout, all)
			}
			one, err := read(cmd.Context(), a, flags, func(ctx context.Context, r control.Reader) (status.Sync, error) { return r.Get(ctx, args[0]) })
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(one)
			}
			return view.Sync(a.stdout, one, a.style())
		},
	}
}

func (a *app) syncPlanCommand(flags *syncFlags) *cobra.Command {
	var shown string
	cmd := &cobra.Command{
		Use: "plan NAME", Short: "Fetch, verify and plan what is followed now; apply nothing", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			how, err := plantext.ParseView(shown)
			if err != nil {
				return err
			}
			planned, err := flags.client().Operator().Plan(cmd.Context(), args[0])
			if err != nil {
				return absent(err)
			}
			if a.json {
				return a.printJSON(planned)
			}
			return a.writePlanned(args[0], planned, how)
		},
	}
	cmd.Flags().StringVar(&shown, "view", "", "how much is shown: summary, diff (the default) or full")
	return cmd
}

func (a *app) syncApproveCommand(flags *syncFlags) *cobra.Command {
	var autoApprove bool
	cmd := &cobra.Command{
		Use: "approve NAME [PLAN]", Short: "Let the plan that waits be applied", Args: cobra.RangeArgs(1, 2),
		Long: `Approve lets the plan that waits be applied. With PLAN, the id that sync status shows, it is that one
or none. Without, it shows the plan and asks.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.syncApprove(cmd.Context(), flags.client(), args, autoApprove)
		},
	}
	cmd.Flags().BoolVar(&autoApprove, "auto-approve", false, "do not ask, whatever the plan is")
	return cmd
}

func (a *app) syncApprove(ctx context.Context, client *control.Client, args []string, autoApprove bool) error {
	name := args[0]
	id := ""
	if len(args) == 2 {
		id = args[1]
	} else {
		if err := a.mayApprove(autoApprove); err != nil {
			return err
		}
		planned, err := client.Operator().Plan(ctx, name)
		if err != nil {
			return absent(err)
		}
		if planned.Pending == nil || planned.Plan == nil {
			return fmt.Errorf("sync %s: no plan waits for approval", name)
		}
		if !a.json {
			if err := a.writePlanned(name, planned, plantext.Diff); err != nil {
				return err
			}
		}
		if err := a.approve(planned.Plan, autoApprove); err != nil {
			return err
		}
		id = planned.Pending.ID
	}
	if err := client.Operator().Approve(ctx, name, id, ""); err != nil {
		return absent(err)
	}
	return a.accepted(name, "approve", fmt.Sprintf("Plan %s is approved. To follow it: decnet sync status %s\n", id, name))
}

// accepted says that the daemon took an order.
func (a *app) accepted(name, verb, text string) error {
	if a.json {
		return a.printJSON(map[string]string{"name": name, "accepted": verb})
	}
	_, err := fmt.Fprint(a.stdout, text)
	return err
}

// syncOrders are the commands that need nothing but a name.
func (a *app) syncOrders(flags *syncFlags) []*cobra.Command {
	order := func(use, short, done string, do func(ctx context.Context, o control.Operator, name string) error) *cobra.Command {
		verb := use
		return &cobra.Command{
			Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := do(cmd.Context(), flags.client().Operator(), args[0]); err != nil {
					return absent(err)
				}
				return a.accepted(args[0], verb, fmt.Sprintf(done, args[0]))
			},
		}
	}
	var reason string
	suspend := order("suspend", "Leave everything as it is: fetch, apply and heal nothing", "%[1]s is suspended. To go on: decnet sync resume %[1]s\n",
		func(ctx context.Context, o control.Operator, name string) error {
			return o.Suspend(ctx, name, reason, "")
		})
	suspend.Flags().StringVar(&reason, "reason", "", "why, for others to read")
	return []*cobra.Command{
		suspend,
		order("resume", "Go on with what was suspended", "%s goes on.\n",
			func(ctx context.Context, o control.Operator, name string) error { return o.Resume(ctx, name, "") }),
		order("now", "Look at the repository and at what is alive at once", "%s looks now.\n",
			func(ctx context.Context, o control.Operator, name string) error { return o.Now(ctx, name, "") }),
	}
}

func (a *app) syncHistoryCommand(flags *syncFlags) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "history NAME", Short: "Show what was applied, refused and rolled back", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := listLimit(limit); err != nil {
				return err
			}
			all, err := read(cmd.Context(), a, flags, func(ctx context.Context, r control.Reader) ([]status.Entry, error) {
				return r.History(ctx, args[0], limit)
			})
			if err != nil {
				return err
			}
			if all == nil {
				all = []status.Entry{}
			}
			if a.json {
				return a.printJSON(all)
			}
			return view.History.Write(a.stdout, all)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", defaultList, "how many at most, the newest first")
	return cmd
}

// defaultList is how many entries of a list are shown.
const defaultList = 20

func listLimit(limit int) error {
	if limit < 1 || limit > control.MaxList {
		return fmt.Errorf("--limit is a number from 1 to %d", control.MaxList)
	}
	return nil
}
