package ssh

import (
	"net/netip"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"github.com/decnet/decnet/providers/decky/machine"
)

// host is the machine that the sessions share, as it is now.
func (c *client) host() *machine.Machine { return c.h.policy.Machine(c.machine) }

// account is the user's line of /etc/passwd, as far as it is known without
// making the machine.
func (c *client) account(user string) machine.Account {
	if user == "root" && !c.machine.Changed() {
		return machine.Account{Name: "root", Home: "/root", Shell: "/bin/bash"}
	}
	return c.host().Account(user)
}

// maxKeys bounds how many lines of authorized_keys are read.
const maxKeys = 1024

// authorized tells whether a client put the key into the user's
// authorized_keys.
func (c *client) authorized(user, wire string) bool {
	if !c.machine.Changed() {
		return false
	}
	m := c.host()
	account := m.Account(user)
	if account.Name != user {
		return false
	}
	data, err := m.FS.As(0, 0).ReadFile(account.Home + "/.ssh/authorized_keys")
	if err != nil {
		return false
	}
	for range maxKeys {
		key, _, _, rest, err := gossh.ParseAuthorizedKey(data)
		if err != nil {
			return false
		}
		if same(string(key.Marshal()), wire) {
			return true
		}
		data = rest
	}
	return false
}

// greeting is what a login shell shows first: the message of the day, and on a
// terminal the last login.
func (c *client) greeting(user string, from netip.Addr, tty string) string {
	m := c.host()
	text := m.Greeting()
	if tty == "" {
		return text
	}
	if before, ok := c.machine.LoggedIn(user, from, tty); ok {
		text += "Last login: " + before.At.In(m.Zone.Location).Format("Mon Jan _2 15:04:05 2006") + " from " + before.From.String() + "\n"
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}
