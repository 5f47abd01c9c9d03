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
	c.Err.Print(c.Help())
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

// usermod changes an account.
func usermod(c *program.Call) int {
	f, names, ok := c.Parse("abc:d:e:f:g:G:l:Lmop:R:rs:u:Uv:V:w:W:", "append=a comment=:c home=:d expiredate=:e inactive=:f gid=:g groups=:G login=:l lock=L move-home=m non-unique=o password=:p remove=r shell=:s uid=:u unlock=U")
	if !ok {
		return 2
	}
	if len(names) != 1 || len(f.Given) == 0 {
		if len(names) == 1 {
			c.Err.Print("usermod: no options\n")
		}
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
	f, names, ok := c.Parse("fhrR:P:Z", "force=f help=h remove=r root=:R prefix=:P")
	if !ok {
		return 2
	}
	if len(names) != 1 {
		return usage(c)
	}
	name, m := names[0], c.Machine
	a, found := lookup(m, name)
	if !found {
		c.Err.Print("userdel: user '" + name + "' does not exist\n")
		return 6
	}
	if pid := runningAs(m, name); pid != 0 && !f.Has("f") {
		c.Err.Print(fmt.Sprintf("userdel: user %s is currently used by process %d\n", name, pid))
		return 8
	}
	if c.User.UID != 0 {
		return locked(c, passwdFile, 1)
	}
	if removed(m, name) != nil {
		return 1
	}
	if f.Has("r") {
		c.Err.Print("userdel: " + name + " mail spool (/var/mail/" + name + ") not found\n")
		if _, err := m.FS.As(0, 0).Stat(a.Home); err != nil {
			c.Err.Print("userdel: " + name + " home directory (" + a.Home + ") not found\n")
		} else {
			remove(m.FS.As(0, 0), a.Home, 0)
		}
	}
	return 0
}

// runningAs is the number of a process of name's, 0 for none.
func runningAs(m *machine.Machine, name string) int {
	for _, p := range m.Processes() {
		if p.User == name {
			return p.PID
		}
	}
	return 0
}

// removed takes an account out of all files.
func removed(m *machine.Machine, name string) error {
	gone := func(f []string) ([]string, bool) { return f, f[0] != name }
	for _, path := range []string{passwdFile, shadowFile, groupFile, gshadowFile} {
		if err := edit(m, path, gone); err != nil {
			return err
		}
	}
	join(m, name, "", false)
	return nil
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
