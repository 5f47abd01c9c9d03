package account

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/decnet/decnet/providers/decky/shell/program"
)

func id(c *program.Call) int {
	f, names, ok := c.Parse("aGgnruzZ", "user=u group=g groups=G name=n real=r")
	if !ok {
		return 1
	}
	m := c.Machine
	a := c.User
	if len(names) > 0 {
		found := false
		for _, other := range m.Accounts() {
			if other.Name == names[0] || strconv.Itoa(other.UID) == names[0] {
				a, found = other, true
			}
		}
		if !found {
			return c.Complain("‘%s’: no such user", names[0])
		}
	}
	groups := m.GroupsOf(a)
	show := func(n int, name string) string {
		if f.Has("n") {
			return name
		}
		return strconv.Itoa(n)
	}
	switch {
	case f.Has("u"):
		c.Print(show(a.UID, a.Name) + "\n")
	case f.Has("g"):
		c.Print(show(a.GID, m.GroupName(a.GID)) + "\n")
	case f.Has("G"):
		var list []string
		for _, g := range groups {
			list = append(list, show(g.GID, g.Name))
		}
		c.Print(strings.Join(list, " ") + "\n")
	default:
		var list []string
		for _, g := range groups {
			list = append(list, fmt.Sprintf("%d(%s)", g.GID, g.Name))
		}
		c.Printf("uid=%d(%s) gid=%d(%s) groups=%s\n", a.UID, a.Name, a.GID, m.GroupName(a.GID), strings.Join(list, ","))
	}
	return 0
}

func whoami(c *program.Call) int {
	c.Print(c.User.Name + "\n")
	return 0
}

func groupsCommand(c *program.Call) int {
	var list []string
	for _, g := range c.Machine.GroupsOf(c.User) {
		list = append(list, g.Name)
	}
	c.Print(strings.Join(list, " ") + "\n")
	return 0
}
