// Package programtest types lines into a shell of a new machine, for the tests
// of programs. Nothing of it is linked into a program.
package programtest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/persona"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

// Host is a machine with a shell on it.
type Host struct {
	Machine *machine.Machine
	Events  []event.Body
	shell   *shell.Session
}

// New is a shell of user on a machine of its own; admin may use sudo.
func New(t testing.TB, user string) *Host {
	t.Helper()
	return On(t, "debian", user)
}

// On is a shell of user on a machine of a distribution.
func On(t testing.TB, distro, user string) *Host {
	t.Helper()
	host := servicetest.Host()
	if distro != "debian" {
		r := persona.Known(distro)
		host.Distro, host.Title, host.Kernel, host.Build = distro, r.Pretty, r.Kernel, r.Build
	}
	h := &Host{Machine: machine.New(host, []string{"admin"}, time.Now)}
	h.shell = shell.New(shell.Options{
		Machine: h.Machine, User: user, Env: map[string]string{"LANG": "C.UTF-8", "TZ": "UTC"}, Limits: shell.Limits{Time: 30 * time.Second},
		Record: func(b event.Body) error { h.Events = append(h.Events, b); return nil },
	})
	return h
}

// As is a shell of another user on the same machine.
func (h *Host) As(user string) *Host {
	other := &Host{Machine: h.Machine}
	other.shell = shell.New(shell.Options{
		Machine: h.Machine, User: user, Env: map[string]string{"LANG": "C.UTF-8", "TZ": "UTC"}, Limits: shell.Limits{Time: 30 * time.Second},
		Record: func(b event.Body) error { other.Events = append(other.Events, b); return nil },
	})
	return other
}

// Run types a line with an input and returns what it says and how it ends.
func (h *Host) Run(t testing.TB, line, input string) (stdout, stderr string, status int) {
	t.Helper()
	var out, err bytes.Buffer
	status, failed := h.shell.Run(context.Background(), line, shell.ModeExec, strings.NewReader(input), &out, &err)
	if failed != nil {
		t.Fatalf("%s: %v", line, failed)
	}
	return out.String(), err.String(), status
}
