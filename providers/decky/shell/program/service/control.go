package service

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// note writes to the journal.
func (m *manager) note(source string, pid int, text string) {
	m.c.Machine.Note(image.Entry{Source: source, PID: pid, Text: text})
}

// noteOf writes to the journal what the manager says of a unit.
func (m *manager) noteOf(u *unit, text string) {
	m.c.Machine.Note(image.Entry{Source: "systemd", PID: 1, Text: text, Unit: u.name})
}

// set changes a unit's state and ends its process.
func (m *manager) set(u *unit, active, sub string) {
	m.c.Machine.SetUnit(u.name, machine.Unit{Active: active, Sub: sub}, nil)
}

// control starts and stops units.
func (s *ctl) control() int {
	status := 0
	for _, name := range s.names {
		if r := s.controlOne(name); r != 0 {
			status = r
		}
	}
	return status
}

// verbs of jobs as messages name them.
var jobs = map[string]string{"try-restart": "restart", "condrestart": "restart", "reload-or-restart": "reload-or-restart", "force-reload": "reload-or-restart", "try-reload-or-restart": "reload-or-restart", "isolate": "start"}

func (s *ctl) controlOne(name string) int {
	verb := s.verb
	if v := jobs[verb]; v != "" {
		verb = v
	}
	u := s.find(name)
	fail := "Failed to " + verb + " " + full(name) + ": "
	if verb == "kill" {
		fail = "Failed to kill unit " + full(name) + ": "
	}
	switch {
	case s.c.User.UID != 0:
		if !s.authorized(verb, full(name)) {
			return s.denied(fail, full(name))
		}
	case u.load == "not-found" && u.active == "inactive":
		if verb == "stop" || verb == "reload" || verb == "kill" {
			s.c.Err.Print(fail + "Unit " + full(name) + " not loaded.\n")
			if s.verb == "kill" {
				return 1
			}
			return 5
		}
		s.c.Err.Print(fail + "Unit " + full(name) + " not found.\n")
		return 5
	case u.load == "masked" && verb != "stop":
		s.c.Err.Print(fail + "Unit " + u.name + " is masked.\n")
		return 1
	case u.load == "bad-setting" && verb != "stop":
		s.c.Err.Print(fail + "Unit " + u.name + " has a bad unit file setting.\nSee system logs and 'systemctl status " + u.name + "' for details.\n")
		return 1
	}
	switch verb {
	case "start":
		if u.active == "active" {
			return 0
		}
		return s.start(u)
	case "stop":
		if u.kind() == "service" && u.get("RefuseManualStop") == "yes" {
			s.c.Err.Print(fail + "Operation refused, unit " + u.name + " may be requested by dependency only (it is configured to refuse manual start/stop).\nSee system logs and 'systemctl status " + u.name + "' for details.\n")
			return 4
		}
		s.stop(u)
	case "kill":
		if u.pid != 0 {
			s.set(u, "inactive", "dead")
		}
	case "reload", "reload-or-restart":
		if u.get("ExecReload") == "" && verb == "reload" {
			s.c.Err.Print(fail + "Job type reload is not applicable for unit " + u.name + ".\nSee system logs and 'systemctl status " + u.name + "' for details.\n")
			return 1
		}
		if u.active != "active" && verb == "reload" {
			s.c.Err.Print(u.name + " is not active, cannot reload.\n")
			return 1
		}
		s.noteOf(u, "Reloaded "+s.title(u)+".")
	case "restart":
		if strings.HasPrefix(s.verb, "try") && u.active != "active" || s.verb == "condrestart" && u.active != "active" {
			return 0
		}
		if u.active == "active" {
			s.stop(u)
		}
		return s.start(u)
	}
	return 0
}

// stop ends a unit.
func (s *ctl) stop(u *unit) {
	if u.active != "active" {
		return
	}
	s.noteOf(u, "Stopping "+s.title(u)+"...")
	if s.numbered(246) {
		s.noteOf(u, u.name+": Deactivated successfully.")
	}
	s.noteOf(u, "Stopped "+s.title(u)+".")
	s.set(u, "inactive", "dead")
	if triggers := strings.TrimSuffix(u.name, ".service") + ".socket"; u.kind() == "service" && s.find(triggers).active == "active" {
		s.c.Err.Print("Warning: Stopping " + u.name + ", but it can still be activated by:\n  " + triggers + "\n")
	}
}

