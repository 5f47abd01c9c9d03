package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/machine"
)

// status shows units, or the system where none is named.
func (s *ctl) status() int {
	if len(s.names) == 0 {
		return s.systemStatus()
	}
	status := 0
	for i, name := range s.names {
		if i > 0 {
			s.c.Print("\n")
		}
		var pid int
		if _, err := fmt.Sscan(name, &pid); err == nil && pid > 0 {
			if p, ok := s.c.Machine.Process(pid); ok && p.Unit != "" {
				name = p.Unit
			}
		}
		if strings.ContainsAny(name, "*?[") {
			for _, u := range s.all(false) {
				if matches(u.name, []string{name}) {
					s.describe(u)
					s.c.Print("\n")
				}
			}
			continue
		}
		u := s.find(name)
		if u.load == "not-found" && u.active == "inactive" {
			s.c.Err.Print("Unit " + full(name) + " could not be found.\n")
			status = 4
			continue
		}
		s.describe(u)
		if u.active != "active" && status == 0 {
			status = 3
		}
	}
	return status
}

// describe is the page of one unit.
func (s *ctl) describe(u *unit) {
	wide := 11
	if s.old() {
		wide = 9
	}
	field := func(name, text string) { s.c.Printf("%*s: %s\n", wide, name, text) }
	title := u.name
	if u.desc != "" {
		title += " - " + u.desc
	}
	s.c.Print(s.dot(u) + " " + title + "\n")
	field("Loaded", s.loaded(u))
	if u.load == "not-found" {
		s.c.Printf("%*s %s\n", wide+1, "", "(Reason: Unit "+u.name+" not found.)")
	}
	field("Active", s.activity(u))
	if triggers := s.trigger(u); triggers != "" {
		field("Triggers", triggers)
	}
	for i, d := range u.docs {
		if i == 0 {
			field("Docs", d)
		} else {
			s.c.Printf("%*s%s\n", wide+2, "", d)
		}
	}
	if u.kind() == "service" {
		s.processLines(u, field)
	}
	if len(u.processes) > 0 {
		s.group(u, wide)
	}
	s.recent(u)
}

// loaded is the line of a unit's file.
func (s *ctl) loaded(u *unit) string {
	switch u.load {
	case "masked":
		if s.old() {
			return "masked (/dev/null; bad)"
		}
		return "masked (Reason: Unit " + u.name + " is masked.)"
	case "not-found":
		return "not-found"
	case "bad-setting":
		return "bad-setting (Reason: Unit " + u.name + " has a bad unit file setting.)"
	}
	if u.path == "" {
		if strings.HasSuffix(u.name, ".mount") || strings.HasSuffix(u.name, ".swap") {
			return "loaded (/etc/fstab; generated)"
		}
		return "loaded"
	}
	state := s.enabled(u)
	if state == "static" || state == "generated" {
		return "loaded (" + u.path + "; " + state + ")"
	}
	vendor := "vendor preset"
	if s.numbered(251) {
		vendor = "preset"
	}
	return "loaded (" + u.path + "; " + state + "; " + vendor + ": " + s.preset(u) + ")"
}

// activity is the line of a unit's state.
func (s *ctl) activity(u *unit) string {
	text := u.active + " (" + u.sub + ")"
	if u.active == "failed" {
		text = "failed (Result: " + u.result.Result + ")"
	}
	if u.since.IsZero() {
		return text
	}
	return text + " since " + stamp(s.c, u.since) + "; " + ago(s.c.Now().Sub(u.since)) + " ago"
}

// trigger is what a timer starts and when.
func (s *ctl) trigger(u *unit) string {
	if u.kind() != "timer" && u.kind() != "socket" || s.old() {
		return ""
	}
	if u.kind() == "timer" {
		if next := s.next(u); !next.IsZero() && u.active == "active" {
			s.c.Printf("%11s: %s; %s left\n", "Trigger", stamp(s.c, next), ago(next.Sub(s.c.Now())))
		}
	}
	target := s.find(activates(u))
	if target.load == "not-found" {
		return ""
	}
	return glyph(s.c, "●", "*") + " " + target.name
}

