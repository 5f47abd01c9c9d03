package minor_test

import (
	"strings"
	"testing"

	"github.com/decnet/decnet/providers/decky/shell/program/minor"
	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// The programs of the table answer as those of Debian 12 do.
func TestAnswer(t *testing.T) {
	h := programtest.New(t, "root")
	for _, x := range []struct {
		line, stdout, stderr string
		status               int
	}{
		{"chcon", "", "chcon: missing operand\nTry 'chcon --help' for more information.\n", 1},
		{"chcon --zilch x", "", "chcon: unrecognized option '--zilch'\nTry 'chcon --help' for more information.\n", 1},
		{"chcon -~", "", "chcon: invalid option -- '~'\nTry 'chcon --help' for more information.\n", 1},
		{"lexgrog --version", "lexgrog 2.11.2\n", "", 0},
		{"pod2man nosuch", "", "pod2man: unable to format nosuch\n", 1},
	} {
		stdout, stderr, status := h.Run(t, x.line, "")
		if stdout != x.stdout || stderr != x.stderr || status != x.status {
			t.Errorf("%s: %d %q %q", x.line, status, stdout, stderr)
		}
	}
}

// No program of the table is without an answer, and --help lists options.
func TestTable(t *testing.T) {
	h := programtest.New(t, "root")
	for name, f := range minor.Programs() {
		if f == nil {
			t.Errorf("%s does nothing", name)
		}
		stdout, stderr, status := h.Run(t, name+" --zilch-option", "")
		if status != 127 && strings.Contains(stdout+stderr, "{") && strings.Contains(stdout+stderr, "}") && strings.Contains(stdout+stderr, "{opt") {
			t.Errorf("%s leaves a hole: %q %q", name, stdout, stderr)
		}
	}
	if stdout, _, _ := h.Run(t, "chcon --help", ""); !strings.Contains(stdout, "Usage: chcon") || !strings.Contains(stdout, "--recursive") {
		t.Errorf("%q", stdout)
	}
}
