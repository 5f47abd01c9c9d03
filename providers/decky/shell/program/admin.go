package program

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

func apt(c *Call) int {
	verb := ""
	var packages []string
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a, "-"):
		case verb == "":
			verb = a
		default:
			packages = append(packages, a)
		}
	}
	root := c.User.UID == 0
	switch verb {
	case "":
		c.Print("apt 2.6.1 (amd64)\nUsage: apt [options] command\n")
		return 0
	case "update", "upgrade", "install", "remove", "purge", "dist-upgrade", "full-upgrade", "autoremove":
		if !root {
			c.Err.Print("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n")
			return 100
		}
	}
	switch verb {
	case "update":
		for i, suite := range []string{"debian bookworm", "debian-security bookworm-security", "debian bookworm-updates"} {
			if !c.resolving() {
				return 100
			}
			c.Printf("Ign:%d http://deb.debian.org/%s InRelease\n", i+1, suite)
		}
		c.Print("Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving 'deb.debian.org'\nReading package lists... Done\n")
		c.Err.Print("W: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'\nW: Some index files failed to download. They have been ignored, or old ones used instead.\n")
	case "install":
		c.Print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n")
		status := 0
		for _, p := range packages {
			if _, err := c.Find(p); err == nil {
				c.Printf("%s is already the newest version.\n", p)
				continue
			}
			c.Err.Print("E: Unable to locate package " + p + "\n")
			status = 100
		}
		if status == 0 {
			c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		}
		return status
	case "upgrade", "dist-upgrade", "full-upgrade", "autoremove":
		c.Print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\nCalculating upgrade... Done\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	case "remove", "purge":
		c.Print("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n")
		for _, p := range packages {
			c.Printf("Package '%s' is not installed, so not removed\n", p)
		}
		c.Print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
	case "list", "search", "show", "clean", "autoclean":
	default:
		c.Err.Print("E: Invalid operation " + verb + "\n")
		return 100
	}
	return 0
}

func crontab(c *Call) int {
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

func systemctl(c *Call) int {
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

func iptables(c *Call) int {
	if c.User.UID != 0 {
		c.Err.Print(c.Name + " v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)\n")
		return 4
	}
	if slices.ContainsFunc(c.Args, func(a string) bool { return a == "-L" || a == "--list" || strings.HasPrefix(a, "-nL") || a == "-vL" }) {
		for i, chain := range []string{"INPUT", "FORWARD", "OUTPUT"} {
			if i > 0 {
				c.Print("\n")
			}
			c.Print("Chain " + chain + " (policy ACCEPT)\ntarget     prot opt source               destination         \n")
		}
	}
	if len(c.Args) == 0 {
		c.Err.Print(c.Name + " v1.8.9 (nf_tables): no command specified\nTry `" + c.Name + " -h' or '" + c.Name + " --help' for more information.\n")
		return 2
	}
	return 0
}
