package service

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// ctlLong are the long options of systemctl, and of journalctl's and others'
// that share them; those that want an argument have a colon.
const ctlLong = "help=h version=V type=:t property=:p value=9 all=a recursive=r full=l quiet=q no-block=9 no-pager=9 no-legend=L legend=:9 plain=9 now=N force=f runtime=9 user=U system=9 root=:9 state=:s lines=:n output=:o signal=:s kill-who=:9 what=:9 job-mode=:9 failed=F no-wall=9 no-reload=9 no-ask-password=9 host=:H machine=:M wait=9 show-types=9 with-dependencies=9 preset-mode=:9 reverse=9 after=9 before=9 global=9 message=:9 timestamp=:9 mkdir=9 check-inhibitors=:i dry-run=9 when=:9"

// ctl is one call of systemctl.
type ctl struct {
	*manager
	flags program.Flags
	names []string
	verb  string
}

// needs are how many names a verb wants at least.
var needs = map[string]int{
	"is-active": 1, "is-enabled": 1, "is-failed": 1, "start": 1, "stop": 1, "restart": 1, "reload": 1, "try-restart": 1, "reload-or-restart": 1, "try-reload-or-restart": 1, "condrestart": 1, "force-reload": 1, "enable": 1, "disable": 1, "reenable": 1,
	"mask": 1, "unmask": 1, "cat": 1, "edit": 1, "kill": 1, "isolate": 1, "link": 1, "preset": 1, "set-default": 1, "set-property": 2, "revert": 1, "clean": 1, "freeze": 1, "thaw": 1, "add-wants": 2, "add-requires": 2,
}

func systemctl(c *program.Call) int {
	words := c.Args
	f, names, ok := c.Parse("ht:p:P:alqs:Hn:o:frVNLUFM:iT.", ctlLong)
	if !ok {
		return 1
	}
	if c.Machine.Release.Init != "systemd" {
		c.Err.Print("System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n")
		return 1
	}
	s := &ctl{manager: newManager(c), flags: f, names: names}
	switch {
	case f.Has("V"):
		sayVersion(c)
		return 0
	case f.Has("h"):
		usage(c, "systemctl [OPTIONS...] COMMAND ...\n\nQuery or send control commands to the system manager.\n", "Unit Commands:", ctlVerbs)
		return 0
	case f.Has("U") || slices.Contains(words, "--user"):
		c.Err.Print("Failed to connect to bus: No medium found\n")
		return 1
	}
	if len(names) > 0 {
		s.verb, s.names = names[0], names[1:]
	}
	if len(s.names) < needs[s.verb] {
		c.Err.Print("Too few arguments.\n")
		return 1
	}
	return s.run()
}

// run carries out a verb.
func (s *ctl) run() int {
	switch s.verb {
	case "", "list-units":
		return s.listUnits()
	case "list-unit-files":
		return s.listFiles()
	case "list-timers":
		return s.listTimers()
	case "list-sockets":
		return s.listSockets()
	case "list-jobs":
		s.c.Print("No jobs running.\n")
	case "list-dependencies":
		return s.dependencies()
	case "status":
		return s.status()
	case "is-active", "is-failed":
		return s.isActive()
	case "is-enabled":
		return s.isEnabled()
	case "is-system-running":
		if slices.ContainsFunc(s.all(false), func(u *unit) bool { return u.active == "failed" }) {
			s.c.Print("degraded\n")
			return 1
		}
		s.c.Print("running\n")
	case "cat":
		return s.cat()
	case "show":
		return s.show()
	case "show-environment":
		s.c.Print("LANG=en_US.UTF-8\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n")
	case "get-default":
		target, err := s.view.Resolve(etcUnits + "/default.target")
		if err != nil {
			target, err = s.view.Resolve("/usr/lib/systemd/system/default.target")
		}
		if err != nil {
			s.c.Err.Print("Failed to get default target: No such file or directory\n")
			return 1
		}
		s.c.Print(program.Base(target) + "\n")
	case "start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "try-reload-or-restart", "condrestart", "force-reload", "kill", "isolate":
		return s.control()
	case "enable", "disable", "reenable", "mask", "unmask", "link", "preset", "revert", "add-wants", "add-requires":
		return s.install()
	default:
		return s.rest()
	}
	return 0
}

