package service

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// install are the verbs that make and remove links.
func (s *ctl) install() int {
	if s.c.User.UID != 0 && !s.authorized(s.verb, "") {
		words := map[string]string{"enable": "enable unit", "disable": "disable unit", "mask": "mask unit", "unmask": "unmask unit", "reenable": "reenable unit", "link": "link unit", "preset": "preset unit"}[s.verb]
		why := "Interactive authentication required."
		if s.polkit() && s.c.TTY != "" {
			why = "Access denied"
		}
		if s.old() {
			s.c.Err.Print("Failed to execute operation: Access denied\n")
			return 1
		}
		s.c.Err.Print("Failed to " + words + ": " + why + "\n")
		return 1
	}
	if s.verb == "add-wants" || s.verb == "add-requires" {
		for _, name := range s.names[1:] {
			if u := s.find(name); u.load == "loaded" {
				s.link(etcUnits+"/"+full(s.names[0])+"."+strings.TrimPrefix(s.verb, "add-")+"/"+u.name, u.path)
			}
		}
		return 0
	}
	status := 0
	for _, name := range s.names {
		if r := s.installOne(name); r != 0 {
			status = r
		}
	}
	if s.flags.Has("N") && status == 0 {
		switch s.verb {
		case "enable", "reenable":
			s.verb = "start"
			return s.control()
		case "disable", "mask":
			s.verb = "stop"
			return s.control()
		}
	}
	return status
}

func (s *ctl) installOne(name string) int {
	if strings.HasPrefix(name, "/") && (s.verb == "enable" || s.verb == "link") {
		if _, err := s.view.Stat(name); err != nil {
			s.c.Err.Print("Failed to " + s.verb + " unit: File " + name + ": No such file or directory\n")
			return 1
		}
		s.link(etcUnits+"/"+program.Base(name), name)
		if s.verb == "link" {
			return 0
		}
	}
	u := s.find(name)
	switch s.verb {
	case "mask":
		return s.mask(u, name)
	case "unmask":
		if u.load == "masked" {
			s.unlink(u.file)
		} else if u.load == "not-found" {
			s.c.Err.Print("Unit " + full(name) + " does not exist, proceeding anyway.\n")
		}
		return 0
	case "revert", "preset", "link":
		return 0
	}
	switch {
	case u.load == "not-found":
		return s.unknown(full(name))
	case u.load == "masked":
		if s.verb == "disable" {
			return 0
		}
		if s.old() {
			s.c.Err.Print("Failed to execute operation: Cannot send after transport endpoint shutdown\n")
		} else {
			s.c.Err.Print("Failed to " + s.verb + " unit: Unit file " + u.file + " is masked.\n")
		}
		return 1
	}
	if strings.HasPrefix(u.path, "/etc/init.d/") || s.sysv(u) {
		s.synchronize(u)
		if strings.HasPrefix(u.path, "/etc/init.d/") {
			return 0
		}
	}
	if s.verb == "disable" || s.verb == "reenable" {
		s.disable(u)
	}
	if s.verb == "disable" {
		return 0
	}
	return s.enable(u)
}

// unknown says that there is no such unit file.
func (s *ctl) unknown(name string) int {
	switch {
	case s.old():
		s.c.Err.Print("Failed to execute operation: No such file or directory\n")
	case s.numbered(257):
		s.c.Err.Print("Failed to " + s.verb + " unit: Unit " + name + " does not exist\n")
	default:
		s.c.Err.Print("Failed to " + s.verb + " unit: Unit file " + name + " does not exist.\n")
	}
	return 1
}

// sysv tells a unit that has a script in /etc/init.d beside it.
func (s *ctl) sysv(u *unit) bool {
	info, err := s.view.Stat("/etc/init.d/" + strings.TrimSuffix(u.name, ".service"))
	return err == nil && info.Mode&vfs.TypeMask == vfs.TypeFile && u.kind() == "service" && s.c.Machine.Release.Family == "debian"
}

