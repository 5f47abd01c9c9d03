package account

import (
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

const suOptions = "command=:c login=l shell=:s preserve-environment=m session-command=:c group=:g supp-group=:G fast=f pty=P whitelist-environment=:w user=:u help=h version=V"

// su becomes another user; runuser does so without a password, for root only.
func su(c *program.Call) int {
	f, rest, ok := c.Parse("c:fg:G:lmpPs:T:u:w:hV", suOptions)
	switch {
	case !ok:
		return 1
	case f.Has("V"):
		c.Version()
		return 0
	case c.Name == "runuser" && c.User.UID != 0:
		return c.Complain("may not be used by non-root users")
	}
	login := f.Has("l")
	if len(rest) > 0 && rest[0] == "-" {
		login, rest = true, rest[1:]
	}
	name := "root"
	switch {
	case f.Has("u") && c.Name == "runuser":
		name = f.Value["u"]
	case len(rest) > 0:
		name, rest = rest[0], rest[1:]
	}
	as, found := lookup(c.Machine, name)
	if !found || as.Name != name {
		return c.Complain("user %s does not exist or the user entry does not contain all the required fields", name)
	}
	if c.User.UID != 0 && !known(c, name) {
		return 1
	}
	if f.Has("u") && c.Name == "runuser" {
		if len(rest) == 0 {
			return c.Complain("no command was specified")
		}
		inner := *c
		inner.User = as
		status := inner.Execute(rest, c.Streams, "failed to execute %s: %s")
		c.Stop = inner.Stop
		return status
	}
	return become(c, f, as, login, rest)
}

// known asks for the password of name.
func known(c *program.Call, name string) bool {
	secret, ok := ask(c, "Password: ", true)
	if ok {
		record(c, name, secret)
	}
	hash := hashOf(c.Machine, name)
	if ok && (hash == "" || !strings.ContainsAny(hash[:1], "!*")) && mine(c, name, secret) {
		return true
	}
	refused(c)
	if c.Applet {
		c.Err.Print("su: incorrect password\n")
		return false
	}
	c.Err.Print("su: Authentication failure\n")
	return false
}

// become starts the shell of a user, or has this one go on as him.
func become(c *program.Call, f program.Flags, as machine.Account, login bool, rest []string) int {
	shell := as.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	if f.Has("s") {
		shell = f.Value["s"]
	}
	inner := *c
	inner.User = as
	if login {
		inner.Cwd = as.Home
	}
	if inner.Env = environment(c, as); !login {
		inner.Env = slices.DeleteFunc(slices.Clone(c.Environ()), func(e string) bool {
			return !f.Has("m") && !f.Has("p") && (strings.HasPrefix(e, "HOME=") || strings.HasPrefix(e, "SHELL=") || strings.HasPrefix(e, "USER=") || strings.HasPrefix(e, "LOGNAME="))
		})
		inner.Env = append(inner.Env, "HOME="+as.Home, "SHELL="+shell, "USER="+as.Name, "LOGNAME="+as.Name)
	}
	switch {
	case strings.HasSuffix(shell, "nologin"):
		c.Print("This account is currently not available.\n")
		return 1
	case strings.HasSuffix(shell, "/false"):
		return 1
	case f.Has("c"):
		rest = append([]string{"-c", f.Value["c"]}, rest...)
	}
	if len(rest) == 0 && c.TTY != "" {
		if _, err := inner.Find(shell); err == nil {
			c.Kernel.Become(&inner.Process, shell, login)
			return 0
		}
	}
	if _, err := inner.Find(shell); err != nil {
		return c.Complain("failed to execute %s: No such file or directory", shell) * 127
	}
	status := inner.Run(append([]string{shell}, rest...), c.Streams)
	c.Stop = inner.Stop
	return status
}

// nologin turns somebody away.
func nologin(c *program.Call) int {
	if len(c.Args) > 0 && (c.Args[0] == "-V" || c.Args[0] == "--version") {
		c.Version()
		return 0
	}
	c.Print("This account is currently not available.\n")
	return 1
}

// newgrp goes on with another group; sg runs a command with it.
func newgrp(c *program.Call) int {
	if len(c.Args) == 0 {
		if c.Name == "sg" {
			c.Err.Print("Usage: sg group [[-c] command]\n")
			return 1
		}
		return 0
	}
	name, args := c.Args[0], c.Args[1:]
	if name == "-" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	g, found := lookupGroup(c.Machine, name)
	if !found {
		c.Err.Print(c.Name + ": group '" + name + "' does not exist\n")
		return 1
	}
	if c.User.UID != 0 && c.User.GID != g.GID && !slices.Contains(g.Members, c.User.Name) {
		secret, ok := ask(c, "Password: ", true)
		if ok {
			record(c, name, secret)
			refused(c)
		}
		c.Err.Print("Invalid password.\n")
		return 1
	}
	if c.Name == "newgrp" {
		return 0
	}
	if len(args) > 0 && args[0] == "-c" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 0
	}
	inner := *c
	inner.User.GID = g.GID
	status := inner.Script(args[0], []string{"sh"}, c.Streams)
	c.Stop = inner.Stop
	return status
}

// environment is what a login shell of a user begins with.
func environment(c *program.Call, as machine.Account) []string {
	shell := as.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	path := "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
	if as.UID == 0 {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	env := []string{"HOME=" + as.Home, "SHELL=" + shell, "USER=" + as.Name, "LOGNAME=" + as.Name, "PATH=" + path, "MAIL=/var/mail/" + as.Name}
	for _, e := range c.Environ() {
		if strings.HasPrefix(e, "TERM=") || strings.HasPrefix(e, "LANG=") {
			env = append(env, e)
		}
	}
	return env
}
