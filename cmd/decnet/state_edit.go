package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema/addr"
)

// stateEdits are the commands that change the state alone. Each is a run of the
// history and keeps the state before it.
func (a *app) stateEdits() []*cobra.Command {
	var wait time.Duration
	var force bool
	mv := &cobra.Command{
		Use: "mv FROM TO", Short: "Give an instance, a block or a module another address", Args: cobra.ExactArgs(2),
		Long: `Mv changes addresses in the state. No object is touched; one that cannot be told its new address is
known by the old one until it is made anew. A moved block does the same and is reviewed with the plan.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.edit(cmd.Context(), "state mv", wait, func(s *session, o reconciler.EditOptions) error {
				moves, run, err := s.engine.Move(cmd.Context(), addr.Address(args[0]), addr.Address(args[1]), o)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"moves": moves, "run": run})
				}
				for _, m := range moves {
					fmt.Fprintf(a.stdout, "%s is %s now.\n", m.From, m.To)
				}
				return nil
			})
		},
	}
	rm := &cobra.Command{
		Use: "rm ADDRESS...", Short: "Let instances go: the state forgets them, their objects live on", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.edit(cmd.Context(), "state rm", wait, func(s *session, o reconciler.EditOptions) error {
				gone, run, err := s.engine.Forget(cmd.Context(), addresses(args), o)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"forgotten": gone, "run": run})
				}
				for _, g := range gone {
					fmt.Fprintf(a.stdout, "%s is forgotten; its object lives on.\n", g)
				}
				return nil
			})
		},
	}
	push := &cobra.Command{
		Use: "push FILE", Short: "Write a state that was pulled over the one there is (- reads standard input)", Args: cobra.ExactArgs(1),
		Long: `Push refuses a state of another lineage, and one that is older than the one there is. Sensitive values
are not in a pulled state: they are kept where the same instance has them.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.statePush(cmd.Context(), args[0], force, wait) },
	}
	push.Flags().BoolVar(&force, "force", false, "whatever its lineage and serial")
	for _, c := range []*cobra.Command{mv, rm, push} {
		c.Flags().DurationVar(&wait, "lock-timeout", 0, "how long to wait for another apply")
	}
	pull := &cobra.Command{
		Use: "pull", Short: "Print the whole state as one document, without sensitive values", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			snapshot, err := a.snapshot(cmd.Context())
			if err != nil {
				return err
			}
			data, err := state.EncodeDocument(snapshot)
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(data)
			return err
		},
	}
	var limit int
	history := &cobra.Command{
		Use: "history", Short: "List what changed the state: when, who, and how much", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stateHistory(cmd.Context(), limit) },
	}
	history.Flags().IntVarP(&limit, "limit", "n", 20, "how many runs")
	return []*cobra.Command{mv, rm, pull, push, history}
}

// edit opens the state for a change by hand.
func (a *app) edit(ctx context.Context, verb string, wait time.Duration, do func(*session, reconciler.EditOptions) error) (err error) {
	settings := a.settings()
	s, err := a.open(ctx, a.statePath(settings.State), a.secretPath(settings.Secret), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s, reconciler.EditOptions{Holder: holder(verb), LockTimeout: wait})
}

// maxState bounds a pushed document.
const maxState = 1 << 30

func (a *app) statePush(ctx context.Context, path string, force bool, wait time.Duration) error {
	source := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("push: %w", err)
		}
		defer f.Close()
		source = f
	}
	data, err := io.ReadAll(io.LimitReader(source, maxState))
	if err != nil {
		return fmt.Errorf("push: %w", err)
	}
	pushed, err := state.DecodeDocument(data)
	if err != nil {
		return err
	}
	return a.edit(ctx, "state push", wait, func(s *session, o reconciler.EditOptions) error {
		run, err := s.engine.Push(ctx, pushed, force, o)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(run)
		}
		fmt.Fprintf(a.stdout, "The state has %d instances and serial %d now.\n", len(pushed.Instances), run.Serial)
		if run.Backup != "" {
			fmt.Fprintf(a.stdout, "The one before is kept in %s.\n", run.Backup)
		}
		return nil
	})
}

func (a *app) stateHistory(ctx context.Context, limit int) (err error) {
	store, err := state.Open(a.statePath(a.settings().State))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	runs, err := store.Runs(ctx, limit)
	if err != nil {
		return err
	}
	if a.json {
		if runs == nil {
			runs = []state.Run{}
		}
		return a.printJSON(runs)
	}
	for _, r := range runs {
		fmt.Fprintf(a.stdout, "%4d  %s  serial %-5d %-12s %-11s %s\n      by %s\n", r.ID, r.Started.Format(time.RFC3339), r.Serial, r.Command, r.Outcome, r.Counts, r.Holder)
	}
	return nil
}

func (a *app) taintCommand() *cobra.Command {
	return a.mark(true, &cobra.Command{Use: "taint ADDRESS...", Short: "Let the next apply make instances anew"})
}

func (a *app) untaintCommand() *cobra.Command {
	return a.mark(false, &cobra.Command{Use: "untaint ADDRESS...", Short: "Take back that instances are to be made anew"})
}

func (a *app) mark(tainted bool, cmd *cobra.Command) *cobra.Command {
	var wait time.Duration
	verb, word := "taint", "tainted"
	if !tainted {
		verb, word = "untaint", "no longer tainted"
	}
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.Flags().DurationVar(&wait, "lock-timeout", 0, "how long to wait for another apply")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.edit(cmd.Context(), verb, wait, func(s *session, o reconciler.EditOptions) error {
			run, err := s.engine.Taint(cmd.Context(), tainted, addresses(args), o)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(run)
			}
			for _, address := range args {
				fmt.Fprintf(a.stdout, "%s is %s.\n", address, word)
			}
			return nil
		})
	}
	return cmd
}
