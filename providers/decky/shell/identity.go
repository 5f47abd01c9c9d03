package shell

import (
	"fmt"
	"strconv"
	"strings"
)

func id(c *call) int {
	f, names, ok := c.parse("aGgnruzZ", "user=u group=g groups=G name=n real=r")
	if !ok {
		return 1
	}
	m := c.r.session.machine
	a := c.r.asUser
	if len(names) > 0 {
		found := false
		for _, other := range m.accounts() {
			if other.name == names[0] || strconv.Itoa(other.uid) == names[0] {
				a, found = other, true
			}
		}
		if !found {
			return c.complain("‘%s’: no such user", names[0])
		}
	}
	groups := m.groupsOf(a)
	show := func(n int, name string) string {
		if f.has("n") {
			return name
		}
		return strconv.Itoa(n)
	}
	switch {
	case f.has("u"):
		c.print(show(a.uid, a.name) + "\n")
	case f.has("g"):
		c.print(show(a.gid, m.groupName(a.gid)) + "\n")
	case f.has("G"):
		var list []string
		for _, g := range groups {
			list = append(list, show(g.gid, g.name))
		}
		c.print(strings.Join(list, " ") + "\n")
	default:
		var list []string
		for _, g := range groups {
			list = append(list, fmt.Sprintf("%d(%s)", g.gid, g.name))
		}
		c.printf("uid=%d(%s) gid=%d(%s) groups=%s\n", a.uid, a.name, a.gid, m.groupName(a.gid), strings.Join(list, ","))
	}
	return 0
}

func whoami(c *call) int {
	c.print(c.r.asUser.name + "\n")
	return 0
}

func groupsCommand(c *call) int {
	var list []string
	for _, g := range c.r.session.machine.groupsOf(c.r.asUser) {
		list = append(list, g.name)
	}
	c.print(strings.Join(list, " ") + "\n")
	return 0
}

func hostname(c *call) int {
	h := c.r.session.machine.host
	f, names, ok := c.parse("abdfFiIsy", "fqdn=f long=f short=s ip-address=i all-ip-addresses=I domain=d")
	switch {
	case !ok:
		return 1
	case len(names) > 0:
		if c.r.asUser.uid != 0 {
			return c.complain("you must be root to change the host name")
		}
	case f.has("I"):
		c.print(h.IP + " \n")
	case f.has("i"):
		c.print("127.0.1.1\n")
	case f.has("d"):
		c.print(h.Domain + "\n")
	case f.has("f") && h.Domain != "":
		c.print(h.Hostname + "." + h.Domain + "\n")
	default:
		c.print(h.Hostname + "\n")
	}
	return 0
}

func uname(c *call) int {
	f, rest, ok := c.parse("amnoprsvi", "all=a kernel-name=s nodename=n kernel-release=r kernel-version=v machine=m operating-system=o processor=p hardware-platform=i")
	if !ok {
		return 1
	}
	if len(rest) > 0 {
		c.usage("extra operand ‘" + rest[0] + "’")
		return 1
	}
	h := c.r.session.machine.host
	var out []string
	for _, part := range []struct{ letter, value string }{{"s", "Linux"}, {"n", h.Hostname}, {"r", h.Kernel}, {"v", h.Build}, {"m", h.Machine}, {"p", "unknown"}, {"i", "unknown"}, {"o", "GNU/Linux"}} {
		all := f.has("a") && part.value != "unknown"
		if all || f.has(part.letter) || len(f.count) == 0 && part.letter == "s" {
			out = append(out, part.value)
		}
	}
	c.print(strings.Join(out, " ") + "\n")
	return 0
}
