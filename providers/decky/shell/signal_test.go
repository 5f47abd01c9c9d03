package shell_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell"
)

func TestASignalEndsTheShell(t *testing.T) {
	for _, login := range []string{"/bin/bash", "/bin/dash"} {
		for _, c := range []struct {
			line   string
			signal string
			status int
		}{
			{"kill -9 $$; echo no", "KILL", 137},
			{"kill -KILL $$", "KILL", 137},
			{"kill $$", "TERM", 143},
			{"kill -HUP $$", "HUP", 129},
			{"kill -s INT $$; echo no", "INT", 130},
			{"kill -USR1 $$", "USR1", 138},
			{"(kill -9 $$)", "KILL", 137},
			{"kill -9 $$ | cat; echo no", "KILL", 137}, {"{ kill -9 $$; } | cat; echo no", "KILL", 137}, {"f() { kill -9 $$; }; f | cat", "KILL", 137},
			{"trap '' TERM; kill $$; exit 3", "", 3},
			{"trap 'exit 4' TERM; kill $$; exit 3", "", 4},
			{"kill -0 $$", "", 0},
			{"kill -CHLD $$; exit 5", "", 5},
			{"exit 137", "", 137},
			{"sh -c 'kill -9 $$; true'; exit 6", "", 6},
		} {
			s := shell.New(shell.Options{Machine: machine.New(host(), nil, time.Now), User: "root", Shell: login})
			status, err := s.Run(context.Background(), c.line, shell.ModeExec, nil, io.Discard, io.Discard)
			s.Close()
			if err != nil || s.Signal() != c.signal || status != c.status {
				t.Errorf("%s: %s: signal %q, status %d, error %v; want %q, %d", login, c.line, s.Signal(), status, err, c.signal, c.status)
			}
		}
	}
}
