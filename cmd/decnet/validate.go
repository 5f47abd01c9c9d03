package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view/report"
	"github.com/decnet/decnet/schema/diag"
)

func (a *app) validateCommand() *cobra.Command {
	var flags reportFlags
	cmd := &cobra.Command{
		Use: "validate [DIR]", Short: "Check a configuration; needs neither privilege nor state", Args: cobra.MaximumNArgs(1),
		Long: `Validate loads and resolves a configuration and says everything that is wrong with it. It needs no
privilege, no state and no secret: a variable without a value is a warning here, and what depends on it
is not checked, so that the pipeline of a fork can run it.`,
		Example: `  decnet validate
  decnet validate --format github --report sarif=decnet.sarif --report junit=decnet.xml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			if err := flags.begin(a, "validate"); err != nil {
				return err
			}
			return a.validate(cmd.Context())
		},
	}
	flags.register(cmd)
	return cmd
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
	diags = diag.Forgive(diags)
	if err := a.report(configuration, diags); err != nil {
		return err
	}
	if err := a.validateTests(configuration); err != nil {
		return err
	}
	answer := validity(a.reports.records)
	verdict := "The configuration is valid, as far as it could be checked."
	if desired != nil {
		answer["instances"] = len(desired.Instances)
		verdict = fmt.Sprintf("The configuration is valid: %d instances.", len(desired.Instances))
	}
	meta := a.meta(configuration.Settings().Name)
	meta.Verdict, meta.Passed = verdict, a.passed(configuration, a.reports.findings)
	return a.reports.each(a, func(w io.Writer, format report.Format) error {
		switch {
		case format == report.JSON:
			return writeJSON(w, answer)
		case format == report.Human && w == a.stdout: // standard error has the warnings
			return report.Write(w, format, nil, meta)
		}
		return report.Write(w, format, a.reports.findings, meta)
	})
}
