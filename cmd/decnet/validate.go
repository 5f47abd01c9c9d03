package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/schema/diag"
)

func (a *app) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "validate [DIR]", Short: "Check a configuration; needs neither privilege nor state", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.validate(cmd.Context())
		},
	}
}

func (a *app) validate(ctx context.Context) error {
	configuration, err := a.load()
	if err != nil {
		return err
	}
	desired, diags, err := a.resolve(ctx, configuration, nil)
	if err != nil {
		return err
	}
	if err := a.report(configuration, diags); err != nil {
		return err
	}
	if err := a.validateTests(configuration); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"valid": true, "instances": len(desired.Instances), "diagnostics": diag.Records(configuration.Files(), diags)})
	}
	fmt.Fprintf(a.stdout, "%s %d instances.\n", a.style().Good("The configuration is valid:"), len(desired.Instances))
	return nil
}
