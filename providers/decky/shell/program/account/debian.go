package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
)

const badName = "adduser: To avoid problems, the username must not start with a\n            dash, plus sign, or tilde, and it must not contain any of the\n            following: colon, comma, slash, or any whitespace characters\n            including spaces, tabs, and newlines.\n"

// badForm is what adduser says of a name that its configuration does not want.
const badForm = "adduser: Please enter a username matching the regular expression\n            configured via the NAME_REGEX configuration variable.  Use the\n            `--force-badname' option to relax this check or reconfigure\n            NAME_REGEX in configuration.\n"

// adduser is Debian's, which asks; that of the Red Hat family is useradd.
func adduser(c *program.Call) int {
	switch {
	case c.Applet:
		return smallAdd(c)
	case c.Machine.Release.Family != "debian":
		c.Name = "useradd"
		return useradd(c)
	}
	f, names, ok := c.Parse("hs:c:dqu:g:G:", "disabled-password=1 disabled-login=2 gecos=:c comment=:c home=:d no-create-home=M shell=:s system=r uid=:u gid=:g firstuid=:3 lastuid=:4 ingroup=:i group=G quiet=q debug=5 force-badname=b allow-bad-names=b allow-all-names=b add-extra-groups=6 encrypt-home=7 conf=:8 help=h version=v")
	switch {
	case !ok:
		return 1
	case f.Has("v"):
		c.Print("adduser version 3.134\n\nAdds a user or group to the system.\n")
		return 0
	case f.Has("h"):
		c.Print("adduser [--uid id] [--firstuid id] [--lastuid id]\n        [--gid id] [--firstgid id] [--lastgid id] [--ingroup group]\n        [--add-extra-groups] [--shell shell]\n        [--comment comment] [--home dir] [--no-create-home]\n        [--allow-all-names] [--allow-bad-names]\n        [--disabled-password] [--disabled-login]\n        [--conf file] [--quiet] [--verbose] [--debug]\n        user\n    Add a normal user\n\n")
		return 0
	case c.User.UID != 0:
		c.Err.Print(c.Name + ": Only root may add a user or group to the system.\n")
		return 1
	case len(names) == 0 || len(names) > 2:
		c.Err.Print(c.Name + ": Only one or two names allowed.\n")
		return 1
	case c.Name == "addgroup" && len(names) == 2, c.Name == "adduser" && len(names) == 2:
		return member(c, names[0], names[1])
	case c.Name == "addgroup" || f.Has("G") && !f.Has("r"):
		return debianGroup(c, f, names[0])
	}
	switch name := names[0]; {
	case strings.ContainsAny(name, ":,/ \t\n") || name == "" || strings.ContainsAny(name[:1], "-+~"):
		c.Err.Print(badName)
		return 1
	case !f.Has("b") && (name != strings.ToLower(name) || !valid(name) || strings.Trim(name[:1], "0123456789") == ""):
		c.Err.Print(badForm)
		return 1
	case f.Has("r"):
		return systemUser(c, f, name)
	default:
		return normalUser(c, f, name)
	}
}

// debianGroup is addgroup.
func debianGroup(c *program.Call, f program.Flags, name string) int {
	m := c.Machine
	if _, found := lookupGroup(m, name); found {
		c.Err.Print("addgroup: The group `" + name + "' already exists.\n")
		return 1
	}
	_, gids := numbers(m)
	n := next(gids, f.Has("r"))
	if f.Has("g") {
		v, err := strconv.Atoi(f.Value["g"])
		if err != nil || slices.Contains(gids, v) {
			c.Err.Print("addgroup: The GID `" + f.Value["g"] + "' is already in use.\n")
			return 4
		}
		n = v
	}
	inner := *c
	inner.Name = "groupadd"
	if status := groupAdded(&inner, name, strconv.Itoa(n), f.Has("r")); status != 0 {
		return status
	}
	said(c, f, "Adding group `%s' (GID %d) ...\nDone.\n", name, n)
	return 0
}

// said prints unless adduser has to be quiet.
func said(c *program.Call, f program.Flags, format string, args ...any) {
	if !f.Has("q") {
		c.Printf(format, args...)
	}
}

// systemUser is adduser --system.
func systemUser(c *program.Call, f program.Flags, name string) int {
	m := c.Machine
	if a, found := lookup(m, name); found {
		if a.UID < 1000 {
			c.Err.Print("adduser: The system user `" + name + "' already exists. Exiting.\n")
			return 0
		}
		c.Err.Print("adduser: The user `" + name + "' already exists, but is not a system user. Exiting.\n")
		return 1
	}
	uids, gids := numbers(m)
	uid, gid, group := lowest(uids), 65534, "nogroup"
	own := f.Has("G")
	if own {
		gid, group = lowest(gids), name
	}
	if g, found := lookupGroup(m, f.Value["i"]); found {
		gid, group, own = g.GID, g.Name, false
	}
	a := machine.Account{Name: name, UID: uid, GID: gid, Comment: clean(f.Value["c"]), Home: "/nonexistent", Shell: "/usr/sbin/nologin"}
	if f.Has("d") {
		a.Home = clean(f.Value["d"])
	}
	if f.Has("s") {
		a.Shell = clean(f.Value["s"])
	}
	said(c, f, "Adding system user `%s' (UID %d) ...\n", name, uid)
	if own {
		said(c, f, "Adding new group `%s' (GID %d) ...\n", name, gid)
	}
	said(c, f, "Adding new user `%s' (UID %d) with group `%s' ...\n", name, uid, group)
	if write(m, a, "!", own) != nil {
		return 1
	}
	if a.Home == "/nonexistent" || f.Has("M") {
		said(c, f, "Not creating `%s'.\n", a.Home)
		return 0
	}
	said(c, f, "Creating home directory `%s' ...\n", a.Home)
	makeHome(m, a)
	return 0
}

