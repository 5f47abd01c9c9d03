package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
)

// session is one of logind's: who is on the machine.
type session struct {
	id    int
	login machine.Login
	uid   int
}

// sessions are those of now; their numbers rise with time, as logind counts
// cron's too.
func (m *manager) sessions() []session {
	var out []session
	for _, l := range m.c.Machine.Logins() {
		out = append(out, session{id: 2 + int(l.Since.Sub(m.c.Machine.Boot).Hours()) + l.PID%7, login: l, uid: m.c.Machine.Account(l.User).UID})
	}
	for i := range out {
		for j := range i {
			if out[i].id <= out[j].id {
				out[i].id = out[j].id + 1
			}
		}
	}
	return out
}

// virtualNames are the units that no file makes: mounts, scopes, devices.
func (m *manager) virtualNames() []string {
	names := []string{"init.scope", "system-getty.slice", "dev-" + m.rootDevice() + ".device"}
	for _, b := range m.c.Machine.Hardware.Blocks {
		switch {
		case b.Mount == "[SWAP]":
			names = append(names, "dev-"+b.Name+".swap")
		case b.Mount == "/":
			names = append(names, "-.mount")
		case b.Mount != "":
			names = append(names, escape(strings.TrimPrefix(b.Mount, "/"), true)+".mount")
		}
	}
	for _, x := range m.c.Machine.Services() {
		names = append(names, full(x.Unit))
	}
	seen := map[int]bool{}
	for _, s := range m.sessions() {
		names = append(names, fmt.Sprintf("session-%d.scope", s.id))
		if !seen[s.uid] {
			seen[s.uid] = true
			names = append(names, fmt.Sprintf("user-%d.slice", s.uid))
			if !m.old() {
				names = append(names, fmt.Sprintf("user@%d.service", s.uid), fmt.Sprintf("user-runtime-dir@%d.service", s.uid))
			}
		}
	}
	return names
}

// rootDevice is the name of the device below /.
func (m *manager) rootDevice() string {
	for _, b := range m.c.Machine.Hardware.Blocks {
		if b.Mount == "/" {
			return b.Name
		}
	}
	return "sda1"
}

// virtual is a unit that no file makes, nil for any other.
func (m *manager) virtual(name string) *unit {
	boot := m.c.Machine.Boot
	u := &unit{name: name, load: "loaded", active: "active", since: boot.Add(time.Second)}
	stem := strings.TrimSuffix(name, "."+u.kind())
	switch {
	case name == "init.scope":
		u.desc, u.sub = "System and Service Manager", "running"
		u.docs = []string{"man:systemd(1)"}
		for _, p := range m.procs {
			if p.PID == 1 {
				u.processes, u.pid = append(u.processes, p), 0
			}
		}
	case name == "system-getty.slice":
		u.desc, u.sub = "Slice /system/getty", "active"
		if m.old() {
			u.desc = name
		}
	case name == "dev-"+m.rootDevice()+".device":
		u.desc, u.sub = "/dev/"+m.rootDevice(), "plugged"
	case u.kind() == "mount" || u.kind() == "swap":
		for _, b := range m.c.Machine.Hardware.Blocks {
			switch {
			case b.Mount == "/" && stem == "-":
				u.desc, u.sub = "Root Mount", "mounted"
			case b.Mount == "[SWAP]" && stem == "dev-"+b.Name:
				u.desc, u.sub = "/dev/"+b.Name, "active"
			case b.Mount != "" && b.Mount != "/" && b.Mount != "[SWAP]" && escape(strings.TrimPrefix(b.Mount, "/"), true) == stem:
				u.desc, u.sub = b.Mount, "mounted"
			}
		}
	}
	m.served(u)
	for _, s := range m.sessions() {
		switch name {
		case fmt.Sprintf("session-%d.scope", s.id):
			u.desc, u.sub, u.since = fmt.Sprintf("Session %d of User %s", s.id, s.login.User), "running", s.login.Since
			if m.old() {
				u.desc = fmt.Sprintf("Session %d of user %s", s.id, s.login.User)
			}
			for _, p := range m.procs {
				if p.PID >= s.login.PID-2 && p.PID <= s.login.PID {
					u.processes = append(u.processes, p)
				}
			}
		case fmt.Sprintf("user-%d.slice", s.uid):
			u.desc, u.sub, u.since = fmt.Sprintf("User Slice of UID %d", s.uid), "active", s.login.Since
		case fmt.Sprintf("user@%d.service", s.uid):
			u.desc, u.sub, u.since = fmt.Sprintf("User Manager for UID %d", s.uid), "running", s.login.Since
		case fmt.Sprintf("user-runtime-dir@%d.service", s.uid):
			u.desc, u.sub, u.since = fmt.Sprintf("User Runtime Directory /run/user/%d", s.uid), "exited", s.login.Since
		}
	}
	if u.sub == "" {
		return nil
	}
	return u
}

// served fills the unit of one of the decky's services, which the distribution
// ships no file of.
func (m *manager) served(u *unit) {
	if _, ships := m.table[u.name]; ships || m.c.Machine.Release.Init != "systemd" {
		return
	}
	for _, x := range m.c.Machine.Services() {
		if name := full(x.Unit); name != u.name {
			continue
		}
		u.desc, u.sub, u.path = x.Description, "running", m.shown("/usr/lib/systemd/system/"+u.name)
		u.since = m.c.Machine.Persona.ServiceStart(m.c.Machine.Boot, u.name)
		u.text = "[Unit]\nDescription=" + x.Description + "\nAfter=network.target\n\n[Install]\nWantedBy=multi-user.target\n"
		for _, p := range m.procs {
			if p.PID == x.PID || p.PPID == x.PID && x.PID > 1 {
				u.processes = append(u.processes, p)
			}
		}
		switch changed, ok := m.c.Machine.Unit(u.name); {
		case ok && changed.Active != "active":
			u.active, u.sub, u.since, u.processes = changed.Active, changed.Sub, changed.Since, nil
		case u.kind() == "socket":
			u.sub, u.processes = "listening", nil
		default:
			if u.pid = x.PID; ok {
				u.since = changed.Since
			}
			u.lines = map[string][]string{"ExecReload": {"/bin/kill -HUP $MAINPID"}}
			for _, p := range u.processes {
				if p.PID == x.PID {
					u.lines["ExecStart"] = []string{p.Exe}
				}
			}
		}
	}
}

// escape is a text as unit names hold it (systemd.unit(5)).
func escape(s string, path bool) string {
	if path {
		s = strings.Trim(s, "/")
		if s == "" {
			return "-"
		}
	}
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			b.WriteByte('-')
		case c == '.' && i == 0, !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ':' || c == '_' || c == '.'):
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
