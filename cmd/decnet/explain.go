package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/schema/lint"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain [RULE]", Short: "Tell why lint minds something, and what to do", Args: cobra.MaximumNArgs(1),
		Long: `Explain prints the documentation of a rule of decnet lint, by its id (DN1003) or name (end-of-life),
or lists all rules.`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range lint.Rules() {
				ids = append(ids, r.ID+"\t"+r.Summary)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.explain(args) },
	}
}

func (a *app) explain(args []string) error {
	if len(args) == 0 {
		rules := lint.Rules()
		if a.json {
			return a.printJSON(map[string]any{"rules": rules})
		}
		return view.Rules(a.stdout, rules, a.style())
	}
	rule, err := ruleCalled(args[0])
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	if a.json {
		return a.printJSON(rule)
	}
	return view.Rule(a.stdout, rule, a.style())
}
