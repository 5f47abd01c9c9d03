package service

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// scripts are the names in /etc/init.d.
func (m *manager) scripts() []string {
	entries, err := m.view.ReadDir("/etc/init.d")
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.Mode&vfs.TypeMask == vfs.TypeFile && e.Mode&0o111 != 0 && e.Name != "functions" && e.Name != "README" && !strings.HasPrefix(e.Name, "rc") {
			out = append(out, e.Name)
		}
	}
	return out
}

// ask runs systemctl with words of its own and returns its status.
func ask(c *program.Call, args ...string) int {
	inner := *c
	inner.Name, inner.Args = "systemctl", args
	status := systemctl(&inner)
	c.Stop = inner.Stop
	return status
}

// service runs a script of /etc/init.d, or systemctl.
func service(c *program.Call) int {
	m := newManager(c)
	if c.Machine.Release.Init == "openrc" {
		return rcService(c)
	}
	const usage = "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n"
	rhel := c.Machine.Release.Family == "rhel"
	if len(c.Args) == 0 {
		c.Err.Print(usage)
		return 1
	}
	switch c.Args[0] {
	case "-h", "--help":
		c.Print(usage)
		return 0
	case "--version", "-V":
		if rhel {
			c.Print("service ver. 1.1\n")
		} else {
			c.Print("service ver. " + packageVersion(c, "init-system-helpers") + "\n")
		}
		return 0
	case "--status-all":
		return m.statusAll()
	}
	if len(c.Args) == 1 {
		if rhel {
			return ask(c, "", c.Args[0]+".service")
		}
		c.Err.Print(usage)
		return 1
	}
	name, verb := c.Args[0], c.Args[1]
	u := m.find(name)
	if u.load == "not-found" {
		switch verb {
		case "start", "stop", "restart", "reload", "status", "force-reload", "try-restart":
		default:
			if !rhel {
				c.Err.Print(name + ": unrecognized service\n")
				return 1
			}
		}
	}
	if rhel {
		if u.load == "not-found" && !slices.Contains(strings.Fields("start stop restart try-restart reload force-reload status condrestart"), verb) {
			c.Err.Print("The service command supports only basic LSB actions (start, stop, restart, try-restart, reload, force-reload, status). For other actions, please try to use systemctl.\n")
			return 2
		}
		c.Err.Print("Redirecting to /bin/systemctl " + verb + " " + name + ".service\n")
	} else if u.load == "not-found" && verb != "status" && len(m.scripts()) > 0 && !slices.Contains(m.scripts(), name) {
		return ask(c, verb, name+".service")
	}
	switch verb {
	case "start", "stop", "restart", "status", "reload", "force-reload", "try-restart", "condrestart":
		return ask(c, verb, name+".service")
	case "--full-restart":
		ask(c, "stop", name+".service")
		return ask(c, "start", name+".service")
	}
	if slices.Contains(m.scripts(), name) {
		c.Print("Usage: /etc/init.d/" + name + " {start|stop|reload|force-reload|restart|try-restart|status}\n")
		return 1
	}
	c.Err.Print(name + ": unrecognized service\n")
	return 1
}

// statusAll lists the scripts with what runs.
func (m *manager) statusAll() int {
	for _, name := range m.scripts() {
		sign := "-"
		if m.find(name).active == "active" {
			sign = "+"
		}
		m.c.Print(" [ " + sign + " ]  " + name + "\n")
	}
	return 0
}

// invoke is invoke-rc.d.
func invoke(c *program.Call) int {
	f, names, ok := c.Parse("+hq", "help=h quiet=q force=f try-anyway=t disclose-deny=d query=y no-fallback=n skip-systemd-native=s")
	if !ok {
		return 103
	}
	if f.Has("h") || len(names) < 2 {
		if !f.Has("h") {
			c.Err.Print("invoke-rc.d: syntax error: missing required parameter\n")
		}
		c.Err.Print("Usage: invoke-rc.d [options] <basename> <action> [extra parameters]\n")
		return map[bool]int{true: 0, false: 103}[f.Has("h")]
	}
	m := newManager(c)
	if m.find(names[0]).load == "not-found" {
		c.Err.Print("invoke-rc.d: unknown initscript, /etc/init.d/" + names[0] + " not found.\n")
		return 100
	}
	return ask(c, names[1], names[0]+".service")
}

// rcLinks makes the links of a script in /etc/rc?.d as update-rc.d does.
func rcLinks(view vfs.View, name string, on bool) {
	for level := range 7 {
		dir := fmt.Sprintf("/etc/rc%d.d", level)
		entries, err := view.ReadDir(dir)
		if err != nil {
			if err := view.Mkdir(dir, 0o755); err != nil {
				return
			}
		}
		for _, e := range entries {
			if len(e.Name) > 3 && e.Name[3:] == name {
				if err := view.Remove(dir + "/" + e.Name); err != nil {
					return
				}
			}
		}
		lead := "K01"
		if on && level >= 2 && level <= 5 {
			lead = "S01"
		}
		if err := view.Symlink("../init.d/"+name, dir+"/"+lead+name); err != nil {
			return
		}
	}
}

