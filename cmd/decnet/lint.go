package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/cmd/internal/view"
	"github.com/decnet/decnet/cmd/internal/view/report"
	"github.com/decnet/decnet/schema/diag"
	"github.com/decnet/decnet/schema/lint"
)

// lintFlags are what lint may be told.
type lintFlags struct {
	reports     reportFlags
	minSeverity string
	failOn      string
	rules       []string
	except      []string
}

func (a *app) lintCommand() *cobra.Command {
	var flags lintFlags
	cmd := &cobra.Command{
		Use: "lint [DIR]", Short: "Find what would give the deckies away, and score the fleet", Args: cobra.MaximumNArgs(1),
		Long: `Lint evaluates a configuration, as validate does, and judges whether attackers would believe in it:
contradictions between services and systems, addresses and makers, names and services, and what
deckies have in common that real hosts have not. It needs neither privilege nor state. A comment
on the line before a block or an argument takes a rule back there, with a reason:

  # decnet:ignore DN1003: the old billing host really looks like this

It exits with 1 where a finding is as grave as --fail-on says, else with 0.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.directory(args); err != nil {
				return err
			}
			if err := flags.reports.begin(a, "lint"); err != nil {
				return err
			}
			return a.lint(cmd.Context(), flags)
		},
	}
	f := cmd.Flags()
	flags.reports.register(cmd)
	f.StringVar(&flags.minSeverity, "min-severity", "note", "show nothing weaker: "+strings.Join(lint.Severities(), ", "))
	f.StringVar(&flags.failOn, "fail-on", "warning", "exit with 1 from this severity on, or never")
	f.StringSliceVar(&flags.rules, "rule", nil, "run these `RULES` only, by id or name")
	f.StringSliceVar(&flags.except, "except", nil, "leave out these `RULES`")
	return cmd
}

// options reads the flags.
func (f *lintFlags) options() (o lint.Options, failOn lint.Severity, err error) {
	if err := o.MinSeverity.UnmarshalText([]byte(f.minSeverity)); err != nil {
		return o, 0, fmt.Errorf("--min-severity: %w", err)
	}
	if failOn = lint.Error + 1; f.failOn != "never" {
		if err := failOn.UnmarshalText([]byte(f.failOn)); err != nil {
			return o, 0, fmt.Errorf("--fail-on: %w, never", err)
		}
	}
	for _, list := range []struct {
		flag string
		from []string
		to   *[]string
	}{{"--rule", f.rules, &o.Only}, {"--except", f.except, &o.Except}} {
		for _, name := range list.from {
			rule, err := ruleCalled(name)
			if err != nil {
				return o, 0, fmt.Errorf("%s: %w", list.flag, err)
			}
			*list.to = append(*list.to, rule.ID)
		}
	}
	return o, failOn, nil
}

// ruleCalled finds a rule by id or name, or says which one was probably meant.
func ruleCalled(name string) (lint.Rule, error) {
	if rule, ok := lint.Lookup(name); ok {
		return rule, nil
	}
	if rule, ok := lint.Lookup(strings.ToUpper(name)); ok {
		return rule, nil
	}
	if near := lint.Nearest(name); near != "" {
		return lint.Rule{}, fmt.Errorf("there is no rule %q. Did you mean %s?", name, near)
	}
	return lint.Rule{}, fmt.Errorf("there is no rule %q; decnet explain lists them", name)
}

func (a *app) lint(ctx context.Context, flags lintFlags) error {
	options, failOn, err := flags.options()
	if err != nil {
		return err
	}
	configuration, err := a.load()
	if err != nil {
		return err
	}
	desired, diags, err := a.resolve(ctx, configuration, nil)
	if err != nil {
		return err
	}
	if err := a.report(configuration, diag.Forgive(diags)); err != nil {
		return err
	}
	if desired == nil {
		return a.unjudged(configuration.Settings().Name)
	}
	options.Files = configuration.Files()
	result, err := lint.Run(desired, options)
	if err != nil {
		return err
	}
	findings, meta := result.Diagnose(options.Files), a.lintMeta(desired.Name, &options, result)
	err = a.reports.each(a, func(w io.Writer, format report.Format) error {
		if format == report.Human { // standard error has what the language said
			return report.Write(w, format, findings, meta)
		}
		return report.Write(w, format, slices.Concat(a.reports.findings, findings), meta)
	})
	if err != nil {
		return err
	}
	if worst, any := result.Worst(); any && worst >= failOn {
		return exitFailure
	}
	return nil
}

// unjudged reports that a value is missing which only the place where the
// configuration is applied has: the pipeline of a fork cannot judge it.
func (a *app) unjudged(name string) error {
	meta := a.meta(name)
	meta.Verdict = "Not judged: a variable has no value here."
	return a.reports.each(a, func(w io.Writer, format report.Format) error {
		if format == report.Human {
			return report.Write(w, format, nil, meta)
		}
		return report.Write(w, format, a.reports.findings, meta)
	})
}

// lintMeta is what the report says besides findings.
func (a *app) lintMeta(name string, options *lint.Options, result *lint.Report) report.Meta {
	meta := a.meta(name)
	meta.Facts, meta.Score = []string{view.Score(result.Score.Fleet)}, result.Score
	counts := map[lint.Severity]int{}
	broken := map[string]bool{}
	for _, f := range result.Findings {
		counts[f.Severity]++
		broken[f.Rule] = true
	}
	meta.Verdict = fmt.Sprintf("%s, %s, %s.", counted(counts[lint.Error], "error"), counted(counts[lint.Warning], "warning"), counted(counts[lint.Note], "note"))
	if len(result.Findings) == 0 {
		meta.Verdict = "Nothing gives the deckies away."
	}
	if n := len(result.Suppressed); n > 0 {
		meta.Facts = append(meta.Facts, fmt.Sprintf("%s taken back by comments.", counted(n, "finding")))
	}
	for _, rule := range lint.Rules() {
		severity := map[lint.Severity]diag.Severity{lint.Note: diag.SeverityNote, lint.Warning: diag.SeverityWarning, lint.Error: diag.SeverityError}[rule.Severity]
		meta.Rules = append(meta.Rules, report.Rule{
			ID: rule.ID, Summary: rule.Summary, Detail: rule.Doc.Why + " " + rule.Doc.Fix, Help: "decnet explain " + rule.ID, Severity: severity,
		})
		skipped := len(options.Only) > 0 && !slices.Contains(options.Only, rule.ID) || slices.Contains(options.Except, rule.ID)
		if !broken[rule.ID] && !skipped {
			meta.Passed = append(meta.Passed, rule.ID+" "+rule.Name)
		}
	}
	return meta
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
