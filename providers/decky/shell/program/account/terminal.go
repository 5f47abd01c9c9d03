package account

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// mesg tells and sets whether others may write to the terminal.
func mesg(c *program.Call) int {
	f, rest, ok := c.Parse("vhV", "verbose=v help=h version=V")
	switch {
	case !ok:
		return 2
	case f.Has("V"):
		c.Version()
		return 0
	case c.TTY == "":
		return 2
	case len(rest) == 0:
		c.Print("is y\n")
		return 0
	case rest[0] != "y" && rest[0] != "n":
		c.Err.Print("mesg: invalid argument: ‘" + rest[0] + "’\nTry 'mesg --help' for more information.\n")
		return 2
	case rest[0] == "n":
		return 1
	}
	return 0
}

// wall writes to everybody who is logged in; the own terminal shows it.
func wall(c *program.Call) int {
	f, rest, ok := c.Parse("ng:t:hV", "nobanner=n timeout=:t group=:g help=h version=V")
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("n") && c.User.UID != 0:
		c.Err.Print("wall: --nobanner is available only for root\n")
	}
	text := strings.Join(rest, " ") + "\n"
	if len(rest) == 0 {
		data, err := c.ReadAll(c.In)
		if err != nil {
			return 1
		}
		text = string(data)
	} else if len(rest) == 1 && strings.HasPrefix(rest[0], "/") {
		data, err := c.Read(rest[0])
		if err != nil {
			return c.Complain("cannot open %s: %s", rest[0], vfs.Text(err))
		}
		text = string(data)
	}
	if c.TTY == "" {
		return 0
	}
	tty := strings.TrimPrefix(c.TTY, "/dev/")
	banner := "\r\nBroadcast message from " + c.User.Name + "@" + c.Machine.Persona.ShortName() + " (" + tty + ") (" + c.Now().In(c.Machine.Zone.Location).Format("Mon Jan _2 15:04:05 2006") + "):\r\n\r\n"
	c.Print(banner + text + "\n")
	return 0
}

// write sends lines to somebody's terminal; to the own one they come back.
func writeTo(c *program.Call) int {
	_, rest, ok := c.Parse("hV", "help=h version=V")
	switch {
	case !ok:
		return 1
	case len(rest) == 0 || len(rest) > 2:
		c.Err.Print("write: bad usage\nTry 'write --help' for more information.\n")
		return 1
	}
	logins := c.Machine.Logins()
	if !slices.ContainsFunc(logins, func(l machine.Login) bool { return l.User == rest[0] }) {
		return c.Complain("%s is not logged in", rest[0])
	}
	if len(rest) == 2 && !slices.ContainsFunc(logins, func(l machine.Login) bool { return l.TTY == strings.TrimPrefix(rest[1], "/dev/") && l.User == rest[0] }) {
		return c.Complain("%s is not logged in on %s", rest[0], rest[1])
	}
	_, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	return 0
}

// login is the program behind the prompt; a session has no use for it.
func login(c *program.Call) int {
	if c.User.UID != 0 {
		c.Err.Print("login: Cannot possibly work without effective root\n")
		return 1
	}
	if c.TTY == "" {
		return 1
	}
	for range 3 {
		name, ok := ask(c, c.Machine.Persona.ShortName()+" login: ", false)
		if !ok {
			return 1
		}
		secret, ok := ask(c, "Password: ", true)
		if !ok {
			return 1
		}
		record(c, name, secret)
		if a, found := lookup(c.Machine, name); found && a.Name == name && mine(c, name, secret) {
			inner := c.Process
			inner.User, inner.Cwd, inner.Env = a, a.Home, environment(c, a)
			c.Kernel.Become(&inner, a.Shell, true)
			return 0
		}
		if !refused(c) {
			return 1
		}
		c.Print("\nLogin incorrect\n")
	}
	return 1
}

func sulogin(c *program.Call) int {
	if c.User.UID != 0 {
		c.Err.Print("sulogin: only superuser can run this program\n")
		return 1
	}
	c.Print("Press Enter for maintenance\n(or press Control-D to continue): ")
	_, _, _ = program.ReadLine(c.In, '\n', 64)
	return 0
}

// faillock shows who failed to log in.
func faillock(c *program.Call) int {
	name := ""
	for i, a := range c.Args {
		if a == "--user" && i+1 < len(c.Args) {
			name = c.Args[i+1]
		}
		if a == "-h" || a == "--help" {
			c.Err.Print("Usage: /usr/sbin/faillock [--dir /path/to/tally-directory] [--user username] [--reset]\n")
			return 0
		}
	}
	if name == "" {
		if c.Machine.Release.Family == "debian" {
			c.Err.Print("/usr/sbin/faillock: Error reading tally directory: No such file or directory\n")
			return 2
		}
		name = c.User.Name
	}
	c.Print(name + ":\nWhen                Type  Source                                           Valid\n")
	return 0
}

// helper is a program that others call and that turns people away.
func helper(text string, status int) program.Func {
	return func(c *program.Call) int {
		c.Err.Print(text)
		return status
	}
}

// setpriv runs a program with other rights.
func setpriv(c *program.Call) int {
	f, rest, ok := c.Parse("+dhV", "dump=d no-new-privs=n nnp=n ambient-caps=:a inh-caps=:i bounding-set=:b ruid=:r euid=:e rgid=:1 egid=:2 reuid=:3 regid=:4 clear-groups=5 keep-groups=6 init-groups=7 groups=:8 securebits=:s pdeathsig=:p selinux-label=:l apparmor-profile=:m reset-env=9 list-caps=L help=h version=V")
	switch {
	case !ok:
		return 127
	case f.Has("V"):
		c.Version()
		return 0
	case f.Has("d"):
		u, g := c.User.UID, c.User.GID
		c.Printf("uid: %d\neuid: %d\ngid: %d\negid: %d\n", u, u, g, g)
		var names []string
		for _, x := range c.Machine.GroupsOf(c.User)[1:] {
			names = append(names, program.Decimal(int64(x.GID)))
		}
		groups := strings.Join(names, ",")
		if groups == "" {
			groups = "[none]"
		}
		c.Printf("Supplementary groups: %s\nno_new_privs: 0\nInheritable capabilities: [none]\nAmbient capabilities: [none]\nCapability bounding set: %s\nSecurebits: [none]\nParent death signal: [none]\n", groups, machine.Capabilities)
		return 0
	case len(rest) == 0:
		c.Err.Print("setpriv: No program specified\n")
		return 1
	}
	inner := *c
	if f.Has("3") || f.Has("r") || f.Has("e") {
		a, found := lookup(c.Machine, f.Value["3"]+f.Value["r"]+f.Value["e"])
		switch {
		case !found:
			c.Err.Print("setpriv: failed to parse reuid: '" + f.Value["3"] + "'\n")
			return 127
		case c.User.UID != 0 && a.UID != c.User.UID:
			c.Err.Print("setpriv: setresuid failed: Operation not permitted\n")
			return 127
		}
		inner.User = a
	}
	status := inner.Execute(rest, c.Streams, "failed to execute %s: %s")
	c.Stop = inner.Stop
	return status
}
