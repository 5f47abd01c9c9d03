package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/decnet/decnet/cmd/internal/version"
	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/plantext"
	"github.com/decnet/decnet/cmd/internal/view/tfjson"
	"github.com/decnet/decnet/reconciler"
	"github.com/decnet/decnet/reconciler/plan"
	"github.com/decnet/decnet/reconciler/state"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/diag"
)

// applyFlags are what apply and destroy may be told.
type applyFlags struct {
	planFlags
	autoApprove bool
	lockTimeout time.Duration
}

func (f *applyFlags) register(cmd *cobra.Command) {
	f.planFlags.register(cmd, false)
	cmd.Flags().BoolVar(&f.autoApprove, "auto-approve", false, "do not ask")
	cmd.Flags().DurationVar(&f.lockTimeout, "lock-timeout", 0, "how long to wait for another apply")
}

func (a *app) applyCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use: "apply [DIR|PLAN]", Short: "Show the plan, ask, and make it so", Args: cobra.MaximumNArgs(1),
		Long: `Apply shows the plan and asks before it touches anything. With a saved plan it carries out exactly
that, and refuses if anything the plan was made of has moved since. An interrupt finishes the steps in
flight; a second one leaves at once. Whatever stopped it, the next apply goes on from there.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && isFile(args[0]) {
				return a.applySaved(cmd.Context(), args[0], flags)
			}
			if err := a.directory(args); err != nil {
				return err
			}
			return a.apply(cmd.Context(), "apply", flags)
		},
	}
	flags.register(cmd)
	return cmd
}

func (a *app) destroyCommand() *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use: "destroy [DIR]", Short: "Show what would go, ask, and take everything away", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			flags.destroy = true
			return a.apply(cmd.Context(), "destroy", flags)
		},
	}
	flags.register(cmd)
	return cmd
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// apply plans under the lock, so that what is shown is what is done.
func (a *app) apply(ctx context.Context, verb string, flags applyFlags) (err error) {
	if err := a.mayApprove(flags.autoApprove); err != nil {
		return err
	}
	configuration, err := a.load()
	if err != nil {
		return err
	}
	settings := configuration.Settings()
	s, lock, err := a.openLocked(ctx, verb, settings, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock(), s.Close()) }()
	for attempt := 1; ; attempt++ {
		err := a.planAndExecute(ctx, s, lock, configuration, verb, flags)
		var stale *reconciler.StaleError
		if !errors.As(err, &stale) || attempt == maxPlans {
			return err
		}
		// What an engine still had under way for a killed run has come to its
		// end meanwhile.
		fmt.Fprintf(a.stderr, "%s\nPlanning again.\n\n", view.Lines(err.Error()))
	}
}

// maxPlans is how often apply plans anew because objects moved between its plan
// and its first step.
const maxPlans = 4

func (a *app) planAndExecute(ctx context.Context, s *session, lock *state.Lock, configuration *schema.Configuration, verb string, flags applyFlags) error {
	shown, err := plantext.ParseView(flags.view)
	if err != nil {
		return err
	}
	p, desired, err := a.planIn(ctx, s, configuration, flags.planFlags)
	if err != nil {
		return err
	}
	if !a.json {
		if err := a.writePlan(p, shown); err != nil {
			return err
		}
	}
	if len(p.Steps) > 0 {
		if err := a.approve(p, flags.autoApprove); err != nil {
			return err
		}
	}
	if configuration.Settings().Seed == "" && s.meta.Seed == "" && !flags.destroy {
		fmt.Fprintf(a.stderr, "\nThe seed %q was made for this configuration and stands in its state. Commit it, so that every\ncheckout plans the same names and addresses: decnet { seed = %q }\n", desired.Seed, desired.Seed)
	}
	return a.execute(ctx, s, p, reconciler.ApplyOptions{Holder: holder(verb), Lock: lock, Desired: wanted(desired, flags.destroy)}, flags)
}

// wanted is what a plan is checked against; a destroying plan wants nothing.
func wanted(desired *schema.Desired, destroy bool) *schema.Desired {
	if destroy {
		return nil
	}
	return desired
}

func (a *app) openLocked(ctx context.Context, verb string, settings schema.Settings, flags applyFlags) (*session, *state.Lock, error) {
	s, err := a.open(ctx, a.statePath(settings.State), a.secretPath(settings.Secret), flags.parallelism)
	if err != nil {
		return nil, nil, err
	}
	lock, err := s.store.Lock(ctx, holder(verb), flags.lockTimeout)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	// Another may have applied while we waited.
	if s.meta, err = s.store.Meta(ctx); err != nil {
		return nil, nil, errors.Join(err, lock.Unlock(), s.Close())
	}
	return s, lock, nil
}

// applySaved carries out a plan that was saved by decnet plan --out.
func (a *app) applySaved(ctx context.Context, path string, flags applyFlags) (err error) {
	p, err := plan.Load(path)
	if err != nil {
		return err
	}
	a.recall(p)
	configuration, err := a.load()
	if err != nil {
		return err
	}
	s, lock, err := a.openLocked(ctx, "apply", configuration.Settings(), flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock(), s.Close()) }()
	if p.Seed != "" && s.meta.Seed == "" {
		s.meta.Seed = p.Seed // a first plan without a seed of its own made one
	}
	desired, err := a.evaluate(ctx, configuration, s)
	if err != nil {
		return err
	}
	return a.execute(ctx, s, p, reconciler.ApplyOptions{Holder: holder("apply"), Lock: lock, Desired: wanted(desired, p.Destroy)}, flags)
}

func (a *app) execute(ctx context.Context, s *session, p *plan.Plan, options reconciler.ApplyOptions, flags applyFlags) error {
	run := a.carryOut
	if a.json {
		run = a.stream
	}
	if err := run(ctx, s, p, options); err != nil {
		return err
	}
	if p.Lineage != "" || len(p.Steps) > 0 { // else there is no state, and nothing to keep in it
		outputs := p.Outputs
		switch {
		case p.Destroy:
			outputs = nil
		case p.Sealed && options.Desired != nil: // the plan's are without sensitive values
			outputs = options.Desired.Outputs
		}
		if err := keepOutputs(ctx, s.store, outputs); err != nil {
			return err
		}
	}
	if flags.detailed && changes(p) {
		return exitChanges
	}
	return nil
}

// carryOut applies a plan and tells people of it.
func (a *app) carryOut(ctx context.Context, s *session, p *plan.Plan, options reconciler.ApplyOptions) error {
	options.Progress = view.NewProgress(a.stdout, a.style(), len(p.Steps))
	result, err := s.engine.Apply(ctx, p, options)
	if result != nil && (err == nil || result.Run != 0) {
		if err := view.Result(a.stdout, p, result, a.style()); err != nil {
			return err
		}
	}
	return err
}

// stream applies a plan and tells programs of it, a message a line.
func (a *app) stream(ctx context.Context, s *session, p *plan.Plan, options reconciler.ApplyOptions) (err error) {
	stream := tfjson.NewStream(a.stdout, version.String(), nil)
	defer func() { err = errors.Join(err, stream.Close()) }()
	stream.Plan(p)
	options.Progress = stream
	result, err := s.engine.Apply(ctx, p, options)
	if result != nil && (err == nil || result.Run != 0) {
		stream.Result(p, result)
	}
	if err != nil && (result == nil || result.Failed == 0) { // what failed has been told
		stream.Diagnostic(diag.Finding{Severity: diag.SeverityError, Summary: err.Error()})
	}
	return err
}

// mayApprove refuses at once where nobody can be asked.
func (a *app) mayApprove(auto bool) error {
	if auto {
		return nil
	}
	if f, ok := a.stdin.(*os.File); ok && a.input && term.IsTerminal(int(f.Fd())) && !a.json {
		return nil
	}
	return errors.New("there is no terminal to ask on; look at the plan (decnet plan), then repeat with --auto-approve")
}

// approve asks whether to carry out the plan.
func (a *app) approve(p *plan.Plan, auto bool) error {
	if auto {
		return nil
	}
	verb := "perform these actions"
	if p.Destroy {
		verb = "destroy all of this"
	}
	if err := a.confirm(verb); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	return nil
}

// confirm asks, and takes only yes for it.
func (a *app) confirm(what string) error {
	fmt.Fprintf(a.stdout, "\nDo you want decnet to %s? Only yes is taken for it: ", what)
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		fmt.Fprintln(a.stdout, "Nothing was touched.")
		return exitFailure
	}
	return nil
}
