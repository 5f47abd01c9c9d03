//go:build corpus

package shell_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decnet/decnet/providers/decky"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell"
)

// TestCorpusOfOtherPersonas types all lines into the login shells of other
// personas than Debian's bash: none panics, none exceeds its budget, and how many
// are answered otherwise is told.
func TestCorpusOfOtherPersonas(t *testing.T) {
	alpine := servicetest.Host()
	alpine.Distro, alpine.Title, alpine.Kernel, alpine.Build = "alpine", "Alpine Linux v3.19", "6.6.8-0-virt", "#1-Alpine SMP PREEMPT_DYNAMIC"
	lines := readCorpus(t)
	bash := make([]golden, len(lines))
	for i, line := range lines {
		bash[i] = typedOn(t, servicetest.Host(), "", line.Command)
	}
	for name, persona := range map[string]struct {
		host  decky.Host
		login string
	}{"dash": {servicetest.Host(), "/bin/sh"}, "ash": {alpine, ""}} {
		differ, status, seen := 0, 0, 0
		for i, line := range lines {
			got := typedOn(t, persona.host, persona.login, line.Command)
			seen += line.N
			if got.Stdout != bash[i].Stdout || got.Stderr != bash[i].Stderr || got.Status != bash[i].Status {
				differ++
			}
			if got.Status != bash[i].Status {
				status++
			}
		}
		t.Logf("%s answers %d of the %d lines otherwise than Debian's bash, %d with another status", name, differ, len(lines), status)
		if differ == 0 {
			t.Errorf("%s answers everything as bash does", name)
		}
	}
}

// typedOn is what one line is answered on a host, on a clock of its own.
func typedOn(t *testing.T, on decky.Host, login, line string) (g golden) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start, began := time.Now(), time.Date(2026, 3, 5, 9, 30, 0, 0, time.UTC)
		host := machine.New(on, nil, func() time.Time { return began.Add(time.Since(start)) })
		limits := shell.Limits{Time: 5 * time.Minute, Output: 256 << 10}
		s := shell.New(shell.Options{Machine: host, User: "root", Shell: login, Limits: limits})
		var out, errs bytes.Buffer
		if _, err := s.Run(t.Context(), line, shell.ModeExec, strings.NewReader(""), &out, &errs); err != nil {
			t.Errorf("%.80q: %v", line, err)
		}
		if out.Len()+errs.Len() > limits.Output+4096 || host.FS.Used() > machine.FSQuota {
			t.Errorf("%.80q said %d bytes and holds %d", line, out.Len()+errs.Len(), host.FS.Used())
		}
		if took := time.Since(start); took > limits.Time+5*time.Second {
			t.Errorf("%.80q took %s", line, took)
		}
		g = golden{Status: s.Status(), Stdout: out.String(), Stderr: errs.String()}
	})
	return g
}
