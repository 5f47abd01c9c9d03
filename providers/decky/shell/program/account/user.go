package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/machine"
	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// locked complains that only root may change accounts.
func locked(c *program.Call, file string, status int) int {
	c.Err.Print(c.Name + ": Permission denied.\n" + c.Name + ": cannot lock " + file + "; try again later.\n")
	return status
}

func usage(c *program.Call) int {
	c.Err.Print("Usage: " + c.Name + " [options] LOGIN\n")
	return 2
}

// valid tells whether a name may be an account's.
func valid(name string) bool {
	return name != "" && len(name) <= 32 && !strings.ContainsAny(name, ":/\n\t ,+&$#@!*()=[]{}|\\;<>?~`'\"") && name[0] != '-'
}

// next is a free number from 1000 on, or of the system's range.
func next(taken []int, system bool) int {
	if system {
		for n := 999; n > 100; n-- {
			if !slices.Contains(taken, n) {
				return n
			}
		}
	}
	n := 1000
	for _, t := range taken {
		if t >= n && t < 60000 {
			n = t + 1
		}
	}
	return n
}

func numbers(m *machine.Machine) (uids, gids []int) {
	for _, a := range m.Accounts() {
		uids = append(uids, a.UID)
	}
	for _, g := range m.Groups() {
		gids = append(gids, g.GID)
	}
	return uids, gids
}

// useradd adds an account to the files.
func useradd(c *program.Call) int {
	f, names, ok := c.Parse("b:c:d:De:f:Fg:G:k:K:lmMNop:rs:u:UZ:", "create-home=m no-create-home=M shell=:s home-dir=:d system=r groups=:G gid=:g password=:p comment=:c uid=:u non-unique=o user-group=U no-user-group=N expiredate=:e inactive=:f base-dir=:b skel=:k defaults=D")
	if !ok {
		return 2
	}
	if f.Has("D") && len(names) == 0 {
		c.Print("GROUP=100\nHOME=/home\nINACTIVE=-1\nEXPIRE=\nSHELL=/bin/sh\nSKEL=/etc/skel\nCREATE_MAIL_SPOOL=no\n")
		return 0
	}
	if len(names) != 1 {
		return usage(c)
	}
	name, m := names[0], c.Machine
	if !valid(name) {
		c.Err.Print("useradd: invalid user name '" + name + "': use --badname to ignore\n")
		return 3
	}
	if _, found := lookup(m, name); found {
		c.Err.Print("useradd: user '" + name + "' already exists\n")
		return 9
	}
	if c.User.UID != 0 {
		return locked(c, passwdFile, 1)
	}
	uids, gids := numbers(m)
	uid := next(uids, f.Has("r"))
	if f.Has("u") {
		n, err := strconv.Atoi(f.Value["u"])
		if err != nil || n < 0 {
			c.Err.Print("useradd: invalid user ID '" + f.Value["u"] + "'\n")
			return 3
		}
		if slices.Contains(uids, n) && !f.Has("o") {
			c.Err.Print("useradd: UID " + f.Value["u"] + " is not unique\n")
			return 4
		}
		uid = n
	}
	gid, own := uid, true
	if slices.Contains(gids, gid) {
		gid = next(gids, f.Has("r"))
	}
	if f.Has("g") {
		g, found := lookupGroup(m, f.Value["g"])
		if !found {
			c.Err.Print("useradd: group '" + f.Value["g"] + "' does not exist\n")
			return 6
		}
		gid, own = g.GID, false
	} else if _, taken := lookupGroup(m, name); taken && !f.Has("N") {
		c.Err.Print("useradd: group " + name + " exists - if you want to add this user to that group, use -g.\n")
		return 9
	}
	if !exist(c, f.Value["G"]) {
		return 6
	}
	home, shell := "/home/"+name, "/bin/sh"
	if f.Has("d") {
		home = clean(f.Value["d"])
	}
	if f.Has("s") {
		shell = clean(f.Value["s"])
	}
	hash := "!"
	if f.Has("p") {
		hash = clean(f.Value["p"])
		record(c, name, f.Value["p"])
	}
	a := machine.Account{Name: name, UID: uid, GID: gid, Comment: clean(f.Value["c"]), Home: home, Shell: shell}
	if err := write(m, a, hash, own && !f.Has("N")); err != nil {
		c.Err.Print("useradd: cannot open " + passwdFile + "\n")
		return 1
	}
	join(m, name, f.Value["G"], true)
	if f.Has("m") {
		makeHome(m, a)
	}
	return 0
}

