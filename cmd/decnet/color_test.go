package main

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/cmd/internal/terminaltest"
)

// TestColour runs on a terminal: colours are there, and NO_COLOR, --no-color,
// --json and a dumb terminal take them away.
func TestColour(t *testing.T) {
	const escape = "\x1b["
	for name, c := range map[string]struct {
		args     []string
		env      map[string]string
		coloured bool
	}{
		"terminal":       {args: []string{"schema"}, coloured: true},
		"NO_COLOR":       {args: []string{"schema"}, env: map[string]string{"NO_COLOR": "1"}},
		"empty NO_COLOR": {args: []string{"schema"}, env: map[string]string{"NO_COLOR": ""}, coloured: true},
		"--no-color":     {args: []string{"schema", "--no-color"}},
		"one dash":       {args: []string{"-no-color", "schema"}},
		"dumb":           {args: []string{"schema"}, env: map[string]string{"TERM": "dumb"}},
		"--json":         {args: []string{"schema", "variable", "--json"}},
		"an error":       {args: []string{"fmt", "testdata/broken.hcl"}, coloured: true},
		"a plain error":  {args: []string{"fmt", "testdata/broken.hcl"}, env: map[string]string{"NO_COLOR": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_COLOR", "")
			t.Setenv("TERM", "xterm")
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			terminal := terminaltest.New(t)
			ended := make(chan error, 1)
			go func() {
				command(c.args, terminal.Program, terminal.Program, terminal.Program)
				_, err := terminal.Program.WriteString("the end")
				ended <- err
			}()
			seen := terminal.Expect("the end")
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if strings.Contains(seen, escape) != c.coloured || len(seen) < 60 {
				t.Errorf("coloured should be %v:\n%q", c.coloured, seen)
			}
		})
	}
}
