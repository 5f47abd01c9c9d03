package telnet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/cast"
	"github.com/decnet/decnet/providers/decky/shell"
	"github.com/decnet/decnet/schema/event"
)

// This file is all that the service knows of the machine and its shell.

// shell is what login starts.
func (s *session) shell(ctx context.Context, user string) error {
	m := s.h.policy.Machine(s.machine)
	entry, leave := m.EnterBy("telnet", user, s.source.Addr())
	defer leave()
	told := s.server.client()
	sh := shell.New(shell.Options{
		Machine: m, User: user, Source: s.source, Local: s.local, TTY: "/dev/" + entry.TTY, Term: s.term(told), Record: s.conn.Record,
		Executed: s.executed,
	})
	s.tty.locked(func() {
		s.tty.rawMode()
		sh.SetSize(s.tty.rows, s.tty.cols)
		s.tty.resized = func(cols, rows int) {
			s.film.resize(cols, rows)
			sh.SetSize(rows, cols)
		}
	})
	last := ""
	if before, ok := s.machine.LoggedIn(user, s.source.Addr(), entry.TTY); ok {
		last = "Last login: " + before.At.In(m.Zone.Location).Format("Mon Jan _2 15:04:05 MST 2006") + " from " + before.From.String() + " on " + before.TTY + "\n"
	}
	uname, motd, _ := strings.Cut(m.Greeting(), "\n")
	t := shell.NewTerminal(s.tty, s.tty)
	if _, err := io.WriteString(t, s.h.face.login.greeting(greeter{uname + "\n", motd, last})); err != nil {
		return err
	}
	s.film.accepted()
	sh.Interactive(ctx, t)
	sh.Close()
	s.tty.locked(func() { s.tty.hangup(io.EOF) })
	t.Wait()
	return nil
}

// executed keeps a file that a client dropped and runs, once a session.
func (s *session) executed(path string, data []byte) error {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if s.samples[digest] || len(s.samples) >= maxSamples {
		return nil
	}
	if s.samples == nil {
		s.samples = map[string]bool{}
	}
	s.samples[digest] = true
	err := s.h.env.Store.Save(cast.Artifact(digest), data)
	if err != nil {
		s.h.env.Log.Warn("a sample is not kept", "sha256", digest, "bytes", len(data), "error", err)
	}
	return s.conn.Record(&event.Transfer{Direction: "upload", Name: event.Text(path).Clip(4096), Size: int64(len(data)), SHA256: digest, Stored: err == nil})
}

// maxSamples bounds what one session may leave behind.
const maxSamples = 32

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
