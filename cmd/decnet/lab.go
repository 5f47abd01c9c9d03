package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/decnet/decnet/providers/link/lab"
)

func (a *app) labCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "A wire between two network namespaces, to try decoys without touching a real network",
		Long: `A lab is two network namespaces joined by one wire: the operator's side has the link op0, which
deckies take as their parent, the attacker's side the link att0 (10.77.0.2). Nothing sent in a lab
reaches a real interface. It needs root.`,
	}
	var docker bool
	up := &cobra.Command{
		Use: "up NAME", Short: "Make a lab", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.labUp(cmd.Context(), args[0], docker) },
	}
	up.Flags().BoolVar(&docker, "docker", false, "start a Docker engine of the lab's own on the operator's side")
	execute := &cobra.Command{
		Use: "exec NAME operator|attacker -- COMMAND [ARGUMENT...]", Short: "Run a command on one side of a lab", Args: cobra.MinimumNArgs(3),
		ValidArgs: []string{"operator", "attacker"},
		RunE:      func(cmd *cobra.Command, args []string) error { return a.labExec(cmd.Context(), args) },
	}
	down := &cobra.Command{
		Use: "down NAME", Short: "Take a lab away, with every process that was started in it", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return lab.Down(args[0], lab.Options{Log: a.log}) },
	}
	cmd.AddCommand(up, execute, down)
	return cmd
}

func (a *app) labUp(ctx context.Context, name string, docker bool) error {
	l, err := lab.Up(ctx, name, lab.Options{Log: a.log})
	if err != nil {
		return err
	}
	if docker {
		if _, err := l.StartEngine(ctx); err != nil {
			return errors.Join(err, l.Down())
		}
	}
	if a.json {
		return a.printJSON(map[string]any{
			"name": l.Name, "directory": l.Dir, "operator": l.Namespace(lab.Operator), "attacker": l.Namespace(lab.Attacker),
		})
	}
	fmt.Fprintf(a.stdout, "Lab %s is up: parent link %s (%s) on the operator's side, %s (%s) on the attacker's.\nScratch directory: %s\n",
		name, lab.OperatorLink, lab.OperatorPrefix, lab.AttackerLink, lab.AttackerPrefix, l.Dir)
	return nil
}

func (a *app) labExec(ctx context.Context, args []string) error {
	side := lab.Side(args[1])
	if side != lab.Operator && side != lab.Attacker {
		return fmt.Errorf("a lab has the sides operator and attacker, not %q", args[1])
	}
	l, err := lab.Open(args[0])
	if err != nil {
		return err
	}
	// The command takes part in the terminal: it gets interrupts itself, and
	// decides what they mean.
	command := l.Command(context.WithoutCancel(ctx), side, args[2:]...)
	command.Stdin, command.Stdout, command.Stderr = a.stdin, a.stdout, a.stderr
	if command.Env == nil {
		command.Env = os.Environ()
	}
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exitError(exit.ExitCode())
	}
	return err
}