// rest are the verbs that concern the whole system.
func (s *ctl) rest() int {
	switch s.verb {
	case "daemon-reload", "daemon-reexec", "reset-failed", "set-environment", "unset-environment", "import-environment", "log-level", "set-property", "freeze", "thaw", "clean":
		if s.c.User.UID != 0 {
			s.c.Err.Print(map[string]string{"daemon-reload": "Failed to reload daemon", "daemon-reexec": "Failed to reexecute daemon"}[s.verb] + strings.TrimSpace(map[bool]string{true: "", false: "Failed to " + strings.ReplaceAll(s.verb, "-", " ")}[strings.HasPrefix(s.verb, "daemon-re")]) + ": Interactive authentication required.\n")
			return 1
		}
		if s.verb == "daemon-reload" {
			s.note("systemd", 1, "Reloading.")
		}
		if s.verb == "reset-failed" {
			for _, u := range s.all(false) {
				if u.active == "failed" {
					s.set(u, "inactive", "dead")
				}
			}
		}
	case "set-default":
		if s.c.User.UID != 0 {
			s.c.Err.Print("Failed to set default target: Interactive authentication required.\n")
			return 1
		}
		u := s.find(s.names[0])
		if u.load != "loaded" {
			s.c.Err.Print("Failed to set default target: Unit " + full(s.names[0]) + " does not exist.\n")
			return 1
		}
		s.link(etcUnits+"/default.target", u.path)
	case "edit":
		return s.edit()
	case "reboot", "poweroff", "halt", "kexec", "soft-reboot":
		return power(s.c, s.verb)
	case "rescue", "emergency", "default", "suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate", "exit", "switch-root":
		if s.c.User.UID != 0 {
			s.c.Err.Print("Failed to start " + s.verb + ".target: Interactive authentication required.\nSee system logs and 'systemctl status " + s.verb + ".target' for details.\n")
			return 1
		}
		if strings.Contains(s.verb, "hibernate") || s.verb == "suspend" || s.verb == "hybrid-sleep" {
			s.c.Err.Print("Failed to put system to sleep via logind: Sleep verb \"" + s.verb + "\" not supported\n")
			return 1
		}
	case "help", "list-machines", "list-paths", "list-automounts", "cancel", "log-target", "service-log-level", "service-log-target", "service-watchdogs", "bind", "mount-image":
	default:
		if s.numbered(257) {
			s.c.Err.Print("Unknown command verb '" + s.verb + "'.\n")
		} else if s.old() {
			s.c.Err.Print("Unknown operation '" + s.verb + "'.\n")
		} else {
			s.c.Err.Print("Unknown command verb " + s.verb + ".\n")
		}
		return 1
	}
	return 0
}

const ctlVerbs = "list-units list-sockets list-timers is-active is-failed status show cat help list-dependencies start stop reload restart try-restart reload-or-restart isolate kill clean freeze thaw set-property reset-failed list-unit-files enable disable reenable preset is-enabled mask unmask link revert add-wants add-requires edit get-default set-default list-machines list-jobs cancel show-environment set-environment unset-environment import-environment daemon-reload daemon-reexec is-system-running default rescue emergency halt poweroff reboot kexec exit switch-root suspend hibernate hybrid-sleep"

// usage is a help page of our own: the synopsis and the verbs.
func usage(c *program.Call, head, title, verbs string) {
	c.Print(head + "\n" + title + "\n")
	for _, v := range strings.Fields(verbs) {
		c.Print("  " + v + "\n")
	}
	c.Print("\nSee the " + c.Name + "(1) man page for details.\n")
}

