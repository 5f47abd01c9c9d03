package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// verbOf is the first word of a command line that is no option, and the rest.
func verbOf(c *program.Call) (verb string, rest []string) {
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a, "-"):
		case verb == "":
			verb = a
		default:
			rest = append(rest, a)
		}
	}
	return verb, rest
}

// early answers --version and --help of one of systemd's programs.
func early(c *program.Call, what, verbs string) bool {
	for _, a := range c.Args {
		switch a {
		case "--version":
			sayVersion(c)
			return true
		case "--help", "-h":
			usage(c, c.Name+" [OPTIONS...] COMMAND ...\n\n"+what+"\n", "Commands:", verbs)
			return true
		}
	}
	return false
}

// unknownVerb is what systemd's programs say of a verb that they lack.
func unknownVerb(c *program.Call, verb string) int {
	if newManager(c).numbered(257) {
		c.Err.Print("Unknown command verb '" + verb + "'.\n")
	} else {
		c.Err.Print("Unknown command verb " + verb + ".\n")
	}
	return 1
}

// refused says that an ordinary user may not do something.
func refused(c *program.Call, what string) bool {
	if c.User.UID == 0 {
		return false
	}
	c.Err.Print(what + ": Interactive authentication required.\n")
	return true
}

// hostnamectl shows and sets the host's name.
func hostnamectl(c *program.Call) int {
	if early(c, "Query or change system hostname.", "status hostname icon-name chassis deployment location set-hostname set-icon-name set-chassis") {
		return 0
	}
	m := newManager(c)
	verb, rest := verbOf(c)
	name := c.Machine.Persona.Hostname()
	if data, err := m.view.ReadFile("/etc/hostname"); err == nil && strings.TrimSpace(string(data)) != "" {
		name = strings.TrimSpace(string(data))
	}
	switch verb {
	case "", "status":
		m.hostStatus(name)
	case "hostname":
		if len(rest) == 0 {
			c.Print(name + "\n")
			return 0
		}
		return m.setHostname(rest[0])
	case "set-hostname":
		if len(rest) == 0 {
			c.Err.Print("Too few arguments.\n")
			return 1
		}
		return m.setHostname(rest[0])
	case "icon-name":
		c.Print("computer-vm\n")
	case "chassis":
		c.Print("vm\n")
	case "deployment", "location":
		c.Print("\n")
	case "set-icon-name", "set-chassis", "set-deployment", "set-location":
		if refused(c, "Could not set property") {
			return 1
		}
	default:
		return unknownVerb(c, verb)
	}
	return 0
}

func (m *manager) setHostname(name string) int {
	if refused(m.c, "Could not set static hostname") {
		return 1
	}
	if name == "" || len(name) > 64 || strings.ContainsAny(name, " /\n:") {
		m.c.Err.Print("Could not set static hostname: Invalid static hostname '" + name + "'\n")
		return 1
	}
	if err := m.view.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644); err != nil {
		m.c.Err.Print("Could not set static hostname: " + vfs.Text(err) + "\n")
		return 1
	}
	if err := m.c.Machine.SetSysctl("kernel.hostname", name); err != nil {
		m.note("systemd-hostnamed", m.pidOf("systemd"), "Failed to set static host name: "+vfs.Text(err))
		return 0
	}
	m.note("systemd-hostnamed", m.c.Machine.NextPID(), "Hostname set to <"+name+"> (static)")
	return 0
}

// virtualization is the hypervisor as systemd names it, "none" on iron.
func virtualization(c *program.Call) string {
	v := map[string]string{"VMware": "vmware", "KVM": "kvm", "Microsoft": "microsoft", "Xen": "xen", "Oracle": "oracle"}[c.Machine.Hardware.Hypervisor]
	if v == "" {
		return "none"
	}
	return v
}

