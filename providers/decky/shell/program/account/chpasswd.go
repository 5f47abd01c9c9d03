package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// chpasswd takes user:password lines, all of which are recorded.
func chpasswd(c *program.Call) int {
	f, _, ok := c.Parse("c:ehmR:s:S", "crypt-method=:c encrypted=e help=h md5=m root=:R sha-rounds=:s stdout=S")
	method := strings.ToUpper(f.Value["c"])
	switch {
	case !ok:
		return 1
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case f.Has("c") && !slices.Contains([]string{"DES", "MD5", "NONE", "SHA256", "SHA512", "BCRYPT", "YESCRYPT"}, method):
		c.Err.Print("chpasswd: unsupported crypt method: " + f.Value["c"] + "\n" + c.Help())
		return 1
	}
	if c.Applet && c.User.UID != 0 {
		return c.Complain("permission denied (are you root?)")
	}
	data, err := c.ReadAll(c.In)
	if err != nil {
		return 1
	}
	if c.User.UID != 0 && len(data) > 0 {
		return locked(c, passwdFile, 1)
	}
	direct := f.Has("e") || f.Has("c") || f.Has("m")
	status := 0
	for i, line := range program.Lines(data) {
		if c.Busy() {
			return 1
		}
		name, secret, ok := strings.Cut(line, ":")
		if !ok {
			if status = 1; c.Applet {
				return c.Complain("missing new password")
			}
			c.Err.Print(fmt.Sprintf("chpasswd: line %d: missing new password\n", i+1))
			continue
		}
		if i < 100 {
			record(c, name, secret)
		}
		switch _, found := lookup(c.Machine, name); {
		case c.Applet && !found:
			return c.Complain("unknown user %s", name)
		case c.Applet:
			if f.Has("e") {
				err = setHash(c.Machine, name, clean(secret))
			} else {
				err = setPassword(c.Machine, name, secret)
			}
			c.Err.Print("chpasswd: password for '" + name + "' changed\n")
		case !found && direct:
			c.Err.Print(fmt.Sprintf("chpasswd: line %d: user '%s' does not exist\n", i+1, name))
			status = 1
		case !found || !direct && secret == "":
			if found {
				c.Err.Print(strings.Repeat("No password has been supplied.\n", 3))
			}
			c.Err.Print(fmt.Sprintf("chpasswd: (user %s) pam_chauthtok() failed, error:\nAuthentication token manipulation error\nchpasswd: (line %d, user %s) password not changed\n", name, i+1, name))
			status = 1
		case f.Has("e"):
			err = setHash(c.Machine, name, clean(secret))
		default:
			err = setPassword(c.Machine, name, secret)
		}
		if err != nil {
			return 1
		}
	}
	if status != 0 && direct {
		c.Err.Print("chpasswd: error detected, changes ignored\n")
	}
	return status
}
