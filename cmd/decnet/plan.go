package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/addr"
)

// planFlags are what plan, apply and destroy have in common.
type planFlags struct {
	detailed    bool
	destroy     bool
	noRefresh   bool
	replace     []string
	targets     []string
	excludes    []string
	refreshOnly bool
	parallelism int
	out         string
	view        string
	generate    string // file for blocks of what is imported and not declared
}

func (f *planFlags) register(cmd *cobra.Command, destroyable bool) {
	flags := cmd.Flags()
	flags.BoolVar(&f.detailed, "detailed-exitcode", false, "exit with 2 where the plan is not empty, or drift is reported that it does not heal")
	f.parallelism = reconciler.DefaultParallelism
	flags.Var((*parallelism)(&f.parallelism), "parallelism", "how many steps run at once")
	flags.BoolVar(&f.noRefresh, "no-refresh", false, "trust the state, look at no object")
	flags.StringArrayVar(&f.replace, "replace", nil, "make the object at this `ADDRESS` anew")
	flags.StringArrayVar(&f.targets, "target", nil, "plan only this `ADDRESS`, block or module, and what it needs")
	flags.StringArrayVar(&f.excludes, "exclude", nil, "leave out this `ADDRESS`, block or module, and what needs it")
	flags.BoolVar(&f.refreshOnly, "refresh-only", false, "only record what was seen; touch no object")
	flags.StringVar(&f.view, "view", "", "how much is shown: summary, diff (the default) or full")
	if destroyable {
		flags.BoolVar(&f.destroy, "destroy", false, "plan to take everything away")
	}
}

func (f *planFlags) options(runtime string) reconciler.PlanOptions {
	options := reconciler.PlanOptions{Destroy: f.destroy, NoRefresh: f.noRefresh, Runtime: runtime, Restarts: true}
	options.RefreshOnly = f.refreshOnly
	options.Replace, options.Targets, options.Excludes = addresses(f.replace), addresses(f.targets), addresses(f.excludes)
	return options
}

func addresses(texts []string) []addr.Address {
	all := make([]addr.Address, len(texts))
	for i, t := range texts {
		all[i] = addr.Address(t)
	}
	return all
}

// changes tells what --detailed-exitcode asks for.
func changes(p *plan.Plan) bool {
	if !p.Empty() || len(p.Moves) > 0 || len(p.Imports) > 0 {
		return true
	}
	return slices.ContainsFunc(p.Drift, func(d plan.Drift) bool { return d.Policy != plan.PolicyHeal })
}

func (a *app) planCommand() *cobra.Command {
	var flags planFlags
	var reports reportFlags
	cmd := &cobra.Command{
		Use: "plan [DIR]", Short: "Show what would change, and why; touch nothing", Args: cobra.MaximumNArgs(1),
		Long: `Plan compares the configuration with the state and with what is alive, and shows what an apply would
do. It changes nothing and needs no privilege: what it could not look at, it says.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			if err := reports.begin(a, "plan"); err != nil {
				return err
			}
			return a.plan(cmd.Context(), flags)
		},
	}
	flags.register(cmd, true)
	cmd.Flags().Duration("lock-timeout", 0, "no more than a courtesy to scripts: plan takes no lock")
	_ = cmd.Flags().MarkHidden("lock-timeout") // it is there
	reports.register(cmd)
	cmd.Flags().StringVarP(&flags.out, "out", "o", "", "save the plan to this `FILE`, for apply")
	cmd.Flags().StringVar(&flags.generate, "generate-config-out", "", "write blocks for what import blocks name and nothing declares to this new `FILE` of the configuration, and plan with them")
	return cmd
}

func (a *app) plan(ctx context.Context, flags planFlags) (err error) {
	shown, err := plantext.ParseView(flags.view)
	if err != nil {
		return err
	}
	configuration, err := a.load()
	if err != nil {
		return err
	}
	p, _, s, err := a.planned(ctx, configuration, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if flags.out != "" {
		if err := a.savePlan(p, s, flags.out); err != nil {
			return err
		}
	}
	if err := a.writePlan(p, shown); err != nil {
		return err
	}
	if flags.out != "" && a.reports.human() {
		fmt.Fprintf(a.stdout, "\nSaved. To carry out exactly this: decnet -C %s apply %s\n", a.dir, flags.out)
	}
	if flags.detailed && changes(p) {
		return exitChanges
	}
	return nil
}

// planned resolves and plans. The caller closes the session.
func (a *app) planned(ctx context.Context, configuration *schema.Configuration, flags planFlags) (*plan.Plan, *schema.Desired, *session, error) {
	settings := configuration.Settings()
	s, err := a.open(ctx, a.statePath(settings.State), a.secretPath(settings.Secret), flags.parallelism)
	if err != nil {
		return nil, nil, nil, err
	}
	if flags.generate != "" {
		configuration, err = a.generated(ctx, s, configuration, flags.generate)
	}
	var p *plan.Plan
	var desired *schema.Desired
	if err == nil {
		p, desired, err = a.planIn(ctx, s, configuration, flags)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, s.Close())
	}
	return p, desired, s, nil
}

func (a *app) planIn(ctx context.Context, s *session, configuration *schema.Configuration, flags planFlags) (*plan.Plan, *schema.Desired, error) {
	runtime, err := s.defaultRuntime(ctx, configuration.Settings().Runtime)
	if err != nil {
		return nil, nil, err
	}
	desired, err := a.evaluate(ctx, configuration, s)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.engine.Plan(ctx, desired, flags.options(runtime))
	if err == nil {
		p.Variables, err = a.publicVariables(configuration)
	}
	if err == nil {
		err = errors.Join(believability(ctx, s, desired, p), outputChanges(ctx, s.store, p))
	}
	return p, desired, err
}
