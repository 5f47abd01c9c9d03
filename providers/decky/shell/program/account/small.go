package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

// smallPasswd is busybox' passwd.
func smallPasswd(c *program.Call) int {
	f, names, ok := c.Parse("dlua:", "")
	if !ok {
		return 1
	}
	name := c.User.Name
	if len(names) > 0 {
		name = names[0]
	}
	a, found := lookup(c.Machine, name)
	switch {
	case !found:
		return c.Complain("unknown user %s", name)
	case c.User.UID != 0 && (a.UID != c.User.UID || f.Has("d") || f.Has("l") || f.Has("u")):
		return c.Complain("%s can't change password for %s", c.User.Name, name)
	}
	hash := hashOf(c.Machine, name)
	switch {
	case f.Has("l"), f.Has("u"), f.Has("d"):
		state := "unlocked"
		switch {
		case f.Has("l") && strings.HasPrefix(hash, "!"), f.Has("u") && !strings.HasPrefix(hash, "!"):
			return c.Complain("password for %s is already %slocked", name, map[bool]string{true: "un"}[f.Has("u")])
		case f.Has("l"):
			hash, state = "!"+hash, "locked"
		case f.Has("u"):
			hash = strings.TrimPrefix(hash, "!")
		default:
			hash = ""
		}
		if err := setHash(c.Machine, name, hash); err != nil {
			return 1
		}
		if f.Has("d") {
			state = "changed by " + c.User.Name
		}
		c.Err.Print("passwd: password for " + name + " is " + state + "\n")
		return 0
	}
	return smallPassword(c, name)
}

// smallPassword asks for a new one.
func smallPassword(c *program.Call, name string) int {
	c.Print("Changing password for " + name + "\n")
	old := ""
	if c.User.UID != 0 {
		secret, ok := ask(c, "Old password: ", true)
		if ok {
			record(c, name, secret)
		}
		if old = secret; !ok || !mine(c, name, secret) {
			refused(c)
			c.Err.Print("Incorrect password\npasswd: password for " + name + " is unchanged\n")
			return 1
		}
	}
	first, ok := ask(c, "New password: ", true)
	if ok {
		record(c, name, first)
		problem := ""
		switch {
		case len(first) < 6:
			problem = "too short"
		case strings.Contains(first, name) && name != "":
			problem = "similar to username"
		case first == old:
			problem = "similar to old password"
		case strings.Trim(first, "abcdefghijklmnopqrstuvwxyz") == "" || strings.Trim(first, "0123456789") == "":
			problem = "too weak"
		}
		if problem != "" {
			c.Err.Print("Bad password: " + problem + "\n")
			ok = c.User.UID == 0
		}
	}
	if ok {
		second, again := ask(c, "Retype password: ", true)
		if ok = again && second == first; !ok {
			c.Err.Print("Passwords don't match\n")
		}
	}
	if !ok || setPassword(c.Machine, name, first) != nil {
		c.Err.Print("passwd: password for " + name + " is unchanged\n")
		return 1
	}
	c.Err.Print("passwd: password for " + name + " changed by " + c.User.Name + "\n")
	return 0
}

// smallAdd is busybox' adduser and addgroup.
func smallAdd(c *program.Call) int {
	f, names, ok := c.Parse("h:g:s:G:DSHu:k:", "home=:h gecos=:g shell=:s ingroup=:G disabled-password=D system=S no-create-home=H uid=:u skel=:k gid=:g")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case c.User.UID != 0:
		return c.Complain("permission denied (are you root?)")
	case len(names) == 2:
		return smallJoin(c, names[0], names[1])
	case len(names) != 1:
		return c.Missing()
	}
	name := names[0]
	uids, gids := numbers(m)
	if c.Name == "addgroup" {
		if _, taken := lookupGroup(m, name); taken {
			return c.Complain("group '%s' in use", name)
		}
		n := next(gids, f.Has("S"))
		if v, err := strconv.Atoi(f.Value["g"]); err == nil {
			n = v
		}
		if edit(m, groupFile, nil, fmt.Sprintf("%s:x:%d:", clean(name), n)) != nil {
			return 1
		}
		return 0
	}
	if _, taken := lookup(m, name); taken {
		return c.Complain("user '%s' in use", name)
	}
	uid := next(uids, f.Has("S"))
	if v, err := strconv.Atoi(f.Value["u"]); err == nil {
		uid = v
	}
	gid, own := uid, true
	if f.Has("G") {
		g, found := lookupGroup(m, f.Value["G"])
		if !found {
			return c.Complain("unknown group %s", f.Value["G"])
		}
		gid, own = g.GID, false
	} else if slices.Contains(gids, gid) {
		gid = next(gids, f.Has("S"))
	}
	a := machine.Account{Name: clean(name), UID: uid, GID: gid, Comment: "Linux User,,,", Home: "/home/" + clean(name), Shell: "/bin/ash"}
	for field, value := range map[*string]string{&a.Comment: f.Value["g"], &a.Home: f.Value["h"], &a.Shell: f.Value["s"]} {
		if value != "" {
			*field = clean(value)
		}
	}
	if write(m, a, "!", own) != nil {
		return 1
	}
	if !f.Has("H") {
		makeHome(m, a)
	}
	if f.Has("D") || f.Has("S") {
		return 0
	}
	inner := *c
	inner.Name = "passwd"
	status := smallPassword(&inner, a.Name)
	c.Stop = inner.Stop
	return status
}

func smallJoin(c *program.Call, name, group string) int {
	if _, found := lookup(c.Machine, name); !found {
		return c.Complain("unknown user %s", name)
	}
	if _, found := lookupGroup(c.Machine, group); !found {
		return c.Complain("unknown group %s", group)
	}
	join(c.Machine, name, group, true)
	return 0
}

// smallRemove is busybox' deluser and delgroup.
func smallRemove(c *program.Call) int {
	f, names, ok := c.Parse("", "remove-home=r")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case len(names) == 0:
		return c.Missing()
	case c.User.UID != 0:
		return c.Complain("permission denied (are you root?)")
	}
	name := names[0]
	if len(names) == 2 {
		leave(m, names[0], names[1])
		return 0
	}
	gone := func(line []string) ([]string, bool) { return line, line[0] != name }
	if c.Name == "delgroup" {
		if _, found := lookupGroup(m, name); !found {
			return c.Complain("unknown group %s", name)
		}
		_ = edit(m, gshadowFile, gone) // which a small system may lack
		if edit(m, groupFile, gone) != nil {
			return 1
		}
		return 0
	}
	a, found := lookup(m, name)
	if !found {
		return c.Complain("unknown user %s", name)
	}
	for _, path := range []string{passwdFile, shadowFile, groupFile} {
		if edit(m, path, gone) != nil {
			return 1
		}
	}
	join(m, name, "", false)
	if f.Has("r") {
		remove(m.FS.As(0, 0), a.Home, 0)
	}
	return 0
}

// leave takes a member out of a group.
func leave(m *machine.Machine, name, group string) {
	for _, path := range []string{groupFile, gshadowFile} {
		_ = edit(m, path, func(line []string) ([]string, bool) {
			if line[0] == group && len(line) > 3 {
				line[3] = strings.Join(slices.DeleteFunc(strings.Split(line[3], ","), func(n string) bool { return n == name }), ",")
			}
			return line, true
		})
	}
}
