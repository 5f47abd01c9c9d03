package ssh

import (
	"context"

	"github.com/decnet/decnet/providers/decky/shell"
)

// terminal is what a client asked for with pty-req (RFC 4254 section 6.2).
type terminal struct {
	term       string
	rows, cols int
}

func newTerminal(payload []byte) *terminal {
	term, rest := cutString(payload)
	cols, rest := cutUint32(rest)
	rows, _ := cutUint32(rest)
	return &terminal{term: term[:min(len(term), 64)], rows: int(min(rows, 5000)), cols: int(min(cols, 5000))}
}

// input is the shell's side of the terminal.
type input = terminalInput

type terminalInput struct{ t *shell.Terminal }

func (i *terminalInput) interrupt() { i.t.Interrupt() }

// interactive is a login shell, or one command, on a terminal.
func (s *session) interactive(ctx context.Context, sh *shell.Session, line string, exec bool) int {
	t := shell.NewTerminal(s.ch, s.ch)
	s.c.mu.Lock()
	s.input = &terminalInput{t}
	s.c.mu.Unlock()
	s.pumped = t.Wait
	if exec {
		return sh.One(ctx, t, line)
	}
	if _, err := s.ch.Write([]byte(s.c.h.greeting(s.c.link.user(), s.c.source.Addr()))); err != nil {
		return 255
	}
	return sh.Interactive(ctx, t)
}