// processLines are those of a service's processes.
func (s *ctl) processLines(u *unit, field func(name, text string)) {
	command := strings.TrimLeft(u.get("ExecStart"), "@-:+!")
	if r := u.result; u.active == "failed" || u.pid == 0 && u.sub == "dead" && r.Command != "" {
		code := fmt.Sprintf("(code=exited, status=%d/%s)", r.Status, exitName(r.Status))
		if r.Status == 0 {
			code = "(code=exited, status=0/SUCCESS)"
		}
		pid := r.Last
		if s.numbered(249) {
			field("Duration", span(time.Duration(3+pid%40)*time.Millisecond))
		}
		field("Process", fmt.Sprintf("%d ExecStart=%s %s", pid, command, code))
		field("Main PID", fmt.Sprintf("%d %s", pid, code))
		if s.numbered(249) {
			field("CPU", span(time.Duration(2+pid%9)*time.Millisecond))
		}
		return
	}
	if u.sub == "exited" && command != "" {
		first := int(s.c.Machine.PIDAt(s.c.Machine.Boot)) - 430 + len(u.name)*3
		if s.c.Machine.Boot.Add(time.Hour).Before(u.since) {
			first = s.c.Machine.PIDAt(u.since)
		}
		field("Process", fmt.Sprintf("%d ExecStart=%s (code=exited, status=0/SUCCESS)", first, command))
		field("Main PID", fmt.Sprintf("%d (code=exited, status=0/SUCCESS)", first))
		if s.numbered(249) {
			field("CPU", span(time.Duration(5+len(u.name)%60)*time.Millisecond))
		}
	}
	if u.pid == 0 || len(u.processes) == 0 {
		return
	}
	var main machine.Process
	tasks, rss, cpu := 0, 0, int64(0)
	for _, p := range u.processes {
		if p.PID == u.pid {
			main = p
		}
		tasks += threadsOf(p)
		rss += p.RSS
		cpu += p.CPU
	}
	field("Main PID", fmt.Sprintf("%d (%s)", u.pid, main.Name))
	if s.old() {
		return
	}
	field("Tasks", fmt.Sprintf("%d (limit: %d)", tasks, s.limit()))
	field("Memory", bytesText(int64(rss)*1024*3/4))
	if s.numbered(249) {
		field("CPU", span(time.Duration(cpu)*time.Second+time.Duration(20+u.pid%700)*time.Millisecond))
	}
}

// limit is how many tasks a service may have: 15 % of the kernel's bound, which
// memory makes.
func (m *manager) limit() int64 { return m.c.Machine.Hardware.MemTotal / 128 * 15 / 100 }

// threadsOf is how many threads a process has: the "l" of its state says that it
// has some.
func threadsOf(p machine.Process) int {
	if strings.Contains(p.Stat, "l") {
		return 2 + p.VSZ/120000
	}
	return 1
}

// exitName is the name of a status that systemd itself gives
// (systemd.exec(5), process exit codes).
func exitName(status int) string {
	if name := map[int]string{1: "FAILURE", 2: "INVALIDARGUMENT", 126: "n/a", 127: "n/a", 200: "CHDIR", 203: "EXEC", 217: "USER"}[status]; name != "" {
		return name
	}
	return "n/a"
}

// group is the tree of a unit's processes.
func (s *ctl) group(u *unit, wide int) {
	slice := "/system.slice/" + u.name
	switch u.kind() {
	case "scope", "slice":
		slice = "/" + u.name
		if strings.HasPrefix(u.name, "session-") {
			slice = fmt.Sprintf("/user.slice/user-%d.slice/%s", s.uidOf(u), u.name)
		}
	}
	if strings.HasPrefix(u.name, "getty@") {
		slice = "/system.slice/system-getty.slice/" + u.name
	}
	s.c.Printf("%*s: %s\n", wide, "CGroup", slice)
	for i, p := range u.processes {
		branch := glyph(s.c, "├─", "|-")
		if i == len(u.processes)-1 {
			branch = glyph(s.c, "└─", "`-")
		}
		s.c.Printf("%*s%s%d %s\n", wide+2, "", branch, p.PID, s.commandLine(p))
	}
}