// clean takes out of a field what would end it.
func clean(s string) string {
	return strings.NewReplacer(":", "", "\n", "").Replace(s[:min(len(s), 512)])
}

// exist tells whether all groups of a list are there.
func exist(c *program.Call, list string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if _, found := lookupGroup(c.Machine, name); !found && name != "" {
			c.Err.Print(c.Name + ": group '" + name + "' does not exist\n")
			return false
		}
	}
	return true
}

// write adds an account to the files, and its group.
func write(m *machine.Machine, a machine.Account, hash string, group bool) error {
	err := edit(m, passwdFile, nil, fmt.Sprintf("%s:x:%d:%d:%s:%s:%s", a.Name, a.UID, a.GID, a.Comment, a.Home, a.Shell))
	if err == nil {
		err = edit(m, shadowFile, nil, fmt.Sprintf("%s:%s:%d:0:99999:7:::", a.Name, hash, m.Now().Unix()/86400))
	}
	if err == nil && group {
		if err = edit(m, groupFile, nil, fmt.Sprintf("%s:x:%d:", a.Name, a.GID)); err == nil {
			err = edit(m, gshadowFile, nil, a.Name+":!::")
		}
	}
	return err
}

// join makes name a member of the groups of a list, and of no other unless it
// is added.
func join(m *machine.Machine, name, list string, add bool) {
	want := strings.Split(list, ",")
	for _, path := range []string{groupFile, gshadowFile} {
		_ = edit(m, path, func(f []string) ([]string, bool) {
			if len(f) < 4 {
				return f, true
			}
			members := slices.DeleteFunc(strings.Split(f[3], ","), func(n string) bool { return n == "" || n == name && !add })
			if slices.Contains(want, f[0]) && !slices.Contains(members, name) {
				members = append(members, name)
			}
			f[3] = strings.Join(members, ",")
			return f, true
		})
	}
}

// makeHome makes a home directory with what /etc/skel holds.
func makeHome(m *machine.Machine, a machine.Account) {
	view := m.FS.As(0, 0)
	if err := view.Mkdir(a.Home, 0o755); err != nil {
		return
	}
	for _, name := range []string{".bashrc", ".profile", ".bash_logout"} {
		data, err := view.ReadFile("/etc/skel/" + name)
		if err != nil {
			data, err = view.ReadFile("/root/" + name)
		}
		if err == nil && view.WriteFile(a.Home+"/"+name, data, 0o644) == nil {
			_ = view.Chown(a.Home+"/"+name, a.UID, a.GID)
		}
	}
	_ = view.Chown(a.Home, a.UID, a.GID)
}

