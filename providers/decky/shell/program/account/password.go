package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// passwordTries are pam_unix' before it gives up.
const passwordTries = 3

const (
	unchanged = "passwd: Authentication token manipulation error\npasswd: password unchanged\n"
	aborted   = "Password change has been aborted.\n"
)

// passwdCommand changes a password and what goes with it.
func passwdCommand(c *program.Call) int {
	if c.Applet {
		return smallPasswd(c)
	}
	if c.Machine.Release.Family == "rhel" {
		return redHatPasswd(c)
	}
	f, names, ok := c.Parse("adehi:kln:qr:R:Suw:x:", "all=a delete=d expire=e help=h inactive=:i keep-tokens=k lock=l mindays=:n quiet=q repository=:r root=:R status=S unlock=u warndays=:w maxdays=:x")
	switch {
	case !ok:
		return 6
	case f.Has("h"):
		c.Print(c.Help())
		return 0
	case len(names) > 1 || f.Has("a") && !f.Has("S"):
		c.Err.Print(c.Help())
		return 6
	}
	name := c.User.Name
	if len(names) > 0 {
		name = names[0]
	}
	m := c.Machine
	a, found := lookup(m, name)
	administer := slices.ContainsFunc([]string{"d", "e", "i", "l", "n", "u", "w", "x", "a"}, f.Has)
	switch {
	case administer && c.User.UID != 0:
		c.Err.Print("passwd: Permission denied.\n")
		return 1
	case f.Has("a"):
		for _, a := range m.Accounts() {
			c.Print(state(m, a.Name))
		}
		return 0
	case !found:
		c.Err.Print("passwd: user '" + name + "' does not exist\n")
		return 1
	case c.User.UID != 0 && a.UID != c.User.UID:
		c.Err.Print("passwd: You may not view or modify password information for " + name + ".\n")
		return 1
	case f.Has("S"):
		c.Print(state(m, name))
		return 0
	case administer:
		return administered(c, f, name)
	}
	return newPassword(c, name)
}

// state is a line of passwd -S.
func state(m *machine.Machine, name string) string {
	f := shadowOf(m, name)
	letter := "P"
	switch hash := f[1]; {
	case hash == "":
		letter = "NP"
	case strings.ContainsAny(hash[:1], "!*"):
		letter = "L"
	}
	form := "01/02/2006" // shadow before 4.9
	if slug := m.Release.Slug; slug == "debian" || slug == "kali" || slug == "arch" {
		form = "2006-01-02"
	}
	changed := "1970-01-01"
	if day, ok := dayOf(f[2]); ok {
		changed = day.Format(form)
	}
	or := func(s string) string {
		if s == "" {
			return "-1"
		}
		return s
	}
	return fmt.Sprintf("%s %s %s %s %s %s %s\n", name, letter, changed, or(f[3]), or(f[4]), or(f[5]), or(f[6]))
}

// administered is passwd -l, -u, -d, -e and the ages.
func administered(c *program.Call, f program.Flags, name string) int {
	m, hash := c.Machine, hashOf(c.Machine, name)
	switch {
	case f.Has("l"):
		if !strings.HasPrefix(hash, "!") {
			hash = "!" + hash
		}
	case f.Has("u"):
		if strings.Trim(hash, "!") == "" {
			c.Err.Print("passwd: unlocking the password would result in a passwordless account.\nYou should set a password with usermod -p to unlock the password of this account.\n")
			return 3
		}
		hash = strings.TrimLeft(hash, "!")
	case f.Has("d"):
		hash = ""
	}
	for _, letter := range []string{"i", "n", "w", "x"} {
		if _, err := strconv.Atoi(f.Value[letter]); f.Has(letter) && err != nil {
			c.Err.Print("passwd: invalid numeric argument '" + f.Value[letter] + "'\n" + c.Help())
			return 6
		}
	}
	err := edit(m, shadowFile, func(line []string) ([]string, bool) {
		if line[0] != name || len(line) < 9 {
			return line, true
		}
		line[1] = hash
		if f.Has("d") {
			line[2] = today(m)
		}
		if f.Has("e") {
			line[2] = "0"
		}
		for letter, i := range map[string]int{"n": 3, "x": 4, "w": 5, "i": 6} {
			if f.Has(letter) {
				line[i] = f.Value[letter]
			}
		}
		return line, true
	})
	if err != nil {
		return 3
	}
	if !f.Has("q") {
		c.Print("passwd: password changed.\n")
	}
	return 0
}

// newPassword asks for it as PAM's unix module does.
func newPassword(c *program.Call, name string) int {
	own := c.User.UID != 0
	old := ""
	if own {
		c.Print("Changing password for " + name + ".\n")
		secret, ok := ask(c, "Current password: ", true)
		if ok {
			record(c, name, secret)
		}
		old = secret
		if !ok || !mine(c, name, secret) {
			if ok {
				refused(c)
			}
			c.Err.Print(unchanged)
			return 10
		}
	}
	for range passwordTries {
		first, ok := ask(c, "New password: ", true)
		if !ok {
			return gaveUp(c)
		}
		record(c, name, first)
		second, ok := ask(c, "Retype new password: ", true)
		switch {
		case !ok:
			return gaveUp(c)
		case second != first:
			record(c, name, second)
			c.Err.Print("Sorry, passwords do not match.\n" + unchanged)
			return 10
		case first == "":
			c.Err.Print("No password has been supplied.\n")
			continue
		}
		if problem := weak(first, old); own && problem != "" {
			c.Err.Print(problem + "\n")
			continue
		}
		if setPassword(c.Machine, name, first) != nil {
			break
		}
		c.Err.Print("passwd: password updated successfully\n")
		return 0
	}
	c.Err.Print(unchanged)
	return 10
}