// start starts a unit and tells what became of it.
func (s *ctl) start(u *unit) int {
	if u.kind() != "service" {
		sub := map[string]string{"timer": "waiting", "socket": "listening", "mount": "mounted", "path": "waiting", "automount": "waiting"}[u.kind()]
		if sub == "" {
			sub = "active"
		}
		s.noteOf(u, "Started "+s.title(u)+".")
		s.set(u, "active", sub)
		return 0
	}
	command := strings.TrimSpace(strings.TrimLeft(u.get("ExecStart"), "@-:+!"))
	kind := u.get("Type")
	problem, exit := s.executable(command)
	if problem != 0 {
		return s.failed(u, command, kind, problem, exit)
	}
	if kind == "oneshot" {
		return s.once(u, command)
	}
	if kind == "notify" || kind == "forking" || kind == "dbus" {
		s.noteOf(u, "Starting "+s.title(u)+"...")
	}
	if s.spawn(u, command) == 0 {
		s.c.Err.Print("Job for " + u.name + " failed because of unavailable resources or another system error.\nSee \"systemctl status " + u.name + "\" and " + s.hint(u) + " for details.\n")
		return 1
	}
	s.noteOf(u, "Started "+s.title(u)+".")
	return 0
}

// executable is the status that a command line fails with before it runs, and
// why; 0 where it can run.
func (m *manager) executable(command string) (status int, why string) {
	word, _, _ := strings.Cut(command, " ")
	path := word
	if !strings.HasPrefix(word, "/") {
		found := ""
		for _, dir := range []string{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/lib/systemd/"} {
			if _, err := m.view.Stat(dir + word); err == nil {
				found = dir + word
				break
			}
		}
		path = found
	}
	info, err := m.view.Stat(path)
	switch {
	case path == "" || err != nil:
		return 203, "Failed to locate executable " + word + ": No such file or directory"
	case info.Mode&vfs.TypeMask == vfs.TypeDir || info.Mode&0o111 == 0:
		return 203, "Failed at step EXEC spawning " + word + ": Permission denied"
	}
	return 0, ""
}

// failed is a service whose program cannot be run.
func (s *ctl) failed(u *unit, command, kind string, status int, why string) int {
	pid := s.c.Machine.NextPID()
	word, _, _ := strings.Cut(command, " ")
	short := program.Base("/" + word)
	simple := kind == "" || kind == "simple" || kind == "idle"
	if simple {
		s.noteOf(u, "Started "+s.title(u)+".")
	} else {
		s.noteOf(u, "Starting "+s.title(u)+"...")
	}
	s.c.Machine.Note(image.Entry{Source: "(" + short[:min(len(short), 8)] + ")", PID: pid, Text: u.name + ": " + why, Unit: u.name})
	s.c.Machine.Note(image.Entry{Source: "(" + short[:min(len(short), 8)] + ")", PID: pid, Text: u.name + ": Failed at step EXEC spawning " + word + ": " + why[strings.LastIndex(why, ": ")+2:], Unit: u.name})
	s.noteOf(u, fmt.Sprintf("%s: Main process exited, code=exited, status=%d/%s", u.name, status, exitName(status)))
	s.noteOf(u, u.name+": Failed with result 'exit-code'.")
	s.c.Machine.SetUnit(u.name, machine.Unit{Active: "failed", Sub: "failed", Result: "exit-code", Status: status, Command: command, Last: pid}, nil)
	if simple {
		return 0
	}
	s.noteOf(u, "Failed to start "+s.title(u)+".")
	s.c.Err.Print("Job for " + u.name + " failed because the control process exited with error code.\nSee \"systemctl status " + u.name + "\" and " + s.hint(u) + " for details.\n")
	return 1
}

// hint is how messages name the journal.
func (s *ctl) hint(u *unit) string {
	if s.numbered(248) {
		return "\"journalctl -xeu " + u.name + "\""
	}
	return "\"journalctl -xe\""
}

// once runs a service of type oneshot, as root and without a terminal.
func (s *ctl) once(u *unit, command string) int {
	status, pid := 0, s.c.Machine.NextPID()
	s.noteOf(u, "Starting "+s.title(u)+"...")
	for i, line := range u.lines["ExecStart"] {
		if i >= 16 {
			break
		}
		line = strings.TrimSpace(strings.TrimLeft(line, "@-:+!"))
		args := split(line)
		if len(args) == 0 {
			continue
		}
		var out bytes.Buffer
		quiet := program.Streams{In: strings.NewReader(""), Out: program.Stream{Writer: &program.Pipe{Budget: s.c.Kernel}}, Err: program.Stream{Writer: &out}}
		p := s.c.Process
		p.User, p.Cwd, p.TTY = s.c.Machine.Account("root"), "/", ""
		var err error
		if status, err = s.c.Kernel.Run(s.c.Ctx, &p, args, quiet); err != nil {
			s.c.Stop = err
		}
		if status != 0 {
			break
		}
	}
	if status != 0 {
		s.noteOf(u, fmt.Sprintf("%s: Main process exited, code=exited, status=%d/%s", u.name, status, exitName(status)))
		s.noteOf(u, u.name+": Failed with result 'exit-code'.")
		s.noteOf(u, "Failed to start "+s.title(u)+".")
		s.c.Machine.SetUnit(u.name, machine.Unit{Active: "failed", Sub: "failed", Result: "exit-code", Status: status, Command: command, Last: pid}, nil)
		s.c.Err.Print("Job for " + u.name + " failed because the control process exited with error code.\nSee \"systemctl status " + u.name + "\" and " + s.hint(u) + " for details.\n")
		return 1
	}
	if u.get("RemainAfterExit") == "yes" || u.get("RemainAfterExit") == "true" {
		s.c.Machine.SetUnit(u.name, machine.Unit{Active: "active", Sub: "exited", Command: command, Last: pid}, nil)
	} else {
		s.noteOf(u, u.name+": Deactivated successfully.")
		s.c.Machine.SetUnit(u.name, machine.Unit{Active: "inactive", Sub: "dead", Command: command, Last: pid}, nil)
	}
	s.noteOf(u, "Finished "+s.title(u)+".")
	return 0
}

