package account

import (
	"fmt"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

const unchanged = "passwd: Authentication token manipulation error\npasswd: password unchanged\n"

// passwordTries are pam_unix' before it gives up.
const passwordTries = 3

// passwdUsage is what passwd says where it is not understood.
const passwdUsage = `Usage: passwd [options] [LOGIN]

Options:
  -a, --all                     show the status of every account
  -d, --delete                  take the password of the named account away
  -e, --expire                  make the password of the named account expire
  -h, --help                    show this text and end
  -k, --keep-tokens             change a password only where it has expired
  -i, --inactive INACTIVE       days until an expired account is locked
  -l, --lock                    lock the named account
  -n, --mindays MIN_DAYS        days before a password may be changed
  -q, --quiet                   say less
  -r, --repository REPOSITORY   where the password is kept
  -R, --root CHROOT_DIR         directory to work in
  -S, --status                  show the status of the named account
  -u, --unlock                  unlock the named account
  -w, --warndays WARN_DAYS      days of warning before it expires
  -x, --maxdays MAX_DAYS        days after which it must be changed

`

// passwdCommand changes a password and what goes with it.
func passwdCommand(c *program.Call) int {
	c.Hint = passwdUsage
	long := "all=a delete=d expire=e help=h inactive=:i keep-tokens=k lock=l mindays=:n quiet=q repository=:r root=:R status=S unlock=u maxdays=:x warndays=:w"
	if c.Machine.Release.Family == "rhel" {
		long += " stdin=m" // shadow's passwd has no such thing
	}
	f, names, ok := c.Parse("adehi:kln:qr:R:Sux:w:", long)
	switch {
	case !ok:
		return 6
	case f.Has("h"):
		c.Print(passwdUsage)
		return 0
	}
	name := c.User.Name
	if len(names) > 0 {
		name = names[0]
	}
	m := c.Machine
	a, found := lookup(m, name)
	switch {
	case len(names) > 1:
		c.Err.Print(passwdUsage)
		return 6
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
		c.Printf("%s %s %s 0 99999 7 -1\n", name, state, m.Built.UTC().Format(time.DateOnly))
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
	for range passwordTries {
		var typed [2]string
		for i, text := range []string{"New password: ", "Retype new password: "} {
			secret, ok := ask(c, text, true)
			if ok && (i == 0 || secret != typed[0]) {
				record(c, name, secret)
			}
			if !ok {
				if c.TTY == "" {
					c.Err.Print("Password change has been aborted.\n")
				}
				c.Err.Print(unchanged)
				return 10
			}
			typed[i] = secret
		}
		switch {
		case typed[0] != typed[1]:
			c.Err.Print("Sorry, passwords do not match.\n" + unchanged)
			return 10
		case typed[0] == "":
			c.Err.Print("No password has been supplied.\n")
			continue
		case setPassword(c.Machine, name, typed[0]) != nil:
			c.Err.Print(unchanged)
			return 10
		}
		c.Err.Print("passwd: password updated successfully\n")
		return 0
	}
	c.Err.Print(unchanged)
	return 10
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