// synchronize says that the script's links follow the unit's.
func (s *ctl) synchronize(u *unit) {
	name := strings.TrimSuffix(u.name, ".service")
	helper := "/lib/systemd/systemd-sysv-install"
	if s.c.Machine.Release.Family != "debian" || s.c.Machine.Release.Slug == "kali" {
		helper = "/usr/lib/systemd/systemd-sysv-install"
	}
	if strings.HasPrefix(u.path, "/etc/init.d/") {
		s.c.Err.Print(u.name + " is not a native service, redirecting to systemd-sysv-install.\n")
	} else {
		s.c.Err.Print("Synchronizing state of " + u.name + " with SysV service script with " + helper + ".\n")
	}
	s.c.Err.Print("Executing: " + helper + " " + s.verb + " " + name + "\n")
	rcLinks(s.view, name, s.verb == "enable")
}

// enable makes the links that a unit's [Install] section asks for.
func (s *ctl) enable(u *unit) int {
	target := u.path
	made := 0
	wants := func(list []string, suffix string) {
		for _, w := range strings.Fields(strings.Join(list, " ")) {
			name := u.name
			if at := strings.Index(name, "@."); at > 0 {
				instance := u.get("DefaultInstance")
				if instance == "" {
					continue
				}
				name = name[:at+1] + instance + name[at+1:]
			} else if u.alias != "" && strings.Contains(u.alias, "@") {
				name = u.alias
			}
			made++
			s.link(etcUnits+"/"+program.Base(w)+suffix+"/"+name, target)
		}
	}
	for _, a := range strings.Fields(strings.Join(u.lines["Alias"], " ")) {
		made++
		s.link(etcUnits+"/"+program.Base(a), target)
	}
	wants(u.lines["WantedBy"], ".wants")
	wants(u.lines["RequiredBy"], ".requires")
	for _, also := range strings.Fields(strings.Join(u.lines["Also"], " ")) {
		made++
		if other := s.find(also); other.load == "loaded" && other.name != u.name && len(other.lines["Also"]) == 0 {
			s.enable(other)
		}
	}
	if made > 0 {
		return 0
	}
	bullet := glyph(s.c, "•", "*")
	if s.old() {
		s.c.Err.Print("The unit files have no [Install] section. They are not meant to be enabled\nusing systemctl.\nPossible reasons for having this kind of units are:\n1) A unit may be statically enabled by being symlinked from another unit's\n   .wants/ or .requires/ directory.\n2) A unit's purpose may be to act as a helper for some other unit which has\n   a requirement dependency on it.\n3) A unit may be started when needed via activation (socket, path, timer,\n   D-Bus, udev, scripted systemctl call, ...).\n")
		return 0
	}
	s.c.Err.Print("The unit files have no installation config (WantedBy=, RequiredBy=, Also=,\nAlias= settings in the [Install] section, and DefaultInstance= for template\nunits). This means they are not meant to be enabled using systemctl.\n \nPossible reasons for having this kind of units are:\n" +
		bullet + " A unit may be statically enabled by being symlinked from another unit's\n  .wants/ or .requires/ directory.\n" + bullet + " A unit's purpose may be to act as a helper for some other unit which has\n  a requirement dependency on it.\n" +
		bullet + " A unit may be started when needed via activation (socket, path, timer,\n  D-Bus, udev, scripted systemctl call, ...).\n" + bullet + " In case of template units, the unit is meant to be enabled with some\n  instance name specified.\n")
	return 0
}

// disable removes every link to a unit below /etc/systemd/system.
func (s *ctl) disable(u *unit) {
	entries, err := s.view.ReadDir(etcUnits)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := etcUnits + "/" + e.Name
		switch {
		case strings.HasSuffix(e.Name, ".wants") || strings.HasSuffix(e.Name, ".requires"):
			if _, err := s.view.Lstat(path + "/" + u.name); err == nil {
				s.unlink(path + "/" + u.name)
			}
		case e.Mode&vfs.TypeMask == vfs.TypeLink && program.Base(e.Target) == u.name && e.Name != "default.target":
			s.unlink(path)
		}
	}
}

// mask links a unit to nothing.
func (s *ctl) mask(u *unit, name string) int {
	path := etcUnits + "/" + full(name)
	if u.load == "masked" {
		return 0
	}
	if info, err := s.view.Lstat(path); err == nil && info.Mode&vfs.TypeMask == vfs.TypeFile {
		if s.old() {
			s.c.Err.Print("Failed to execute operation: File exists\n")
		} else {
			s.c.Err.Print("Failed to mask unit: File " + path + " already exists.\n")
		}
		return 1
	}
	if u.load == "not-found" {
		s.c.Err.Print("Unit " + full(name) + " does not exist, proceeding anyway.\n")
	}
	s.link(path, "/dev/null")
	return 0
}

