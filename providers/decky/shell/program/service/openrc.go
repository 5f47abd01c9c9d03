package service

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

const runlevels = "/etc/runlevels"

// rcLevel are the services of a runlevel.
func (m *manager) rcLevel(level string) []string {
	entries, err := m.view.ReadDir(runlevels + "/" + level)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

// started tells whether a service of OpenRC runs.
func (m *manager) started(name string) bool {
	if u, changed := m.c.Machine.Unit(name + ".service"); changed {
		return u.Active == "active"
	}
	if slices.ContainsFunc(m.procs, func(p machine.Process) bool { return p.Unit == name+".service" }) {
		return true
	}
	for _, level := range []string{"sysinit", "boot", "default"} {
		if slices.Contains(m.rcLevel(level), name) {
			info, err := m.view.Lstat(runlevels + "/" + level + "/" + name)
			return err == nil && !info.MTime.After(m.c.Machine.Boot)
		}
	}
	return false
}

// rcService starts, stops and shows services of OpenRC.
func rcService(c *program.Call) int {
	m := newManager(c)
	var args []string
	quiet := false
	for _, a := range c.Args {
		switch a {
		case "-l", "--list":
			for _, s := range m.scripts() {
				c.Print(s + "\n")
			}
			return 0
		case "-q", "--quiet":
			quiet = true
		case "-V", "--version":
			c.Print("rc-service (OpenRC) 0.52.1 (Alpine Linux)\n")
			return 0
		case "-e", "--exists", "-N", "--ifnotstarted", "-s", "--ifstarted", "-i", "--ifexists", "-c", "--ifcrashed", "-D", "--nodeps", "-d", "--debug", "-v", "--verbose":
		default:
			args = append(args, a)
		}
	}
	if len(args) == 0 || len(args) == 1 && !slices.Contains(c.Args, "-e") && !slices.Contains(c.Args, "--exists") {
		c.Err.Print(" * " + c.Name + ": you need to specify at least one service.\n")
		if len(args) == 1 && slices.Contains(m.scripts(), args[0]) {
			return 1
		}
		return 1
	}
	name := args[0]
	if !slices.Contains(m.scripts(), name) {
		if !slices.Contains(c.Args, "-e") && !slices.Contains(c.Args, "-i") {
			c.Err.Print(" * " + c.Name + ": service `" + name + "' does not exist\n")
		}
		return 1
	}
	if len(args) == 1 {
		return 0
	}
	return m.rcDo(name, args[1], quiet)
}

// rcDo is one verb of a script of OpenRC.
func (m *manager) rcDo(name, verb string, quiet bool) int {
	c, on := m.c, m.started(name)
	say := func(text string) {
		if !quiet {
			c.Print(text)
		}
	}
	begin := func(text string) { say(" * " + text + " ...") }
	ended := func() { say(" [ ok ]\n") }
	if verb != "status" && verb != "describe" && c.User.UID != 0 {
		c.Err.Print(" * " + name + ": superuser access required\n")
		return 1
	}
	set := func(active bool) {
		u := machine.Unit{Active: "inactive"}
		if active {
			u = machine.Unit{Active: "active", Sub: "running", PID: c.Machine.NextPID()}
		}
		c.Machine.SetUnit(name+".service", u, nil)
	}
	switch verb {
	case "status":
		if on {
			say(" * status: started\n")
			return 0
		}
		say(" * status: stopped\n")
		return 3
	case "start":
		if on {
			c.Err.Print(" * WARNING: " + name + " has already been started\n")
			return 0
		}
		begin("Starting " + name)
		set(true)
		ended()
	case "stop":
		if !on {
			c.Err.Print(" * WARNING: " + name + " is already stopped\n")
			return 0
		}
		begin("Stopping " + name)
		set(false)
		ended()
	case "restart", "zap", "reload", "condrestart":
		if verb == "zap" {
			say(" * Manually resetting " + name + " to stopped state\n")
			set(false)
			return 0
		}
		if verb == "reload" {
			begin("Reloading " + name)
			ended()
			return 0
		}
		if on {
			begin("Stopping " + name)
			ended()
		}
		begin("Starting " + name)
		set(true)
		ended()
	case "describe":
		say(" * " + name + "\n")
	default:
		c.Err.Print(" * " + name + ": unknown function `" + verb + "'\n")
		return 1
	}
	return 0
}

// rcUpdate adds services to runlevels and removes them.
func rcUpdate(c *program.Call) int {
	m := newManager(c)
	verb, service, level := "show", "", "default"
	rest := 0
	for _, a := range c.Args {
		switch {
		case strings.HasPrefix(a, "-"):
			if a == "-u" || a == "--update" {
				verb = "update"
			}
			continue
		case rest == 0:
			verb = a
		case rest == 1:
			service = a
		default:
			level = a
		}
		rest++
	}
	switch verb {
	case "show":
		services := map[string]string{}
		levels := []string{"boot", "default", "nonetwork", "shutdown", "sysinit"}
		if service != "" {
			levels = []string{service}
		}
		for _, l := range levels {
			for _, s := range m.rcLevel(l) {
				services[s] += " " + l
			}
		}
		for _, s := range m.scripts() {
			if l := services[s]; l != "" {
				c.Printf("%20s |%s\n", s, padLevels(levels, strings.Fields(l)))
			} else if slices.Contains(c.Args, "-v") {
				c.Printf("%20s |%s\n", s, padLevels(levels, nil))
			}
		}
	case "add":
		if service == "" {
			c.Err.Print(" * rc-update: no service specified\n")
			return 1
		}
		switch path := runlevels + "/" + level + "/" + service; {
		case !slices.Contains(m.scripts(), service):
			c.Err.Print(" * rc-update: service `" + service + "' does not exist\n")
			return 1
		case !m.exists(runlevels + "/" + level):
			c.Err.Print(" * rc-update: runlevel `" + level + "' does not exist\n")
			return 1
		case m.exists(path):
			c.Err.Print(" * rc-update: " + service + " already installed in runlevel `" + level + "'; skipping\n")
		default:
			if err := c.View().Symlink("/etc/init.d/"+service, path); err != nil {
				c.Err.Print(" * rc-update: failed to add service `" + service + "' to runlevel `" + level + "': " + vfs.Text(err) + "\n")
				return 1
			}
			c.Print(" * service " + service + " added to runlevel " + level + "\n")
		}
	case "del", "delete":
		path := runlevels + "/" + level + "/" + service
		if !m.exists(path) {
			c.Err.Print(" * rc-update: service `" + service + "' is not in the runlevel `" + level + "'\n")
			return 1
		}
		if err := c.View().Remove(path); err != nil {
			c.Err.Print(" * rc-update: failed to remove service `" + service + "' from runlevel `" + level + "': " + vfs.Text(err) + "\n")
			return 1
		}
		c.Print(" * service " + service + " deleted from runlevel " + level + "\n")
	case "update":
		c.Print(" * Caching service dependencies ... [ ok ]\n")
	default:
		c.Err.Print(" * rc-update: invalid command `" + verb + "'\n")
		return 1
	}
	return 0
}

func (m *manager) exists(path string) bool {
	_, err := m.view.Lstat(path)
	return err == nil
}

// padLevels are the columns of rc-update's table.
func padLevels(levels, in []string) string {
	var b strings.Builder
	for _, l := range levels {
		if slices.Contains(in, l) {
			b.WriteString(" " + l)
		} else {
			b.WriteString(strings.Repeat(" ", len(l)+1))
		}
	}
	return b.String() + " "
}

// rcStatus shows the runlevels with their services.
func rcStatus(c *program.Call) int {
	m := newManager(c)
	levels := []string{"default"}
	head := "Runlevel"
	for _, a := range c.Args {
		switch a {
		case "-a", "--all":
			levels = []string{"sysinit", "boot", "default", "shutdown", "nonetwork"}
		case "-l", "--list":
			c.Print("boot\nnonetwork\ndefault\nsysinit\nshutdown\n")
			return 0
		case "-r", "--runlevel":
			c.Print("default\n")
			return 0
		case "-s", "--servicelist":
			for _, s := range m.scripts() {
				c.Print(" " + m.rcState(s))
			}
			return 0
		}
	}
	for _, l := range levels {
		c.Print(head + ": " + l + "\n")
		for _, s := range m.rcLevel(l) {
			c.Print(" " + m.rcState(s))
		}
	}
	c.Print("Dynamic Runlevel: hotplugged\nDynamic Runlevel: needed/wanted\nDynamic Runlevel: manual\n")
	return 0
}

// rcState is the line of a service.
func (m *manager) rcState(name string) string {
	state := " stopped "
	if m.started(name) {
		state = " started "
	}
	return fmt.Sprintf("%-66s [ %s ]\n", name, state)
}