// lowest is the first free number of a system's account.
func lowest(taken []int) int {
	n := 100
	for slices.Contains(taken, n) {
		n++
	}
	return n
}

func normalUser(c *program.Call, f program.Flags, name string) int {
	m := c.Machine
	if _, found := lookup(m, name); found {
		c.Err.Print("adduser: The user `" + name + "' already exists.\n")
		return 1
	}
	uids, gids := numbers(m)
	uid := next(uids, false)
	if n, err := strconv.Atoi(f.Value["u"]); err == nil {
		if slices.Contains(uids, n) {
			c.Err.Print("adduser: The UID " + f.Value["u"] + " is already in use.\n")
			return 1
		}
		uid = n
	}
	gid, own, group := uid, true, name
	if slices.Contains(gids, gid) {
		gid = next(gids, false)
	}
	if f.Has("i") {
		g, found := lookupGroup(m, f.Value["i"])
		if !found {
			c.Err.Print("adduser: The group `" + f.Value["i"] + "' does not exist.\n")
			return 1
		}
		gid, own, group = g.GID, false, g.Name
	} else if _, taken := lookupGroup(m, name); taken {
		c.Err.Print("adduser: The group `" + name + "' already exists.\n")
		return 1
	}
	a := machine.Account{Name: name, UID: uid, GID: gid, Comment: clean(f.Value["c"]), Home: "/home/" + name, Shell: "/bin/bash"}
	if f.Has("s") {
		a.Shell = clean(f.Value["s"])
	}
	if f.Has("d") {
		a.Home = clean(f.Value["d"])
	}
	said(c, f, "Adding user `%s' ...\n", name)
	if own {
		said(c, f, "Adding new group `%s' (%d) ...\n", name, gid)
	}
	said(c, f, "Adding new user `%s' (%d) with group `%s (%d)' ...\n", name, uid, group, gid)
	if err := write(m, a, "!", own); err != nil {
		c.Err.Print("adduser: `/sbin/useradd' returned error code 1. Exiting.\n")
		return 1
	}
	if f.Has("M") {
		said(c, f, "Not creating home directory `%s'.\n", a.Home)
	} else {
		makeHome(m, a)
		said(c, f, "Creating home directory `%s' ...\nCopying files from `/etc/skel' ...\n", a.Home)
	}
	if !f.Has("1") && !f.Has("2") && !secretOf(c, name) {
		return 1
	}
	particulars(c, f, a)
	extra := []string{"users"}
	if m.Release.Slug == "ubuntu20" || m.Release.Slug == "ubuntu22" {
		extra = nil
	}
	for _, g := range extra {
		if _, found := lookupGroup(m, g); found {
			said(c, f, "Adding new user `%s' to supplemental / extra groups `%s' ...\nAdding user `%s' to group `%s' ...\n", name, g, name, g)
			join(m, name, g, true)
		}
	}
	return 0
}

// secretOf asks for the new account's password until there is one or nobody
// wants to go on.
func secretOf(c *program.Call, name string) bool {
	for {
		inner := *c
		inner.Name = "passwd"
		status := newPassword(&inner, name)
		c.Stop = inner.Stop
		if status == 0 || c.Stop != nil {
			return c.Stop == nil
		}
		c.Print("Try again? [y/N] ")
		line, eof, err := program.ReadLine(c.In, '\n', 64)
		if err != nil || eof && line == "" {
			return true
		}
		if !strings.HasPrefix(strings.ToLower(line), "y") {
			return true
		}
	}
}

// particulars asks for name and rooms, until they are right.
func particulars(c *program.Call, f program.Flags, a machine.Account) {
	if f.Has("c") {
		return
	}
	var answers []string
	for range 8 {
		answers = asked(c, a, []string{"Full Name", "Room Number", "Work Phone", "Home Phone", "Other"})
		c.Print("Is the information correct? [Y/n] ")
		line, eof, err := program.ReadLine(c.In, '\n', 64)
		if err != nil || eof || !strings.HasPrefix(strings.ToLower(line), "n") {
			break
		}
	}
	gecos := strings.Join(answers, ",")
	_ = edit(c.Machine, passwdFile, func(line []string) ([]string, bool) {
		if line[0] == a.Name && len(line) > 4 {
			line[4] = gecos
		}
		return line, true
	})
}

