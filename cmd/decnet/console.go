package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/console"
	"github.com/decnet/decnet/schema"
)

func (a *app) consoleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "console [DIR]", Short: "Evaluate expressions against the configuration", Args: cobra.MaximumNArgs(1),
		Long: `Console reads expressions and prints their values: variables, locals, outputs, what is planned of
networks and deckies, and every function. It needs no state; where there is one, deckies are as they
were applied. It changes nothing and shows nothing that is sensitive. From a script, the first
expression without a value ends it with exit code 1.`,
		Example: `  decnet console
  echo 'decky.web[*].ip' | decnet console`,
		ValidArgsFunction: directories,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			return a.console(cmd.Context())
		},
	}
}

func (a *app) console(ctx context.Context) error {
	configuration, err := a.load()
	if err != nil {
		return err
	}
	scope, err := a.scope(ctx, configuration)
	if err != nil {
		return err
	}
	c := console.Console{Scope: scope, In: a.stdin, Out: a.stdout, Err: a.stderr, Style: a.diagnostics()}
	if err := c.Run(ctx); !errors.Is(err, console.ErrFailed) {
		return err
	}
	return exitFailure
}

// scope is what the configuration declares, with what the state knows where
// there is one.
func (a *app) scope(ctx context.Context, c *schema.Configuration) (_ *schema.Scope, err error) {
	var s *session
	settings := c.Settings()
	if path := a.statePath(settings.State); isFile(path) {
		if s, err = a.open(ctx, path, a.secretPath(settings.Secret), 0); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	_, scope, diags, err := a.inScope(ctx, c, s)
	if err != nil {
		return nil, err
	}
	return scope, a.report(c, diags)
}