func (m *manager) hostStatus(name string) {
	c, r := m.c, m.c.Machine.Release
	virt := virtualization(c)
	rows := [][2]string{{"Static hostname", name}}
	kind := "vm"
	if virt == "none" {
		kind = "server"
	}
	chassis := kind
	if m.numbered(251) {
		chassis += " " + map[string]string{"vm": "🖴", "server": "🖳"}[kind]
	}
	rows = append(rows, [2]string{"Icon name", "computer-" + kind}, [2]string{"Chassis", chassis}, [2]string{"Machine ID", c.Machine.Persona.MachineID()}, [2]string{"Boot ID", strings.ReplaceAll(c.Machine.BootID(), "-", "")})
	if virt != "none" {
		rows = append(rows, [2]string{"Virtualization", virt})
	}
	rows = append(rows, [2]string{"Operating System", r.Pretty}, [2]string{"Kernel", "Linux " + r.Kernel}, [2]string{"Architecture", strings.ReplaceAll(r.Machine, "x86_64", "x86-64")})
	if m.numbered(250) {
		rows = append(rows, [2]string{"Hardware Vendor", c.Machine.Hardware.DMI.SystemVendor}, [2]string{"Hardware Model", c.Machine.Hardware.DMI.ProductName})
	}
	width := 16
	if m.old() {
		width = 18
	}
	for _, row := range rows {
		if row[1] != "" {
			c.Printf("%*s: %s\n", width, row[0], row[1])
		}
	}
}

// timedatectl shows and sets the clock's zone.
func timedatectl(c *program.Call) int {
	if early(c, "Query or change system time and date settings.", "status show set-time set-timezone list-timezones set-local-rtc set-ntp timesync-status show-timesync") {
		return 0
	}
	m := newManager(c)
	zone := clockZone(m)
	now := c.Now().In(c.Zone())
	verb, rest := verbOf(c)
	if verb != "" && strings.HasPrefix(verb, "set-") && len(rest) == 0 {
		c.Err.Print("Too few arguments.\n")
		return 1
	}
	ntp := map[bool]string{true: "active", false: "inactive"}[m.find("systemd-timesyncd").active == "active" || m.find("chronyd").active == "active"]
	switch verb {
	case "", "status":
		yes := "yes"
		if ntp == "inactive" {
			yes = "no"
		}
		if m.old() {
			c.Printf("      Local time: %s\n  Universal time: %s\n        RTC time: %s\n       Time zone: %s (%s)\n     NTP enabled: %s\nNTP synchronized: %s\n RTC in local TZ: no\n      DST active: %s\n", now.Format("Mon 2006-01-02 15:04:05 MST"), now.UTC().Format("Mon 2006-01-02 15:04:05 MST"), now.UTC().Format("Mon 2006-01-02 15:04:05"), zone, now.Format("MST, -0700"), yes, yes, map[bool]string{true: "yes", false: "n/a"}[now.IsDST()])
			return 0
		}
		c.Printf("               Local time: %s\n           Universal time: %s\n                 RTC time: %s\n                Time zone: %s (%s)\nSystem clock synchronized: %s\n              NTP service: %s\n          RTC in local TZ: no\n", now.Format("Mon 2006-01-02 15:04:05 MST"), now.UTC().Format("Mon 2006-01-02 15:04:05 MST"), now.UTC().Format("Mon 2006-01-02 15:04:05"), zone, now.Format("MST, -0700"), yes, ntp)
	case "show":
		c.Print("Timezone=" + zone + "\nLocalRTC=no\nCanNTP=yes\nNTP=" + map[bool]string{true: "yes", false: "no"}[ntp == "active"] + "\nNTPSynchronized=yes\nTimeUSec=" + now.Format("Mon 2006-01-02 15:04:05 MST") + "\nRTCTimeUSec=" + now.Format("Mon 2006-01-02 15:04:05 MST") + "\n")
	case "list-timezones":
		c.Walk("/usr/share/zoneinfo", func(path string, info vfs.Info, _ int) bool {
			if name := strings.TrimPrefix(path, "/usr/share/zoneinfo/"); !info.IsDir() && (strings.Contains(name, "/") || name == "UTC") {
				c.Print(name + "\n")
			}
			return true
		})
	case "set-timezone":
		if _, err := m.view.Stat("/usr/share/zoneinfo/" + rest[0]); err != nil || strings.Contains(rest[0], "..") {
			c.Err.Print("Failed to set time zone: Invalid or not installed time zone '" + rest[0] + "'\n")
			return 1
		}
		if refused(c, "Failed to set time zone") {
			return 1
		}
		if err := m.view.Remove("/etc/localtime"); err == nil {
			err = m.view.Symlink("../usr/share/zoneinfo/"+rest[0], "/etc/localtime")
			if err != nil {
				c.Err.Print("Failed to set time zone: " + vfs.Text(err) + "\n")
				return 1
			}
		}
		m.note("systemd-timedated", c.Machine.NextPID(), "Changed time zone to '"+rest[0]+"' ("+now.Format("MST")+").")
	case "set-time":
		if refused(c, "Failed to set time") {
			return 1
		}
		if ntp == "active" {
			c.Err.Print("Failed to set time: Automatic time synchronization is enabled\n")
			return 1
		}
	case "set-ntp":
		if refused(c, "Failed to set ntp") {
			return 1
		}
		switch rest[0] {
		case "true", "yes", "1", "on":
			return ask(c, "start", "systemd-timesyncd")
		case "false", "no", "0", "off":
			return ask(c, "stop", "systemd-timesyncd")
		}
		c.Err.Print("Failed to parse NTP setting: Invalid argument\n")
		return 1
	case "set-local-rtc":
		if refused(c, "Failed to set local RTC") {
			return 1
		}
	case "timesync-status":
		c.Printf("       Server: %s (%s)\nPoll interval: 34min 8s (min: 32s; max 34min 8s)\n         Leap: normal\n      Version: 4\n      Stratum: 2\n    Precision: 1us (-24)\n       Offset: +%dus\n        Delay: 18.402ms\n       Jitter: 1.2ms\n Packet count: %d\n", c.Machine.Persona.Gateway(), "0.debian.pool.ntp.org", c.Machine.Number("ntp/offset", 10, 900), int(c.Machine.Uptime().Minutes()/34)+5)
	default:
		return unknownVerb(c, verb)
	}
	return 0
}

