package service

import (
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func crontab(c *program.Call) int {
	f, names, ok := c.Parse("eilru:", "")
	if !ok {
		return 1
	}
	user := c.User.Name
	if f.Has("u") {
		user = f.Value["u"]
	}
	path := "/var/spool/cron/crontabs/" + user
	view := c.Machine.FS.As(0, 0)
	switch {
	case f.Has("l"):
		data, err := view.ReadFile(path)
		if err != nil {
			c.Err.Print("no crontab for " + user + "\n")
			return 1
		}
		c.Print(string(data))
	case f.Has("r"):
		if view.Remove(path) != nil {
			c.Err.Print("no crontab for " + user + "\n")
			return 1
		}
	case f.Has("e"):
		c.Err.Print("no crontab for " + user + " - using an empty one\nNo modification made\n")
	default:
		name := "-"
		if len(names) > 0 {
			name = names[0]
		}
		data, err := c.Read(name)
		if err != nil {
			c.Err.Print(name + ": " + vfs.Text(err) + "\n")
			return 1
		}
		if err := view.WriteFile(path, data, 0o600); err != nil {
			return c.Complain("%s", vfs.Text(err))
		}
	}
	return 0
}

func systemctl(c *program.Call) int {
	verb, unit := "list-units", ""
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a, "-"):
		case unit == "" && verb == "list-units":
			verb = a
		default:
			unit = a
		}
	}
	if c.Name == "service" && len(c.Args) >= 2 {
		unit, verb = c.Args[0], c.Args[1]
	}
	unit = strings.TrimSuffix(unit, ".service")
	m := c.Machine
	known := map[string]string{"ssh": "sshd", "sshd": "sshd", "cron": "cron", "nginx": "nginx", "dbus": "dbus-daemon", "systemd-journald": "systemd-journal", "systemd-timesyncd": "systemd-timesyn"}
	program, exists := known[unit]
	var running *machine.Process
	for _, p := range m.Processes() {
		if exists && p.Name == program && running == nil {
			running = &p
		}
	}
	switch verb {
	case "status":
		if running == nil {
			c.Err.Print("Unit " + unit + ".service could not be found.\n")
			return 4
		}
		c.Printf("● %s.service - %s\n     Loaded: loaded (/lib/systemd/system/%s.service; enabled; preset: enabled)\n     Active: active (running) since %s; %s ago\n   Main PID: %d (%s)\n      Tasks: 1 (limit: 2306)\n     CGroup: /system.slice/%s.service\n             └─%d %q\n", unit, unit, unit, m.Boot.UTC().Format("Mon 2006-01-02 15:04:05 MST"), strings.TrimSpace(machine.UpText(m.Uptime())), running.PID, running.Name, unit, running.PID, running.Args)
	case "is-active":
		if running == nil {
			c.Print("inactive\n")
			return 3
		}
		c.Print("active\n")
	case "start", "stop", "restart", "reload", "enable", "disable", "mask", "unmask":
		switch {
		case c.User.UID != 0:
			c.Err.Print("Failed to " + verb + " " + unit + ".service: Interactive authentication required.\nSee system logs and 'systemctl status " + unit + ".service' for details.\n")
			return 1
		case !exists:
			c.Err.Print("Failed to " + verb + " " + unit + ".service: Unit " + unit + ".service not found.\n")
			return 5
		}
	case "list-units":
		c.Print("  UNIT                       LOAD   ACTIVE SUB     DESCRIPTION\n")
		for _, u := range []string{"cron", "dbus", "ssh", "systemd-journald", "systemd-timesyncd"} {
			c.Printf("  %-26s loaded active running %s\n", u+".service", u)
		}
	}
	return 0
}