// adduser is Debian's, which asks.
func adduser(c *program.Call) int {
	f, names, ok := c.Parse("hs:c:dqu:g:G:", "disabled-password=1 disabled-login=2 gecos=:c home=:d no-create-home=M shell=:s system=r uid=:u gid=:g ingroup=:i group=G quiet=q force-badname=b allow-bad-names=b")
	if !ok {
		return 1
	}
	if c.User.UID != 0 {
		c.Err.Print("adduser: Only root may add a user or group to the system.\n")
		return 1
	}
	m := c.Machine
	switch {
	case len(names) == 0:
		c.Err.Print("adduser: Only one or two names allowed.\n")
		return 1
	case f.Has("G") || c.Name == "addgroup":
		return groupAdded(c, names[0], f.Value["g"], true)
	case len(names) == 2:
		return member(c, names[0], names[1])
	}
	name := names[0]
	if _, found := lookup(m, name); found {
		c.Err.Print("adduser: The user `" + name + "' already exists.\n")
		return 1
	}
	if !valid(name) {
		c.Err.Print("adduser: Please enter a username matching the regular expression\n            configured via the NAME_REGEX[_SYSTEM] configuration variable.  Use\n            the `--allow-bad-names' option to relax this check or reconfigure\n            NAME_REGEX[_SYSTEM] in configuration.\n")
		return 1
	}
	uids, gids := numbers(m)
	uid := next(uids, f.Has("r"))
	if n, err := strconv.Atoi(f.Value["u"]); err == nil {
		uid = n
	}
	gid := uid
	if slices.Contains(gids, gid) {
		gid = next(gids, f.Has("r"))
	}
	a := machine.Account{Name: name, UID: uid, GID: gid, Comment: clean(f.Value["c"]), Home: "/home/" + name, Shell: "/bin/bash"}
	if f.Has("s") {
		a.Shell = clean(f.Value["s"])
	}
	if f.Has("d") {
		a.Home = clean(f.Value["d"])
	}
	if !f.Has("q") {
		c.Printf("Adding user `%s' ...\nAdding new group `%s' (%d) ...\nAdding new user `%s' (%d) with group `%s (%d)' ...\n", name, name, gid, name, uid, name, gid)
	}
	if err := write(m, a, "!", true); err != nil {
		c.Err.Print("adduser: `/sbin/useradd' returned error code 1. Exiting.\n")
		return 1
	}
	if !f.Has("M") {
		makeHome(m, a)
		if !f.Has("q") {
			c.Printf("Creating home directory `%s' ...\nCopying files from `/etc/skel' ...\n", a.Home)
		}
	}
	if f.Has("1") || f.Has("2") || f.Has("r") {
		return 0
	}
	if status := newPassword(c, name); status != 0 {
		c.Print("Try again? [y/N] ")
		_, _, _ = program.ReadLine(c.In, '\n', 64)
	}
	return particulars(c, f, a)
}

// particulars asks for name and rooms.
func particulars(c *program.Call, f program.Flags, a machine.Account) int {
	if f.Has("c") {
		return 0
	}
	c.Print("Changing the user information for " + a.Name + "\nEnter the new value, or press ENTER for the default\n")
	var answers []string
	for _, what := range []string{"Full Name", "Room Number", "Work Phone", "Home Phone", "Other"} {
		c.Print("\t" + what + " []: ")
		line, eof, err := program.ReadLine(c.In, '\n', 256)
		if err != nil || eof && line == "" {
			break
		}
		answers = append(answers, clean(strings.ReplaceAll(line, ",", "")))
	}
	c.Print("Is the information correct? [Y/n] ")
	_, _, _ = program.ReadLine(c.In, '\n', 64)
	_ = edit(c.Machine, passwdFile, func(line []string) ([]string, bool) {
		if line[0] == a.Name && len(line) > 4 {
			line[4] = strings.Join(answers, ",")
		}
		return line, true
	})
	if c.Name == "adduser" {
		c.Printf("Adding new user `%s' to supplemental / extra groups `users' ...\nAdding user `%s' to group `users' ...\n", a.Name, a.Name)
		join(c.Machine, a.Name, "users", true)
	}
	return 0
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
		c.Print("adduser: The user `" + name + "' is already a member of `" + group + "'.\n")
		return 0
	}
	c.Print("Adding user `" + name + "' to group `" + group + "' ...\n")
	join(c.Machine, name, group, true)
	c.Print("Done.\n")
	return 0
}

