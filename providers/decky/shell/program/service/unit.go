package service

import (
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/image"
	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// kinds are the suffixes of units in the order of list-units.
var kinds = strings.Fields("automount device mount path scope service slice socket swap target timer")

// unitDirs are where unit files are looked for, the first wins (systemd.unit(5)).
var unitDirs = []string{"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}

// Where clients put units, and how many files of a directory are looked at.
const (
	etcUnits = "/etc/systemd/system"
	maxFiles = 2000
	maxUnit  = 64 << 10 // bytes of a unit file
)

// unit is one unit as the manager knows it.
type unit struct {
	name  string
	path  string // of its file as systemd shows it, "" without one
	file  string // where that stands
	load  string // "loaded", "masked", "not-found", "bad-setting"
	alias string // name that it was asked by, where that is another
	desc  string
	docs  []string
	text  string
	lines map[string][]string // directives by name, all sections together

	active, sub string
	since       time.Time
	pid         int
	result      machine.Unit
	processes   []machine.Process
}

func (u *unit) get(name string) string {
	if v := u.lines[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func (u *unit) kind() string { return u.name[strings.LastIndexByte(u.name, '.')+1:] }

// manager looks at the units of one machine for one call.
type manager struct {
	c     *program.Call
	view  vfs.View // of root: the manager reads the files
	table map[string]image.Unit
	procs []machine.Process
}

func newManager(c *program.Call) *manager {
	m := &manager{c: c, view: c.Machine.FS.As(0, 0), table: map[string]image.Unit{}, procs: c.Machine.Processes()}
	for _, u := range image.Units(c.Machine.Release) {
		m.table[u.Name] = u
	}
	return m
}

// full is the name of a unit with its suffix.
func full(name string) string {
	name = program.Base("/" + strings.TrimSuffix(name, "/"))
	if i := strings.LastIndexByte(name, '.'); i > 0 && slices.Contains(kinds, name[i+1:]) {
		return name
	}
	return name + ".service"
}

// shown is the path of a unit file in the distribution's own words.
func (m *manager) shown(path string) string {
	if m.c.Machine.Release.Family == "debian" && m.c.Machine.Release.Slug != "kali" {
		return strings.Replace(path, "/usr/lib/systemd/", "/lib/systemd/", 1)
	}
	return path
}

// find is the unit of a name, loaded or not.
func (m *manager) find(name string) *unit {
	u := &unit{name: full(name), load: "not-found", active: "inactive", sub: "dead"}
	if virtual := m.virtual(u.name); virtual != nil {
		return virtual
	}
	template, instance := u.name, ""
	if at := strings.IndexByte(u.name, '@'); at >= 0 {
		dot := strings.LastIndexByte(u.name, '.')
		template, instance = u.name[:at+1]+u.name[dot:], u.name[at+1:dot]
	}
	for _, candidate := range []string{u.name, template} {
		if m.locate(u, candidate) {
			break
		}
	}
	if u.load == "loaded" {
		u.parse(instance)
		u.check()
	}
	m.state(u, instance)
	return u
}

// locate finds the file of a unit and follows what it is an alias of.
func (m *manager) locate(u *unit, name string) bool {
	for _, dir := range unitDirs {
		path := dir + "/" + name
		info, err := m.view.Lstat(path)
		if err != nil {
			continue
		}
		if info.Mode&vfs.TypeMask == vfs.TypeLink {
			if info.Target == "/dev/null" {
				u.path, u.file, u.load = m.shown(path), path, "masked"
				u.desc = u.name
				return true
			}
			real, err := m.view.Resolve(path)
			if err != nil {
				continue
			}
			if base := program.Base(real); base != name && !strings.HasSuffix(strings.SplitN(base, ".", 2)[0], "@") {
				u.alias, u.name = u.name, base
			}
			path = real
		}
		data, err := m.view.ReadFile(path)
		if err != nil {
			continue
		}
		u.path, u.file, u.load, u.text = m.shown(path), path, "loaded", string(data[:min(len(data), maxUnit)])
		return true
	}
	if script := "/etc/init.d/" + strings.TrimSuffix(name, ".service"); u.kind() == "service" {
		if info, err := m.view.Stat(script); err == nil && info.Mode&vfs.TypeMask == vfs.TypeFile && info.Mode&0o111 != 0 {
			u.path, u.file, u.load = "/etc/init.d/"+strings.TrimSuffix(name, ".service"), script, "loaded"
			u.text = "[Unit]\nDescription=LSB: " + strings.TrimSuffix(name, ".service") + "\n[Service]\nType=forking\nExecStart=" + script + " start\nExecStop=" + script + " stop\n"
			return true
		}
	}
	return false
}

// parse reads the directives (systemd.syntax(7)).
func (u *unit) parse(instance string) {
	u.lines = map[string][]string{}
	text := strings.ReplaceAll(u.text, "\\\n", " ")
	n := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, "=")
		if n++; n > maxFiles {
			break
		}
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "[") {
			continue
		}
		value = strings.NewReplacer("%I", instance, "%i", instance, "%f", "/"+strings.ReplaceAll(instance, "-", "/"), "%n", u.name, "%N", strings.TrimSuffix(u.name, "."+u.kind())).Replace(strings.TrimSpace(value))
		name = strings.TrimSpace(name)
		if value == "" {
			delete(u.lines, name)
			continue
		}
		u.lines[name] = append(u.lines[name], value)
	}
	if u.desc = u.get("Description"); u.desc == "" {
		u.desc = u.name
	}
	u.docs = strings.Fields(strings.Join(u.lines["Documentation"], " "))
}

// check finds what makes a unit unusable.
func (u *unit) check() {
	if u.kind() != "service" {
		return
	}
	start := u.get("ExecStart")
	word := strings.TrimLeft(strings.SplitN(start+" ", " ", 2)[0], "@-:+!|")
	switch {
	case start == "" && u.get("Type") == "oneshot", u.get("SuccessAction") != "", u.get("Where") != "":
	case start == "" && u.get("ExecStop") == "" && !strings.HasSuffix(strings.SplitN(u.name, ".", 2)[0], "@"), word == "":
		u.load = "bad-setting"
	case strings.HasSuffix(word, "/"):
		u.load = "bad-setting"
	}
}

// state says what became of a unit: by clients, else at the host's start.
func (m *manager) state(u *unit, instance string) {
	boot := m.c.Machine.Boot
	base, ships := m.table[u.name]
	if changed, ok := m.c.Machine.Unit(u.name); ok {
		u.active, u.sub, u.since, u.pid, u.result = changed.Active, changed.Sub, changed.Since, changed.PID, changed
	} else if ships && base.State != "-" {
		u.sub = base.State
		u.since = m.c.Machine.Persona.ServiceStart(boot, u.name)
		switch {
		case base.State == "dead":
			u.active, u.since = "inactive", time.Time{}
		default:
			u.active = "active"
		}
	}
	for _, p := range m.procs {
		if p.Unit != u.name {
			continue
		}
		u.processes = append(u.processes, p)
		if u.pid == 0 || p.PID == u.pid {
			u.pid = p.PID
			u.since = boot.Add(time.Duration(p.Start) * time.Second)
			if _, ok := m.c.Machine.Unit(u.name); ok {
				u.since = u.result.Since
			}
		}
		if u.active != "active" {
			u.active, u.sub = "active", "running"
		}
	}
	if u.pid == 0 && u.sub == "running" && u.kind() == "service" {
		u.active, u.sub = "inactive", "dead"
	}
	if u.sub == "running" && u.kind() == "service" && len(u.processes) == 0 && instance == "" {
		m.gone(u)
	}
}

// gone is what becomes of a service whose process somebody ended.
func (m *manager) gone(u *unit) {
	u.pid, u.active, u.sub = 0, "inactive", "dead"
	restart := u.get("Restart")
	if restart == "always" || restart == "on-failure" || restart == "on-abort" || restart == "on-abnormal" {
		if pid := m.spawn(u, u.result.Command); pid != 0 {
			u.pid, u.active, u.sub = pid, "active", "running"
		}
	}
}

// enabled is the state of a unit file (systemctl(1), is-enabled); "" without one.
func (m *manager) enabled(u *unit) string {
	switch {
	case u.load == "masked":
		return "masked"
	case u.load == "not-found":
		return ""
	case u.path == "":
		return "static"
	case strings.HasPrefix(u.path, "/etc/init.d/"):
		return "generated"
	case u.alias != "":
		return "alias"
	}
	if m.wanted(u.name) || u.file == "" {
		return "enabled"
	}
	if u.get("WantedBy") == "" && u.get("RequiredBy") == "" && u.get("Alias") == "" && u.get("Also") == "" {
		if u.get("WantedBy") == "" && strings.HasSuffix(u.name, ".target") && m.table[u.name].Install == "disabled" {
			return "disabled"
		}
		return "static"
	}
	return "disabled"
}

// wanted tells whether a target, or an alias, leads to a unit.
func (m *manager) wanted(name string) bool {
	entries, err := m.view.ReadDir(etcUnits)
	if err != nil {
		return false
	}
	stem, _, _ := strings.Cut(name, "@")
	for i, e := range entries {
		if i > maxFiles {
			break
		}
		switch {
		case strings.HasSuffix(e.Name, ".wants") || strings.HasSuffix(e.Name, ".requires"):
			links, err := m.view.ReadDir(etcUnits + "/" + e.Name)
			if err != nil {
				continue
			}
			for _, l := range links {
				if l.Name == name || strings.Contains(name, "@.") && strings.HasPrefix(l.Name, stem+"@") {
					return true
				}
			}
		case e.Mode&vfs.TypeMask == vfs.TypeLink && e.Name != name && program.Base(e.Target) == name:
			return true
		}
	}
	return false
}

// preset is what the distribution does with a unit: Debian enables all.
func (m *manager) preset(u *unit) string {
	if m.c.Machine.Release.Family == "debian" {
		return "enabled"
	}
	if base, ok := m.table[u.name]; ok && strings.HasPrefix(base.Install, "enabled") {
		return "enabled"
	}
	return "disabled"
}

// all are the units in memory, by kind and name; every loaded file too where
// files is set.
func (m *manager) all(files bool) []*unit {
	names := map[string]bool{}
	for name, u := range m.table {
		if u.State != "-" || files {
			names[name] = true
		}
	}
	for _, dir := range unitDirs[:3] {
		entries, err := m.view.ReadDir(dir)
		if err != nil {
			continue
		}
		for i, e := range entries {
			if dot := strings.LastIndexByte(e.Name, '.'); i < maxFiles && dot > 0 && slices.Contains(kinds, e.Name[dot+1:]) {
				names[e.Name] = true
			}
		}
	}
	if !files {
		for _, name := range append(m.virtualNames(), "getty@tty1.service") {
			names[name] = true
		}
		for _, name := range m.c.Machine.Units() {
			names[name] = true
		}
	}
	var out []*unit
	seen := map[string]bool{}
	for name := range names {
		u := m.find(name)
		if u.load == "not-found" && u.active == "inactive" {
			continue
		}
		if files {
			u.name = name
		}
		if !seen[u.name] {
			seen[u.name] = true
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b *unit) int {
		if d := slices.Index(kinds, a.kind()) - slices.Index(kinds, b.kind()); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
	return out
}
