package account

import (
	"fmt"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

const unchanged = "passwd: Authentication token manipulation error\npasswd: password unchanged\n"

// passwdCommand changes a password and what goes with it.
func passwdCommand(c *program.Call) int {
	f, names, ok := c.Parse("adehi:klmn:qr:R:Sux:w:", "all=a delete=d expire=e help=h inactive=:i keep-tokens=k lock=l mindays=:n quiet=q repository=:r status=S unlock=u maxdays=:x warndays=:w stdin=m")
	if !ok {
		return 2
	}
	name := c.User.Name
	if len(names) > 0 {
		name = names[0]
	}
	m := c.Machine
	a, found := lookup(m, name)
	switch {
	case len(names) > 1:
		c.Err.Print("Usage: passwd [options] [LOGIN]\n")
		return 2
	case !found:
		c.Err.Print("passwd: user '" + name + "' does not exist\n")
		return 1
	case c.User.UID != 0 && (a.UID != c.User.UID || f.Has("l") || f.Has("u") || f.Has("d") || f.Has("e")):
		c.Err.Print("passwd: You may not view or modify password information for " + name + ".\n")
		return 1
	}
	hash := hashOf(m, name)
	say := func(text string) int {
		if !f.Has("q") {
			c.Print("passwd: " + text + "\n")
		}
		return 0
	}
	switch {
	case f.Has("S"):
		state := "P"
		if hash == "" {
			state = "NP"
		} else if strings.ContainsAny(hash[:1], "!*") {
			state = "L"
		}
		c.Printf("%s %s %s 0 99999 7 -1\n", name, state, m.Built.UTC().Format("01/02/2006"))
		return 0
	case f.Has("l"):
		if !strings.HasPrefix(hash, "!") && setHash(m, name, "!"+hash) != nil {
			return 3
		}
		return say("password changed.")
	case f.Has("u"):
		if strings.Trim(hash, "!*") == "" {
			c.Err.Print("passwd: unlocking the password would result in a passwordless account.\nYou should set a password with usermod -p to unlock the password of this account.\n")
			return 3
		}
		if setHash(m, name, strings.TrimLeft(hash, "!")) != nil {
			return 3
		}
		return say("password changed.")
	case f.Has("d"):
		if setHash(m, name, "") != nil {
			return 3
		}
		return say("password changed.")
	case f.Has("e"):
		return say("password changed.")
	}
	return newPassword(c, name)
}

// newPassword asks for it as PAM does.
func newPassword(c *program.Call, name string) int {
	if c.User.UID != 0 {
		c.Print("Changing password for " + name + ".\n")
		secret, ok := ask(c, "Current password: ", true)
		if ok {
			record(c, name, secret)
		}
		if !ok || secret == "" || !refused(c) {
			c.Err.Print(unchanged)
			return 10
		}
	}
	var typed [2]string
	for i, text := range []string{"New password: ", "Retype new password: "} {
		secret, ok := ask(c, text, true)
		if !ok && i == 0 {
			if c.TTY == "" {
				c.Err.Print("Password change has been aborted.\n")
			}
			c.Err.Print(unchanged)
			return 10
		}
		if i == 0 {
			record(c, name, secret)
			if secret == "" {
				c.Err.Print("No password has been supplied.\n" + unchanged)
				return 10
			}
		}
		typed[i] = secret
	}
	if typed[0] != typed[1] {
		record(c, name, typed[1])
		c.Err.Print("Sorry, passwords do not match.\n" + unchanged)
		return 10
	}
	if err := setPassword(c.Machine, name, typed[0]); err != nil {
		c.Err.Print(unchanged)
		return 10
	}
	c.Print("passwd: password updated successfully\n")
	return 0
}

// chpasswd takes user:password lines, all of which are recorded.
func chpasswd(c *program.Call) int {
	f, _, ok := c.Parse("c:ehmR:s:S", "crypt-method=:c encrypted=e md5=m root=:R sha-rounds=:s help=h")
	if !ok {
		return 2
	}
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
		if c.Busy() {
			return 1
		}
		name, secret, ok := strings.Cut(line, ":")
		if !ok {
			c.Err.Print(fmt.Sprintf("chpasswd: line %d: missing new password\n", i+1))
			status = 1
			continue
		}
		if i < 100 {
			record(c, name, secret)
		}
		if _, found := lookup(c.Machine, name); !found {
			if f.Has("e") || f.Has("c") || f.Has("m") {
				c.Err.Print(fmt.Sprintf("chpasswd: line %d: user '%s' does not exist\n", i+1, name))
			} else {
				c.Err.Print(fmt.Sprintf("chpasswd: (user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error\nchpasswd: (line %d, user %s) password not changed\n", name, i+1, name))
			}
			status = 1
			continue
		}
		switch {
		case f.Has("e"):
			err = setHash(c.Machine, name, strings.NewReplacer(":", "", "\n", "").Replace(secret))
		case secret == "":
			c.Err.Print(fmt.Sprintf("No password has been supplied.\nchpasswd: (user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error\nchpasswd: (line %d, user %s) password not changed\n", name, i+1, name))
			status = 1
			continue
		default:
			err = setPassword(c.Machine, name, secret)
		}
		if err != nil {
			return 1
		}
	}
	if status != 0 && (f.Has("e") || f.Has("c") || f.Has("m")) {
		c.Err.Print("chpasswd: error detected, changes ignored\n")
	}
	return status
}