// split are the words of a command line of a unit.
func split(line string) []string {
	var out []string
	var b strings.Builder
	quote, open := byte(0), false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if open || b.Len() > 0 {
				out = append(out, b.String())
			}
			b.Reset()
			open = false
		default:
			b.WriteByte(c)
		}
	}
	if open || b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

// spawn lists a service's process and returns its number, 0 where there is no
// room.
func (m *manager) spawn(u *unit, command string) int {
	if command == "" {
		command = strings.TrimSpace(strings.TrimLeft(u.get("ExecStart"), "@-:+!"))
	}
	state := machine.Unit{Active: "active", Sub: "running", Command: command}
	for _, d := range image.Units(m.c.Machine.Release) {
		if d.Name == u.name && d.Daemon != "" {
			return m.respawn(u, state)
		}
	}
	if m.c.Machine.IsService(u.name) {
		return m.respawn(u, state)
	}
	words := split(command)
	if len(words) == 0 {
		return 0
	}
	exe := words[0]
	if real, err := m.view.Resolve(exe); err == nil {
		exe = real
	}
	name := program.Base("/" + words[0])
	user := u.get("User")
	if user == "" {
		user = "root"
	}
	cwd := u.get("WorkingDirectory")
	p := machine.Process{PPID: 1, User: user, VSZ: 7236 + len(name)*12, RSS: 3380 + len(command)*4, Stat: "Ss", Name: name[:min(len(name), 15)], Args: strings.Join(words, " "), Exe: exe, Cwd: strings.TrimPrefix(cwd, "-")}
	if !m.c.Machine.SetUnit(u.name, state, &p) {
		return 0
	}
	now, _ := m.c.Machine.Unit(u.name)
	return now.PID
}

// respawn gives a daemon of the distribution's a new process.
func (m *manager) respawn(u *unit, state machine.Unit) int {
	state.PID = m.c.Machine.NextPID()
	if !m.c.Machine.SetUnit(u.name, state, nil) {
		return 0
	}
	pidFile := map[string]string{"ssh.service": "/run/sshd.pid", "sshd.service": "/run/sshd.pid", "cron.service": "/run/crond.pid", "crond.service": "/run/crond.pid", "nginx.service": "/run/nginx.pid"}[u.name]
	if pidFile != "" {
		if err := m.view.WriteFile(pidFile, fmt.Appendf(nil, "%d\n", state.PID), 0o644); err != nil {
			return state.PID // the quota is used up; the process runs all the same
		}
	}
	return state.PID
}

// authorized asks polkit whether an ordinary user may do something: it never
// may.
func (m *manager) authorized(verb, name string) bool {
	c := m.c
	if !m.polkit() || c.TTY == "" {
		return false
	}
	action, object := "org.freedesktop.systemd1.manage-units", "'"+name+"'"
	text := "Authentication is required to " + verb + " " + object + "."
	switch verb {
	case "enable", "disable", "mask", "unmask", "link":
		action, text = "org.freedesktop.systemd1.manage-unit-files", "Authentication is required to manage system service or unit files."
	}
	admin := c.Machine.Persona.Administrator()
	c.Err.Print("==== AUTHENTICATING FOR " + action + " ====\n" + text + "\nAuthenticating as: " + admin + "\n")
	c.Prompt("Password: ")
	c.Err.Print("\npolkit-agent-helper-1: pam_authenticate failed: Authentication failure\n==== AUTHENTICATION FAILED ====\n")
	return false
}

// polkit tells whether the host runs it.
func (m *manager) polkit() bool {
	return slices.ContainsFunc(m.procs, func(p machine.Process) bool { return p.Name == "polkitd" })
}

// denied is how systemd refuses an ordinary user.
func (s *ctl) denied(fail, name string) int {
	tail := "\nSee system logs and 'systemctl status " + name + "' for details.\n"
	if s.polkit() && s.c.TTY != "" {
		s.c.Err.Print(fail + "Access denied" + tail)
		return 4
	}
	s.c.Err.Print(fail + "Interactive authentication required." + tail)
	return 1
}
