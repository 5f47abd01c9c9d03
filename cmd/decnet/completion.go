package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/lint"
)

// completionTime is how long a completion may think: after that the shell gets
// nothing.
const completionTime = 2 * time.Second

// complete gives every command and flag its completions. A completion that
// fails completes nothing and says nothing.
func (a *app) complete(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	find(root, "completion").GroupID = "tools"
	for path, complete := range map[string]cobra.CompletionFunc{
		"state show": a.fromState(true), "state list": a.fromState(true), "state rm": a.fromState(false), "state mv": a.fromState(true),
		"taint": a.fromState(false), "untaint": a.fromState(false), "output": a.outputNames, "import": a.fromConfiguration(true),
		"plan": directories, "destroy": directories, "status": directories, "validate": directories, "graph": directories, "lint": directories,
		"intel": directories,
	} {
		if cmd := find(root, path); cmd != nil && cmd.ValidArgsFunction == nil {
			cmd.ValidArgsFunction = complete
		}
	}
	if lint := find(root, "lint"); lint != nil {
		for _, name := range []string{"rule", "except"} { // an error says that there is no such flag
			_ = lint.RegisterFlagCompletionFunc(name, ruleIDs)
		}
	}
	for name, complete := range map[string]cobra.CompletionFunc{
		"target": a.fromConfiguration(false), "exclude": a.fromConfiguration(false), "replace": a.fromConfiguration(false),
		"decky": a.fromState(false), "chdir": directories, "var-file": files("hcl"), "var": a.variableNames,
		"view": cobra.FixedCompletions([]string{"summary", "diff", "full"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		each(root, func(cmd *cobra.Command) {
			if cmd.LocalNonPersistentFlags().Lookup(name) != nil || cmd.PersistentFlags().Lookup(name) != nil {
				_ = cmd.RegisterFlagCompletionFunc(name, complete) // an error says that it has one already
			}
		})
	}
}

// find is the command at a path such as "state show", nil where there is none.
func find(root *cobra.Command, path string) *cobra.Command {
	var found *cobra.Command
	each(root, func(cmd *cobra.Command) {
		if cmd.CommandPath() == root.Name()+" "+path {
			found = cmd
		}
	})
	return found
}

// each visits a command and those below it.
func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, below := range cmd.Commands() {
		each(below, visit)
	}
}

// directories completes names of directories.
func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// files completes names of files that end so.
func files(extensions ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// first completes the first argument only.
func first(args, choices []string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		choices = nil
	}
	return choices, cobra.ShellCompDirectiveNoFileComp
}

// fromState completes the addresses that the state holds: the first argument's,
// or every argument's without those that stand there already.
func (a *app) fromState(once bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		ctx, quiet, cancel := a.quiet(cmd)
		defer cancel()
		snapshot, err := quiet.snapshot(ctx)
		if err != nil {
			return first(nil, nil)
		}
		var addresses []string
		for _, i := range view.Sorted(snapshot.Instances) {
			if !slices.Contains(args, string(i.Address)) {
				addresses = append(addresses, string(i.Address))
			}
		}
		if once {
			return first(args, addresses)
		}
		return first(nil, addresses)
	}
}

// fromConfiguration completes the addresses that the configuration plans.
func (a *app) fromConfiguration(once bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		_, quiet, cancel := a.quiet(cmd)
		defer cancel()
		var addresses []string
		desired := quiet.desired()
		if desired == nil {
			return first(nil, nil)
		}
		for _, i := range desired.Instances {
			addresses = append(addresses, string(i.Address))
		}
		if once {
			return first(args, addresses)
		}
		return first(nil, addresses)
	}
}

// outputNames completes the outputs of the configuration.
func (a *app) outputNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	_, quiet, cancel := a.quiet(cmd)
	defer cancel()
	var names []string
	if desired := quiet.desired(); desired != nil {
		for _, o := range desired.Outputs {
			names = append(names, cobra.CompletionWithDesc(o.Name, o.Description))
		}
	}
	return first(args, names)
}

// ruleIDs completes the rules of lint.
func ruleIDs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, r := range lint.Rules() {
		ids = append(ids, cobra.CompletionWithDesc(r.ID, r.Summary))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// variableNames completes NAME= of a variable.
func (a *app) variableNames(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	_, quiet, cancel := a.quiet(cmd)
	defer cancel()
	configuration, _ := schema.LoadDir(quiet.dir, schema.Options{})
	var names []string
	for _, name := range configuration.VariableNames() {
		names = append(names, name+"=")
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// quiet is the invocation without a voice, and with little time.
func (a *app) quiet(cmd *cobra.Command) (context.Context, *app, context.CancelFunc) {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	quiet := *a
	quiet.stdin, quiet.stdout, quiet.stderr = nil, io.Discard, io.Discard
	quiet.log, quiet.json = slog.New(slog.DiscardHandler), false
	return ctx, &quiet, cancel
}

// desired is the configuration as it plans without state, nil where it has
// errors.
func (a *app) desired() *schema.Desired {
	configuration, err := a.load()
	if err != nil {
		return nil
	}
	desired, _, err := a.resolve(context.Background(), configuration, nil)
	if err != nil {
		return nil
	}
	return desired
}