// asked is chfn's dialogue.
func asked(c *program.Call, a machine.Account, names []string) []string {
	now := append(strings.Split(a.Comment, ","), make([]string, len(names))...)
	c.Print("Changing the user information for " + a.Name + "\nEnter the new value, or press ENTER for the default\n")
	answers := slices.Clone(now[:len(names)])
	for i, what := range names {
		c.Print("\t" + what + " [" + now[i] + "]: ")
		line, eof, err := program.ReadLine(c.In, '\n', 256)
		if err != nil || eof && line == "" {
			break
		}
		if line = strings.TrimSuffix(line, "\r"); line != "" {
			answers[i] = clean(strings.ReplaceAll(line, ",", ""))
		}
	}
	return answers
}

func member(c *program.Call, name, group string) int {
	if _, found := lookup(c.Machine, name); !found {
		c.Err.Print("adduser: The user `" + name + "' does not exist.\n")
		return 1
	}
	g, found := lookupGroup(c.Machine, group)
	if !found {
		c.Err.Print("adduser: The group `" + group + "' does not exist.\n")
		return 1
	}
	if slices.Contains(g.Members, name) {
		c.Err.Print("adduser: The user `" + name + "' is already a member of `" + group + "'.\n")
		return 0
	}
	c.Print("Adding user `" + name + "' to group `" + group + "' ...\n")
	join(c.Machine, name, group, true)
	c.Print("Done.\n")
	return 0
}

// deluser is Debian's deluser and delgroup.
func deluser(c *program.Call) int {
	if c.Applet {
		return smallRemove(c)
	}
	f, names, ok := c.Parse("hq", "remove-home=r remove-all-files=r backup=b backup-to=:t force=f quiet=q system=s conf=:c group=G only-if-empty=e help=h version=v")
	m := c.Machine
	switch {
	case !ok:
		return 1
	case f.Has("v"):
		c.Print(c.Name + " version 3.134\n\nRemoves users and groups from the system.\n")
		return 0
	case c.User.UID != 0:
		c.Err.Print(c.Name + ": Only root may remove a user or group from the system.\n")
		return 1
	case len(names) == 0:
		c.Print("Enter a user name to remove: ")
		line, _, _ := program.ReadLine(c.In, '\n', 64)
		if line == "" {
			return 1
		}
		names = []string{line}
	}
	name := names[0]
	switch {
	case len(names) == 2:
		return parted(c, f, names[0], names[1])
	case c.Name == "delgroup" || f.Has("G"):
		return debianUngroup(c, f, name)
	}
	a, found := lookup(m, name)
	if !found {
		c.Err.Print("deluser: The user `" + name + "' does not exist.\n")
		return 2
	}
	if a.UID == 0 && !f.Has("f") {
		c.Err.Print("deluser: WARNING: You are just about to delete the root account (uid 0)\nUsually this is never required as it may render the whole system unusable\nIf you really want this, call deluser with parameter --force\nStopping now without having performed any action\n")
		return 9
	}
	if f.Has("r") {
		said(c, f, "Looking for files to backup/remove ...\nRemoving files ...\n")
		remove(m.FS.As(0, 0), a.Home, 0)
	}
	if pid := runningAs(m, name); pid != 0 {
		said(c, f, "Removing crontab ...\nRemoving user `%s' ...\n", name)
		c.Err.Print(fmt.Sprintf("userdel: user %s is currently used by process %d\ndeluser: `/sbin/userdel %s' returned error code 8. Exiting.\n", name, pid, name))
		return 8
	}
	said(c, f, "Removing crontab ...\nRemoving user `%s' ...\n", name)
	if removed(m, name) != nil {
		return 1
	}
	said(c, f, "Done.\n")
	return 0
}

// parted takes a user out of a group.
func parted(c *program.Call, f program.Flags, name, group string) int {
	g, found := lookupGroup(c.Machine, group)
	_, user := lookup(c.Machine, name)
	switch {
	case !found:
		c.Err.Print("deluser: The group `" + group + "' does not exist.\n")
		return 3
	case !user:
		c.Err.Print("deluser: The user `" + name + "' does not exist.\n")
		return 2
	case !slices.Contains(g.Members, name):
		c.Err.Print("deluser: The user `" + name + "' is not a member of group `" + group + "'.\n")
		return 6
	}
	said(c, f, "Removing user `%s' from group `%s' ...\n", name, group)
	leave(c.Machine, name, group)
	said(c, f, "Done.\n")
	return 0
}

func debianUngroup(c *program.Call, f program.Flags, name string) int {
	if _, found := lookupGroup(c.Machine, name); !found {
		c.Err.Print("delgroup: The group `" + name + "' does not exist.\n")
		return 3
	}
	said(c, f, "Removing group `%s' ...\n", name)
	inner := *c
	inner.Name, inner.Args = "groupdel", []string{name}
	if status := groupdel(&inner); status != 0 {
		c.Err.Print(fmt.Sprintf("delgroup: `/sbin/groupdel %s' returned error code %d. Exiting.\n", name, status))
		return status
	}
	said(c, f, "Done.\n")
	return 0
}
