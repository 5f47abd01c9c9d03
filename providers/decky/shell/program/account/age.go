package account

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// chage tells and sets the age of a password.
func chage(c *program.Call) int {
	f, names, ok := c.Parse("d:E:hi:I:lm:M:R:W:", "list=l lastday=:d expiredate=:E inactive=:I mindays=:m maxdays=:M warndays=:W iso8601=i root=:R help=h")
	switch {
	case !ok:
		return 2
	case len(names) != 1:
		c.Err.Print(c.Help())
		return 2
	}
	a, found := lookup(c.Machine, names[0])
	if c.User.UID != 0 && (!f.Has("l") || a.Name != c.User.Name) {
		c.Err.Print("chage: Permission denied.\n")
		return 1
	}
	if !found {
		c.Err.Print("chage: user '" + names[0] + "' does not exist in /etc/passwd\n")
		return 1
	}
	if f.Has("l") {
		aged(c, shadowOf(c.Machine, a.Name), f.Has("i"))
		return 0
	}
	set := map[string]int{"d": 2, "m": 3, "M": 4, "W": 5, "I": 6, "E": 7}
	values := map[string]string{}
	for letter := range set {
		if !f.Has(letter) {
			continue
		}
		value := f.Value[letter]
		if letter == "d" || letter == "E" {
			if day, err := time.Parse("2006-01-02", value); err == nil {
				value = fmt.Sprint(day.Unix() / 86400)
			}
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < -1 {
			if letter == "d" || letter == "E" {
				c.Err.Print("chage: invalid date '" + f.Value[letter] + "'\n")
			} else {
				c.Err.Print("chage: invalid numeric argument '" + f.Value[letter] + "'\n")
			}
			c.Err.Print(c.Help())
			return 2
		}
		if n == -1 && letter != "M" {
			value = ""
		}
		values[letter] = value
	}
	err := edit(c.Machine, shadowFile, func(line []string) ([]string, bool) {
		if line[0] == a.Name && len(line) > 7 {
			for letter, value := range values {
				line[set[letter]] = value
			}
		}
		return line, true
	})
	if err != nil {
		c.Err.Print("chage: " + vfs.Text(err) + "\n")
		return 1
	}
	return 0
}

// aged is chage -l.
func aged(c *program.Call, f []string, iso bool) {
	form := "Jan 02, 2006"
	if iso {
		form = "2006-01-02"
	}
	last, expires, inactive, ends := "never", "never", "never", "never"
	day, ok := dayOf(f[2])
	if ok {
		last = day.Format(form)
	}
	if ok && f[2] == "0" {
		last, expires, inactive = "password must be changed", "password must be changed", "password must be changed"
	} else if most, err := strconv.Atoi(f[4]); ok && err == nil && most >= 0 && most < 10000 {
		expires = day.AddDate(0, 0, most).Format(form)
		if more, err := strconv.Atoi(f[6]); err == nil {
			inactive = day.AddDate(0, 0, most+more).Format(form)
		}
	}
	if day, ok := dayOf(f[7]); ok {
		ends = day.Format(form)
	}
	number := func(s string) string {
		if s == "" {
			return "-1"
		}
		return s
	}
	c.Print("Last password change\t\t\t\t\t: " + last + "\nPassword expires\t\t\t\t\t: " + expires + "\nPassword inactive\t\t\t\t\t: " + inactive + "\nAccount expires\t\t\t\t\t\t: " + ends + "\nMinimum number of days between password change\t\t: " + number(f[3]) + "\nMaximum number of days between password change\t\t: " + number(f[4]) + "\nNumber of days of warning before password expires\t: " + number(f[5]) + "\n")
}

// expiry looks at the own password's age.
func expiry(c *program.Call) int {
	f, _, ok := c.Parse("cfh", "check=c force=f help=h")
	if !ok || !f.Has("c") && !f.Has("f") {
		if ok {
			c.Err.Print(c.Help())
		}
		return 10
	}
	return 0
}

// chsh changes the shell of an account.
func chsh(c *program.Call) int {
	f, names, ok := c.Parse("hlR:s:u", "shell=:s help=h root=:R list-shells=l")
	name := c.User.Name
	if len(names) > 0 {
		name = names[0]
	}
	a, found := lookup(c.Machine, name)
	switch {
	case !ok:
		return 1
	case f.Has("h"), f.Has("u"), len(names) > 1:
		c.Print(c.Help())
		return 0
	case f.Has("l"):
		data, err := c.View().ReadFile("/etc/shells")
		if err == nil {
			c.Print(string(data))
		}
		return 0
	case !found:
		c.Err.Print("chsh: user '" + name + "' does not exist\n")
		return 1
	case c.User.UID != 0 && a.UID != c.User.UID:
		c.Err.Print("You may not change the shell for '" + name + "'.\n")
		return 1
	case !myself(c, name):
		return 1
	}
	value := f.Value["s"]
	if !f.Has("s") {
		c.Print("Changing the login shell for " + name + "\nEnter the new value, or press ENTER for the default\n\tLogin Shell [" + a.Shell + "]: ")
		line, _, err := program.ReadLine(c.In, '\n', 256)
		if value = strings.TrimSpace(line); err != nil || value == "" {
			return 0
		}
	}
	shells, err := c.View().ReadFile("/etc/shells")
	listed := err == nil && strings.Contains("\n"+string(shells)+"\n", "\n"+value+"\n")
	_, missing := c.View().Stat(c.Path(value))
	switch {
	case c.User.UID != 0 && !listed:
		c.Err.Print("chsh: " + value + " is an invalid shell\n")
		return 1
	case missing != nil:
		c.Err.Print("chsh: Warning: " + value + " does not exist\n")
	case !listed:
		c.Err.Print("chsh: Warning: " + value + " is an invalid shell\n")
	}
	return changed(c, name, 6, value)
}

// chfn changes who an account is of.
func chfn(c *program.Call) int {
	f, names, ok := c.Parse("f:h:o:r:R:uw:", "full-name=:f home-phone=:h other=:o room=:r root=:R help=u work-phone=:w")
	name := c.User.Name
	if len(names) > 0 {
		name = names[0]
	}
	a, found := lookup(c.Machine, name)
	switch {
	case !ok:
		return 1
	case f.Has("u"):
		c.Print(c.Help())
		return 0
	case !found:
		c.Err.Print("chfn: user '" + name + "' does not exist\n")
		return 1
	case c.User.UID != 0 && a.UID != c.User.UID:
		c.Err.Print("chfn: Permission denied.\n")
		return 1
	case !myself(c, name):
		return 1
	}
	parts := append(strings.Split(a.Comment, ","), make([]string, 5)...)[:5]
	if len(f.Given) == 0 {
		parts = asked(c, a, []string{"Full Name", "Room Number", "Work Phone", "Home Phone", "Other"})
	}
	for letter, i := range map[string]int{"f": 0, "r": 1, "w": 2, "h": 3, "o": 4} {
		if f.Has(letter) {
			parts[i] = clean(f.Value[letter])
		}
	}
	return changed(c, name, 4, strings.Join(parts, ","))
}

// myself asks a user for his password before his account is changed.
func myself(c *program.Call, name string) bool {
	if c.User.UID == 0 {
		return true
	}
	secret, ok := ask(c, "Password: ", true)
	if ok {
		record(c, name, secret)
	}
	if ok && mine(c, name, secret) {
		return true
	}
	refused(c)
	c.Err.Print(c.Name + ": PAM: Authentication failure\n")
	return false
}

// changed sets a field of /etc/passwd.
func changed(c *program.Call, name string, field int, value string) int {
	err := edit(c.Machine, passwdFile, func(line []string) ([]string, bool) {
		if line[0] == name && len(line) > field {
			line[field] = clean(value)
		}
		return line, true
	})
	if err != nil {
		return 1
	}
	return 0
}
