package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
	"github.com/decnet/decnet/schema/diag"
)

func (a *app) stateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "state", Short: "Look into the state, change it by hand, or make it again from the live objects"}
	list := &cobra.Command{
		Use: "list [PREFIX]", Short: "List the addresses of all instances", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stateList(cmd.Context(), strings.Join(args, ""))
		},
	}
	var attribute string
	show := &cobra.Command{
		Use: "show ADDRESS", Short: "Show one instance", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stateShow(cmd.Context(), addr.Address(args[0]), attribute)
		},
	}
	show.Flags().StringVar(&attribute, "attribute", "", "print only the value at this `PATH`")
	var options reconciler.RebuildOptions
	rebuild := &cobra.Command{
		Use: "rebuild", Short: "Make the state again from the live objects alone", Args: cobra.NoArgs,
		Long: `Rebuild looks at every object that carries a lineage and writes the state they add up to. It touches
no object. The lineage is the one that was applied from this state's path, or the one that is named.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stateRebuild(cmd.Context(), options) },
	}
	rebuild.Flags().StringVar(&options.Lineage, "lineage", "", "whose objects to take")
	rebuild.Flags().BoolVar(&options.Force, "force", false, "replace a state that has instances")
	rebuild.Flags().DurationVar(&options.LockTimeout, "lock-timeout", 0, "how long to wait for another apply")
	cmd.AddCommand(list, show, rebuild)
	cmd.AddCommand(a.stateEdits()...)
	return cmd
}

// settings are those of the configuration, if it can be read: where the state
// stands must be known even while the configuration is broken.
func (a *app) settings() schema.Settings {
	if err := a.directory(nil); err != nil {
		return schema.Settings{}
	}
	configuration, _ := schema.LoadDir(a.dir, schema.Options{})
	return configuration.Settings()
}

// snapshot reads the state without any provider.
func (a *app) snapshot(ctx context.Context) (state.Snapshot, error) {
	store, err := state.Open(a.statePath(a.settings().State))
	if err != nil {
		return state.Snapshot{}, err
	}
	snapshot, err := store.Snapshot(ctx)
	return snapshot, errors.Join(err, store.Close())
}

func (a *app) stateList(ctx context.Context, prefix string) error {
	snapshot, err := a.snapshot(ctx)
	if err != nil {
		return err
	}
	addresses := []string{}
	for _, i := range view.Sorted(snapshot.Instances) {
		if strings.HasPrefix(string(i.Address), prefix) {
			addresses = append(addresses, string(i.Address))
		}
	}
	if a.json {
		return a.printJSON(addresses)
	}
	for _, address := range addresses {
		fmt.Fprintln(a.stdout, address)
	}
	return nil
}

func (a *app) stateShow(ctx context.Context, address addr.Address, attribute string) error {
	snapshot, err := a.snapshot(ctx)
	if err != nil {
		return err
	}
	known := make([]string, 0, len(snapshot.Instances))
	for _, i := range snapshot.Instances {
		if i.Address == address {
			return a.showInstance(i, attribute)
		}
		known = append(known, string(i.Address))
	}
	return fmt.Errorf("the state has no %s. %s", address, diag.Advice("instance", string(address), known))
}

func (a *app) showInstance(i state.Instance, attribute string) error {
	i = i.Show()
	if attribute != "" {
		for _, document := range []json.RawMessage{i.Object, i.Config} {
			for _, c := range providers.Compare(nil, document, nil) {
				if c.Path == attribute {
					fmt.Fprintln(a.stdout, strings.Trim(c.After, `"`))
					return nil
				}
			}
		}
		return fmt.Errorf("%s has no attribute %s; decnet state show %s lists them", i.Address, attribute, i.Address)
	}
	if a.json {
		return a.printJSON(i)
	}
	return view.Instance(a.stdout, i, a.style())
}

func (a *app) stateRebuild(ctx context.Context, options reconciler.RebuildOptions) (err error) {
	settings := a.settings()
	s, err := a.open(ctx, a.statePath(settings.State), a.secretPath(settings.Secret), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	options.Holder = holder("state rebuild")
	result, err := s.engine.Rebuild(ctx, options)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(result)
	}
	fmt.Fprintf(a.stdout, "The state of lineage %s is rebuilt: %d instances, serial %d.\n", result.Lineage, result.Instances, result.Serial)
	for _, u := range result.Unavailable {
		fmt.Fprintf(a.stderr, "Warning: objects of %s are missing from it: %s. %s\n", u.Kind, u.What, u.Remedy)
	}
	for _, address := range result.Surplus {
		fmt.Fprintf(a.stderr, "Warning: more than one object is alive at %s; the next apply leaves one.\n", address)
	}
	return nil
}

func (a *app) showCommand() *cobra.Command {
	var shown string
	cmd := &cobra.Command{
		Use: "show [DIR|PLAN]", Short: "Show everything the state holds, or a saved plan", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && isFile(args[0]) {
				return a.showSaved(args[0], shown)
			}
			if err := a.directory(args); err != nil {
				return err
			}
			snapshot, err := a.snapshot(cmd.Context())
			if err != nil {
				return err
			}
			snapshot = snapshot.Show()
			if a.json {
				return a.printJSON(map[string]any{"meta": snapshot.Meta, "instances": view.Sorted(snapshot.Instances), "interrupted": snapshot.Interrupted})
			}
			return view.State(a.stdout, snapshot, a.style())
		},
	}
	cmd.Flags().StringVar(&shown, "view", "", "how much of a saved plan is shown: summary, diff (the default) or full")
	return cmd
}