// gaveUp ends passwd where nothing more is typed.
func gaveUp(c *program.Call) int {
	if c.TTY == "" {
		c.Err.Print(aborted)
	}
	c.Err.Print(unchanged)
	return 10
}

// weak is what pam_unix holds against a password that a user chose.
func weak(secret, old string) string {
	switch {
	case secret == old:
		return "The password has not been changed."
	case len(secret) < 6:
		return "You must choose a longer password."
	}
	return ""
}

// redHatPasswd is passwd of its family, which is a program of its own.
func redHatPasswd(c *program.Call) int {
	f, names, ok := c.Parse("klufdex:n:w:i:S", "keep-tokens=k delete=d lock=l unlock=u expire=e force=f maximum=:x minimum=:n warning=:w inactive=:i status=S stdin=1")
	if !ok {
		return 2
	}
	name := c.User.Name
	if len(names) > 0 {
		name = names[0]
	}
	m := c.Machine
	_, found := lookup(m, name)
	administer := slices.ContainsFunc([]string{"d", "e", "i", "l", "n", "u", "w", "x", "S", "1"}, f.Has)
	switch {
	case c.User.UID != 0 && len(names) > 0:
		c.Err.Print("passwd: Only root can specify a user name.\n")
		return 1
	case c.User.UID != 0 && administer:
		c.Err.Print("Only root can do that.\n")
		return 1
	case !found:
		c.Err.Print("passwd: Unknown user name '" + name + "'.\n")
		return 1
	case f.Has("S"):
		return redHatState(c, name)
	case f.Has("l"), f.Has("u"), f.Has("d"), f.Has("e"):
		verb := map[bool]string{f.Has("l"): "Locking", f.Has("u"): "Unlocking", f.Has("d"): "Removing", f.Has("e"): "Expiring"}[true]
		c.Printf("%s password for user %s.\n", verb, name)
		quiet := *c
		quiet.Out = program.Stream{Writer: discard{}}
		if administered(&quiet, f, name) != 0 {
			return 3
		}
		c.Print("passwd: Success\n")
		return 0
	}
	c.Printf("Changing password for user %s.\n", name)
	if f.Has("1") {
		secret, _, err := program.ReadLine(c.In, '\n', 1024)
		if err != nil {
			return 1
		}
		record(c, name, secret)
		return redHatDone(c, name, secret)
	}
	if c.User.UID != 0 {
		c.Printf("Changing password for %s.\n", name)
		secret, ok := ask(c, "(current) UNIX password: ", true)
		if ok {
			record(c, name, secret)
		}
		if !ok || !mine(c, name, secret) {
			refused(c)
			c.Err.Print("passwd: Authentication token manipulation error\n")
			return 1
		}
	}
	first, ok := ask(c, "New password: ", true)
	if !ok {
		c.Err.Print("passwd: Authentication token manipulation error\n")
		return 1
	}
	record(c, name, first)
	switch {
	case len(first) < 8:
		c.Err.Print("BAD PASSWORD: The password is shorter than 8 characters\n")
		if c.User.UID != 0 {
			c.Err.Print("passwd: Authentication token manipulation error\n")
			return 1
		}
	case first == strings.ToLower(first) && strings.Trim(first, "abcdefghijklmnopqrstuvwxyz") == "":
		c.Err.Print("BAD PASSWORD: The password fails the dictionary check - it is based on a dictionary word\n")
	}
	if second, ok := ask(c, "Retype new password: ", true); !ok || second != first {
		c.Err.Print("Sorry, passwords do not match.\npasswd: Authentication token manipulation error\n")
		return 1
	}
	return redHatDone(c, name, first)
}

func redHatDone(c *program.Call, name, secret string) int {
	if secret == "" || setPassword(c.Machine, name, secret) != nil {
		c.Err.Print("passwd: Authentication token manipulation error\n")
		return 1
	}
	c.Print("passwd: all authentication tokens updated successfully.\n")
	return 0
}

func redHatState(c *program.Call, name string) int {
	f := shadowOf(c.Machine, name)
	text, letter := "Password set, SHA512 crypt.", "PS"
	switch hash := f[1]; {
	case hash == "":
		text, letter = "Empty password.", "NP"
	case strings.HasPrefix(hash, "!$"):
		text, letter = "Password locked.", "LK"
	case strings.ContainsAny(hash[:1], "!*"):
		text, letter = "Alternate authentication scheme in use.", "LK"
	}
	changed := "1970-01-01"
	if day, ok := dayOf(f[2]); ok {
		changed = day.Format("2006-01-02")
	}
	c.Printf("%s %s %s %s %s %s -1 (%s)\n", name, letter, changed, f[3], f[4], f[5], text)
	return 0
}

// discard takes what is not to be seen.
type discard struct{}

// Write implements io.Writer.
func (discard) Write(p []byte) (int, error) { return len(p), nil }
