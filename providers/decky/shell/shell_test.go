package shell_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
)

// newShell is a shell of user on a machine of its own.
func newShell(t testing.TB, user string) *shell.Session {
	t.Helper()
	return shell.New(shell.Options{Machine: machine.New(servicetest.Host(), []string{"admin"}, time.Now), User: user})
}

// run evaluates line and returns what it said on both outputs.
func run(t testing.TB, s *shell.Session, line, stdin string) (stdout, stderr string, status int) {
	t.Helper()
	var out, err bytes.Buffer
	status, failed := s.Run(context.Background(), line, shell.ModeExec, strings.NewReader(stdin), &out, &err)
	if failed != nil {
		t.Fatal(failed)
	}
	return out.String(), err.String(), status
}
