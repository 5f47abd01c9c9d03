package ssh

import (
	"context"
	"io"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell"
)

// This file is all that the service knows of the shell.

// newShell is the user's login shell.
func (s *session) newShell(tty string) *shell.Session {
	options := shell.Options{
		Machine: s.c.host(), User: s.c.user, Source: s.c.source, Local: s.c.local, Env: s.variables(), Record: s.c.record,
	}
	if tty != "" {
		options.TTY, options.Term = "/dev/"+tty, s.pty.term
	}
	return shell.New(options)
}

// shell is the request "shell".
func (s *session) shell(ctx context.Context) outcome {
	if s.pty != nil {
		return s.onTerminal(func(sh *shell.Session, t *shell.Terminal, out io.Writer, tty string) int {
			if _, err := io.WriteString(out, s.c.greeting(s.c.user, s.c.source.Addr(), tty)); err != nil {
				return 255
			}
			return sh.Interactive(ctx, t)
		})
	}
	if _, err := io.WriteString(s.ch, s.c.greeting(s.c.user, s.c.source.Addr(), "")); err != nil {
		return outcome{status: 255}
	}
	sh := s.newShell("")
	defer sh.Close()
	return outcome{status: s.script(ctx, sh), signal: sh.Signal()}
}

// exec is the request "exec".
func (s *session) exec(ctx context.Context, line string) outcome {
	if out, ok := s.copyFiles(line); ok {
		return out
	}
	if s.pty != nil {
		return s.onTerminal(func(sh *shell.Session, t *shell.Terminal, _ io.Writer, _ string) int { return sh.One(ctx, t, line) })
	}
	sh := s.newShell("")
	defer sh.Close()
	status, _ := sh.Run(ctx, line, shell.ModeExec, s.ch, s.ch, s.ch.Stderr())
	return outcome{status: status, signal: sh.Signal()}
}

// onTerminal runs something on a terminal that who and w show.
func (s *session) onTerminal(run func(*shell.Session, *shell.Terminal, io.Writer, string) int) outcome {
	entry, leave := s.c.host().Enter(s.c.user, s.c.source.Addr())
	defer leave()
	sh := s.newShell(entry.TTY)
	defer sh.Close()
	film := s.film()
	defer s.keep(film)
	t := shell.NewTerminal(film, film)
	sh.SetSize(s.pty.rows, s.pty.cols)
	s.mu.Lock()
	s.running.interrupt, s.running.resize = t.Interrupt, func(rows, cols int) {
		sh.SetSize(rows, cols)
		film.recorder.Resize(cols, rows)
	}
	s.mu.Unlock()
	status := run(sh, t, film, entry.TTY)
	s.ch.CloseRead()
	t.Wait()
	return outcome{status: status, signal: sh.Signal()}
}

// script is a shell whose commands come down a pipe.
func (s *session) script(ctx context.Context, sh *shell.Session) int {
	lines := &lines{from: s.ch}
	for !sh.Exited() && ctx.Err() == nil {
		line, err := lines.next()
		if strings.TrimSpace(line) != "" {
			if _, err := sh.Run(ctx, line, shell.ModeShell, lines, s.ch, s.ch.Stderr()); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	return sh.Status()
}

// lines reads a client's input a line at a time and leaves the rest to the
// commands.
type lines struct {
	from io.Reader
	rest []byte
}

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	if len(l.rest) > 0 {
		n := copy(p, l.rest)
		l.rest = l.rest[n:]
		return n, nil
	}
	return l.from.Read(p)
}

// Ready tells whether Read would return at once.
func (l *lines) Ready() bool {
	from, ok := l.from.(interface{ Ready() bool })
	return len(l.rest) > 0 || !ok || from.Ready()
}

// maxLine bounds a command line.
const maxLine = 128 << 10

func (l *lines) next() (string, error) {
	for {
		if i := strings.IndexByte(string(l.rest), '\n'); i >= 0 {
			line := string(l.rest[:i])
			l.rest = l.rest[i+1:]
			return line, nil
		}
		if len(l.rest) > maxLine {
			return "", io.ErrShortBuffer
		}
		var b [4096]byte
		n, err := l.from.Read(b[:])
		l.rest = append(l.rest, b[:n]...)
		if err != nil {
			line := string(l.rest)
			l.rest = nil
			return line, err
		}
	}
}