// link makes a symbolic link and says so.
func (s *ctl) link(path, target string) {
	if info, err := s.view.Lstat(path); err == nil {
		if info.Target == target || info.Mode&vfs.TypeMask != vfs.TypeLink {
			return
		}
		if s.view.Remove(path) == nil {
			s.removed(path)
		}
	}
	dir := path[:strings.LastIndexByte(path, '/')]
	if _, err := s.view.Stat(dir); err != nil {
		if err := s.view.Mkdir(dir, 0o755); err != nil {
			s.c.Err.Print("Failed to " + s.verb + " unit: " + vfs.Text(err) + "\n")
			return
		}
	}
	if err := s.view.Symlink(target, path); err != nil {
		s.c.Err.Print("Failed to " + s.verb + " unit: " + vfs.Text(err) + "\n")
		return
	}
	arrow := glyph(s.c, "→", "->")
	switch {
	case s.flags.Has("q"):
	case s.old():
		s.c.Err.Print("Created symlink from " + path + " to " + target + ".\n")
	case s.numbered(256):
		s.c.Err.Print("Created symlink '" + path + "' " + arrow + " '" + target + "'.\n")
	default:
		s.c.Err.Print("Created symlink " + path + " " + arrow + " " + target + ".\n")
	}
}

// unlink removes a link and says so.
func (s *ctl) unlink(path string) {
	if err := s.view.Remove(path); err != nil {
		return
	}
	s.removed(path)
}

func (s *ctl) removed(path string) {
	switch {
	case s.flags.Has("q"):
	case s.old():
		s.c.Err.Print("Removed symlink " + path + ".\n")
	case s.numbered(256):
		s.c.Err.Print("Removed '" + path + "'.\n")
	case s.numbered(252):
		s.c.Err.Print("Removed \"" + path + "\".\n")
	default:
		s.c.Err.Print("Removed " + path + ".\n")
	}
}

// edit opens an editor on a drop-in; what is left empty changes nothing.
func (s *ctl) edit() int {
	if s.c.TTY == "" {
		s.c.Err.Print("Cannot edit units if not on a tty.\n")
		return 1
	}
	u := s.find(s.names[0])
	if u.load == "not-found" && !s.flags.Has("f") {
		s.c.Err.Print("No files found for " + full(s.names[0]) + ".\nRun 'systemctl edit --force --full " + full(s.names[0]) + "' to create a new unit.\n")
		return 1
	}
	if s.c.User.UID != 0 {
		s.c.Err.Print("Failed to create directory " + etcUnits + "/" + u.name + ".d: Permission denied\n")
		return 1
	}
	path := etcUnits + "/" + u.name + ".d/override.conf"
	if s.flags.Has("l") {
		path = etcUnits + "/" + u.name
	}
	if dir := path[:strings.LastIndexByte(path, '/')]; dir != etcUnits {
		if _, err := s.view.Stat(dir); err != nil {
			if err := s.view.Mkdir(dir, 0o755); err != nil {
				s.c.Err.Print(fmt.Sprintf("Failed to create directory %s: %s\n", dir, vfs.Text(err)))
				return 1
			}
		}
	}
	if _, err := s.view.Stat(path); err != nil {
		if err := s.view.WriteFile(path, []byte(u.text[:map[bool]int{true: len(u.text), false: 0}[s.flags.Has("l")]]), 0o644); err != nil {
			s.c.Err.Print("Failed to create file " + path + ": " + vfs.Text(err) + "\n")
			return 1
		}
	}
	return s.c.Run([]string{editor(s.c), path}, s.c.Streams)
}

// editor is the program that edits files.
func editor(c *program.Call) string {
	for _, name := range []string{"SYSTEMD_EDITOR", "VISUAL", "EDITOR"} {
		if v, ok := c.Getenv(name); ok && v != "" && name != "SYSTEMD_EDITOR" {
			return strings.Fields(v + " vi")[0]
		}
	}
	for _, name := range []string{"editor", "nano", "vim", "vi"} {
		if _, err := c.Find(name); err == nil {
			return name
		}
	}
	return "vi"
}