// sayVersion is --version of systemd's programs.
func sayVersion(c *program.Call) {
	n, whole := version(c)
	if c.Machine.Release.Slug == "centos7" {
		c.Printf("systemd %d\n+PAM +AUDIT +SELINUX +IMA -APPARMOR +SMACK +SYSVINIT +UTMP +LIBCRYPTSETUP +GCRYPT +GNUTLS +ACL +XZ +LZ4 -SECCOMP +BLKID +ELFUTILS +KMOD +IDN\n", n)
		return
	}
	features := "+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY +P11KIT +QRENCODE +TPM2 +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -BPF_FRAMEWORK -XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified"
	switch c.Machine.Release.Slug {
	case "ubuntu20":
		features = "+PAM +AUDIT +SELINUX +IMA +APPARMOR +SMACK +SYSVINIT +UTMP +LIBCRYPTSETUP +GCRYPT +GNUTLS +ACL +XZ +LZ4 +SECCOMP +BLKID +ELFUTILS +KMOD +IDN2 -IDN +PCRE2 default-hierarchy=hybrid"
	case "ubuntu22":
		features = "+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT +GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2 -IDN +IPTC +KMOD +LIBCRYPTSETUP +LIBFDISK +PCRE2 -PWQUALITY -P11KIT -QRENCODE +BZIP2 +LZ4 +XZ +ZLIB +ZSTD -XKBCOMMON +UTMP +SYSVINIT default-hierarchy=unified"
	}
	c.Printf("systemd %d (%s)\n%s\n", n, whole, features)
}

func (s *ctl) isActive() int {
	status := 3
	if s.verb == "is-failed" {
		status = 1
	}
	for _, name := range s.names {
		u := s.find(name)
		if !s.flags.Has("q") {
			text := u.active
			if u.load == "not-found" && s.old() {
				text = "unknown"
			}
			s.c.Print(text + "\n")
		}
		if s.verb == "is-active" && u.active == "active" || s.verb == "is-failed" && u.active == "failed" {
			status = 0
		}
	}
	return status
}

func (s *ctl) isEnabled() int {
	status := 1
	for _, name := range s.names {
		u := s.find(name)
		state := s.enabled(u)
		if state == "" {
			if s.numbered(255) {
				s.c.Print("not-found\n")
				status = 4
			} else {
				s.c.Err.Print("Failed to get unit file state for " + full(name) + ": No such file or directory\n")
			}
			continue
		}
		if state == "generated" {
			s.c.Err.Print(u.name + " is not a native service, redirecting to systemd-sysv-install.\nExecuting: /lib/systemd/systemd-sysv-install is-enabled " + strings.TrimSuffix(u.name, ".service") + "\n")
			if state = "disabled"; s.rcEnabled(strings.TrimSuffix(u.name, ".service")) {
				state = "enabled"
			}
		}
		if !s.flags.Has("q") {
			s.c.Print(state + "\n")
		}
		if slices.Contains([]string{"enabled", "static", "alias", "indirect", "generated"}, state) {
			status = 0
		}
	}
	return status
}

// rcEnabled tells whether a script of /etc/init.d is started at boot.
func (m *manager) rcEnabled(name string) bool {
	entries, err := m.view.ReadDir("/etc/rc2.d")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e fileInfo) bool {
		return strings.HasPrefix(e.Name, "S") && len(e.Name) > 3 && e.Name[3:] == name
	})
}

func (s *ctl) cat() int {
	status := 0
	for i, name := range s.names {
		u := s.find(name)
		if u.path == "" || u.load == "masked" {
			if u.load == "masked" {
				s.c.Print("# Unit " + u.name + " is masked.\n")
				continue
			}
			s.c.Err.Print("No files found for " + full(name) + ".\n")
			status = 1
			continue
		}
		if i > 0 {
			s.c.Print("\n")
		}
		s.c.Print("# " + u.path + "\n" + u.text)
		if u.text != "" && !strings.HasSuffix(u.text, "\n") {
			s.c.Print("\n")
		}
		for _, d := range s.dropIns(u) {
			if data, err := s.view.ReadFile(d); err == nil {
				s.c.Print("\n# " + d + "\n" + string(data[:min(len(data), maxUnit)]))
			}
		}
	}
	return status
}

// dropIns are the files that add to a unit.
func (m *manager) dropIns(u *unit) []string {
	var out []string
	for _, dir := range unitDirs {
		entries, err := m.view.ReadDir(dir + "/" + u.name + ".d")
		if err != nil {
			continue
		}
		for i, e := range entries {
			if i < 32 && strings.HasSuffix(e.Name, ".conf") {
				out = append(out, dir+"/"+u.name+".d/"+e.Name)
			}
		}
	}
	return out
}