// clockZone is the name of the zone that /etc/localtime leads to.
func clockZone(m *manager) string {
	if info, err := m.view.Lstat("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(info.Target, "zoneinfo/"); ok {
			return name
		}
	}
	return m.c.Machine.Zone.Name
}

// localectl shows and sets the locale.
func localectl(c *program.Call) int {
	if early(c, "Query or change system locale and keyboard settings.", "status set-locale list-locales set-keymap list-keymaps set-x11-keymap") {
		return 0
	}
	m := newManager(c)
	verb, rest := verbOf(c)
	path := "/etc/default/locale"
	if c.Machine.Release.Family != "debian" {
		path = "/etc/locale.conf"
	}
	switch verb {
	case "", "status":
		lang := "LANG=en_US.UTF-8"
		if data, err := m.view.ReadFile(path); err == nil {
			for line := range strings.Lines(string(data)) {
				if strings.HasPrefix(line, "LANG=") {
					lang = strings.ReplaceAll(strings.TrimSpace(line), `"`, "")
				}
			}
		}
		c.Print("   System Locale: " + lang + "\n       VC Keymap: " + map[bool]string{true: "(unset)", false: "us"}[c.Machine.Release.Family == "debian"] + "\n      X11 Layout: us\n       X11 Model: pc105\n")
	case "list-locales":
		c.Print("C.UTF-8\nen_US.UTF-8\n")
	case "list-keymaps":
		c.Print("de\nfr\nuk\nus\n")
	case "set-locale", "set-keymap", "set-x11-keymap":
		if len(rest) == 0 {
			c.Err.Print("Too few arguments.\n")
			return 1
		}
		if refused(c, "Failed to issue method call") {
			return 1
		}
		if verb == "set-locale" && strings.Contains(rest[0], "=") {
			if err := m.view.WriteFile(path, []byte(strings.Join(rest, "\n")+"\n"), 0o644); err != nil {
				c.Err.Print("Failed to issue method call: " + vfs.Text(err) + "\n")
				return 1
			}
		}
	default:
		return unknownVerb(c, verb)
	}
	return 0
}

