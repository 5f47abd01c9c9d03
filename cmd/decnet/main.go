// Command decnet plans, applies and keeps networks of decoy hosts, and tells
// what attackers do in them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/decnet/decnet/cmd/internal/run"
	"github.com/decnet/decnet/cmd/internal/view"
)

// exitError ends the process with a code of its own; everything that is to be
// said has been said already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Exit codes, as Terraform has them.
const (
	exitFailure exitError = 1
	exitChanges exitError = 2 // with --detailed-exitcode: the plan is not empty
)

func main() {
	os.Exit(command(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// command is main without the process: it returns the exit code.
func command(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := interruptible(context.Background(), stderr)
	defer stop()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(doubled(root, args))
	err := root.ExecuteContext(ctx)
	var code exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	default:
		fmt.Fprintf(stderr, "Error: %s\n", view.Lines(err.Error())) // a repository or a server may have its say in it
		return int(exitFailure)
	}
}

// interruptible ends ctx at the first interrupt, so that what is in flight can
// finish, and the process at the second.
func interruptible(ctx context.Context, stderr io.Writer) (context.Context, func()) {
	return run.Interruptible(ctx, func(first os.Signal) {
		fmt.Fprintf(stderr, "\n%s: finishing the steps in flight; once more leaves at once.\n", first)
	}, func() {
		fmt.Fprintln(stderr, "Left at once. The journal knows what was under way; the next plan looks at what is.")
		os.Exit(int(exitFailure))
	})
}
