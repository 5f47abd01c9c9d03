package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/version"
	"github.com/decnet/decnet/modules"
	"github.com/decnet/decnet/schema"
	"github.com/decnet/decnet/schema/module"
	"github.com/decnet/decnet/schema/module/fetch"
)

func (a *app) getCommand() *cobra.Command {
	var upgrade bool
	cmd := &cobra.Command{
		Use: "get [DIR]", Short: "Fetch the modules of a configuration and lock them", Args: cobra.MaximumNArgs(1),
		Long: `Get fetches the git repositories that module blocks name into .decnet/modules, and writes to
.decnet.lock.hcl which commit that was and the digest of its files. Commit the lock file: every
other command compares the files with it and fetches nothing. What is locked stays at its commit;
--upgrade asks the repositories again what their refs are now.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.get(cmd.Context(), upgrade)
		},
	}
	cmd.Flags().BoolVar(&upgrade, "upgrade", false, "take what the refs are now, not what is locked")
	return cmd
}

func (a *app) get(ctx context.Context, upgrade bool) error {
	fetcher, err := fetch.New(a.dir, fetch.Options{Upgrade: upgrade})
	if err != nil {
		return err
	}
	options := schema.Options{Version: version.String(), Catalogue: modules.FS, Modules: fetcher} // no values: sources do not depend on them
	var configuration *schema.Configuration
	var diags hcl.Diagnostics
	if err := fetcher.Resolve(ctx, func() { configuration, diags = schema.LoadDir(a.dir, options) }); err != nil {
		return err
	}
	if err := a.report(configuration, append(diags, configuration.Pending()...)); err != nil {
		return err
	}
	results, err := fetcher.Finish()
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"modules": got(results)})
	}
	for _, r := range results {
		fmt.Fprintf(a.stdout, "%s %s at %s\n", change(r), r.Package, r.Commit[:12])
	}
	if len(results) == 0 {
		fmt.Fprintln(a.stdout, "The configuration calls no module of a repository; there is nothing to fetch.")
	}
	return nil
}

// change says what became of a package.
func change(r fetch.Result) string {
	switch {
	case r.Before == module.Entry{}:
		return "Locked"
	case r.Before.Commit != r.Commit:
		return "Upgraded"
	case r.Fetched:
		return "Fetched"
	default:
		return "Kept"
	}
}

// gotModule is one package in JSON.
type gotModule struct {
	Package string `json:"package"`
	Change  string `json:"change"`
	Commit  string `json:"commit"`
	Digest  string `json:"digest"`
	Before  string `json:"before,omitempty"`
}

func got(results []fetch.Result) []gotModule {
	out := []gotModule{}
	for _, r := range results {
		out = append(out, gotModule{Package: r.Package, Change: change(r), Commit: r.Commit, Digest: r.Digest, Before: r.Before.Commit})
	}
	return out
}
