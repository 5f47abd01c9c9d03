package shell

import (
	"context"

	"github.com/decnet/decnet/providers/decky/machine"
)

// maxNested bounds how many shells wait for the one that reads the terminal.
const maxNested = 16

// level is a shell that waits for another one, which it started, to end.
type level struct {
	state *state
	login machine.Account
	shell string
}

// started is a shell that reads the terminal once the line that started it is
// through.
type started struct {
	level
	dialect *dialect
	profile bool // as a login shell reads it
}

// nest starts a shell that reads the terminal: sh, su, sudo -i. It takes over
// when the rest of the line has run.
func (r *runner) nest(d *dialect, path, name string, login bool) {
	s := r.session
	if r.state.status = 0; len(s.outer) >= maxNested {
		r.state.status = 1
		return
	}
	st := r.state.fork()
	st.parent, st.pid, st.name, st.params = r.state.pid, s.machine.NextPID(), name, nil
	s.starting = &started{level: level{state: st, login: r.asUser, shell: path}, dialect: d, profile: login}
}

// change has the shell that was started read the terminal, or the one that
// waited for the shell that has ended. It tells whether there is one.
func (s *Session) change(ctx context.Context, t *Terminal) bool {
	if next := s.starting; next != nil {
		s.starting = nil
		if !s.exited { // exec leaves nobody to wait
			s.outer = append(s.outer, level{s.state, s.login, s.shell})
		}
		s.exited = false
		s.state, s.login, s.shell = next.state, next.login, next.shell
		s.state.fresh(next.dialect)
		s.state.interactive = true
		s.state.own()
		s.begun(ctx, t, next.profile)
		return true
	}
	if !s.exited {
		return true
	}
	if len(s.outer) == 0 {
		return false
	}
	status := s.state.status
	if s.ended != 0 {
		status = 128 + s.ended
	}
	last := s.outer[len(s.outer)-1]
	s.outer = s.outer[:len(s.outer)-1]
	s.state, s.login, s.shell, s.exited, s.ended = last.state, last.login, last.shell, false, 0
	s.state.status = status
	return true
}

// begun reads what the shell reads at its start.
func (s *Session) begun(ctx context.Context, t *Terminal, login bool) {
	if login {
		s.profile(ctx, t)
		return
	}
	if s.state.dialect.bash() {
		s.state.set("PS1", s.distroPrompt())
	}
}
