package program

import (
	"fmt"
	"strconv"
	"strings"
)

func id(c *Call) int {
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

func whoami(c *Call) int {
	c.Print(c.User.Name + "\n")
	return 0
}

func groupsCommand(c *Call) int {
	var list []string
	for _, g := range c.Machine.GroupsOf(c.User) {
		list = append(list, g.Name)
	}
	c.Print(strings.Join(list, " ") + "\n")
	return 0
}

func hostname(c *Call) int {
	h := c.Machine.Host
	f, names, ok := c.Parse("abdfFiIsy", "fqdn=f long=f short=s ip-address=i all-ip-addresses=I domain=d")
	switch {
	case !ok:
		return 1
	case len(names) > 0:
		if c.User.UID != 0 {
			return c.Complain("you must be root to change the host name")
		}
	case f.Has("I"):
		c.Print(h.IP + " \n")
	case f.Has("i"):
		c.Print("127.0.1.1\n")
	case f.Has("d"):
		c.Print(h.Domain + "\n")
	case f.Has("f") && h.Domain != "":
		c.Print(h.Hostname + "." + h.Domain + "\n")
	default:
		c.Print(h.Hostname + "\n")
	}
	return 0
}

func uname(c *Call) int {
	f, rest, ok := c.Parse("amnoprsvi", "all=a kernel-name=s nodename=n kernel-release=r kernel-version=v machine=m operating-system=o processor=p hardware-platform=i")
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		c.Usage("extra operand ‘" + rest[0] + "’")
		return 1
	}
	h := c.Machine.Host
	var out []string
	for _, part := range []struct{ letter, value string }{{"s", "Linux"}, {"n", h.Hostname}, {"r", h.Kernel}, {"v", h.Build}, {"m", h.Machine}, {"p", "unknown"}, {"i", "unknown"}, {"o", "GNU/Linux"}} {
		all := f.Has("a") && part.value != "unknown"
		if all || f.Has(part.letter) || len(f.Count) == 0 && part.letter == "s" {
			out = append(out, part.value)
		}
	}
	c.Print(strings.Join(out, " ") + "\n")
	return 0
}
