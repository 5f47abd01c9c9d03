package account

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/schema/event"
)

// sudo runs the rest of a sudo line.
func sudo(c *program.Call) int {
	args := c.Args
	list := false
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		list = list || args[0] == "-l"
		shell := args[0] == "-i" || args[0] == "-s" || args[0] == "su"
		skip := args[0] == "-u" || args[0] == "-g" || args[0] == "-p"
		args = args[1:]
		if skip && len(args) > 0 {
			args = args[1:]
		}
		if shell && len(args) == 0 {
			args = []string{"bash"}
		}
	}
	if len(args) == 0 && !list {
		c.Err.Print("usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command [arg ...]]\n")
		return 1
	}
	m := c.Machine
	user := c.User
	if user.UID != 0 {
		c.Prompt("[sudo] password for " + user.Name + ": ")
		allowed := slices.ContainsFunc(m.GroupsOf(user), func(g machine.Group) bool { return g.Name == "sudo" })
		if !allowed {
			c.Err.Print(user.Name + " is not in the sudoers file.\nThis incident has been reported to the administrator.\n")
			return 1
		}
	}
	if list {
		c.Printf("Matching Defaults entries for %s on %s:\n    env_reset, mail_badpass, secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin\n\nUser %s may run the following commands on %s:\n    (ALL : ALL) ALL\n", user.Name, m.Host.Hostname, user.Name, m.Host.Hostname)
		return 0
	}
	inner := *c
	inner.User = m.Account("root")
	status := inner.Run(args, c.Streams)
	c.Stop = inner.Stop
	return status
}

func su(c *program.Call) int {
	name, command := "root", ""
	for i := 0; i < len(c.Args); i++ {
		switch a := c.Args[i]; {
		case a == "-c" && i+1 < len(c.Args):
			i++
			command = c.Args[i]
		case strings.HasPrefix(a, "-"):
		default:
			name = a
		}
	}
	m := c.Machine
	if !slices.ContainsFunc(m.Accounts(), func(a machine.Account) bool { return a.Name == name }) {
		return c.Complain("user %s does not exist or the user entry does not contain all the required fields", name)
	}
	if c.User.UID != 0 {
		c.Prompt("Password: ")
		c.Wait(2 * time.Second)
		return c.Complain("Authentication failure")
	}
	if command != "" {
		inner := *c
		inner.User = m.Account(name)
		status := inner.Script(command, []string{"bash"}, c.Streams)
		c.Stop = inner.Stop
		return status
	}
	if c.TTY != "" {
		c.Kernel.Become(m.Account(name))
	}
	return 0
}

func passwdCommand(c *program.Call) int {
	name := c.User.Name
	for _, a := range c.Args {
		if !strings.HasPrefix(a, "-") {
			name = a
		}
	}
	m := c.Machine
	if !slices.ContainsFunc(m.Accounts(), func(a machine.Account) bool { return a.Name == name }) {
		c.Err.Print("passwd: user '" + name + "' does not exist\n")
		return 1
	}
	if c.User.UID != 0 {
		c.Err.Print("Changing password for " + name + ".\n")
		c.Err.Print("Current password: ")
		program.ReadLine(c.In, '\n', 512)
		c.Err.Print("\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	}
	var typed [2]string
	for i, text := range []string{"New password: ", "Retype new password: "} {
		c.Err.Print(text)
		typed[i], _, _ = program.ReadLine(c.In, '\n', 512)
		if c.TTY != "" {
			c.Err.Print("\n")
		}
	}
	if err := c.Kernel.Record(&event.AuthAttempt{Method: "passwd", Username: event.Text(name), Secret: event.Text(typed[0]), SecretKind: "plaintext"}); err != nil {
		c.Stop = err
	}
	switch {
	case typed[0] != typed[1]:
		c.Err.Print("Sorry, passwords do not match.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	case typed[0] == "":
		c.Err.Print("No password has been supplied.\nNo password has been supplied.\nNo password has been supplied.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	}
	c.Err.Print("passwd: password updated successfully\n")
	return 0
}

// chpasswd takes user:password lines, all of which are recorded.
func chpasswd(c *program.Call) int {
	if c.User.UID != 0 {
		c.Err.Print("chpasswd: Permission denied.\nchpasswd: cannot lock /etc/passwd; try again later.\n")
		return 1
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	status := 0
	for i, line := range program.Lines(data) {
		name, secret, ok := strings.Cut(line, ":")
		if !ok || c.Busy() {
			c.Err.Print(fmt.Sprintf("chpasswd: line %d: missing new password\n", i+1))
			return 1
		}
		if i < 100 {
			if err := c.Kernel.Record(&event.AuthAttempt{Method: "chpasswd", Username: event.Text(name), Secret: event.Text(secret), SecretKind: "plaintext"}); err != nil {
				c.Stop = err
			}
		}
		if !slices.ContainsFunc(c.Machine.Accounts(), func(a machine.Account) bool { return a.Name == name }) {
			c.Err.Print(fmt.Sprintf("chpasswd: (user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error\nchpasswd: (line %d, user %s) password not changed\n", name, i+1, name))
			status = 1
		}
	}
	return status
}

// useradd adds an account to the files.
func useradd(c *program.Call) int {
	f, names, ok := c.Parse("b:c:d:De:f:g:G:k:K:lmMNop:rs:u:U", "create-home=m shell=:s home-dir=:d system=r groups=:G password=:p gecos=:c disabled-password=D uid=:u gid=:g")
	if !ok || len(names) == 0 {
		c.Err.Print("Usage: " + c.Name + " [options] LOGIN\n")
		return 2
	}
	m := c.Machine
	name := names[0]
	if c.User.UID != 0 {
		c.Err.Print(c.Name + ": Permission denied.\n" + c.Name + ": cannot lock /etc/passwd; try again later.\n")
		return 1
	}
	next := 1000
	for _, a := range m.Accounts() {
		if a.Name == name {
			return c.Complain("user '%s' already exists", name) * 9
		}
		if a.UID >= next && a.UID < 60000 {
			next = a.UID + 1
		}
	}
	home, shell := "/home/"+name, "/bin/sh"
	if f.Has("d") {
		home = f.Value["d"]
	}
	if f.Has("s") {
		shell = f.Value["s"]
	}
	view := m.FS.As(0, 0)
	for path, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d:%s:%s:%s\n", name, next, next, f.Value["c"], home, shell), "/etc/group": fmt.Sprintf("%s:x:%d:\n", name, next),
		"/etc/shadow": fmt.Sprintf("%s:!:%d:0:99999:7:::\n", name, m.Now().Unix()/86400),
	} {
		file, err := view.Open(path, vfs.Write|vfs.Append, 0)
		if err == nil {
			_, err = file.Write([]byte(line))
		}
		if err != nil {
			return c.Complain("cannot open %s", path)
		}
	}
	if f.Has("m") || c.Name == "adduser" {
		if err := view.Mkdir(home, 0o755); err == nil {
			_ = view.Chown(home, next, next)
		}
	}
	return 0
}
