package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/providers"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Tell what this machine lacks, and the remedy", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
}

// doctor asks every provider. It fails only where neither runtime would work.
func (a *app) doctor(ctx context.Context) (err error) {
	s, err := a.open(ctx, a.statePath(""), "", 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	groups := map[string][]providers.Finding{"decnet": a.ownFindings()}
	order := []string{"decnet"}
	usable := false
	for _, p := range s.registry.Providers() {
		prober, ok := p.(providers.Prober)
		if !ok {
			continue
		}
		groups[p.Name()] = prober.Probe(ctx)
		order = append(order, p.Name())
		if p.Name() == providers.RuntimeDocker || p.Name() == providers.RuntimeNative {
			usable = usable || !hasError(groups[p.Name()])
		}
	}
	if a.json {
		err = a.printJSON(groups)
	} else {
		a.printFindings(order, groups)
	}
	if err == nil && (!usable || hasError(groups["decnet"])) {
		return exitFailure
	}
	return err
}

func (a *app) printFindings(order []string, groups map[string][]providers.Finding) {
	style := a.style()
	for _, name := range order {
		fmt.Fprintln(a.stdout, style.Bold(name))
		for _, f := range groups[name] {
			sign := style.Good("ok     ")
			switch f.Severity {
			case providers.SeverityWarning:
				sign = style.Warn("warning")
			case providers.SeverityError:
				sign = style.Bad("missing")
			}
			fmt.Fprintf(a.stdout, "  %s  %s\n", sign, f.Summary)
			if f.Remedy != "" && f.Severity != providers.SeverityOK {
				fmt.Fprintf(a.stdout, "           %s\n", f.Remedy)
			}
		}
	}
}

func (a *app) ownFindings() []providers.Finding {
	binary := deckyBinary()
	if _, err := os.Stat(binary); err != nil {
		return []providers.Finding{{
			Severity: providers.SeverityError, Summary: "the decky binary is not found",
			Remedy: "build it (make build) beside decnet, or name it in DECNET_DECKY",
		}}
	}
	return []providers.Finding{{Severity: providers.SeverityOK, Summary: "the decky binary is " + binary}}
}