func (m *manager) uidOf(u *unit) int {
	for _, x := range m.sessions() {
		if u.name == fmt.Sprintf("session-%d.scope", x.id) {
			return x.uid
		}
	}
	return 0
}

// commandLine is that of a process: systemd quotes a title with spaces in it.
func (m *manager) commandLine(p machine.Process) string {
	if argv := p.Argv(); len(argv) == 1 && strings.Contains(argv[0], " ") && m.numbered(250) {
		return `"` + argv[0] + `"`
	}
	return p.Args
}

// recent are the last lines of a unit's journal, for those who may read it.
func (s *ctl) recent(u *unit) {
	if !readsJournal(s.c) {
		if len(u.processes) > 0 && s.c.User.UID != 0 {
			s.c.Err.Print("\nWarning: some journal files were not opened due to insufficient permissions.\n")
		}
		return
	}
	entries := filter(s.journal(), func(e image.Entry) bool { return e.Unit == u.name && !e.At.Before(u.since.Add(-2*time.Second)) })
	if u.since.IsZero() || len(entries) == 0 {
		return
	}
	n := 10
	if v := s.flags.Value["n"]; v != "" {
		_, _ = fmt.Sscan(v, &n)
	}
	s.c.Print("\n")
	for _, e := range entries[max(len(entries)-max(n, 0), 0):] {
		s.c.Print(s.line(e, "short"))
	}
}

// systemStatus is status without a unit.
func (s *ctl) systemStatus() int {
	m := s.c.Machine
	units, failed := s.all(false), 0
	for _, u := range units {
		if u.active == "failed" {
			failed++
		}
	}
	state := "running"
	if failed > 0 {
		state = "degraded"
	}
	s.c.Printf("%s %s\n    State: %s\n", glyph(s.c, "●", "*"), m.Persona.ShortName(), state)
	if s.numbered(250) {
		s.c.Printf("    Units: %d loaded (incl. loaded aliases)\n", len(units)+160)
	}
	s.c.Printf("     Jobs: 0 queued\n   Failed: %d units\n    Since: %s; %s ago\n", failed, stamp(s.c, m.Boot), ago(s.c.Now().Sub(m.Boot)))
	if s.numbered(249) {
		_, whole := version(s.c)
		s.c.Print("  systemd: " + whole + "\n")
	}
	s.c.Print("   CGroup: /\n")
	s.tree("           ")
	return 0
}

// tree is the hierarchy of control groups with its processes.
func (m *manager) tree(indent string) {
	mid, end, bar := glyph(m.c, "├─", "|-"), glyph(m.c, "└─", "`-"), glyph(m.c, "│ ", "| ")
	leaf := func(prefix string, u *unit) {
		for i, p := range u.processes {
			branch := mid
			if i == len(u.processes)-1 {
				branch = end
			}
			m.c.Printf("%s%s%d %s\n", prefix, branch, p.PID, m.commandLine(p))
		}
	}
	sessions := m.sessions()
	if len(sessions) > 0 {
		m.c.Print(indent + mid + "user.slice\n")
		for i, x := range sessions {
			branch, inner := mid, bar
			if i == len(sessions)-1 {
				branch, inner = end, "  "
			}
			m.c.Printf("%s%s%suser-%d.slice\n", indent, bar, branch, x.uid)
			m.c.Printf("%s%s%s%ssession-%d.scope\n", indent, bar, inner, end, x.id)
			if u := m.virtual(fmt.Sprintf("session-%d.scope", x.id)); u != nil {
				leaf(indent+bar+inner+"  ", u)
			}
		}
	}
	m.c.Print(indent + mid + "init.scope\n")
	if u := m.virtual("init.scope"); u != nil {
		leaf(indent+bar, u)
	}
	m.c.Print(indent + end + "system.slice\n")
	var running []*unit
	for _, u := range m.all(false) {
		if u.kind() == "service" && len(u.processes) > 0 {
			running = append(running, u)
		}
	}
	for i, u := range running {
		branch, inner := mid, bar
		if i == len(running)-1 {
			branch, inner = end, "  "
		}
		m.c.Print(indent + "  " + branch + u.name + "\n")
		leaf(indent+"  "+inner, u)
	}
}
