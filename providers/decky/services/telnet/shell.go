package telnet

import (
	"context"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell"
)

// This file is all that the service knows of the machine and its shell.

// shell is what login starts.
func (s *session) shell(ctx context.Context, user string) error {
	m := s.h.shared.Machine(s.h.policy.Accounts())
	entry, leave := m.Enter(user, s.source.Addr())
	defer leave()
	told := s.server.client()
	sh := shell.New(shell.Options{
		Machine: m, User: user, Source: s.source, Local: s.local, TTY: "/dev/" + entry.TTY, Term: s.term(told), Record: s.conn.Record,
	})
	s.tty.locked(func() {
		s.tty.rawMode()
		sh.SetSize(s.tty.rows, s.tty.cols)
		s.tty.resized = func(cols, rows int) {
			s.film.resize(cols, rows)
			sh.SetSize(rows, cols)
		}
	})
	before := s.h.shared.LoggedIn(user, s.source.Addr(), entry.TTY)
	uname, motd, _ := strings.Cut(m.Greeting(), "\n")
	last := "Last login: " + before.At.UTC().Format("Mon Jan _2 15:04:05 MST 2006") + " from " + before.From.String() + " on " + before.TTY + "\n"
	t := shell.NewTerminal(s.tty, s.tty)
	if _, err := io.WriteString(t, s.h.face.login.greeting(greeter{uname + "\n", motd, last})); err != nil {
		return err
	}
	s.film.accepted()
	sh.Interactive(ctx, t)
	sh.Close()
	s.tty.locked(func() { s.tty.hangup(io.EOF) })
	t.Wait()
	if saved := s.h.shared.Flush(); saved != nil {
		s.h.env.Log.Warn("files of a session are not kept", "error", saved)
	}
	return nil
}

// term is the terminal's name: what the client told, or the server's own.
func (s *session) term(told client) string {
	switch {
	case told.term != "":
		return told.term
	case s.h.face.server == faceBusybox:
		return "xterm"
	}
	return "network"
}