// loginctl shows who is on the host.
func loginctl(c *program.Call) int {
	if early(c, "Send control commands to or query the login manager.", "list-sessions session-status show-session activate lock-session terminate-session kill-session list-users user-status show-user enable-linger disable-linger terminate-user kill-user list-seats seat-status show-seat") {
		return 0
	}
	m := newManager(c)
	verb, rest := verbOf(c)
	sessions := m.sessions()
	switch verb {
	case "", "list-sessions":
		c.Printf("%7s %4s %-8s %-4s %-6s\n", "SESSION", "UID", "USER", "SEAT", "TTY")
		for _, s := range sessions {
			c.Printf("%7d %4d %-8s %-4s %-6s\n", s.id, s.uid, s.login.User, "", s.login.TTY)
		}
		c.Printf("\n%d sessions listed.\n", len(sessions))
	case "list-users":
		c.Printf("%4s %s\n", "UID", "USER")
		seen := map[int]bool{}
		for _, s := range sessions {
			if !seen[s.uid] {
				seen[s.uid] = true
				c.Printf("%4d %s\n", s.uid, s.login.User)
			}
		}
		c.Printf("\n%d users listed.\n", len(seen))
	case "list-seats":
		c.Print("SEAT\nseat0\n\n1 seats listed.\n")
	case "session-status", "user-status", "show-session", "show-user":
		for _, s := range sessions {
			if len(rest) > 0 && rest[0] != fmt.Sprint(s.id) && rest[0] != s.login.User && rest[0] != fmt.Sprint(s.uid) {
				continue
			}
			if strings.HasPrefix(verb, "show") {
				c.Printf("Id=%d\nUser=%d\nName=%s\nTimestamp=%s\nRemote=yes\nRemoteHost=%s\nService=sshd\nScope=session-%d.scope\nType=tty\nClass=user\nActive=yes\nState=active\n", s.id, s.uid, s.login.User, stamp(c, s.login.Since), s.login.From, s.id)
				return 0
			}
			c.Printf("%d - %s (%d)\n           Since: %s; %s ago\n          Leader: %d (sshd)\n             TTY: %s\n          Remote: %s\n         Service: sshd; type tty; class user\n           State: active\n            Unit: session-%d.scope\n", s.id, s.login.User, s.uid, stamp(c, s.login.Since), ago(c.Now().Sub(s.login.Since)), s.login.PID-2, s.login.TTY, s.login.From, s.id)
			return 0
		}
		if len(rest) > 0 {
			c.Err.Print("Failed to get session: No session '" + rest[0] + "' known\n")
			return 1
		}
	case "enable-linger", "disable-linger":
		name := c.User.Name
		if len(rest) > 0 {
			name = rest[0]
		}
		if c.User.UID != 0 && name != c.User.Name {
			c.Err.Print("Could not enable linger: Interactive authentication required.\n")
			return 1
		}
		dir := "/var/lib/systemd/linger"
		if _, err := m.view.Stat(dir); err != nil && m.view.Mkdir(dir, 0o755) != nil {
			return 1
		}
		if strings.Contains(name, "/") {
			return 1
		}
		if verb == "enable-linger" {
			if err := m.view.WriteFile(dir+"/"+name, nil, 0o644); err != nil {
				return 1
			}
		} else if err := m.view.Remove(dir + "/" + name); err != nil {
			return 0 // it did not linger
		}
	case "terminate-session", "kill-session", "terminate-user", "kill-user", "lock-session", "unlock-session", "activate", "lock-sessions":
		if refused(c, "Could not issue command") {
			return 1
		}
	default:
		return unknownVerb(c, verb)
	}
	return 0
}

// startup are the times of the host's start: firmware and loader are the
// hypervisor's, not told.
func startup(c *program.Call) (kernel, user time.Duration) {
	return time.Duration(c.Machine.Number("boot/kernel", 1800, 4200)) * time.Millisecond, time.Duration(c.Machine.Number("boot/user", 3200, 9800)) * time.Millisecond
}
