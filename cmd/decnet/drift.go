package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/reconciler/evidence"
	"github.com/decnet/decnet/reconciler/state"
)

func (a *app) driftCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "drift", Short: "Show what somebody else did to the deckies, and the evidence of it"}
	limit := 50
	list := &cobra.Command{
		Use: "list [DIR]", Short: "List the drift on record, newest first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.driftList(cmd.Context(), limit)
		},
	}
	list.Flags().IntVar(&limit, "limit", limit, "how many at most")
	var extract string
	show := &cobra.Command{
		Use: "show ID", Short: "Show one drift with its evidence", Args: cobra.ExactArgs(1),
		Long: `Show prints one drift, by its id or the beginning of it. The evidence may have been written by an
attacker: --extract copies it as files that only you may read, under names of decnet's own making,
and opens, runs and unpacks none of it.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.driftShow(cmd.Context(), args[0], extract) },
	}
	show.Flags().StringVar(&extract, "extract", "", "copy the evidence to this `DIR`")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.driftList(cmd.Context(), limit) }
	cmd.Args = cobra.NoArgs
	cmd.AddCommand(list, show)
	return cmd
}

// withState calls fn with the state of the configuration.
func (a *app) withState(fn func(*state.Store) error) error {
	store, err := state.Open(a.statePath(a.settings().State))
	if err != nil {
		return err
	}
	return errors.Join(fn(store), store.Close())
}

var driftTable = view.NewTable("Nothing has drifted.", []string{"ID", "SEEN", "ADDRESS", "REASON", "ACTION", "OUTCOME", "EVIDENCE"}, func(d state.Drift) []string {
	outcome := d.Outcome
	if outcome == "" {
		outcome = "open"
	}
	return []string{d.ID, d.Seen.Format(time.RFC3339), string(d.Address), d.Reason, d.Action, outcome, fmt.Sprint(len(d.Evidence))}
})

func (a *app) driftList(ctx context.Context, limit int) error {
	if limit < 1 {
		return fmt.Errorf("--limit is %d and must be at least 1", limit)
	}
	return a.withState(func(store *state.Store) error {
		drifts, err := store.Drifts(ctx, limit)
		if err != nil {
			return err
		}
		if !a.json {
			return driftTable.Write(a.stdout, drifts)
		}
		counts, err := store.DriftCounts(ctx)
		if err != nil {
			return err
		}
		if drifts == nil {
			drifts = []state.Drift{}
		}
		return a.printJSON(map[string]any{"drifts": drifts, "counts": counts})
	})
}

func (a *app) driftShow(ctx context.Context, id, extract string) error {
	return a.withState(func(store *state.Store) error {
		d, err := store.Drift(ctx, id)
		if err != nil {
			return err
		}
		if extract != "" {
			meta, err := store.Meta(ctx)
			if err != nil {
				return err
			}
			kept, err := evidence.Open(evidence.Dir(dataDir(), meta.Lineage), evidence.Options{})
			if err != nil {
				return err
			}
			if err := extractEvidence(kept, d.Evidence, extract); err != nil {
				return err
			}
		}
		if a.json {
			return a.printJSON(d)
		}
		return writeDrift(a.stdout, d, a.style())
	})
}

func writeDrift(w io.Writer, d state.Drift, s view.Style) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s %s\n  id = %s\n  seen = %s\n  action = %s\n", s.Bold(view.Clean(string(d.Address))), d.Reason, d.ID, d.Seen.Format(time.RFC3339), d.Action)
	if d.Healed.IsZero() {
		b.WriteString("  outcome = open\n")
	} else {
		fmt.Fprintf(b, "  outcome = %s, %s\n", d.Outcome, d.Healed.Format(time.RFC3339))
	}
	if d.Told.IsZero() {
		b.WriteString("  told = not yet\n")
	}
	if len(d.Changes) > 0 {
		fmt.Fprintf(b, "\n  %s\n", s.Bold("changes"))
		for _, c := range d.Changes {
			fmt.Fprintf(b, "    %s\n", view.Clean(c))
		}
	}
	if len(d.Evidence) > 0 {
		fmt.Fprintf(b, "\n  %s\n", s.Bold("evidence"))
	}
	for i, x := range d.Evidence {
		cut := ""
		if x.Truncated {
			cut = ", cut off"
		}
		fmt.Fprintf(b, "    %02d %s %s (%d bytes%s)\n", i+1, x.SHA256, view.Clean(x.Name), x.Size, cut)
	}
	if d.Missing != "" {
		fmt.Fprintf(b, "\n  missing: %s\n", view.Clean(d.Missing))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// extractEvidence copies exhibits to a directory. It writes over nothing, and
// nothing that an attacker called something leads out of the directory.
func extractEvidence(kept *evidence.Store, exhibits []state.Exhibit, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("extract evidence: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("extract evidence: %w", err)
	}
	var errs []error
	for i, x := range exhibits {
		data, err := kept.Get(x.SHA256)
		if err != nil {
			errs = append(errs, fmt.Errorf("extract %q: %w", x.Name, err))
			continue
		}
		f, err := root.OpenFile(exhibitName(i, x.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			errs = append(errs, fmt.Errorf("extract %q: %w", x.Name, err))
			continue
		}
		_, err = f.Write(data)
		errs = append(errs, err, f.Close())
	}
	return errors.Join(append(errs, root.Close())...)
}

// exhibitName is a file name of our own: the number, and what is harmless of
// the last part of the exhibit's name.
func exhibitName(i int, name string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, path.Base(name))
	return fmt.Sprintf("%02d-%s", i+1, safe[:min(len(safe), 64)])
}
