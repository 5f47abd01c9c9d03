package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

func (a *app) statusCommand() *cobra.Command {
	var detailed bool
	cmd := &cobra.Command{
		Use: "status [DIR]", Short: "Show how the deckies are, without looking at the configuration", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.status(cmd.Context(), detailed)
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 where something drifted")
	return cmd
}

func (a *app) status(ctx context.Context, detailed bool) (err error) {
	settings := a.settings()
	s, err := a.open(ctx, a.statePath(settings.State), a.secretPath(settings.Secret), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	snapshot, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	p, err := s.engine.Drift(ctx)
	if err != nil {
		return err
	}
	p = p.Show()
	statuses, err := view.Statuses(snapshot, p)
	if err != nil {
		return err
	}
	if a.json {
		err = a.printJSON(map[string]any{"meta": snapshot.Meta, "deckies": statuses, "drift": p.Drift, "unavailable": p.Unavailable})
	} else {
		err = view.StatusTable(a.stdout, statuses, p, a.style())
	}
	if err == nil && detailed && !p.Empty() {
		return exitChanges
	}
	return err
}

func (a *app) showSaved(path, name string) error {
	shown, err := plantext.ParseView(name)
	if err != nil {
		return err
	}
	p, err := plan.Load(path)
	if err != nil {
		return err
	}
	return a.writePlan(p, shown)
}

func (a *app) outputCommand() *cobra.Command {
	return &cobra.Command{
		Use: "output [NAME]", Short: "Print the outputs of what was applied", Args: cobra.MaximumNArgs(1),
		Long: `Output prints what the last apply kept. With a name it prints the bare value, sensitive or not: one
that is sensitive is evaluated again, since the state has only a digest of it, and must be the same.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.output(cmd.Context(), args) },
	}
}

func (a *app) output(ctx context.Context, args []string) (err error) {
	configuration, err := a.load()
	if err != nil {
		return err
	}
	settings := configuration.Settings()
	s, err := a.open(ctx, a.statePath(settings.State), a.secretPath(settings.Secret), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	kept, err := keptOutputs(ctx, s.store)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if a.json {
			return a.printJSON(view.Public(kept))
		}
		return view.Outputs(a.stdout, kept)
	}
	for i, o := range kept {
		if o.Name == args[0] && o.Sensitive {
			if kept[i].Value, err = a.revealed(ctx, configuration, s, o); err != nil {
				return err
			}
		}
	}
	return a.printOutput(kept, args[0])
}

func (a *app) printOutput(outputs []schema.Output, name string) error {
	names := make([]string, 0, len(outputs))
	for _, o := range outputs {
		if o.Name != name {
			names = append(names, o.Name)
			continue
		}
		if a.json {
			return a.printJSON(o.Value)
		}
		value := string(o.Value)
		if strings.HasPrefix(value, `"`) {
			value = view.Unquoted(o.Value)
		}
		_, err := fmt.Fprintln(a.stdout, value)
		return err
	}
	return fmt.Errorf("there is no output %q. %s", name, diag.Advice("output", name, names))
}
