package shell

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/vfs"
	"github.com/decnet/decnet/schema/event"
)

// sudo runs the rest of a sudo line.
func sudo(c *call) int {
	args := c.args
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
		c.err.print("usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\nusage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command [arg ...]]\n")
		return 1
	}
	m := c.r.session.machine
	user := c.r.asUser
	if user.uid != 0 {
		c.prompt("[sudo] password for " + user.name + ": ")
		allowed := slices.ContainsFunc(m.groupsOf(user), func(g group) bool { return g.name == "sudo" })
		if !allowed {
			c.err.print(user.name + " is not in the sudoers file.\nThis incident has been reported to the administrator.\n")
			return 1
		}
	}
	if list {
		c.printf("Matching Defaults entries for %s on %s:\n    env_reset, mail_badpass, secure_path=/usr/local/sbin\\:/usr/local/bin\\:/usr/sbin\\:/usr/bin\\:/sbin\\:/bin\n\nUser %s may run the following commands on %s:\n    (ALL : ALL) ALL\n", user.name, m.host.Hostname, user.name, m.host.Hostname)
		return 0
	}
	before := c.r.asUser
	c.r.asUser = m.account("root")
	c.stop = c.r.program(args, c.io)
	c.r.asUser = before
	return c.r.state.status
}

// prompt asks for a secret on a terminal and records it.
func (c *call) prompt(text string) string {
	if !c.out.tty && c.r.session.options.TTY == "" {
		return ""
	}
	c.err.print(text)
	secret, _, err := readLine(c.in, '\n', 512)
	if err != nil {
		return ""
	}
	if recordErr := c.r.session.record(&event.AuthAttempt{Method: c.name, Username: event.Text(c.r.asUser.name), Secret: event.Text(secret), SecretKind: "plaintext"}); recordErr != nil {
		c.stop = recordErr
	}
	c.err.print("\n")
	return secret
}

func su(c *call) int {
	name, command := "root", ""
	for i := 0; i < len(c.args); i++ {
		switch a := c.args[i]; {
		case a == "-c" && i+1 < len(c.args):
			i++
			command = c.args[i]
		case strings.HasPrefix(a, "-"):
		default:
			name = a
		}
	}
	m := c.r.session.machine
	if !slices.ContainsFunc(m.accounts(), func(a account) bool { return a.name == name }) {
		return c.complain("user %s does not exist or the user entry does not contain all the required fields", name)
	}
	if c.r.asUser.uid != 0 {
		c.prompt("Password: ")
		c.wait(2 * time.Second)
		return c.complain("Authentication failure")
	}
	before := c.r.asUser
	c.r.asUser = m.account(name)
	if command != "" {
		c.stop = c.r.isolate(func(sub *runner) error { return sub.evaluate(command, c.io) })
		c.r.asUser = before
		return c.r.state.status
	}
	if c.r.session.options.TTY == "" {
		c.r.asUser = before
	}
	return 0
}

func passwdCommand(c *call) int {
	name := c.r.asUser.name
	for _, a := range c.args {
		if !strings.HasPrefix(a, "-") {
			name = a
		}
	}
	m := c.r.session.machine
	if !slices.ContainsFunc(m.accounts(), func(a account) bool { return a.name == name }) {
		c.err.print("passwd: user '" + name + "' does not exist\n")
		return 1
	}
	if c.r.asUser.uid != 0 {
		c.err.print("Changing password for " + name + ".\n")
		c.err.print("Current password: ")
		readLine(c.in, '\n', 512)
		c.err.print("\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	}
	var typed [2]string
	for i, text := range []string{"New password: ", "Retype new password: "} {
		c.err.print(text)
		typed[i], _, _ = readLine(c.in, '\n', 512)
		if c.r.session.options.TTY != "" {
			c.err.print("\n")
		}
	}
	if err := c.r.session.record(&event.AuthAttempt{Method: "passwd", Username: event.Text(name), Secret: event.Text(typed[0]), SecretKind: "plaintext"}); err != nil {
		c.stop = err
	}
	switch {
	case typed[0] != typed[1]:
		c.err.print("Sorry, passwords do not match.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	case typed[0] == "":
		c.err.print("No password has been supplied.\nNo password has been supplied.\nNo password has been supplied.\npasswd: Authentication token manipulation error\npasswd: password unchanged\n")
		return 10
	}
	c.err.print("passwd: password updated successfully\n")
	return 0
}

// chpasswd takes user:password lines, all of which are recorded.
func chpasswd(c *call) int {
	if c.r.asUser.uid != 0 {
		c.err.print("chpasswd: Permission denied.\nchpasswd: cannot lock /etc/passwd; try again later.\n")
		return 1
	}
	data, err := c.r.readAll(c.in)
	if err != nil {
		return 1
	}
	status := 0
	for i, line := range lines(data) {
		name, secret, ok := strings.Cut(line, ":")
		if !ok || c.busy() {
			c.err.print(fmt.Sprintf("chpasswd: line %d: missing new password\n", i+1))
			return 1
		}
		if i < 100 {
			if err := c.r.session.record(&event.AuthAttempt{Method: "chpasswd", Username: event.Text(name), Secret: event.Text(secret), SecretKind: "plaintext"}); err != nil {
				c.stop = err
			}
		}
		if !slices.ContainsFunc(c.r.session.machine.accounts(), func(a account) bool { return a.name == name }) {
			c.err.print(fmt.Sprintf("chpasswd: (user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error\nchpasswd: (line %d, user %s) password not changed\n", name, i+1, name))
			status = 1
		}
	}
	return status
}

// useradd adds an account to the files.
func useradd(c *call) int {
	f, names, ok := c.parse("b:c:d:De:f:g:G:k:K:lmMNop:rs:u:U", "create-home=m shell=:s home-dir=:d system=r groups=:G password=:p gecos=:c disabled-password=D uid=:u gid=:g")
	if !ok || len(names) == 0 {
		c.err.print("Usage: " + c.name + " [options] LOGIN\n")
		return 2
	}
	m := c.r.session.machine
	name := names[0]
	if c.r.asUser.uid != 0 {
		c.err.print(c.name + ": Permission denied.\n" + c.name + ": cannot lock /etc/passwd; try again later.\n")
		return 1
	}
	next := 1000
	for _, a := range m.accounts() {
		if a.name == name {
			return c.complain("user '%s' already exists", name) * 9
		}
		if a.uid >= next && a.uid < 60000 {
			next = a.uid + 1
		}
	}
	home, shell := "/home/"+name, "/bin/sh"
	if f.has("d") {
		home = f.value["d"]
	}
	if f.has("s") {
		shell = f.value["s"]
	}
	view := m.FS.As(0, 0)
	for path, line := range map[string]string{
		"/etc/passwd": fmt.Sprintf("%s:x:%d:%d:%s:%s:%s\n", name, next, next, f.value["c"], home, shell), "/etc/group": fmt.Sprintf("%s:x:%d:\n", name, next),
		"/etc/shadow": fmt.Sprintf("%s:!:%d:0:99999:7:::\n", name, m.now().Unix()/86400),
	} {
		file, err := view.Open(path, vfs.Write|vfs.Append, 0)
		if err == nil {
			_, err = file.Write([]byte(line))
		}
		if err != nil {
			return c.complain("cannot open %s", path)
		}
	}
	if f.has("m") || c.name == "adduser" {
		if err := view.Mkdir(home, 0o755); err == nil {
			_ = view.Chown(home, next, next)
		}
	}
	return 0
}
