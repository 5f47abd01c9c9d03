package shell

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Interactive is a login shell on a terminal until it exits or the client
// leaves; it returns the exit status. The client's reader is read until it
// fails: close it after Interactive returned.
func (s *Session) Interactive(ctx context.Context, t *Terminal) int {
	defer s.pumping(ctx, t)()
	defer s.Close()
	t.suspend = s.suspended
	s.profile(ctx, t)
	s.loadHistory()
	e := newEditor(t, s)
	for ctx.Err() == nil && s.change(ctx, t) {
		e.suit()
		e.history = s.history
		line, err := s.readCommand(e)
		switch {
		case errors.Is(err, errCancel):
			s.state.status = 130
			continue
		case errors.Is(err, errEnd):
			s.exited = s.leaving(e)
			continue
		case err != nil:
			s.saveHistory()
			return s.state.status
		case strings.TrimSpace(line) == "":
			s.tellJobs(t)
			continue
		}
		if line, err = s.expandHistory(line, e); err != nil {
			continue
		}
		s.remember(line)
		if err := s.typed(ctx, t, line); err != nil {
			break
		}
	}
	s.saveHistory()
	return s.state.status
}

// leaving says good-bye to ^D, unless jobs are stopped.
func (s *Session) leaving(e *editor) bool {
	if s.state.dialect.bash() {
		said := "exit"
		if strings.HasPrefix(s.state.name, "-") {
			said = "logout"
		}
		e.put(said + "\r\n")
	} else {
		e.put("\r\n")
	}
	r := &runner{session: s, state: s.state}
	s.begin()
	defer s.end()
	return !r.stoppedJobs(Streams{Err: Stream{Writer: e.t}})
}

// tellJobs tells of jobs that have ended, before the next prompt.
func (s *Session) tellJobs(t *Terminal) {
	r := &runner{session: s, state: s.state}
	s.begin()
	defer s.end()
	r.notify(Streams{Err: Stream{Writer: t}})
}

// suspended is ^Z: it stops the job that has the terminal, if there is one.
func (s *Session) suspended() bool {
	s.begin()
	defer s.end()
	j := s.foreground
	if j == nil || j.proc.ended {
		return false
	}
	j.stopped, j.proc.stopped = true, true
	for _, p := range s.processes {
		if p.job == j {
			p.stopped = true
		}
	}
	s.changed.Broadcast()
	return true
}

// profile reads what a login shell reads before its first prompt. It is the
// host's own, and no command of the client's: it is not on record.
func (s *Session) profile(ctx context.Context, t *Terminal) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	answer := &answer{session: s, mode: ModeShell, cwd: s.state.cwd, stdout: t, stderr: t, recorded: true}
	self := &process{session: s, pid: s.pid, cancel: cancel, over: ctx.Err, traps: s.state.traps, main: true}
	r := &runner{ctx: ctx, session: s, state: s.state, budget: &budget{limits: s.limits}, answer: answer, asUser: s.login, proc: self}
	streams := Streams{In: strings.NewReader(""), Out: answer.stream(1), Err: answer.stream(2)}
	defer s.wakeWith(ctx)()
	s.begin()
	defer s.end()
	s.running++
	defer func() { s.running-- }()
	if s.state.dialect.bash() {
		s.state.vars["PS1"] = &variable{value: `\s-\v\$ `}
	}
	first, _ := s.state.get("PS1")
	own := []string{".profile"}
	if s.state.dialect.bash() {
		own = []string{".bash_profile", ".bash_login", ".profile"}
	}
	files := []string{"/etc/profile"}
	for _, name := range own {
		path := strings.TrimSuffix(s.login.Home, "/") + "/" + name
		if info, err := r.view().Stat(path); err == nil && info.IsFile() {
			files = append(files, path)
			break
		}
	}
	for _, path := range files {
		data, err := r.view().ReadFile(path)
		if err != nil || len(data) > maxProfile {
			continue
		}
		r.sourcing++
		stopped := r.parsed(string(data), streams, fromSource, path)
		r.sourcing--
		var exit exitError
		if errors.As(stopped, &exit) {
			s.exited, s.state.status = true, int(exit)
			return
		}
	}
	s.state.status = 0
	s.state.hashed = nil
	if ps1, _ := s.state.get("PS1"); ps1 == first || ps1 == "" {
		s.state.set("PS1", s.distroPrompt())
	}
}

