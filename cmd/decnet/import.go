package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/generate"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/schema/addr"
)

func (a *app) importCommand() *cobra.Command {
	var wait time.Duration
	var out string
	cmd := &cobra.Command{
		Use: "import ADDRESS ID", Short: "Take a live object into the state", Args: cobra.ExactArgs(2),
		Long: `Import records a live object that decnet made, and that this state does not know, under an address: one
that was let go, one that a lost state forgot, or one of another configuration. ID is its engine-side name,
the address it carries, or the beginning of its container's id. A decky brings its services along. Objects
that others made are never taken over. Nothing about the object changes: the next plan compares it with the
configuration, and --generate-config-out writes a block that it fits, with variables in the place of sensitive
values; those go into a file of values beside it. An import block does the same and is reviewed with the plan.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importObject(cmd.Context(), addr.Address(args[0]), args[1], out, wait)
		},
	}
	cmd.Flags().StringVar(&out, "generate-config-out", "", "write the block of the object to this new `FILE`")
	cmd.Flags().DurationVar(&wait, "lock-timeout", 0, "how long to wait for another apply")
	return cmd
}

func (a *app) importObject(ctx context.Context, address addr.Address, id, out string, wait time.Duration) (err error) {
	settings := a.settings()
	s, err := a.open(ctx, a.statePath(settings.State), a.secretPath(settings.Secret), 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	lock, err := s.store.Lock(ctx, holder("import"), wait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	values := ""
	p, taken, err := s.engine.ImportPlan(ctx, address, id)
	if err != nil {
		return err
	}
	if out != "" {
		snapshot, err := s.store.Snapshot(ctx)
		if err != nil {
			return err
		}
		text, err := generate.Write(taken, generate.Options{Others: stateInstances(snapshot.Instances), Ports: defaultPorts()})
		if err != nil {
			return err
		}
		if err := writeGenerated(out, text); err != nil {
			return err
		}
		if len(text.Values) > 0 {
			values = " and the values of its variables in " + valuesFile(out)
		}
	}
	result, err := s.engine.Apply(ctx, p, reconciler.ApplyOptions{Holder: holder("import"), Lock: lock})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"imports": p.Imports, "serial": result.Serial})
	}
	for _, i := range p.Imports {
		fmt.Fprintf(a.stdout, "%s is in the state now.\n", i.Address)
	}
	if out != "" {
		fmt.Fprintf(a.stdout, "Its block is in %s%s; look at it, then run decnet plan.\n", out, values)
	}
	return nil
}