// updateRC is update-rc.d.
func updateRC(c *program.Call) int {
	const words = "usage: update-rc.d [-f] <basename> remove\n       update-rc.d [-f] <basename> defaults\n       update-rc.d [-f] <basename> defaults-disabled\n       update-rc.d <basename> disable|enable [S|2|3|4|5]\n\t\t-f: force\n\nThe disable|enable API is not stable and might change in the future.\n"
	var args []string
	force := false
	for _, a := range c.Args {
		switch {
		case a == "-h" || a == "--help":
			c.Print(words)
			return 0
		case a == "-f":
			force = true
		case strings.HasPrefix(a, "-"):
			c.Err.Print("update-rc.d: error: unknown option\n" + words)
			return 1
		default:
			args = append(args, a)
		}
	}
	if len(args) < 2 {
		c.Err.Print("update-rc.d: error: not enough arguments\n" + words)
		return 1
	}
	m := newManager(c)
	name := args[0]
	script := slices.Contains(m.scripts(), name)
	switch args[1] {
	case "defaults", "defaults-disabled", "start", "stop":
		if !script && m.find(name).load == "not-found" {
			c.Err.Print("update-rc.d: error: unable to read /etc/init.d/" + name + "\n")
			return 1
		}
	case "enable", "disable":
		if !script {
			c.Err.Print("update-rc.d: error: cannot find a LSB script for " + name + "\n")
			return 1
		}
	case "remove":
		if script && !force {
			c.Err.Print("update-rc.d: error: /etc/init.d/" + name + " exists during rc.d purge (use -f to force)\n")
			return 1
		}
	default:
		c.Err.Print("update-rc.d: error: Unknown action " + args[1] + "\n" + words)
		return 1
	}
	if c.User.UID != 0 {
		c.Err.Print("insserv: cannot create temporary file(/etc/init.d/.depend.boot): Permission denied\nupdate-rc.d: error: insserv rejected the script header\n")
		return 1
	}
	if args[1] == "remove" {
		for level := range 7 {
			dir := fmt.Sprintf("/etc/rc%d.d", level)
			entries, err := m.view.ReadDir(dir)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if len(e.Name) > 3 && e.Name[3:] == name && m.view.Remove(dir+"/"+e.Name) != nil {
					return 1
				}
			}
		}
		return 0
	}
	rcLinks(m.view, name, args[1] == "defaults" || args[1] == "enable")
	return 0
}

// chkconfig is Red Hat's, which redirects to systemctl.
func chkconfig(c *program.Call) int {
	m := newManager(c)
	const note = "\nNote: This output shows SysV services only and does not include native\n      systemd services. SysV configuration data might be overridden by native\n      systemd configuration.\n\n      If you want to list systemd services use 'systemctl list-unit-files'.\n      To see services enabled on particular target use\n      'systemctl list-dependencies [target]'.\n\n"
	version := "1.7.6"
	if c.Machine.Release.Slug != "centos7" {
		version = "1.24"
	}
	args := c.Args
	switch {
	case len(args) == 0 || args[0] == "--list" && len(args) == 1:
		c.Err.Print(note)
		for _, name := range m.scripts() {
			c.Print(m.levels(name))
		}
		return 0
	case args[0] == "--version", args[0] == "-v":
		c.Print("chkconfig version " + version + "\n")
		return 0
	case args[0] == "--help":
		c.Print("chkconfig version " + version + " - Copyright (C) 1997-2000 Red Hat, Inc.\nThis may be freely redistributed under the terms of the GNU Public License.\n\nusage:   chkconfig [--list] [--type <type>] [name]\n         chkconfig --add <name>\n         chkconfig --del <name>\n         chkconfig --override <name>\n         chkconfig [--level <levels>] [--type <type>] <name> <on|off|reset|resetpriorities>\n")
		return 0
	}
	name, verb := "", ""
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "--level" || args[i] == "--levels" || args[i] == "--type":
			i++
		case strings.HasPrefix(args[i], "--"):
			verb = strings.TrimPrefix(args[i], "--")
		case name == "":
			name = args[i]
		default:
			verb = args[i]
		}
	}
	script := slices.Contains(m.scripts(), name)
	u := m.find(name)
	switch verb {
	case "add", "on", "off", "del":
		if verb == "on" || verb == "off" {
			if !script && u.load == "loaded" {
				action := map[string]string{"on": "enable", "off": "disable"}[verb]
				c.Err.Print("Note: Forwarding request to 'systemctl " + action + " " + u.name + "'.\n")
				return ask(c, action, u.name)
			}
		}
		if !script {
			c.Err.Print("error reading information on service " + name + ": No such file or directory\n")
			return 1
		}
		if c.User.UID != 0 {
			c.Err.Print("You do not have enough privileges to perform this operation.\n")
			return 1
		}
		rcLinks(m.view, name, verb == "on" || verb == "add")
	default:
		if !script {
			if u.load == "loaded" {
				c.Err.Print("Note: Forwarding request to 'systemctl is-enabled " + u.name + "'.\n")
				return ask(c, "is-enabled", u.name)
			}
			c.Err.Print("error reading information on service " + name + ": No such file or directory\n")
			return 1
		}
		c.Print(m.levels(name))
	}
	return 0
}

// levels are the runlevels that a script starts in.
func (m *manager) levels(name string) string {
	text := fmt.Sprintf("%-15s", name)
	for level := range 7 {
		state := "off"
		if entries, err := m.view.ReadDir(fmt.Sprintf("/etc/rc%d.d", level)); err == nil && slices.ContainsFunc(entries, func(e fileInfo) bool { return strings.HasPrefix(e.Name, "S") && len(e.Name) > 3 && e.Name[3:] == name }) {
			state = "on"
		}
		text += fmt.Sprintf("\t%d:%s", level, state)
	}
	return text + "\n"
}
