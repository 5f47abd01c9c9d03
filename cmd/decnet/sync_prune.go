package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/daemon"
	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema/syncfile"
)

func (a *app) syncPruneCommand(flags *syncFlags) *cobra.Command {
	var autoApprove bool
	cmd := &cobra.Command{
		Use: "prune [NAME]", Short: "Remove what syncs left that the daemon's file no longer has", Args: cobra.MaximumNArgs(1),
		Long: `Prune lists what is left of syncs that the daemon's file no longer has, and asks before it removes
it: the copy of the repository, exported commits, fetched modules, and what the sync remembers. A state
goes too where nothing is alive in it any more; no decky, secret of the operator's or evidence does.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.syncPrune(cmd.Context(), flags.file, args, autoApprove)
		},
	}
	cmd.Flags().BoolVar(&autoApprove, "auto-approve", false, "do not ask")
	return cmd
}

func (a *app) syncPrune(ctx context.Context, path string, names []string, auto bool) error {
	file, diags := syncfile.Load(path)
	if err := problems(diags); err != nil {
		return err
	}
	orphans, err := daemon.Orphans(ctx, dataDir(), file)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		at := slices.IndexFunc(orphans, func(o daemon.Orphan) bool { return o.Name == names[0] })
		if at < 0 {
			return fmt.Errorf("nothing is left of a sync %q that %s no longer has", names[0], path)
		}
		orphans = orphans[at : at+1]
	}
	removes := slices.ContainsFunc(orphans, func(o daemon.Orphan) bool { return len(o.Remove)+len(o.Keep) == 0 || len(o.Remove) > 0 })
	if removes {
		if err := a.mayApprove(auto); err != nil {
			if !a.json {
				a.listOrphans(orphans)
			}
			return err
		}
	}
	if a.json {
		if err := a.printJSON(append([]daemon.Orphan{}, orphans...)); err != nil {
			return err
		}
	} else {
		a.listOrphans(orphans)
	}
	if !removes {
		return nil
	}
	if !auto {
		if err := a.confirm("remove this"); err != nil {
			return err
		}
	}
	for _, o := range orphans {
		err = errors.Join(err, o.Prune(ctx, holder("sync prune")))
	}
	return err
}

func (a *app) listOrphans(orphans []daemon.Orphan) {
	if len(orphans) == 0 {
		fmt.Fprintln(a.stdout, "Nothing is left of any other sync.")
	}
	for _, o := range orphans {
		fmt.Fprintf(a.stdout, "%s\n", view.Clean(o.Name))
		for _, name := range o.Remove {
			fmt.Fprintf(a.stdout, "  - %s\n", view.Clean(filepath.Join(o.Dir, name)))
		}
		for _, name := range o.Keep {
			fmt.Fprintf(a.stdout, "    %s stays\n", view.Clean(filepath.Join(o.Dir, name)))
		}
		if o.Why != "" {
			fmt.Fprintf(a.stdout, "    %s\n", view.Clean(o.Why))
		}
	}
}