// usermod changes an account.
func usermod(c *program.Call) int {
	f, names, ok := c.Parse("abc:d:e:f:g:G:l:Lmop:R:rs:u:Uv:V:w:W:", "append=a comment=:c home=:d expiredate=:e inactive=:f gid=:g groups=:G login=:l lock=L move-home=m non-unique=o password=:p remove=r shell=:s uid=:u unlock=U")
	if !ok {
		return 2
	}
	if len(names) != 1 || len(f.Given) == 0 {
		return usage(c)
	}
	name, m := names[0], c.Machine
	if _, found := lookup(m, name); !found {
		c.Err.Print("usermod: user '" + name + "' does not exist\n")
		return 6
	}
	if !exist(c, f.Value["G"]) {
		return 6
	}
	if c.User.UID != 0 {
		return locked(c, passwdFile, 1)
	}
	hash := hashOf(m, name)
	switch {
	case f.Has("L"):
		hash = "!" + strings.TrimPrefix(hash, "!")
	case f.Has("U"):
		hash = strings.TrimPrefix(hash, "!")
	case f.Has("p"):
		hash = clean(f.Value["p"])
		record(c, name, f.Value["p"])
	}
	if f.Has("L") || f.Has("U") || f.Has("p") {
		if err := setHash(m, name, hash); err != nil {
			return 1
		}
	}
	err := edit(m, passwdFile, func(line []string) ([]string, bool) {
		if line[0] != name || len(line) < 7 {
			return line, true
		}
		for letter, i := range map[string]int{"l": 0, "u": 2, "c": 4, "d": 5, "s": 6} {
			if f.Has(letter) {
				line[i] = clean(f.Value[letter])
			}
		}
		if g, found := lookupGroup(m, f.Value["g"]); found && f.Has("g") {
			line[3] = strconv.Itoa(g.GID)
		}
		return line, true
	})
	if err != nil {
		return 1
	}
	if f.Has("l") {
		_ = edit(m, shadowFile, func(line []string) ([]string, bool) {
			if line[0] == name {
				line[0] = clean(f.Value["l"])
			}
			return line, true
		})
	}
	if f.Has("G") {
		join(m, name, f.Value["G"], f.Has("a"))
	}
	if f.Has("d") && f.Has("m") {
		a, _ := lookup(m, name)
		makeHome(m, a)
	}
	return 0
}

// userdel takes an account away.
func userdel(c *program.Call) int {
	f, names, ok := c.Parse("fhrR:Z", "force=f remove=r remove-home=r remove-all-files=r quiet=q system=s")
	if !ok {
		return 2
	}
	if len(names) == 0 {
		return usage(c)
	}
	name, m := names[0], c.Machine
	a, found := lookup(m, name)
	if !found {
		if c.Name == "deluser" {
			c.Err.Print("/usr/sbin/deluser: The user `" + name + "' does not exist.\n")
			return 2
		}
		c.Err.Print("userdel: user '" + name + "' does not exist\n")
		return 6
	}
	if c.User.UID != 0 {
		if c.Name == "deluser" {
			c.Err.Print("/usr/sbin/deluser: Only root may remove a user or group from the system.\n")
			return 1
		}
		return locked(c, passwdFile, 1)
	}
	if slices.ContainsFunc(m.Logins(), func(l machine.Login) bool { return l.User == name }) && !f.Has("f") {
		c.Err.Print(fmt.Sprintf("userdel: user %s is currently used by process %d\n", name, c.PID))
		return 8
	}
	gone := func(f []string) ([]string, bool) { return f, f[0] != name }
	if c.Name == "deluser" {
		c.Print("Removing crontab ...\nRemoving user `" + name + "' ...\n")
	}
	for _, path := range []string{passwdFile, shadowFile, groupFile, gshadowFile} {
		if err := edit(m, path, gone); err != nil {
			return 1
		}
	}
	join(m, name, "", false)
	if f.Has("r") {
		remove(m.FS.As(0, 0), a.Home, 0)
		c.Err.Print("userdel: " + name + " mail spool (/var/mail/" + name + ") not found\n")
	}
	return 0
}

// remove takes a tree away.
func remove(view vfs.View, path string, depth int) {
	if path == "/" || path == "" || depth > 32 {
		return
	}
	if info, err := view.Lstat(path); err == nil && info.IsDir() {
		list, _ := view.ReadDir(path)
		for _, e := range list {
			remove(view, path+"/"+e.Name, depth+1)
		}
	}
	_ = view.Remove(path)
}