// maxProfile bounds a profile that a client may have written.
const maxProfile = 64 << 10

// pumping starts the terminal's reader and returns what ends the use of it.
// The reader's goroutine ends with the client: its owner closes that.
func (s *Session) pumping(ctx context.Context, t *Terminal) func() {
	t.pumped.Go(t.pump)
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.err == nil {
			t.err = io.EOF
		}
		t.arrived.Broadcast()
	})
	return func() { stop() }
}

// One runs one command on a terminal: ssh -t host command.
func (s *Session) One(ctx context.Context, t *Terminal, line string) int {
	defer s.pumping(ctx, t)()
	ctx, done := t.command(ctx)
	defer done()
	status, err := s.Run(ctx, line, ModeExec, t, t, t)
	if err != nil {
		return 255
	}
	return status
}

// typed runs a line that was typed.
func (s *Session) typed(ctx context.Context, t *Terminal, line string) error {
	ctx, done := t.command(ctx)
	_, err := s.Run(ctx, line, ModeShell, t, t, t)
	if done() && err == nil {
		_, err = t.Write([]byte("\n"))
		s.state.status = 130
	}
	return err
}

func (s *Session) remember(line string) {
	if strings.HasPrefix(line, " ") || len(s.history) > 0 && s.history[len(s.history)-1] == line {
		return
	}
	s.history = append(s.history, line)
	size := 0
	for i := len(s.history) - 1; i >= 0; i-- {
		if size += len(s.history[i]); size > maxKept || len(s.history)-i > maxHistory {
			s.history = slices.Clone(s.history[i+1:])
			break
		}
	}
}

func (s *Session) historyFile() string {
	file, ok := s.state.get("HISTFILE")
	if !ok || file == "" || file == "/dev/null" {
		return ""
	}
	return vfs.Clean(s.state.cwd, file)
}

func (s *Session) loadHistory() {
	if file := s.historyFile(); file != "" {
		if data, err := s.machine.FS.As(s.login.UID, s.login.GID).ReadFile(file); err == nil {
			for line := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n") {
				if line != "" && len(s.history) < maxHistory {
					s.history = append(s.history, line)
				}
			}
		}
	}
}

func (s *Session) saveHistory() {
	if file := s.historyFile(); file != "" && len(s.history) > 0 {
		// A full disk loses the history, as it would there.
		_ = s.machine.FS.As(s.login.UID, s.login.GID).WriteFile(file, []byte(strings.Join(s.history, "\n")+"\n"), 0o600)
	}
}

// Destination is where a file called name goes that is sent to target: into
// it where that is a directory.
func (s *Session) Destination(target, name string) string {
	path := vfs.Clean(s.state.cwd, target)
	if target == "" || target == "~" {
		path = s.login.Home
	}
	path = strings.Replace(path, s.state.cwd+"/~/", s.login.Home+"/", 1)
	if info, err := s.machine.FS.As(s.login.UID, s.login.GID).Stat(path); err == nil && info.IsDir() {
		path = strings.TrimSuffix(path, "/") + "/" + base("/"+name)
	}
	return path
}

// MakeDir makes a directory unless it is there.
func (s *Session) MakeDir(path string) {
	// What fails shows when a file is put in it.
	_ = s.machine.FS.As(s.login.UID, s.login.GID).Mkdir(path, 0o755)
}

// Store keeps a file that was sent; it returns the C library's words for what
// went wrong, else nothing.
func (s *Session) Store(path string, data []byte) string {
	if err := s.machine.FS.As(s.login.UID, s.login.GID).WriteFile(path, data, 0o644); err != nil {
		return vfs.Text(err)
	}
	return ""
}
