package pager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/servicetest"
	"github.com/decnet/decnet/providers/decky/shell/program/programtest"
)

// At a terminal the pagers take their keys.
func TestKeys(t *testing.T) {
	m := machine.New(servicetest.Host(), []string{"admin"}, time.Now)
	programtest.Type(t, m, "root", "seq 100 > /tmp/s; less /tmp/s; echo over", "", "23\r\n\x1b[7m/tmp/s\x1b[27m", " ", "46\r\n:", "/90\r", "\x1b[7m90\x1b[27m", "G", "(END)", "g", "\x1b[2J\x1b[H1\r\n", "/zilch\r", "Pattern not found  (press RETURN)", "q", "over")
	programtest.Type(t, m, "root", "seq 100 | less; echo over", "", "23\r\n:", "q", "over")
	programtest.Type(t, m, "root", "seq 100 > /tmp/s; more /tmp/s; echo over", "", "23\r\n\x1b[7m--More--(20%)\x1b[27m", "\r", "24\x1b[K\r\n\x1b[7m--More--(21%)", " ", "--More--(45%)", "q", "over")
	programtest.Type(t, m, "root", "seq 100 | more; echo over", "", "--More--", "q", "over")
	programtest.Type(t, m, "root", "echo compressed | gzip > /tmp/z.gz; zless /tmp/z.gz; echo over", "", "compressed", "q", "over")
}

// Elsewhere they hand on what they read, and say what they cannot.
func TestPlain(t *testing.T) {
	h := programtest.New(t, "root")
	for _, x := range []struct {
		line, stdout, stderr string
		status               int
	}{
		{"seq 2 | less", "1\n2\n", "", 0},
		{"less /nofile", "/nofile: No such file or directory\n", "", 1},
		{"less /tmp", "/tmp is a directory\n", "", 1},
		{"less --zz", "There is no zz option (\"less --help\" for help)\n", "", 1},
		{"more /nofile", "", "more: cannot open /nofile: No such file or directory\n", 0},
		{"more --zz", "", "more: unrecognized option '--zz'\nTry 'more --help' for more information.\n", 1},
		{"more /tmp", "\n*** /tmp: directory ***\n\n", "", 0},
		{"man", "", "What manual page do you want?\nFor example, try 'man man'.\n", 1},
		{"man nosuch", "", "No manual entry for nosuch\n", 16},
		{"man 3 nosuch", "", "No manual entry for nosuch in section 3\n", 16},
		{"man --zz", "", "man: unrecognized option '--zz'\nTry 'man --help' or 'man --usage' for more information.\n", 1},
		{"man -V", "man 2.11.2\n", "", 0},
		{"man -k nosuch", "", "nosuch: nothing appropriate.\n", 16},
	} {
		stdout, stderr, status := h.Run(t, x.line, "")
		if stdout != x.stdout || stderr != x.stderr || status != x.status {
			t.Errorf("%s: %d %q %q", x.line, status, stdout, stderr)
		}
	}
	if stdout, _, status := h.Run(t, "man bash", ""); status != 0 || !strings.HasPrefix(stdout, "BASH(1)") || !strings.Contains(stdout, "\nNAME\n") {
		t.Errorf("%d %q", status, stdout)
	}
}
