package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

// groupadd adds a group.
func groupadd(c *program.Call) int {
	f, names, ok := c.Parse("fg:hK:op:rR:P:U:", "force=f gid=:g non-unique=o password=:p system=r users=:U")
	if !ok {
		return 2
	}
	if len(names) != 1 {
		c.Err.Print(c.Help())
		return 2
	}
	if _, found := lookupGroup(c.Machine, names[0]); found && f.Has("f") {
		return 0
	}
	return groupAdded(c, names[0], f.Value["g"], f.Has("r"))
}

func groupAdded(c *program.Call, name, gid string, system bool) int {
	m := c.Machine
	if _, found := lookupGroup(m, name); found {
		c.Err.Print("groupadd: group '" + name + "' already exists\n")
		return 9
	}
	if !valid(name) {
		c.Err.Print("groupadd: '" + name + "' is not a valid group name\n")
		return 3
	}
	if c.User.UID != 0 {
		return locked(c, groupFile, 10)
	}
	_, gids := numbers(m)
	n := next(gids, system)
	if gid != "" {
		v, err := strconv.Atoi(gid)
		if err != nil || v < 0 {
			c.Err.Print("groupadd: invalid group ID '" + gid + "'\n")
			return 3
		}
		if slices.Contains(gids, v) {
			c.Err.Print("groupadd: GID '" + gid + "' already exists\n")
			return 4
		}
		n = v
	}
	if edit(m, groupFile, nil, fmt.Sprintf("%s:x:%d:", name, n)) != nil || edit(m, gshadowFile, nil, name+":!::") != nil {
		return 10
	}
	return 0
}

// groupdel takes a group away.
func groupdel(c *program.Call) int {
	_, names, ok := c.Parse("fhR:P:", "force=f")
	if !ok || len(names) != 1 {
		c.Err.Print(c.Help())
		return 2
	}
	name := names[0]
	g, found := lookupGroup(c.Machine, name)
	if !found {
		c.Err.Print("groupdel: group '" + name + "' does not exist\n")
		return 6
	}
	if c.User.UID != 0 {
		return locked(c, groupFile, 10)
	}
	for _, a := range c.Machine.Accounts() {
		if a.GID == g.GID {
			c.Err.Print("groupdel: cannot remove the primary group of user '" + a.Name + "'\n")
			return 8
		}
	}
	gone := func(f []string) ([]string, bool) { return f, f[0] != name }
	if edit(c.Machine, groupFile, gone) != nil || edit(c.Machine, gshadowFile, gone) != nil {
		return 10
	}
	return 0
}

// groupmod renames and renumbers.
func groupmod(c *program.Call) int {
	f, names, ok := c.Parse("g:n:op:R:P:aU:", "gid=:g new-name=:n non-unique=o password=:p")
	if !ok || len(names) != 1 {
		c.Err.Print(c.Help())
		return 2
	}
	if _, found := lookupGroup(c.Machine, names[0]); !found {
		c.Err.Print("groupmod: group '" + names[0] + "' does not exist\n")
		return 6
	}
	if c.User.UID != 0 {
		return locked(c, groupFile, 10)
	}
	err := edit(c.Machine, groupFile, func(line []string) ([]string, bool) {
		if line[0] == names[0] && len(line) > 2 {
			if f.Has("g") {
				line[2] = clean(f.Value["g"])
			}
			if f.Has("n") {
				line[0] = clean(f.Value["n"])
			}
		}
		return line, true
	})
	if err != nil {
		return 10
	}
	return 0
}

// gpasswd adds and removes members.
func gpasswd(c *program.Call) int {
	f, names, ok := c.Parse("a:A:d:hM:Q:rR", "add=:a delete=:d members=:M remove-password=r restrict=R")
	if !ok || len(names) != 1 {
		c.Err.Print(c.Help())
		return 2
	}
	group := names[0]
	g, found := lookupGroup(c.Machine, group)
	switch {
	case !found:
		c.Err.Print("gpasswd: group '" + group + "' does not exist in /etc/group\n")
		return 3
	case c.User.UID != 0:
		c.Err.Print("gpasswd: Permission denied.\n")
		return 1
	case f.Has("a"):
		if _, ok := lookup(c.Machine, f.Value["a"]); !ok {
			c.Err.Print("gpasswd: user '" + f.Value["a"] + "' does not exist\n")
			return 3
		}
		c.Print("Adding user " + f.Value["a"] + " to group " + group + "\n")
		join(c.Machine, f.Value["a"], group, true)
	case f.Has("M"):
		if !existUsers(c, f.Value["M"]) {
			return 1
		}
		for _, n := range g.Members {
			leave(c.Machine, n, group)
		}
		for n := range strings.SplitSeq(f.Value["M"], ",") {
			join(c.Machine, n, group, true)
		}
	case f.Has("d"):
		if !slices.Contains(g.Members, f.Value["d"]) {
			c.Err.Print("gpasswd: user '" + f.Value["d"] + "' is not a member of '" + group + "'\n")
			return 3
		}
		c.Print("Removing user " + f.Value["d"] + " from group " + group + "\n")
		leave(c.Machine, f.Value["d"], group)
	}
	return 0
}

// existUsers tells whether all users of a list are there.
func existUsers(c *program.Call, list string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if _, found := lookup(c.Machine, name); !found && name != "" {
			c.Err.Print(c.Name + ": user '" + name + "' does not exist\n")
			return false
		}
	}
	return true
}
