package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/revision"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

func (a *app) diffCommand() *cobra.Command {
	var from, to, name string
	var detailed bool
	var reports reportFlags
	cmd := &cobra.Command{
		Use: "diff --ref REF [DIR]", Short: "Plan one git revision of the configuration against another, or the working tree", Args: cobra.MaximumNArgs(1),
		Long: `Diff shows what would change for a network that stands exactly as the revision --ref describes it, if the
configuration became the one of --to, or the working tree's. Revisions are read from the repository's
objects; neither the state nor any object is touched, and none needs to exist. Whether a change can be made
in place depends on what is alive in the end: plan tells.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			if err := reports.begin(a, "diff"); err != nil {
				return err
			}
			shown, err := plantext.ParseView(name)
			if err != nil {
				return err
			}
			return a.diff(cmd.Context(), from, to, shown, detailed)
		},
	}
	cmd.Flags().StringVar(&from, "ref", "HEAD", "the `REVISION` that is taken as applied")
	cmd.Flags().StringVar(&to, "to", "", "the `REVISION` that is wanted (default: the working tree)")
	cmd.Flags().StringVar(&name, "view", "", "summary, diff or full")
	reports.register(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 where the two differ")
	return cmd
}

func (a *app) diff(ctx context.Context, from, to string, shown plantext.View, detailed bool) error {
	snapshot, err := a.snapshot(ctx)
	if err != nil {
		return err
	}
	prior := make(map[addr.Address]json.RawMessage, len(snapshot.Instances))
	for _, i := range snapshot.Instances {
		prior[i.Address] = i.Config
	}
	before, err := a.revision(ctx, from, snapshot.Meta, prior)
	if err != nil {
		return err
	}
	for _, i := range before.Instances {
		prior[i.Address] = i.Config
	}
	after, err := a.revision(ctx, to, snapshot.Meta, prior)
	if err != nil {
		return err
	}
	p, err := between(before, after)
	if err != nil {
		return err
	}
	if err := a.writePlan(p, shown); err != nil {
		return err
	}
	if detailed && changes(p) {
		return exitChanges
	}
	return nil
}

// revision is the configuration of a revision, resolved as an apply with this
// state would; the empty one is the working tree.
func (a *app) revision(ctx context.Context, ref string, meta state.Meta, prior map[addr.Address]json.RawMessage) (*schema.Desired, error) {
	options, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	load := func() (*schema.Configuration, error) {
		c, diags := schema.LoadDir(a.dir, options)
		return c, a.report(c, diags)
	}
	if ref != "" {
		abs, err := filepath.Abs(a.dir)
		if err != nil {
			return nil, err
		}
		options.Name = filepath.Base(abs)
		files, _, err := revision.Open(ctx, a.dir, ref)
		if err != nil {
			return nil, err
		}
		load = func() (*schema.Configuration, error) {
			c, diags := schema.Load(files, options)
			return c, a.report(c, diags)
		}
	}
	c, err := load()
	if err != nil {
		return nil, err
	}
	desired, _, diags, err := a.resolveWith(c, func(o *schema.EvalOptions) error {
		o.Prior, o.Seed = prior, meta.Seed
		if o.DefaultRuntime = meta.Runtime; c.Settings().Runtime != "" {
			o.DefaultRuntime = c.Settings().Runtime
		}
		if o.DefaultRuntime == "" {
			o.DefaultRuntime = fromEnv("DECNET_RUNTIME", providers.RuntimeNative)
		}
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return desired, a.report(c, diags)
}

// between plans after for a world that is as before says.
func between(before, after *schema.Desired) (*plan.Plan, error) {
	in := plan.Input{Desired: after, Differ: configurations{}}
	in.Prior.Name, in.Prior.Seed = before.Name, before.Seed
	for _, i := range before.Instances {
		in.Prior.Instances = append(in.Prior.Instances, state.Instance{
			Address: i.Address, Type: i.Type, Runtime: i.Runtime, Config: i.Config, Digest: i.Digest, Object: i.Config, Parents: i.Parents,
			After: i.After, Source: i.Source, Sensitive: i.Sensitive, PreventDestroy: i.Lifecycle.PreventDestroy,
		})
		in.Observed.Objects = append(in.Observed.Objects, plan.Found{
			Kind: providers.Kind{Type: i.Type, Runtime: i.Runtime}, Address: i.Address, Digest: i.Digest, State: i.Config,
		})
	}
	p, err := plan.Compute(in)
	var prevented *plan.PreventedError
	if errors.As(err, &prevented) {
		return nil, prevented
	}
	return p, err
}

// configurations compares what was wanted with what is: no object is known.
type configurations struct{}

// Diff implements plan.Differ.
func (configurations) Diff(_ providers.Kind, want, have []byte) ([]providers.Change, error) {
	return providers.Compare(json.RawMessage(have), json.RawMessage(want), func(path string) bool {
		return path == "name" || path == "host.ip" || path == "host.mac" || path == "driver" || path == "parent" || path == "subnet" || strings.HasPrefix(path, "network.")
	}), nil
}