// show prints properties (systemctl(1)).
func (s *ctl) show() int {
	var want []string
	for _, o := range s.flags.Given {
		if o.Letter == "p" || o.Letter == "P" {
			want = append(want, strings.Split(o.Value, ",")...)
		}
	}
	bare := s.flags.Has("P") || slices.Contains(s.c.Args, "--value")
	emit := func(list [][2]string) {
		for _, p := range list {
			switch {
			case len(want) > 0 && !slices.Contains(want, p[0]):
			case bare:
				s.c.Print(p[1] + "\n")
			default:
				s.c.Print(p[0] + "=" + p[1] + "\n")
			}
		}
	}
	if len(s.names) == 0 {
		n, whole := version(s.c)
		text := whole
		if s.old() {
			text = fmt.Sprint(n)
		}
		emit([][2]string{{"Version", text}, {"Features", "+PAM +AUDIT +SELINUX"}, {"Architecture", "x86-64"}, {"Tainted", ""}, {"SystemState", "running"}, {"NNames", fmt.Sprint(len(s.all(false)) + 160)}, {"NJobs", "0"}, {"NFailedUnits", "0"}, {"Environment", "LANG=en_US.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, {"DefaultTimeoutStartUSec", "1min 30s"}, {"DefaultTasksMax", "2306"}})
		return 0
	}
	for i, name := range s.names {
		if i > 0 {
			s.c.Print("\n")
		}
		emit(s.properties(s.find(name)))
	}
	return 0
}

// properties are those of a unit that people ask for.
func (m *manager) properties(u *unit) [][2]string {
	when := func(ok bool) string {
		if !ok || u.since.IsZero() {
			return ""
		}
		return stamp(m.c, u.since)
	}
	list := [][2]string{}
	add := func(name, value string) { list = append(list, [2]string{name, value}) }
	or := func(value, other string) string {
		if value == "" {
			return other
		}
		return value
	}
	if u.kind() == "service" {
		result := or(u.result.Result, "success")
		add("Type", or(u.get("Type"), "simple"))
		add("Restart", or(u.get("Restart"), "no"))
		add("RemainAfterExit", or(u.get("RemainAfterExit"), "no"))
		add("MainPID", fmt.Sprint(u.pid))
		add("ControlPID", "0")
		add("Result", result)
		add("ExecMainStartTimestamp", when(true))
		add("ExecMainPID", fmt.Sprint(u.pid))
		add("ExecMainStatus", fmt.Sprint(u.result.Status))
		if start := strings.TrimLeft(u.get("ExecStart"), "-@:+!"); start != "" {
			word, _, _ := strings.Cut(start, " ")
			add("ExecStart", fmt.Sprintf("{ path=%s ; argv[]=%s ; ignore_errors=%s ; start_time=[%s] ; stop_time=[n/a] ; pid=%d ; code=(null) ; status=0/0 }", word, start, map[bool]string{true: "yes", false: "no"}[strings.HasPrefix(u.get("ExecStart"), "-")], or(when(u.active == "active"), "n/a"), u.pid))
		}
		add("Slice", "system.slice")
		add("ControlGroup", map[bool]string{true: "/system.slice/" + u.name, false: ""}[u.pid > 0])
		add("MemoryCurrent", "[not set]")
		add("TasksCurrent", map[bool]string{true: fmt.Sprint(max(len(u.processes), 1)), false: "[not set]"}[u.pid > 0])
		add("User", u.get("User"))
		add("WorkingDirectory", u.get("WorkingDirectory"))
		add("Environment", strings.Join(u.lines["Environment"], " "))
	}
	add("Id", u.name)
	add("Names", u.name)
	add("WantedBy", map[bool]string{true: or(u.get("WantedBy"), "multi-user.target"), false: ""}[m.enabled(u) == "enabled"])
	add("Description", or(u.desc, u.name))
	add("LoadState", u.load)
	add("ActiveState", u.active)
	add("SubState", u.sub)
	add("FragmentPath", u.path)
	add("UnitFileState", m.enabled(u))
	add("UnitFilePreset", map[bool]string{true: m.preset(u), false: ""}[u.path != ""])
	add("ActiveEnterTimestamp", when(u.active == "active"))
	add("InactiveEnterTimestamp", when(u.active != "active"))
	add("CanStart", "yes")
	add("CanStop", "yes")
	add("CanReload", map[bool]string{true: "yes", false: "no"}[u.get("ExecReload") != ""])
	add("NeedDaemonReload", "no")
	if u.load == "not-found" {
		add("LoadError", "org.freedesktop.systemd1.NoSuchUnit \"Unit "+u.name+" not found.\"")
	}
	return list
}
