package shell

import (
	"context"
	"errors"
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// Interactive is a login shell on a terminal until it exits or the client
// leaves; it returns the exit status. The client's reader is read until it
// fails: close it after Interactive returned.
func (s *Session) Interactive(ctx context.Context, t *Terminal) int {
	defer s.pumping(ctx, t)()
	s.loadHistory()
	e := &editor{t: t, complete: s.complete}
	for !s.exited && ctx.Err() == nil {
		e.history = s.history
		line, err := s.readCommand(e)
		switch {
		case errors.Is(err, errCancel):
			s.state.status = 130
			continue
		case errors.Is(err, errEnd):
			e.put("logout\r\n")
			s.saveHistory()
			return s.state.status
		case err != nil:
			s.saveHistory()
			return s.state.status
		case strings.TrimSpace(line) == "":
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

// readCommand reads lines until they are a whole command.
func (s *Session) readCommand(e *editor) (string, error) {
	line, err := e.line(s.prompt(), true)
	for err == nil && incomplete(line) && len(line) < s.limits.Line {
		var more string
		more, err = e.line("> ", true)
		line += "\n" + more
	}
	return line, err
}

func incomplete(line string) bool {
	if strings.HasSuffix(line, "\\") && !strings.HasSuffix(line, "\\\\") {
		return true
	}
	_, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(line), "")
	return err != nil && syntax.IsIncomplete(err)
}

// prompt is PS1: a client's own, or Debian's.
func (s *Session) prompt() string {
	ps1, ok := s.state.get("PS1")
	if !ok {
		ps1 = `\u@\h:\w\$ `
	}
	dir := s.state.cwd
	if home := s.login.Home; home != "/" && (dir == home || strings.HasPrefix(dir, home+"/")) {
		dir = "~" + dir[len(home):]
	}
	mark := "$"
	if s.login.UID == 0 {
		mark = "#"
	}
	host, _, _ := strings.Cut(s.machine.Host.Hostname, ".")
	return strings.NewReplacer(`\u`, s.login.Name, `\h`, host, `\H`, s.machine.Host.Hostname, `\w`, dir, `\W`, base("/"+strings.Trim(dir, "/")), `\$`, mark, `\[`, "", `\]`, "", `\n`, "\r\n", `\e`, "\x1b", `\033`, "\x1b", `\a`, "\a", `\t`, s.machine.Now().Format("15:04:05")).Replace(ps1)
}

func (s *Session) remember(line string) {
	if strings.HasPrefix(line, " ") || len(s.history) > 0 && s.history[len(s.history)-1] == line {
		return
	}
	s.history = append(s.history, line)
	if len(s.history) > maxHistory {
		s.history = s.history[1:]
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

// complete is what Tab adds: the rest of the one file or command that fits.
func (s *Session) complete(line string) string {
	word := line[strings.LastIndexAny(line, " ;|&<>")+1:]
	view := s.machine.FS.As(s.login.UID, s.login.GID)
	dir, prefix := s.state.cwd, word
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		dir, prefix = vfs.Clean(s.state.cwd, word[:i+1]), word[i+1:]
	} else if word == strings.TrimSpace(line) {
		dir = "/usr/bin"
	}
	list, err := view.ReadDir(dir)
	if err != nil || word == "" {
		return ""
	}
	found, tail := "", ""
	for _, entry := range list {
		if !strings.HasPrefix(entry.Name, prefix) || prefix == "" && strings.HasPrefix(entry.Name, ".") {
			continue
		}
		if found == "" {
			found, tail = entry.Name, " "
			if info, err := view.Stat(strings.TrimSuffix(dir, "/") + "/" + entry.Name); err == nil && info.IsDir() {
				tail = "/"
			}
			continue
		}
		tail = ""
		n := 0
		for n < len(found) && n < len(entry.Name) && found[n] == entry.Name[n] {
			n++
		}
		found = found[:n]
	}
	if len(found) < len(prefix) {
		return ""
	}
	return found[len(prefix):] + tail
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
